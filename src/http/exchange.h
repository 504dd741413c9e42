/* exchange: one request of ours with libcurl, whoever drives it: client.c waits for one, exchanges.c drives many.
 * Internal to http/. */
#ifndef INKLING_HTTP_EXCHANGE_H
#define INKLING_HTTP_EXCHANGE_H

#include <curl/curl.h>

#include "http/client.h"

struct exchange {
    /* The caller's; they outlive the exchange. */
    const struct http_client_options *options;
    struct strbuf *answer;
    bool forget; /* what does not fit into `answer` is read and forgotten, up to a bound */
    /* Our own. */
    CURL *curl;
    struct curl_slist *headers;
    size_t head_bytes, body_bytes;
    bool refused_address, body_too_large, head_too_large;
};

/* Everything up to the connection. Bytes of `body` are not copied. exchange_release in any case. */
MUST_USE int exchange_prepare(struct exchange *exchange, const char *url, const char *content_type, struct slice body,
                              const struct http_client_header *headers, size_t header_count, struct err *err);
/* What libcurl's result means: 0, or an error with its sentence. *ret_status on success. */
MUST_USE int exchange_result(const struct exchange *exchange, CURLcode code, int *ret_status, struct err *err);
void exchange_release(struct exchange *exchange);

#endif
