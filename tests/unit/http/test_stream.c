/* Answers without an end. */
#include "http/stream.h"

#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <time.h>

#include <cmocka.h>

#include "http/raw_client.h"

#define STREAMS_MAX 64

/* A source that counts up to what it was allowed. */
struct counter {
    struct fixture *fixture;
    _Atomic(struct http_stream *) stream;
    int told;
    _Atomic bool ended;
};

struct fixture {
    struct http_server *server;
    pthread_mutex_t lock; /* for what follows */
    struct counter counters[STREAMS_MAX];
    int count, allowed;
    _Atomic int over;
};

static ptrdiff_t counter_read(void *counter_, char *out, size_t max) {
    struct counter *counter = counter_;
    struct fixture *fixture = counter->fixture;
    pthread_mutex_lock(&fixture->lock);
    int allowed = fixture->allowed;
    pthread_mutex_unlock(&fixture->lock);
    if (allowed < 0) return -1;
    if (counter->told == allowed) return 0;
    return snprintf(out, max, "<%d>", ++counter->told);
}

static void counter_end(void *counter_) {
    struct counter *counter = counter_;
    pthread_mutex_lock(&counter->fixture->lock); /* no wake is under way any more */
    atomic_store(&counter->ended, true);
    pthread_mutex_unlock(&counter->fixture->lock);
    atomic_fetch_add(&counter->fixture->over, 1);
}

static const struct http_stream_source source = {.read = counter_read, .end = counter_end};

static void answer_stream(struct http_request *request) {
    struct fixture *fixture = http_context(request);
    pthread_mutex_lock(&fixture->lock);
    struct counter *counter = &fixture->counters[fixture->count++];
    pthread_mutex_unlock(&fixture->lock);
    counter->fixture = fixture;
    http_set_header(request, "X-Kind", SLICE("stream"));
    atomic_store(&counter->stream, http_answer_stream(request, "text/plain", &source, counter));
}

static const struct http_route routes[] = {
    {HTTP_GET, "/event", answer_stream, 0, 0, NULL},
    {HTTP_GET, "/worker", answer_stream, HTTP_ROUTE_WORKER, 0, NULL},
    {0},
};

static int set_up(void **state) {
    struct fixture *fixture = memory_alloc(sizeof(*fixture));
    struct err err;
    struct http_server_options options = {
        .listen = "127.0.0.1:0", .event_threads = 2, .idle_timeout_s = 30, .context = fixture};
    pthread_mutex_init(&fixture->lock, NULL);
    fixture->allowed = 1;
    assert_int_equal(http_server_start(&options, routes, &fixture->server, &err), 0);
    *state = fixture;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;
    http_server_free(fixture->server);
    assert_int_equal(atomic_load(&fixture->over), fixture->count); /* each ended once */
    free(fixture);
    return 0;
}

static void allow(struct fixture *fixture, int allowed) {
    pthread_mutex_lock(&fixture->lock);
    fixture->allowed = allowed;
    for (int i = 0; i < fixture->count; i++) {
        struct http_stream *stream = atomic_load(&fixture->counters[i].stream);
        if (stream && !atomic_load(&fixture->counters[i].ended)) http_stream_wake(stream);
    }
    pthread_mutex_unlock(&fixture->lock);
}

static struct raw *get(struct fixture *fixture, const char *path) {
    char request[128];
    struct raw *raw = raw_open(http_server_port(fixture->server));
    snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: t\r\n\r\n", path);
    raw_send(raw, request);
    return raw;
}

/* False when the connection ended first. */
static bool comes(struct raw *raw, const char *word) {
    while (!memmem(raw->bytes, raw->len, word, strlen(word))) {
        ssize_t len = recv(raw->fd, raw->bytes + raw->len, RAW_BUFFER - raw->len, 0);
        if (len <= 0) return false;
        raw->len += (size_t)len;
    }
    return true;
}

static void wait_until_over(struct fixture *fixture, int count) {
    while (atomic_load(&fixture->over) < count)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

static void test_bytes_come_when_they_are_there(void **state) {
    struct fixture *fixture = *state;
    static const char *const paths[] = {"/event", "/worker"};
    for (int i = 0; i < 2; i++) {
        allow(fixture, 1);
        struct raw *raw = get(fixture, paths[i]);
        assert_true(comes(raw, "X-Kind: stream"));
        assert_true(comes(raw, "<1>"));
        for (int n = 2; n < 200; n++) {
            char word[16];
            snprintf(word, sizeof(word), "<%d>", n);
            allow(fixture, n);
            assert_true(comes(raw, word));
        }
        raw_close(raw);
    }
}

static void test_the_source_ends_it_and_the_connection_goes_on(void **state) {
    struct fixture *fixture = *state;
    struct raw *raw = get(fixture, "/worker");
    assert_true(comes(raw, "<1>"));
    allow(fixture, -1);
    assert_true(comes(raw, "\r\n0\r\n\r\n"));
    allow(fixture, 1);
    raw->len = 0;
    raw_send(raw, "GET /nothing HTTP/1.1\r\nHost: t\r\n\r\n");
    assert_true(comes(raw, "404"));
    raw_close(raw);
    wait_until_over(fixture, 1);
}

static void test_a_client_that_goes_is_noticed(void **state) {
    struct fixture *fixture = *state;
    for (int i = 0; i < 20; i++) {
        struct raw *raw = get(fixture, i % 2 ? "/worker" : "/event");
        if (i % 3) assert_true(comes(raw, "<1>"));
        raw_close(raw);
    }
    pthread_mutex_lock(&fixture->lock);
    int count = fixture->count;
    pthread_mutex_unlock(&fixture->lock);
    wait_until_over(fixture, count);
}

static void test_head_has_no_stream(void **state) {
    struct fixture *fixture = *state;
    struct raw *raw = raw_open(http_server_port(fixture->server));
    raw_send(raw, "HEAD /worker HTTP/1.1\r\nHost: t\r\n\r\n");
    assert_true(comes(raw, "\r\n\r\n"));
    wait_until_over(fixture, 1);
    assert_null(memmem(raw->bytes, raw->len, "<1>", 3));
    raw_close(raw);
}

static void test_the_stop_ends_all(void **state) {
    struct fixture *fixture = *state;
    struct raw *open[30];
    for (int i = 0; i < 30; i++) {
        open[i] = get(fixture, "/worker");
        assert_true(comes(open[i], "<1>"));
    }
    http_server_stop(fixture->server, 10000);
    assert_int_equal(atomic_load(&fixture->over), 30);
    for (int i = 0; i < 30; i++) {
        assert_false(comes(open[i], "<2>"));
        raw_close(open[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_bytes_come_when_they_are_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_source_ends_it_and_the_connection_goes_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_client_that_goes_is_noticed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_head_has_no_stream, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_stop_ends_all, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
