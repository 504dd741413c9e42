/* What engagement.h promises of orphan events and fingerprints, on both databases. */
#include "tests/unit/store/store_contract.h"

#include "base/banned.h"

#define ORGANIZATION 7

static struct message_key key_of(struct fixture *fixture, struct slice text) {
    return message_key(store_hash_key(fixture->store), text);
}

/* An orphan that waits under one or two message ids. */
static struct orphan_row orphan(struct fixture *fixture, int64_t number, const char *first, const char *second) {
    struct orphan_row row = {
        .organization_id = ORGANIZATION,
        .fingerprint = {.hash = number, .check = number},
        .endpoint_id = 4,
        .received_at = 1000 - number, /* later ones were received earlier */
        .event =
            {
                .type = EVENT_CLICK,
                .bounce = BOUNCE_NONE,
                .machine = MACHINE_HINT_MACHINE,
                .occurred_at = 500 + number,
                .keys = {slice_cstr(first), slice_cstr(second)},
                .recipient = SLICE("a@example.org"),
                .url = SLICE("https://a.example/?q=1"),
                .link_position = 3,
                .ip_address = SLICE("192.0.2.0"),
                .user_agent = SLICE("Mozilla/5.0"),
                .provider_event_id = SLICE("event-1"),
                .metadata = SLICE("{}"),
            },
    };
    for (int i = 0; i < 2; i++)
        if (!slice_empty(row.event.keys[i])) row.keys[row.key_count++] = key_of(fixture, row.event.keys[i]);
    return row;
}

static void insert(struct fixture *fixture, struct orphan_row *rows, size_t count) {
    assert_done(db_begin(fixture->db, DB_WRITE, err));
    assert_done(engagement_registration_lock(fixture->db, ORGANIZATION, REGISTRATION_ORPHANS, err));
    assert_done(engagement_insert_orphans(fixture->db, rows, count, err));
    assert_done(db_commit(fixture->db, err));
}

static size_t take(struct fixture *fixture, int64_t organization_id, const char *const *texts, size_t text_count,
                   size_t limit, struct orphan_row **ret) {
    struct message_key keys[8];
    size_t count = 0;
    for (size_t i = 0; i < text_count; i++)
        keys[i] = key_of(fixture, slice_cstr(texts[i]));
    assert_done(engagement_take_orphans(fixture->db, organization_id, keys, text_count, limit, fixture->arena, ret,
                                        &count, err));
    return count;
}

static void an_orphan_comes_back_whole(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct orphan_row rows[] = {orphan(fixture, 1, "a", "b"), orphan(fixture, 2, "c", NULL)};
    rows[1].event = (struct event){.type = EVENT_BOUNCE,
                                   .bounce = BOUNCE_HARD,
                                   .occurred_at = -7,
                                   .keys = {SLICE("c")},
                                   .email_log_id = 99,
                                   .link_position = LINK_POSITION_NONE};
    insert(fixture, rows, 2);
    assert_true(rows[0].inserted && rows[1].inserted);
    struct orphan_row *found = NULL;
    assert_int_equal(take(fixture, ORGANIZATION, (const char *[]){"b"}, 1, 10, &found), 1);
    assert_true(found->id > 0);
    assert_int_equal(found->organization_id, ORGANIZATION);
    assert_int_equal(found->fingerprint.hash, 1);
    assert_int_equal(found->endpoint_id, 4);
    assert_int_equal(found->received_at, 999);
    assert_int_equal(found->event.type, EVENT_CLICK);
    assert_int_equal(found->event.machine, MACHINE_HINT_MACHINE);
    assert_int_equal(found->event.occurred_at, 501);
    assert_int_equal(found->event.link_position, 3);
    assert_int_equal(found->event.email_log_id, 0);
    assert_true(slice_equal(found->event.keys[0], SLICE("a")) && slice_equal(found->event.keys[1], SLICE("b")));
    assert_true(slice_empty(found->event.keys[2]));
    assert_int_equal(found->key_count, 2);
    assert_memory_equal(found->keys, rows[0].keys, 2 * sizeof(struct message_key));
    assert_true(slice_equal(found->event.recipient, rows[0].event.recipient));
    assert_true(slice_equal(found->event.url, rows[0].event.url));
    assert_true(slice_equal(found->event.ip_address, rows[0].event.ip_address));
    assert_true(slice_equal(found->event.user_agent, rows[0].event.user_agent));
    assert_true(slice_equal(found->event.provider_event_id, rows[0].event.provider_event_id));
    assert_true(slice_equal(found->event.metadata, rows[0].event.metadata));
    assert_int_equal(take(fixture, ORGANIZATION, (const char *[]){"c"}, 1, 10, &found), 1);
    assert_int_equal(found->event.type, EVENT_BOUNCE);
    assert_int_equal(found->event.bounce, BOUNCE_HARD);
    assert_int_equal(found->event.occurred_at, -7);
    assert_int_equal(found->event.email_log_id, 99);
    assert_int_equal(found->event.link_position, LINK_POSITION_NONE);
    assert_true(slice_empty(found->event.url) && slice_empty(found->event.recipient));
}

