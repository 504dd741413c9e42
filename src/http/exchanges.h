/* exchanges: many outgoing POSTs at once, driven by one thread. The rules are those of client.h: no redirects, the
 * address that is connected to is the one that was checked. All functions but http_exchanges_wake are for the thread
 * that made it.
 */
#ifndef INKLING_HTTP_EXCHANGES_H
#define INKLING_HTTP_EXCHANGES_H

#include "http/client.h"

#define HTTP_EXCHANGE_ANSWER_MAX 1024 /* bytes of an answer that are kept; the rest is read and forgotten */

struct http_exchanges;

struct http_exchanges *http_exchanges_new(size_t max); /* at a time */
/* Gives up what is under way. NULL accepted. */
struct http_exchanges *http_exchanges_free(struct http_exchanges *exchanges);
size_t http_exchanges_running(const struct http_exchanges *exchanges);

/* Begins a POST. `options`, body and headers are copied. `tag` comes back with its end, 0 is fine. ERR_FULL when `max`
 * are under way; ERR_DENIED and ERR_INVALID as http_client_send: then there is no end. */
MUST_USE int http_exchanges_post(struct http_exchanges *exchanges, const struct http_client_options *options,
                                 const char *url, const char *content_type, struct slice body,
                                 const struct http_client_header *headers, size_t header_count, size_t tag,
                                 struct err *err);

struct http_exchange_end {
    size_t tag;
    int result; /* 0: there was an answer */
    struct err err;
    int status;
    struct slice answer;   /* its beginning; valid until the next call */
    int64_t retry_after_s; /* as the answer asks; 0: it does not */
    int64_t duration_us;
};
/* Waits until some end, somebody wakes, or `timeout_ms` has gone by. How many ended, at most `max`. */
size_t http_exchanges_wait(struct http_exchanges *exchanges, int timeout_ms, struct http_exchange_end *ret, size_t max);
/* From any thread: the wait returns at once, or the next one does. */
void http_exchanges_wake(struct http_exchanges *exchanges);

#endif
