/* sqlite: what the files of the SQLite driver share. sqlite.c opens and keeps the file, sqlite_statement.c runs
 * statements, sqlite_casefold.c is a function for them, sqlite_engagement.c, sqlite_fold.c, sqlite_registration.c and
 * sqlite_scores.c are the bulk verbs. */
#ifndef INKLING_STORE_SQLITE_H
#define INKLING_STORE_SQLITE_H

#include <sqlite3.h>

#include "store/driver.h"

struct sqlite_prepared;

struct sqlite_db {
    struct db base;
    sqlite3 *handle;
    /* Prepared statements by the address of their struct statement: open addressing, a power of two. */
    struct sqlite_prepared **statements;
    size_t statements_used, statements_capacity;
    int64_t log_pages;       /* length of the write-ahead log after the last commit here */
    int64_t log_pages_limit; /* beyond, the next write transaction starts the log anew */
    int migration_fd;        /* between migration_lock and migration_unlock */
};

static inline struct sqlite_db *sqlite_db_of(struct db *db) {
    return (struct sqlite_db *)db;
}

/* Bytes are not copied: they stay where they are until the statement has run. None, and TIME_UNSET: NULL. */
static inline int sqlite_bind_time(sqlite3_stmt *prepared, int parameter, int64_t time) {
    return time == TIME_UNSET ? sqlite3_bind_null(prepared, parameter) : sqlite3_bind_int64(prepared, parameter, time);
}
static inline int sqlite_bind_text(sqlite3_stmt *prepared, int parameter, struct slice text) {
    if (slice_empty(text)) return sqlite3_bind_null(prepared, parameter);
    return sqlite3_bind_text64(prepared, parameter, text.ptr, text.len, SQLITE_STATIC, SQLITE_UTF8);
}
static inline int sqlite_bind_blob(sqlite3_stmt *prepared, int parameter, struct slice bytes) {
    if (slice_empty(bytes)) return sqlite3_bind_null(prepared, parameter);
    return sqlite3_bind_blob64(prepared, parameter, bytes.ptr, bytes.len, SQLITE_STATIC);
}

/* The file system that connections open with: sqlite_log.c. */
#define SQLITE_VFS_NAME "inkling"
void sqlite_register_vfs(void);

/* Passes on what SQLite reported last on this connection: "<what>: <its message>". Returns the negative code. */
int sqlite_fail(struct sqlite_db *db, const char *what, struct err *err);

/* The SQL function folded(text): sqlite_casefold.c. */
int sqlite_casefold_register(struct sqlite_db *db, struct err *err);

/* The statement's prepared form, reset and without values. Belongs to the connection. */
MUST_USE int sqlite_prepare(struct sqlite_db *db, const struct statement *statement, sqlite3_stmt **ret,
                            struct err *err);
void sqlite_forget_statements(struct sqlite_db *db);
/* Runs a prepared statement that gives no rows, and resets it. `bound`: the results of its sqlite3_bind_… ored. */
MUST_USE int sqlite_step_done(struct sqlite_db *db, const struct statement *statement, sqlite3_stmt *prepared,
                              int bound, struct err *err);
/* Runs it up to its first row: 1 there is one (read it, then sqlite3_reset), 0 none, negative failed. */
MUST_USE int sqlite_step_row(struct sqlite_db *db, const struct statement *statement, sqlite3_stmt *prepared, int bound,
                             struct err *err);

/* The slots of db.h. */
int sqlite_run(struct db *db, const struct statement *statement, const struct db_value *values, size_t count,
               int64_t *ret_changes, struct err *err);
int sqlite_query(struct db *db, const struct statement *statement, const struct db_value *values, size_t count,
                 struct db_rows **ret, struct err *err);
int sqlite_next(struct db_rows *rows, struct err *err);
void sqlite_rows_free(struct db_rows *rows);
bool sqlite_is_null(const struct db_rows *rows, int column);
int64_t sqlite_column_int(const struct db_rows *rows, int column);
double sqlite_column_real(const struct db_rows *rows, int column);
struct slice sqlite_column_text(const struct db_rows *rows, int column);
struct slice sqlite_column_blob(const struct db_rows *rows, int column);
int sqlite_script(struct db *db, struct slice sql, struct err *err);

/* The slots of engagement.h. */
int sqlite_find_emails(struct db *db, struct email_lookup *lookups, size_t count, struct err *err);
int sqlite_lock_stats(struct db *db, struct email_stats *stats, size_t count, struct err *err);
int sqlite_dictionary(struct db *db, enum dictionary dictionary, struct dictionary_row *rows, size_t count,
                      struct err *err);
int sqlite_insert_events(struct db *db, struct event_row *rows, size_t count, struct err *err);
int sqlite_load_links(struct db *db, struct link_row *rows, size_t count, struct err *err);
int sqlite_save_links(struct db *db, const struct link_row *rows, size_t count, struct err *err);
int sqlite_save_stats(struct db *db, const struct email_stats *const *stats, size_t count, struct err *err);
int sqlite_append_deltas(struct db *db, const struct cohort_delta *cohorts, size_t cohort_count,
                         const struct breakdown_delta *breakdowns, size_t breakdown_count, struct err *err);
int sqlite_fold(struct db *db, size_t limit, int64_t *ret_folded, struct err *err);
int sqlite_registration_lock(struct db *db, int64_t organization_id, enum registration_side side, struct err *err);
int sqlite_insert_orphans(struct db *db, struct orphan_row *rows, size_t count, struct err *err);
int sqlite_claim_fingerprints(struct db *db, struct fingerprint_row *rows, size_t count, struct err *err);
int sqlite_insert_emails(struct db *db, struct email_row *rows, size_t count, struct err *err);
int sqlite_save_scores(struct db *db, const struct score_row *rows, size_t count, struct err *err);
int sqlite_event_keys(struct db *db, int64_t organization_id, int64_t email_log_id, size_t limit, struct arena *arena,
                      struct event_key **ret, size_t *ret_count, struct err *err);

#endif