static void an_orphan_is_kept_once(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct orphan_row rows[] = {orphan(fixture, 1, "a", "b"), orphan(fixture, 2, "a", NULL)};
    insert(fixture, rows, 2);
    struct orphan_row again[] = {orphan(fixture, 2, "a", NULL), orphan(fixture, 3, "a", NULL)};
    insert(fixture, again, 2);
    assert_false(again[0].inserted);
    assert_true(again[1].inserted);
    assert_int_equal(ask_int(fixture->db, "SELECT count(*) FROM orphan_events"), 3);
    assert_int_equal(ask_int(fixture->db, "SELECT count(*) FROM orphan_keys"), 4);
}

static void orphans_are_taken_by_key_oldest_first(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct orphan_row rows[] = {orphan(fixture, 1, "a", "b"), orphan(fixture, 2, "b", NULL),
                                orphan(fixture, 3, "c", NULL), orphan(fixture, 4, "a", NULL)};
    insert(fixture, rows, 4);
    struct orphan_row *found = NULL;
    const char *const keys[] = {"a", "b", "unknown"};
    assert_int_equal(take(fixture, ORGANIZATION, keys, 3, 10, &found), 3); /* each once, though under two keys */
    assert_int_equal(found[0].fingerprint.hash, 4);
    assert_int_equal(found[1].fingerprint.hash, 2);
    assert_int_equal(found[2].fingerprint.hash, 1);
    assert_int_equal(take(fixture, ORGANIZATION, keys, 3, 2, &found), 2);
    assert_int_equal(found[0].fingerprint.hash, 4);
    assert_int_equal(take(fixture, 8, keys, 3, 10, &found), 0);
    assert_int_equal(take(fixture, ORGANIZATION, keys, 0, 10, &found), 0);
    assert_int_equal(ask_int(fixture->db, "SELECT count(*) FROM orphan_events"), 4); /* taking leaves them there */
}

static void deleted_orphans_are_gone_with_their_keys(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct orphan_row rows[] = {orphan(fixture, 1, "a", "b"), orphan(fixture, 2, "b", NULL),
                                orphan(fixture, 3, "c", NULL)};
    insert(fixture, rows, 3);
    struct orphan_row *found = NULL;
    assert_int_equal(take(fixture, ORGANIZATION, (const char *[]){"a", "c"}, 2, 10, &found), 2);
    int64_t ids[] = {found[0].id, found[1].id};
    assert_done(db_begin(fixture->db, DB_WRITE, err));
    assert_done(engagement_delete_orphans(fixture->db, 8, ids, 2, err)); /* another organization's are left alone */
    assert_int_equal(ask_int(fixture->db, "SELECT count(*) FROM orphan_events"), 3);
    assert_done(engagement_delete_orphans(fixture->db, ORGANIZATION, ids, 2, err));
    assert_done(engagement_delete_orphans(fixture->db, ORGANIZATION, ids, 0, err));
    assert_done(db_commit(fixture->db, err));
    assert_int_equal(take(fixture, ORGANIZATION, (const char *[]){"a", "b", "c"}, 3, 10, &found), 1);
    assert_int_equal(found->fingerprint.hash, 2);
    assert_int_equal(ask_int(fixture->db, "SELECT count(*) FROM orphan_keys"), 1);
}

static void all_orphans_are_listed_in_portions(void **state) {
    struct fixture *fixture = fixture_of(state);
    for (int i = 0; i < 25; i++) {
        struct orphan_row row = orphan(fixture, 1 + i, "a", NULL);
        if (i % 5 == 4) row.organization_id = 8;
        insert(fixture, &row, 1);
    }
    int64_t after = 0;
    size_t seen = 0, count = 0;
    do {
        struct orphan_row *found = NULL;
        assert_done(engagement_list_orphans(fixture->db, ORGANIZATION, after, 6, fixture->arena, &found, &count, err));
        for (size_t i = 0; i < count; i++) {
            assert_true(found[i].id > after);
            after = found[i].id;
        }
        seen += count;
    } while (count > 0);
    assert_int_equal(seen, 20);
}

static void fingerprints_are_claimed_once(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct fingerprint_row rows[] = {{.organization_id = 7, .day = 100, .fingerprint = {-3, 1}},
                                     {.organization_id = 7, .day = 100, .fingerprint = {-3, 2}},
                                     {.organization_id = 8, .day = 100, .fingerprint = {-3, 1}}};
    assert_done(db_begin(fixture->db, DB_WRITE, err));
    assert_done(engagement_claim_fingerprints(fixture->db, rows, 3, err));
    for (int i = 0; i < 3; i++)
        assert_true(rows[i].inserted);
    struct fingerprint_row again[] = {{.organization_id = 7, .day = 101, .fingerprint = {-3, 1}},
                                      {.organization_id = 7, .day = 101, .fingerprint = {-4, 1}}};
    assert_done(engagement_claim_fingerprints(fixture->db, again, 2, err));
    assert_false(again[0].inserted);
    assert_true(again[1].inserted);
    assert_done(db_commit(fixture->db, err));
    assert_int_equal(ask_int(fixture->db, "SELECT count(*) FROM event_fingerprints"), 4);
}

int main(void) {
    struct CMUnitTest tests[] = {
        contract_test(an_orphan_comes_back_whole),
        contract_test(an_orphan_is_kept_once),
        contract_test(orphans_are_taken_by_key_oldest_first),
        contract_test(deleted_orphans_are_gone_with_their_keys),
        contract_test(all_orphans_are_listed_in_portions),
        contract_test(fingerprints_are_claimed_once),
    };
    return run_contract(tests, sizeof(tests) / sizeof(tests[0]));
}
