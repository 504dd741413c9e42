#include "store/postgres.h"

#include <ctype.h>
#include <endian.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/memory.h"

#include "base/banned.h"

#define TYPE_BOOLEAN         16
#define STATEMENTS_MAX       4096 /* they are constants of the program: more means that one is made at run time */
#define STATEMENT_NAME_BYTES 16

/* ---- errors ---- */

static bool starts(const char *state, const char *prefix) {
    return strncmp(state, prefix, strlen(prefix)) == 0;
}

/* SQLSTATE to our codes (PostgreSQL manual, appendix A). What may go away by waiting, reconnecting or trying again is
 * ERR_UNAVAILABLE: lost connections, servers that start or stop, lack of resources, deadlocks, cancelled statements. */
static enum err_code code_of(const PGresult *result, const char *state) {
    static const char *const passing[] = {"08", "53", "57", "58", "40001", "40P01", "55P03", "25006", "25P03"};
    if (!state) return ERR_UNAVAILABLE; /* libpq itself: the connection */
    for (size_t i = 0; i < sizeof(passing) / sizeof(passing[0]); i++)
        if (starts(state, passing[i])) return ERR_UNAVAILABLE;
    if (starts(state, "23502")) return ERR_INTERNAL; /* a value is missing: the statement is wrong */
    /* No partition for an event: nobody's rule is broken, its month was dropped and will be made again. */
    if (strcmp(state, "23514") == 0 && !PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME)) return ERR_UNAVAILABLE;
    if (starts(state, "23")) return ERR_CONFLICT;
    return ERR_INTERNAL;
}

/* One line without a final stop. */
static void tidy(char *out, size_t size, const char *message) {
    size_t used = 0;
    for (; message && *message && used + 1 < size; message++) {
        bool space = isspace((unsigned char)*message);
        if (space && (used == 0 || out[used - 1] == ' ')) continue;
        out[used++] = space ? ' ' : *message;
    }
    while (used > 0 && (out[used - 1] == ' ' || out[used - 1] == '.'))
        used--;
    out[used] = '\0';
}

int postgres_failure(PGconn *connection, const PGresult *result, const char *what, struct err *err) {
    const char *state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    const char *message = result ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;
    char text[200];
    if (!message) message = PQerrorMessage(connection);
    /* Messages of data errors repeat the value, which may be a person's. */
    tidy(text, sizeof(text), state && starts(state, "22") ? "a value does not fit" : message);
    enum err_code code = PQstatus(connection) == CONNECTION_BAD ? ERR_UNAVAILABLE : code_of(result, state);
    return err_set(err, code, "%s: PostgreSQL says: %s (%s)", what, text[0] ? text : "the connection was lost",
                   state ? state : "connection");
}

int postgres_command(PGconn *connection, const char *sql, PGresult **ret, struct err *err) {
    PGresult *result = PQexec(connection, sql);
    ExecStatusType status = PQresultStatus(result);
    int r = 0;
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_EMPTY_QUERY) {
        char what[40];
        tidy(what, sizeof(what), sql);
        r = postgres_failure(connection, result, what, err);
    }
    if (r == 0 && ret)
        *ret = result;
    else
        PQclear(result);
    return r;
}

/* ---- prepared statements ---- */

void postgres_forget_prepared(struct postgres_db *db) {
    free(db->prepared);
    db->prepared = NULL;
    db->prepared_count = db->prepared_capacity = 0;
}

static struct postgres_prepared *prepared_slot(struct postgres_db *db, const struct statement *statement) {
    size_t mask = db->prepared_capacity - 1;
    size_t at = ((uintptr_t)statement / sizeof(void *) * 0x9E3779B97F4A7C15u >> 20) & mask;
    while (db->prepared[at].statement && db->prepared[at].statement != statement)
        at = (at + 1) & mask;
    return &db->prepared[at];
}

static void prepared_grow(struct postgres_db *db) {
    struct postgres_prepared *old = db->prepared;
    size_t old_capacity = db->prepared_capacity;
    db->prepared_capacity = old_capacity ? 2 * old_capacity : 64;
    db->prepared = memory_alloc_array(db->prepared_capacity, sizeof(*db->prepared));
    for (size_t i = 0; i < old_capacity; i++)
        if (old[i].statement) *prepared_slot(db, old[i].statement) = old[i];
    free(old);
}

/* Prepares at first use. `name` gets the statement's name on the server. A cursor's declaration is not prepared: the
 * server would plan it anew each time anyway. */
