#include "store/sqlite.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/strbuf.h"

#include "base/banned.h"

#define SQL_MAX_BYTES 65536

struct sqlite_rows {
    struct db_rows base;
    struct sqlite_prepared *prepared;
};

/* One prepared statement of one connection, with the place for its one open result. */
struct sqlite_prepared {
    const struct statement *statement;
    sqlite3_stmt *handle;
    int parameters;
    bool open; /* `rows` is with a caller */
    struct sqlite_rows rows;
};

/* ---- failures ---- */

static enum err_code code_of(int extended) {
    switch (extended) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID:
    case SQLITE_CONSTRAINT_CHECK:
        return ERR_CONFLICT;
    }
    switch (extended & 0xff) {
    case SQLITE_ERROR:
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
    case SQLITE_MISUSE:
    case SQLITE_RANGE:
    case SQLITE_SCHEMA:
        return ERR_INTERNAL;
    case SQLITE_TOOBIG:
        return ERR_TOO_LARGE;
    default:
        return ERR_UNAVAILABLE;
    }
}

int sqlite_fail(struct sqlite_db *db, const char *what, struct err *err) {
    int extended = sqlite3_extended_errcode(db->handle);
    const char *advice = "";
    if ((extended & 0xff) == SQLITE_FULL) advice = " (the disk is full)";
    if ((extended & 0xff) == SQLITE_BUSY) advice = " (another process has been writing for too long)";
    return err_set(err, code_of(extended), "%s: %s%s", what, sqlite3_errmsg(db->handle), advice);
}

/* After some failures (a full disk, an I/O fault) SQLite undoes the whole transaction by itself. What comes next must
 * then fail too, or it would be committed alone. */
static int check_transaction(struct sqlite_db *db, const char *what, struct err *err) {
    if (!db->base.in_transaction || !sqlite3_get_autocommit(db->handle)) return 0;
    return err_set(err, ERR_UNAVAILABLE, "%s: the transaction was undone after an earlier failure", what);
}

/* ---- prepared statements ---- */

static size_t slot_of(const struct sqlite_db *db, const struct statement *statement) {
    uint64_t address = (uint64_t)(uintptr_t)statement;
    size_t mask = db->statements_capacity - 1;
    size_t slot = (size_t)((address >> 3) * 0x9e3779b97f4a7c15u >> 32) & mask;
    while (db->statements[slot] && db->statements[slot]->statement != statement)
        slot = (slot + 1) & mask;
    return slot;
}

static void make_room(struct sqlite_db *db) {
    if (2 * (db->statements_used + 1) <= db->statements_capacity) return;
    struct sqlite_prepared **old = db->statements;
    size_t old_capacity = db->statements_capacity;
    db->statements_capacity = old_capacity > 0 ? 2 * old_capacity : 128;
    db->statements = memory_alloc_array(db->statements_capacity, sizeof(*db->statements));
    for (size_t i = 0; i < old_capacity; i++)
        if (old[i]) db->statements[slot_of(db, old[i]->statement)] = old[i];
    free(old);
}

void sqlite_forget_statements(struct sqlite_db *db) {
    for (size_t i = 0; i < db->statements_capacity; i++) {
        if (!db->statements[i]) continue;
        sqlite3_finalize(db->statements[i]->handle);
        free(db->statements[i]);
    }
    free(db->statements);
    db->statements = NULL;
    db->statements_used = db->statements_capacity = 0;
}

/* SQLite numbers the parameters "$1" by their first appearance, "?1" by their number. */
static void number_parameters(struct strbuf *out, const char *sql) {
    char quote = 0;
    for (const char *p = sql; *p; p++) {
        if (quote) {
            if (*p == quote) quote = 0;
        } else if (*p == '\'' || *p == '"') {
            quote = *p;
        } else if (*p == '$' && p[1] >= '0' && p[1] <= '9') {
            (void)strbuf_add_char(out, '?');
            continue;
        }
        (void)strbuf_add_char(out, *p);
    }
}

