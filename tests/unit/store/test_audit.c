/* What the audit log promises, on both databases: a chain without gaps that shows every tampering. */
#include "tests/unit/store/store_contract.h"

#include "store/audit.h"
#include "store/organizations.h"

#include "base/banned.h"

#define NOW 1764000000000LL
#define DAY 86400000LL

static const unsigned char key[AUDIT_KEY_SIZE] = "the key that is not in the db";

#define in_transaction(call)                                                                                           \
    do {                                                                                                               \
        assert_done(db_begin(db, DB_WRITE, err));                                                                      \
        assert_done(call);                                                                                             \
        assert_done(db_commit(db, err));                                                                               \
    } while (0)

static int64_t add_organization(struct db *db, const char *name) {
    struct organization organization;
    organization_init(&organization);
    organization.name = slice_cstr(name);
    in_transaction(organization_insert(db, &organization, NOW, err));
    return organization.id;
}

static int64_t add(struct db *db, int64_t organization_id, const char *action, int64_t object_id, int64_t at) {
    struct audit_entry entry = {
        .organization_id = organization_id,
        .actor = AUDIT_USER,
        .actor_id = 7,
        .source = SLICE("192.0.2.0"),
        .request_id = SLICE("r-1"),
        .action = slice_cstr(action),
        .object = slice_first(slice_cstr(action), strcspn(action, ".")),
        .object_id = object_id,
        .detail = SLICE("{\"changes\":{\"name\":true}}"),
    };
    in_transaction(audit_append(db, key, &entry, at, err));
    return entry.id;
}

static int64_t faults_with(struct db *db, const unsigned char *with, int64_t organization_id, int64_t *ret_entries) {
    int64_t faults = -1;
    assert_done(db_begin(db, DB_READ, err));
    assert_done(audit_verify(db, with, organization_id, NULL, NULL, ret_entries, &faults, err));
    db_rollback(db);
    return faults;
}

static int64_t faults(struct db *db, int64_t organization_id) {
    int64_t entries;
    return faults_with(db, key, organization_id, &entries);
}

/* The tests write to the tables as somebody would who has the database. */
static void tamper(struct db *db, const char *sql) {
    assert_done(db_script(db, slice_cstr(sql), err));
}

static size_t count_of(struct fixture *fixture, struct audit_filter filter) {
    struct audit_entry *entries;
    size_t count;
    if (filter.to == 0) filter.to = INT64_MAX;
    assert_done(audit_load(fixture->db, &filter, INT64_MAX, 100, fixture->arena, &entries, &count, err));
    return count;
}

static void entries_are_numbered_and_found(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct db *db = fixture->db;
    int64_t first = add_organization(db, "First"), second = add_organization(db, "Second");
    assert_int_equal(add(db, first, "users.create", 5, NOW), 1);
    assert_int_equal(add(db, second, "users.create", 6, NOW), 1);
    assert_int_equal(add(db, first, "users.jobs.give", 5, NOW + DAY), 2);
    assert_int_equal(add(db, first, "usersfoo", 9, NOW + 2 * DAY), 3);
    struct audit_entry *entries;
    size_t count;
    struct audit_filter all = {.organization_id = first, .actor = -1, .to = INT64_MAX};
    assert_done(audit_load(db, &all, INT64_MAX, 2, fixture->arena, &entries, &count, err));
    assert_int_equal(count, 2);
    assert_int_equal(entries[0].id, 3);
    assert_int_equal(entries[1].id, 2);
    assert_true(slice_equal(entries[1].action, SLICE("users.jobs.give")));
    assert_true(slice_equal(entries[1].source, SLICE("192.0.2.0")));
    assert_true(slice_equal(entries[1].detail, SLICE("{\"changes\":{\"name\":true}}")));
    assert_int_equal(entries[1].at, NOW + DAY);
    assert_done(audit_load(db, &all, 2, 10, fixture->arena, &entries, &count, err));
    assert_int_equal(count, 1);
    assert_int_equal(count_of(fixture, (struct audit_filter){.organization_id = first, .actor = AUDIT_COMMAND}), 0);
    assert_int_equal(
        count_of(fixture, (struct audit_filter){.organization_id = first, .actor = AUDIT_USER, .actor_id = 7}), 3);
    assert_int_equal(
        count_of(fixture, (struct audit_filter){.organization_id = first, .actor = AUDIT_USER, .actor_id = 8}), 0);
    assert_int_equal(
        count_of(fixture, (struct audit_filter){.organization_id = first, .actor = -1, .action = SLICE("users")}), 2);
    assert_int_equal(count_of(fixture, (struct audit_filter){.organization_id = first, .actor = -1, .object_id = 5}),
                     2);
    assert_int_equal(
        count_of(fixture,
                 (struct audit_filter){.organization_id = first, .actor = -1, .from = NOW + DAY, .to = NOW + 2 * DAY}),
        1);
    struct audit_entry nobody = {.organization_id = 999, .action = SLICE("x")};
    in_transaction(audit_append(db, key, &nobody, NOW, err));
    assert_int_equal(nobody.id, 0);
    int64_t looked_at;
    assert_int_equal(faults_with(db, key, first, &looked_at), 0);
    assert_int_equal(looked_at, 3);
}

