#include "http/server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>

#include <cmocka.h>

#include "http/raw_client.h"

static struct metrics metrics;
static struct http_server *server;
static int port;
static int context_value = 4711;
static _Atomic int answered, answered_status;

static void get_echo(struct http_request *request) {
    struct strbuf out;
    strbuf_init(&out, 4096);
    struct slice one = http_param(request, "one"), two = http_param(request, "two"), path = http_path(request);
    strbuf_printf(&out, "%.*s|%.*s|%.*s", SLICE_FMT(path), SLICE_FMT(one), SLICE_FMT(two));
    http_answer_buffer(request, 200, "text/plain", &out);
    assert_int_equal(out.len, 0);
    strbuf_release(&out);
}

static void append_pair(struct slice name, struct slice value, void *out) {
    strbuf_printf(out, "[%.*s=%.*s]", SLICE_FMT(name), SLICE_FMT(value));
}

static void get_query(struct http_request *request) {
    struct strbuf out;
    strbuf_init(&out, 4096);
    struct slice q = http_query(request, SLICE("q")), none = http_query(request, SLICE("none"));
    strbuf_printf(&out, "%.*s|%d|%d|%d|", SLICE_FMT(q), (int)none.len, http_query_present(request, SLICE("flag")),
                  http_query_present(request, SLICE("none")));
    http_each_query(request, append_pair, &out);
    http_answer_buffer(request, 200, "text/plain", &out);
    strbuf_release(&out);
}

static void get_headers(struct http_request *request) {
    struct strbuf out;
    strbuf_init(&out, 8192);
    strbuf_add_slice(&out, http_header(request, SLICE("x-ONE")));
    strbuf_add_char(&out, '|');
    http_each_header(request, append_pair, &out);
    http_answer_buffer(request, 200, "text/plain", &out);
    strbuf_release(&out);
}

static void get_facts(struct http_request *request) {
    assert_ptr_equal(http_context(request), &context_value);
    assert_string_equal(http_matched_route(request)->pattern, "/facts");
    assert_ptr_equal(http_matched_route(request)->data, &context_value);
    assert_int_equal(http_request_method(request), HTTP_GET);
    assert_true(http_received_us(request) > 0);
    assert_int_equal(http_body(request).len, 0);
    assert_int_equal(http_body(request).ptr[63], 0);
    http_set_header(request, "Cache-Control", SLICE("max-age=60"));
    http_set_header(request, "Set-Cookie", SLICE("a=1"));
    http_set_header(request, "Set-Cookie", SLICE("b=2"));
    http_answer(request, 200, "text/plain", http_request_id(request));
}

/* Answers the length, and says whether the bytes are 'a'..'z' over and over and 64 more can be read. */
static void post_body(struct http_request *request) {
    struct slice body = http_body(request);
    bool good = true;
    unsigned behind = 0;
    for (size_t i = 0; i < body.len; i++)
        good = good && body.ptr[i] == (char)('a' + i % 26);
    for (size_t i = 0; i < 64; i++)
        behind += (unsigned char)body.ptr[body.len + i];
    struct slice text =
        slice_cstr(arena_printf(http_arena(request), "%zu %s %u", body.len, good ? "good" : "bad", behind));
    http_answer(request, 200, "text/plain", text);
}

static void get_nothing(struct http_request *request) {
    http_answer(request, 204, NULL, SLICE_NONE);
}

static void get_problem(struct http_request *request) {
    http_problem(request, 409, "Conflict", "it says \"no\"\n\xff");
}

static void delete_it(struct http_request *request) {
    http_answer(request, 200, "text/plain", SLICE("deleted"));
}

static struct http_prepared *prepared;

static void get_prepared(struct http_request *request) {
    http_answer_prepared(request, prepared);
}

static void get_prepared_with_header(struct http_request *request) {
    http_set_header(request, "X-More", SLICE("1"));
    http_answer_prepared(request, prepared);
}

static void get_prepared_with_value(struct http_request *request) {
    http_answer_prepared_with(request, prepared, "X-Value", http_param(request, "value"));
}

