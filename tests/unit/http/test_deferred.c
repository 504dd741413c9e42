/* Requests that are answered later or elsewhere, and the orderly stop. */
#include "http/server.h"

#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <time.h>

#include <cmocka.h>

#include "http/raw_client.h"

#define QUEUE_MAX 256

/* Stands for the writer: takes deferred requests over and finishes them in groups. */
struct finisher {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct http_request *queue[QUEUE_MAX];
    size_t count;
    bool held, ending;
    pthread_t thread;
};

struct fixture {
    struct metrics metrics;
    struct http_server *server;
    struct finisher finisher;
    sem_t started, release;
};

static void *finish_groups(void *finisher_) {
    struct finisher *finisher = finisher_;
    pthread_mutex_lock(&finisher->lock);
    for (;;) {
        while ((finisher->count == 0 || finisher->held) && !finisher->ending)
            pthread_cond_wait(&finisher->changed, &finisher->lock);
        if (finisher->count == 0) break;
        struct http_request *group[QUEUE_MAX];
        size_t count = finisher->count;
        memcpy(group, finisher->queue, count * sizeof(group[0]));
        finisher->count = 0;
        pthread_mutex_unlock(&finisher->lock);
        for (size_t i = 0; i < count; i++) {
            http_set_header(group[i], "X-From", SLICE("finisher"));
            http_answer(group[i], 200, "text/plain", http_param(group[i], "text"));
            http_finish(group[i]);
        }
        pthread_mutex_lock(&finisher->lock);
    }
    pthread_mutex_unlock(&finisher->lock);
    return NULL;
}

static void defer(struct http_request *request) {
    struct fixture *fixture = http_context(request);
    struct finisher *finisher = &fixture->finisher;
    http_defer(request);
    pthread_mutex_lock(&finisher->lock);
    assert_true(finisher->count < QUEUE_MAX);
    finisher->queue[finisher->count++] = request;
    pthread_cond_broadcast(&finisher->changed);
    pthread_mutex_unlock(&finisher->lock);
}

/* Finished before the handler has even returned. */
static void defer_and_finish(struct http_request *request) {
    http_defer(request);
    http_answer(request, 200, "text/plain", SLICE("at once"));
    http_finish(request);
}

static void work(struct http_request *request) {
    http_answer(request, 200, "text/plain", http_param(request, "text"));
}

/* A handler on an event thread that finds out that it has to block. */
static void hand_over(struct http_request *request) {
    http_to_worker(request, work);
}

static void hand_over_and_defer(struct http_request *request) {
    http_to_worker(request, defer);
}

static void block(struct http_request *request) {
    struct fixture *fixture = http_context(request);
    sem_post(&fixture->started);
    sem_wait(&fixture->release);
    http_answer(request, 200, "text/plain", SLICE("released"));
}

static const struct http_route routes[] = {
    {HTTP_GET, "/defer/{text}", defer, 0, 0, NULL},
    {HTTP_GET, "/worker-defer/{text}", defer, HTTP_ROUTE_WORKER, 0, NULL},
    {HTTP_GET, "/at-once", defer_and_finish, 0, 0, NULL},
    {HTTP_GET, "/worker-at-once", defer_and_finish, HTTP_ROUTE_WORKER, 0, NULL},
    {HTTP_GET, "/worker/{text}", work, HTTP_ROUTE_WORKER, 0, NULL},
    {HTTP_GET, "/plain/{text}", work, 0, 0, NULL},
    {HTTP_GET, "/handed/{text}", hand_over, 0, 0, NULL},
    {HTTP_GET, "/handed-defer/{text}", hand_over_and_defer, 0, 0, NULL},
    {HTTP_GET, "/block", block, HTTP_ROUTE_WORKER, 0, NULL},
    {0},
};

