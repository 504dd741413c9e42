#include "store/recount.h"

#include "base/arena.h"
#include "store/db.h"
#include "store/email_columns.h"

#include "base/banned.h"

/* SQLite sorts in temporary files only when told so; PostgreSQL always does, in portions of this size. */
static const struct statement sort_on_disk = {
    .name = "sort on disk",
    .sql = "PRAGMA temp_store = FILE",
    .sql_postgres = "SET work_mem = '64MB'",
};

static const struct statement select_organizations = {
    .name = "organizations",
    .sql =
        "SELECT organization_id, retention_days, time_zone, former_zones FROM organizations ORDER BY organization_id",
};

#define EMAILS(chain)                                                                                                  \
    "SELECT " EMAIL_STATS_COLUMNS ", s.last_event_at" chain " FROM email_stats s WHERE s.organization_id = $1"         \
    " ORDER BY s.cohort_id, s.email_log_id"
#define EVENTS(former)                                                                                                 \
    "SELECT COALESCE(s.cohort_id, 0) AS cohort_id, e.email_log_id, e.occurred_at, e.event_type, e.link_id,"            \
    " e.recipient_ref, e.verdict, e.bounce, " former " FROM email_engagement_events e"                                 \
    " LEFT JOIN email_stats s ON s.organization_id = e.organization_id AND s.email_log_id = e.email_log_id"            \
    " WHERE e.organization_id = $1 ORDER BY 1, 2, 3, 4, 5, 6"
#define COHORT_COLUMN(field) ", c." #field
#define DELTA_COLUMN(field)  ", d." #field

static const struct statement streams[RECOUNT_STREAMS] = {
    [RECOUNT_EMAILS] = {.name = "recount emails",
                        .sql = EMAILS(", 1"),
                        .sql_postgres = EMAILS(", 0"),
                        .many_rows = true},
    [RECOUNT_EVENTS] = {.name = "recount events",
                        .sql = EVENTS("e.prev_delta"),
                        .sql_postgres = EVENTS("NULL"),
                        .many_rows = true},
    [RECOUNT_LINKS] = {.name = "recount links",
                       .sql = "SELECT COALESCE(s.cohort_id, 0), l.email_log_id, l.link_id, l.clicked_at,"
                              " l.click_count, l.machine_click_count FROM email_links l LEFT JOIN email_stats s"
                              " ON s.organization_id = l.organization_id AND s.email_log_id = l.email_log_id"
                              " WHERE l.organization_id = $1 ORDER BY 1, 2, 3",
                       .many_rows = true},
    [RECOUNT_COHORTS] = {.name = "recount cohorts",
                         .sql = "SELECT c.id AS cohort_id, c.day" CONTRIBUTION_FIELDS(
                             COHORT_COLUMN) " FROM cohorts c WHERE c.organization_id = $1 UNION ALL"
                                            " SELECT d.cohort_id, NULL" CONTRIBUTION_FIELDS(
                                                DELTA_COLUMN) " FROM cohort_deltas d WHERE d.organization_id = $1"
                                                              " ORDER BY 1",
                         .many_rows = true},
    [RECOUNT_BREAKDOWNS] = {.name = "recount breakdowns",
                            .sql = "SELECT b.cohort_id, b.kind, b.item, b.n FROM breakdowns b"
                                   " WHERE b.organization_id = $1 AND b.kind <> 5 UNION ALL"
                                   " SELECT d.cohort_id, d.kind, d.item, d.n FROM breakdown_deltas d"
                                   " WHERE d.organization_id = $1 AND d.kind <> 5 ORDER BY 1, 2, 3",
                            .many_rows = true},
    [RECOUNT_ACTIVITY] = {.name = "recount activity",
                          .sql = "SELECT c.cohort_id, c.day" CONTRIBUTION_FIELDS(
                              COHORT_COLUMN) " FROM activity c WHERE c.organization_id = $1 UNION ALL"
                                             " SELECT d.cohort_id, d.day" CONTRIBUTION_FIELDS(
                                                 DELTA_COLUMN) " FROM cohort_deltas d WHERE d.organization_id = $1"
                                                               " AND d.day IS NOT NULL ORDER BY 1, 2",
                          .many_rows = true},
};

