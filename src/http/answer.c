#include "http/request.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"

#include "base/banned.h"

void answer_reset(struct http_answer *answer) {
    *answer = (struct http_answer){0};
    answer->last = &answer->first;
}

void answer_release(struct http_answer *answer) {
    if (answer->stream != NULL) stream_free(answer->stream);
    free(answer->owned);
    if (answer->taken != NULL) prepared_give(answer->taken);
    answer_reset(answer);
}

static bool has_control(struct slice value) {
    return slice_find_char(value, '\r') >= 0 || slice_find_char(value, '\n') >= 0 || slice_find_char(value, '\0') >= 0;
}

void http_set_header(struct http_request *request, const char *name, struct slice value) {
    if (has_control(value)) BUG("line break or NUL in the value of header %s", name);
    if (slice_empty(value)) return;
    struct answer_header *header = arena_alloc(request->arena, sizeof(*header));
    header->name = arena_cstr(request->arena, slice_cstr(name));
    header->value = arena_cstr(request->arena, value);
    *request->answer.last = header;
    request->answer.last = &header->next;
}

void answer_set(struct http_request *request, int status, const char *content_type) {
    if (request->answer.status != 0) BUG("a second answer to one request");
    if (status < 200 || status > 599) BUG("status %d", status);
    request->answer.status = status;
    if (content_type != NULL) request->answer.content_type = arena_cstr(request->arena, slice_cstr(content_type));
}

void http_answer(struct http_request *request, int status, const char *content_type, struct slice body) {
    answer_set(request, status, content_type);
    request->answer.body = arena_copy(request->arena, body);
}

void http_answer_buffer(struct http_request *request, int status, const char *content_type, struct strbuf *body) {
    answer_set(request, status, content_type);
    size_t len = 0;
    request->answer.owned = strbuf_detach(body, &len);
    request->answer.body = slice_of(request->answer.owned, len);
}

void http_answer_prepared(struct http_request *request, const struct http_prepared *prepared) {
    answer_set(request, prepared->status, NULL);
    request->answer.prepared = prepared;
    request->answer.content_type = prepared->content_type;
    request->answer.body = prepared->body;
}

void http_answer_prepared_with(struct http_request *request, const struct http_prepared *prepared, const char *name,
                               struct slice value) {
    if (has_control(value) || slice_empty(value)) BUG("line break or NUL in the value of header %s, or nothing", name);
    http_answer_prepared(request, prepared);
    request->answer.varying = (struct answer_header){.name = name, .value = arena_cstr(request->arena, value)};
}

static void add_json_string(struct strbuf *out, struct slice text) {
    bool utf8 = slice_is_utf8(text);
    strbuf_add_char(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c < ' ')
            strbuf_printf(out, "\\u%04x", c);
        else if (c >= 0x80 && !utf8)
            strbuf_add_cstr(out, "\\ufffd");
        else if (c == '"' || c == '\\')
            strbuf_printf(out, "\\%c", c);
        else
            strbuf_add_char(out, (char)c);
    }
    strbuf_add_char(out, '"');
}

void http_problem(struct http_request *request, int status, const char *title, const char *detail) {
    struct slice title_text = slice_cstr(title), detail_text = slice_cstr(detail);
    struct strbuf body;
    strbuf_init(&body, 256 + 6 * (title_text.len + detail_text.len));
    strbuf_add_cstr(&body, "{\"type\":\"about:blank\",\"title\":");
    add_json_string(&body, title_text);
    strbuf_printf(&body, ",\"status\":%d,\"detail\":", status);
    add_json_string(&body, detail_text);
    strbuf_add_cstr(&body, ",\"request_id\":");
    add_json_string(&body, http_request_id(request));
    strbuf_add_char(&body, '}');
    http_answer_buffer(request, status, "application/problem+json", &body);
    strbuf_release(&body);
}

static bool is_set(const struct answer_header *header, struct slice name) {
    for (; header != NULL; header = header->next)
        if (slice_equal_nocase(slice_cstr(header->name), name)) return true;
    return false;
}

struct MHD_Response *answer_response(const struct http_answer *answer) {
    static const struct answer_header defaults[] = {{NULL, "Referrer-Policy", "no-referrer"},
                                                    {NULL, "Cache-Control", "no-store"}};
    const struct answer_header *fixed = answer->prepared != NULL ? answer->prepared->headers : NULL;
    struct MHD_Response *response =
        answer->stream != NULL ? stream_response(answer->stream)
                               : MHD_create_response_from_buffer(answer->body.len, (char *)(uintptr_t)answer->body.ptr,
                                                                 MHD_RESPMEM_PERSISTENT);
    if (response == NULL) return NULL;
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    for (size_t i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++) {
        struct slice name = slice_cstr(defaults[i].name);
        if (!is_set(answer->first, name) && !is_set(fixed, name))
            MHD_add_response_header(response, defaults[i].name, defaults[i].value);
    }
    if (answer->content_type != NULL) MHD_add_response_header(response, "Content-Type", answer->content_type);
    for (; fixed != NULL; fixed = fixed->next)
        if (!is_set(answer->first, slice_cstr(fixed->name)))
            MHD_add_response_header(response, fixed->name, fixed->value);
    for (const struct answer_header *header = answer->first; header != NULL; header = header->next)
        MHD_add_response_header(response, header->name, header->value);
    if (answer->varying.name != NULL) MHD_add_response_header(response, answer->varying.name, answer->varying.value);
    return response;
}

static enum MHD_Result queue(struct http_request *request, bool closing) {
    struct MHD_Connection *mhd = request->connection->mhd;
    struct http_answer *answer = &request->answer;
    if (answer->prepared != NULL && answer->first == NULL && !closing) {
        answer->taken = prepared_take(request->connection->loop, answer);
        if (answer->taken != NULL) return MHD_queue_response(mhd, (unsigned)answer->status, answer->taken->mhd);
    }
    /* libmicrohttpd is through with the bytes when it says that the request is over, and they live until then. */
    struct MHD_Response *response = answer_response(answer);
    if (response == NULL) return MHD_NO;
    answer->stream = NULL;
    MHD_add_response_header(response, "X-Request-Id", request->id);
    if (closing) MHD_add_response_header(response, "Connection", "close");
    enum MHD_Result result = MHD_queue_response(mhd, (unsigned)answer->status, response);
    MHD_destroy_response(response);
    return result;
}

enum MHD_Result answer_queue(struct http_request *request) {
    struct http_server *server = request->connection->loop->server;
    bool is_stream = request->answer.stream != NULL;
    request->phase = PHASE_QUEUED;
    enum MHD_Result result = queue(request, atomic_load_explicit(&server->closing, memory_order_relaxed));
    if (server->options.metrics != NULL) metric_add(server->options.metrics, METRIC_HTTP_REQUESTS, 1);
    if (server->options.on_answered != NULL)
        server->options.on_answered(request, request->answer.status, clock_monotonic_us() - request->received_us,
                                    server->options.context);
    /* Streams are many and stay for hours: what was needed to answer is not kept meanwhile. */
    if (is_stream) request_give_room(request);
    return result;
}
