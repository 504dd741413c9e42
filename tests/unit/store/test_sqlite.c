/* What SQLite alone is asked for: the file, its log, other processes, a full disk. */
#include "tests/unit/store/store_contract.h"

#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"

#include "base/banned.h"

static const struct statement insert_blob = {
    .name = "insert blob",
    .sql = "INSERT INTO failed_deliveries (organization_id, endpoint_id, kind, reason, headers, body, body_size, "
           "received_at) VALUES (1, 1, 1, 'test', '{}', $1, 1, 1)",
};
static const struct statement count_blobs = {.name = "count blobs", .sql = "SELECT count(*) FROM failed_deliveries"};

static const char *path_of(const struct fixture *fixture) {
    return fixture->url + strlen("sqlite:");
}

static int64_t bytes_of(const struct fixture *fixture, const char *suffix) {
    struct stat status;
    const char *path = arena_printf(fixture->arena, "%s%s", path_of(fixture), suffix);
    return stat(path, &status) == 0 ? (int64_t)status.st_size : -1;
}

static int add_blob(struct fixture *fixture, size_t size, struct err *err) {
    char *bytes = arena_bytes(fixture->arena, size);
    memset(bytes, 'x', size);
    return db_run(fixture->db, &insert_blob, DB_VALUES(db_blob(slice_of(bytes, size))), NULL, err);
}

static void the_file_and_its_log_are_private(void **state) {
    struct fixture *fixture = fixture_of(state);
    char url[DATABASE_URL_MAX];
    struct store *store = NULL;
    struct stat status;
    database_create(fixture->databases, false, url);
    mode_t mask = umask(0);
    assert_done(open_store(url, &store, err));
    struct db *db = NULL;
    assert_done(store_reader(store, &db, err));
    umask(mask);
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < 3; i++) {
        const char *path = arena_printf(fixture->arena, "%s%s", url + strlen("sqlite:"), suffixes[i]);
        if (i > 0) assert_int_equal(ask_int(db, "SELECT count(*) FROM users"), 0);
        assert_int_equal(stat(path, &status), 0);
        assert_int_equal(status.st_mode & 0777, 0600);
    }
    store_reader_return(store, db);
    store_close(store);
}

static void settings_are_those_of_a_durable_log(void **state) {
    struct fixture *fixture = fixture_of(state);
    assert_int_equal(ask_int(fixture->db, "SELECT journal_mode = 'wal' FROM pragma_journal_mode"), 1);
    assert_int_equal(ask_int(fixture->db, "PRAGMA synchronous"), 2);
    assert_int_equal(ask_int(fixture->db, "PRAGMA wal_autocheckpoint"), 0);
    assert_int_equal(ask_int(fixture->db, "PRAGMA trusted_schema"), 0);
    assert_int_equal(ask_int(fixture->db, "PRAGMA foreign_keys"), 0);
    assert_int_equal(ask_int(fixture->db, "PRAGMA temp_store"), 2);
    assert_int_equal(ask_int(fixture->db, "PRAGMA cache_size"), -65536);
    assert_int_equal(ask_int(fixture->db, "PRAGMA busy_timeout"), 10000);
}

static void parameters_are_numbered_not_named(void **state) {
    static const struct statement backwards = {.name = "backwards",
                                               .sql = "SELECT $2 || '$1' || $1 || \"x$y\" "
                                                      "FROM (SELECT 'z' AS \"x$y\")"};
    struct fixture *fixture = fixture_of(state);
    struct db_rows *rows = NULL;
    assert_int_equal(
        db_query_row(fixture->db, &backwards, DB_VALUES(db_text(SLICE("a")), db_text(SLICE("b"))), &rows, NULL), 1);
    assert_true(slice_equal(db_column_text(rows, 0), SLICE("b$1az")));
    db_rows_free(rows);
    assert_fails(ERR_INTERNAL, db_run(fixture->db, &backwards, DB_VALUES(db_null()), NULL, err));
}

static void a_relative_path_is_a_file(void **state) {
    struct fixture *fixture = fixture_of(state);
    char *before = getcwd(NULL, 0);
    char *folder = strdup(path_of(fixture));
    *strrchr(folder, '/') = '\0';
    assert_int_equal(chdir(folder), 0);
    struct store *store = NULL;
    assert_done(open_store("sqlite::memory:", &store, err));
    assert_int_equal(access(":memory:", F_OK), 0);
    store_close(store);
    assert_int_equal(chdir(before), 0);
    free(before);
    free(folder);
}

