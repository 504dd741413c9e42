/* The hub: who gets what, in which order, and what happens when somebody does not keep up. */
#include "notify/hub.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/memory.h"

#define TEXT_MAX 65536

/* A stream: what came out of it. */
struct listener {
    struct hub_subscriber *subscriber;
    struct hub_resume resume;
    _Atomic int wakes;
    char text[TEXT_MAX];
    size_t len;
    bool ended;
};

static void wake(void *listener_) {
    struct listener *listener = listener_;
    atomic_fetch_add(&listener->wakes, 1);
}

static struct hub *start(struct hub_options options) {
    struct hub *hub;
    struct err err;
    if (options.subscribers_max == 0) options.subscribers_max = 10;
    if (options.heartbeat_ms == 0) options.heartbeat_ms = 3600000;
    assert_int_equal(hub_start(&options, &hub, &err), 0);
    return hub;
}

static struct listener *listen_as(struct hub *hub, struct hub_viewer viewer, const char *last_id) {
    struct listener *listener = memory_alloc(sizeof(*listener));
    struct err err;
    assert_int_equal(hub_subscribe(hub, &viewer, slice_cstr(last_id), wake, listener, &listener->subscriber,
                                   &listener->resume, &err),
                     0);
    return listener;
}

static void leave(struct listener *listener) {
    hub_unsubscribe(listener->subscriber);
    free(listener);
}

/* In small pieces, so that frames are cut. */
static void read_on(struct listener *listener) {
    ptrdiff_t len;
    while ((len = hub_take(listener->subscriber, listener->text + listener->len, 7)) > 0)
        listener->len += (size_t)len;
    listener->text[listener->len] = '\0';
    if (len < 0) listener->ended = true;
}

static int count_of(struct listener *listener, const char *word) {
    int count = 0;
    read_on(listener);
    for (const char *at = listener->text; (at = strstr(at, word)); at++)
        count++;
    return count;
}

static void await(struct listener *listener, const char *word, int wanted) {
    while (count_of(listener, word) < wanted)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    assert_int_equal(count_of(listener, word), wanted);
}

static void say(struct hub *hub, enum hub_kind kind, int64_t organization, int64_t user, int64_t job,
                const char *data) {
    hub_publish(
        hub,
        &(struct hub_message){
            .kind = kind, .organization_id = organization, .user_id = user, .job_id = job, .data = slice_cstr(data)});
}

static struct hub_viewer viewer_of(int64_t organization, int64_t user) {
    return (struct hub_viewer){
        .organization_id = organization, .user_id = user, .session_id = user, .all_jobs = true, .engagement = true};
}

static void last_id(struct listener *listener, char out[HUB_ID_MAX]) {
    const char *at = NULL;
    read_on(listener);
    for (const char *next = listener->text; (next = strstr(next, "id: ")); next++)
        at = next + 4;
    assert_non_null(at);
    snprintf(out, HUB_ID_MAX, "%.*s", (int)strcspn(at, "\n"), at);
}

static void test_everybody_hears_what_is_theirs(void **state) {
    struct hub *hub = start((struct hub_options){0});
    const int64_t jobs[] = {5};
    struct hub_viewer manager = viewer_of(1, 3), quiet = viewer_of(1, 4);
    manager.all_jobs = false;
    manager.jobs = jobs;
    manager.job_count = 1;
    quiet.engagement = false;
    struct listener *one = listen_as(hub, viewer_of(1, 2), ""), *managers = listen_as(hub, manager, ""),
                    *quiets = listen_as(hub, quiet, ""), *others = listen_as(hub, viewer_of(9, 2), "");
    say(hub, HUB_ENGAGEMENT, 1, 0, 5, "\"job 5\"");
    say(hub, HUB_ENGAGEMENT, 1, 0, 6, "\"job 6\"");
    say(hub, HUB_ENGAGEMENT, 1, 0, 0, "\"no job\"");
    say(hub, HUB_NOTIFICATION, 1, 3, 5, "\"for 3\"");
    say(hub, HUB_WITHDRAWN, 1, 2, 0, "\"end\"");
    say(hub, HUB_NOTIFICATION, 1, 3, 0, "\"end\"");
    say(hub, HUB_NOTIFICATION, 1, 4, 0, "\"end\"");
    say(hub, HUB_NOTIFICATION, 9, 2, 0, "\"end\"");
    struct listener *all[] = {one, managers, quiets, others};
    const int engagement[] = {3, 1, 0, 0};
    for (int i = 0; i < 4; i++) {
        await(all[i], "\"end\"", 1);
        assert_int_equal(count_of(all[i], "event: engagement"), engagement[i]);
        assert_int_equal(count_of(all[i], "\"for 3\""), i == 1);
        assert_int_equal(count_of(all[i], "event: ready"), 1);
        assert_true(atomic_load(&all[i]->wakes) > 0);
    }
    assert_non_null(strstr(one->text, "event: notification_withdrawn\ndata: \"end\"\n\n"));
    assert_true(strstr(one->text, "job 5") < strstr(one->text, "job 6"));
    for (int i = 0; i < 4; i++)
        leave(all[i]);
    hub_free(hub);
}

