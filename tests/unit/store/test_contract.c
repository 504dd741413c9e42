/* What db.h, store.h and migrate.h promise, on both databases. */
#include "tests/unit/store/store_contract.h"

#include <pthread.h>

#include "store/migrate.h"

#include "base/banned.h"

static const struct statement insert_user = {
    .name = "insert user",
    .sql = "INSERT INTO users (organization_id, email, name, external_id, created_at, updated_at) "
           "VALUES ($1, $2, $3, $4, $5, $5)",
};
static const struct statement select_user = {
    .name = "select user",
    .sql = "SELECT id, email, name, external_id, created_at, password_hash FROM users "
           "WHERE organization_id = $1 AND email = $2",
};
static const struct statement count_users = {
    .name = "count users",
    .sql = "SELECT count(*) FROM users",
};
static const struct statement list_users = {
    .name = "list users",
    .sql = "SELECT email FROM users ORDER BY email",
};

static int add_user(struct db *db, struct slice email, struct err *err) {
    return db_run(db, &insert_user, DB_VALUES(db_int(1), db_text(email), db_null(), db_null(), db_int(5)), NULL, err);
}

/* ---- values and rows ---- */

static void values_come_back_as_they_were(void **state) {
    struct db *db = fixture_of(state)->db;
    struct slice name = SLICE("Zo\xc3\xab \xf0\x9f\x98\x80 O'Neil \\ \"x\"");
    assert_done(db_run(db, &insert_user,
                       DB_VALUES(db_int(INT64_MAX), db_text(SLICE("a@example.org")), db_text(name),
                                 db_text_or_null(SLICE_NONE), db_int(INT64_MIN)),
                       NULL, err));
    struct db_rows *rows = NULL;
    assert_done(db_query(db, &select_user, DB_VALUES(db_int(INT64_MAX), db_text(SLICE("a@example.org"))), &rows, err));
    assert_int_equal(db_next(rows, NULL), 1);
    assert_true(db_column_int(rows, 0) > 0);
    assert_true(slice_equal(db_column_text(rows, 1), SLICE("a@example.org")));
    assert_true(slice_equal(db_column_text(rows, 2), name));
    assert_true(db_is_null(rows, 3));
    assert_true(slice_empty(db_column_text(rows, 3)));
    assert_int_equal(db_column_int(rows, 3), 0);
    assert_int_equal(db_column_int_or(rows, 3, -7), -7);
    assert_true(db_column_int(rows, 4) == INT64_MIN);
    assert_true(db_column_int_or(rows, 4, -7) == INT64_MIN);
    assert_int_equal(db_next(rows, NULL), 0);
    assert_null(db_rows_free(rows));
    assert_null(db_rows_free(NULL));
}

static void empty_text_is_not_null(void **state) {
    struct db *db = fixture_of(state)->db;
    assert_done(db_run(db, &insert_user,
                       DB_VALUES(db_int(1), db_text(SLICE("a")), db_text(SLICE_NONE), db_null(), db_int(1)), NULL,
                       err));
    struct db_rows *rows = NULL;
    assert_int_equal(db_query_row(db, &select_user, DB_VALUES(db_int(1), db_text(SLICE("a"))), &rows, NULL), 1);
    assert_false(db_is_null(rows, 2));
    assert_int_equal(db_column_text(rows, 2).len, 0);
    db_rows_free(rows);
}

static void blobs_and_reals_come_back(void **state) {
    static const struct statement insert = {
        .name = "insert key",
        .sql = "INSERT INTO api_keys (organization_id, name, prefix, secret_hash, created_at) "
               "VALUES (1, 'k', 'p', $1, 1)",
    };
    static const struct statement select = {.name = "select key", .sql = "SELECT secret_hash, 2.5 FROM api_keys"};
    struct db *db = fixture_of(state)->db;
    char bytes[256];
    for (int i = 0; i < 256; i++)
        bytes[i] = (char)i;
    assert_done(db_run(db, &insert, DB_VALUES(db_blob(slice_of(bytes, sizeof(bytes)))), NULL, err));
    struct db_rows *rows = NULL;
    assert_int_equal(db_query_row(db, &select, NULL, 0, &rows, NULL), 1);
    assert_true(slice_equal(db_column_blob(rows, 0), slice_of(bytes, sizeof(bytes))));
    assert_true(db_column_real(rows, 1) == 2.5);
    db_rows_free(rows);
}

