/* Folding of the changes of totals in SQLite. They are read once, summed up here, and each total is written once:
 * sums of twenty columns, grouped four ways by SQL, cost three times as much (docs/decisions/0021-folding.md). Nobody
 * else writes meanwhile, so "the oldest rows" are all up to the last that was read. */
#include "store/sqlite.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/memory.h"
#include "store/contribution_sql.h"

#include "base/banned.h"

/* ---- changes of cohorts ---- */

/* Reads the oldest changes; the day of those that belong to none is TIME_UNSET. *ret_last: the id of the last. */
static int read_cohort_deltas(struct sqlite_db *db, struct cohort_delta *deltas, size_t limit, size_t *ret_count,
                              int64_t *ret_last, struct err *err) {
#define NAME(field) #field
#define READ(field) delta->change.field = sqlite3_column_int64(prepared, column++);
    static const struct statement oldest = {
        .name = "oldest cohort changes",
        .sql = "SELECT id, organization_id, cohort_id, day, " CONTRIBUTION_SQL(NAME) " FROM cohort_deltas "
                                                                                     "ORDER BY id LIMIT ?1",
    };
    sqlite3_stmt *prepared;
    int rc = sqlite_prepare(db, &oldest, &prepared, err);
    if (rc < 0) return rc;
    size_t count = 0;
    int bound = sqlite3_bind_int64(prepared, 1, (int64_t)limit);
    while (count < limit && (rc = sqlite_step_row(db, &oldest, prepared, bound, err)) == 1) {
        struct cohort_delta *delta = &deltas[count++];
        bool has_day = sqlite3_column_type(prepared, 3) != SQLITE_NULL;
        *ret_last = sqlite3_column_int64(prepared, 0);
        delta->organization_id = sqlite3_column_int64(prepared, 1);
        delta->cohort_id = sqlite3_column_int64(prepared, 2);
        delta->day = has_day ? sqlite3_column_int64(prepared, 3) : TIME_UNSET;
        int column = 4;
        CONTRIBUTION_FIELDS(READ)
    }
    sqlite3_reset(prepared);
    *ret_count = count;
    return rc < 0 ? rc : 0;
#undef NAME
#undef READ
}

static int compare_numbers(int64_t a, int64_t b) {
    return (a > b) - (a < b);
}

static int by_cohort(const void *a_, const void *b_) {
    const struct cohort_delta *a = *(const struct cohort_delta *const *)a_,
                              *b = *(const struct cohort_delta *const *)b_;
    int order = compare_numbers(a->organization_id, b->organization_id);
    return order != 0 ? order : compare_numbers(a->cohort_id, b->cohort_id);
}

static int by_day(const void *a_, const void *b_) {
    const struct cohort_delta *a = *(const struct cohort_delta *const *)a_,
                              *b = *(const struct cohort_delta *const *)b_;
    int order = compare_numbers(a->organization_id, b->organization_id);
    if (order == 0) order = compare_numbers(a->day, b->day);
    return order != 0 ? order : compare_numbers(a->cohort_id, b->cohort_id);
}

static bool is_same_day(const struct cohort_delta *a, const struct cohort_delta *b) {
    return a->organization_id == b->organization_id && a->day == b->day;
}

/* A change of one row, whose key is `keys` (bound behind or before the values, see the statements). */
static int bind_change(sqlite3_stmt *prepared, int parameter, const struct contribution *change) {
    int bound = SQLITE_OK;
#define BIND(field) bound |= sqlite3_bind_int64(prepared, parameter++, change->field);
    CONTRIBUTION_FIELDS(BIND)
#undef BIND
    return bound;
}

#define NAME(field)  #field
#define VALUE(field) "?"
#define ADD(field)   #field " = " #field " + ?"
#define MORE(field)  #field " = " #field " + excluded." #field

/* *ret_day: the day on which the cohort's emails were sent; 0 rows: it is gone (erased), and so is what belongs to it.
 */
static int add_to_cohort(struct sqlite_db *db, const struct cohort_delta *delta, int64_t *ret_day, struct err *err) {
    static const struct statement add = {
        .name = "fold cohort changes",
        .sql = "UPDATE cohorts SET " CONTRIBUTION_SQL(ADD) " WHERE organization_id = ? AND id = ? RETURNING day",
    };
    sqlite3_stmt *prepared;
    int rc = sqlite_prepare(db, &add, &prepared, err);
    if (rc < 0) return rc;
    int bound = bind_change(prepared, 1, &delta->change);
    bound |= sqlite3_bind_int64(prepared, CONTRIBUTION_COUNT + 1, delta->organization_id);
    bound |= sqlite3_bind_int64(prepared, CONTRIBUTION_COUNT + 2, delta->cohort_id);
    rc = sqlite_step_row(db, &add, prepared, bound, err);
    if (rc <= 0) return rc;
    *ret_day = sqlite3_column_int64(prepared, 0);
    sqlite3_reset(prepared);
    return 1;
}

