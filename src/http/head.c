#include "http/request.h"

#include "base/banned.h"

/* Beyond this it is 431, whatever the connection's memory would still hold. */
#define HEAD_BYTES_MAX (10 * 1024)

struct head {
    struct http_request *request;
    size_t bytes, fields;
    bool malformed;
    size_t hosts, lengths, encodings;
    struct slice length, encoding;
};

/* tchar of RFC 9110 section 5.6.2. A blank before the colon, above all, is how a Content-Length is smuggled past one
 * of two parsers (RFC 9112 section 5.1). */
static bool is_token(struct slice name) {
    static const bool allowed[256] = {
        ['a' ... 'z'] = true, ['A' ... 'Z'] = true, ['0' ... '9'] = true, ['!'] = true, ['#'] = true, ['$'] = true,
        ['%'] = true,         ['&'] = true,         ['\''] = true,        ['*'] = true, ['+'] = true, ['-'] = true,
        ['.'] = true,         ['^'] = true,         ['_'] = true,         ['`'] = true, ['|'] = true, ['~'] = true,
    };
    for (size_t i = 0; i < name.len; i++)
        if (!allowed[(unsigned char)name.ptr[i]]) return false;
    return name.len > 0;
}

/* A value that goes on in the next line may be refused (RFC 9112 section 5.2), and has to be: libmicrohttpd 0.9.75
 * appends the second line to the name. It shows in the name having been moved behind the value. */
static bool is_folded(struct http_field field) {
    return field.value.ptr != NULL && (uintptr_t)field.value.ptr < (uintptr_t)field.name.ptr + field.name.len;
}

static enum MHD_Result collect(void *head_, enum MHD_ValueKind kind, const char *name, size_t name_len,
                               const char *value, size_t value_len) {
    struct head *head = head_;
    struct http_request *request = head->request;
    struct http_field field = {slice_of(name, name_len), slice_of(value, value_len)};
    head->bytes += name_len + value_len;
    if (!is_token(field.name) || slice_find_char(field.value, '\r') >= 0 || is_folded(field)) head->malformed = true;
    if (head->fields++ < HTTP_HEADERS_MAX) request->headers[request->header_count++] = field;
    request->header_kinds |= header_kind(field.name);

    switch (name_len) {
    case 4:
        if (slice_equal_nocase(field.name, SLICE("Host"))) head->hosts++;
        break;
    case 14:
        if (!slice_equal_nocase(field.name, SLICE("Content-Length"))) break;
        head->lengths++;
        head->length = field.value;
        break;
    case 17:
        if (!slice_equal_nocase(field.name, SLICE("Transfer-Encoding"))) break;
        head->encodings++;
        head->encoding = field.value;
        break;
    default:
        break;
    }
    return MHD_YES;
}

/* One rule for where a request ends (RFC 9112 section 6.3, compliance C-118): whatever two parsers could read in two
 * ways is refused. NULL when it is clear. */
static const char *framing_fault(const struct head *head) {
    if (head->malformed) return "a header field is malformed";
    if (head->lengths > 1) return "there is more than one Content-Length";
    if (head->lengths > 0 && head->encodings > 0) return "there are both Content-Length and Transfer-Encoding";
    if (head->encodings > 1 || (head->encodings == 1 && !slice_equal_nocase(head->encoding, SLICE("chunked"))))
        return "the only Transfer-Encoding that is understood is chunked";
    if (head->encodings > 0 && head->request->http_1_0) return "HTTP/1.0 has no Transfer-Encoding";
    if (head->hosts > 1) return "there is more than one Host";
    if (head->hosts == 0 && !head->request->http_1_0) return "Host is missing";
    return NULL;
}

/* Digits were checked by libmicrohttpd; a number that does not fit is too large for any route. */
static size_t announced_length(const struct head *head) {
    int64_t length = 0;
    if (head->lengths == 0) return 0;
    return slice_parse_i64(head->length, &length) && length >= 0 ? (size_t)length : SIZE_MAX;
}

static enum http_method method_of(const char *name) {
    for (int i = 0; i < HTTP_METHOD_COUNT; i++)
        if (strcmp(name, http_method_name((enum http_method)i)) == 0) return (enum http_method)i;
    return strcmp(name, "HEAD") == 0 ? HTTP_GET : HTTP_METHOD_COUNT;
}

static void refuse_method(struct http_request *request) {
    struct slice names = SLICE_NONE;
    for (int i = 0; i < HTTP_METHOD_COUNT; i++) {
        if ((request->match.allowed & (1u << i)) == 0) continue;
        const char *name = i == HTTP_GET ? "GET, HEAD" : http_method_name((enum http_method)i);
        names = slice_cstr(arena_printf(request->arena, "%.*s%s%s", SLICE_FMT(names), names.len > 0 ? ", " : "", name));
    }
    http_set_header(request, "Allow", names);
    http_problem(request, 405, "Method not allowed", "this address does not take this method");
}

/* Is the bytes' end the blank before the version? libmicrohttpd hands out C strings, so a NUL would hide the rest. */
static bool hides_nul(const struct http_request *request, const char *version) {
    uintptr_t end = (uintptr_t)request->sent_target + request->raw_target.len;
    return (uintptr_t)version > end + 1 && (uintptr_t)version < end + HEAD_BYTES_MAX;
}

static int judge_target(struct http_request *request, const char *method, const char *version) {
    if (hides_nul(request, version) || !target_parse(request->arena, request->raw_target, &request->target)) {
        request_refuse(request, 400, "Bad request", "the address is malformed");
        return 400;
    }
    request->method = method_of(method);
    request->is_head = strcmp(method, "HEAD") == 0;
    const struct router *router = request->connection->loop->server->router;
    if (request->target.segment_count <= TARGET_SEGMENTS_MAX)
        router_match(router, request->method, request->target.segments, request->target.segment_count, &request->match);
    if (request->match.route != NULL) return 0;
    if (request->match.allowed != 0) {
        refuse_method(request);
        return 405;
    }
    http_problem(request, 404, "Not found", "there is nothing at this address");
    return 404;
}

int head_judge(struct http_request *request, const char *method, const char *version, bool *ret_framing) {
    struct head head = {.request = request};
    struct request_body *body = &request->body;
    MHD_get_connection_values_n(request->connection->mhd, MHD_HEADER_KIND, collect, &head);
    request->http_1_0 = strcmp(version, "HTTP/1.0") == 0;
    body->announced = announced_length(&head);
    body->chunked = head.encodings > 0;

    const char *fault = framing_fault(&head);
    *ret_framing = fault != NULL;
    if (fault != NULL) {
        request_refuse(request, 400, "Bad request", fault);
        return 400;
    }
    if (head.fields > HTTP_HEADERS_MAX || head.bytes > HEAD_BYTES_MAX) {
        request_refuse(request, 431, "Request header fields too large", "there are too many or too long header fields");
        return 431;
    }
    int status = judge_target(request, method, version);
    if (status != 0) return status;
    body->max = request->match.route->body_max;
    if (body->announced > body->max) {
        request_refuse_too_large(request);
        return 413;
    }
    return 0;
}
