/* What sessions, links, second factors and identities promise, on both databases. */
#include "tests/unit/store/store_contract.h"

#include "base/clock.h"
#include "store/account_links.h"
#include "store/organizations.h"
#include "store/purge.h"
#include "store/second_factors.h"
#include "store/sessions.h"

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

static struct user add_user(struct db *db, const char *organization_name, const char *email) {
    struct organization organization;
    organization_init(&organization);
    organization.name = slice_cstr(organization_name);
    organization.time_zone = SLICE("Europe/Berlin");
    in_transaction(organization_insert(db, &organization, NOW, err));
    struct user user = {.organization_id = organization.id, .email = slice_cstr(email), .role = USER_RECRUITER};
    in_transaction(user_insert(db, &user, "hash", NOW, err));
    return user;
}

static void sessions_until_they_end(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct db *db = fixture->db;
    struct user user = add_user(db, "First", "a@x.example"), other = add_user(db, "Second", "a@x.example");
    unsigned char hash[2][SESSION_HASH_SIZE] = {{1, 0, 255}, {2}};
    struct web_session sessions[2], found, *list;
    struct account account;
    size_t count;
    for (int i = 0; i < 2; i++) {
        sessions[i] = (struct web_session){.organization_id = user.organization_id, .user_id = user.id};
        in_transaction(session_insert(db, &sessions[i], hash[i], NOW + i, err));
    }
#define find(organization, which, made_after, used_after)                                                              \
    session_find(db, organization, hash[which], made_after, used_after, fixture->arena, &found, &account, NULL)
    assert_int_equal(find(user.organization_id, 0, NOW - 1, NOW - 1), 1);
    assert_true(found.id == sessions[0].id && found.user_id == user.id && account.user.signed_in_at == NOW + 1);
    assert_true(slice_equal(account.organization_time_zone, SLICE("Europe/Berlin")) && account.user.has_password);
    assert_int_equal(find(other.organization_id, 0, NOW - 1, NOW - 1), 0);
    assert_int_equal(find(user.organization_id, 0, NOW, NOW - 1), 0);
    assert_int_equal(find(user.organization_id, 0, NOW - 1, NOW), 0);
    in_transaction(session_used(db, user.organization_id, sessions[0].id, NOW + 5, err));
    assert_int_equal(find(user.organization_id, 0, NOW - 1, NOW + 4), 1);
    fails_in_transaction(ERR_NOT_FOUND, session_end(db, user.organization_id, user.id + 100, sessions[0].id, err));
    assert_done(sessions_load(db, user.organization_id, user.id, 0, 0, fixture->arena, &list, &count, err));
    assert_true(count == 2 && list[0].id == sessions[1].id);
    in_transaction(sessions_end(db, user.organization_id, user.id, sessions[0].id, err));
    assert_int_equal(find(user.organization_id, 1, 0, 0), 0);
    assert_int_equal(find(user.organization_id, 0, 0, 0), 1);
    in_transaction(user_disable(db, user.organization_id, user.id, NOW, err));
    assert_int_equal(find(user.organization_id, 0, 0, 0), 0);
    int64_t removed = -1;
    in_transaction(session_insert(db, &sessions[1], hash[1], NOW, err));
    assert_int_equal(find(user.organization_id, 1, 0, 0), 0); /* disabled, though the row is there */
    in_transaction(purge(db, PURGE_SESSIONS, user.organization_id, NOW + 1, 10, &removed, err));
    assert_int_equal(removed, 1);
}

static void a_user_keeps_the_latest_sessions(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct db *db = fixture->db;
    struct user user = add_user(db, "First", "a@x.example");
    struct web_session session = {.organization_id = user.organization_id, .user_id = user.id}, *list;
    size_t count;
    assert_done(db_begin(db, DB_WRITE, err));
    for (int i = 0; i < SESSIONS_LIST_MAX + 3; i++) {
        unsigned char hash[SESSION_HASH_SIZE] = {(unsigned char)i, (unsigned char)(i >> 8), 7};
        assert_done(session_insert(db, &session, hash, NOW, err));
    }
    assert_done(db_commit(db, err));
    assert_done(sessions_load(db, user.organization_id, user.id, 0, 0, fixture->arena, &list, &count, err));
    assert_int_equal(count, SESSIONS_LIST_MAX);
    assert_true(list[0].id == session.id);
}

static void accounts_by_address_and_identity(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct db *db = fixture->db;
    struct user first = add_user(db, "First", "a@x.example"), second = add_user(db, "Second", "a@x.example");
    struct account *accounts;
    size_t count;
    assert_done(accounts_find(db, SLICE("a@x.example"), 0, fixture->arena, &accounts, &count, err));
    assert_true(count == 2 && accounts[0].user.id == first.id);
    assert_done(
        accounts_find(db, SLICE("a@x.example"), second.organization_id, fixture->arena, &accounts, &count, err));
    assert_true(count == 1 && accounts[0].user.id == second.id);
    in_transaction(user_bind_subject(db, first.organization_id, first.id, SLICE("https://id s1"), err));
    in_transaction(user_bind_subject(db, first.organization_id, first.id, SLICE("https://id s1"), err));
    fails_in_transaction(ERR_DENIED,
                         user_bind_subject(db, first.organization_id, first.id, SLICE("https://id s2"), err));
    assert_done(accounts_find_subject(db, SLICE("https://id s1"), 0, fixture->arena, &accounts, &count, err));
    assert_true(count == 1 && accounts[0].user.id == first.id);
    assert_done(accounts_find_subject(db, SLICE("https://id s1"), second.organization_id, fixture->arena, &accounts,
                                      &count, err));
    assert_int_equal(count, 0);
    in_transaction(user_disable(db, first.organization_id, first.id, NOW, err));
    assert_done(accounts_find(db, SLICE("a@x.example"), 0, fixture->arena, &accounts, &count, err));
    assert_int_equal(count, 1);
}