static int prepare(struct postgres_db *db, const struct statement *statement, char name[STATEMENT_NAME_BYTES],
                   struct err *err) {
    if (2 * db->prepared_count >= db->prepared_capacity) prepared_grow(db);
    struct postgres_prepared *slot = prepared_slot(db, statement);
    if (slot->statement) {
        snprintf(name, STATEMENT_NAME_BYTES, "s%u", slot->number);
        return 0;
    }
    if (db->prepared_count == STATEMENTS_MAX) BUG("more than %d statements: is one not static?", STATEMENTS_MAX);
    unsigned number = (unsigned)db->prepared_count + 1;
    snprintf(name, STATEMENT_NAME_BYTES, "s%u", number);
    const char *sql = statement->sql_postgres ? statement->sql_postgres : statement->sql;
    PGresult *result = PQprepare(db->connection, name, sql, 0, NULL);
    int r = 0;
    if (PQresultStatus(result) != PGRES_COMMAND_OK)
        r = postgres_failure(db->connection, result, statement->name, err);
    else {
        *slot = (struct postgres_prepared){.statement = statement, .number = number};
        db->prepared_count++;
    }
    PQclear(result);
    return r;
}

static int check(struct postgres_db *db, const char *what, PGresult *result, PGresult **ret, struct err *err) {
    ExecStatusType status = PQresultStatus(result);
    int r = 0;
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        r = postgres_failure(db->connection, result, what, err);
    if (r == 0 && ret)
        *ret = result;
    else
        PQclear(result);
    return r;
}

int postgres_execute(struct postgres_db *db, const struct statement *statement, int count, const char *const *values,
                     const int *lengths, const int *formats, int result_format, PGresult **ret, struct err *err) {
    char name[STATEMENT_NAME_BYTES];
    int r = prepare(db, statement, name, err);
    if (r != 0) return r;
    return check(db, statement->name,
                 PQexecPrepared(db->connection, name, count, values, lengths, formats, result_format), ret, err);
}

int postgres_execute_params(struct postgres_db *db, const struct statement *statement, PGresult **ret,
                            struct err *err) {
    const char *values[POSTGRES_PARAMETERS_MAX];
    int formats[POSTGRES_PARAMETERS_MAX];
    struct postgres_params *params = &db->params;
    for (int i = 0; i < params->count; i++) {
        values[i] = (const char *)params->bytes + params->offsets[i];
        formats[i] = 1;
    }
    int r = postgres_execute(db, statement, params->count, values, params->lengths, formats, 1, ret, err);
    postgres_params_clear(params);
    arena_reset(db->scratch);
    return r;
}

static int send_copy(struct postgres_db *db, const char *what, struct err *err) {
    static const char end[2] = {'\xFF', '\xFF'}; /* in the place of a row's number of columns: no more rows */
    struct postgres_params *params = &db->params;
    PGresult *result;
    if (params->used > INT_MAX) BUG("%s: %zu bytes", what, params->used);
    if (PQputCopyData(db->connection, (const char *)params->bytes, (int)params->used) != 1 ||
        PQputCopyData(db->connection, end, sizeof(end)) != 1 || PQputCopyEnd(db->connection, NULL) != 1)
        return postgres_failure(db->connection, NULL, what, err);
    int r = 0;
    while ((result = PQgetResult(db->connection))) {
        if (PQresultStatus(result) != PGRES_COMMAND_OK && r == 0)
            r = postgres_failure(db->connection, result, what, err);
        PQclear(result);
    }
    return r;
}

int postgres_copy(struct postgres_db *db, const char *what, const char *sql, struct err *err) {
    PGresult *result = PQexec(db->connection, sql);
    int r = 0;
    if (PQresultStatus(result) == PGRES_COPY_IN)
        r = send_copy(db, what, err);
    else
        r = postgres_failure(db->connection, result, what, err);
    PQclear(result);
    postgres_params_clear(&db->params);
    arena_reset(db->scratch);
    return r;
}

int64_t postgres_binary_int(const PGresult *result, int row, int column) {
    const char *value = PQgetvalue(result, row, column);
    uint16_t two;
    uint32_t four;
    uint64_t eight;
    switch (PQgetlength(result, row, column)) {
    case 0:
        return 0;
    case 2:
        memcpy(&two, value, sizeof(two));
        return (int16_t)be16toh(two);
    case 4:
        memcpy(&four, value, sizeof(four));
        return (int32_t)be32toh(four);
    case 8:
        memcpy(&eight, value, sizeof(eight));
        return (int64_t)be64toh(eight);
    }
    BUG("column %d is not an integer", column);
}

/* ---- values ---- */

/* The values of one call as libpq wants them. Numbers go as text, which fits whatever type the server infers; text and
 * blobs go in binary, which needs no copy with a NUL behind it. */
