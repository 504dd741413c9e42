#include "http/exchanges.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "http/server.h"

#define AT_ONCE 8

static struct http_server *server;
static struct metrics metrics;
static char base[64];

static void say_back(struct http_request *request) {
    http_set_header(request, "Retry-After", SLICE("17"));
    http_answer(request, 202, "text/plain", http_body(request));
}

static void say_much(struct http_request *request) {
    size_t len = 1 << 20;
    char *bytes = arena_bytes(http_arena(request), len);
    memset(bytes, 'x', len);
    http_answer(request, 200, "text/plain", slice_of(bytes, len));
}

static void say_late(struct http_request *request) {
    usleep(300000);
    http_answer(request, 200, NULL, SLICE_NONE);
}

static const struct http_route routes[] = {
    {HTTP_POST, "/back", say_back, 0, 100000, NULL},
    {HTTP_POST, "/much", say_much, 0, 1000, NULL},
    {HTTP_POST, "/late", say_late, HTTP_ROUTE_WORKER, 1000, NULL},
    {0},
};

static const struct http_client_options internal = {.allow_internal = true, .timeout_ms = 5000};

static int post(struct http_exchanges *exchanges, const char *path, struct slice body, size_t tag) {
    char url[128];
    struct err err;
    const struct http_client_header headers[] = {{"X-Test", SLICE("yes")}};
    snprintf(url, sizeof(url), "%s%s", base, path);
    return http_exchanges_post(exchanges, &internal, url, "text/plain", body, headers, 1, tag, &err);
}

static struct http_exchange_end end_of_one(struct http_exchanges *exchanges) {
    struct http_exchange_end end;
    for (int i = 0; i < 20; i++)
        if (http_exchanges_wait(exchanges, 500, &end, 1) == 1) return end;
    fail_msg("no exchange ended");
    return end;
}

static void test_answer(void **state) {
    struct http_exchanges *exchanges = http_exchanges_new(AT_ONCE);
    char body[] = "hello";
    assert_int_equal(post(exchanges, "/back", slice_cstr(body), 42), 0);
    memset(body, '!', sizeof(body) - 1); /* it was copied */
    assert_int_equal(http_exchanges_running(exchanges), 1);
    struct http_exchange_end end = end_of_one(exchanges);
    assert_true(end.tag == 42 && end.result == 0 && end.status == 202 && end.retry_after_s == 17);
    assert_true(slice_equal(end.answer, SLICE("hello")));
    assert_true(end.duration_us > 0);
    assert_int_equal(http_exchanges_running(exchanges), 0);
    http_exchanges_free(exchanges);
}

static void test_the_beginning_of_a_long_answer(void **state) {
    struct http_exchanges *exchanges = http_exchanges_new(AT_ONCE);
    assert_int_equal(post(exchanges, "/much", SLICE("x"), 0), 0);
    struct http_exchange_end end = end_of_one(exchanges);
    assert_true(end.result == 0 && end.status == 200 && end.answer.len == HTTP_EXCHANGE_ANSWER_MAX);
    http_exchanges_free(exchanges);
}

static void test_many_at_once_and_the_bound(void **state) {
    struct http_exchanges *exchanges = http_exchanges_new(AT_ONCE);
    bool ended[AT_ONCE] = {false};
    size_t count = 0;
    int64_t started = clock_monotonic_us();
    for (size_t i = 0; i < AT_ONCE; i++)
        assert_int_equal(post(exchanges, "/late", SLICE("x"), i), 0);
    assert_int_equal(post(exchanges, "/late", SLICE("x"), 99), -ERR_FULL);
    while (count < AT_ONCE) {
        struct http_exchange_end ends[3];
        size_t some = http_exchanges_wait(exchanges, 3000, ends, 3);
        assert_true(some > 0);
        for (size_t i = 0; i < some; i++) {
            assert_true(ends[i].status == 200 && ends[i].tag < AT_ONCE && !ended[ends[i].tag]);
            ended[ends[i].tag] = true;
        }
        count += some;
    }
    assert_true(clock_monotonic_us() - started < AT_ONCE * 300000 - 100000);
    assert_int_equal(post(exchanges, "/back", SLICE("x"), 7), 0);
    assert_int_equal(end_of_one(exchanges).tag, 7);
    http_exchanges_free(exchanges);
}

static void test_refusals_and_failures(void **state) {
    const struct http_client_options outside = {.timeout_ms = 2000},
                                     hasty = {.allow_internal = true, .timeout_ms = 100};
    struct http_exchanges *exchanges = http_exchanges_new(AT_ONCE);
    char url[128];
    struct err err;
    assert_int_equal(http_exchanges_post(exchanges, &outside, "https://10.0.0.1/", "a/b", SLICE("x"), NULL, 0, 1, &err),
                     -ERR_DENIED);
    assert_int_equal(http_exchanges_post(exchanges, &outside, base, "a/b", SLICE("x"), NULL, 0, 1, &err), -ERR_DENIED);
    assert_int_equal(http_exchanges_running(exchanges), 0);
    /* Only the look-up shows where the name leads. */
    snprintf(url, sizeof(url), "https://localhost:%d/", http_server_port(server));
    assert_int_equal(http_exchanges_post(exchanges, &outside, url, "a/b", SLICE("x"), NULL, 0, 1, &err), 0);
    assert_int_equal(end_of_one(exchanges).result, -ERR_DENIED);
    snprintf(url, sizeof(url), "%s/late", base);
    assert_int_equal(http_exchanges_post(exchanges, &hasty, url, "a/b", SLICE("x"), NULL, 0, 1, &err), 0);
    struct http_exchange_end end = end_of_one(exchanges);
    assert_int_equal(end.result, -ERR_UNAVAILABLE);
    assert_true(end.err.text[0] != '\0');
    assert_int_equal(post(exchanges, "/late", SLICE("x"), 1), 0); /* given up with all */
    http_exchanges_free(exchanges);
}

static void *wake_soon(void *exchanges) {
    usleep(50000);
    http_exchanges_wake(exchanges);
    return NULL;
}

static void test_wake(void **state) {
    struct http_exchanges *exchanges = http_exchanges_new(AT_ONCE);
    struct http_exchange_end end;
    pthread_t thread;
    int64_t started = clock_monotonic_us();
    assert_int_equal(pthread_create(&thread, NULL, wake_soon, exchanges), 0);
    assert_int_equal(http_exchanges_wait(exchanges, 20000, &end, 1), 0);
    assert_true(clock_monotonic_us() - started < 10 * 1000000);
    pthread_join(thread, NULL);
    assert_int_equal(http_exchanges_wait(exchanges, 50, &end, 1), 0); /* in time, without anything */
    http_exchanges_free(exchanges);
}

static int start(void **state) {
    struct err err;
    struct http_server_options options = {
        .listen = "127.0.0.1:0", .event_threads = 1, .worker_threads = 8, .idle_timeout_s = 30, .metrics = &metrics};
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
        cmocka_unit_test(test_answer),
        cmocka_unit_test(test_the_beginning_of_a_long_answer),
        cmocka_unit_test(test_many_at_once_and_the_bound),
        cmocka_unit_test(test_refusals_and_failures),
        cmocka_unit_test(test_wake),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
