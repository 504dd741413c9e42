/* What organizations, users, keys, endpoints, records and purges promise, on both databases. */
#include "tests/unit/store/store_contract.h"

#include "base/clock.h"
#include "store/api_keys.h"
#include "store/deliveries.h"
#include "store/endpoints.h"
#include "store/idempotency.h"
#include "store/organizations.h"
#include "store/orphan_events.h"
#include "store/purge.h"
#include "store/security_events.h"
#include "store/users.h"

#include "base/banned.h"

#define NOW 1764000000000LL

#define in_transaction(call)                                                                                           \
    do {                                                                                                               \
        assert_done(db_begin(db, DB_WRITE, err));                                                                      \
        assert_done(call);                                                                                             \
        assert_done(db_commit(db, err));                                                                               \
    } while (0)

static int64_t version(struct db *db) {
    int64_t number = -1;
    assert_done(settings_version(db, &number, err));
    return number;
}

static int64_t add_organization(struct db *db, const char *name) {
    struct organization organization;
    organization_init(&organization);
    organization.name = slice_cstr(name);
    in_transaction(organization_insert(db, &organization, NOW, err));
    return organization.id;
}

static void organizations_and_settings(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct db *db = fixture->db;
    struct organization *all, one;
    size_t count;
    int64_t first = add_organization(db, "First"), second = add_organization(db, "Zo\xc3\xab & Co");
    assert_true(first > 0 && second > first);
    assert_done(organizations_list(db, 0, 10, fixture->arena, &all, &count, err));
    assert_int_equal(count, 2);
    assert_true(slice_equal(all[1].name, SLICE("Zo\xc3\xab & Co")));
    assert_done(organizations_list(db, first, 10, fixture->arena, &all, &count, err));
    assert_int_equal(count, 1);
    assert_done(organization_load(db, first, fixture->arena, &one, err));
    assert_int_equal(one.tracking, TRACKING_FULL);
    assert_int_equal(one.retention_days, 730);
    int64_t before = version(db);
    one.tracking = TRACKING_CLICKS;
    one.consent_mode = CONSENT_OPT_IN;
    one.address_policy = ADDRESS_DROP;
    one.time_zone = SLICE("Europe/Berlin");
    in_transaction(organization_update(db, &one, NOW + 1, err));
    assert_true(version(db) > before);
    assert_done(organization_load(db, first, fixture->arena, &one, err));
    assert_int_equal(one.tracking, TRACKING_CLICKS);
    assert_int_equal(one.consent_mode, CONSENT_OPT_IN);
    assert_int_equal(one.address_policy, ADDRESS_DROP);
    assert_true(one.created_at == NOW && one.updated_at == NOW + 1);
    assert_fails(ERR_NOT_FOUND, organization_load(db, 99, fixture->arena, &one, err));
}

static void users_by_address(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct db *db = fixture->db;
    struct arena *arena = fixture->arena;
    int64_t organization = add_organization(db, "First"), other = add_organization(db, "Other");
    struct user jane = {.organization_id = organization, .email = SLICE("jane@example.org"), .role = USER_ADMIN};
    struct user again = jane, elsewhere = jane, read;
    elsewhere.organization_id = other;
    in_transaction(user_insert(db, &jane, "hash", NOW, err));
    in_transaction(user_insert(db, &elsewhere, NULL, NOW, err));
    assert_done(db_begin(db, DB_WRITE, err));
    assert_fails(ERR_CONFLICT, user_insert(db, &again, NULL, NOW, err));
    db_rollback(db);
    assert_done(user_load(db, organization, jane.id, arena, &read, err));
    assert_true(read.has_password && read.role == USER_ADMIN && !read.name.ptr && read.disabled_at == TIME_UNSET);
    assert_fails(ERR_NOT_FOUND, user_load(db, other, jane.id, arena, &read, err));
    read = jane;
    read.name = SLICE("Jane");
    in_transaction(user_update(db, &read, NULL, NOW + 1, err)); /* her own address is no conflict */
    assert_done(user_load(db, organization, jane.id, arena, &read, err));
    assert_true(read.has_password && slice_equal(read.name, SLICE("Jane")));
    struct user bob = {.organization_id = organization, .email = SLICE("bob@example.org"), .role = USER_ADMIN};
    in_transaction(user_insert(db, &bob, NULL, NOW, err)); /* cannot sign in, so does not count */
    assert_done(db_begin(db, DB_WRITE, err));
    assert_fails(ERR_CONFLICT, user_disable(db, organization, jane.id, NOW + 2, err));
    db_rollback(db);
    read.role = USER_RECRUITER;
    assert_done(db_begin(db, DB_WRITE, err));
    assert_fails(ERR_CONFLICT, user_update(db, &read, NULL, NOW + 2, err));
    db_rollback(db);
    in_transaction(user_set_password(db, organization, bob.id, "hash", NOW + 2, err));
    in_transaction(user_disable(db, organization, jane.id, NOW + 2, err));
    assert_done(db_begin(db, DB_WRITE, err));
    assert_fails(ERR_NOT_FOUND, user_disable(db, organization, jane.id, NOW + 3, err));
    db_rollback(db);
    assert_true(slice_equal(user_email_normalize(arena, SLICE(" J@X.Example ")), SLICE("j@x.example")));
    static const char *const none[] = {"", "@", "a@", "@b", "a@b@c", "a b@c", "a@b>", "a\n@b", "a"};
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
        if (user_email_normalize(arena, slice_cstr(none[i])).ptr) fail_msg("%s", none[i]);
}