struct arguments {
    const char *values[POSTGRES_PARAMETERS_MAX];
    int lengths[POSTGRES_PARAMETERS_MAX], formats[POSTGRES_PARAMETERS_MAX];
    char numbers[POSTGRES_PARAMETERS_MAX][32];
};

static void set_bytes(struct arguments *arguments, size_t i, struct slice bytes) {
    if (bytes.len > INT32_MAX / 16) BUG("a value of %zu bytes", bytes.len);
    arguments->values[i] = bytes.len > 0 ? bytes.ptr : "";
    arguments->lengths[i] = (int)bytes.len;
    arguments->formats[i] = 1;
}

static void set_arguments(struct arguments *arguments, struct arena *scratch, const struct db_value *values,
                          size_t count) {
    if (count > POSTGRES_PARAMETERS_MAX) BUG("more than %d values", POSTGRES_PARAMETERS_MAX);
    for (size_t i = 0; i < count; i++) {
        arguments->values[i] = NULL;
        arguments->lengths[i] = arguments->formats[i] = 0;
        switch (values[i].type) {
        case DB_NULL:
            break;
        case DB_INT:
            snprintf(arguments->numbers[i], sizeof(arguments->numbers[i]), "%lld", (long long)values[i].integer);
            arguments->values[i] = arguments->numbers[i];
            break;
        case DB_REAL:
            snprintf(arguments->numbers[i], sizeof(arguments->numbers[i]), "%.17g", values[i].real);
            arguments->values[i] = arguments->numbers[i];
            break;
        case DB_TEXT:
            set_bytes(arguments, i, postgres_text(values[i].bytes, scratch));
            break;
        case DB_BLOB:
            set_bytes(arguments, i, values[i].bytes);
            break;
        }
    }
}

static int execute_values(struct postgres_db *db, const struct statement *statement, const struct db_value *values,
                          size_t count, PGresult **ret, struct err *err) {
    struct arguments arguments;
    set_arguments(&arguments, db->scratch, values, count);
    int r;
    if (statement->plan_each_time)
        r = check(db, statement->name,
                  PQexecParams(db->connection, statement->sql_postgres ? statement->sql_postgres : statement->sql,
                               (int)count, NULL, arguments.values, arguments.lengths, arguments.formats, 0),
                  ret, err);
    else
        r = postgres_execute(db, statement, (int)count, arguments.values, arguments.lengths, arguments.formats, 0, ret,
                             err);
    arena_reset(db->scratch);
    return r;
}

int postgres_run(struct db *base, const struct statement *statement, const struct db_value *values, size_t count,
                 int64_t *ret_changes, struct err *err) {
    PGresult *result;
    int r = execute_values((struct postgres_db *)base, statement, values, count, &result, err);
    if (r != 0) return r;
    int64_t changes = 0;
    if (slice_parse_i64(slice_cstr(PQcmdTuples(result)), &changes) && ret_changes)
        *ret_changes = changes;
    else if (ret_changes)
        *ret_changes = 0; /* a statement that changes no rows: CREATE … */
    PQclear(result);
    return 0;
}

/* ---- queries ---- */

/* DECLARE takes the values of the query it declares. These are the long reads, to the end: the limit of readers is
 * lifted for the rest of the transaction, and the plan is to be the best for all rows. */
static int open_cursor(struct postgres_db *db, const struct statement *statement, const struct db_value *values,
                       size_t count, struct postgres_rows *rows, struct err *err) {
    struct arguments arguments;
    PGresult *result;
    int r = postgres_command(db->connection, "SET LOCAL statement_timeout = 0; SET LOCAL cursor_tuple_fraction = 1",
                             NULL, err);
    if (r < 0) return r;
    unsigned number = db->cursors + 1;
    const char *sql = statement->sql_postgres ? statement->sql_postgres : statement->sql;
    char *declare = arena_printf(db->scratch, "DECLARE c%u NO SCROLL CURSOR FOR %s", number, sql);
    set_arguments(&arguments, db->scratch, values, count);
    result = PQexecParams(db->connection, declare, (int)count, NULL, arguments.values, arguments.lengths,
                          arguments.formats, 0);
    r = check(db, statement->name, result, NULL, err);
    arena_reset(db->scratch);
    if (r < 0) return r;
    db->cursors = rows->cursor = number;
    return 0;
}

static int fetch_portion(struct postgres_rows *rows, struct err *err) {
    struct postgres_db *db = (struct postgres_db *)rows->base.db;
    char sql[48];
    PQclear(rows->result);
    rows->result = NULL;
    rows->row_count = 0;
    snprintf(sql, sizeof(sql), "FETCH %d FROM c%u", POSTGRES_FETCH_ROWS, rows->cursor);
    int r = postgres_command(db->connection, sql, &rows->result, err);
    if (r < 0) return r;
    rows->row_count = PQntuples(rows->result);
    rows->row = -1;
    rows->last_portion = rows->row_count < POSTGRES_FETCH_ROWS;
    return 0;
}

