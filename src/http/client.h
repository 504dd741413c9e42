/* client: outgoing HTTPS, thin over libcurl. Redirects are never followed. Blocking: call from worker threads only.
 * The address that is connected to is the one that was checked (compliance C-95): names are resolved once, internal
 * addresses refused unless `allow_internal`. */
#ifndef INKLING_HTTP_CLIENT_H
#define INKLING_HTTP_CLIENT_H

#include "base/err.h"
#include "base/slice.h"
#include "base/strbuf.h"

struct http_client_options {
    bool allow_internal; /* loopback and private addresses, plain http:// too: tests and the demo */
    int timeout_ms;      /* whole exchange; 0: 10 000 */
};

struct http_client_header {
    const char *name;
    struct slice value;
};

/* GET (body empty and content_type NULL) or POST. The answer's body is appended to `ret_body`, whose cap bounds it.
 * ERR_DENIED for a refused scheme or address, ERR_TOO_LARGE when the answer does not fit (only the `overflow` mark of
 * `ret_body` tells then), ERR_INVALID for a header with a line break, ERR_UNAVAILABLE when the exchange failed; any
 * HTTP status is a success here. */
MUST_USE int http_client_send(const struct http_client_options *options, const char *url, const char *content_type,
                              struct slice body, const struct http_client_header *headers, size_t header_count,
                              int *ret_status, struct strbuf *ret_body, struct err *err);

/* What can be said of an address before its host is looked up: ERR_DENIED for what http_client_send refuses. Hosts that
 * are names are looked at when they are connected to. */
MUST_USE int http_client_check_url(const struct http_client_options *options, const char *url, struct err *err);

/* Before threads, and at the end of the program. */
void http_client_global_init(void);
void http_client_global_cleanup(void);

#endif
