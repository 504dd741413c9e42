/* server: HTTP/1.1 for the rest of the program, thin over libmicrohttpd. It knows nothing of mail.
 *
 * What it promises, whatever a client sends:
 * - The whole request is read within limits before a handler sees it: body size by route, header size (10 KiB), header
 *   count, connections in all and per address, idle time, and a minimum pace (8 KiB/s) for bodies. Beyond: 413, 431, or
 *   the connection is closed. A body announced as too large is not read; a head that dribbles in is cut.
 * - Refused with 400 before any handler: two Content-Length headers, Content-Length with Transfer-Encoding,
 *   Transfer-Encoding other than "chunked", header names that are no tokens, values with CR or that go on in the next
 *   line, no Host or two, a path with NUL, blanks or malformed percent-encoding (RFC 9112 sections 3, 5 and 6).
 * - All of these, and 503 when too many wait for a worker, count in METRIC_HTTP_REFUSED; 404 and 405 do not.
 * - The client's address is the peer's, unless the peer is a trusted proxy: then the right-most untrusted address of
 *   X-Forwarded-For (compliance C-77). A header from anybody else is ignored.
 * - HEAD works wherever GET does. Unknown path 404, known path with another method 405 with Allow. TRACE is 405.
 * - Every answer has X-Request-Id (but see http_prepared_new), X-Content-Type-Options: nosniff and, unless the handler
 *   sets another, Referrer-Policy: no-referrer and Cache-Control: no-store. Errors made here are
 *   application/problem+json (RFC 9457); only what libmicrohttpd cannot parse at all it answers itself, with bare HTML.
 *
 * Threads: handlers run on the server's event threads and must not block; a route with HTTP_ROUTE_WORKER runs on a
 * worker thread instead and may. The number of requests waiting for a worker is bounded: 503 beyond.
 * A handler that cannot answer yet calls http_defer() and returns; whoever has the answer calls http_finish(), from any
 * thread. Between the two the request belongs to whoever was given it. */
#ifndef INKLING_HTTP_SERVER_H
#define INKLING_HTTP_SERVER_H

#include "base/arena.h"
#include "base/cidr.h"
#include "base/err.h"
#include "base/metrics.h"
#include "base/slice.h"
#include "base/strbuf.h"

enum http_method { HTTP_GET, HTTP_POST, HTTP_PUT, HTTP_PATCH, HTTP_DELETE, HTTP_OPTIONS, HTTP_METHOD_COUNT };
const char *http_method_name(enum http_method method);

struct http_request;
struct http_server;

typedef void (*http_handler)(struct http_request *request);

enum http_route_flags {
    HTTP_ROUTE_WORKER = 1 << 0,     /* runs on a worker thread, may block */
    HTTP_ROUTE_EVERY_HOST = 1 << 1, /* `admit` is not asked */
};

struct http_route {
    enum http_method method;
    const char *pattern; /* "/api/v1/emails/{id}": a part in braces matches one path segment, at most HTTP_PARAMS_MAX */
    http_handler handler;
    unsigned flags;
    size_t body_max;  /* bytes; 0: a request with a body is 413 */
    const void *data; /* the handler's own, e.g. which scope the route needs */
    /* Told of a request that was refused with 413 for its size, before the answer goes out; there is no body, and the
     * answer is set. On an event thread. NULL: nobody wants to know. */
    void (*too_large)(const struct http_request *request);
};

#define HTTP_PARAMS_MAX     3
#define HTTP_HEADERS_MAX    64
#define HTTP_REQUEST_ID_MAX 32

struct http_server_options {
    const char *listen;                 /* "127.0.0.1:8080", "[::]:8080", "0.0.0.0:0": 0 takes a free port */
    size_t event_threads;               /* 0: one a processor, at most 8 */
    size_t worker_threads;              /* 0: 2 */
    size_t worker_queue_max;            /* requests waiting for a worker; 0: 256 */
    size_t connections_max;             /* in all; 0: 4096 */
    size_t connections_per_address_max; /* 0: no limit; trusted proxies are exempt */
    int idle_timeout_s;                 /* 0: none */
    int body_grace_ms;                  /* before the pace of a body counts; 0: 10 000 */
    const struct cidr *trusted_proxies;
    size_t trusted_proxy_count;
    const char *tls_certificate_file; /* PEM chain; NULL: plain HTTP */
    const char *tls_key_file;
    struct metrics *metrics; /* NULL: nothing is counted */
    /* May this request be served here (is it the right host, say)? Asked before the handler of every route without
     * HTTP_ROUTE_EVERY_HOST, on an event thread; when false, it has set the answer. NULL: everything may. */
    bool (*admit)(struct http_request *request);
    /* Called once an answered request (refused ones too: these may have no route and no path), on an event thread.
     * NULL: nobody is told. */
    void (*on_answered)(const struct http_request *request, int status, int64_t duration_us, void *context);
    void *context; /* given back by http_context(), for the handlers */
};

