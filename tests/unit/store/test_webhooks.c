/* What webhook subscriptions and their deliveries promise, on both databases. */
#include "tests/unit/store/store_contract.h"

#include "base/clock.h"
#include "store/organizations.h"
#include "store/purge.h"
#include "store/webhook_deliveries.h"

#include "base/banned.h"

#define NOW 1764000000000LL

#define in_transaction(call)                                                                                           \
    do {                                                                                                               \
        assert_done(db_begin(db, DB_WRITE, err));                                                                      \
        assert_done(call);                                                                                             \
        assert_done(db_commit(db, err));                                                                               \
    } while (0)
#define fails_in_transaction(code, call)                                                                               \
    do {                                                                                                               \
        assert_done(db_begin(db, DB_WRITE, err));                                                                      \
        assert_fails(code, call);                                                                                      \
        db_rollback(db);                                                                                               \
    } while (0)

static int64_t add_organization(struct db *db, const char *name) {
    struct organization organization;
    organization_init(&organization);
    organization.name = slice_cstr(name);
    organization.time_zone = SLICE("UTC");
    in_transaction(organization_insert(db, &organization, NOW, err));
    return organization.id;
}

static struct webhook_subscription subscribe(struct db *db, int64_t organization, int64_t events) {
    struct webhook_subscription subscription = {.organization_id = organization,
                                                .url = SLICE("https://x.example/"),
                                                .description = SLICE(""),
                                                .events = events,
                                                .secret = SLICE("se\0led")};
    in_transaction(webhook_subscription_insert(db, &subscription, NOW, err));
    return subscription;
}

/* Deliveries numbered from `from` on by their email. */
static void add(struct db *db, const struct webhook_subscription *to, int from, size_t count, int64_t now) {
    struct webhook_plan plans[32];
    for (size_t i = 0; i < count; i++) {
        plans[i] = (struct webhook_plan){.subscription_id = to->id,
                                         .event = WEBHOOK_EMAIL_REPLIED,
                                         .row = {.kind = OUTBOX_EVENT,
                                                 .organization_id = to->organization_id,
                                                 .email_log_id = from + (int64_t)i,
                                                 .event_type = EVENT_REPLY,
                                                 .occurred_at = now - 1,
                                                 .recipient_ref = -1,
                                                 .score = SCORE_UNKNOWN}};
        snprintf(plans[i].message_id, sizeof(plans[i].message_id), "msg_%d", from + (int)i);
    }
    in_transaction(webhook_deliveries_add(db, plans, count, now, err));
}

static size_t claim(struct db *db, const struct webhook_subscription *of, int64_t now, size_t limit, int64_t *ret_ids) {
    size_t count = 0;
    in_transaction(
        webhook_deliveries_claim(db, of->organization_id, of->id, now, now + 60000, limit, ret_ids, &count, err));
    return count;
}

static struct webhook_delivery load(struct fixture *fixture, const struct webhook_subscription *of, int64_t id) {
    struct webhook_delivery delivery;
    assert_done(webhook_delivery_load(fixture->db, of->organization_id, of->id, id, fixture->arena, &delivery, err));
    return delivery;
}

static void subscriptions(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct db *db = fixture->db;
    int64_t first = add_organization(db, "First"), second = add_organization(db, "Second");
    struct webhook_subscription one = subscribe(db, first, 6), found, *list;
    struct webhook_subscription other = subscribe(db, first, 8);
    size_t count;
    assert_done(webhook_subscription_load(db, first, one.id, fixture->arena, &found, err));
    assert_true(found.events == 6 && found.state == SUBSCRIPTION_ACTIVE && found.waiting == 0);
    assert_true(slice_equal(found.secret, SLICE("se\0led")) && !found.former_secret.ptr && !found.state_reason.ptr);
    assert_true(found.failing_since == TIME_UNSET && found.former_secret_until == TIME_UNSET);
    assert_fails(ERR_NOT_FOUND, webhook_subscription_load(db, second, one.id, fixture->arena, &found, err));
    found.url = SLICE("https://y.example/");
    found.former_secret = SLICE("old");
    found.former_secret_until = NOW + 5;
    found.state = SUBSCRIPTION_PAUSED;
    in_transaction(webhook_subscription_update(db, &found, NOW + 1, err));
    found.organization_id = second;
    fails_in_transaction(ERR_NOT_FOUND, webhook_subscription_update(db, &found, NOW + 1, err));
    assert_done(webhook_subscriptions_list(db, first, 0, 10, fixture->arena, &list, &count, err));
    assert_true(count == 2 && list[0].id == one.id && list[1].id == other.id && list[0].updated_at == NOW + 1);
    assert_true(slice_equal(list[0].former_secret, SLICE("old")) && list[0].former_secret_until == NOW + 5);
    assert_done(webhook_subscriptions_list(db, first, one.id, 10, fixture->arena, &list, &count, err));
    assert_int_equal(count, 1);
    in_transaction(webhook_subscription_delete(db, first, one.id, NOW, err));
    fails_in_transaction(ERR_NOT_FOUND, webhook_subscription_delete(db, first, one.id, NOW, err));
    assert_int_equal(ask_int(db, "SELECT count(*) FROM webhook_subscriptions WHERE former_secret IS NOT NULL"), 0);
    for (int i = 1; i < SUBSCRIPTIONS_MAX; i++)
        subscribe(db, first, 1);
    struct webhook_subscription more = one;
    fails_in_transaction(ERR_TOO_LARGE, webhook_subscription_insert(db, &more, NOW, err));
    subscribe(db, second, 1);
}

