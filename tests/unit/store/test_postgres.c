/* What only PostgreSQL has: a server that goes and comes, sessions and their settings, cursors, its idea of text. */
#include "tests/unit/store/store_contract.h"

#include <libpq-fe.h>
#include <pthread.h>

#include "tests/unit/store/private_postgres.h"

#include "base/banned.h"

/* A session of an administrator, beside those of the store. */
static void administer(struct fixture *fixture, const char *sql) {
    PGconn *connection = PQconnectdb(fixture->url);
    PGresult *result = PQexec(connection, sql);
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) fail_msg("%s: %s", sql, PQerrorMessage(connection));
    PQclear(result);
    PQfinish(connection);
}

static void text_of(struct db *db, const struct statement *statement, char *out, size_t size) {
    struct db_rows *rows = NULL;
    struct err err = {0};
    if (db_query_row(db, statement, NULL, 0, &rows, &err) != 1) fail_msg("%s: %s", statement->sql, err.text);
    snprintf(out, size, "%.*s", SLICE_FMT(db_column_text(rows, 0)));
    db_rows_free(rows);
}
#define assert_text(db, expected, text)                                                                                \
    do {                                                                                                               \
        static const struct statement question_ = {.name = "question", .sql = text};                                   \
        char out_[200];                                                                                                \
        text_of(db, &question_, out_, sizeof(out_));                                                                   \
        assert_string_equal(out_, expected);                                                                           \
    } while (0)

/* ---- sessions ---- */

static void sessions_are_set_up(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct db *reader = NULL;
    assert_done(store_reader(fixture->store, &reader, err));
    assert_text(fixture->db, "on", "SHOW synchronous_commit");
    assert_text(fixture->db, "warning", "SHOW client_min_messages");
    assert_text(fixture->db, "inkling", "SHOW application_name");
    assert_text(fixture->db, "0", "SHOW statement_timeout");
    assert_text(reader, "30s", "SHOW statement_timeout");
    assert_text(reader, "on", "SHOW default_transaction_read_only");
    assert_done(db_begin(fixture->db, DB_WRITE, err));
    assert_text(fixture->db, "read committed", "SHOW transaction_isolation");
    db_rollback(fixture->db);
    assert_done(db_begin(reader, DB_READ, err));
    assert_text(reader, "repeatable read", "SHOW transaction_isolation");
    store_reader_return(fixture->store, reader);
}

static void a_commit_is_durable_whatever_the_default(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct db *db = NULL;
    administer(fixture, "DO $$BEGIN EXECUTE format('ALTER DATABASE %I SET synchronous_commit = off', "
                        "current_database()); END$$");
    assert_done(store_writer(fixture->store, &db, err));
    assert_text(db, "on", "SHOW synchronous_commit");
    store_writer_close(fixture->store, db);
    /* Stronger than what we ask for: left alone. */
    administer(fixture, "DO $$BEGIN EXECUTE format('ALTER DATABASE %I SET synchronous_commit = remote_apply', "
                        "current_database()); END$$");
    assert_done(store_writer(fixture->store, &db, err));
    assert_text(db, "remote_apply", "SHOW synchronous_commit");
    store_writer_close(fixture->store, db);
}

static void the_shown_url_has_no_password(void **state) {
    struct fixture *fixture = fixture_of(state);
    char url[DATABASE_URL_MAX + 32];
    struct store *store = NULL;
    snprintf(url, sizeof(url), "%s&password=s3cret", fixture->url);
    assert_done(open_store(url, &store, err));
    assert_non_null(strstr(store_url_shown(store), "postgresql://"));
    assert_null(strstr(store_url_shown(store), "s3cret"));
    assert_false(store_is_embedded(store));
    store_close(store);
}

