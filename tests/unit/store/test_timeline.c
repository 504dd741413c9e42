/* The events of several emails in one list are those of each email, on both databases. */
#include "tests/unit/store/fault_driver.h"
#include "tests/unit/store/history.h"

#include "store/timeline.h"

#include "base/banned.h"

#define MAILS      50
#define HAPPENINGS 900
#define FIRST      1764000000000LL

struct scene {
    struct history history;
    struct mail mails[MAILS];
    int64_t ids[MAILS];
};

/* Few moments for many events, which arrive in no order: they share milliseconds, within an email and among them. */
static void happen(struct scene *scene, uint64_t *dice, int mails) {
    static const enum event_type types[] = {EVENT_DELIVERED, EVENT_OPEN, EVENT_CLICK, EVENT_REPLY, EVENT_BOUNCE};
    static const char *const urls[] = {"https://jobs.example.org/a", "https://jobs.example.org/b", NULL};
    struct happening happenings[30];
    for (size_t done = 0; done < HAPPENINGS; done += 30) {
        for (size_t i = 0; i < 30; i++) {
            enum event_type type = types[history_pick(dice, 5)];
            happenings[i] = (struct happening){.mail = &scene->mails[history_pick(dice, mails)],
                                               .type = type,
                                               .at = FIRST + history_pick(dice, 40),
                                               .url = type == EVENT_CLICK ? urls[history_pick(dice, 3)] : NULL};
        }
        history_apply(&scene->history, happenings, 30);
    }
}

static void scene_begin(struct scene *scene, struct fixture *fixture, uint64_t seed, int mails) {
    *scene = (struct scene){.ids = {0}};
    history_begin(&scene->history, fixture, "UTC");
    for (int i = 0; i < MAILS; i++)
        scene->mails[i] = (struct mail){.sent_at = FIRST - HOUR_MS, .candidate = 1, .level = TRACKING_FULL};
    history_register(&scene->history, scene->mails, MAILS);
    for (int i = 0; i < MAILS; i++)
        scene->ids[i] = scene->mails[i].id;
    happen(scene, &seed, mails);
}

static int compare_latest_first(const void *left, const void *right) {
    const struct event_key *a = &((const struct stored_event *)left)->key;
    const struct event_key *b = &((const struct stored_event *)right)->key;
    if (a->occurred_at != b->occurred_at) return a->occurred_at > b->occurred_at ? -1 : 1;
    return event_key_compare(a, b);
}

/* Email by email, and sorted here. */
static size_t expect(struct scene *scene, struct fixture *fixture, struct stored_event *ret, size_t capacity) {
    size_t all = 0;
    for (int i = 0; i < MAILS; i++) {
        struct stored_event *events;
        size_t count;
        assert_done(engagement_timeline(fixture->db, scene->history.organization_id, scene->ids[i], TIMELINE_MAX,
                                        fixture->arena, &events, &count, err));
        assert_true(all + count <= capacity);
        if (count > 0) memcpy(ret + all, events, count * sizeof(*events));
        all += count;
    }
    qsort(ret, all, sizeof(*ret), compare_latest_first);
    return all;
}

static void assert_same_event(const struct stored_event *a, const struct stored_event *b) {
    assert_int_equal(event_key_compare(&a->key, &b->key), 0);
    assert_int_equal(a->verdict, b->verdict);
    assert_int_equal(a->bounce, b->bounce);
    assert_int_equal(a->reasons, b->reasons);
    assert_int_equal(a->received_at, b->received_at);
    assert_int_equal(a->endpoint_id, b->endpoint_id);
    assert_int_equal(a->link_position, b->link_position);
    assert_true(slice_equal(a->url, b->url));
    assert_true(slice_equal(a->ip_address, b->ip_address));
    assert_true(slice_equal(a->user_agent, b->user_agent));
    assert_true(slice_equal(a->provider_event_id, b->provider_event_id));
    assert_true(slice_equal(a->metadata, b->metadata));
}

/* By one query, however many emails: a call of the driver for it, and one for each row. */
static void check(struct scene *scene, struct fixture *fixture, size_t limit, const struct stored_event *expected,
                  size_t all) {
    struct stored_event *events;
    struct fault_driver faults;
    size_t count, wanted = all < limit ? all : limit;
    fault_install(&faults, fixture->db);
    fault_arm(&faults, (int64_t)wanted + 3, ERR_UNAVAILABLE);
    assert_done(timeline_latest(fixture->db, scene->history.organization_id, scene->ids, MAILS, limit, fixture->arena,
                                &events, &count, err));
    fault_remove(&faults, fixture->db);
    assert_int_equal(count, wanted);
    for (size_t i = 0; i < count; i++)
        assert_same_event(&events[i], &expected[i]);
}

static void is_what_the_emails_have(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct scene scene, other;
    struct stored_event expected[HAPPENINGS];
    scene_begin(&scene, fixture, 4711, MAILS);
    scene_begin(&other, fixture, 11, MAILS);
    size_t all = expect(&scene, fixture, expected, HAPPENINGS);
    assert_in_range(all, 500, HAPPENINGS); /* some are the same event twice */
    check(&scene, fixture, TIMELINE_MAX, expected, all);
    check(&scene, fixture, all, expected, all);
    check(&scene, fixture, 101, expected, all);
    check(&scene, fixture, 1, expected, all);
    /* Emails of an organization only, and none of no email. */
    struct stored_event *events;
    size_t count;
    assert_done(timeline_latest(fixture->db, scene.history.organization_id, other.ids, MAILS, 100, fixture->arena,
                                &events, &count, err));
    assert_int_equal(count, 0);
    assert_done(timeline_latest(fixture->db, scene.history.organization_id, scene.ids, 0, 100, fixture->arena, &events,
                                &count, err));
    assert_int_equal(count, 0);
    history_end(&other.history);
    history_end(&scene.history);
}

/* Where one email has nearly all events. */
static void of_one_long_email(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct scene scene;
    struct stored_event expected[HAPPENINGS];
    scene_begin(&scene, fixture, 815, 2);
    size_t all = expect(&scene, fixture, expected, HAPPENINGS);
    assert_in_range(all, 200, HAPPENINGS);
    check(&scene, fixture, TIMELINE_MAX, expected, all);
    check(&scene, fixture, 101, expected, all);
    history_end(&scene.history);
}

int main(void) {
    struct CMUnitTest tests[] = {contract_test(is_what_the_emails_have), contract_test(of_one_long_email)};
    return run_contract(tests, sizeof(tests) / sizeof(tests[0]));
}