static void test_resumes_behind_the_last_id(void **state) {
    struct hub *hub = start((struct hub_options){.ring_max = 4});
    char id[HUB_ID_MAX], foreign[HUB_ID_MAX + 8];
    struct listener *first = listen_as(hub, viewer_of(1, 2), "");
    say(hub, HUB_ENGAGEMENT, 1, 0, 0, "\"one\"");
    await(first, "\"one\"", 1);
    last_id(first, id);
    struct listener *stays = listen_as(hub, viewer_of(1, 3), "");
    leave(first);
    for (int i = 0; i < 4; i++)
        say(hub, HUB_ENGAGEMENT, 1, 0, 0, "\"more\"");
    await(stays, "\"more\"", 4);
    struct listener *again = listen_as(hub, viewer_of(1, 2), id);
    assert_false(again->resume.missed);
    await(again, "\"more\"", 4);
    assert_int_equal(count_of(again, "\"one\""), 0);
    assert_int_equal(count_of(again, "event: ready"), 0);
    leave(again);

    say(hub, HUB_ENGAGEMENT, 1, 0, 0, "\"more\""); /* now the ring does not reach back to it */
    await(stays, "\"more\"", 5);
    again = listen_as(hub, viewer_of(1, 2), id);
    assert_true(again->resume.missed);
    assert_true(again->resume.since > 1600000000000);
    leave(again);
    snprintf(foreign, sizeof(foreign), "x%s", id);
    static const char *const damaged[] = {"", "1", "-", "--", "zz-1-5", "00000000-99999999999999999999-1", NULL};
    for (int i = 1; damaged[i]; i++) {
        again = listen_as(hub, viewer_of(1, 2), damaged[i]);
        assert_true(again->resume.missed);
        leave(again);
    }
    again = listen_as(hub, viewer_of(1, 2), foreign);
    assert_true(again->resume.missed && again->resume.since > 1600000000000);
    leave(again);
    leave(stays);
    hub_free(hub);
}

static void test_a_slow_stream_gets_a_gap_and_goes_on(void **state) {
    struct hub *hub = start((struct hub_options){.queue_max = 3});
    struct listener *slow = listen_as(hub, viewer_of(1, 2), ""), *quick = listen_as(hub, viewer_of(1, 3), "");
    for (int i = 0; i < 10; i++) {
        say(hub, HUB_ENGAGEMENT, 1, 0, 0, "\"lost\"");
        await(quick, "\"lost\"", i + 1);
    }
    assert_int_equal(count_of(quick, "event: gap"), 0);
    assert_int_equal(count_of(slow, "event: gap"), 1);
    assert_true(count_of(slow, "\"lost\"") < 10);
    say(hub, HUB_ENGAGEMENT, 1, 0, 0, "\"after\"");
    await(slow, "\"after\"", 1);
    assert_int_equal(count_of(slow, "event: gap"), 1);
    leave(slow);
    leave(quick);
    hub_free(hub);
}

static void test_ends(void **state) {
    struct hub *hub = start((struct hub_options){.subscribers_max = 2});
    struct listener *one = listen_as(hub, viewer_of(1, 2), ""), *two = listen_as(hub, viewer_of(1, 3), "");
    struct hub_subscriber *third;
    struct hub_resume resume;
    struct err err;
    struct hub_viewer viewer = viewer_of(1, 4);
    assert_int_equal(hub_subscribe(hub, &viewer, SLICE_NONE, wake, one, &third, &resume, &err), -ERR_FULL);
    hub_end_user(hub, 2, 2); /* of another organization */
    read_on(one);
    assert_false(one->ended);
    hub_end_session(hub, 1, 2);
    read_on(one);
    read_on(two);
    assert_true(one->ended && !two->ended);
    assert_true(hub_is_heard(hub, 1));
    assert_false(hub_is_heard(hub, 2));
    leave(one);
    leave(two);
    assert_true(hub_is_heard(hub, 1)); /* they may come back */
    hub_free(hub);
}

static void test_says_that_it_is_there(void **state) {
    struct hub *hub = start((struct hub_options){.heartbeat_ms = 1});
    struct listener *one = listen_as(hub, viewer_of(1, 2), "");
    while (count_of(one, ": still here") < 2)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    leave(one);
    hub_free(hub);
}

/* Streams come and go while others publish: for the sanitizers. */
static void *publish_many(void *hub) {
    for (int i = 0; i < 2000; i++)
        say(hub, HUB_ENGAGEMENT, 1 + i % 2, 0, 0, "\"x\"");
    return NULL;
}

static void test_coming_and_going(void **state) {
    struct hub *hub = start((struct hub_options){.queue_max = 16, .ring_max = 16});
    pthread_t publishers[2];
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&publishers[i], NULL, publish_many, hub), 0);
    for (int i = 0; i < 200; i++) {
        struct listener *one = listen_as(hub, viewer_of(1 + i % 2, 2), "");
        read_on(one);
        leave(one);
    }
    for (int i = 0; i < 2; i++)
        pthread_join(publishers[i], NULL);
    hub_free(hub);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everybody_hears_what_is_theirs),
        cmocka_unit_test(test_resumes_behind_the_last_id),
        cmocka_unit_test(test_a_slow_stream_gets_a_gap_and_goes_on),
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_says_that_it_is_there),
        cmocka_unit_test(test_coming_and_going),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