#define SUM_COLUMN(field)     ", CAST(SUM(x." #field ") AS BIGINT)"
#define SUM_OF_COHORTS(field) ", SUM(c." #field ") AS " #field
#define LESS_OF_DAY(field)    ", -t." #field
#define OR_DIFFERS(field)     " OR SUM(x." #field ") <> 0"
#define DIFFERING(parts, days)                                                                                         \
    "SELECT x.day" CONTRIBUTION_FIELDS(SUM_COLUMN) " FROM (SELECT c.day" CONTRIBUTION_FIELDS(                          \
        SUM_OF_COHORTS) " FROM " parts                                                                                 \
                        " c WHERE c.organization_id = $1 GROUP BY c.day UNION ALL SELECT t.day" CONTRIBUTION_FIELDS(   \
                            LESS_OF_DAY) " FROM " days " t WHERE t.organization_id = $1) x GROUP BY x.day"             \
                                         " HAVING 1 = 0" CONTRIBUTION_FIELDS(OR_DIFFERS) " ORDER BY x.day"
static const struct statement differing_days = {.name = "differing days", .sql = DIFFERING("cohorts", "day_totals")};
static const struct statement differing_activity_days = {.name = "differing days of activity",
                                                         .sql = DIFFERING("activity", "activity_days")};
static const struct statement differing_day_breakdowns = {
    .name = "differing breakdowns of days",
    .sql = "SELECT x.day, x.kind, x.item, CAST(SUM(x.n) AS BIGINT) FROM (SELECT c.day, b.kind, b.item, SUM(b.n) AS n"
           " FROM cohorts c CROSS JOIN breakdowns b WHERE c.organization_id = $1 AND b.organization_id = $1"
           " AND b.cohort_id = c.id AND b.kind IN (1, 5) GROUP BY c.day, b.kind, b.item UNION ALL"
           " SELECT t.day, t.kind, t.item, -t.n FROM day_breakdowns t WHERE t.organization_id = $1) x"
           " GROUP BY x.day, x.kind, x.item HAVING SUM(x.n) <> 0 ORDER BY x.day, x.kind, x.item",
    .many_rows = true,
};

/* Days that are marked as stale are nobody's source. */
#define GROUPS_OF(kind, column)                                                                                        \
    "SELECT c.day, " kind " AS kind, " column " AS item" CONTRIBUTION_FIELDS(                                          \
        SUM_OF_COHORTS) " FROM cohorts c"                                                                              \
                        " JOIN day_totals t ON t.organization_id = $1 AND t.day = c.day AND t.groups_stale = 0"        \
                        " WHERE c.organization_id = $1 GROUP BY c.day, " column " UNION ALL "
static const struct statement differing_groups = {
    .name = "differing groups of days",
    .sql = "SELECT x.day" CONTRIBUTION_FIELDS(SUM_COLUMN) ", x.kind, x.item FROM (" GROUPS_OF("1", "c.job_id")
        GROUPS_OF("2", "c.template_id")
            GROUPS_OF("3", "c.campaign_id") "SELECT t.day, t.kind, t.item" CONTRIBUTION_FIELDS(
                LESS_OF_DAY) " FROM day_groups t JOIN day_totals d ON d.organization_id = $1 AND d.day = t.day"
                             " AND d.groups_stale = 0 WHERE t.organization_id = $1) x GROUP BY x.day, x.kind, x.item"
                             " HAVING 1 = 0" CONTRIBUTION_FIELDS(OR_DIFFERS) " ORDER BY x.day, x.kind, x.item",
    .many_rows = true,
};

int recount_prepare(struct db *db, struct err *err) {
    return db_run(db, &sort_on_disk, NULL, 0, NULL, err);
}

int recount_organizations(struct db *db, struct arena *arena, struct recount_organization **ret, size_t *ret_count,
                          struct err *err) {
    struct db_rows *rows;
    int result = db_query(db, &select_organizations, NULL, 0, &rows, err);
    if (result < 0) return result;
    struct recount_organization *organizations = NULL;
    size_t count = 0, capacity = 0;
    while ((result = db_next(rows, err)) > 0) {
        if (count == capacity) {
            capacity = capacity ? 2 * capacity : 16;
            struct recount_organization *grown = arena_alloc_array(arena, capacity, sizeof(*grown));
            if (count > 0) memcpy(grown, organizations, count * sizeof(*grown));
            organizations = grown;
        }
        organizations[count++] = (struct recount_organization){
            .id = db_column_int(rows, 0),
            .retention_days = db_column_int(rows, 1),
            .days = {.time_zone = arena_copy(arena, db_column_text(rows, 2)),
                     .former = arena_copy(arena, db_column_text(rows, 3))},
        };
    }
    db_rows_free(rows);
    if (result < 0) return result;
    *ret = organizations;
    *ret_count = count;
    return 0;
}

int recount_open(struct db *db, enum recount_stream stream, int64_t organization_id, struct db_rows **ret,
                 struct err *err) {
    return db_query(db, &streams[stream], DB_VALUES(db_int(organization_id)), ret, err);
}