static void tampering_shows(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct db *db = fixture->db;
    static const unsigned char other[AUDIT_KEY_SIZE] = "another key";
    /* An organization each, numbered from 1. */
    static const char *const attempts[] = {
        "SELECT 1", /* nothing is done to the first */
        "UPDATE audit_log SET detail = '{}' WHERE organization_id = 2 AND id = 3",
        "UPDATE audit_log SET at = at + 1 WHERE organization_id = 3 AND id = 5",
        "DELETE FROM audit_log WHERE organization_id = 4 AND id = 2",
        "DELETE FROM audit_log WHERE organization_id = 5 AND id = 5",
        "DELETE FROM audit_log WHERE organization_id = 6 AND id = 1",
        "UPDATE audit_log SET id = 9 WHERE organization_id = 7 AND id = 2;"
        "UPDATE audit_log SET id = 2 WHERE organization_id = 7 AND id = 3;"
        "UPDATE audit_log SET id = 3 WHERE organization_id = 7 AND id = 9",
        "DELETE FROM audit_heads WHERE organization_id = 8",
        /* Cut off, and the head made to fit, but for the seal. */
        "DELETE FROM audit_log WHERE organization_id = 9 AND id > 3;"
        "UPDATE audit_heads SET last_id = 3, last_hash = (SELECT hash FROM audit_log WHERE organization_id = 9 AND id "
        "= 3)"
        " WHERE organization_id = 9",
    };
    const size_t count = sizeof(attempts) / sizeof(attempts[0]);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(add_organization(db, "Organization"), i + 1);
        for (int n = 0; n < 5; n++)
            add(db, (int64_t)i + 1, "settings.change", 0, NOW + n);
    }
    for (size_t i = 1; i < count; i++)
        tamper(db, attempts[i]);
    assert_int_equal(faults(db, 1), 0);
    for (size_t i = 1; i < count; i++)
        if (faults(db, (int64_t)i + 1) == 0) fail_msg("unnoticed: %s", attempts[i]);
    /* Who goes on writing hides nothing. */
    add(db, 9, "settings.change", 0, NOW);
    assert_true(faults(db, 9) > 0);
    int64_t entries;
    assert_int_equal(faults_with(db, other, 1, &entries), 1);
}

static void old_entries_go_and_the_chain_holds(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct db *db = fixture->db;
    int64_t organization = add_organization(db, "First"), removed;
    for (int n = 0; n < 10; n++)
        add(db, organization, "users.create", n, NOW + n * DAY);
    in_transaction(audit_purge(db, key, organization, NOW + 6 * DAY, 4, &removed, err));
    assert_int_equal(removed, 4);
    in_transaction(audit_purge(db, key, organization, NOW + 6 * DAY, 4, &removed, err));
    assert_int_equal(removed, 2);
    in_transaction(audit_purge(db, key, organization, NOW + 6 * DAY, 4, &removed, err));
    assert_int_equal(removed, 0);
    int64_t entries;
    assert_int_equal(faults_with(db, key, organization, &entries), 0);
    assert_int_equal(entries, 4);
    assert_int_equal(add(db, organization, "users.create", 11, NOW + 11 * DAY), 11);
    assert_int_equal(faults(db, organization), 0);
    tamper(db, "DELETE FROM audit_log WHERE id = 7");
    assert_true(faults(db, organization) > 0);
}

int main(void) {
    struct CMUnitTest tests[] = {
        contract_test(entries_are_numbered_and_found),
        contract_test(tampering_shows),
        contract_test(old_entries_go_and_the_chain_holds),
    };
    return run_contract(tests, sizeof(tests) / sizeof(tests[0]));
}