static const struct statement add_day = {
    .name = "fold changes of days",
    .sql = "INSERT INTO day_totals (organization_id, day, " CONTRIBUTION_SQL(NAME) ") VALUES (?, ?, " CONTRIBUTION_SQL(
        VALUE) ") ON CONFLICT (organization_id, day) DO UPDATE SET groups_stale = 1, " CONTRIBUTION_SQL(MORE),
};
static const struct statement add_activity_day = {
    .name = "fold what happened by day",
    .sql = "INSERT INTO activity_days (organization_id, day, " CONTRIBUTION_SQL(
        NAME) ") VALUES (?, ?, " CONTRIBUTION_SQL(VALUE) ") "
                                                         "ON CONFLICT (organization_id, day) DO UPDATE "
                                                         "SET " CONTRIBUTION_SQL(MORE),
};

static int add_to_day(struct sqlite_db *db, const struct statement *add, const struct cohort_delta *delta,
                      struct err *err) {
    sqlite3_stmt *prepared;
    int rc = sqlite_prepare(db, add, &prepared, err);
    if (rc < 0) return rc;
    int bound = sqlite3_bind_int64(prepared, 1, delta->organization_id);
    bound |= sqlite3_bind_int64(prepared, 2, delta->day);
    bound |= bind_change(prepared, 3, &delta->change);
    return sqlite_step_done(db, add, prepared, bound, err);
}

static int add_to_activity(struct sqlite_db *db, const struct cohort_delta *delta, struct err *err) {
    static const struct statement add = {
        .name = "fold what happened",
        .sql = "INSERT INTO activity (organization_id, day, cohort_id, " CONTRIBUTION_SQL(
            NAME) ") VALUES (?, ?, ?, " CONTRIBUTION_SQL(VALUE) ") "
                                                                "ON CONFLICT (organization_id, day, cohort_id) DO "
                                                                "UPDATE SET " CONTRIBUTION_SQL(MORE),
    };
    sqlite3_stmt *prepared;
    int rc = sqlite_prepare(db, &add, &prepared, err);
    if (rc < 0) return rc;
    int bound = sqlite3_bind_int64(prepared, 1, delta->organization_id);
    bound |= sqlite3_bind_int64(prepared, 2, delta->day);
    bound |= sqlite3_bind_int64(prepared, 3, delta->cohort_id);
    bound |= bind_change(prepared, 4, &delta->change);
    return sqlite_step_done(db, &add, prepared, bound, err);
}

/* Sums up the changes from sorted[*at] on that compare as equal, and moves *at behind them. */
static struct cohort_delta sum_up(const struct cohort_delta *const *sorted, size_t count, size_t *at,
                                  int (*compare)(const void *a, const void *b)) {
    size_t first = *at;
    struct cohort_delta sum = *sorted[first];
    while (++*at < count && compare(&sorted[first], &sorted[*at]) == 0)
        contribution_add(&sum.change, &sorted[*at]->change);
    return sum;
}

/* Adds the sums of consecutive rows of one day to it. */
static int add_days(struct sqlite_db *db, const struct statement *add, const struct cohort_delta *rows, size_t count,
                    struct err *err) {
    int rc = 0;
    for (size_t i = 0, next; i < count && rc == 0; i = next) {
        struct cohort_delta sum = rows[i];
        for (next = i + 1; next < count && is_same_day(&rows[i], &rows[next]); next++)
            contribution_add(&sum.change, &rows[next].change);
        if (!contribution_is_zero(&sum.change)) rc = add_to_day(db, add, &sum, err);
    }
    return rc;
}

/* Totals of cohorts, and of the days on which their emails were sent. `sums` has room for `count`. */
static int fold_into_cohorts(struct sqlite_db *db, const struct cohort_delta **sorted, size_t count,
                             struct cohort_delta *sums, struct arena *arena, struct err *err) {
    qsort(sorted, count, sizeof(struct cohort_delta *), by_cohort);
    size_t found = 0;
    for (size_t at = 0; at < count;) {
        struct cohort_delta sum = sum_up(sorted, count, &at, by_cohort);
        if (contribution_is_zero(&sum.change)) continue;
        int rc = add_to_cohort(db, &sum, &sum.day, err);
        if (rc < 0) return rc;
        if (rc == 1) sums[found++] = sum;
    }
    const struct cohort_delta **days = arena_alloc_array(arena, found, sizeof(struct cohort_delta *));
    struct cohort_delta *ordered = arena_alloc_array(arena, found, sizeof(*ordered));
    for (size_t i = 0; i < found; i++)
        days[i] = &sums[i];
    qsort(days, found, sizeof(struct cohort_delta *), by_day);
    for (size_t i = 0; i < found; i++)
        ordered[i] = *days[i];
    return add_days(db, &add_day, ordered, found, err);
}

