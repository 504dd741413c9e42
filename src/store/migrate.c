#include "store/migrate.h"

#include <inttypes.h>

#include "base/clock.h"
#include "store/driver.h"

#include "base/banned.h"

static const char create_table[] = "CREATE TABLE IF NOT EXISTS schema_migrations ("
                                   "number BIGINT PRIMARY KEY, name TEXT NOT NULL, applied_at BIGINT NOT NULL)";
static const struct statement newest = {
    .name = "newest migration",
    .sql = "SELECT max(number) FROM schema_migrations",
};
static const struct statement record = {
    .name = "record migration",
    .sql = "INSERT INTO schema_migrations (number, name, applied_at) VALUES ($1, $2, $3)",
};

/* *ret: 0 for an empty database. */
static int read_newest(struct db *db, int64_t *ret, struct err *err) {
    struct db_rows *rows;
    int rc = db_query_row(db, &newest, NULL, 0, &rows, err);
    if (rc < 0) return rc;
    *ret = rc == 1 ? db_column_int(rows, 0) : 0;
    if (rc == 1) db_rows_free(rows);
    return 0;
}

static int apply(struct db *db, const struct migration *migration, struct err *err) {
    int rc = db_begin(db, DB_WRITE, err);
    if (rc < 0) return rc;
    /* Asked again inside the transaction: the lock may have been waited for. */
    int64_t number;
    rc = read_newest(db, &number, err);
    if (rc < 0) goto out;
    if (number >= migration->number) goto out;
    rc = db_script(db, migration->sql, err);
    if (rc < 0) goto out;
    rc = db_run(db, &record,
                DB_VALUES(db_int(migration->number), db_text(slice_cstr(migration->name)), db_int(clock_now())), NULL,
                err);
    if (rc < 0) goto out;
    return db_commit(db, err);
out:
    db_rollback(db);
    return rc;
}

static int apply_missing(struct db *db, struct err *err) {
    int rc = db_script(db, slice_cstr(create_table), err);
    if (rc < 0) return rc;
    int64_t number, known = 0;
    rc = read_newest(db, &number, err);
    if (rc < 0) return rc;
    for (size_t i = 0; i < migrations_count; i++)
        if (strcmp(migrations[i].dialect, db_dialect(db)) == 0) known = migrations[i].number;
    if (number > known)
        return err_set(err, ERR_CONFLICT,
                       "the database has schema %" PRId64 ", this program knows schemas up to %" PRId64
                       " only: run the newer program",
                       number, known);
    for (size_t i = 0; i < migrations_count; i++) {
        const struct migration *migration = &migrations[i];
        if (strcmp(migration->dialect, db_dialect(db)) != 0 || migration->number <= number) continue;
        rc = apply(db, migration, err);
        if (rc < 0) return err ? err_prefix(err, "migration %d_%s", migration->number, migration->name) : rc;
    }
    return 0;
}

int migrate(struct db *db, struct err *err) {
    int rc = db->driver->migration_lock(db, err);
    if (rc < 0) return rc;
    rc = apply_missing(db, err);
    db->driver->migration_unlock(db);
    return rc;
}