static const struct http_route routes[] = {
    {HTTP_GET, "/prepared/with/{value}", get_prepared_with_value, 0, 0, NULL},
    {HTTP_GET, "/prepared", get_prepared, 0, 0, NULL},
    {HTTP_GET, "/prepared/more", get_prepared_with_header, 0, 0, NULL},
    {HTTP_GET, "/echo/{one}/{two}", get_echo, 0, 0, NULL},
    {HTTP_GET, "/query", get_query, 0, 0, NULL},
    {HTTP_GET, "/headers", get_headers, 0, 0, NULL},
    {HTTP_GET, "/facts", get_facts, 0, 0, &context_value},
    {HTTP_POST, "/body", post_body, 0, 300000, NULL},
    {HTTP_PUT, "/body", post_body, HTTP_ROUTE_WORKER, 300000, NULL},
    {HTTP_GET, "/nothing", get_nothing, 0, 0, NULL},
    {HTTP_GET, "/problem", get_problem, 0, 0, NULL},
    {HTTP_DELETE, "/it", delete_it, 0, 0, NULL},
    {0},
};

static void on_answered(const struct http_request *request, int status, int64_t duration_us, void *context) {
    assert_ptr_equal(context, &context_value);
    assert_true(duration_us >= 0);
    assert_true(http_request_id(request).len > 0);
    answered_status = status;
    answered++;
}

static int start(void **state) {
    struct err err;
    struct http_server_options options = {
        .listen = "127.0.0.1:0",
        .event_threads = 2,
        .idle_timeout_s = 30,
        .metrics = &metrics,
        .on_answered = on_answered,
        .context = &context_value,
    };
    prepared = http_prepared_new(203, "image/gif", slice_of("a\0b", 3),
                                 (const struct http_fixed_header[]){{"X-Fixed", "yes"}, {0}});
    assert_int_equal(http_server_start(&options, routes, &server, &err), 0);
    port = http_server_port(server);
    return 0;
}

static int stop(void **state) {
    http_server_stop(server, 1000);
    server = http_server_free(server);
    prepared = http_prepared_free(prepared);
    assert_int_equal(metric_get(&metrics, METRIC_HTTP_CONNECTIONS), 0);
    return 0;
}

static void get(const char *target, struct reply *reply) {
    char request[2048];
    snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: t\r\n\r\n", target);
    raw_exchange(port, request, reply);
}

static void test_keep_alive(void **state) {
    struct reply reply;
    char last_id[64] = "";
    struct raw *raw = raw_open(port);
    int64_t requests = metric_get(&metrics, METRIC_HTTP_REQUESTS);
    for (int i = 0; i < 50; i++) {
        raw_send(raw, "GET /echo/a/b HTTP/1.1\r\nHost: t\r\n\r\n");
        raw_read(raw, &reply, false);
        assert_int_equal(reply.status, 200);
        assert_string_equal(reply.body, "/echo/a/b|a|b");
        assert_null(reply_header(&reply, "Connection"));
        assert_string_not_equal(reply_header(&reply, "X-Request-Id"), last_id);
        snprintf(last_id, sizeof(last_id), "%.40s", reply_header(&reply, "X-Request-Id"));
    }
    raw_close(raw);
    assert_int_equal(metric_get(&metrics, METRIC_HTTP_REQUESTS) - requests, 50);
}

static void test_pipelined(void **state) {
    struct reply reply;
    struct raw *raw = raw_open(port);
    raw_send(raw,
             "GET /echo/1/x HTTP/1.1\r\nHost: t\r\n\r\nPOST /body HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\n\r\nabc"
             "GET /echo/2/x HTTP/1.1\r\nHost: t\r\n\r\n");
    raw_read(raw, &reply, false);
    assert_string_equal(reply.body, "/echo/1/x|1|x");
    raw_read(raw, &reply, false);
    assert_string_equal(reply.body, "3 good 0");
    raw_read(raw, &reply, false);
    assert_string_equal(reply.body, "/echo/2/x|2|x");
    raw_close(raw);
}