static void values_may_go_when_the_query_has_begun(void **state) {
    struct db *db = fixture_of(state)->db;
    assert_done(add_user(db, SLICE("someone@example.org"), err));
    char *email = strdup("someone@example.org");
    struct db_rows *rows = NULL;
    assert_done(db_query(db, &select_user, DB_VALUES(db_int(1), db_text(slice_cstr(email))), &rows, err));
    memset(email, 'x', strlen(email));
    free(email);
    assert_int_equal(db_next(rows, NULL), 1);
    db_rows_free(rows);
}

static void changes_are_counted(void **state) {
    static const struct statement rename = {.name = "rename", .sql = "UPDATE users SET name = $1 WHERE email <> $2"};
    struct db *db = fixture_of(state)->db;
    int64_t changes = -1;
    assert_done(add_user(db, SLICE("a"), err));
    assert_done(add_user(db, SLICE("b"), err));
    assert_done(add_user(db, SLICE("c"), err));
    assert_done(db_run(db, &rename, DB_VALUES(db_text(SLICE("n")), db_text(SLICE("b"))), &changes, err));
    assert_int_equal(changes, 2);
    assert_done(db_run(db, &rename, DB_VALUES(db_text(SLICE("n")), db_null()), &changes, err));
    assert_int_equal(changes, 0);
}

static void a_row_or_none(void **state) {
    struct db *db = fixture_of(state)->db;
    struct db_rows *rows = NULL;
    assert_int_equal(db_query_row(db, &select_user, DB_VALUES(db_int(1), db_text(SLICE("a"))), &rows, NULL), 0);
    assert_null(rows);
    assert_done(add_user(db, SLICE("a"), err));
    assert_int_equal(db_query_row(db, &select_user, DB_VALUES(db_int(1), db_text(SLICE("a"))), &rows, NULL), 1);
    db_rows_free(rows);
}

static void two_results_may_be_open(void **state) {
    struct db *db = fixture_of(state)->db;
    assert_done(add_user(db, SLICE("a"), err));
    assert_done(add_user(db, SLICE("b"), err));
    struct db_rows *list = NULL, *one = NULL;
    assert_done(db_query(db, &list_users, NULL, 0, &list, err));
    assert_int_equal(db_next(list, NULL), 1);
    assert_int_equal(db_query_row(db, &select_user, DB_VALUES(db_int(1), db_text(SLICE("b"))), &one, NULL), 1);
    assert_true(slice_equal(db_column_text(list, 0), SLICE("a")));
    assert_true(slice_equal(db_column_text(one, 1), SLICE("b")));
    assert_int_equal(db_next(list, NULL), 1);
    assert_true(slice_equal(db_column_text(list, 0), SLICE("b")));
    db_rows_free(one);
    db_rows_free(list);
}

static void many_rows_come_in_order(void **state) {
    static const struct statement all = {
        .name = "all days", .sql = "SELECT item FROM breakdowns ORDER BY item", .many_rows = true};
    static const struct statement insert = {
        .name = "insert",
        .sql = "INSERT INTO breakdowns (organization_id, cohort_id, kind, item, n) VALUES (1, 1, 1, $1, 1)"};
    struct db *db = fixture_of(state)->db;
    assert_done(db_begin(db, DB_WRITE, err));
    for (int i = 0; i < 12000; i++)
        assert_done(db_run(db, &insert, DB_VALUES(db_int(i)), NULL, err));
    struct db_rows *rows = NULL;
    assert_done(db_query(db, &all, NULL, 0, &rows, err));
    int rc, seen = 0;
    while ((rc = db_next(rows, NULL)) == 1)
        if (db_column_int(rows, 0) != seen++) fail_msg("row %d is out of order", seen);
    db_rows_free(rows);
    assert_int_equal(rc, 0);
    assert_int_equal(seen, 12000);
    assert_done(db_commit(db, err));
}

static void a_list_is_one_value(void **state) {
    static const struct statement in_list = {
        .name = "in list",
        .sql = "SELECT count(*) FROM users WHERE created_at IN " DB_LIST("$1"),
        .sql_postgres = "SELECT count(*) FROM users WHERE created_at IN " DB_LIST_POSTGRES("$1"),
    };
    struct fixture *fixture = fixture_of(state);
    const int64_t times[] = {INT64_MIN, -1, 0, 5, INT64_MAX};
    const char *const emails[] = {"a", "b", "c", "d", "e"};
    for (int i = 0; i < 5; i++)
        assert_done(db_run(fixture->db, &insert_user,
                           DB_VALUES(db_int(1), db_text(slice_cstr(emails[i])), db_null(), db_null(), db_int(times[i])),
                           NULL, err));
    for (size_t count = 0; count <= 5; count++) {
        struct db_rows *rows = NULL;
        assert_int_equal(
            db_query_row(fixture->db, &in_list, DB_VALUES(db_list(fixture->arena, times, count)), &rows, NULL), 1);
        assert_int_equal(db_column_int(rows, 0), count);
        db_rows_free(rows);
    }
}

