#include "store/postgres.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"

#include "base/banned.h"

/* Numbers of advisory locks, apart from those of other programs in the same database ("inkling" in ASCII). */
#define MIGRATION_LOCK    "29672"
#define REGISTRATION_LOCK ((int64_t)0x696E6B6C << 32)

#define SERVER_VERSION_MIN 150000

/* ---- connections ---- */

static void ignore_notice(void *context, const PGresult *result) {}

/* What every session of ours needs. The server may be set to something stronger than "on" (remote_apply), which stays.
 */
static int configure(PGconn *connection, enum db_mode use, struct err *err) {
    char sql[512];
    snprintf(sql, sizeof(sql),
             "SET client_min_messages = warning; SET bytea_output = hex; SET jit = off; "
             "SET default_transaction_read_only = %s; SET statement_timeout = %d; "
             "SELECT set_config('synchronous_commit', 'on', false) "
             "WHERE current_setting('synchronous_commit') IN ('off', 'local')",
             use == DB_READ ? "on" : "off", use == DB_READ ? POSTGRES_READER_LIMIT_MS : 0);
    return postgres_command(connection, sql, NULL, err);
}

static int check_server(PGconn *connection, struct err *err) {
    const char *encoding = PQparameterStatus(connection, "server_encoding");
    if (PQserverVersion(connection) < SERVER_VERSION_MIN)
        return err_set(err, ERR_UNAVAILABLE, "the server is PostgreSQL %d; %d or newer is needed",
                       PQserverVersion(connection) / 10000, SERVER_VERSION_MIN / 10000);
    if (!encoding || strcmp(encoding, "UTF8") != 0)
        return err_set(err, ERR_UNAVAILABLE,
                       "the database is encoded in %s: create it with ENCODING 'UTF8' TEMPLATE template0",
                       encoding ? encoding : "an unknown way");
    return 0;
}

static int refused(PGconn *connection, struct err *err) {
    int r =
        postgres_failure(connection, NULL, "the database cannot be reached, is the server up and the URL right?", err);
    if (err) err->code = ERR_UNAVAILABLE;
    return r < 0 ? -ERR_UNAVAILABLE : r;
}

/* Of a keyword given twice the later one counts: the URL overrides the first ones, not the last. */
int postgres_connect(const struct postgres_store *store, enum db_mode use, PGconn **ret, struct err *err) {
    static const char *const keywords[] = {
        "connect_timeout",  "keepalives", "keepalives_idle", "keepalives_interval",       "keepalives_count",
        "tcp_user_timeout", "dbname",     "client_encoding", "fallback_application_name", NULL};
    const char *const values[] = {"10", "1", "30", "10", "3", "30000", store->url, "UTF8", "inkling", NULL};
    PGconn *connection = PQconnectdbParams(keywords, values, 1);
    int r = 0;
    if (PQstatus(connection) != CONNECTION_OK) {
        r = refused(connection, err);
    } else {
        PQsetNoticeReceiver(connection, ignore_notice, NULL);
        r = check_server(connection, err);
        if (r == 0) r = configure(connection, use, err);
    }
    if (r < 0) {
        PQfinish(connection);
        return r;
    }
    *ret = connection;
    return 0;
}

static void show_url(struct postgres_store *store, PGconn *connection) {
    snprintf(store->base.url_shown, sizeof(store->base.url_shown), "postgresql://%s@%s:%s/%s", PQuser(connection),
             PQhost(connection), PQport(connection), PQdb(connection));
}

static int open_store(const struct store_options *options, struct store **ret, struct err *err) {
    struct postgres_store *store = memory_alloc(sizeof(*store));
    PGconn *connection = NULL;
    store->base.driver = &postgres_driver;
    store->url = memory_cstr(options->url, strlen(options->url));
    int r = postgres_connect(store, DB_READ, &connection, err);
    if (r < 0) {
        free(store->url);
        free(store);
        return r;
    }
    show_url(store, connection);
    PQfinish(connection);
    *ret = &store->base;
    return 0;
}

static void close_store(struct store *base) {
    struct postgres_store *store = (struct postgres_store *)base;
    free(store->url);
    free(store);
}

static void disconnect(struct db *base) {
    struct postgres_db *db = (struct postgres_db *)base;
    if (!db) return;
    PQfinish(db->connection);
    postgres_forget_prepared(db);
    postgres_params_release(&db->params);
    arena_free(db->scratch);
    free(db);
}

static int connect_db(struct store *store, enum db_mode mode, struct db **ret, struct err *err) {
    struct postgres_db *db = memory_alloc(sizeof(*db));
    db->base.driver = &postgres_driver;
    db->base.store = store;
    db->base.mode = mode;
    db->scratch = arena_new();
    db->params.arena = db->scratch;
    int r = postgres_connect((struct postgres_store *)store, mode, &db->connection, err);
    if (r == 0 && mode == DB_WRITE) r = postgres_partitions_prepare(db, err);
    if (r < 0) {
        disconnect(&db->base);
        return r;
    }
    *ret = &db->base;
    return 0;
}

static void rollback(struct db *base) {
    struct postgres_db *db = (struct postgres_db *)base;
    if (PQtransactionStatus(db->connection) != PQTRANS_IDLE) PQclear(PQexec(db->connection, "ROLLBACK"));
}

