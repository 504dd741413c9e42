/* Folding of the changes of totals in PostgreSQL: each step one statement over all rows that were picked. */
#include "store/postgres.h"

#include <stdlib.h>

#include "base/arena.h"
#include "store/contribution_sql.h"

#include "base/banned.h"

/* The oldest rows are picked and then worked on. Rows with smaller ids may become visible in between, so each is named
 * ($1), and a lock lets one connection fold at a time: two would add to the same totals in different orders. */
#define PICKED(id) id " IN " DB_LIST_POSTGRES("$1")
#define PICK(table)                                                                                                    \
    "SELECT id FROM " table                                                                                            \
    ", (SELECT pg_try_advisory_xact_lock(hashtextextended('inkling fold', 0)) AS mine OFFSET 0) AS lock "              \
    "WHERE lock.mine ORDER BY id LIMIT $1"

#define NAME(field)             #field
#define SUM(field)              "sum(d." #field ") AS " #field
#define ADD_COHORT(field)       #field " = cohorts." #field " + d." #field
#define ADD_DAY(field)          #field " = day_totals." #field " + excluded." #field
#define ADD_ACTIVITY(field)     #field " = activity." #field " + excluded." #field
#define ADD_ACTIVITY_DAY(field) #field " = activity_days." #field " + excluded." #field

/* One delta table and how it is folded. */
struct fold {
    struct statement pick, add, add_days, add_activity, add_activity_days, remove; /* activity: of cohorts only */
};
/* clang-format off: SQL, a clause a line */
static const struct fold cohorts = {
    .pick = {.name = "pick cohort changes", .sql = PICK("cohort_deltas")},
    .add = {.name = "fold cohort changes",
            .sql = "UPDATE cohorts SET " CONTRIBUTION_SQL(ADD_COHORT) " FROM (SELECT d.organization_id, "
                                                                      "d.cohort_id, " CONTRIBUTION_SQL(
                                                                          SUM) " FROM cohort_deltas d "
                                                                               "WHERE " PICKED("d.id") " GROUP BY "
                                                                                                       "d."
                                                                                                       "organizatio"
                                                                                                       "n_id, "
                                                                                                       "d.cohort_"
                                                                                                       "id) AS d "
                                                                                                       "WHERE "
                                                                                                       "cohorts."
                                                                                                       "organizatio"
                                                                                                       "n_id = "
                                                                                                       "d."
                                                                                                       "organizatio"
                                                                                                       "n_id AND "
                                                                                                       "cohorts.id "
                                                                                                       "= "
                                                                                                       "d.cohort_"
                                                                                                       "id"},
    .add_days = {.name = "fold changes of days",
                 .sql = "INSERT INTO day_totals (organization_id, day, " CONTRIBUTION_SQL(
                     NAME) ") "
                           "SELECT d.organization_id, c.day, " CONTRIBUTION_SQL(
                               SUM) " FROM cohort_deltas d "
                                    "JOIN cohorts c ON c.organization_id = d.organization_id AND c.id = d.cohort_id "
                                    "WHERE " PICKED(
                                        "d.id") " GROUP BY d.organization_id, c.day "
                                                "ON CONFLICT (organization_id, day) DO UPDATE SET groups_stale "
                                                "= 1, " CONTRIBUTION_SQL(ADD_DAY)},
    .add_activity = {.name = "fold what happened",
                     .sql = "INSERT INTO activity (organization_id, day, cohort_id, " CONTRIBUTION_SQL(
                         NAME) ") "
                               "SELECT d.organization_id, d.day, d.cohort_id, " CONTRIBUTION_SQL(
                                   SUM) " FROM cohort_deltas d "
                                        "WHERE d.day IS NOT NULL AND " PICKED(
                                            "d.id") " GROUP BY d.organization_id, d.day, d.cohort_id "
                                                    "ON CONFLICT (organization_id, day, cohort_id) DO UPDATE "
                                                    "SET " CONTRIBUTION_SQL(ADD_ACTIVITY)},
    .add_activity_days =
        {.name = "fold what happened by day",
         .sql = "INSERT INTO activity_days (organization_id, day, " CONTRIBUTION_SQL(
             NAME) ") "
                   "SELECT d.organization_id, d.day, " CONTRIBUTION_SQL(
                       SUM) " FROM cohort_deltas d "
                            "WHERE d.day IS NOT NULL AND " PICKED(
                                "d.id") " GROUP BY d.organization_id, d.day "
                                        "ON CONFLICT (organization_id, day) DO UPDATE SET " CONTRIBUTION_SQL(
                                            ADD_ACTIVITY_DAY)},
    .remove = {.name = "remove cohort changes", .sql = "DELETE FROM cohort_deltas WHERE " PICKED("id")},
};
static const struct fold breakdowns = {
    .pick = {.name = "pick breakdown changes", .sql = PICK("breakdown_deltas")},
    .add = {.name = "fold breakdown changes",
            .sql = "INSERT INTO breakdowns (organization_id, cohort_id, kind, item, n) "
                   "SELECT organization_id, cohort_id, kind, item, sum(n) FROM breakdown_deltas "
                   "WHERE " PICKED("id") " GROUP BY organization_id, cohort_id, kind, item "
                                         "ON CONFLICT (organization_id, cohort_id, kind, item) DO UPDATE SET n = "
                                         "breakdowns.n + excluded.n"},
    .add_days = {.name = "fold breakdown changes of days",
                 .sql =
                     "INSERT INTO day_breakdowns (organization_id, day, kind, item, n) "
                     "SELECT d.organization_id, c.day, d.kind, d.item, sum(d.n) FROM breakdown_deltas d "
                     "JOIN cohorts c ON c.organization_id = d.organization_id AND c.id = d.cohort_id "
                     "WHERE d.kind IN (1, 5) AND " PICKED("d.id") " GROUP BY d.organization_id, c.day, d.kind, d.item "
                                                                  "ON CONFLICT (organization_id, day, kind, item) DO "
                                                                  "UPDATE SET n = day_breakdowns.n + excluded.n"},
    .remove = {.name = "remove breakdown changes", .sql = "DELETE FROM breakdown_deltas WHERE " PICKED("id")},
};
/* clang-format on */

