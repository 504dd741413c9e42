#include "store/rows.h"

#include "base/memory.h"

#include "base/banned.h"

struct slice row_text(const struct db_rows *rows, int column, struct arena *arena) {
    return db_is_null(rows, column) ? SLICE_NONE : arena_copy(arena, db_column_text(rows, column));
}

struct slice row_blob(const struct db_rows *rows, int column, struct arena *arena) {
    return db_is_null(rows, column) ? SLICE_NONE : arena_copy(arena, db_column_blob(rows, column));
}

struct score_policy score_policy_read(const struct db_rows *rows, int first_column) {
    int32_t values[SCORE_POLICY_COLUMN_COUNT];
    for (int i = 0; i < SCORE_POLICY_COLUMN_COUNT; i++)
        values[i] = (int32_t)db_column_int(rows, first_column + i);
    return (struct score_policy){
        .enabled = values[0] != 0,
        .recency = {values[1], values[2], values[3]},
        .opens = values[4],
        .clicks = values[5],
        .hot = values[6],
        .warm = values[7],
    };
}

void *rows_grow(struct arena *arena, void *items, size_t count, size_t *capacity, size_t size) {
    if (count < *capacity) return items;
    *capacity = memory_next_capacity(*capacity, count + 1);
    void *grown = arena_alloc_array(arena, *capacity, size);
    if (count > 0) memcpy(grown, items, count * size);
    return grown;
}

int db_insert(struct db *db, const struct statement *statement, const struct db_value *values, size_t count,
              int64_t *ret_id, struct err *err) {
    struct db_rows *rows;
    int found = db_query_row(db, statement, values, count, &rows, err);
    if (found < 0) return found;
    if (found == 0) return err_set(err, ERR_INTERNAL, "%s gave no id", statement->name);
    *ret_id = db_column_int(rows, 0);
    db_rows_free(rows);
    return 0;
}

int db_change(struct db *db, const struct statement *statement, const struct db_value *values, size_t count,
              const char *what, struct err *err) {
    int64_t changes = 0;
    int r = db_run(db, statement, values, count, &changes, err);
    if (r < 0) return r;
    return changes > 0 ? 0 : err_set(err, ERR_NOT_FOUND, "there is no such %s", what);
}