/* Starts listening; `routes` (ended by a row with pattern NULL) and the options' pointers outlive the server.
 * ERR_UNAVAILABLE when the address cannot be bound, with a sentence that says what to do. */
MUST_USE int http_server_start(const struct http_server_options *options, const struct http_route *routes,
                               struct http_server **ret, struct err *err);
int http_server_port(const struct http_server *server);
/* Orderly stop: no new connections, requests under way are answered (up to `grace_ms`), then everything is closed.
 * Every deferred request must still be finished by its owner, and every worker's handler must return: however short the
 * grace, this returns only after them. http_server_free after it. */
void http_server_stop(struct http_server *server, int64_t grace_ms);
struct http_server *http_server_free(struct http_server *server); /* NULL accepted */

/* ---- the request, valid until it is answered ---- */
void *http_context(const struct http_request *request);
const struct http_route *http_matched_route(const struct http_request *request);
enum http_method http_request_method(const struct http_request *request); /* HEAD shows as HTTP_GET */
bool http_request_is_head(const struct http_request *request);
struct slice http_path(const struct http_request *request); /* percent-decoded, always begins with '/' */
struct slice http_body(const struct http_request *request); /* 64 readable bytes behind it */
/* By name in any case; the first of several; empty when absent. */
struct slice http_header(const struct http_request *request, struct slice name);
typedef void (*http_header_visitor)(struct slice name, struct slice value, void *context);
void http_each_header(const struct http_request *request, http_header_visitor visit, void *context);
/* What "{name}" of the pattern matched, decoded, never empty; a name that the pattern does not have is a BUG. */
struct slice http_param(const struct http_request *request, const char *name);
struct slice http_first_param(const struct http_request *request); /* of a route that has one; sooner found */
/* A query parameter, percent- and plus-decoded (malformed escapes stand for themselves); the first of several; empty
 * when absent. */
struct slice http_query(const struct http_request *request, struct slice name);
bool http_query_present(const struct http_request *request, struct slice name);
/* Visits every query parameter in order; for refusing unknown ones. */
void http_each_query(const struct http_request *request, http_header_visitor visit, void *context);
struct address http_client_address(const struct http_request *request);
/* Did the request come over TLS, to us or (X-Forwarded-Proto) to a trusted proxy? */
bool http_is_secure(const struct http_request *request);
/* The value of a cookie as it was sent (RFC 6265 section 5.4); empty when absent. */
struct slice http_cookie(const struct http_request *request, struct slice name);
struct slice http_request_id(const struct http_request *request);
/* clock_monotonic_us at the last byte of the request; for GET it may be clock_tick_us. */
int64_t http_received_us(const struct http_request *request);
struct arena *http_arena(struct http_request *request);

/* ---- the answer ---- */
/* One more header field; both copied. CR, LF or NUL is a BUG; an empty value is left out. */
void http_set_header(struct http_request *request, const char *name, struct slice value);
/* The answer's body; copied. Each request is answered exactly once, by one of these four. */
void http_answer(struct http_request *request, int status, const char *content_type, struct slice body);
/* The answer's body by taking the buffer's bytes; `body` is empty afterwards. */
void http_answer_buffer(struct http_request *request, int status, const char *content_type, struct strbuf *body);
/* An answer that is always the same, made once, for routes that must be as fast as can be: its header fields are not
 * put together for every request. It lacks X-Request-Id (unless the handler sets headers of its own). Immutable, shared
 * by threads and servers; freed after the last of them has stopped. Beyond 16 of them a server gains nothing by more.
 */
struct http_prepared;
struct http_fixed_header {
    const char *name, *value;
};
/* `headers`: further ones, ended by a row without name; NULL: none. */
struct http_prepared *http_prepared_new(int status, const char *content_type, struct slice body,
                                        const struct http_fixed_header *headers);
struct http_prepared *http_prepared_free(struct http_prepared *prepared); /* NULL accepted */
void http_answer_prepared(struct http_request *request, const struct http_prepared *prepared);
/* The same with one more field, which differs from request to request: the name is a constant and none of those that
 * the prepared answer has; the value is copied, not empty, and as for http_set_header. */
void http_answer_prepared_with(struct http_request *request, const struct http_prepared *prepared, const char *name,
                               struct slice value);
/* RFC 9457 problem: {"type":"about:blank","title":…,"status":…,"detail":…,"request_id":…}. */
void http_problem(struct http_request *request, int status, const char *title, const char *detail);

/* From a handler on an event thread that turns out to have to block: runs `handler` for the request on a worker thread,
 * as HTTP_ROUTE_WORKER does. The caller returns without touching the request again. When no worker has room, the
 * request is answered 503. */
void http_to_worker(struct http_request *request, http_handler handler);
/* Puts the request to sleep; call from its handler, before anyone else gets to know the request, then return without
 * touching it again. */
void http_defer(struct http_request *request);
/* Wakes a deferred request whose answer is set. Exactly once a request, from any thread. */
void http_finish(struct http_request *request);

#endif