static void keys_until_revoked(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct db *db = fixture->db;
    unsigned char hash[API_KEY_HASH_SIZE] = {1, 2, 0, 255}, unknown[API_KEY_HASH_SIZE] = {3};
    int64_t organization = add_organization(db, "First");
    struct api_key key = {.organization_id = organization,
                          .name = SLICE("k"),
                          .prefix = SLICE("ink_1_abc"),
                          .role = KEY_WRITE,
                          .expires_at = TIME_UNSET};
    struct api_key found;
    struct slice zone;
    in_transaction(api_key_insert(db, &key, hash, NOW, err));
    assert_int_equal(api_key_find(db, organization, hash, NOW, fixture->arena, &found, &zone, NULL), 1);
    assert_true(found.id == key.id && found.role == KEY_WRITE && found.last_used_at == TIME_UNSET);
    assert_true(slice_equal(zone, SLICE("UTC")));
    assert_int_equal(api_key_find(db, organization, unknown, NOW, fixture->arena, &found, &zone, NULL), 0);
    assert_int_equal(api_key_find(db, organization + 1, hash, NOW, fixture->arena, &found, &zone, NULL), 0);
    in_transaction(api_key_used(db, organization, key.id, NOW + 5, err));
    in_transaction(api_key_revoke(db, organization, key.id, NOW + 6, err));
    assert_int_equal(api_key_find(db, organization, hash, NOW, fixture->arena, &found, &zone, NULL), 0);
    assert_done(api_key_load(db, organization, key.id, fixture->arena, &found, err));
    assert_true(found.last_used_at == NOW + 5 && found.revoked_at == NOW + 6);

    /* One that ends by itself is in force until the ms before. */
    key.expires_at = NOW + 100;
    hash[0] = 9;
    in_transaction(api_key_insert(db, &key, hash, NOW, err));
    assert_int_equal(api_key_find(db, organization, hash, NOW + 99, fixture->arena, &found, &zone, NULL), 1);
    assert_true(found.expires_at == NOW + 100 && found.id == key.id);
    assert_int_equal(api_key_find(db, organization, hash, NOW + 100, fixture->arena, &found, &zone, NULL), 0);
}

static struct endpoint_row endpoint(int64_t organization, const char *token) {
    return (struct endpoint_row){.organization_id = organization,
                                 .token = slice_cstr(token),
                                 .provider = SLICE("sendgrid"),
                                 .name = SLICE("n"),
                                 .topic_arns = SLICE("[]"),
                                 .require_signature = true,
                                 .allowed_cidrs = SLICE("[]"),
                                 .timestamp_tolerance_s = TOLERANCE_DEFAULT};
}

static void endpoints_as_stored(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct db *db = fixture->db;
    int64_t organization = add_organization(db, "First");
    struct endpoint_row row = endpoint(organization, "token-1"), read;
    row.secrets = slice_of("\0\1\2", 3);
    row.timestamp_tolerance_s = 0;
    int64_t before = version(db);
    in_transaction(endpoint_row_insert(db, &row, NOW, err));
    assert_true(version(db) > before);
    assert_done(endpoint_row_load(db, organization, row.id, fixture->arena, &read, err));
    assert_true(slice_equal(read.secrets, row.secrets) && !read.credentials.ptr && !read.pending_confirmation.ptr);
    assert_int_equal(read.timestamp_tolerance_s, 0);
    row.secrets = SLICE_NONE;
    row.timestamp_tolerance_s = TOLERANCE_DEFAULT;
    row.rate_limit = 77;
    in_transaction(endpoint_row_update(db, &row, NOW + 1, err));
    in_transaction(endpoint_row_ask(db, organization, row.id, SLICE("{\"kind\":\"x\"}"), err));
    assert_done(endpoint_row_load(db, organization, row.id, fixture->arena, &read, err));
    assert_true(!read.secrets.ptr && read.rate_limit == 77 && read.timestamp_tolerance_s == TOLERANCE_DEFAULT);
    assert_true(slice_equal(read.pending_confirmation, SLICE("{\"kind\":\"x\"}")));
    in_transaction(endpoint_row_confirmed(db, organization, row.id, NOW + 2, err));
    assert_done(endpoint_row_load(db, organization, row.id, fixture->arena, &read, err));
    assert_true(!read.pending_confirmation.ptr && read.confirmed_at == NOW + 2);
}