static int find_prepared(struct sqlite_db *db, const struct statement *statement, struct sqlite_prepared **ret,
                         struct err *err) {
    int rc = check_transaction(db, statement->name, err);
    if (rc != 0) return rc;
    make_room(db);
    size_t slot = slot_of(db, statement);
    if (db->statements[slot]) {
        *ret = db->statements[slot];
        return 0;
    }
    struct strbuf sql;
    strbuf_init(&sql, SQL_MAX_BYTES);
    number_parameters(&sql, statement->sql);
    sqlite3_stmt *handle;
    int prepared = sqlite3_prepare_v3(db->handle, sql.ptr, (int)sql.len + 1, SQLITE_PREPARE_PERSISTENT, &handle, NULL);
    strbuf_release(&sql);
    if (prepared != SQLITE_OK) return sqlite_fail(db, statement->name, err);
    if (!handle) return err_set(err, ERR_INTERNAL, "%s: an empty statement", statement->name);
    struct sqlite_prepared *entry = memory_alloc(sizeof(*entry));
    entry->statement = statement;
    entry->handle = handle;
    entry->parameters = sqlite3_bind_parameter_count(handle);
    entry->rows = (struct sqlite_rows){.base.db = &db->base, .prepared = entry};
    db->statements[slot] = entry;
    db->statements_used++;
    *ret = entry;
    return 0;
}

int sqlite_prepare(struct sqlite_db *db, const struct statement *statement, sqlite3_stmt **ret, struct err *err) {
    struct sqlite_prepared *prepared;
    int rc = find_prepared(db, statement, &prepared, err);
    if (rc == 0) *ret = prepared->handle;
    return rc;
}

int sqlite_step_done(struct sqlite_db *db, const struct statement *statement, sqlite3_stmt *prepared, int bound,
                     struct err *err) {
    int rc = sqlite_step_row(db, statement, prepared, bound, err);
    if (rc <= 0) return rc;
    sqlite3_reset(prepared);
    return err_set(err, ERR_INTERNAL, "%s: gave rows where none were wanted", statement->name);
}

int sqlite_step_row(struct sqlite_db *db, const struct statement *statement, sqlite3_stmt *prepared, int bound,
                    struct err *err) {
    if (bound != SQLITE_OK) return err_set(err, ERR_INTERNAL, "%s: a value cannot be bound", statement->name);
    int stepped = sqlite3_step(prepared);
    if (stepped == SQLITE_ROW) return 1;
    int rc = stepped == SQLITE_DONE ? 0 : sqlite_fail(db, statement->name, err);
    sqlite3_reset(prepared);
    return rc;
}

/* `lifetime`: SQLITE_STATIC when the values outlive the run, SQLITE_TRANSIENT when SQLite must copy. */
static int bind_values(sqlite3_stmt *handle, const struct db_value *values, size_t count,
                       sqlite3_destructor_type lifetime) {
    int bound = SQLITE_OK;
    for (size_t i = 0; i < count; i++) {
        const struct db_value *value = &values[i];
        int parameter = (int)i + 1;
        const char *bytes = value->bytes.ptr ? value->bytes.ptr : "";
        switch (value->type) {
        case DB_NULL:
            bound |= sqlite3_bind_null(handle, parameter);
            break;
        case DB_INT:
            bound |= sqlite3_bind_int64(handle, parameter, value->integer);
            break;
        case DB_REAL:
            bound |= sqlite3_bind_double(handle, parameter, value->real);
            break;
        case DB_TEXT:
            bound |= sqlite3_bind_text64(handle, parameter, bytes, value->bytes.len, lifetime, SQLITE_UTF8);
            break;
        case DB_BLOB:
            bound |= sqlite3_bind_blob64(handle, parameter, bytes, value->bytes.len, lifetime);
            break;
        }
    }
    return bound;
}