static void what_is_no_database_is_refused(void **state) {
    struct fixture *fixture = fixture_of(state);
    const char *path = arena_printf(fixture->arena, "%s.txt", path_of(fixture));
    FILE *file = fopen(path, "w");
    for (int i = 0; i < 1000; i++)
        fputs("This is a text and no database.\n", file);
    fclose(file);
    struct store *store = NULL;
    assert_fails(ERR_UNAVAILABLE, open_store(arena_printf(fixture->arena, "sqlite:%s", path), &store, err));
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_size, 32000); /* and left as it was */
}

static void checkpoints_empty_the_log(void **state) {
    struct fixture *fixture = fixture_of(state);
    for (int i = 0; i < 20; i++)
        assert_done(add_blob(fixture, 100000, err));
    int64_t log = bytes_of(fixture, "-wal"), file = bytes_of(fixture, "");
    assert_true(log > 2000000); /* no commit does a checkpoint by itself */
    assert_true(file < 1000000);
    store_checkpoint(fixture->store);
    assert_true(bytes_of(fixture, "") > 2000000);
    for (int i = 0; i < 20; i++)
        assert_done(add_blob(fixture, 10000, err)); /* the log is written from its start again */
    assert_int_equal(bytes_of(fixture, "-wal"), log);
    int64_t size = 0;
    assert_done(store_size(fixture->store, fixture->db, &size, err));
    assert_int_equal(size, bytes_of(fixture, "") + log);
}

static void a_long_log_is_started_anew_by_the_writer(void **state) {
    struct fixture *fixture = fixture_of(state);
    for (int i = 0; i < 28; i++)
        assert_done(add_blob(fixture, 10 << 20, err));
    int64_t log = bytes_of(fixture, "-wal");
    assert_true(log > 256 << 20);
    /* A reader of the log holds it where it is, and the writer back only shortly. */
    struct db *reader = NULL;
    assert_done(store_reader(fixture->store, &reader, err));
    assert_done(db_begin(reader, DB_READ, err));
    assert_int_equal(ask(reader, &count_blobs), 28);
    int64_t began = clock_monotonic_us();
    assert_done(db_begin(fixture->db, DB_WRITE, err));
    assert_done(add_blob(fixture, 1, err));
    assert_done(db_commit(fixture->db, err));
    assert_true(clock_monotonic_us() - began < 9000000);
    assert_true(bytes_of(fixture, "-wal") >= log);
    store_reader_return(fixture->store, reader);
    for (int i = 0; i < 3; i++) { /* tries again when the log has grown by some more */
        assert_done(db_begin(fixture->db, DB_WRITE, err));
        assert_done(add_blob(fixture, 10 << 20, err));
        assert_done(db_commit(fixture->db, err));
    }
    assert_true(bytes_of(fixture, "-wal") <= 256 << 20);
    assert_int_equal(ask(fixture->db, &count_blobs), 32);
}

static void a_backup_is_a_consistent_copy(void **state) {
    struct fixture *fixture = fixture_of(state);
    for (int i = 0; i < 10; i++)
        assert_done(add_blob(fixture, 50000, err));
    assert_done(db_begin(fixture->db, DB_WRITE, err));
    assert_done(add_blob(fixture, 50000, err)); /* not committed: not in the copy */
    const char *path = arena_printf(fixture->arena, "%s.backup", path_of(fixture));
    assert_done(store_backup(fixture->store, path, err));
    assert_done(db_commit(fixture->db, err));
    assert_fails(ERR_CONFLICT, store_backup(fixture->store, path, err));
    assert_fails(ERR_UNAVAILABLE, store_backup(fixture->store, "/nonexistent/backup", err));
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    struct store *copy = NULL;
    struct db *db = NULL;
    assert_done(open_store(arena_printf(fixture->arena, "sqlite:%s", path), &copy, err));
    assert_memory_equal(store_hash_key(copy), store_hash_key(fixture->store), HASH_KEY_SIZE);
    assert_done(store_reader(copy, &db, err));
    assert_int_equal(ask(db, &count_blobs), 10);
    assert_int_equal(ask_int(db, "SELECT integrity_check = 'ok' FROM pragma_integrity_check"), 1);
    store_reader_return(copy, db);
    store_close(copy);
}

/* The limit on file sizes stands for a full disk: the failed transaction is gone as a whole, what was committed stays,
 * and the connection goes on when there is room again. */