int postgres_query(struct db *base, const struct statement *statement, const struct db_value *values, size_t count,
                   struct db_rows **ret, struct err *err) {
    struct postgres_db *db = (struct postgres_db *)base;
    struct postgres_rows *rows = memory_alloc(sizeof(*rows));
    int r;
    rows->base.db = base;
    rows->row = -1;
    if (statement->many_rows) {
        r = open_cursor(db, statement, values, count, rows, err);
    } else {
        r = execute_values(db, statement, values, count, &rows->result, err);
        rows->row_count = PQntuples(rows->result);
    }
    if (r < 0) {
        postgres_rows_free(&rows->base);
        return r;
    }
    *ret = &rows->base;
    return 0;
}

int postgres_next(struct db_rows *base, struct err *err) {
    struct postgres_rows *rows = (struct postgres_rows *)base;
    if (rows->blobs) arena_reset(rows->blobs);
    if (rows->row + 1 >= rows->row_count && rows->cursor != 0 && !rows->last_portion) {
        int r = fetch_portion(rows, err);
        if (r < 0) return r;
    }
    if (rows->row + 1 >= rows->row_count) {
        rows->row = rows->row_count;
        return 0;
    }
    rows->row++;
    return 1;
}

void postgres_rows_free(struct db_rows *base) {
    struct postgres_rows *rows = (struct postgres_rows *)base;
    if (!rows) return;
    struct postgres_db *db = (struct postgres_db *)base->db;
    /* After a failure, and after the transaction's end, the cursor is gone already. */
    if (rows->cursor != 0 && PQtransactionStatus(db->connection) == PQTRANS_INTRANS) {
        char sql[32];
        snprintf(sql, sizeof(sql), "CLOSE c%u", rows->cursor);
        PQclear(PQexec(db->connection, sql));
    }
    PQclear(rows->result);
    arena_free(rows->blobs);
    free(rows);
}

/* ---- columns ---- */

static const char *value_at(const struct postgres_rows *rows, int column) {
    if (rows->row < 0 || rows->row >= rows->row_count || column < 0 || column >= PQnfields(rows->result))
        BUG("there is no row, or no column %d in it", column);
    return PQgetisnull(rows->result, rows->row, column) ? NULL : PQgetvalue(rows->result, rows->row, column);
}

bool postgres_is_null(const struct db_rows *rows, int column) {
    return value_at((const struct postgres_rows *)rows, column) == NULL;
}

/* As SQLite reads a column: the integer that the text begins with (a numeric's fraction is cut off), truth as 1. */
int64_t postgres_column_int(const struct db_rows *base, int column) {
    const struct postgres_rows *rows = (const struct postgres_rows *)base;
    const char *value = value_at(rows, column);
    if (!value) return 0;
    if (PQftype(rows->result, column) == TYPE_BOOLEAN) return value[0] == 't';
    return strtoll(value, NULL, 10);
}

double postgres_column_real(const struct db_rows *base, int column) {
    const char *value = value_at((const struct postgres_rows *)base, column);
    return value ? strtod(value, NULL) : 0;
}

struct slice postgres_column_text(const struct db_rows *base, int column) {
    const struct postgres_rows *rows = (const struct postgres_rows *)base;
    const char *value = value_at(rows, column);
    return value ? slice_of(value, (size_t)PQgetlength(rows->result, rows->row, column)) : SLICE_NONE;
}

/* The text form of a bytea is "\x" and hex digits (bytea_output is set when connecting). */
struct slice postgres_column_blob(const struct db_rows *base, int column) {
    struct slice text = postgres_column_text(base, column);
    struct postgres_rows *rows = (struct postgres_rows *)(uintptr_t)base; /* its cache of decoded bytes */
    if (text.len < 2) return SLICE_NONE;
    if (!rows->blobs) rows->blobs = arena_new();
    size_t length = 0;
    char *bytes = arena_bytes(rows->blobs, text.len / 2);
    if (!hex_decode(slice_from(text, 2), (unsigned char *)bytes, text.len / 2, &length))
        BUG("column %d is not a bytea", column);
    return slice_of(bytes, length);
}

int postgres_script(struct db *base, struct slice sql, struct err *err) {
    struct postgres_db *db = (struct postgres_db *)base;
    char *text = memory_cstr(sql.ptr, sql.len);
    int r = postgres_command(db->connection, text, NULL, err);
    free(text);
    return r;
}