static int prepare_with_values(struct sqlite_db *db, const struct statement *statement, const struct db_value *values,
                               size_t count, sqlite3_destructor_type lifetime, struct sqlite_prepared **ret,
                               struct err *err) {
    int rc = find_prepared(db, statement, ret, err);
    if (rc != 0) return rc;
    struct sqlite_prepared *prepared = *ret;
    if (prepared->open) BUG("%s: its former rows were not freed", statement->name);
    if (count != (size_t)prepared->parameters)
        return err_set(err, ERR_INTERNAL, "%s: takes %d values, not %zu", statement->name, prepared->parameters, count);
    if (bind_values(prepared->handle, values, count, lifetime) != SQLITE_OK)
        return sqlite_fail(db, statement->name, err);
    return 0;
}

int sqlite_run(struct db *base, const struct statement *statement, const struct db_value *values, size_t count,
               int64_t *ret_changes, struct err *err) {
    struct sqlite_db *db = sqlite_db_of(base);
    struct sqlite_prepared *prepared;
    int rc = prepare_with_values(db, statement, values, count, SQLITE_STATIC, &prepared, err);
    if (rc != 0) return rc;
    int64_t before = sqlite3_total_changes64(db->handle);
    rc = sqlite_step_done(db, statement, prepared->handle, SQLITE_OK, err);
    if (rc != 0) return rc;
    /* sqlite3_changes() would speak of an earlier statement when this one changes nothing by its kind. */
    if (ret_changes) *ret_changes = sqlite3_total_changes64(db->handle) - before;
    return 0;
}

int sqlite_query(struct db *base, const struct statement *statement, const struct db_value *values, size_t count,
                 struct db_rows **ret, struct err *err) {
    struct sqlite_db *db = sqlite_db_of(base);
    struct sqlite_prepared *prepared;
    int rc = prepare_with_values(db, statement, values, count, SQLITE_TRANSIENT, &prepared, err);
    if (rc != 0) return rc;
    prepared->open = true;
    *ret = &prepared->rows.base;
    return 0;
}

/* ---- rows ---- */

static sqlite3_stmt *handle_of(const struct db_rows *rows) {
    return ((const struct sqlite_rows *)rows)->prepared->handle;
}

int sqlite_next(struct db_rows *rows, struct err *err) {
    struct sqlite_prepared *prepared = ((struct sqlite_rows *)rows)->prepared;
    struct sqlite_db *db = sqlite_db_of(rows->db);
    return sqlite_step_row(db, prepared->statement, prepared->handle, SQLITE_OK, err);
}

void sqlite_rows_free(struct db_rows *rows) {
    struct sqlite_prepared *prepared = ((struct sqlite_rows *)rows)->prepared;
    sqlite3_reset(prepared->handle);
    sqlite3_clear_bindings(prepared->handle);
    prepared->open = false;
}

bool sqlite_is_null(const struct db_rows *rows, int column) {
    return sqlite3_column_type(handle_of(rows), column) == SQLITE_NULL;
}

int64_t sqlite_column_int(const struct db_rows *rows, int column) {
    return sqlite3_column_int64(handle_of(rows), column);
}

double sqlite_column_real(const struct db_rows *rows, int column) {
    return sqlite3_column_double(handle_of(rows), column);
}

struct slice sqlite_column_text(const struct db_rows *rows, int column) {
    sqlite3_stmt *handle = handle_of(rows);
    const unsigned char *text = sqlite3_column_text(handle, column); /* before the length: it may convert */
    return slice_of((const char *)text, text ? (size_t)sqlite3_column_bytes(handle, column) : 0);
}

struct slice sqlite_column_blob(const struct db_rows *rows, int column) {
    sqlite3_stmt *handle = handle_of(rows);
    const void *bytes = sqlite3_column_blob(handle, column);
    return slice_of(bytes, bytes ? (size_t)sqlite3_column_bytes(handle, column) : 0);
}

int sqlite_script(struct db *base, struct slice sql, struct err *err) {
    struct sqlite_db *db = sqlite_db_of(base);
    int rc = check_transaction(db, "script", err);
    if (rc < 0) return rc;
    char *text = memory_cstr(sql.ptr, sql.len);
    int executed = sqlite3_exec(db->handle, text, NULL, NULL, NULL);
    free(text);
    return executed == SQLITE_OK ? 0 : sqlite_fail(db, "script", err);
}
