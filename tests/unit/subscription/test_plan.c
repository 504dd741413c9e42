/* What leaves the outbox becomes deliveries, and what is taken back is told to those who were told of it, once; on both
 * databases. */
#include "subscription/plan.h"

#include "base/random.h"
#include "store/webhook_deliveries.h"
#include "subscription/payload.h"
#include "tests/unit/store/history.h"

#include "base/banned.h"

#define NOW   1764000000000LL
#define OPENS WEBHOOK_BIT(WEBHOOK_EMAIL_OPENED)
#define BACK  WEBHOOK_BIT(WEBHOOK_EVENT_WITHDRAWN)

struct scene {
    struct fixture *fixture;
    struct db *db;
    struct history history;
    struct mail mails[3]; /* two of candidate 1, one of candidate 2 */
    int64_t candidate;    /* number 1's id */
};

static void scene_begin(struct scene *scene, void **state) {
    *scene = (struct scene){.fixture = fixture_of(state), .db = fixture_of(state)->db};
    history_begin(&scene->history, scene->fixture, "UTC");
    for (int i = 0; i < 3; i++)
        scene->mails[i] = (struct mail){.sent_at = NOW - DAY_MS, .candidate = i < 2 ? 1 : 2, .level = TRACKING_FULL};
    history_register(&scene->history, scene->mails, 3);
    scene->candidate = ask_int(scene->db, "SELECT id FROM candidates WHERE external_id LIKE '%1'");
}

static int64_t subscribe(struct scene *scene, int64_t events) {
    struct webhook_subscription subscription = {.organization_id = scene->history.organization_id,
                                                .url = SLICE("https://x.example/"),
                                                .description = SLICE(""),
                                                .events = events,
                                                .secret = SLICE("sealed")};
    assert_done(db_begin(scene->db, DB_WRITE, err));
    assert_done(webhook_subscription_insert(scene->db, &subscription, NOW, err));
    assert_done(db_commit(scene->db, err));
    return subscription.id;
}

static struct outbox_item happened(const struct scene *scene, int mail, enum event_type type, int64_t at) {
    return (struct outbox_item){.row = {.kind = OUTBOX_EVENT,
                                        .organization_id = scene->history.organization_id,
                                        .email_log_id = scene->mails[mail].id,
                                        .event_type = type,
                                        .occurred_at = at,
                                        .recipient_ref = 7,
                                        .score = SCORE_UNKNOWN}};
}

static struct outbox_item retracted(struct outbox_item item) {
    item.row.kind = OUTBOX_RETRACTED;
    return item;
}

/* `type`: only events of that type, 0: opens and clicks. */
static struct outbox_item objected(const struct scene *scene, enum event_type type) {
    return (struct outbox_item){.row = {.kind = OUTBOX_OBJECTED,
                                        .organization_id = scene->history.organization_id,
                                        .candidate_id = scene->candidate,
                                        .event_type = type,
                                        .occurred_at = NOW,
                                        .score = SCORE_UNKNOWN},
                                .candidate_id = scene->candidate};
}

static struct plan_result plan(struct scene *scene, const struct outbox_item *items, size_t count, int64_t backlog) {
    struct plan_result result;
    assert_done(db_begin(scene->db, DB_WRITE, err));
    assert_done(plan_deliveries(scene->db, items, count, backlog, NOW, scene->fixture->arena, &result, err));
    assert_done(db_commit(scene->db, err));
    return result;
}

/* The deliveries of a subscription, the latest first. */
static size_t deliveries(struct scene *scene, int64_t subscription, struct webhook_delivery **ret) {
    size_t count;
    assert_done(webhook_deliveries_list(scene->db, scene->history.organization_id, subscription, -1, INT64_MAX, 1000,
                                        scene->fixture->arena, ret, &count, err));
    return count;
}