/* ---- transactions ---- */

static void rollback_undoes_and_commit_keeps(void **state) {
    struct db *db = fixture_of(state)->db;
    assert_done(db_begin(db, DB_WRITE, err));
    assert_done(add_user(db, SLICE("a"), err));
    db_rollback(db);
    assert_int_equal(ask(db, &count_users), 0);
    assert_done(db_begin(db, DB_WRITE, err));
    assert_done(add_user(db, SLICE("b"), err));
    assert_done(db_commit(db, err));
    assert_int_equal(ask(db, &count_users), 1);
    db_rollback(db); /* without a transaction: nothing happens */
    assert_int_equal(ask(db, &count_users), 1);
}

static void a_savepoint_undoes_its_own_part(void **state) {
    struct db *db = fixture_of(state)->db;
    assert_done(db_begin(db, DB_WRITE, err));
    assert_done(add_user(db, SLICE("before"), err));
    assert_done(db_savepoint(db, err));
    assert_done(add_user(db, SLICE("undone"), err));
    assert_done(db_savepoint_rollback(db, err));
    assert_done(db_savepoint(db, err));
    assert_done(add_user(db, SLICE("kept"), err));
    assert_done(db_savepoint_release(db, err));
    assert_done(db_commit(db, err));
    assert_int_equal(ask(db, &count_users), 2);
    assert_int_equal(ask_int(db, "SELECT count(*) FROM users WHERE email = 'undone'"), 0);
}

static void a_failed_statement_is_undone_by_its_savepoint(void **state) {
    struct db *db = fixture_of(state)->db;
    assert_done(db_begin(db, DB_WRITE, err));
    assert_done(add_user(db, SLICE("a"), err));
    for (int i = 0; i < 2; i++) {
        assert_done(db_savepoint(db, err));
        assert_fails(ERR_CONFLICT, add_user(db, SLICE("a"), err));
        assert_done(db_savepoint_rollback(db, err));
    }
    assert_done(add_user(db, SLICE("b"), err));
    assert_done(db_commit(db, err));
    assert_int_equal(ask(db, &count_users), 2);
}

static void a_script_is_undone_too(void **state) {
    struct db *db = fixture_of(state)->db;
    assert_done(db_begin(db, DB_WRITE, err));
    assert_fails(ERR_INTERNAL, db_script(db, SLICE("CREATE TABLE extra (a BIGINT); SELECT nonsense"), err));
    db_rollback(db);
    run_sql(db, "CREATE TABLE extra (a BIGINT); INSERT INTO extra VALUES (1)");
    assert_int_equal(ask_int(db, "SELECT count(*) FROM extra"), 1);
}

/* ---- errors ---- */

static void errors_say_what_kind(void **state) {
    static const struct statement wrong = {.name = "wrong", .sql = "SELECT nothing FROM nowhere"};
    static const struct statement incomplete = {.name = "incomplete",
                                                .sql = "INSERT INTO users (organization_id) VALUES ($1)"};
    static const struct statement second = {.name = "second instance",
                                            .sql = "INSERT INTO instance (id, hash_key, created_at) VALUES (2, $1, 1)"};
    struct db *db = fixture_of(state)->db;
    struct db_rows *rows = NULL;
    assert_fails(ERR_INTERNAL, db_query(db, &wrong, NULL, 0, &rows, err));
    assert_fails(ERR_INTERNAL, db_run(db, &incomplete, DB_VALUES(db_int(1)), NULL, err));
    assert_fails(ERR_CONFLICT, db_run(db, &second, DB_VALUES(db_blob(SLICE("x"))), NULL, err));
    assert_done(add_user(db, SLICE("a"), err));
    assert_fails(ERR_CONFLICT, add_user(db, SLICE("a"), err));
    assert_int_equal(ask(db, &count_users), 1);
}

static void readers_cannot_write(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct db *reader = NULL;
    assert_done(store_reader(fixture->store, &reader, err));
    struct err err = {0};
    assert_true(add_user(reader, SLICE("a"), &err) < 0);
    store_reader_return(fixture->store, reader);
    assert_int_equal(ask(fixture->db, &count_users), 0);
}

/* ---- two connections ---- */