void recount_email(const struct db_rows *rows, struct recount_email *ret) {
    email_stats_read(rows, 0, &ret->stats);
    ret->stats.last_event_at = db_column_int_or(rows, EMAIL_STATS_COLUMN_COUNT, TIME_UNSET);
    ret->has_chain = db_column_int(rows, EMAIL_STATS_COLUMN_COUNT + 1) != 0;
}

void recount_event(const struct db_rows *rows, struct recount_event *ret) {
    *ret = (struct recount_event){
        .cohort_id = db_column_int(rows, 0),
        .key = {.email_log_id = db_column_int(rows, 1),
                .occurred_at = db_column_int(rows, 2),
                .event_type = db_column_int(rows, 3),
                .link_id = db_column_int(rows, 4),
                .recipient_ref = db_column_int(rows, 5)},
        .verdict = (enum verdict)db_column_int(rows, 6),
        .bounce = (enum bounce_kind)db_column_int(rows, 7),
        .has_former = !db_is_null(rows, 8),
    };
    if (ret->has_former) ret->former_at = ret->key.occurred_at - db_column_int(rows, 8);
}

void recount_link(const struct db_rows *rows, struct recount_link *ret) {
    link_stats_init(&ret->stats);
    ret->cohort_id = db_column_int(rows, 0);
    ret->stats.email_log_id = db_column_int(rows, 1);
    ret->stats.link_id = db_column_int(rows, 2);
    ret->stats.clicked_at = db_column_int_or(rows, 3, TIME_UNSET);
    ret->stats.click_count = db_column_int(rows, 4);
    ret->stats.machine_click_count = db_column_int(rows, 5);
}

void recount_cohort(const struct db_rows *rows, struct recount_cohort *ret) {
    int column = 2;
    ret->cohort_id = db_column_int(rows, 0);
    ret->has_day = !db_is_null(rows, 1);
    ret->day = db_column_int(rows, 1);
#define READ_COLUMN(field) ret->sums.field = db_column_int(rows, column++);
    CONTRIBUTION_FIELDS(READ_COLUMN)
#undef READ_COLUMN
}

void recount_activity(const struct db_rows *rows, struct recount_activity *ret) {
    int column = 2;
    ret->cohort_id = db_column_int(rows, 0);
    ret->day = db_column_int(rows, 1);
#define READ_COLUMN(field) ret->sums.field = db_column_int(rows, column++);
    CONTRIBUTION_FIELDS(READ_COLUMN)
#undef READ_COLUMN
}

void recount_breakdown(const struct db_rows *rows, struct recount_breakdown *ret) {
    *ret = (struct recount_breakdown){
        .cohort_id = db_column_int(rows, 0),
        .kind = db_column_int(rows, 1),
        .item = db_column_int(rows, 2),
        .n = db_column_int(rows, 3),
    };
}

int recount_days(struct db *db, int64_t organization_id, struct db_rows **ret, struct err *err) {
    return db_query(db, &differing_days, DB_VALUES(db_int(organization_id)), ret, err);
}

int recount_activity_days(struct db *db, int64_t organization_id, struct db_rows **ret, struct err *err) {
    return db_query(db, &differing_activity_days, DB_VALUES(db_int(organization_id)), ret, err);
}

void recount_day(const struct db_rows *rows, int32_t *ret_day, struct contribution *ret_difference) {
    int column = 1;
    *ret_day = (int32_t)db_column_int(rows, 0);
#define READ_COLUMN(field) ret_difference->field = db_column_int(rows, column++);
    CONTRIBUTION_FIELDS(READ_COLUMN)
#undef READ_COLUMN
}

int recount_groups(struct db *db, int64_t organization_id, struct db_rows **ret, struct err *err) {
    return db_query(db, &differing_groups, DB_VALUES(db_int(organization_id)), ret, err);
}

void recount_group(const struct db_rows *rows, int64_t *ret_kind, int64_t *ret_item) {
    *ret_kind = db_column_int(rows, 1 + CONTRIBUTION_COUNT);
    *ret_item = db_column_int(rows, 2 + CONTRIBUTION_COUNT);
}

int recount_day_breakdowns(struct db *db, int64_t organization_id, struct db_rows **ret, struct err *err) {
    return db_query(db, &differing_day_breakdowns, DB_VALUES(db_int(organization_id)), ret, err);
}

void recount_day_breakdown(const struct db_rows *rows, int32_t *ret_day, struct recount_breakdown *ret) {
    *ret_day = (int32_t)db_column_int(rows, 0);
    *ret = (struct recount_breakdown){
        .kind = db_column_int(rows, 1), .item = db_column_int(rows, 2), .n = db_column_int(rows, 3)};
}