static void wishes(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct db *db = fixture->db;
    int64_t first = add_organization(db, "First"), second = add_organization(db, "Second");
    struct webhook_wish *found;
    struct webhook_subscription *wanting;
    size_t count;
    bool done = false;
    assert_done(webhook_wishes_load(db, fixture->arena, &found, &count, err));
    assert_int_equal(count, 0);
    subscribe(db, second, 1);
    struct webhook_subscription a = subscribe(db, first, 2), b = subscribe(db, first, 4);
    assert_done(webhook_wishes_load(db, fixture->arena, &found, &count, err));
    assert_true(count == 2 && found[0].organization_id == first && found[0].events == 6 && found[1].events == 1);
    in_transaction(webhook_subscription_disable(db, first, a.id, SLICE("gone"), NOW, &done, err));
    assert_true(done);
    in_transaction(webhook_subscription_disable(db, first, a.id, SLICE("again"), NOW, &done, err));
    assert_false(done);
    assert_done(webhook_wishes_load(db, fixture->arena, &found, &count, err));
    assert_true(count == 2 && found[0].events == 4);
    const int64_t organizations[] = {first, 99};
    assert_done(webhook_subscriptions_wanting(db, organizations, 2, fixture->arena, &wanting, &count, err));
    assert_true(count == 1 && wanting[0].id == b.id && wanting[0].events == 4);
    in_transaction(webhook_subscription_delete(db, first, b.id, NOW, err));
    assert_done(webhook_wishes_load(db, fixture->arena, &found, &count, err));
    assert_int_equal(count, 1);
}

static void failing_since_the_first(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct db *db = fixture->db;
    int64_t organization = add_organization(db, "First"), since = 0;
    struct webhook_subscription one = subscribe(db, organization, 1), found;
    in_transaction(webhook_subscription_succeeded(db, organization, one.id, err));
    in_transaction(webhook_subscription_failed(db, organization, one.id, NOW, &since, err));
    in_transaction(webhook_subscription_failed(db, organization, one.id, NOW + 500, &since, err));
    assert_int_equal(since, NOW);
    in_transaction(webhook_subscription_succeeded(db, organization, one.id, err));
    in_transaction(webhook_subscription_failed(db, organization, one.id, NOW + 900, &since, err));
    assert_int_equal(since, NOW + 900);
    in_transaction(webhook_subscription_dropped(db, organization, one.id, 3, NOW + 1, err));
    in_transaction(webhook_subscription_dropped(db, organization, one.id, 4, NOW + 2, err));
    assert_done(webhook_subscription_load(db, organization, one.id, fixture->arena, &found, err));
    assert_true(found.failing_since == NOW + 900 && found.dropped == 7 && found.dropped_at == NOW + 2);
}