static void test_head(void **state) {
    struct reply reply;
    struct raw *raw = raw_open(port);
    for (int i = 0; i < 3; i++) {
        raw_send(raw, "HEAD /echo/a/b HTTP/1.1\r\nHost: t\r\n\r\n");
        raw_read(raw, &reply, true);
        assert_int_equal(reply.status, 200);
        assert_string_equal(reply_header(&reply, "Content-Length"), "13");
        assert_int_equal(raw->len, 0);
    }
    raw_close(raw);
}

static void test_http_1_0_closes(void **state) {
    struct reply reply;
    struct raw *raw = raw_open(port);
    raw_send(raw, "GET /echo/a/b HTTP/1.0\r\n\r\n");
    raw_read(raw, &reply, false);
    assert_int_equal(reply.status, 200);
    assert_true(raw_at_end(raw));
    raw_close(raw);
}

static void test_unknown_path_and_method(void **state) {
    struct reply reply;
    get("/nowhere", &reply);
    assert_int_equal(reply.status, 404);
    assert_string_equal(reply_header(&reply, "Content-Type"), "application/problem+json");
    assert_non_null(strstr(reply.body, "\"status\":404"));

    struct raw *raw = raw_open(port); /* such answers keep the connection */
    static const char *const methods[] = {"POST", "TRACE", "OPTIONS", "CONNECT", "BREW"};
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        char request[128];
        snprintf(request, sizeof(request), "%s /echo/a/b HTTP/1.1\r\nHost: t\r\n\r\n", methods[i]);
        raw_send(raw, request);
        raw_read(raw, &reply, false);
        assert_int_equal(reply.status, 405);
        assert_string_equal(reply_header(&reply, "Allow"), "GET, HEAD");
    }
    raw_send(raw, "GET /body HTTP/1.1\r\nHost: t\r\n\r\n");
    raw_read(raw, &reply, false);
    assert_int_equal(reply.status, 405);
    assert_string_equal(reply_header(&reply, "Allow"), "POST, PUT");
    raw_send(raw, "DELETE /it HTTP/1.1\r\nHost: t\r\n\r\n");
    raw_read(raw, &reply, false);
    assert_string_equal(reply.body, "deleted");
    raw_close(raw);
}

static void test_params_are_decoded(void **state) {
    struct reply reply;
    get("/echo/a%2Fb/c%20d", &reply);
    assert_string_equal(reply.body, "/echo/a/b/c d|a/b|c d");
    get("/%65cho/x/y+z", &reply);
    assert_string_equal(reply.body, "/echo/x/y+z|x|y+z");
}

static void test_query(void **state) {
    struct reply reply;
    get("/query?a=1&q=x%20y+z&q=second&flag&odd=50%", &reply);
    assert_string_equal(reply.body, "x y z|0|1|0|[a=1][q=x y z][q=second][flag=][odd=50%]");
    get("/query", &reply);
    assert_string_equal(reply.body, "|0|0|0|");
}

static void test_headers(void **state) {
    struct reply reply;
    raw_exchange(port, "GET /headers HTTP/1.1\r\nHost: t\r\nX-One:  first  \r\nX-One: second\r\n\r\n", &reply);
    assert_int_equal(strncmp(reply.body, "first", 5), 0);
    assert_non_null(strstr(reply.body, "[Host=t]"));
    assert_non_null(strstr(reply.body, "[X-One=second]"));
}

static void test_facts_and_answer_headers(void **state) {
    struct reply reply;
    int before = answered;
    get("/facts", &reply);
    assert_int_equal(reply.status, 200);
    assert_string_equal(reply_header(&reply, "X-Request-Id"), reply.body);
    assert_string_equal(reply_header(&reply, "Cache-Control"), "max-age=60");
    assert_string_equal(reply_header(&reply, "X-Content-Type-Options"), "nosniff");
    assert_string_equal(reply_header(&reply, "Referrer-Policy"), "no-referrer");
    assert_non_null(strstr(reply.head, "Set-Cookie: a=1\r\n"));
    assert_non_null(strstr(reply.head, "Set-Cookie: b=2\r\n"));
    assert_int_equal(answered, before + 1);
    assert_int_equal(answered_status, 200);
    get("/nothing", &reply);
    assert_int_equal(reply.status, 204);
    assert_string_equal(reply_header(&reply, "Cache-Control"), "no-store");
    assert_null(reply_header(&reply, "Content-Length"));
}