static void a_reader_keeps_its_snapshot(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct db *reader = NULL;
    assert_done(store_reader(fixture->store, &reader, err));
    assert_done(db_begin(reader, DB_READ, err));
    assert_int_equal(ask(reader, &count_users), 0);
    assert_done(db_begin(fixture->db, DB_WRITE, err));
    assert_done(add_user(fixture->db, SLICE("a"), err));
    assert_int_equal(ask(reader, &count_users), 0);
    assert_done(db_commit(fixture->db, err));
    assert_int_equal(ask(reader, &count_users), 0);
    db_rollback(reader);
    assert_int_equal(ask(reader, &count_users), 1);
    store_reader_return(fixture->store, reader);
}

static void the_pool_lends_each_connection_once(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct db *first = NULL, *second = NULL, *third = NULL;
    assert_done(store_reader(fixture->store, &first, err));
    assert_done(store_reader(fixture->store, &second, err));
    assert_ptr_not_equal(first, second);
    assert_done(db_begin(first, DB_READ, err));
    store_reader_return(fixture->store, first);
    assert_done(store_reader(fixture->store, &third, err));
    assert_ptr_equal(first, third);
    assert_done(db_begin(third, DB_READ, err)); /* the former one's transaction was ended */
    store_reader_return(fixture->store, third);
    store_reader_return(fixture->store, second);
    store_reader_return(fixture->store, NULL);
}

#define ADDITIONS 50

static void *add_users(void *context) {
    struct fixture *fixture = context;
    struct db *db = NULL;
    struct err err;
    long failures = store_writer(fixture->store, &db, &err) < 0;
    for (int i = 0; i < ADDITIONS && failures == 0; i++) {
        char email[64];
        snprintf(email, sizeof(email), "%p-%d", (void *)db, i);
        failures += db_begin(db, DB_WRITE, &err) < 0 || add_user(db, slice_cstr(email), &err) < 0 ||
                    settings_version_raise(db, &err) < 0 || db_commit(db, &err) < 0;
    }
    store_writer_close(fixture->store, db);
    return (void *)failures;
}

static void *read_users(void *context) {
    struct fixture *fixture = context;
    long failures = 0;
    for (int i = 0; i < ADDITIONS; i++) {
        struct db *db = NULL;
        struct db_rows *rows = NULL;
        struct err err;
        if (store_reader(fixture->store, &db, &err) < 0) return (void *)1L;
        failures += db_query_row(db, &count_users, NULL, 0, &rows, &err) != 1;
        db_rows_free(rows);
        store_reader_return(fixture->store, db);
        store_checkpoint(fixture->store);
    }
    return (void *)failures;
}

static void writers_and_readers_work_side_by_side(void **state) {
    struct fixture *fixture = fixture_of(state);
    pthread_t threads[5];
    int64_t before = 0, after = 0;
    assert_done(settings_version(fixture->db, &before, err));
    for (int i = 0; i < 5; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, i < 2 ? add_users : read_users, fixture), 0);
    for (int i = 0; i < 5; i++) {
        void *failures = NULL;
        pthread_join(threads[i], &failures);
        assert_null(failures);
    }
    assert_int_equal(ask(fixture->db, &count_users), 2 * ADDITIONS);
    assert_done(settings_version(fixture->db, &after, err));
    assert_int_equal(after, before + 2 * ADDITIONS);
}

/* ---- the store ---- */

static void a_store_keeps_its_key_and_content(void **state) {
    struct fixture *fixture = fixture_of(state);
    unsigned char key[HASH_KEY_SIZE], none[HASH_KEY_SIZE] = {0};
    memcpy(key, store_hash_key(fixture->store), sizeof(key));
    assert_memory_not_equal(key, none, sizeof(key));
    assert_done(add_user(fixture->db, SLICE("a"), err));
    store_writer_close(fixture->store, fixture->db);
    fixture->store = store_close(fixture->store);
    assert_done(open_store(fixture->url, &fixture->store, err));
    assert_done(store_writer(fixture->store, &fixture->db, err));
    assert_memory_equal(store_hash_key(fixture->store), key, sizeof(key));
    assert_int_equal(ask(fixture->db, &count_users), 1);
    assert_null(store_close(NULL));
}

static void another_store_gets_another_key(void **state) {
    struct fixture *fixture = fixture_of(state);
    char url[DATABASE_URL_MAX];
    struct store *other = NULL;
    database_create(fixture->databases, fixture->postgres, url);
    assert_done(open_store(url, &other, err));
    assert_memory_not_equal(store_hash_key(other), store_hash_key(fixture->store), HASH_KEY_SIZE);
    store_close(other);
}

