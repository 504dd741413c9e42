#include "http/client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "http/server.h"

static struct http_server *server;
static struct metrics metrics;
static char base[64];
static _Atomic int redirected;

static void say_hello(struct http_request *request) {
    http_answer(request, 200, "text/plain", http_header(request, SLICE("X-Greeting")));
}

static void redirect(struct http_request *request) {
    http_set_header(request, "Location", SLICE("/target"));
    http_answer(request, 302, NULL, SLICE_NONE);
}

static void target(struct http_request *request) {
    redirected++;
    http_answer(request, 200, NULL, SLICE_NONE);
}

static void say_back(struct http_request *request) {
    char type[64];
    snprintf(type, sizeof(type), "%.*s", SLICE_FMT(http_header(request, SLICE("Content-Type"))));
    http_answer(request, 201, type, http_body(request));
}

static void say_much(struct http_request *request) {
    http_answer(request, 200, "text/plain", slice_of(arena_alloc(http_arena(request), 5000), 5000));
}

static const struct http_route routes[] = {
    {HTTP_GET, "/hello", say_hello, 0, 0, NULL}, {HTTP_GET, "/redirect", redirect, 0, 0, NULL},
    {HTTP_GET, "/target", target, 0, 0, NULL},   {HTTP_POST, "/back", say_back, 0, 2000000, NULL},
    {HTTP_GET, "/much", say_much, 0, 0, NULL},   {0},
};

static const struct http_client_options internal = {.allow_internal = true};

static int get(const struct http_client_options *options, const char *url, int *ret_status, struct strbuf *body,
               struct err *err) {
    return http_client_send(options, url, NULL, SLICE_NONE, NULL, 0, ret_status, body, err);
}

static const char *at(const char *path) {
    static char url[128];
    snprintf(url, sizeof(url), "%s%s", base, path);
    return url;
}

static void test_get(void **state) {
    struct strbuf body;
    struct err err;
    int status = 0;
    const struct http_client_header headers[] = {{"X-Greeting", SLICE("hello")}, {"X-Empty", SLICE("")}};
    strbuf_init(&body, 100);
    strbuf_add_cstr(&body, "before ");
    assert_int_equal(http_client_send(&internal, at("/hello"), NULL, SLICE_NONE, headers, 2, &status, &body, &err), 0);
    assert_int_equal(status, 200);
    assert_string_equal(body.ptr, "before hello");
    assert_int_equal(get(&internal, at("/nowhere"), &status, &body, &err), -ERR_TOO_LARGE);
    strbuf_release(&body);
    strbuf_init(&body, 1000);
    assert_int_equal(get(&internal, at("/nowhere"), &status, &body, &err), 0);
    assert_int_equal(status, 404);
    strbuf_release(&body);
}

static void test_post(void **state) {
    static const size_t lens[] = {0, 5, 1500000};
    struct strbuf body, sent;
    struct err err;
    strbuf_init(&sent, 1500000);
    while (sent.len < sent.max)
        strbuf_add(&sent, "0123456789", 10);
    for (size_t i = 0; i < 3; i++) {
        int status = 0;
        strbuf_init(&body, 2000000);
        struct slice part = slice_first(strbuf_slice(&sent), lens[i]);
        assert_int_equal(
            http_client_send(&internal, at("/back"), "application/x-test", part, NULL, 0, &status, &body, &err), 0);
        assert_int_equal(status, 201);
        assert_true(slice_equal(strbuf_slice(&body), part));
        strbuf_release(&body);
    }
    strbuf_release(&sent);
}

static void test_redirect_is_not_followed(void **state) {
    struct strbuf body;
    struct err err;
    int status = 0;
    strbuf_init(&body, 1000);
    assert_int_equal(get(&internal, at("/redirect"), &status, &body, &err), 0);
    assert_int_equal(status, 302);
    assert_int_equal(redirected, 0);
    strbuf_release(&body);
}

static void test_answer_larger_than_the_buffer(void **state) {
    struct strbuf body;
    struct err err;
    int status = 77;
    strbuf_init(&body, 4999);
    strbuf_add_cstr(&body, "kept");
    assert_int_equal(get(&internal, at("/much"), &status, &body, &err), -ERR_TOO_LARGE);
    assert_string_equal(body.ptr, "kept");
    assert_int_equal(body.len, 4);
    assert_int_equal(status, 77);
    strbuf_release(&body);
}

static void expect_refusal(const struct http_client_options *options, const char *url, int code) {
    struct strbuf body;
    struct err err;
    int status = 77;
    strbuf_init(&body, 1000);
    int result = get(options, url, &status, &body, &err);
    if (result != code) fail_msg("%d instead of %d for %s", result, code, url);
    assert_int_equal(status, 77);
    assert_int_equal(body.len, 0);
    strbuf_release(&body);
}