static void an_event_is_taken_back_once_where_it_was_told(void **state) {
    struct scene scene;
    struct webhook_delivery *list;
    scene_begin(&scene, state);
    int64_t both = subscribe(&scene, OPENS | BACK), opens = subscribe(&scene, OPENS), back = subscribe(&scene, BACK);
    const struct outbox_item event = happened(&scene, 0, EVENT_OPEN, NOW - 5),
                             other = happened(&scene, 0, EVENT_OPEN, NOW - 4);
    const struct outbox_item first[] = {event, other}, taken = retracted(event);
    assert_int_equal(plan(&scene, first, 2, 100).added, 4);
    run_sql(scene.db, "UPDATE webhook_deliveries SET state = 1, attempts = 1, next_attempt_at = NULL");
    assert_int_equal(plan(&scene, &taken, 1, 100).added, 1);
    assert_int_equal(plan(&scene, &taken, 1, 100).added, 0);
    assert_int_equal(deliveries(&scene, both, &list), 3);
    assert_int_equal(list[0].event, WEBHOOK_EVENT_WITHDRAWN);
    const struct outbox_row *row = &list[0].item.row;
    assert_true(row->email_log_id == event.row.email_log_id && row->occurred_at == NOW - 5 && row->recipient_ref == 7);
    assert_true(row->event_type == EVENT_OPEN && row->kind == OUTBOX_RETRACTED && !list[0].withdrawn);
    assert_true(payload_allowed(&list[0]));
    assert_true(list[2].withdrawn && !list[1].withdrawn && payload_allowed(&list[1]) && !payload_allowed(&list[2]));
    assert_int_equal(deliveries(&scene, opens, &list), 2);
    assert_int_equal(deliveries(&scene, back, &list), 0);
    history_end(&scene.history);
}

/* Who has not been told is not told any more, neither of the event nor that it was taken back. */
static void what_was_not_sent_is_withheld(void **state) {
    struct scene scene;
    struct webhook_delivery *list;
    int64_t ids[5];
    size_t count;
    scene_begin(&scene, state);
    int64_t both = subscribe(&scene, OPENS | BACK), organization = scene.history.organization_id;
    const struct outbox_item events[] = {happened(&scene, 0, EVENT_OPEN, NOW - 5),
                                         happened(&scene, 1, EVENT_OPEN, NOW - 4)};
    const struct outbox_item taken[] = {retracted(events[0]), retracted(events[1])};
    assert_int_equal(plan(&scene, events, 1, 100).added, 1);
    assert_int_equal(plan(&scene, taken, 1, 100).added, 0);
    assert_int_equal(deliveries(&scene, both, &list), 1);
    assert_true(list[0].withdrawn && !payload_allowed(&list[0]));
    /* One that somebody claimed may have arrived, also when the process ended and nobody knows. */
    assert_int_equal(plan(&scene, &events[1], 1, 100).added, 1);
    assert_done(db_begin(scene.db, DB_WRITE, err));
    assert_done(webhook_deliveries_claim(scene.db, organization, both, NOW, NOW + 60000, 5, ids, &count, err));
    assert_done(webhook_deliveries_release_all(scene.db, err));
    assert_done(db_commit(scene.db, err));
    assert_int_equal(count, 2);
    assert_int_equal(plan(&scene, &taken[1], 1, 100).added, 1);
    assert_int_equal(deliveries(&scene, both, &list), 3);
    assert_int_equal(list[0].event, WEBHOOK_EVENT_WITHDRAWN);
    /* One that was claimed and withheld did not. */
    const struct outbox_item late = happened(&scene, 2, EVENT_OPEN, NOW - 3), late_taken = retracted(late);
    assert_int_equal(plan(&scene, &late, 1, 100).added, 1);
    assert_done(db_begin(scene.db, DB_WRITE, err));
    assert_done(webhook_deliveries_claim(scene.db, organization, both, NOW, NOW + 60000, 5, ids, &count, err));
    assert_done(db_commit(scene.db, err));
    assert_int_equal(deliveries(&scene, both, &list), 4);
    list[0].state = WEBHOOK_WITHHELD;
    list[0].next_attempt_at = TIME_UNSET;
    assert_done(db_begin(scene.db, DB_WRITE, err));
    assert_done(webhook_delivery_attempted(scene.db, &list[0], err));
    assert_done(db_commit(scene.db, err));
    assert_int_equal(plan(&scene, &late_taken, 1, 100).added, 0);
    history_end(&scene.history);
}