static void test_problem(void **state) {
    struct reply reply;
    char expected[512];
    get("/problem", &reply);
    snprintf(expected, sizeof(expected),
             "{\"type\":\"about:blank\",\"title\":\"Conflict\",\"status\":409,"
             "\"detail\":\"it says \\\"no\\\"\\u000a\\ufffd\",\"request_id\":\"%.40s\"}",
             reply_header(&reply, "X-Request-Id"));
    assert_string_equal(reply.body, expected);
}

static void test_prepared(void **state) {
    struct reply reply;
    struct raw *raw = raw_open(port);
    for (int i = 0; i < 5; i++) {
        raw_send(raw, "GET /prepared HTTP/1.1\r\nHost: t\r\n\r\n");
        raw_read(raw, &reply, false);
        assert_int_equal(reply.status, 203);
        assert_string_equal(reply_header(&reply, "X-Fixed"), "yes");
        assert_int_equal(reply.body_len, 3);
        assert_memory_equal(reply.body, "a\0b", 3);
        assert_string_equal(reply_header(&reply, "Content-Type"), "image/gif");
        assert_string_equal(reply_header(&reply, "Cache-Control"), "no-store");
        assert_string_equal(reply_header(&reply, "X-Content-Type-Options"), "nosniff");
        assert_null(reply_header(&reply, "X-Request-Id"));
        raw_send(raw, "HEAD /prepared HTTP/1.1\r\nHost: t\r\n\r\n");
        raw_read(raw, &reply, true);
        assert_string_equal(reply_header(&reply, "Content-Length"), "3");
    }
    raw_send(raw, "GET /prepared/more HTTP/1.1\r\nHost: t\r\n\r\n");
    raw_read(raw, &reply, false);
    assert_int_equal(reply.status, 203);
    assert_memory_equal(reply.body, "a\0b", 3);
    assert_string_equal(reply_header(&reply, "X-More"), "1");
    assert_string_equal(reply_header(&reply, "X-Fixed"), "yes");
    assert_non_null(reply_header(&reply, "X-Request-Id"));
    raw_close(raw);
}

static size_t count_of(const char *text, const char *part) {
    size_t count = 0;
    while ((text = strstr(text, part)) != NULL) {
        text += strlen(part);
        count++;
    }
    return count;
}

/* What one request adds is not seen by the next, and all that goes out is dated, once. */
static void test_prepared_with_value(void **state) {
    struct raw *raws[3];
    struct reply reply;
    char request[100];
    for (size_t i = 0; i < 3; i++)
        raws[i] = raw_open(port);
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < 3; i++) {
            char path[40] = "/prepared";
            if ((round + i) % 4 != 3) snprintf(path, sizeof(path), "/prepared/with/%d", round * 10 + i);
            snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: t\r\n\r\n", path);
            raw_send(raws[i], request);
        }
        for (int i = 0; i < 3; i++) {
            char value[20];
            raw_read(raws[i], &reply, false);
            assert_int_equal(reply.status, 203);
            assert_int_equal(reply.body_len, 3);
            assert_string_equal(reply_header(&reply, "X-Fixed"), "yes");
            assert_int_equal(count_of(reply.head, "\r\nDate: "), 1);
            snprintf(value, sizeof(value), "%d", round * 10 + i);
            if ((round + i) % 4 == 3)
                assert_null(reply_header(&reply, "X-Value"));
            else
                assert_string_equal(reply_header(&reply, "X-Value"), value);
        }
    }
    for (size_t i = 0; i < 3; i++)
        raw_close(raws[i]);
}

