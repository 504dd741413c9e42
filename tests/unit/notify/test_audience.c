/* Who is told of what. */
#include "notify/audience.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/clock.h"

#define NOW (1790000000000LL) /* 2026-09-21T14:13:20Z */

static struct watcher a_watcher(enum user_role role) {
    return (struct watcher){.organization_id = 1,
                            .user_id = 7,
                            .role = role,
                            .time_zone = SLICE("UTC"),
                            .preferences = notification_preferences_default(role)};
}

static struct outbox_item an_item(enum event_type type) {
    return (struct outbox_item){
        .row = {.organization_id = 1, .email_log_id = 3, .event_type = type, .occurred_at = NOW - MINUTE_MS},
        .sender_id = 7,
        .candidate_id = 5,
        .job_id = 11,
        .first_opened_at = NOW - HOUR_MS};
}

static void test_standard(void **state) {
    struct watcher watcher = a_watcher(USER_RECRUITER);
    static const enum event_type told[] = {EVENT_OPEN,   EVENT_CLICK,       EVENT_REPLY,
                                           EVENT_BOUNCE, EVENT_UNSUBSCRIBE, EVENT_SPAM};
    static const enum event_type untold[] = {EVENT_PROCESSED, EVENT_DELIVERED, EVENT_DEFERRED, EVENT_AUTO_REPLY};
    for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++) {
        struct outbox_item item = an_item(told[i]);
        assert_true(audience_wants(&watcher, &item, NOW));
        item.sender_id = 8;
        assert_false(audience_wants(&watcher, &item, NOW));
    }
    for (size_t i = 0; i < sizeof(untold) / sizeof(untold[0]); i++) {
        struct outbox_item item = an_item(untold[i]);
        assert_false(audience_wants(&watcher, &item, NOW));
    }
}

static void test_other_organization_and_history(void **state) {
    struct watcher watcher = a_watcher(USER_ADMIN);
    struct outbox_item item = an_item(EVENT_OPEN);
    watcher.preferences.scope = NOTIFY_TEAM;
    item.row.organization_id = 2;
    assert_false(audience_wants(&watcher, &item, NOW));
    item.row.organization_id = 1;
    item.row.occurred_at = NOW - NEWS_MAX_AGE_MS;
    assert_true(audience_wants(&watcher, &item, NOW));
    item.row.occurred_at--;
    assert_false(audience_wants(&watcher, &item, NOW));
}

static void test_first_open(void **state) {
    struct watcher watcher = a_watcher(USER_RECRUITER);
    struct outbox_item item = an_item(EVENT_OPEN);
    watcher.preferences.events = 1 << NOTIFY_FIRST_OPEN;
    assert_false(audience_wants(&watcher, &item, NOW));
    item.first_opened_at = item.row.occurred_at;
    assert_true(audience_wants(&watcher, &item, NOW));
    watcher.preferences.events |= 1 << NOTIFY_OPEN;
    item.first_opened_at = NOW - HOUR_MS;
    assert_true(audience_wants(&watcher, &item, NOW));
}

static void test_hot_only(void **state) {
    struct watcher watcher = a_watcher(USER_RECRUITER);
    struct outbox_item item = an_item(EVENT_OPEN);
    item.below_hot = true;
    assert_true(audience_wants(&watcher, &item, NOW));
    watcher.preferences.hot_only = true;
    assert_true(audience_wants(&watcher, &item, NOW)); /* sees no scores */
    assert_false(audience_asks_score(&watcher));
    watcher.sees_scores = true;
    assert_true(audience_asks_score(&watcher));
    assert_false(audience_wants(&watcher, &item, NOW));
    item.below_hot = false; /* hot, or there are no scores */
    assert_true(audience_wants(&watcher, &item, NOW));
}

static void test_hiring_manager(void **state) {
    struct watcher watcher = a_watcher(USER_HIRING_MANAGER);
    struct outbox_item item = an_item(EVENT_OPEN);
    int64_t jobs[] = {10, 11};
    watcher.jobs = jobs;
    for (int scope = NOTIFY_MINE; scope <= NOTIFY_TEAM; scope++) {
        watcher.preferences.scope = (enum notification_scope)scope;
        watcher.job_count = 1;
        assert_false(audience_wants(&watcher, &item, NOW));
        watcher.job_count = 2;
        assert_true(audience_wants(&watcher, &item, NOW));
    }
    item.job_id = 0;
    jobs[0] = 0;
    assert_false(audience_wants(&watcher, &item, NOW));
}

static void test_quiet_hours(void **state) {
    struct watcher watcher = a_watcher(USER_RECRUITER);
    struct notification_preferences *wanted = &watcher.preferences;
    assert_false(audience_is_quiet(&watcher, NOW));
    wanted->has_quiet_hours = true;
    wanted->quiet_from = 14 * 60;
    wanted->quiet_to = 14 * 60 + 13;
    assert_false(audience_is_quiet(&watcher, NOW)); /* 14:13 */
    wanted->quiet_to++;
    assert_true(audience_is_quiet(&watcher, NOW));
    wanted->quiet_from = 20 * 60; /* over midnight */
    assert_true(audience_is_quiet(&watcher, NOW));
    wanted->quiet_to = 7 * 60;
    assert_false(audience_is_quiet(&watcher, NOW));
    watcher.time_zone = SLICE("Asia/Kolkata"); /* 19:43 */
    assert_false(audience_is_quiet(&watcher, NOW));
    assert_true(audience_is_quiet(&watcher, NOW + 17 * MINUTE_MS));
}

static void test_interest(void **state) {
    struct arena *arena = arena_new();
    struct watcher watchers[] = {a_watcher(USER_RECRUITER), a_watcher(USER_RECRUITER), a_watcher(USER_ADMIN)};
    size_t count;
    watchers[1].user_id = 9;
    watchers[1].preferences.events = 1 << NOTIFY_REPLY;
    watchers[2].organization_id = 4;
    watchers[2].preferences.scope = NOTIFY_TEAM;
    struct interest *interests = interests_make(watchers, 3, arena, &count);
    assert_int_equal(count, 2);
    const struct interest *own = interest_find(interests, count, 1), *team = interest_find(interests, count, 4);
    assert_null(interest_find(interests, count, 2));
    assert_true(interest_wants(own, 7, EVENT_OPEN) && interest_wants(own, 9, EVENT_OPEN));
    assert_false(interest_wants(own, 8, EVENT_OPEN) || interest_wants(own, 0, EVENT_OPEN));
    assert_true(interest_wants(team, 8, EVENT_OPEN));
    assert_false(interest_wants(team, 8, EVENT_DELIVERED));
    watchers[2].preferences.events = 0;
    interests_make(watchers, 3, arena, &count);
    assert_int_equal(count, 1);
    arena_free(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_standard),       cmocka_unit_test(test_other_organization_and_history),
        cmocka_unit_test(test_first_open),     cmocka_unit_test(test_hot_only),
        cmocka_unit_test(test_hiring_manager), cmocka_unit_test(test_quiet_hours),
        cmocka_unit_test(test_interest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
