#include "store/db.h"

#include "base/strbuf.h"
#include "store/driver.h"

#include "base/banned.h"

struct db_value db_int_or_null(int64_t value, int64_t none) {
    return value == none ? db_null() : db_int(value);
}

struct db_value db_text_or_null(struct slice text) {
    return slice_empty(text) ? db_null() : db_text(text);
}

struct db_value db_list(struct arena *arena, const int64_t *integers, size_t count) {
    if (count > DB_LIST_MAX) BUG("a list of %zu integers", count);
    size_t longest = sizeof("-9223372036854775808,");
    struct strbuf text;
    strbuf_init(&text, count * longest);
    for (size_t i = 0; i < count; i++) {
        if (i > 0) (void)strbuf_add_char(&text, ',');
        (void)strbuf_add_i64(&text, integers[i]);
    }
    struct slice copy = arena_copy(arena, strbuf_slice(&text));
    strbuf_release(&text);
    return db_text(copy);
}

/* ---- transactions ---- */

static const struct statement savepoint_set = {.name = "savepoint", .sql = "SAVEPOINT part"};
static const struct statement savepoint_release = {.name = "savepoint release", .sql = "RELEASE SAVEPOINT part"};
static const struct statement savepoint_undo = {.name = "savepoint rollback", .sql = "ROLLBACK TO SAVEPOINT part"};

/* Remembers that the connection may need repair. */
static int noted(struct db *db, int result) {
    if (result == -ERR_UNAVAILABLE) db->failed = true;
    return result;
}

int db_begin(struct db *db, enum db_mode mode, struct err *err) {
    if (db->in_transaction) BUG("transactions do not nest");
    if (mode == DB_WRITE && db->mode != DB_WRITE) BUG("a write transaction on a connection for reading");
    int rc = noted(db, db->driver->begin(db, mode, err));
    if (rc == 0) db->in_transaction = true;
    return rc;
}

int db_commit(struct db *db, struct err *err) {
    if (!db->in_transaction) BUG("commit without a transaction");
    int rc = noted(db, db->driver->commit(db, err));
    if (rc < 0) db->driver->rollback(db);
    db->in_transaction = false;
    return rc;
}

void db_rollback(struct db *db) {
    if (!db->in_transaction) return;
    db->driver->rollback(db);
    db->in_transaction = false;
}

int db_savepoint(struct db *db, struct err *err) {
    if (!db->in_transaction) BUG("a savepoint without a transaction");
    return db_run(db, &savepoint_set, NULL, 0, NULL, err);
}

int db_savepoint_release(struct db *db, struct err *err) {
    return db_run(db, &savepoint_release, NULL, 0, NULL, err);
}

int db_savepoint_rollback(struct db *db, struct err *err) {
    int rc = db_run(db, &savepoint_undo, NULL, 0, NULL, err);
    if (rc < 0) return rc;
    return db_savepoint_release(db, err);
}

/* ---- statements ---- */

int db_run(struct db *db, const struct statement *statement, const struct db_value *values, size_t count,
           int64_t *ret_changes, struct err *err) {
    return noted(db, db->driver->run(db, statement, values, count, ret_changes, err));
}

int db_query(struct db *db, const struct statement *statement, const struct db_value *values, size_t count,
             struct db_rows **ret, struct err *err) {
    if (statement->many_rows && !db->in_transaction) BUG("%s gives many rows: it needs a transaction", statement->name);
    return noted(db, db->driver->query(db, statement, values, count, ret, err));
}

int db_next(struct db_rows *rows, struct err *err) {
    return noted(rows->db, rows->db->driver->next(rows, err));
}

struct db_rows *db_rows_free(struct db_rows *rows) {
    if (rows) rows->db->driver->rows_free(rows);
    return NULL;
}

int db_query_row(struct db *db, const struct statement *statement, const struct db_value *values, size_t count,
                 struct db_rows **ret, struct err *err) {
    struct db_rows *rows;
    int rc = db_query(db, statement, values, count, &rows, err);
    if (rc < 0) return rc;
    rc = db_next(rows, err);
    if (rc == 1)
        *ret = rows;
    else
        db_rows_free(rows);
    return rc;
}

bool db_is_null(const struct db_rows *rows, int column) {
    return rows->db->driver->is_null(rows, column);
}

int64_t db_column_int(const struct db_rows *rows, int column) {
    return rows->db->driver->column_int(rows, column);
}

int64_t db_column_int_or(const struct db_rows *rows, int column, int64_t if_null) {
    return db_is_null(rows, column) ? if_null : db_column_int(rows, column);
}

double db_column_real(const struct db_rows *rows, int column) {
    return rows->db->driver->column_real(rows, column);
}

struct slice db_column_text(const struct db_rows *rows, int column) {
    return rows->db->driver->column_text(rows, column);
}

struct slice db_column_blob(const struct db_rows *rows, int column) {
    return rows->db->driver->column_blob(rows, column);
}

int db_script(struct db *db, struct slice sql, struct err *err) {
    return noted(db, db->driver->script(db, sql, err));
}

const char *db_dialect(const struct db *db) {
    return db->driver->dialect;
}
