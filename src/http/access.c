#include "http/request.h"

#include "base/banned.h"

const char *http_method_name(enum http_method method) {
    static const char *const names[HTTP_METHOD_COUNT] = {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};
    if (method >= HTTP_METHOD_COUNT) BUG("method %d", (int)method);
    return names[method];
}

void *http_context(const struct http_request *request) {
    return request->connection->loop->server->options.context;
}

const struct http_route *http_matched_route(const struct http_request *request) {
    return request->match.route;
}

enum http_method http_request_method(const struct http_request *request) {
    return request->method;
}

bool http_request_is_head(const struct http_request *request) {
    return request->is_head;
}

struct slice http_path(const struct http_request *request) {
    return request->target.path;
}

struct slice http_body(const struct http_request *request) {
    static const char nothing[BODY_PADDING];
    if (request->body.bytes == NULL) return slice_of(nothing, 0);
    return slice_of(request->body.bytes, request->body.len);
}

struct slice http_header(const struct http_request *request, struct slice name) {
    if ((request->header_kinds & header_kind(name)) == 0) return SLICE_NONE;
    for (size_t i = 0; i < request->header_count; i++)
        if (request->headers[i].name.len == name.len && slice_equal_nocase(request->headers[i].name, name))
            return request->headers[i].value;
    return SLICE_NONE;
}

void http_each_header(const struct http_request *request, http_header_visitor visit, void *context) {
    for (size_t i = 0; i < request->header_count; i++)
        visit(request->headers[i].name, request->headers[i].value, context);
}

struct slice http_param(const struct http_request *request, const char *name) {
    struct slice wanted = slice_cstr(name);
    struct slice rest = slice_cstr(request->match.route->pattern);
    struct slice segment;
    size_t index = 0;
    while (slice_split_next(&rest, '/', &segment)) {
        if (segment.len <= 2 || segment.ptr[0] != '{') continue;
        if (slice_equal(slice_of(segment.ptr + 1, segment.len - 2), wanted)) return request->match.params[index];
        index++;
    }
    BUG("route %s has no parameter %s", request->match.route->pattern, name);
}

struct slice http_first_param(const struct http_request *request) {
    return request->match.params[0];
}

static bool find_query(const struct http_request *request, struct slice wanted, struct slice *ret_raw_value) {
    struct slice rest = request->target.query, name, value;
    while (query_next(&rest, &name, &value)) {
        if (!slice_equal(query_decode(request->arena, name), wanted)) continue;
        *ret_raw_value = value;
        return true;
    }
    return false;
}

struct slice http_query(const struct http_request *request, struct slice name) {
    struct slice raw;
    return find_query(request, name, &raw) ? query_decode(request->arena, raw) : SLICE_NONE;
}

bool http_query_present(const struct http_request *request, struct slice name) {
    struct slice raw;
    return find_query(request, name, &raw);
}

void http_each_query(const struct http_request *request, http_header_visitor visit, void *context) {
    struct slice rest = request->target.query, name, value;
    while (query_next(&rest, &name, &value))
        visit(query_decode(request->arena, name), query_decode(request->arena, value), context);
}

struct slice http_request_id(const struct http_request *request) {
    return slice_cstr(request->id);
}

int64_t http_received_us(const struct http_request *request) {
    return request->received_us;
}

struct arena *http_arena(struct http_request *request) {
    return request->arena;
}

/* One hop of X-Forwarded-For. Some proxies write the port behind the address. */
static bool parse_hop(struct slice text, struct address *ret) {
    text = slice_trim(text);
    ptrdiff_t bracket = slice_find_char(text, ']');
    ptrdiff_t colon = slice_find_char(text, ':');
    if (bracket > 0)
        text = slice_first(text, (size_t)bracket + 1);
    else if (colon > 0 && slice_find_char(slice_from(text, (size_t)colon + 1), ':') < 0)
        text = slice_first(text, (size_t)colon);
    return address_parse(text, ret);
}

static struct slice take_last_hop(struct slice *list) {
    size_t start = list->len;
    while (start > 0 && list->ptr[start - 1] != ',')
        start--;
    struct slice hop = slice_of(list->ptr + start, list->len - start);
    list->len = start > 0 ? start - 1 : 0;
    return hop;
}

/* From the right, because what stands further left was written by whoever came before the trusted proxies
 * (compliance C-77). An entry that is no address ends the search: nothing left of it can be relied on. */
struct address http_client_address(const struct http_request *request) {
    const struct http_server_options *options = &request->connection->loop->server->options;
    struct address client = request->connection->peer;
    if (!request->connection->peer_is_proxy) return client;
    for (size_t i = request->header_count; i-- > 0;) {
        if (!slice_equal_nocase(request->headers[i].name, SLICE("X-Forwarded-For"))) continue;
        struct slice list = request->headers[i].value;
        while (list.len > 0) {
            if (!parse_hop(take_last_hop(&list), &client)) return client;
            if (!cidr_any_contains(options->trusted_proxies, options->trusted_proxy_count, client)) return client;
        }
    }
    return client;
}

bool http_is_secure(const struct http_request *request) {
    const struct http_server *server = request->connection->loop->server;
    if (server->tls_certificate != NULL) return true;
    if (!request->connection->peer_is_proxy) return false;
    struct slice list = http_header(request, SLICE("X-Forwarded-Proto"));
    return slice_equal_nocase(slice_trim(take_last_hop(&list)), SLICE("https"));
}

struct slice http_cookie(const struct http_request *request, struct slice name) {
    for (size_t i = 0; i < request->header_count; i++) {
        struct slice list = request->headers[i].value, pair, key;
        if (!slice_equal_nocase(request->headers[i].name, SLICE("Cookie"))) continue;
        while (slice_split_next(&list, ';', &pair)) {
            pair = slice_trim(pair);
            if (slice_split_next(&pair, '=', &key) && slice_equal(key, name)) return pair;
        }
    }
    return SLICE_NONE;
}
