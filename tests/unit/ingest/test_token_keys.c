/* token_keys.c: rings out of stored keys, rotation and retirement. */
#include "ingest/token_keys.h"

#include "base/clock.h"
#include "model/event.h"
#include "store/organizations.h"
#include "store/token_keys.h"
#include "tests/unit/store/store_contract.h"

#include "base/banned.h"

#define NOW 1764000000000LL

static const struct secret_box box = {.key = {1, 2, 3}}, other_box = {.key = {9}};

static char *sign(struct fixture *fixture, struct token_keys *keys) {
    const struct token_keyset *set = token_keys_acquire(keys);
    struct token token = {
        .purpose = TOKEN_CLICK, .organization_id = 1, .email_log_id = 77, .url = SLICE("https://a.example/")};
    struct strbuf out;
    assert_non_null(set);
    strbuf_init(&out, 4096);
    token_write(set->ring, &token, &out);
    token_keys_release(set);
    char *text = arena_cstr(fixture->arena, strbuf_slice(&out));
    strbuf_release(&out);
    return text;
}

static bool reads(struct fixture *fixture, struct token_keys *keys, const char *text) {
    const struct token_keyset *set = token_keys_acquire(keys);
    struct token token;
    bool read = set && token_read(set->ring, slice_cstr(text), TOKEN_CLICK, fixture->arena, &token);
    token_keys_release(set);
    return read && token.email_log_id == 77;
}

static int64_t rotate(struct fixture *fixture, int64_t now) {
    int64_t id = 0;
    assert_done(db_begin(fixture->db, DB_WRITE, err));
    assert_done(token_key_rotate(fixture->db, &box, now, &id, err));
    assert_done(db_commit(fixture->db, err));
    return id;
}

static int try_retire(struct fixture *fixture, int64_t id, bool force, int64_t now, struct err *err) {
    int r = db_begin(fixture->db, DB_WRITE, err);
    if (r == 0) r = token_key_retire(fixture->db, id, force, now, err);
    if (r == 0) r = db_commit(fixture->db, err);
    if (r < 0) db_rollback(fixture->db);
    return r;
}

static void the_first_key_is_made_once(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct token_keys *keys = token_keys_new(&box);
    assert_done(token_keys_refresh(keys, fixture->db, err));
    assert_null(token_keys_acquire(keys));
    assert_done(token_keys_ensure(&box, fixture->db, NOW, err));
    assert_done(token_keys_ensure(&box, fixture->db, NOW, err));
    assert_int_equal(ask_int(fixture->db, "SELECT count(*) FROM token_keys"), 1);
    assert_null(token_keys_acquire(keys));
    assert_done(token_keys_refresh(keys, fixture->db, err));
    const struct token_keyset *set = token_keys_acquire(keys);
    assert_int_equal(set->signing_id, 1);
    assert_int_equal(set->unreadable, 0);
    assert_done(token_keys_refresh(keys, fixture->db, err));
    const struct token_keyset *again = token_keys_acquire(keys);
    assert_ptr_equal(set, again); /* the version has not changed */
    token_keys_release(again);
    token_keys_free(keys);
    assert_int_equal(set->signing_id, 1); /* ours until we give it back */
    token_keys_release(set);
    token_keys_release(NULL);
}