static int repair(struct db *base, struct err *err) {
    struct postgres_db *db = (struct postgres_db *)base;
    rollback(base);
    if (PQstatus(db->connection) == CONNECTION_OK && postgres_command(db->connection, "SELECT 1", NULL, NULL) == 0)
        return 0;
    postgres_forget_prepared(db);
    postgres_partitions_forget(db);
    PQreset(db->connection);
    if (PQstatus(db->connection) != CONNECTION_OK) return refused(db->connection, err);
    return configure(db->connection, db->base.mode, err);
}

/* Nothing comes unasked on a connection that stands idle, but the goodbye of a server that is stopped. */
static bool is_lost(struct db *base) {
    struct postgres_db *db = (struct postgres_db *)base;
    struct pollfd socket = {.fd = PQsocket(db->connection), .events = POLLIN};
    return PQstatus(db->connection) != CONNECTION_OK || poll(&socket, 1, 0) != 0;
}

/* ---- transactions ---- */

static int begin(struct db *base, enum db_mode mode, struct err *err) {
    struct postgres_db *db = (struct postgres_db *)base;
    int r = is_lost(base) ? repair(base, err) : 0;
    if (r < 0) return r;
    return postgres_command(db->connection,
                            mode == DB_READ ? "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
                                            : "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
                            NULL, err);
}

static int commit(struct db *base, struct err *err) {
    struct postgres_db *db = (struct postgres_db *)base;
    PGresult *result;
    int r = postgres_command(db->connection, "COMMIT", &result, err);
    if (r < 0) return r;
    /* COMMIT of a transaction in which a statement failed is a ROLLBACK, and no error. */
    if (strcmp(PQcmdStatus(result), "COMMIT") != 0)
        r = err_set(err, ERR_INTERNAL, "the transaction could not be committed: a statement in it had failed");
    PQclear(result);
    return r;
}

/* ---- the whole database ---- */

static void checkpoint(struct store *store) {}

static int backup(struct store *store, const char *path, struct err *err) {
    return err_set(err, ERR_INVALID, "PostgreSQL is backed up by its own programs: pg_dump, pg_basebackup");
}

static int size(struct store *store, struct db *base, int64_t *ret_bytes, struct err *err) {
    PGresult *result;
    int r = postgres_command(((struct postgres_db *)base)->connection, "SELECT pg_database_size(current_database())",
                             &result, err);
    if (r < 0) return r;
    if (!slice_parse_i64(slice_cstr(PQgetvalue(result, 0, 0)), ret_bytes))
        r = err_set(err, ERR_INTERNAL, "PostgreSQL gave no size");
    PQclear(result);
    return r;
}

static int migration_lock(struct db *base, struct err *err) {
    return postgres_command(((struct postgres_db *)base)->connection, "SELECT pg_advisory_lock(" MIGRATION_LOCK ")",
                            NULL, err);
}

static void migration_unlock(struct db *base) {
    PQclear(PQexec(((struct postgres_db *)base)->connection, "SELECT pg_advisory_unlock(" MIGRATION_LOCK ")"));
}

int postgres_registration_lock(struct db *base, int64_t organization_id, enum registration_side side, struct err *err) {
    static const struct statement shared = {"registration lock of orphans", "SELECT pg_advisory_xact_lock_shared($1)"};
    static const struct statement exclusive = {"registration lock of emails", "SELECT pg_advisory_xact_lock($1)"};
    struct postgres_db *db = (struct postgres_db *)base;
    postgres_params_clear(&db->params);
    postgres_params_bigint(&db->params, REGISTRATION_LOCK ^ organization_id);
    return postgres_execute_params(db, side == REGISTRATION_ORPHANS ? &shared : &exclusive, NULL, err);
}

const struct db_driver postgres_driver = {
    .dialect = "postgres",
    .embedded = false,
    .open = open_store,
    .close = close_store,
    .connect = connect_db,
    .disconnect = disconnect,
    .repair = repair,
    .is_lost = is_lost,
    .checkpoint = checkpoint,
    .backup = backup,
    .size = size,
    .migration_lock = migration_lock,
    .migration_unlock = migration_unlock,
    .begin = begin,
    .commit = commit,
    .rollback = rollback,
    .run = postgres_run,
    .query = postgres_query,
    .next = postgres_next,
    .rows_free = postgres_rows_free,
    .is_null = postgres_is_null,
    .column_int = postgres_column_int,
    .column_real = postgres_column_real,
    .column_text = postgres_column_text,
    .column_blob = postgres_column_blob,
    .script = postgres_script,
    .find_emails = postgres_find_emails,
    .lock_stats = postgres_lock_stats,
    .dictionary = postgres_dictionary,
    .insert_events = postgres_insert_events,
    .load_links = postgres_load_links,
    .save_links = postgres_save_links,
    .save_stats = postgres_save_stats,
    .append_deltas = postgres_append_deltas,
    .fold = postgres_fold,
    .registration_lock = postgres_registration_lock,
    .insert_orphans = postgres_insert_orphans,
    .claim_fingerprints = postgres_claim_fingerprints,
    .insert_emails = postgres_insert_emails,
    .save_scores = postgres_save_scores,
    .event_keys = postgres_event_keys,
};