static void claims(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct db *db = fixture->db;
    struct webhook_subscription one = subscribe(db, add_organization(db, "First"), 1);
    struct webhook_subscription other = subscribe(db, add_organization(db, "Second"), 1);
    struct webhook_lane *lanes;
    int64_t ids[10], again[10], waiting;
    size_t count;
    add(db, &one, 100, 5, NOW);
    add(db, &other, 200, 1, NOW + 10);
    assert_done(webhook_deliveries_waiting(db, one.organization_id, one.id, 100, &waiting, err));
    assert_int_equal(waiting, 5);
    assert_done(webhook_deliveries_waiting(db, one.organization_id, one.id, 3, &waiting, err));
    assert_int_equal(waiting, 3);
#define due(now, after) webhook_lanes_due(db, now, after, 10, fixture->arena, &lanes, &count, err)
    const struct webhook_lane none = {0}, behind_one = {one.organization_id, one.id};
    assert_done(due(NOW - 1, none));
    assert_int_equal(count, 0);
    assert_done(due(NOW, none));
    assert_true(count == 1 && lanes[0].subscription_id == one.id);
    assert_done(due(NOW + 10, none));
    assert_int_equal(count, 2);
    assert_done(due(NOW + 10, behind_one));
    assert_true(count == 1 && lanes[0].subscription_id == other.id);
    /* The longest due first; nobody gets what is claimed until the claim is over. */
    assert_int_equal(claim(db, &one, NOW, 2, ids), 2);
    assert_int_equal(load(fixture, &one, ids[0]).item.row.email_log_id, 100);
    assert_int_equal(claim(db, &one, NOW + 1, 10, again), 3);
    assert_int_equal(claim(db, &one, NOW + 59999, 10, again), 0);
    assert_done(due(NOW + 59999, none));
    assert_true(count == 1 && lanes[0].subscription_id == other.id);
    fails_in_transaction(ERR_CONFLICT,
                         webhook_delivery_again(db, one.organization_id, one.id, ids[0], NOW + 59999, err));
    assert_int_equal(claim(db, &one, NOW + 60000, 10, again), 2);
    /* Whose claim is over changes nothing any more. */
    struct webhook_delivery delivery = load(fixture, &one, ids[0]);
    delivery.state = WEBHOOK_DELIVERED;
    delivery.attempts = 1;
    delivery.next_attempt_at = TIME_UNSET;
    delivery.last_status = 204;
    delivery.last_attempt_at = NOW + 60001;
    delivery.claimed_until = NOW + 60000;
    in_transaction(webhook_delivery_attempted(db, &delivery, err));
    assert_int_equal(load(fixture, &one, ids[0]).state, WEBHOOK_WAITING);
    delivery.claimed_until = NOW + 120000;
    in_transaction(webhook_delivery_attempted(db, &delivery, err));
    delivery = load(fixture, &one, ids[0]);
    assert_true(delivery.state == WEBHOOK_DELIVERED && delivery.attempts == 1 && delivery.last_status == 204);
    assert_true(delivery.claimed_until == TIME_UNSET && delivery.next_attempt_at == TIME_UNSET);
    assert_true(delivery.last_duration_ms == -1 && !delivery.last_answer.ptr && !delivery.last_error.ptr);
    in_transaction(webhook_deliveries_release_all(db, err));
    assert_int_equal(claim(db, &one, NOW + 60001, 10, again), 4);
    /* A subscription that is not active has nothing due. */
    struct webhook_subscription found;
    assert_done(webhook_subscription_load(db, other.organization_id, other.id, fixture->arena, &found, err));
    found.state = SUBSCRIPTION_PAUSED;
    in_transaction(webhook_subscription_update(db, &found, NOW, err));
    assert_done(due(NOW + 60001, none));
    assert_int_equal(count, 0);
}

static void what_a_delivery_holds(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct db *db = fixture->db;
    struct webhook_subscription one = subscribe(db, add_organization(db, "First"), 1);
    struct webhook_delivery *list;
    int64_t ids[10];
    size_t count;
    add(db, &one, 100, 1, NOW);
    assert_int_equal(claim(db, &one, NOW, 2, ids), 1);
    assert_done(webhook_deliveries_load(db, &one.organization_id, 1, ids, 1, fixture->arena, &list, &count, err));
    assert_int_equal(count, 1);
    const struct outbox_row *row = &list[0].item.row;
    assert_true(row->organization_id == one.organization_id && row->email_log_id == 100 && row->recipient_ref == -1);
    assert_true(row->event_type == EVENT_REPLY && row->occurred_at == NOW - 1 && row->score == SCORE_UNKNOWN);
    assert_true(list[0].event == WEBHOOK_EMAIL_REPLIED && list[0].subscription_id == one.id);
    assert_true(slice_equal(list[0].message_id, SLICE("msg_100")) && slice_equal(list[0].url, one.url));
    assert_true(slice_equal(list[0].secret, one.secret) && !list[0].item.subject.ptr);
    list[0].last_answer = SLICE("no\xc3\xa9");
    list[0].last_error = SLICE("why");
    list[0].last_duration_ms = 12;
    list[0].state = WEBHOOK_GIVEN_UP;
    list[0].step = 7;
    list[0].next_attempt_at = TIME_UNSET;
    in_transaction(webhook_delivery_attempted(db, &list[0], err));
    struct webhook_delivery delivery = load(fixture, &one, ids[0]);
    assert_true(slice_equal(delivery.last_answer, SLICE("no\xc3\xa9")) && delivery.last_duration_ms == 12);
    assert_true(slice_equal(delivery.last_error, SLICE("why")) && delivery.step == 7);
    in_transaction(webhook_delivery_again(db, one.organization_id, one.id, ids[0], NOW + 9, err));
    delivery = load(fixture, &one, ids[0]);
    assert_true(delivery.state == WEBHOOK_WAITING && delivery.step == 0 && delivery.next_attempt_at == NOW + 9);
    fails_in_transaction(ERR_NOT_FOUND, webhook_delivery_again(db, one.organization_id + 1, one.id, ids[0], NOW, err));
    assert_fails(ERR_NOT_FOUND,
                 webhook_delivery_load(db, one.organization_id, one.id + 1, ids[0], fixture->arena, &delivery, err));
}