static void migrations_are_applied_once(void **state) {
    struct fixture *fixture = fixture_of(state);
    int64_t number = ask_int(fixture->db, "SELECT max(number) FROM schema_migrations");
    assert_true(number >= 1);
    assert_int_equal(ask_int(fixture->db, "SELECT count(*) FROM schema_migrations"), number);
    assert_done(migrate(fixture->db, err));
    assert_int_equal(ask_int(fixture->db, "SELECT count(*) FROM schema_migrations"), number);
}

static void a_newer_database_is_refused(void **state) {
    struct fixture *fixture = fixture_of(state);
    run_sql(fixture->db, "INSERT INTO schema_migrations (number, name, applied_at) VALUES (9999, 'future', 1)");
    struct store *store = NULL;
    assert_fails(ERR_CONFLICT, open_store(fixture->url, &store, err));
    assert_null(store);
    assert_fails(ERR_CONFLICT, migrate(fixture->db, err));
}

static void *open_at_once(void *url) {
    struct store *store = NULL;
    struct err err = {0};
    if (open_store(url, &store, &err) < 0) return strdup(err.text);
    store_close(store);
    return NULL;
}

static void several_may_open_an_empty_database_at_once(void **state) {
    struct fixture *fixture = fixture_of(state);
    char url[DATABASE_URL_MAX];
    pthread_t threads[4];
    database_create(fixture->databases, fixture->postgres, url);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, open_at_once, url), 0);
    for (int i = 0; i < 4; i++) {
        void *message = NULL;
        pthread_join(threads[i], &message);
        if (message) fail_msg("%s", (char *)message);
    }
}

static void urls_that_lead_nowhere_are_refused(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct store *store = NULL;
    assert_fails(ERR_INVALID, open_store("mysql://localhost/inkling", &store, err));
    assert_fails(ERR_INVALID, open_store("", &store, err));
    assert_fails(ERR_INVALID, open_store("sqlite:", &store, err));
    assert_fails(ERR_UNAVAILABLE, open_store("sqlite:/nonexistent/folder/inkling.db", &store, err));
    assert_fails(ERR_UNAVAILABLE, open_store("postgresql://user:secret@/inkling?host=/nonexistent", &store, err));
    assert_null(store);
    const char *shown = store_url_shown(fixture->store);
    assert_true(strlen(shown) > strlen("sqlite:"));
    assert_int_equal(store_is_embedded(fixture->store), !fixture->postgres);
}

static void a_writer_is_usable_after_repair(void **state) {
    struct fixture *fixture = fixture_of(state);
    assert_done(db_begin(fixture->db, DB_WRITE, err));
    assert_done(add_user(fixture->db, SLICE("a"), err));
    assert_done(store_writer_repair(fixture->store, fixture->db, err));
    assert_int_equal(ask(fixture->db, &count_users), 0);
    assert_done(db_begin(fixture->db, DB_WRITE, err));
    assert_done(add_user(fixture->db, SLICE("a"), err));
    assert_done(db_commit(fixture->db, err));
}

static void the_size_is_known(void **state) {
    struct fixture *fixture = fixture_of(state);
    int64_t bytes = 0;
    assert_done(store_size(fixture->store, fixture->db, &bytes, err));
    assert_true(bytes > 50000);
}

int main(void) {
    struct CMUnitTest tests[] = {
        contract_test(values_come_back_as_they_were),
        contract_test(empty_text_is_not_null),
        contract_test(blobs_and_reals_come_back),
        contract_test(values_may_go_when_the_query_has_begun),
        contract_test(changes_are_counted),
        contract_test(a_row_or_none),
        contract_test(two_results_may_be_open),
        contract_test(many_rows_come_in_order),
        contract_test(a_list_is_one_value),
        contract_test(rollback_undoes_and_commit_keeps),
        contract_test(a_savepoint_undoes_its_own_part),
        contract_test(a_failed_statement_is_undone_by_its_savepoint),
        contract_test(a_script_is_undone_too),
        contract_test(errors_say_what_kind),
        contract_test(readers_cannot_write),
        contract_test(a_reader_keeps_its_snapshot),
        contract_test(the_pool_lends_each_connection_once),
        contract_test(writers_and_readers_work_side_by_side),
        contract_test(a_store_keeps_its_key_and_content),
        contract_test(another_store_gets_another_key),
        contract_test(migrations_are_applied_once),
        contract_test(a_newer_database_is_refused),
        contract_test(several_may_open_an_empty_database_at_once),
        contract_test(urls_that_lead_nowhere_are_refused),
        contract_test(a_writer_is_usable_after_repair),
        contract_test(the_size_is_known),
    };
    return run_contract(tests, sizeof(tests) / sizeof(tests[0]));
}
