/* db: one connection to the database, whichever it is. The only way to run SQL; used inside store/ by the files that
 * hold the domain verbs (emails.c, reports.c …). One connection serves one thread at a time.
 *
 * SQL is written once, in the subset that SQLite and PostgreSQL share ($1 … for values, ON CONFLICT, RETURNING, integer
 * milliseconds), as constants of type `struct statement` in the file that uses them. Where the dialects differ, the
 * statement carries a second text; a verb never asks which database it talks to. */
#ifndef INKLING_STORE_DB_H
#define INKLING_STORE_DB_H

#include "base/arena.h"
#include "base/err.h"
#include "base/slice.h"

struct db;
struct db_rows;

/* A statement is prepared once a connection, at its first use, and found again by its address: keep them static const.
 */
struct statement {
    const char *name; /* for messages */
    const char *sql;
    const char *sql_postgres; /* NULL: the same */
    /* A query whose result may not fit into memory (a recount, an export): read in portions, only inside a transaction
     * and closed before it ends. All others should be bounded by LIMIT or by what they ask for. */
    bool many_rows;
    /* Conditions that a value can switch off, over tables of any size: planned with the values at hand each time, about
     * a millisecond. PostgreSQL's one plan for all values may read a whole table instead. */
    bool plan_each_time;
};

enum db_type { DB_NULL, DB_INT, DB_REAL, DB_TEXT, DB_BLOB };
struct db_value {
    enum db_type type;
    int64_t integer;
    double real;
    struct slice bytes;
};
static inline struct db_value db_int(int64_t v) {
    return (struct db_value){.type = DB_INT, .integer = v};
}
static inline struct db_value db_real(double v) {
    return (struct db_value){.type = DB_REAL, .real = v};
}
static inline struct db_value db_text(struct slice v) {
    return (struct db_value){.type = DB_TEXT, .bytes = v};
}
static inline struct db_value db_blob(struct slice v) {
    return (struct db_value){.type = DB_BLOB, .bytes = v};
}
static inline struct db_value db_null(void) {
    return (struct db_value){.type = DB_NULL};
}
/* NULL where the value stands for "none". */
struct db_value db_int_or_null(int64_t value, int64_t none);
struct db_value db_text_or_null(struct slice text);

/* Transactions do not nest; a savepoint may be set in a write transaction.
 * DB_WRITE takes the write lock at once (SQLite: BEGIN IMMEDIATE). DB_READ is one consistent snapshot. */
enum db_mode { DB_READ, DB_WRITE };
MUST_USE int db_begin(struct db *db, enum db_mode mode, struct err *err);
MUST_USE int db_commit(struct db *db, struct err *err); /* after 0 the changes are on disk; else nothing of them is */
void db_rollback(struct db *db);                        /* accepts that there is no transaction */
/* Rolling back to the savepoint also ends it. When that fails, the transaction as a whole must be rolled back. */
MUST_USE int db_savepoint(struct db *db, struct err *err);
MUST_USE int db_savepoint_release(struct db *db, struct err *err);
MUST_USE int db_savepoint_rollback(struct db *db, struct err *err);

/* A list of integers as one value, at most DB_LIST_MAX of them; its text is in `arena`. In SQL: `x IN DB_LIST("$2")`,
 * for PostgreSQL `x IN DB_LIST_POSTGRES("$2")`. */
#define DB_LIST_MAX                 100000
#define DB_LIST(parameter)          "(SELECT value FROM json_each('[' || " parameter " || ']'))"
#define DB_LIST_POSTGRES(parameter) "(SELECT unnest(string_to_array(" parameter ", ',')::bigint[]))"
struct db_value db_list(struct arena *arena, const int64_t *integers, size_t count);

/* folded(text), on both databases: without the case of its letters (docs/decisions/0020-activity.md).
 *
 * Whether a column holds the text $3 somewhere, whatever the case of its letters. */
#define DB_CONTAINS(column)          "instr(folded(" column "), folded(CAST($3 AS TEXT))) > 0"
#define DB_CONTAINS_POSTGRES(column) "strpos(folded(" column "), folded(CAST($3 AS TEXT))) > 0"

/* Runs a statement that gives no rows. *ret_changes (may be NULL): rows changed.
 * ERR_CONFLICT: a unique or check rule; ERR_UNAVAILABLE: busy, gone, disk full; ERR_INTERNAL: the SQL is wrong. */
MUST_USE int db_run(struct db *db, const struct statement *statement, const struct db_value *values, size_t count,
                    int64_t *ret_changes, struct err *err);
#define DB_VALUES(...)                                                                                                 \
    (const struct db_value[]){__VA_ARGS__}, sizeof((const struct db_value[]){__VA_ARGS__}) / sizeof(struct db_value)

/* Runs a query. What the values point to may go when it returns. Free the rows before the statement is used again (one
 * open result a statement and connection). */
MUST_USE int db_query(struct db *db, const struct statement *statement, const struct db_value *values, size_t count,
                      struct db_rows **ret, struct err *err);
/* 1: there is a next row, which replaces the former; 0: no more; negative: failed. Rows may be fetched in portions. */
MUST_USE int db_next(struct db_rows *rows, struct err *err);
struct db_rows *db_rows_free(struct db_rows *rows); /* NULL accepted */
bool db_is_null(const struct db_rows *rows, int column);
int64_t db_column_int(const struct db_rows *rows, int column); /* 0 for NULL */
int64_t db_column_int_or(const struct db_rows *rows, int column, int64_t if_null);
double db_column_real(const struct db_rows *rows, int column);
struct slice db_column_text(const struct db_rows *rows, int column); /* valid until the next row; empty for NULL */
struct slice db_column_blob(const struct db_rows *rows, int column);
/* The one row of a query as a convenience: 1 found (then free *ret), 0 none, negative failed. */
MUST_USE int db_query_row(struct db *db, const struct statement *statement, const struct db_value *values, size_t count,
                          struct db_rows **ret, struct err *err);

/* Several statements without values, for migrations. */
MUST_USE int db_script(struct db *db, struct slice sql, struct err *err);
const char *db_dialect(const struct db *db); /* "sqlite", "postgres": for messages and migrations only */

#endif