static void an_objection_takes_back_what_came_before(void **state) {
    struct scene scene;
    struct webhook_delivery *list;
    scene_begin(&scene, state);
    int64_t all = subscribe(&scene, OPENS | BACK | WEBHOOK_BIT(WEBHOOK_EMAIL_CLICKED) |
                                        WEBHOOK_BIT(WEBHOOK_EMAIL_REPLIED) | WEBHOOK_BIT(WEBHOOK_TRACKING_WITHDRAWN));
    const struct outbox_item events[] = {
        happened(&scene, 0, EVENT_OPEN, NOW - 9),  happened(&scene, 1, EVENT_OPEN, NOW - 8),
        happened(&scene, 1, EVENT_CLICK, NOW - 7), happened(&scene, 1, EVENT_REPLY, NOW - 6),
        happened(&scene, 2, EVENT_OPEN, NOW - 5),
    };
    assert_int_equal(plan(&scene, events, 5, 100).added, 5);
    run_sql(scene.db, "UPDATE webhook_deliveries SET state = 1, attempts = 1, next_attempt_at = NULL");
    /* Of opens alone: two, and that opens are to be forgotten. What is allowed again and happens later stays. */
    const struct outbox_item then[] = {objected(&scene, EVENT_OPEN), happened(&scene, 0, EVENT_OPEN, NOW - 1)};
    assert_int_equal(plan(&scene, then, 2, 100).added, 4);
    assert_int_equal(deliveries(&scene, all, &list), 9);
    assert_true(list[0].event == WEBHOOK_EMAIL_OPENED && !list[0].withdrawn);
    assert_true(list[1].event == WEBHOOK_EVENT_WITHDRAWN && list[1].item.row.occurred_at == NOW - 8);
    assert_true(list[2].event == WEBHOOK_EVENT_WITHDRAWN && list[2].item.row.occurred_at == NOW - 9);
    assert_true(list[2].item.row.kind == OUTBOX_OBJECTED && list[3].event == WEBHOOK_TRACKING_WITHDRAWN);
    /* And of all: the click; the open that waits is withheld; the reply stays. */
    const struct outbox_item rest = objected(&scene, (enum event_type)0);
    assert_int_equal(plan(&scene, &rest, 1, 100).added, 2);
    assert_int_equal(deliveries(&scene, all, &list), 11);
    assert_true(list[0].event == WEBHOOK_EVENT_WITHDRAWN && list[0].item.row.event_type == EVENT_CLICK);
    assert_int_equal(ask_int(scene.db, "SELECT count(*) FROM webhook_deliveries WHERE withdrawn = 1"), 4);
    assert_int_equal(ask_int(scene.db, "SELECT count(*) FROM webhook_deliveries WHERE withdrawn = 1 AND state = 0"), 1);
    assert_int_equal(plan(&scene, &rest, 1, 100).added, 1);
    history_end(&scene.history);
}

/* More than one portion, and more than there is room for. */
static void many_are_taken_back(void **state) {
    struct scene scene;
    scene_begin(&scene, state);
    enum { MANY = 600 };
    struct outbox_item *items = arena_alloc_array(scene.fixture->arena, MANY, sizeof(*items));
    const struct outbox_item objection = objected(&scene, (enum event_type)0);
    for (int i = 0; i < MANY; i++)
        items[i] = happened(&scene, i % 2, EVENT_OPEN, NOW - MANY + i);
    subscribe(&scene, OPENS | BACK);
    assert_int_equal(plan(&scene, items, MANY, 1000).added, MANY);
    run_sql(scene.db, "UPDATE webhook_deliveries SET state = 1, attempts = 1, next_attempt_at = NULL");
    struct plan_result result = plan(&scene, &objection, 1, 550);
    assert_true(result.added == 550 && result.dropped == MANY - 550);
    assert_int_equal(ask_int(scene.db, "SELECT count(*) FROM webhook_deliveries WHERE event = 8"), 550);
    assert_int_equal(ask_int(scene.db, "SELECT count(DISTINCT occurred_at) FROM webhook_deliveries WHERE event = 8"),
                     550);
    assert_int_equal(ask_int(scene.db, "SELECT dropped FROM webhook_subscriptions"), MANY - 550);
    history_end(&scene.history);
}

int main(void) {
    struct CMUnitTest tests[] = {
        contract_test(an_event_is_taken_back_once_where_it_was_told),
        contract_test(what_was_not_sent_is_withheld),
        contract_test(an_objection_takes_back_what_came_before),
        contract_test(many_are_taken_back),
    };
    return run_contract(tests, sizeof(tests) / sizeof(tests[0]));
}
