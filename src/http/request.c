#include "http/request.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"

#include "base/banned.h"

/* Unlike any other of this process (the mixing, the finalizer of SplitMix64, maps numbers one to one) and, by the
 * seed, most likely of any other process. */
static void make_id(struct http_loop *loop, char out[HTTP_REQUEST_ID_MAX]) {
    static const char digits[] = "0123456789abcdefghijklmnopqrstuv";
    uint64_t x = (loop->requests++ * loop->server->loop_count + loop->index) ^ loop->server->id_seed;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    x ^= x >> 31;
    for (int i = 0; i < 13; i++)
        out[i] = digits[(x >> (5 * i)) & 31];
    out[13] = '\0';
}

void *request_begin(void *loop_, const char *uri, struct MHD_Connection *mhd) {
    struct http_connection *connection =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
    struct http_request *request = &connection->request;
    atomic_store_explicit(&connection->busy, true, memory_order_release);
    make_id(loop_, request->id);
    request->phase = PHASE_HEAD;
    request->sent_target = uri;
    size_t len = strlen(uri);
    bool is_short = len <= sizeof(request->short_target);
    if (is_short) memcpy(request->short_target, uri, len);
    request->raw_target =
        is_short ? slice_of(request->short_target, len) : arena_copy(request->arena, slice_of(uri, len));
    request->target.path = SLICE_NONE;
    request->target.query = SLICE_NONE;
    request->target.segment_count = 0;
    request->method = HTTP_METHOD_COUNT;
    request->match = (struct router_match){0};
    request->header_count = 0;
    request->header_kinds = 0;
    request->received_us = 0;
    request->suspended = false;
    request->deferred = NULL;
    answer_reset(&request->answer);
    return request;
}

void request_take_room(struct http_request *request) {
    request->arena = arena_new();
    request->headers = memory_alloc_array(HTTP_HEADERS_MAX, sizeof(*request->headers));
}

void request_give_room(struct http_request *request) {
    request->arena = arena_free(request->arena);
    free(request->headers);
    request->headers = NULL;
    request->header_count = 0;
    request->header_kinds = 0;
}

void count_refused(struct http_server *server) {
    if (server->options.metrics != NULL) metric_add(server->options.metrics, METRIC_HTTP_REFUSED, 1);
}

void request_refuse(struct http_request *request, int status, const char *title, const char *detail) {
    count_refused(request->connection->loop->server);
    http_problem(request, status, title, detail);
}

void request_refuse_too_large(struct http_request *request) {
    const struct http_route *route = request->match.route;
    request_refuse(request, 413, "Content too large", "the body is larger than this address takes");
    if (route->too_large) route->too_large(request);
}

static void refuse_busy(struct http_request *request, const char *detail) {
    http_set_header(request, "Retry-After", SLICE("1"));
    request_refuse(request, 503, "Service unavailable", detail);
}

/* libmicrohttpd allows it on the connection's own thread only. */
static void suspend(struct http_request *request) {
    MHD_suspend_connection(request->connection->mhd);
    atomic_fetch_add(&request->connection->loop->server->deferred, 1);
    request->suspended = true;
}

/* False when the handler deferred the request, which is then somebody else's. */
static bool run_handler(struct http_request *request) {
    bool deferred = false;
    /* Taken back below, unless the request is no longer ours to look at. */
    /* cppcheck-suppress autoVariables */
    request->deferred = &deferred;
    request->handler(request);
    if (deferred) return false;
    request->deferred = NULL;
    if (request->answer.status == 0) BUG("the handler of %s gave no answer", request->match.route->pattern);
    return true;
}

static enum MHD_Result hand_over(struct http_request *request) {
    struct http_server *server = request->connection->loop->server;
    if (!workers_reserve(server->workers)) {
        refuse_busy(request, "too many requests are waiting: try again");
        return answer_queue(request);
    }
    suspend(request);
    workers_push(server->workers, request);
    return MHD_YES;
}

void request_work(void *request_) {
    struct http_request *request = request_;
    if (run_handler(request)) http_finish(request);
}

static bool is_admitted(struct http_request *request) {
    bool (*admit)(struct http_request * request) = request->connection->loop->server->options.admit;
    return admit == NULL || (request->match.route->flags & HTTP_ROUTE_EVERY_HOST) != 0 || admit(request);
}

/* in_handler is set before `refusing` is looked at, and http_server_stop does it the other way round: so either the
 * request is refused here, or the server waits for it (both are sequentially consistent). */
