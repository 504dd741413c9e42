/* The sums of days by job, template and campaign (table day_groups). Keeping them with every fold would cost three more
 * rows for each that is folded; a fold only marks the day instead, and whole days are made anew when there is time.
 * Whoever reads takes marked days from their cohorts. */
#include "store/engagement.h"

#include "store/db.h"

#include "base/banned.h"

#define DAYS_MAX 64

/* Nobody folds meanwhile: in PostgreSQL by the lock that folding takes (postgres_fold.c). The oldest days first: they
 * are the least likely to change again. */
static const struct statement pick = {
    .name = "pick stale days",
    .sql = "SELECT organization_id, day FROM day_totals WHERE groups_stale <> 0 ORDER BY day LIMIT $1",
    .sql_postgres = "SELECT organization_id, day FROM day_totals, (SELECT "
                    "pg_try_advisory_xact_lock(hashtextextended('inkling fold',"
                    " 0)) AS mine OFFSET 0) AS lock WHERE lock.mine AND groups_stale <> 0 ORDER BY day LIMIT $1",
};
static const struct statement clear = {
    .name = "clear groups of a day",
    .sql = "DELETE FROM day_groups WHERE organization_id = $1 AND day = $2",
};
#define NAME(field)  ", " #field
#define TOTAL(field) ", SUM(c." #field ")"
#define GATHER(kind, column)                                                                                           \
    "INSERT INTO day_groups (organization_id, day, kind, item" CONTRIBUTION_FIELDS(                                    \
        NAME) ") SELECT c.organization_id, c.day, " kind ", " column                                                   \
    CONTRIBUTION_FIELDS(                                                                                               \
        TOTAL) " FROM cohorts c"                                                                                       \
               " WHERE c.organization_id = $1 AND c.day = $2 GROUP BY c.organization_id, c.day, " column
static const struct statement gather[] = {
    {.name = "gather jobs of a day", .sql = GATHER("1", "c.job_id")},
    {.name = "gather templates of a day", .sql = GATHER("2", "c.template_id")},
    {.name = "gather campaigns of a day", .sql = GATHER("3", "c.campaign_id")},
};
static const struct statement mark_fresh = {
    .name = "mark a day as gathered",
    .sql = "UPDATE day_totals SET groups_stale = 0 WHERE organization_id = $1 AND day = $2",
};

static int gather_day(struct db *db, const int64_t day[2], struct err *err) {
    const struct db_value values[] = {db_int(day[0]), db_int(day[1])};
    int result = db_run(db, &clear, values, 2, NULL, err);
    for (size_t i = 0; i < sizeof(gather) / sizeof(gather[0]) && result == 0; i++)
        result = db_run(db, &gather[i], values, 2, NULL, err);
    return result == 0 ? db_run(db, &mark_fresh, values, 2, NULL, err) : result;
}

int engagement_gather_groups(struct db *db, size_t limit, size_t *ret_days, struct err *err) {
    int64_t days[DAYS_MAX][2];
    size_t count = 0, most = limit < DAYS_MAX ? limit : DAYS_MAX;
    struct db_rows *rows;
    int result = db_query(db, &pick, DB_VALUES(db_int((int64_t)most)), &rows, err);
    if (result < 0) return result;
    while (count < most && (result = db_next(rows, err)) > 0) {
        days[count][0] = db_column_int(rows, 0);
        days[count++][1] = db_column_int(rows, 1);
    }
    db_rows_free(rows);
    if (result > 0) result = 0;
    for (size_t i = 0; i < count && result == 0; i++)
        result = gather_day(db, days[i], err);
    if (result == 0) *ret_days = count;
    return result;
}