static void rotation_leaves_old_tokens_working(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct token_keys *keys = token_keys_new(&box), *foreign = token_keys_new(&other_box);
    struct organization organization;
    organization_init(&organization);
    organization.name = SLICE("one");
    assert_done(db_begin(fixture->db, DB_WRITE, err));
    assert_done(organization_insert(fixture->db, &organization, NOW, err));
    assert_done(db_commit(fixture->db, err));
    assert_done(token_keys_ensure(&box, fixture->db, NOW, err));
    assert_done(token_keys_refresh(keys, fixture->db, err));
    char *old = sign(fixture, keys);
    assert_int_equal(rotate(fixture, NOW + DAY_MS), 2);
    assert_done(token_keys_refresh(keys, fixture->db, err));
    char *new = sign(fixture, keys);
    assert_string_not_equal(old, new);
    assert_true(reads(fixture, keys, old));
    assert_true(reads(fixture, keys, new));

    /* An installation with another secret key opens none of them. */
    assert_done(token_keys_refresh(foreign, fixture->db, err));
    assert_null(token_keys_acquire(foreign));

    int64_t due = NOW + DAY_MS + organization.retention_days * DAY_MS;
    assert_fails(ERR_CONFLICT, try_retire(fixture, 2, true, due, err)); /* it signs */
    assert_fails(ERR_CONFLICT, try_retire(fixture, 1, false, due - 1, err));
    assert_fails(ERR_NOT_FOUND, try_retire(fixture, 3, true, due, err));
    assert_done(try_retire(fixture, 1, false, due, err));
    assert_fails(ERR_NOT_FOUND, try_retire(fixture, 1, true, due, err));
    assert_done(token_keys_refresh(keys, fixture->db, err));
    assert_false(reads(fixture, keys, old));
    assert_true(reads(fixture, keys, new));
    assert_int_equal(ask_int(fixture->db, "SELECT count(*) FROM token_keys WHERE sealed IS NULL"), 1);

    assert_int_equal(rotate(fixture, due + 1), 3);
    assert_done(try_retire(fixture, 2, true, due + 2, err)); /* within the retention, but forced */
    token_keys_free(keys);
    token_keys_free(foreign);
}

static void foreign_tokens_are_unknown(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct token_keys *keys = token_keys_new(&box), *others = token_keys_new(&box);
    assert_done(token_keys_ensure(&box, fixture->db, NOW, err));
    assert_done(token_keys_refresh(keys, fixture->db, err));
    char *text = sign(fixture, keys);
    assert_true(reads(fixture, keys, text));
    /* The same secret key and key id, but another database: another random key. */
    run_sql(fixture->db, "DELETE FROM token_keys; UPDATE instance SET settings_version = settings_version + 1;");
    assert_done(token_keys_ensure(&box, fixture->db, NOW, err));
    assert_done(token_keys_refresh(others, fixture->db, err));
    assert_false(reads(fixture, others, text));
    token_keys_free(keys);
    token_keys_free(others);
}

static void ids_are_used_again_last(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct token_keys *keys = token_keys_new(&box);
    for (int64_t i = 1; i <= TOKEN_KEYS_MAX; i++)
        assert_int_equal(rotate(fixture, NOW + i), i);
    assert_done(db_begin(fixture->db, DB_WRITE, err));
    int64_t id = 0;
    assert_fails(ERR_TOO_LARGE, token_key_rotate(fixture->db, &box, NOW, &id, err));
    db_rollback(fixture->db);
    for (int64_t i = TOKEN_KEYS_MAX + 1; i <= TOKEN_KEY_IDS_MAX + 2; i++) {
        int64_t oldest = i - TOKEN_KEYS_MAX;
        assert_done(try_retire(fixture, oldest, true, NOW + i, err));
        assert_int_equal(rotate(fixture, NOW + i), i <= TOKEN_KEY_IDS_MAX ? i : i - TOKEN_KEY_IDS_MAX);
    }
    assert_done(token_keys_refresh(keys, fixture->db, err));
    const struct token_keyset *set = token_keys_acquire(keys);
    assert_int_equal(set->signing_id, 2);
    token_keys_release(set);
    token_keys_free(keys);
}

int main(void) {
    struct CMUnitTest tests[] = {
        contract_test(the_first_key_is_made_once),
        contract_test(rotation_leaves_old_tokens_working),
        contract_test(foreign_tokens_are_unknown),
        contract_test(ids_are_used_again_last),
    };
    return run_contract(tests, sizeof(tests) / sizeof(tests[0]));
}