static void a_full_disk_loses_nothing_committed(void **state) {
    struct fixture *fixture = fixture_of(state);
    assert_done(add_blob(fixture, 100000, err));
    struct rlimit before, small;
    getrlimit(RLIMIT_FSIZE, &before);
    small = (struct rlimit){.rlim_cur = (rlim_t)bytes_of(fixture, "-wal") + 200000, .rlim_max = before.rlim_max};
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    struct err err_full = {0};
    int rc = db_begin(fixture->db, DB_WRITE, &err_full);
    for (int i = 0; i < 20 && rc == 0; i++)
        rc = add_blob(fixture, 100000, &err_full);
    if (rc == 0)
        rc = db_commit(fixture->db, &err_full);
    else
        db_rollback(fixture->db);
    setrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, handler);
    assert_int_equal(rc, -ERR_UNAVAILABLE);
    assert_done(store_writer_repair(fixture->store, fixture->db, err));
    assert_int_equal(ask(fixture->db, &count_blobs), 1);
    assert_done(db_begin(fixture->db, DB_WRITE, err));
    assert_done(add_blob(fixture, 100000, err));
    assert_done(db_commit(fixture->db, err));
    assert_int_equal(ask(fixture->db, &count_blobs), 2);
}

/* SQLite undoes a transaction by itself after some faults. What follows must not be committed alone. */
static void nothing_follows_a_transaction_that_was_undone(void **state) {
    struct fixture *fixture = fixture_of(state);
    static const struct statement undo = {.name = "undo",
                                          .sql = "INSERT OR ROLLBACK INTO instance (id, hash_key, "
                                                 "created_at) VALUES (1, $1, 1)"};
    assert_done(db_begin(fixture->db, DB_WRITE, err));
    assert_done(add_blob(fixture, 10, err));
    assert_done(db_savepoint(fixture->db, err));
    assert_fails(ERR_CONFLICT, db_run(fixture->db, &undo, DB_VALUES(db_blob(SLICE("x"))), NULL, err));
    assert_fails(ERR_UNAVAILABLE, add_blob(fixture, 10, err));
    assert_fails(ERR_UNAVAILABLE, db_savepoint_rollback(fixture->db, err));
    assert_fails(ERR_UNAVAILABLE, db_script(fixture->db, SLICE("DELETE FROM users"), err));
    assert_fails(ERR_UNAVAILABLE, db_commit(fixture->db, err));
    assert_int_equal(ask(fixture->db, &count_blobs), 0);
    assert_done(add_blob(fixture, 10, err));
    assert_int_equal(ask(fixture->db, &count_blobs), 1);
}

static void *hold_the_lock(void *context) {
    struct fixture *fixture = context;
    struct db *db = NULL;
    struct err err;
    if (store_writer(fixture->store, &db, &err) < 0 || db_begin(db, DB_WRITE, &err) < 0) return NULL;
    struct timespec half_a_second = {.tv_nsec = 500000000};
    nanosleep(&half_a_second, NULL);
    int rc = db_commit(db, &err);
    store_writer_close(fixture->store, db);
    return rc == 0 ? context : NULL;
}

/* `inkling setup` or `verify` beside the service. */
static void writers_wait_for_each_other(void **state) {
    struct fixture *fixture = fixture_of(state);
    pthread_t thread;
    void *done = NULL;
    assert_int_equal(pthread_create(&thread, NULL, hold_the_lock, fixture), 0);
    for (int i = 0; i < 20; i++) {
        assert_done(db_begin(fixture->db, DB_WRITE, err));
        assert_done(add_blob(fixture, 10, err));
        assert_done(db_commit(fixture->db, err));
    }
    pthread_join(thread, &done);
    assert_ptr_equal(done, fixture);
    assert_int_equal(ask(fixture->db, &count_blobs), 20);
}

int main(void) {
    struct CMUnitTest tests[] = {
        contract_test(the_file_and_its_log_are_private),
        contract_test(settings_are_those_of_a_durable_log),
        contract_test(parameters_are_numbered_not_named),
        contract_test(a_relative_path_is_a_file),
        contract_test(what_is_no_database_is_refused),
        contract_test(checkpoints_empty_the_log),
        contract_test(a_long_log_is_started_anew_by_the_writer),
        contract_test(a_backup_is_a_consistent_copy),
        contract_test(a_full_disk_loses_nothing_committed),
        contract_test(nothing_follows_a_transaction_that_was_undone),
        contract_test(writers_wait_for_each_other),
    };
    return run_on_sqlite(tests, sizeof(tests) / sizeof(tests[0]));
}