static int set_up(void **state) {
    struct fixture *fixture = memory_alloc(sizeof(*fixture));
    struct err err;
    struct http_server_options options = {
        .listen = "127.0.0.1:0",
        .event_threads = 2,
        .worker_threads = 1,
        .worker_queue_max = 2,
        .idle_timeout_s = 30,
        .metrics = &fixture->metrics,
        .context = fixture,
    };
    pthread_mutex_init(&fixture->finisher.lock, NULL);
    pthread_cond_init(&fixture->finisher.changed, NULL);
    sem_init(&fixture->started, 0, 0);
    sem_init(&fixture->release, 0, 0);
    assert_int_equal(pthread_create(&fixture->finisher.thread, NULL, finish_groups, &fixture->finisher), 0);
    assert_int_equal(http_server_start(&options, routes, &fixture->server, &err), 0);
    *state = fixture;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;
    http_server_stop(fixture->server, 10000);
    pthread_mutex_lock(&fixture->finisher.lock);
    fixture->finisher.ending = true;
    pthread_cond_broadcast(&fixture->finisher.changed);
    pthread_mutex_unlock(&fixture->finisher.lock);
    pthread_join(fixture->finisher.thread, NULL);
    http_server_free(fixture->server);
    sem_destroy(&fixture->started);
    sem_destroy(&fixture->release);
    pthread_cond_destroy(&fixture->finisher.changed);
    pthread_mutex_destroy(&fixture->finisher.lock);
    free(fixture);
    return 0;
}

static void hold(struct fixture *fixture, bool held) {
    pthread_mutex_lock(&fixture->finisher.lock);
    fixture->finisher.held = held;
    pthread_cond_broadcast(&fixture->finisher.changed);
    pthread_mutex_unlock(&fixture->finisher.lock);
}

static void pause_briefly(void) {
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

static void wait_for_deferred(struct fixture *fixture, size_t count) {
    for (size_t there = 0; there < count; pause_briefly()) {
        pthread_mutex_lock(&fixture->finisher.lock);
        there = fixture->finisher.count;
        pthread_mutex_unlock(&fixture->finisher.lock);
    }
}

static struct raw *send_get(struct fixture *fixture, const char *path) {
    char request[128];
    struct raw *raw = raw_open(http_server_port(fixture->server));
    snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: t\r\n\r\n", path);
    raw_send(raw, request);
    return raw;
}

static void test_finished_by_another_thread(void **state) {
    struct fixture *fixture = *state;
    struct reply reply;
    struct raw *raw = send_get(fixture, "/defer/one");
    raw_read(raw, &reply, false);
    assert_int_equal(reply.status, 200);
    assert_string_equal(reply.body, "one");
    assert_string_equal(reply_header(&reply, "X-From"), "finisher");
    raw_send(raw, "HEAD /defer/two HTTP/1.1\r\nHost: t\r\n\r\n"); /* kept alive */
    raw_read(raw, &reply, true);
    assert_string_equal(reply_header(&reply, "Content-Length"), "3");
    raw_close(raw);
}

static void test_finished_at_once(void **state) {
    struct fixture *fixture = *state;
    struct reply reply;
    struct raw *raw = send_get(fixture, "/at-once");
    raw_read(raw, &reply, false);
    assert_string_equal(reply.body, "at once");
    for (int i = 0; i < 100; i++) {
        raw_send(raw, i % 2 == 0 ? "GET /worker-at-once HTTP/1.1\r\nHost: t\r\n\r\n"
                                 : "GET /at-once HTTP/1.1\r\nHost: t\r\n\r\n");
        raw_read(raw, &reply, false);
        assert_string_equal(reply.body, "at once");
    }
    raw_close(raw);
}

static void test_client_that_left(void **state) {
    struct fixture *fixture = *state;
    struct reply reply;
    hold(fixture, true);
    for (int i = 0; i < 20; i++)
        raw_close(send_get(fixture, "/defer/gone"));
    struct raw *raw = send_get(fixture, "/defer/there");
    wait_for_deferred(fixture, 21);
    hold(fixture, false);
    raw_read(raw, &reply, false);
    assert_string_equal(reply.body, "there");
    raw_close(raw);
}

struct client {
    struct fixture *fixture;
    int number;
    int good;
};

enum { CLIENTS = 12, REQUESTS = 150 };

static void *request_many(void *client_) {
    static const char *const paths[] = {"/defer/%s",        "/plain/%s",  "/worker/%s",
                                        "/worker-defer/%s", "/handed/%s", "/handed-defer/%s"};
    struct client *client = client_;
    struct reply *reply = memory_alloc(sizeof(*reply));
    struct raw *raw = raw_open(http_server_port(client->fixture->server));
    for (int i = 0; i < REQUESTS; i++) {
        char text[32], path[64], request[128];
        snprintf(text, sizeof(text), "%d-%d", client->number, i);
        const char *form = paths[(i + client->number) % 6];
        snprintf(path, sizeof(path), "%.*s%s", (int)(strlen(form) - 2), form, text);
        snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: t\r\n\r\n", path);
        do { /* the worker's queue holds two: 503 is a fair answer, and asks to come again */
            raw_send(raw, request);
            raw_read(raw, reply, false);
        } while (reply->status == 503);
        client->good += reply->status == 200 && strcmp(reply->body, text) == 0;
    }
    raw_close(raw);
    free(reply);
    return NULL;
}

static void test_many_at_a_time(void **state) {
    struct client clients[CLIENTS];
    pthread_t threads[CLIENTS];
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = (struct client){.fixture = *state, .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, request_many, &clients[i]), 0);
    }
    for (int i = 0; i < CLIENTS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(clients[i].good, REQUESTS);
    }
}