/* ---- records ---- */

static struct security_event refusal(int64_t organization, const char *source) {
    return (struct security_event){.organization_id = organization,
                                   .kind = SLICE("webhook_signature"),
                                   .endpoint_id = 3,
                                   .detail = SLICE("wrong"),
                                   .source = slice_cstr(source)};
}

static void equal_refusals_of_a_minute_are_one(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct db *db = fixture->db;
    int64_t organization = add_organization(db, "First");
    int64_t minute = NOW - NOW % MINUTE_MS;
    struct security_event first = refusal(organization, "192.0.2.0"), second = refusal(organization, "198.51.100.0");
    struct security_event sourceless = refusal(organization, NULL), stranger = refusal(organization + 9, "192.0.2.0");
    struct security_event *events;
    size_t count;
    in_transaction(security_event_note(db, &first, minute, err));
    in_transaction(security_event_note(db, &first, minute + 59999, err));
    in_transaction(security_event_note(db, &first, minute + 60000, err));
    in_transaction(security_event_note(db, &second, minute + 1, err));
    in_transaction(security_event_note(db, &sourceless, minute + 2, err));
    in_transaction(security_event_note(db, &sourceless, minute + 3, err));
    in_transaction(security_event_note(db, &stranger, minute, err)); /* of no organization: passed over */
    assert_done(security_events_load(db, organization, SLICE_NONE, INT64_MAX, INT64_MAX, 10, fixture->arena, &events,
                                     &count, err));
    assert_int_equal(count, 4);
    assert_true(events[0].first_at == minute + 60000 && events[0].count == 1);
    assert_true(events[1].first_at == minute && events[1].last_at == minute + 59999 && events[1].count == 2);
    assert_true(slice_empty(events[2].source) && events[2].count == 2);
    assert_done(security_events_load(db, organization, SLICE("webhook_signature"), events[1].last_at, events[1].id, 10,
                                     fixture->arena, &events, &count, err));
    assert_int_equal(count, 2);
    assert_done(security_events_load(db, organization, SLICE("api_key"), INT64_MAX, INT64_MAX, 10, fixture->arena,
                                     &events, &count, err));
    assert_int_equal(count, 0);
}

static void refusals_are_bounded(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct db *db = fixture->db;
    int64_t organization = add_organization(db, "First");
    char source[40];
    assert_done(db_begin(db, DB_WRITE, err));
    for (int i = 0; i < SECURITY_EVENTS_MAX + 300; i++) {
        snprintf(source, sizeof(source), "source %d", i);
        struct security_event event = refusal(organization, source);
        /* Each in a minute of its own, so that none looks at the others. */
        assert_done(security_event_note(db, &event, NOW + i * MINUTE_MS, err));
    }
    assert_done(db_commit(db, err));
    int64_t kept = ask_int(db, "SELECT count(*) FROM security_events");
    assert_true(kept >= SECURITY_EVENTS_MAX && kept < SECURITY_EVENTS_MAX + 100);
    assert_int_equal(ask_int(db, "SELECT count(*) FROM security_events WHERE source = 'source 0'"), 0);
}

static struct kept_delivery delivery(int64_t organization, enum delivery_kind kind, const char *reason) {
    return (struct kept_delivery){.organization_id = organization,
                                  .endpoint_id = 5,
                                  .kind = kind,
                                  .reason = slice_cstr(reason),
                                  .headers = SLICE("{}"),
                                  .body = SLICE("\0body\xff"),
                                  .body_size = 6,
                                  .received_at = NOW,
                                  .next_attempt_at = kind == DELIVERY_FAILED ? NOW + 60000 : TIME_UNSET};
}

