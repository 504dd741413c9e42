/* rows: what the verbs of administration share. Internal to store/. */
#ifndef INKLING_STORE_ROWS_H
#define INKLING_STORE_ROWS_H

#include "model/counters.h"
#include "model/score_policy.h"
#include "store/db.h"

/* A column's text or bytes, copied; NULL ptr for NULL. */
struct slice row_text(const struct db_rows *rows, int column, struct arena *arena);
struct slice row_blob(const struct db_rows *rows, int column, struct arena *arena);
static inline int64_t row_time(const struct db_rows *rows, int column) {
    return db_column_int_or(rows, column, TIME_UNSET);
}
static inline struct db_value db_time(int64_t ms) {
    return db_int_or_null(ms, TIME_UNSET);
}

/* Columns of organizations, in the order in which score_policy_read takes them. */
#define SCORE_POLICY_COLUMNS                                                                                           \
    "score_enabled, score_day_points, score_week_points, score_month_points, score_open_points, score_click_points,"   \
    " score_hot, score_warm"
#define SCORE_POLICY_COLUMN_COUNT 8
struct score_policy score_policy_read(const struct db_rows *rows, int first_column);

/* A growing array in an arena, for results whose number is not known before. `items` is moved when it grows. */
void *rows_grow(struct arena *arena, void *items, size_t count, size_t *capacity, size_t size);

/* The first column of the only row of an INSERT … RETURNING. */
MUST_USE int db_insert(struct db *db, const struct statement *statement, const struct db_value *values, size_t count,
                       int64_t *ret_id, struct err *err);
/* db_run where no changed row is ERR_NOT_FOUND. */
MUST_USE int db_change(struct db *db, const struct statement *statement, const struct db_value *values, size_t count,
                       const char *what, struct err *err);

#endif