static void test_full_worker_queue(void **state) {
    struct fixture *fixture = *state;
    struct reply reply;
    struct pollfd polled[4];
    struct raw *raw[4];
    int refused = -1;
    raw[0] = send_get(fixture, "/block");
    sem_wait(&fixture->started); /* the one worker is busy, the queue of two is empty */
    for (int i = 1; i < 4; i++)
        raw[i] = send_get(fixture, "/block");
    for (int i = 0; i < 4; i++)
        polled[i] = (struct pollfd){.fd = raw[i]->fd, .events = POLLIN};
    assert_int_equal(poll(polled, 4, 30000), 1);
    for (int i = 1; i < 4; i++)
        if (polled[i].revents != 0) refused = i;
    assert_true(refused > 0);
    raw_read(raw[refused], &reply, false);
    assert_int_equal(reply.status, 503);
    assert_string_equal(reply_header(&reply, "Retry-After"), "1");
    for (int i = 0; i < 3; i++)
        sem_post(&fixture->release);
    for (int i = 0; i < 4; i++) {
        if (i != refused) {
            raw_read(raw[i], &reply, false);
            assert_string_equal(reply.body, "released");
        }
        raw_close(raw[i]);
    }
}

/* ---- stop ---- */

struct stopper {
    struct fixture *fixture;
    int64_t grace_ms;
    _Atomic bool returned;
    pthread_t thread;
};

static void *run_stop(void *stopper_) {
    struct stopper *stopper = stopper_;
    http_server_stop(stopper->fixture->server, stopper->grace_ms);
    stopper->returned = true;
    return NULL;
}

static void begin_stop(struct stopper *stopper) {
    int port = http_server_port(stopper->fixture->server);
    assert_int_equal(pthread_create(&stopper->thread, NULL, run_stop, stopper), 0);
    for (struct raw *raw; (raw = raw_try_open(port)) != NULL; pause_briefly()) /* until it turns newcomers away */
        raw_close(raw);
}