static void an_unreachable_server_is_unavailable(void **state) {
    struct store *store = NULL;
    struct err err = {0};
    assert_int_equal(open_store("postgresql://u:s3cret@/nowhere?host=/tmp/there-is-no-server", &store, &err),
                     -ERR_UNAVAILABLE);
    assert_int_equal(err.code, ERR_UNAVAILABLE);
    assert_null(strstr(err.text, "s3cret"));
}

/* ---- errors ---- */

static int raise(struct db *db, const char *state, struct err *err) {
    char sql[200];
    snprintf(sql, sizeof(sql), "DO $$BEGIN RAISE EXCEPTION 'as asked' USING ERRCODE = '%s'; END$$", state);
    return db_script(db, slice_cstr(sql), err);
}

static void states_become_codes(void **state) {
    struct fixture *fixture = fixture_of(state);
    static const struct {
        const char *state;
        enum err_code code;
    } cases[] = {
        {"23505", ERR_CONFLICT},    {"23503", ERR_CONFLICT},    {"23502", ERR_INTERNAL},    {"40001", ERR_UNAVAILABLE},
        {"40P01", ERR_UNAVAILABLE}, {"57P01", ERR_UNAVAILABLE}, {"53100", ERR_UNAVAILABLE}, {"08006", ERR_UNAVAILABLE},
        {"55P03", ERR_UNAVAILABLE}, {"57014", ERR_UNAVAILABLE}, {"42P01", ERR_INTERNAL},    {"22003", ERR_INTERNAL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_fails(cases[i].code, raise(fixture->db, cases[i].state, err));
    run_sql(fixture->db, "CREATE TABLE t (a BIGINT CHECK (a > 0))");
    assert_fails(ERR_CONFLICT, db_script(fixture->db, SLICE("INSERT INTO t VALUES (0)"), err));
}

/* Such a value may be a person's, and messages are logged. */
static void a_message_does_not_repeat_a_value(void **state) {
    struct fixture *fixture = fixture_of(state);
    static const struct statement cast = {.name = "cast", .sql = "SELECT CAST(CAST($1 AS TEXT) AS BIGINT)"};
    struct db_rows *rows = NULL;
    struct err err = {0};
    assert_int_equal(db_query(fixture->db, &cast, DB_VALUES(db_text(SLICE("jane@example.org"))), &rows, &err),
                     -ERR_INTERNAL);
    assert_non_null(strstr(err.text, "cast"));
    assert_null(strstr(err.text, "jane"));
}

static void a_long_report_is_ended(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct db *reader = NULL;
    struct db_rows *rows = NULL;
    static const struct statement forever = {.name = "forever", .sql = "SELECT pg_sleep(3600)"};
    assert_done(store_reader(fixture->store, &reader, err));
    run_sql(reader, "SET statement_timeout = 20");
    assert_fails(ERR_UNAVAILABLE, db_query(reader, &forever, NULL, 0, &rows, err));
    store_reader_return(fixture->store, reader);
}

static void a_commit_after_a_failure_is_no_commit(void **state) {
    struct fixture *fixture = fixture_of(state);
    run_sql(fixture->db, "CREATE TABLE t (a BIGINT)");
    assert_done(db_begin(fixture->db, DB_WRITE, err));
    run_sql(fixture->db, "INSERT INTO t VALUES (1)");
    assert_fails(ERR_INTERNAL, db_script(fixture->db, SLICE("SELECT nonsense"), err));
    assert_fails(ERR_INTERNAL, db_commit(fixture->db, err));
    assert_int_equal(ask_int(fixture->db, "SELECT count(*) FROM t"), 0);
}

static void a_killed_session_is_repaired(void **state) {
    struct fixture *fixture = fixture_of(state);
    static const struct statement insert = {.name = "insert", .sql = "INSERT INTO t VALUES ($1)"};
    run_sql(fixture->db, "CREATE TABLE t (a BIGINT)");
    assert_done(db_begin(fixture->db, DB_WRITE, err));
    assert_done(db_run(fixture->db, &insert, DB_VALUES(db_int(1)), NULL, err));
    administer(fixture, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND "
                        "datname = current_database()");
    assert_fails(ERR_UNAVAILABLE, db_run(fixture->db, &insert, DB_VALUES(db_int(2)), NULL, err));
    assert_fails(ERR_UNAVAILABLE, db_commit(fixture->db, err));
    assert_done(store_writer_repair(fixture->store, fixture->db, err));
    assert_done(db_begin(fixture->db, DB_WRITE, err));
    assert_done(db_run(fixture->db, &insert, DB_VALUES(db_int(3)), NULL, err));
    assert_done(db_commit(fixture->db, err));
    assert_int_equal(ask_int(fixture->db, "SELECT sum(a) FROM t"), 3);
    assert_text(fixture->db, "hex", "SHOW bytea_output");
    /* Repair of a connection that is well, with an open transaction: it is rolled back and otherwise the same. */
    assert_done(db_begin(fixture->db, DB_WRITE, err));
    assert_done(db_run(fixture->db, &insert, DB_VALUES(db_int(4)), NULL, err));
    assert_done(store_writer_repair(fixture->store, fixture->db, err));
    assert_done(db_run(fixture->db, &insert, DB_VALUES(db_int(5)), NULL, err));
    assert_int_equal(ask_int(fixture->db, "SELECT sum(a) FROM t"), 8);
}

static void a_server_that_crashes_comes_back(void **state) {
    struct private_postgres *server = private_postgres_start("");
    struct store *store = NULL;
    struct db *db = NULL, *reader = NULL;
    assert_non_null(server);
    assert_done(open_store(private_postgres_url(server), &store, err));
    assert_done(store_writer(store, &db, err));
    assert_done(store_reader(store, &reader, err));
    store_reader_return(store, reader);
    run_sql(db, "CREATE TABLE t (a BIGINT)");
    assert_done(db_begin(db, DB_WRITE, err));
    run_sql(db, "INSERT INTO t VALUES (1)");
    assert_done(db_commit(db, err));
    assert_done(db_begin(db, DB_WRITE, err));
    run_sql(db, "INSERT INTO t VALUES (2)");
    assert_int_equal(private_postgres_restart(server), 0);
    assert_fails(ERR_UNAVAILABLE, db_commit(db, err));
    assert_done(store_writer_repair(store, db, err));
    assert_int_equal(ask_int(db, "SELECT sum(a) FROM t"), 1);
    /* Connections that stood idle are seen to be lost when they are next taken. */
    assert_done(store_reader(store, &reader, err));
    assert_int_equal(ask_int(reader, "SELECT sum(a) FROM t"), 1);
    store_reader_return(store, reader);
    assert_int_equal(private_postgres_restart(server), 0);
    assert_done(db_begin(db, DB_WRITE, err));
    run_sql(db, "INSERT INTO t VALUES (4)");
    assert_done(db_commit(db, err));
    /* One that is in use when it happens is noticed there, and good again when it is next taken. */
    assert_done(store_reader(store, &reader, err));
    assert_int_equal(private_postgres_restart(server), 0);
    assert_fails(ERR_UNAVAILABLE, db_script(reader, SLICE("SELECT 1"), err));
    store_reader_return(store, reader);
    assert_done(store_reader(store, &reader, err));
    assert_int_equal(ask_int(reader, "SELECT sum(a) FROM t"), 5);
    store_reader_return(store, reader);
    store_writer_close(store, db);
    store_close(store);
    private_postgres_stop(server);
}

/* ---- values ---- */

static void values_come_back(void **state) {
    struct fixture *fixture = fixture_of(state);
    static const struct statement echo = {
        .name = "echo",
        .sql = "SELECT CAST($1 AS BIGINT), CAST($2 AS DOUBLE PRECISION), CAST($3 AS TEXT), CAST($4 AS BYTEA), "
               "CAST($5 AS TEXT), CAST($1 AS BIGINT) = 5, CAST(1.5 AS NUMERIC), CAST($6 AS BIGINT), CAST($4 AS BYTEA)"};
    struct db_rows *rows = NULL;
    const struct slice blob = slice_of("\0\377\\x", 4);
    struct err err = {0};
    assert_int_equal(db_query_row(fixture->db, &echo,
                                  DB_VALUES(db_int(5), db_real(0.1), db_text(SLICE("a'\\ü")), db_blob(blob), db_null(),
                                            db_int(INT64_MIN)),
                                  &rows, &err),
                     1);
    assert_int_equal(db_column_int(rows, 0), 5);
    assert_true(db_column_real(rows, 1) == 0.1);
    assert_true(slice_equal(db_column_text(rows, 2), SLICE("a'\\ü")));
    struct slice first = db_column_blob(rows, 3), second = db_column_blob(rows, 8);
    assert_true(slice_equal(first, blob) && slice_equal(second, blob));
    assert_true(db_is_null(rows, 4) && !db_is_null(rows, 3));
    assert_int_equal(db_column_int(rows, 5), 1);
    assert_int_equal(db_column_int(rows, 6), 1);
    assert_true(db_column_real(rows, 6) == 1.5);
    assert_true(db_column_int(rows, 7) == INT64_MIN);
    assert_int_equal(db_column_int(rows, 4), 0);
    assert_int_equal(db_column_text(rows, 4).len, 0);
    assert_int_equal(db_column_blob(rows, 4).len, 0);
    db_rows_free(rows);
}

/* What the server refuses as text is replaced, so that no provider can keep a batch from being stored. */
static void odd_text_is_stored(void **state) {
    struct fixture *fixture = fixture_of(state);
    static const struct statement insert = {.name = "insert", .sql = "INSERT INTO t VALUES ($1)"};
    run_sql(fixture->db, "CREATE TABLE t (a TEXT)");
    const struct slice odd = slice_of("a\0b\xC3(\xE2\x82\xAC\xED\xA0\x80\xF0\x9F\x98\x80\xC3", 16);
    assert_done(db_run(fixture->db, &insert, DB_VALUES(db_text(odd)), NULL, err));
    assert_text(fixture->db,
                "a\xEF\xBF\xBD"
                "b\xEF\xBF\xBD(\xE2\x82\xAC\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xF0\x9F\x98\x80\xEF\xBF\xBD",
                "SELECT a FROM t");
    struct dictionary_row agent = {.organization_id = 1, .key = {.hash = -5, .check = 6}, .text = odd};
    assert_done(db_begin(fixture->db, DB_WRITE, err));
    assert_done(engagement_dictionary(fixture->db, DICTIONARY_AGENTS, &agent, 1, err));
    assert_done(db_commit(fixture->db, err));
    assert_int_equal(ask_int(fixture->db, "SELECT count(*) FROM agents, t WHERE agent = a"), 1);
}

/* ---- many rows ---- */

static const struct statement many = {
    .name = "many",
    .sql = "SELECT n, CAST($1 AS TEXT) FROM generate_series(1, CAST($2 AS BIGINT)) AS g(n) ORDER BY n",
    .many_rows = true,
};

static int64_t read_many(struct fixture *fixture, struct db_rows *rows, int64_t stop_after) {
    int64_t read = 0;
    struct err err = {0};
    int more;
    while (read < stop_after && (more = db_next(rows, &err)) == 1) {
        assert_int_equal(db_column_int(rows, 0), ++read);
        assert_true(slice_equal(db_column_text(rows, 1), SLICE("x")));
        /* The connection is free for others meanwhile. */
        if (read % 3000 == 0) assert_int_equal(ask_int(fixture->db, "SELECT 42"), 42);
    }
    if (read < stop_after && more < 0) fail_msg("%s", err.text);
    return read;
}

static void many_rows_come_in_portions(void **state) {
    struct fixture *fixture = fixture_of(state);
    const int64_t counts[] = {0, 1, 4999, 5000, 5001, 12000};
    assert_done(db_begin(fixture->db, DB_READ, err));
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        struct db_rows *rows = NULL;
        assert_done(db_query(fixture->db, &many, DB_VALUES(db_text(SLICE("x")), db_int(counts[i])), &rows, err));
        assert_int_equal(read_many(fixture, rows, INT64_MAX), counts[i]);
        assert_int_equal(db_next(rows, NULL), 0);
        db_rows_free(rows);
    }
    assert_int_equal(ask_int(fixture->db, "SELECT count(*) FROM pg_cursors WHERE name LIKE 'c%'"), 0);
    assert_done(db_commit(fixture->db, err));
}

static void two_long_reads_go_side_by_side(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct db_rows *one = NULL, *other = NULL;
    assert_done(db_begin(fixture->db, DB_READ, err));
    assert_done(db_query(fixture->db, &many, DB_VALUES(db_text(SLICE("x")), db_int(20000)), &one, err));
    assert_done(db_query(fixture->db, &many, DB_VALUES(db_text(SLICE("x")), db_int(20000)), &other, err));
    for (int i = 1; i <= 20000; i++) {
        assert_int_equal(db_next(one, NULL), 1);
        assert_int_equal(db_next(other, NULL), 1);
        assert_int_equal(db_column_int(one, 0) + db_column_int(other, 0), 2 * i);
    }
    db_rows_free(one);
    db_rows_free(other);
    db_rollback(fixture->db);
}

static void a_long_read_may_be_left(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct db_rows *rows = NULL;
    assert_done(db_begin(fixture->db, DB_READ, err));
    assert_done(db_query(fixture->db, &many, DB_VALUES(db_text(SLICE("x")), db_int(1000000)), &rows, err));
    assert_int_equal(read_many(fixture, rows, 7000), 7000);
    db_rows_free(rows);
    assert_int_equal(ask_int(fixture->db, "SELECT count(*) FROM pg_cursors WHERE name LIKE 'c%'"), 0);
    assert_done(db_commit(fixture->db, err));
}

/* The limit of reports is not for recounts. */
static void a_long_read_has_no_limit(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct db *reader = NULL;
    struct db_rows *rows = NULL;
    static const struct statement slow = {
        .name = "slow", .sql = "SELECT n, pg_sleep(0.05) FROM generate_series(1, 3) AS g(n)", .many_rows = true};
    assert_done(store_reader(fixture->store, &reader, err));
    run_sql(reader, "SET statement_timeout = 40");
    assert_done(db_begin(reader, DB_READ, err));
    assert_done(db_query(reader, &slow, NULL, 0, &rows, err));
    for (int i = 0; i < 3; i++)
        assert_int_equal(db_next(rows, NULL), 1);
    db_rows_free(rows);
    db_rollback(reader);
    assert_text(reader, "40ms", "SHOW statement_timeout");
    store_reader_return(fixture->store, reader);
}

static void a_cursor_that_failed_leaves_an_error(void **state) {
    struct fixture *fixture = fixture_of(state);
    static const struct statement divides = {
        .name = "divides", .sql = "SELECT 1 / (6000 - n) FROM generate_series(1, 9000) AS g(n)", .many_rows = true};
    struct db_rows *rows = NULL;
    int more, read = 0;
    struct err failure = {0};
    assert_done(db_begin(fixture->db, DB_READ, err));
    assert_done(db_query(fixture->db, &divides, NULL, 0, &rows, err));
    while ((more = db_next(rows, &failure)) == 1)
        read++;
    assert_int_equal(more, -ERR_INTERNAL);
    assert_int_equal(read, 5000);
    db_rows_free(rows);
    db_rollback(fixture->db);
    assert_int_equal(ask_int(fixture->db, "SELECT 1"), 1);
}

/* ---- locks ---- */

static void registration_keeps_orphans_out(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct db *a = fixture->db, *b = NULL;
    assert_done(store_writer(fixture->store, &b, err));
    run_sql(b, "SET lock_timeout = 20");
    for (int side = 0; side < 2; side++) {
        assert_done(db_begin(a, DB_WRITE, err));
        assert_done(engagement_registration_lock(a, 5, side ? REGISTRATION_ORPHANS : REGISTRATION_EMAILS, err));
        assert_done(db_begin(b, DB_WRITE, err));
        assert_done(engagement_registration_lock(b, 6, side ? REGISTRATION_EMAILS : REGISTRATION_ORPHANS, err));
        assert_fails(ERR_UNAVAILABLE,
                     engagement_registration_lock(b, 5, side ? REGISTRATION_EMAILS : REGISTRATION_ORPHANS, err));
        db_rollback(b);
        assert_done(db_commit(a, err));
        assert_done(db_begin(b, DB_WRITE, err));
        assert_done(engagement_registration_lock(b, 5, side ? REGISTRATION_EMAILS : REGISTRATION_ORPHANS, err));
        db_rollback(b);
    }
    /* Orphans beside orphans. */
    assert_done(db_begin(a, DB_WRITE, err));
    assert_done(db_begin(b, DB_WRITE, err));
    assert_done(engagement_registration_lock(a, 5, REGISTRATION_ORPHANS, err));
    assert_done(engagement_registration_lock(b, 5, REGISTRATION_ORPHANS, err));
    db_rollback(a);
    db_rollback(b);
    store_writer_close(fixture->store, b);
}

struct opener {
    pthread_t thread;
    const char *url;
    struct store *store;
    int result;
    struct err err;
};

static void *open_in_thread(void *argument) {
    struct opener *opener = argument;
    opener->result = open_store(opener->url, &opener->store, &opener->err);
    return NULL;
}

static void processes_that_start_together_migrate_once(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct opener openers[4];
    char url[DATABASE_URL_MAX];
    database_create(fixture->databases, true, url);
    for (int i = 0; i < 4; i++) {
        openers[i] = (struct opener){.url = url};
        assert_int_equal(pthread_create(&openers[i].thread, NULL, open_in_thread, &openers[i]), 0);
    }
    for (int i = 0; i < 4; i++)
        pthread_join(openers[i].thread, NULL);
    for (int i = 0; i < 4; i++) {
        if (openers[i].result < 0) fail_msg("%s", openers[i].err.text);
        assert_memory_equal(store_hash_key(openers[i].store), store_hash_key(openers[0].store), HASH_KEY_SIZE);
    }
    for (int i = 0; i < 4; i++)
        store_close(openers[i].store);
}

int main(void) {
    struct CMUnitTest tests[] = {
        contract_test(sessions_are_set_up),
        contract_test(a_commit_is_durable_whatever_the_default),
        contract_test(the_shown_url_has_no_password),
        contract_test(an_unreachable_server_is_unavailable),
        contract_test(states_become_codes),
        contract_test(a_message_does_not_repeat_a_value),
        contract_test(a_long_report_is_ended),
        contract_test(a_commit_after_a_failure_is_no_commit),
        contract_test(a_killed_session_is_repaired),
        contract_test(a_server_that_crashes_comes_back),
        contract_test(values_come_back),
        contract_test(odd_text_is_stored),
        contract_test(many_rows_come_in_portions),
        contract_test(two_long_reads_go_side_by_side),
        contract_test(a_long_read_may_be_left),
        contract_test(a_long_read_has_no_limit),
        contract_test(a_cursor_that_failed_leaves_an_error),
        contract_test(registration_keeps_orphans_out),
        contract_test(processes_that_start_together_migrate_once),
    };
    return run_on_postgres(tests, sizeof(tests) / sizeof(tests[0]));
}
