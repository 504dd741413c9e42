/* The totals of cohorts, breakdowns and days: changes are appended with the events and folded in here when there is
 * time. */
#include "store/engagement.h"

#include <stdlib.h>

#include "base/arena.h"
#include "store/db.h"

#include "base/banned.h"

/* The oldest rows are picked and then worked on. In SQLite, where nobody else writes meanwhile, they are all rows up to
 * the last one ($1). In PostgreSQL rows with smaller ids may become visible in between, so there each is named ($2),
 * and a lock lets one connection fold at a time: two would add to the same totals in different orders. */
#define PICKED(id)          id " <= $1 AND $2 <> ''"
#define PICKED_POSTGRES(id) id " <= $1 AND " id " IN " DB_LIST_POSTGRES("$2")
#define PICK(table)         "SELECT id FROM " table " ORDER BY id LIMIT $1"
#define PICK_POSTGRES(table)                                                                                           \
    "SELECT id FROM " table                                                                                            \
    ", (SELECT pg_try_advisory_xact_lock(hashtextextended('inkling fold', 0)) AS mine OFFSET 0) AS lock "              \
    "WHERE lock.mine ORDER BY id LIMIT $1"
#define REMOVE(table, picked) "DELETE FROM " table " WHERE " picked("id")

#define SUM(field) "sum(" #field ") AS " #field
#define ADD(field) #field " = cohorts." #field " + d." #field
/* clang-format off: SQL, a clause a line */
#define ALL(X)                                                                                                                                                                   \
    X(sent)                                                                                                                                                                      \
    ", " X(open_base) ", " X(click_base) ", " X(delivered) ", " X(opened) ", " X(clicked) ", " X(opened_or_clicked) ", " X(replied) ", " X(bounced) ", " X(bounced_hard) ", " X( \
        complained) ", " X(unsubscribed) ", " X(dropped) ", " X(opens) ", " X(clicks) ", " X(total_clicks) ", " X(machine_opens) ", " X(machine_clicks) ", " X(open_delay_ms)
_Static_assert(CONTRIBUTION_COUNT == 19, "ALL must name every field of struct contribution");

#define ADD_COHORTS(picked)                                                                                            \
    "UPDATE cohorts SET " ALL(                                                                                         \
        ADD) " "                                                                                                       \
             "FROM (SELECT organization_id, cohort_id, " ALL(                                                          \
                 SUM) " FROM cohort_deltas "                                                                           \
                      "WHERE " picked(                                                                                 \
                          "id") " GROUP BY organization_id, cohort_id) AS d "                                          \
                                "WHERE cohorts.organization_id = d.organization_id AND cohorts.id = d.cohort_id"
#define ADD_BREAKDOWNS(picked)                                                                                         \
    "INSERT INTO breakdowns (organization_id, cohort_id, kind, item, n) "                                              \
    "SELECT organization_id, cohort_id, kind, item, sum(n) FROM breakdown_deltas "                                     \
    "WHERE " picked(                                                                                                   \
        "id") " GROUP BY organization_id, cohort_id, kind, item "                                                      \
              "ON CONFLICT (organization_id, cohort_id, kind, item) DO UPDATE SET n = breakdowns.n + excluded.n"

/* The sums of whole days beside them. */
#define SUM_CHANGE(field) "sum(d." #field ")"
#define NAME(field)       #field
#define ADD_DAY(field)    #field " = day_totals." #field " + excluded." #field
#define ADD_DAYS(picked)                                                                                               \
    "INSERT INTO day_totals (organization_id, day, " ALL(                                                              \
        NAME) ") "                                                                                                     \
              "SELECT d.organization_id, c.day, " ALL(                                                                 \
                  SUM_CHANGE) " FROM cohort_deltas d "                                                                 \
                              "JOIN cohorts c ON c.organization_id = d.organization_id AND c.id = d.cohort_id "        \
                              "WHERE " picked(                                                                         \
                                  "d.id") " GROUP BY d.organization_id, c.day "                                        \
                                          "ON CONFLICT (organization_id, day) DO UPDATE SET groups_stale = 1, " ALL(   \
                                              ADD_DAY)
#define ADD_DAY_BREAKDOWNS(picked)                                                                                     \
    "INSERT INTO day_breakdowns (organization_id, day, kind, item, n) "                                                \
    "SELECT d.organization_id, c.day, d.kind, d.item, sum(d.n) FROM breakdown_deltas d "                               \
    "JOIN cohorts c ON c.organization_id = d.organization_id AND c.id = d.cohort_id "                                  \
    "WHERE d.kind IN (1, 5) AND " picked(                                                                              \
        "d.id") " GROUP BY d.organization_id, c.day, d.kind, d.item "                                                  \
                "ON CONFLICT (organization_id, day, kind, item) DO UPDATE SET n = day_breakdowns.n + excluded.n"
/* What happened on a day, of cohorts and of all. */
#define ADD_ACTIVITY(field) #field " = activity." #field " + excluded." #field
#define ADD_HAPPENED(picked)                                                                                           \
    "INSERT INTO activity (organization_id, day, cohort_id, " ALL(                                                     \
        NAME) ") "                                                                                                     \
              "SELECT organization_id, day, cohort_id, " ALL(                                                          \
                  SUM_PLAIN) " FROM cohort_deltas "                                                                    \
                             "WHERE day IS NOT NULL AND " picked(                                                      \
                                 "id") " GROUP BY organization_id, day, cohort_id "                                    \
                                       "ON CONFLICT (organization_id, day, cohort_id) DO UPDATE SET " ALL(             \
                                           ADD_ACTIVITY)