static void deliveries_are_kept_and_bounded(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct db *db = fixture->db;
    int64_t organization = add_organization(db, "First");
    struct kept_delivery read, *list;
    struct delivery_filter all = {.state = -1};
    size_t count;
    int64_t first_rejected = 0;
    for (int i = 0; i < 7; i++) {
        struct kept_delivery rejected = delivery(organization, DELIVERY_REJECTED, "signature: no");
        struct kept_delivery failed = delivery(organization, DELIVERY_FAILED, "body: no");
        in_transaction(delivery_keep(db, &rejected, 3, err));
        in_transaction(delivery_keep(db, &failed, 5, err));
        if (i == 0) first_rejected = rejected.id;
    }
    assert_done(deliveries_load(db, organization, &all, INT64_MAX, 100, fixture->arena, &list, &count, err));
    assert_int_equal(count, 8);
    assert_true(list[0].id > list[1].id);
    struct delivery_filter rejected = {.state = DELIVERY_KEPT, .kind = DELIVERY_REJECTED, .endpoint_id = 5};
    assert_done(deliveries_load(db, organization, &rejected, INT64_MAX, 100, fixture->arena, &list, &count, err));
    assert_int_equal(count, 3);
    assert_done(deliveries_load(db, organization, &rejected, list[1].id, 100, fixture->arena, &list, &count, err));
    assert_int_equal(count, 1);
    rejected.received_from = NOW + 1;
    assert_done(deliveries_load(db, organization, &rejected, INT64_MAX, 100, fixture->arena, &list, &count, err));
    assert_int_equal(count, 0);
    assert_fails(ERR_NOT_FOUND, delivery_load(db, organization, first_rejected, fixture->arena, &read, err));
}

static void bodies_come_back_or_are_cut(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct db *db = fixture->db;
    int64_t organization = add_organization(db, "First");
    struct kept_delivery kept = delivery(organization, DELIVERY_FAILED, "body: no"), read;
    in_transaction(delivery_keep(db, &kept, 10, err));
    assert_done(delivery_load(db, organization, kept.id, fixture->arena, &read, err));
    assert_true(slice_equal(read.body, kept.body) && !delivery_is_cut(&read) && !read.last_error.ptr);
    for (int i = 0; i < 64; i++)
        assert_int_equal(read.body.ptr[read.body.len + (size_t)i], 0);
    size_t size = DELIVERY_BODY_MAX + 1;
    kept.body = slice_of(arena_alloc(fixture->arena, size), size);
    kept.body_size = (int64_t)size;
    in_transaction(delivery_keep(db, &kept, 10, err));
    assert_done(delivery_load(db, organization, kept.id, fixture->arena, &read, err));
    assert_int_equal(read.body.len, DELIVERY_BODY_MAX);
    assert_true(delivery_is_cut(&read));
}

static void deliveries_become_due(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct db *db = fixture->db;
    int64_t organization = add_organization(db, "First"), ids[10];
    struct kept_delivery failed = delivery(organization, DELIVERY_FAILED, "body: no");
    struct kept_delivery signature = delivery(organization, DELIVERY_REJECTED, "signature: no");
    struct kept_delivery address = delivery(organization, DELIVERY_REJECTED, "address: no");
    size_t count;
    in_transaction(delivery_keep(db, &failed, 10, err));
    in_transaction(delivery_keep(db, &signature, 10, err));
    in_transaction(delivery_keep(db, &address, 10, err));
    assert_done(deliveries_due(db, organization, NOW + 59999, 10, ids, &count, err));
    assert_int_equal(count, 0);
    assert_done(deliveries_due(db, organization, NOW + 60000, 10, ids, &count, err));
    assert_int_equal(count, 1);
    assert_true(ids[0] == failed.id);
    /* New secrets: only what a secret can change. */
    in_transaction(deliveries_make_due(db, organization, 5, NOW, err));
    in_transaction(deliveries_make_due(db, organization, 6, NOW, err));
    assert_done(deliveries_due(db, organization, NOW, 10, ids, &count, err));
    assert_int_equal(count, 1);
    assert_true(ids[0] == signature.id);
    signature.state = DELIVERY_REPLAYED;
    signature.attempts = 1;
    signature.next_attempt_at = TIME_UNSET;
    in_transaction(delivery_attempted(db, &signature, err));
    assert_done(deliveries_due(db, organization, NOW, 10, ids, &count, err));
    assert_int_equal(count, 0);
    /* What has been processed stays so, whatever a slower attempt found. */
    signature.state = DELIVERY_KEPT;
    assert_done(db_begin(db, DB_WRITE, err));
    assert_fails(ERR_CONFLICT, delivery_attempted(db, &signature, err));
    db_rollback(db);
    assert_done(delivery_load(db, organization, signature.id, fixture->arena, &signature, err));
    assert_int_equal(signature.state, DELIVERY_REPLAYED);
}