/* What happened on days, of cohorts and of all. `sums` has room for `count`. */
static int fold_into_activity(struct sqlite_db *db, const struct cohort_delta **sorted, size_t count,
                              struct cohort_delta *sums, struct err *err) {
    qsort(sorted, count, sizeof(struct cohort_delta *), by_day);
    size_t found = 0;
    for (size_t at = 0; at < count;) {
        struct cohort_delta sum = sum_up(sorted, count, &at, by_day);
        if (sum.day == TIME_UNSET || contribution_is_zero(&sum.change)) continue;
        int rc = add_to_activity(db, &sum, err);
        if (rc < 0) return rc;
        sums[found++] = sum;
    }
    return add_days(db, &add_activity_day, sums, found, err);
}

static int fold_cohort_deltas(struct sqlite_db *db, size_t limit, struct arena *arena, int64_t *folded,
                              struct err *err) {
    static const struct statement removal = {
        .name = "remove cohort changes",
        .sql = "DELETE FROM cohort_deltas WHERE id <= $1",
    };
    struct cohort_delta *deltas = arena_alloc_array(arena, limit, sizeof(*deltas));
    size_t count;
    int64_t last;
    int rc = read_cohort_deltas(db, deltas, limit, &count, &last, err);
    if (rc < 0 || count == 0) return rc;
    const struct cohort_delta **sorted = arena_alloc_array(arena, count, sizeof(struct cohort_delta *));
    struct cohort_delta *sums = arena_alloc_array(arena, count, sizeof(*sums));
    for (size_t i = 0; i < count; i++)
        sorted[i] = &deltas[i];
    rc = fold_into_cohorts(db, sorted, count, sums, arena, err);
    if (rc == 0) rc = fold_into_activity(db, sorted, count, sums, err);
    if (rc == 0) rc = db_run(&db->base, &removal, DB_VALUES(db_int(last)), NULL, err);
    if (rc == 0) *folded += (int64_t)count;
    return rc;
}

/* ---- changes of breakdowns ---- */

static int read_breakdown_deltas(struct sqlite_db *db, struct breakdown_delta *deltas, size_t limit, size_t *ret_count,
                                 int64_t *ret_last, struct err *err) {
    static const struct statement oldest = {
        .name = "oldest breakdown changes",
        .sql = "SELECT id, organization_id, cohort_id, kind, item, n FROM breakdown_deltas ORDER BY id LIMIT ?1",
    };
    sqlite3_stmt *prepared;
    int rc = sqlite_prepare(db, &oldest, &prepared, err);
    if (rc < 0) return rc;
    size_t count = 0;
    int bound = sqlite3_bind_int64(prepared, 1, (int64_t)limit);
    while (count < limit && (rc = sqlite_step_row(db, &oldest, prepared, bound, err)) == 1) {
        *ret_last = sqlite3_column_int64(prepared, 0);
        deltas[count++] = (struct breakdown_delta){
            .organization_id = sqlite3_column_int64(prepared, 1),
            .cohort_id = sqlite3_column_int64(prepared, 2),
            .kind = (enum breakdown_kind)sqlite3_column_int(prepared, 3),
            .item = sqlite3_column_int64(prepared, 4),
            .n = sqlite3_column_int64(prepared, 5),
        };
    }
    sqlite3_reset(prepared);
    *ret_count = count;
    return rc < 0 ? rc : 0;
}

static int compare_breakdowns(const void *a_, const void *b_) {
    const struct breakdown_delta *a = a_, *b = b_;
    int order = compare_numbers(a->organization_id, b->organization_id);
    if (order == 0) order = compare_numbers(a->cohort_id, b->cohort_id);
    if (order == 0) order = compare_numbers(a->kind, b->kind);
    return order != 0 ? order : compare_numbers(a->item, b->item);
}

/* Sums up what compares as equal, in place; the number of sums. */
static size_t merge_breakdowns(struct breakdown_delta *deltas, size_t count) {
    size_t merged = 0;
    qsort(deltas, count, sizeof(*deltas), compare_breakdowns);
    for (size_t i = 0; i < count; i++) {
        if (merged > 0 && compare_breakdowns(&deltas[merged - 1], &deltas[i]) == 0)
            deltas[merged - 1].n += deltas[i].n;
        else
            deltas[merged++] = deltas[i];
    }
    return merged;
}