static void post(const char *method, size_t len, bool wait_for_continue, struct reply *reply) {
    char head[256], expected[64];
    char *body = malloc(len + 1);
    for (size_t i = 0; i < len; i++)
        body[i] = (char)('a' + i % 26);
    struct raw *raw = raw_open(port);
    snprintf(head, sizeof(head), "%s /body HTTP/1.1\r\nHost: t\r\nContent-Length: %zu\r\n%s\r\n", method, len,
             wait_for_continue ? "Expect: 100-continue\r\n" : "");
    raw_send(raw, head);
    if (wait_for_continue) {
        raw_read(raw, reply, false);
        assert_int_equal(reply->status, 100);
    }
    raw_send_bytes(raw, body, len);
    raw_read(raw, reply, false);
    snprintf(expected, sizeof(expected), "%zu good 0", len);
    assert_string_equal(reply->body, expected);
    raw_close(raw);
    free(body);
}

static void test_bodies(void **state) {
    static const size_t lens[] = {0, 1, 100, 4095, 4096, 4097, 16384, 65536, 230000, 300000};
    struct reply reply;
    for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        post("POST", lens[i], false, &reply);
        post("PUT", lens[i], false, &reply); /* on a worker thread */
    }
    post("POST", 5000, true, &reply);
}

static void test_chunked(void **state) {
    struct reply reply;
    struct raw *raw = raw_open(port);
    for (int i = 0; i < 3; i++) {
        raw_send(raw, "POST /body HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: Chunked\r\n\r\n");
        raw_send(raw, "3\r\nabc\r\n1;extension=1\r\nd\r\n");
        raw_send(raw, "16\r\nefghijklmnopqrstuvwxyz\r\n0\r\nX-Trailer: 1\r\n\r\n");
        raw_read(raw, &reply, false);
        assert_string_equal(reply.body, "26 good 0");
    }
    raw_send(raw, "POST /body HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
    raw_read(raw, &reply, false);
    assert_string_equal(reply.body, "0 good 0");
    raw_send(raw, "POST /body HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 11000; i++) /* 286 000 bytes: grows many times */
        raw_send(raw, "1a\r\nabcdefghijklmnopqrstuvwxyz\r\n");
    raw_send(raw, "0\r\n\r\n");
    raw_read(raw, &reply, false);
    assert_string_equal(reply.body, "286000 good 0");
    raw_close(raw);
}

static void test_start_failures(void **state) {
    struct http_server *other = NULL;
    struct err err;
    char where[32];
    struct http_server_options options = {.listen = where, .event_threads = 1};
    snprintf(where, sizeof(where), "127.0.0.1:%d", port);
    assert_int_equal(http_server_start(&options, routes, &other, &err), -ERR_UNAVAILABLE);
    assert_non_null(strstr(err.text, "in use"));
    static const char *const bad[] = {"127.0.0.1", "localhost:80", ":80", "1.2.3.4:", "::1:80", "1.2.3.4:http", "[]:1"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        options.listen = bad[i];
        assert_int_equal(http_server_start(&options, routes, &other, &err), -ERR_INVALID);
    }
    assert_null(other);
}

static void test_ipv6_socket_takes_ipv4(void **state) {
    struct http_server *other = NULL;
    struct err err;
    struct reply reply;
    struct http_server_options options = {.listen = "[::]:0", .event_threads = 1, .context = &context_value};
    if (http_server_start(&options, routes, &other, &err) != 0) skip(); /* a machine without IPv6 */
    raw_exchange(http_server_port(other), "GET /echo/a/b HTTP/1.1\r\nHost: t\r\n\r\n", &reply);
    assert_int_equal(reply.status, 200);
    http_server_free(other);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keep_alive),
        cmocka_unit_test(test_pipelined),
        cmocka_unit_test(test_head),
        cmocka_unit_test(test_http_1_0_closes),
        cmocka_unit_test(test_unknown_path_and_method),
        cmocka_unit_test(test_params_are_decoded),
        cmocka_unit_test(test_query),
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_facts_and_answer_headers),
        cmocka_unit_test(test_problem),
        cmocka_unit_test(test_prepared),
        cmocka_unit_test(test_prepared_with_value),
        cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_chunked),
        cmocka_unit_test(test_start_failures),
        cmocka_unit_test(test_ipv6_socket_takes_ipv4),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