static int pick(struct db *db, const struct statement *statement, size_t limit, int64_t *ids, size_t *ret_count,
                struct err *err) {
    struct db_rows *rows;
    int rc = db_query(db, statement, DB_VALUES(db_int((int64_t)limit)), &rows, err);
    if (rc < 0) return rc;
    size_t count = 0;
    while (count < limit && (rc = db_next(rows, err)) == 1)
        ids[count++] = db_column_int(rows, 0);
    db_rows_free(rows);
    if (rc < 0) return rc;
    *ret_count = count;
    return 0;
}

static int fold_table(struct db *db, const struct fold *fold, size_t limit, int64_t *ids, int64_t *folded,
                      struct err *err) {
    size_t count;
    int rc = pick(db, &fold->pick, limit, ids, &count, err);
    if (rc < 0 || count == 0) return rc;
    struct arena *arena = arena_new();
    struct db_value picked[] = {db_list(arena, ids, count)};
    rc = db_run(db, &fold->add, picked, 1, NULL, err);
    if (rc == 0) rc = db_run(db, &fold->add_days, picked, 1, NULL, err);
    if (rc == 0 && fold->add_activity.sql) rc = db_run(db, &fold->add_activity, picked, 1, NULL, err);
    if (rc == 0 && fold->add_activity.sql) rc = db_run(db, &fold->add_activity_days, picked, 1, NULL, err);
    /* What another connection has folded between our look and our lock is picked, but is no longer there. */
    int64_t removed = 0;
    if (rc == 0) rc = db_run(db, &fold->remove, picked, 1, &removed, err);
    if (rc == 0) *folded += removed;
    arena_free(arena);
    return rc;
}

int postgres_fold(struct db *db, size_t limit, int64_t *ret_folded, struct err *err) {
    struct arena *arena = arena_new();
    int64_t *ids = arena_alloc_array(arena, limit, sizeof(*ids));
    int64_t folded = 0;
    int rc = fold_table(db, &cohorts, limit, ids, &folded, err);
    if (rc == 0) rc = fold_table(db, &breakdowns, limit, ids, &folded, err);
    if (rc == 0) *ret_folded = folded;
    arena_free(arena);
    return rc;
}