static void lists(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct db *db = fixture->db;
    struct webhook_subscription one = subscribe(db, add_organization(db, "First"), 1);
    struct webhook_subscription other = subscribe(db, one.organization_id, 1);
    struct webhook_delivery *list;
    size_t count;
    add(db, &one, 100, 8, NOW);
    add(db, &other, 200, 3, NOW);
    run_sql(db, "UPDATE webhook_deliveries SET state = email_log_id % 4 WHERE email_log_id < 200");
#define list(state, before, limit)                                                                                     \
    webhook_deliveries_list(db, one.organization_id, one.id, state, before, limit, fixture->arena, &list, &count, err)
    assert_done(list(-1, INT64_MAX, 20));
    assert_int_equal(count, 8);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(list[i].item.row.email_log_id, 107 - (int64_t)i);
    assert_done(list(-1, list[2].item.id, 3));
    assert_true(count == 3 && list[0].item.row.email_log_id == 104 && list[2].item.row.email_log_id == 102);
    assert_done(list(WEBHOOK_GIVEN_UP, INT64_MAX, 20));
    assert_true(count == 2 && list[0].item.row.email_log_id == 106 && list[0].state == WEBHOOK_GIVEN_UP);
#undef list
}

static void purges(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct db *db = fixture->db;
    struct webhook_subscription one = subscribe(db, add_organization(db, "First"), 1);
    struct webhook_subscription other = subscribe(db, one.organization_id, 1);
    int64_t removed = 0;
    add(db, &one, 100, 4, NOW);
    add(db, &other, 200, 4, NOW + DAY_MS);
    in_transaction(purge(db, PURGE_WEBHOOK_DELIVERIES, one.organization_id, NOW + 1, 3, &removed, err));
    assert_int_equal(removed, 3);
    in_transaction(purge(db, PURGE_WEBHOOK_DELIVERIES, one.organization_id, NOW + 1, 3, &removed, err));
    assert_int_equal(removed, 1);
    /* More delivered than are kept: of one subscription, whatever the other has. */
    run_sql(db, "UPDATE webhook_deliveries SET state = 1");
    while (ask_int(db, "SELECT count(*) FROM webhook_deliveries WHERE email_log_id >= 10000") < WEBHOOK_DELIVERED_MAX)
        add(db, &one, 10000, 25, NOW);
    run_sql(db, "UPDATE webhook_deliveries SET state = 1");
    in_transaction(purge(db, PURGE_WEBHOOK_DELIVERED, one.organization_id, NOW + 2 * DAY_MS, 1000, &removed, err));
    assert_int_equal(removed, 0);
    add(db, &one, 20000, 6, NOW);
    run_sql(db, "UPDATE webhook_deliveries SET state = 1");
    in_transaction(purge(db, PURGE_WEBHOOK_DELIVERED, one.organization_id, NOW + 2 * DAY_MS, 4, &removed, err));
    assert_int_equal(removed, 4);
    in_transaction(purge(db, PURGE_WEBHOOK_DELIVERED, one.organization_id, NOW + 2 * DAY_MS, 4, &removed, err));
    assert_int_equal(removed, 2);
    in_transaction(purge(db, PURGE_WEBHOOK_DEAD, one.organization_id, NOW + 2 * DAY_MS, 4, &removed, err));
    assert_int_equal(removed, 0);
    assert_int_equal(ask_int(db, "SELECT count(*) FROM webhook_deliveries WHERE email_log_id >= 20000"), 6);
    /* What was deleted goes with its deliveries first. */
    in_transaction(webhook_subscription_delete(db, other.organization_id, other.id, NOW, err));
    in_transaction(purge(db, PURGE_SUBSCRIPTIONS, one.organization_id, NOW + 1, 9, &removed, err));
    assert_int_equal(removed, 0);
    in_transaction(purge(db, PURGE_WEBHOOKS_DELETED, one.organization_id, NOW + 1, 9, &removed, err));
    assert_int_equal(removed, 4);
    in_transaction(purge(db, PURGE_SUBSCRIPTIONS, one.organization_id, NOW + 1, 9, &removed, err));
    assert_int_equal(removed, 1);
    assert_int_equal(ask_int(db, "SELECT count(*) FROM webhook_subscriptions"), 1);
}

int main(void) {
    struct CMUnitTest tests[] = {
        contract_test(subscriptions),
        contract_test(wishes),
        contract_test(failing_since_the_first),
        contract_test(claims),
        contract_test(what_a_delivery_holds),
        contract_test(lists),
        contract_test(purges),
    };
    return run_contract(tests, sizeof(tests) / sizeof(tests[0]));
}