static enum MHD_Result dispatch(struct http_request *request) {
    struct http_connection *connection = request->connection;
    enum MHD_Result result = MHD_YES;
    request->phase = PHASE_HANDED;
    request->handler = request->match.route->handler;
    atomic_store(&connection->in_handler, true);
    bool refused = atomic_load(&connection->loop->server->refusing);
    if (refused)
        refuse_busy(request, "the service is stopping: try again");
    else
        refused = !is_admitted(request);
    if (!refused && (request->match.route->flags & HTTP_ROUTE_WORKER) != 0)
        result = hand_over(request);
    else if (refused || run_handler(request))
        result = answer_queue(request);
    atomic_store_explicit(&connection->in_handler, false, memory_order_release);
    return result;
}

static enum MHD_Result head_arrived(struct http_request *request, const char *method, const char *version) {
    struct request_body *body = &request->body;
    bool framing = false;
    atomic_store_explicit(&request->connection->head_since_us, 0, memory_order_relaxed);
    request->phase = PHASE_BODY;
    int status = head_judge(request, method, version, &framing);
    bool has_body = body->chunked || body->announced > 0;
    if (status == 0 && has_body) body->started_us = clock_monotonic_us();
    /* An answer that is queued now ends the connection (libmicrohttpd 0.9.75). That is right when the rest is not to
     * be read; else it waits for the next call. */
    if (status != 0 && (framing || has_body)) {
        request->received_us = clock_monotonic_us();
        return answer_queue(request);
    }
    return MHD_YES;
}

static enum MHD_Result body_arrived(struct http_request *request) {
    bool exact = request->method != HTTP_GET || request->connection->loop->server->options.on_answered != NULL;
    request->received_us = exact ? clock_monotonic_us() : clock_tick_us();
    if (request->body.dropped > 0) request_refuse_too_large(request);
    if (request->answer.status != 0) return answer_queue(request);
    return dispatch(request);
}

enum MHD_Result request_continue(void *loop_, struct MHD_Connection *mhd, const char *url, const char *method,
                                 const char *version, const char *upload, size_t *upload_len, void **request_) {
    struct http_request *request = *request_;
    switch (request->phase) {
    case PHASE_HEAD:
        return head_arrived(request, method, version);
    case PHASE_BODY:
        if (*upload_len == 0) return body_arrived(request);
        /* No answer can be queued in the middle of a body: the connection is closed instead. */
        if (body_take(request, upload, *upload_len) != BODY_TAKEN) return MHD_NO;
        *upload_len = 0;
        return MHD_YES;
    case PHASE_HANDED:
        return answer_queue(request);
    case PHASE_QUEUED:
        break;
    }
    return MHD_YES;
}

void request_end(void *loop_, struct MHD_Connection *mhd, void **request_, enum MHD_RequestTerminationCode why) {
    struct http_request *request = *request_;
    struct http_connection *connection = request->connection;
    /* What libmicrohttpd refused itself, bodies too slow or endless, and silence in the middle of a request. */
    if (request->phase < PHASE_HANDED &&
        (why == MHD_REQUEST_TERMINATED_WITH_ERROR || why == MHD_REQUEST_TERMINATED_TIMEOUT_REACHED))
        count_refused(connection->loop->server);
    answer_release(&request->answer);
    body_release(&request->body);
    if (request->arena != NULL)
        arena_reset(request->arena);
    else
        request_take_room(request);
    *request_ = NULL;
    atomic_store_explicit(&connection->head_since_us, clock_tick_us(), memory_order_relaxed);
    atomic_store_explicit(&connection->busy, false, memory_order_release);
}

void http_defer(struct http_request *request) {
    if (request->deferred == NULL) BUG("deferred outside of the handler");
    if (!request->suspended) suspend(request);
    *request->deferred = true;
}

void http_to_worker(struct http_request *request, http_handler handler) {
    struct http_server *server = request->connection->loop->server;
    bool *deferred = request->deferred;
    if (deferred == NULL) BUG("handed to a worker outside of the handler");
    if (!workers_reserve(server->workers)) {
        refuse_busy(request, "too many requests are waiting: try again");
        return;
    }
    if (!request->suspended) suspend(request);
    request->handler = handler;
    *deferred = true;
    workers_push(server->workers, request);
}

void http_finish(struct http_request *request) {
    if (request->answer.status == 0) BUG("a deferred request of %s has no answer", request->match.route->pattern);
    struct http_server *server = request->connection->loop->server;
    MHD_resume_connection(request->connection->mhd);
    atomic_fetch_sub(&server->deferred, 1);
}