static void test_stop_answers_what_is_under_way(void **state) {
    struct fixture *fixture = *state;
    struct reply reply;
    struct raw *raw[30];
    hold(fixture, true);
    struct raw *idle = send_get(fixture, "/plain/idle");
    raw_read(idle, &reply, false);
    for (int i = 0; i < 30; i++)
        raw[i] = send_get(fixture, "/defer/late");
    wait_for_deferred(fixture, 30);

    struct stopper stopper = {.fixture = fixture, .grace_ms = 30000};
    begin_stop(&stopper);
    raw_send(idle, "GET /plain/more HTTP/1.1\r\nHost: t\r\n\r\n"); /* a kept connection is served once more */
    raw_read(idle, &reply, false);
    assert_string_equal(reply.body, "more");
    assert_string_equal(reply_header(&reply, "Connection"), "close");
    assert_true(raw_at_end(idle));
    assert_false(stopper.returned);

    hold(fixture, false);
    for (int i = 0; i < 30; i++) {
        raw_read(raw[i], &reply, false);
        assert_int_equal(reply.status, 200);
        assert_string_equal(reply.body, "late");
        assert_string_equal(reply_header(&reply, "Connection"), "close");
        raw_close(raw[i]);
    }
    pthread_join(stopper.thread, NULL);
    raw_close(idle);
}

static void test_stop_without_grace_waits_for_owners(void **state) {
    enum { KEPT = 100 };
    struct fixture *fixture = *state;
    struct reply reply;
    struct raw *kept[KEPT];
    hold(fixture, true);
    for (int i = 0; i < KEPT; i++) {
        kept[i] = send_get(fixture, "/plain/kept");
        raw_read(kept[i], &reply, false);
    }
    struct raw *busy = send_get(fixture, "/block");
    sem_wait(&fixture->started);
    struct raw *waiting = send_get(fixture, "/defer/late");
    wait_for_deferred(fixture, 1);

    struct stopper stopper = {.fixture = fixture, .grace_ms = 0};
    begin_stop(&stopper);
    int refused = 0;
    for (int i = 0; i < KEPT; i++) { /* the first may still be served: the grace ends a little after the listening */
        raw_send(kept[i], "GET /plain/kept HTTP/1.1\r\nHost: t\r\n\r\n");
        raw_read(kept[i], &reply, false);
        assert_true(reply.status == 200 || reply.status == 503);
        assert_true(raw_at_end(kept[i]));
        refused += reply.status == 503;
        pause_briefly();
    }
    assert_true(refused > 0);
    assert_false(stopper.returned);
    hold(fixture, false);
    sem_post(&fixture->release);
    pthread_join(stopper.thread, NULL);
    raw_close(busy);
    raw_close(waiting);
    for (int i = 0; i < KEPT; i++)
        raw_close(kept[i]);
}

/* Clients that never stop asking: every request is answered or its connection closed, and the server ends. */
static void *ask_until_closed(void *fixture_) {
    static const char requests[] = "GET /defer/x HTTP/1.1\r\nHost: t\r\n\r\nGET /worker/x HTTP/1.1\r\nHost: t\r\n\r\n";
    struct fixture *fixture = fixture_;
    struct reply *reply = memory_alloc(sizeof(*reply));
    int port = http_server_port(fixture->server);
    for (struct raw *raw; (raw = raw_try_open(port)) != NULL; raw_close(raw)) {
        do {
            if (!raw_try_send(raw, requests, sizeof(requests) - 1)) break;
            raw_read(raw, reply, false);
            if (reply->status != 0) raw_read(raw, reply, false);
        } while (reply->status != 0);
    }
    free(reply);
    return NULL;
}

static void test_stop_under_load(void **state) {
    struct fixture *fixture = *state;
    pthread_t threads[6];
    for (int i = 0; i < 6; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask_until_closed, fixture), 0);
    while (metric_get(&fixture->metrics, METRIC_HTTP_REQUESTS) < 2000)
        pause_briefly();
    http_server_stop(fixture->server, 50);
    for (int i = 0; i < 6; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(metric_get(&fixture->metrics, METRIC_HTTP_CONNECTIONS), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_finished_by_another_thread, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_finished_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_client_that_left, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_many_at_a_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_full_worker_queue, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_stop_answers_what_is_under_way, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_stop_without_grace_waits_for_owners, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_stop_under_load, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