#define SUM_PLAIN(field)        "sum(" #field ")"
#define ADD_ACTIVITY_DAY(field) #field " = activity_days." #field " + excluded." #field
#define ADD_HAPPENED_DAYS(picked)                                                                                      \
    "INSERT INTO activity_days (organization_id, day, " ALL(                                                           \
        NAME) ") "                                                                                                     \
              "SELECT organization_id, day, " ALL(                                                                     \
                  SUM_PLAIN) " FROM cohort_deltas "                                                                    \
                             "WHERE day IS NOT NULL AND " picked(                                                      \
                                 "id") " GROUP BY organization_id, day "                                               \
                                       "ON CONFLICT (organization_id, day) DO UPDATE SET " ALL(ADD_ACTIVITY_DAY)
/* clang-format on */

/* One delta table and how it is folded. */
struct fold {
    struct statement pick, add, add_days, add_activity, add_activity_days, remove; /* activity: of cohorts only */
};
static const struct fold cohorts = {
    .pick = {.name = "pick cohort changes",
             .sql = PICK("cohort_deltas"),
             .sql_postgres = PICK_POSTGRES("cohort_deltas")},
    .add = {.name = "fold cohort changes", .sql = ADD_COHORTS(PICKED), .sql_postgres = ADD_COHORTS(PICKED_POSTGRES)},
    .add_days = {.name = "fold changes of days", .sql = ADD_DAYS(PICKED), .sql_postgres = ADD_DAYS(PICKED_POSTGRES)},
    .add_activity = {.name = "fold what happened",
                     .sql = ADD_HAPPENED(PICKED),
                     .sql_postgres = ADD_HAPPENED(PICKED_POSTGRES)},
    .add_activity_days = {.name = "fold what happened by day",
                          .sql = ADD_HAPPENED_DAYS(PICKED),
                          .sql_postgres = ADD_HAPPENED_DAYS(PICKED_POSTGRES)},
    .remove = {.name = "remove cohort changes",
               .sql = REMOVE("cohort_deltas", PICKED),
               .sql_postgres = REMOVE("cohort_deltas", PICKED_POSTGRES)},
};
static const struct fold breakdowns = {
    .pick = {.name = "pick breakdown changes",
             .sql = PICK("breakdown_deltas"),
             .sql_postgres = PICK_POSTGRES("breakdown_deltas")},
    .add = {.name = "fold breakdown changes",
            .sql = ADD_BREAKDOWNS(PICKED),
            .sql_postgres = ADD_BREAKDOWNS(PICKED_POSTGRES)},
    .add_days = {.name = "fold breakdown changes of days",
                 .sql = ADD_DAY_BREAKDOWNS(PICKED),
                 .sql_postgres = ADD_DAY_BREAKDOWNS(PICKED_POSTGRES)},
    .remove = {.name = "remove breakdown changes",
               .sql = REMOVE("breakdown_deltas", PICKED),
               .sql_postgres = REMOVE("breakdown_deltas", PICKED_POSTGRES)},
};

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
    struct db_value picked[] = {db_int(ids[count - 1]), db_list(arena, ids, count)};
    rc = db_run(db, &fold->add, picked, 2, NULL, err);
    if (rc == 0) rc = db_run(db, &fold->add_days, picked, 2, NULL, err);
    if (rc == 0 && fold->add_activity.sql) rc = db_run(db, &fold->add_activity, picked, 2, NULL, err);
    if (rc == 0 && fold->add_activity.sql) rc = db_run(db, &fold->add_activity_days, picked, 2, NULL, err);
    /* What another connection has folded between our look and our lock is picked, but is no longer there. */
    int64_t removed = 0;
    if (rc == 0) rc = db_run(db, &fold->remove, picked, 2, &removed, err);
    if (rc == 0) *folded += removed;
    arena_free(arena);
    return rc;
}

int engagement_fold(struct db *db, int64_t limit, int64_t *ret_folded, struct err *err) {
    size_t most = limit <= 0 ? 0 : limit < DB_LIST_MAX ? (size_t)limit : DB_LIST_MAX;
    struct arena *arena = arena_new();
    int64_t *ids = arena_alloc_array(arena, most, sizeof(*ids));
    int64_t folded = 0;
    int rc = fold_table(db, &cohorts, most, ids, &folded, err);
    if (rc == 0) rc = fold_table(db, &breakdowns, most, ids, &folded, err);
    if (rc == 0) *ret_folded = folded;
    arena_free(arena);
    return rc;
}

int engagement_fold_backlog(struct db *db, int64_t *ret_rows, struct err *err) {
    static const struct statement backlog = {
        .name = "changes not folded",
        .sql = "SELECT coalesce((SELECT max(id) FROM cohort_deltas) - (SELECT min(id) FROM cohort_deltas) + 1, 0) "
               "+ coalesce((SELECT max(id) FROM breakdown_deltas) - (SELECT min(id) FROM breakdown_deltas) + 1, 0)",
    };
    struct db_rows *rows;
    int rc = db_query_row(db, &backlog, NULL, 0, &rows, err);
    if (rc < 0) return rc;
    *ret_rows = rc == 1 ? db_column_int(rows, 0) : 0;
    db_rows_free(rc == 1 ? rows : NULL);
    return 0;
}