static void test_internal_addresses_are_not_connected_to(void **state) {
    const struct http_client_options outside = {.timeout_ms = 2000};
    static const char *const hosts[] = {"127.0.0.1", "127.1",   "2130706433", "0x7f000001",        "localhost",
                                        "[::1]",     "0.0.0.0", "[::]",       "[::ffff:127.0.0.1]"};
    int64_t requests = metric_get(&metrics, METRIC_HTTP_REQUESTS);
    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        char url[128];
        snprintf(url, sizeof(url), "https://%s:%d/hello", hosts[i], http_server_port(server));
        expect_refusal(&outside, url, -ERR_DENIED);
    }
    expect_refusal(&outside, "https://10.0.0.1/", -ERR_DENIED);
    expect_refusal(&outside, "https://192.168.1.1/", -ERR_DENIED);
    expect_refusal(&outside, "https://169.254.169.254/latest/meta-data/", -ERR_DENIED);
    expect_refusal(&outside, "https://[fd00:ec2::254]/", -ERR_DENIED);
    assert_int_equal(metric_get(&metrics, METRIC_HTTP_CONNECTIONS), 0);
    assert_int_equal(metric_get(&metrics, METRIC_HTTP_REQUESTS), requests);
}

static void test_refused_urls(void **state) {
    const struct http_client_options outside = {.timeout_ms = 2000};
    expect_refusal(&outside, "http://example.org/", -ERR_DENIED);
    expect_refusal(&outside, "file:///etc/passwd", -ERR_DENIED);
    expect_refusal(&internal, "file:///etc/passwd", -ERR_DENIED);
    expect_refusal(&internal, "gopher://127.0.0.1/", -ERR_DENIED);
    expect_refusal(&internal, "http://user:secret@127.0.0.1/", -ERR_DENIED);
    expect_refusal(&outside, "", -ERR_DENIED);
    expect_refusal(&outside, "/path", -ERR_DENIED);
    expect_refusal(&outside, "https://", -ERR_DENIED);
}

static void test_header_with_a_line_break(void **state) {
    const struct http_client_header headers[] = {{"X-Greeting", SLICE("a\r\nX-Other: b")}};
    struct strbuf body;
    struct err err;
    int status = 0;
    strbuf_init(&body, 1000);
    assert_int_equal(http_client_send(&internal, at("/hello"), NULL, SLICE_NONE, headers, 1, &status, &body, &err),
                     -ERR_INVALID);
    strbuf_release(&body);
}

static int listen_somewhere(char url[64], int backlog) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    snprintf(url, 64, "http://127.0.0.1:%d/", ntohs(address.sin_port));
    if (backlog > 0) assert_int_equal(listen(fd, backlog), 0);
    return fd;
}

static void test_nobody_answers(void **state) {
    const struct http_client_options hasty = {.allow_internal = true, .timeout_ms = 100};
    char url[64];
    int nobody = listen_somewhere(url, 0);
    expect_refusal(&internal, url, -ERR_UNAVAILABLE);
    close(nobody);
    int silent = listen_somewhere(url, 1); /* taken by the kernel, never answered */
    expect_refusal(&hasty, url, -ERR_UNAVAILABLE);
    close(silent);
}

static void *send_endless_head(void *fd_) {
    char field[1002] = "X: ";
    int fd = accept(*(int *)fd_, NULL, NULL);
    memset(field + 3, 'x', sizeof(field) - 5);
    memcpy(field + sizeof(field) - 2, "\r\n", 2);
    ssize_t sent = send(fd, "HTTP/1.1 200 OK\r\n", 17, MSG_NOSIGNAL);
    while (sent > 0)
        sent = send(fd, field, sizeof(field), MSG_NOSIGNAL);
    close(fd);
    return NULL;
}

static void test_endless_answer_head(void **state) {
    char url[64];
    pthread_t thread;
    int fd = listen_somewhere(url, 1);
    assert_int_equal(pthread_create(&thread, NULL, send_endless_head, &fd), 0);
    expect_refusal(&internal, url, -ERR_TOO_LARGE);
    pthread_join(thread, NULL);
    close(fd);
}

static int start(void **state) {
    struct err err;
    struct http_server_options options = {
        .listen = "127.0.0.1:0", .event_threads = 1, .idle_timeout_s = 30, .metrics = &metrics};
    http_client_global_init();
    assert_int_equal(http_server_start(&options, routes, &server, &err), 0);
    snprintf(base, sizeof(base), "http://127.0.0.1:%d", http_server_port(server));
    return 0;
}

static int stop(void **state) {
    http_server_free(server);
    http_client_global_cleanup();
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_internal_addresses_are_not_connected_to),
        cmocka_unit_test(test_get),
        cmocka_unit_test(test_post),
        cmocka_unit_test(test_redirect_is_not_followed),
        cmocka_unit_test(test_answer_larger_than_the_buffer),
        cmocka_unit_test(test_refused_urls),
        cmocka_unit_test(test_header_with_a_line_break),
        cmocka_unit_test(test_nobody_answers),
        cmocka_unit_test(test_endless_answer_head),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
