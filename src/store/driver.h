/* driver: what a database must offer, as one const struct. db.h and engagement.h state what each slot promises; the
 * functions there only pass on to the slot of the connection's driver. A driver embeds `struct db` / `struct store` /
 * `struct db_rows` first in its own. There are no optional slots. */
#ifndef INKLING_STORE_DRIVER_H
#define INKLING_STORE_DRIVER_H

#include "store/db.h"
#include "store/engagement.h"
#include "store/scores.h"
#include "store/store.h"

struct db_driver {
    const char *dialect; /* folder of its migrations: "sqlite", "postgres" */
    bool embedded;

    /* store.h. open checks that the database is reachable; migration is done by store_open. */
    int (*open)(const struct store_options *options, struct store **ret, struct err *err);
    void (*close)(struct store *store);
    int (*connect)(struct store *store, enum db_mode mode, struct db **ret, struct err *err);
    void (*disconnect)(struct db *db);
    int (*repair)(struct db *db, struct err *err); /* called outside a transaction */
    /* Outside a transaction: has the server closed the connection, as far as can be told without asking it? */
    bool (*is_lost)(struct db *db);
    void (*checkpoint)(struct store *store);
    int (*backup)(struct store *store, const char *path, struct err *err);
    int (*size)(struct store *store, struct db *db, int64_t *ret_bytes, struct err *err);
    /* Only one process at a time may be between these two. */
    int (*migration_lock)(struct db *db, struct err *err);
    void (*migration_unlock)(struct db *db);

    /* db.h. `in_transaction` is kept by db.c: commit and rollback are called inside one only, and after a failed commit
     * rollback follows. */
    int (*begin)(struct db *db, enum db_mode mode, struct err *err);
    int (*commit)(struct db *db, struct err *err);
    void (*rollback)(struct db *db);
    int (*run)(struct db *db, const struct statement *statement, const struct db_value *values, size_t count,
               int64_t *ret_changes, struct err *err);
    int (*query)(struct db *db, const struct statement *statement, const struct db_value *values, size_t count,
                 struct db_rows **ret, struct err *err);
    int (*next)(struct db_rows *rows, struct err *err);
    void (*rows_free)(struct db_rows *rows);
    bool (*is_null)(const struct db_rows *rows, int column);
    int64_t (*column_int)(const struct db_rows *rows, int column);
    double (*column_real)(const struct db_rows *rows, int column);
    struct slice (*column_text)(const struct db_rows *rows, int column);
    struct slice (*column_blob)(const struct db_rows *rows, int column);
    int (*script)(struct db *db, struct slice sql, struct err *err);

    /* engagement.h */
    int (*find_emails)(struct db *db, struct email_lookup *lookups, size_t count, struct err *err);
    int (*lock_stats)(struct db *db, struct email_stats *stats, size_t count, struct err *err);
    int (*dictionary)(struct db *db, enum dictionary dictionary, struct dictionary_row *rows, size_t count,
                      struct err *err);
    int (*insert_events)(struct db *db, struct event_row *rows, size_t count, struct err *err);
    int (*load_links)(struct db *db, struct link_row *rows, size_t count, struct err *err);
    int (*save_links)(struct db *db, const struct link_row *rows, size_t count, struct err *err);
    int (*save_stats)(struct db *db, const struct email_stats *const *stats, size_t count, struct err *err);
    int (*append_deltas)(struct db *db, const struct cohort_delta *cohorts, size_t cohort_count,
                         const struct breakdown_delta *breakdowns, size_t breakdown_count, struct err *err);
    int (*fold)(struct db *db, size_t limit, int64_t *ret_folded, struct err *err);
    int (*registration_lock)(struct db *db, int64_t organization_id, enum registration_side side, struct err *err);
    int (*insert_orphans)(struct db *db, struct orphan_row *rows, size_t count, struct err *err);
    int (*claim_fingerprints)(struct db *db, struct fingerprint_row *rows, size_t count, struct err *err);
    int (*insert_emails)(struct db *db, struct email_row *rows, size_t count, struct err *err);
    int (*save_scores)(struct db *db, const struct score_row *rows, size_t count, struct err *err);
    /* Keys of an email's events, any order, in `arena`: the chain, or an index. Of more than `limit` the last to arrive
     * (SQLite) or to happen (PostgreSQL). */
    int (*event_keys)(struct db *db, int64_t organization_id, int64_t email_log_id, size_t limit, struct arena *arena,
                      struct event_key **ret, size_t *ret_count, struct err *err);
};

extern const struct db_driver sqlite_driver;
extern const struct db_driver postgres_driver;

/* Column received_delay_s of an event. */
static inline int64_t received_delay_s(int64_t received_at, int64_t occurred_at) {
    return (received_at - occurred_at) / 1000;
}

/* Heads of the drivers' own structs. open sets `driver` and `url_shown`, connect `driver` and `store`. */
struct store {
    const struct db_driver *driver;
    unsigned char hash_key[HASH_KEY_SIZE]; /* read by store_open after migrating */
    char url_shown[256];
    struct store_pool *pool; /* readers; store.c */
};
struct db {
    const struct db_driver *driver;
    struct store *store;
    enum db_mode mode; /* what it was connected for; set by store.c */
    bool in_transaction;
    bool failed; /* a slot returned ERR_UNAVAILABLE since the last repair; kept by db.c and engagement.c */
};
struct db_rows {
    struct db *db;
};

#endif