static void links_once(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct db *db = fixture->db;
    struct user user = add_user(db, "First", "a@x.example");
    unsigned char first[ACCOUNT_LINK_HASH_SIZE] = {1}, second[ACCOUNT_LINK_HASH_SIZE] = {2, 0, 3};
    struct account_link link = {.organization_id = user.organization_id,
                                .user_id = user.id,
                                .created_at = NOW,
                                .expires_at = NOW + 1000},
                        found;
    in_transaction(account_link_replace(db, &link, first, err));
    assert_done(account_link_find(db, link.organization_id, first, NOW, &found, err));
    assert_fails(ERR_NOT_FOUND, account_link_find(db, link.organization_id, first, NOW + 1000, &found, err));
    assert_fails(ERR_NOT_FOUND, account_link_find(db, link.organization_id + 1, first, NOW, &found, err));
    in_transaction(account_link_replace(db, &link, second, err));
    assert_fails(ERR_NOT_FOUND, account_link_find(db, link.organization_id, first, NOW, &found, err));
    in_transaction(account_link_use(db, link.organization_id, second, NOW, &found, err));
    assert_true(found.user_id == user.id);
    fails_in_transaction(ERR_NOT_FOUND, account_link_use(db, link.organization_id, second, NOW, &found, err));
    int64_t removed = -1;
    in_transaction(account_link_replace(db, &link, first, err));
    in_transaction(purge(db, PURGE_ACCOUNT_LINKS, link.organization_id, NOW + 1000, 10, &removed, err));
    assert_int_equal(removed, 0);
    in_transaction(purge(db, PURGE_ACCOUNT_LINKS, link.organization_id, NOW + 1001, 10, &removed, err));
    assert_int_equal(removed, 1);
}

static void second_factors(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct db *db = fixture->db;
    struct user user = add_user(db, "First", "a@x.example");
    const unsigned char codes[2][RECOVERY_CODE_HASH_SIZE] = {{1, 0, 2}, {3}};
    int64_t organization = user.organization_id;
    struct slice sealed;
    struct account account;
    assert_fails(ERR_NOT_FOUND, second_factor_pending(db, organization, user.id, fixture->arena, &sealed, err));
    fails_in_transaction(ERR_CONFLICT, second_factor_confirm(db, organization, user.id, 5, codes, 2, NOW, err));
    in_transaction(second_factor_begin(db, organization, user.id, SLICE("se\0led"), err));
    assert_done(account_load(db, organization, user.id, fixture->arena, &account, err));
    assert_false(account.user.has_second_factor);
    assert_done(second_factor_pending(db, organization, user.id, fixture->arena, &sealed, err));
    assert_true(slice_equal(sealed, SLICE("se\0led")));
    in_transaction(second_factor_confirm(db, organization, user.id, 5, codes, 2, NOW, err));
    assert_done(account_load(db, organization, user.id, fixture->arena, &account, err));
    assert_true(account.user.has_second_factor && account.totp_step == 5);
    fails_in_transaction(ERR_CONFLICT, second_factor_begin(db, organization, user.id, SLICE("x"), err));
    assert_done(db_begin(db, DB_WRITE, err));
    assert_int_equal(second_factor_use_step(db, organization, user.id, 5, NULL), 0);
    assert_int_equal(second_factor_use_step(db, organization, user.id, 7, NULL), 1);
    assert_int_equal(second_factor_use_step(db, organization, user.id, 6, NULL), 0);
    assert_int_equal(second_factor_use_code(db, organization, user.id, codes[0], NULL), 1);
    assert_int_equal(second_factor_use_code(db, organization, user.id, codes[0], NULL), 0);
    assert_int_equal(second_factor_use_code(db, organization, user.id + 1, codes[1], NULL), 0);
    assert_done(second_factor_remove(db, organization, user.id, err));
    assert_int_equal(second_factor_use_code(db, organization, user.id, codes[1], NULL), 0);
    assert_int_equal(second_factor_use_step(db, organization, user.id, 100, NULL), 0);
    assert_done(db_commit(db, err));
}

int main(void) {
    struct CMUnitTest tests[] = {
        contract_test(sessions_until_they_end),
        contract_test(a_user_keeps_the_latest_sessions),
        contract_test(accounts_by_address_and_identity),
        contract_test(links_once),
        contract_test(second_factors),
    };
    return run_contract(tests, sizeof(tests) / sizeof(tests[0]));
}