static void idempotent_answers(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct db *db = fixture->db;
    struct message_key key = {.hash = INT64_MIN, .check = 7}, other = {.hash = INT64_MIN, .check = 8};
    struct idempotent_answer answer = {.request_hash = 5, .status = 201, .response = SLICE("text")}, read;
    assert_int_equal(idempotency_find(db, 1, key, fixture->arena, &read, NULL), 0);
    in_transaction(idempotency_store(db, 1, key, &answer, NOW, err));
    assert_int_equal(idempotency_find(db, 1, key, fixture->arena, &read, NULL), 1);
    assert_true(read.request_hash == 5 && read.status == 201 && slice_equal(read.response, SLICE("text")));
    assert_int_equal(idempotency_find(db, 1, other, fixture->arena, &read, NULL), 0);
    assert_int_equal(idempotency_find(db, 2, key, fixture->arena, &read, NULL), 0);
    assert_done(db_begin(db, DB_WRITE, err));
    assert_fails(ERR_CONFLICT, idempotency_store(db, 1, key, &answer, NOW, err));
    db_rollback(db);
}

/* ---- purge ---- */

static int64_t purge_all(struct db *db, enum purge what, int64_t before, int64_t limit) {
    int64_t removed, total = 0;
    do {
        in_transaction(purge(db, what, 1, before, limit, &removed, err));
        assert_true(removed >= 0);
        total += removed;
    } while (removed >= limit);
    return total;
}

static void old_records_go_in_portions(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct db *db = fixture->db;
    char sql[600];
    add_organization(db, "First");
    for (int i = 0; i < 10; i++) {
        snprintf(sql, sizeof(sql),
                 "INSERT INTO orphan_events (organization_id, id, fingerprint_hash, fingerprint_check, received_at, "
                 "occurred_at, event_type, message_id) VALUES (1, %d, %d, 0, %d, 0, 5, 'm%d');"
                 "INSERT INTO orphan_keys VALUES (1, %d, 0, %d);"
                 "INSERT INTO idempotency_keys VALUES (1, %d, 0, 0, 200, '', %d);"
                 "INSERT INTO event_fingerprints VALUES (1, %d, %d, 0);"
                 "INSERT INTO link_texts VALUES (1, %d, 0, 0, 'text', %d);",
                 i + 1, i, i * 100, i, i, i + 1, i, i * 100, i, i, i, i * 100);
        run_sql(db, sql);
        struct kept_delivery kept = delivery(1, DELIVERY_FAILED, "body: no");
        kept.received_at = i * 100;
        in_transaction(delivery_keep(db, &kept, 100, err));
    }
    struct orphan_event *orphans;
    size_t count;
    assert_done(orphan_events_load(db, 1, INT64_MAX, INT64_MAX, 3, fixture->arena, &orphans, &count, err));
    assert_int_equal(count, 3);
    assert_true(orphans[0].id == 10 && slice_equal(orphans[0].message_ids[0], SLICE("m9")));
    assert_int_equal(purge_all(db, PURGE_ORPHANS, 500, 2), 5);
    assert_int_equal(ask_int(db, "SELECT count(*) FROM orphan_keys"), 5);
    assert_int_equal(ask_int(db, "SELECT min(id) FROM orphan_events"), 6);
    assert_int_equal(purge_all(db, PURGE_DELIVERIES, 500, 3), 5);
    assert_int_equal(purge_all(db, PURGE_IDEMPOTENCY_KEYS, 500, 2), 5);
    assert_int_equal(ask_int(db, "SELECT min(created_at) FROM idempotency_keys"), 500);
    assert_int_equal(purge_all(db, PURGE_FINGERPRINTS, 4 * DAY_MS, 2), 4);
    assert_int_equal(purge_all(db, PURGE_LINK_TEXTS, 500, 2), 5);
    assert_int_equal(ask_int(db, "SELECT min(created_at) FROM link_texts"), 500);
    assert_int_equal(ask_int(db, "SELECT min(day) FROM event_fingerprints"), 4);
    assert_int_equal(purge_all(db, PURGE_ORPHANS, 500, 2), 0);
}

int main(void) {
    struct CMUnitTest tests[] = {
        contract_test(organizations_and_settings),
        contract_test(users_by_address),
        contract_test(keys_until_revoked),
        contract_test(endpoints_as_stored),
        contract_test(equal_refusals_of_a_minute_are_one),
        contract_test(refusals_are_bounded),
        contract_test(deliveries_are_kept_and_bounded),
        contract_test(bodies_come_back_or_are_cut),
        contract_test(deliveries_become_due),
        contract_test(idempotent_answers),
        contract_test(old_records_go_in_portions),
    };
    return run_contract(tests, sizeof(tests) / sizeof(tests[0]));
}