static const struct statement add_breakdown = {
    .name = "fold breakdown changes",
    .sql = "INSERT INTO breakdowns (organization_id, cohort_id, kind, item, n) VALUES (?1, ?2, ?3, ?4, ?5) "
           "ON CONFLICT (organization_id, cohort_id, kind, item) DO UPDATE SET n = n + excluded.n",
};
static const struct statement add_day_breakdown = {
    .name = "fold breakdown changes of days",
    .sql = "INSERT INTO day_breakdowns (organization_id, day, kind, item, n) VALUES (?1, ?2, ?3, ?4, ?5) "
           "ON CONFLICT (organization_id, day, kind, item) DO UPDATE SET n = n + excluded.n",
};

/* To the cohorts, or to the days where cohort_id holds one. */
static int add_breakdowns(struct sqlite_db *db, const struct statement *add, const struct breakdown_delta *sums,
                          size_t count, struct err *err) {
    sqlite3_stmt *prepared;
    int rc = sqlite_prepare(db, add, &prepared, err);
    for (size_t i = 0; i < count && rc == 0; i++) {
        if (sums[i].n == 0) continue;
        int bound = sqlite3_bind_int64(prepared, 1, sums[i].organization_id);
        bound |= sqlite3_bind_int64(prepared, 2, sums[i].cohort_id);
        bound |= sqlite3_bind_int(prepared, 3, (int)sums[i].kind);
        bound |= sqlite3_bind_int64(prepared, 4, sums[i].item);
        bound |= sqlite3_bind_int64(prepared, 5, sums[i].n);
        rc = sqlite_step_done(db, add, prepared, bound, err);
    }
    return rc;
}

static int day_of_cohort(struct sqlite_db *db, const struct breakdown_delta *delta, int64_t *ret_day, struct err *err) {
    static const struct statement day = {
        .name = "day of a cohort",
        .sql = "SELECT day FROM cohorts WHERE organization_id = ?1 AND id = ?2",
    };
    sqlite3_stmt *prepared;
    int rc = sqlite_prepare(db, &day, &prepared, err);
    if (rc < 0) return rc;
    int bound = sqlite3_bind_int64(prepared, 1, delta->organization_id);
    bound |= sqlite3_bind_int64(prepared, 2, delta->cohort_id);
    rc = sqlite_step_row(db, &day, prepared, bound, err);
    if (rc <= 0) return rc;
    *ret_day = sqlite3_column_int64(prepared, 0);
    sqlite3_reset(prepared);
    return 1;
}

/* The kinds that are kept by day as well, with the day in the place of the cohort. Sorted by cohort, so each cohort is
 * looked up once. Reuses `sums`. */
static int fold_into_days(struct sqlite_db *db, struct breakdown_delta *sums, size_t count, struct err *err) {
    size_t found = 0;
    int64_t day = 0, organization_id = 0, cohort_id = 0;
    bool known = false;
    for (size_t i = 0; i < count; i++) {
        if (sums[i].kind != BREAKDOWN_OPEN_DELAY && sums[i].kind != BREAKDOWN_AGGREGATE) continue;
        if (sums[i].organization_id != organization_id || sums[i].cohort_id != cohort_id) {
            int rc = day_of_cohort(db, &sums[i], &day, err);
            if (rc < 0) return rc;
            known = rc == 1;
            organization_id = sums[i].organization_id;
            cohort_id = sums[i].cohort_id;
        }
        if (!known) continue;
        sums[found] = sums[i];
        sums[found++].cohort_id = day;
    }
    found = merge_breakdowns(sums, found);
    return add_breakdowns(db, &add_day_breakdown, sums, found, err);
}

static int fold_breakdown_deltas(struct sqlite_db *db, size_t limit, struct arena *arena, int64_t *folded,
                                 struct err *err) {
    static const struct statement removal = {
        .name = "remove breakdown changes",
        .sql = "DELETE FROM breakdown_deltas WHERE id <= $1",
    };
    struct breakdown_delta *deltas = arena_alloc_array(arena, limit, sizeof(*deltas));
    size_t count;
    int64_t last;
    int rc = read_breakdown_deltas(db, deltas, limit, &count, &last, err);
    if (rc < 0 || count == 0) return rc;
    size_t merged = merge_breakdowns(deltas, count);
    rc = add_breakdowns(db, &add_breakdown, deltas, merged, err);
    if (rc == 0) rc = fold_into_days(db, deltas, merged, err);
    if (rc == 0) rc = db_run(&db->base, &removal, DB_VALUES(db_int(last)), NULL, err);
    if (rc == 0) *folded += (int64_t)count;
    return rc;
}

int sqlite_fold(struct db *base, size_t limit, int64_t *ret_folded, struct err *err) {
    struct sqlite_db *db = sqlite_db_of(base);
    struct arena *arena = arena_new();
    int64_t folded = 0;
    int rc = fold_cohort_deltas(db, limit, arena, &folded, err);
    if (rc == 0) rc = fold_breakdown_deltas(db, limit, arena, &folded, err);
    if (rc == 0) *ret_folded = folded;
    arena_free(arena);
    return rc;
}
