#include "store/reports.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/memory.h"
#include "store/db.h"
#include "store/rows.h"
#include "store/visible.h"

#include "base/banned.h"

/* ---- statements ----
 * Totals are stored (of cohorts, or of whole days where a report is of all emails) and the changes that wait come on
 * top. Each part is summed by an expression over the cohort or day, the key, before both are added. $1 organization, $2
 * and $3 days, $4 to $7 job, template, campaign, sender (REPORT_ANY: no condition), $8 whose jobs (visible.h). CROSS
 * JOIN keeps SQLite to the order written: cohorts of the days first and their rows after; changes first, for they are
 * few. */

#define FILTER " c.day >= $2 AND c.day <= $3 AND" COHORT_FILTER
#define COHORT_FILTER                                                                                                  \
    " c.organization_id = $1 AND (CAST($4 AS BIGINT) = 0 OR c.job_id = $4) AND (CAST($5 AS BIGINT) = 0 OR "            \
    "c.template_id = $5)"                                                                                              \
    " AND (CAST($6 AS BIGINT) = 0 OR c.campaign_id = $6) AND (CAST($7 AS BIGINT) = 0 OR c.sender_id = $7)"             \
    " AND " JOB_VISIBLE("$8", "c.job_id")
#define FILTER_VALUES 8

#define SUM_OF_COHORTS(field) ", SUM(c." #field ") AS " #field
#define SUM_OF_DELTAS(field)  ", SUM(d." #field ") AS " #field
#define SUM_OF_PARTS(field)   ", CAST(SUM(x." #field ") AS BIGINT) AS " #field
#define OF_COHORTS(key)                                                                                                \
    "SELECT " key " AS key" CONTRIBUTION_FIELDS(SUM_OF_COHORTS) " FROM cohorts c WHERE" FILTER " GROUP BY key"
#define OF_DAYS(key)                                                                                                   \
    "SELECT " key " AS key" CONTRIBUTION_FIELDS(                                                                       \
        SUM_OF_COHORTS) " FROM day_totals c"                                                                           \
                        " WHERE c.organization_id = $1 AND c.day >= $2 AND c.day <= $3 GROUP BY key"
/* By job, template or campaign: from the sums of the days where they are right, from the cohorts of the other days. */
#define OF_DAYS_IN(condition)                                                                                          \
    " FROM day_totals t CROSS JOIN " condition                                                                         \
    " AND t.organization_id = $1 AND t.day >= $2 AND t.day <= $3 AND c.organization_id = $1 AND c.day = t.day"         \
    " GROUP BY key"
#define OF_GATHERED(key, kind)                                                                                         \
    "SELECT c.item AS key" CONTRIBUTION_FIELDS(SUM_OF_COHORTS) OF_DAYS_IN(                                             \
        "day_groups c WHERE t.groups_stale = 0 AND c.kind = " kind) " UNION ALL SELECT " key                           \
                                                                    " AS key" CONTRIBUTION_FIELDS(SUM_OF_COHORTS)      \
                                                                        OF_DAYS_IN(                                    \
                                                                            "cohorts c WHERE t.groups_stale <> 0")
#define OF_GATHERED_JOBS(key)      OF_GATHERED(key, "1")
#define OF_GATHERED_TEMPLATES(key) OF_GATHERED(key, "2")
#define OF_GATHERED_CAMPAIGNS(key) OF_GATHERED(key, "3")
#define SUMS(totals, key)                                                                                              \
    "SELECT x.key AS key" CONTRIBUTION_FIELDS(SUM_OF_PARTS) " FROM (" totals(                                          \
        key) " UNION ALL SELECT " key                                                                                  \
             " AS key" CONTRIBUTION_FIELDS(                                                                            \
                 SUM_OF_DELTAS) " FROM cohort_deltas d CROSS JOIN cohorts c"                                           \
                                " WHERE d.organization_id = $1 AND c.id = d.cohort_id AND" FILTER                      \
                                " GROUP BY key) x GROUP BY x.key"

/* The same of what happened in the period: h is activity, activity_days or changes not folded in, c the cohort. */
#define SUM_OF_HAPPENED(field) ", SUM(h." #field ") AS " #field
#define HAPPENED(table, key)                                                                                           \
    "SELECT " key " AS key" CONTRIBUTION_FIELDS(                                                                       \
        SUM_OF_HAPPENED) " FROM " table " h CROSS JOIN cohorts c WHERE h.organization_id = $1 AND h.day >= $2"         \
                         " AND h.day <= $3 AND c.id = h.cohort_id AND" COHORT_FILTER " GROUP BY key"
#define HAPPENED_ALL(table, key)                                                                                       \
    "SELECT " key                                                                                                      \
    " AS key" CONTRIBUTION_FIELDS(SUM_OF_HAPPENED) " FROM " table                                                      \
                                                   " h WHERE h.organization_id = $1 AND h.day >= $2 AND h.day <= $3"   \
                                                   " AND CAST($4 AS BIGINT) + $5 + $6 + $7 + $8 = 0 GROUP BY key"
#define ADDED(totals, changes)                                                                                         \
    "SELECT x.key AS key" CONTRIBUTION_FIELDS(SUM_OF_PARTS) " FROM (" totals " UNION ALL " changes ") x GROUP BY "     \
                                                            "x.key"
#define ACTIVITY(key)     ADDED(HAPPENED("activity", key), HAPPENED("cohort_deltas", key))
#define ACTIVITY_ALL(key) ADDED(HAPPENED_ALL("activity_days", key), HAPPENED_ALL("cohort_deltas", key))

#define COHORT_BREAKDOWNS(key, kinds)                                                                                  \
    "SELECT " key " AS key, b.kind, b.item, SUM(b.n) AS n FROM cohorts c CROSS JOIN breakdowns b WHERE" FILTER         \
    " AND b.organization_id = $1 AND b.cohort_id = c.id AND b.kind IN (" kinds ") GROUP BY key, b.kind, b.item"
#define DAY_BREAKDOWNS(key, kinds)                                                                                     \
    "SELECT " key " AS key, c.kind, c.item, SUM(c.n) AS n FROM day_breakdowns c WHERE c.organization_id = $1"          \
    " AND c.day >= $2 AND c.day <= $3 AND c.kind IN (" kinds ") GROUP BY key, c.kind, c.item"
#define BREAKDOWNS(totals, key, kinds)                                                                                 \
    totals(key,                                                                                                        \
           kinds) " UNION ALL SELECT " key " AS key, d.kind, d.item, SUM(d.n) AS n FROM breakdown_deltas d"            \
                  " CROSS JOIN cohorts c WHERE d.organization_id = $1 AND c.id = d.cohort_id AND d.kind IN (" kinds    \
                  ") AND" FILTER " GROUP BY key, d.kind, d.item"
/* BREAKDOWN_OPEN_DELAY and BREAKDOWN_AGGREGATE. */
#define DELAYS(totals, key)                                                                                            \
    "SELECT x.key, x.kind, x.item, CAST(SUM(x.n) AS BIGINT) FROM (" BREAKDOWNS(                                        \
        totals, key, "1, 5") ") x"                                                                                     \
                             " GROUP BY x.key, x.kind, x.item ORDER BY x.key, x.kind, x.item"

/* Adds the names of the rows of `page`, a query that gives a key, the sums and what `order` needs. */
#define NAMED(page, table, order)                                                                                      \
    "SELECT g.*, n.external_id, n.name FROM (" page ") g"                                                              \
    " LEFT JOIN " table " n ON n.organization_id = $1 AND n.id = g.key ORDER BY " order

/* $9 limit, $10 rank and $11 id of the row before; $10 NULL: from the start. */
#define GROUPS_OF(sums, rank, table)                                                                                   \
    NAMED("SELECT * FROM (SELECT s.*, " rank " AS position FROM (" sums ") s) y WHERE y.position > 0"                  \
          " AND (CAST($10 AS BIGINT) IS NULL OR y.position < $10 OR (y.position = $10 AND y.key < CAST($11 AS "        \
          "BIGINT))) ORDER BY y.position DESC, y.key DESC LIMIT $9",                                                   \
          table, "g.position DESC, g.key DESC")
#define GROUPS_BY(totals, key, table) GROUPS_OF(SUMS(totals, key), "s.sent", table)
#define GROUPS_HAPPENED(key, table)                                                                                    \
    GROUPS_OF(ACTIVITY(key),                                                                                           \
              "s.sent + s.delivered + s.opened + s.clicked + s.replied + s.bounced + s.complained + s.unsubscribed"    \
              " + s.dropped + s.opens + s.total_clicks + s.machine_opens + s.machine_clicks",                          \
              table)

/* $9 limit, $10 enum report_rank, $11 the least base. */
#define RANKED(opened, clicked, replied)                                                                               \
    "CASE CAST($10 AS BIGINT) WHEN 1 THEN y." opened " WHEN 2 THEN y." clicked " ELSE y." replied " END"
#define TOP_BY(totals, key, table)                                                                                     \
    NAMED("SELECT * FROM (SELECT y.*, " RANKED("opened", "clicked", "replied") " AS part, " RANKED(                    \
              "open_base", "click_base",                                                                               \
              "sent") " AS base FROM (" SUMS(totals, key) ") y"                                                        \
                                                          " WHERE y.key <> 0) z WHERE z.base >= CAST($11 AS BIGINT)"   \
                                                          " ORDER BY CAST(z.part AS DOUBLE PRECISION) / z.base "       \
                                                          "DESC, z.base DESC, z.key DESC LIMIT $9",                    \
          table, "CAST(g.part AS DOUBLE PRECISION) / g.base DESC, g.base DESC, g.key DESC")

/* The same columns; $11 is not used. */
#define TOP_HAPPENED(key, table)                                                                                       \
    NAMED("SELECT * FROM (SELECT y.*, " RANKED(                                                                        \
              "opened", "clicked",                                                                                     \
              "replied") " AS part, y.sent AS base FROM (" ACTIVITY(key) ") y WHERE y.key <> 0) "                      \
                                                                         "z WHERE z.part > 0 AND $11 = $11"            \
                                                                         " ORDER BY z.part DESC, z.key DESC LIMIT $9", \
          table, "g.part DESC, g.key DESC")

/* Of all emails (the totals of days), or of those of a filter. */
enum { OF_ALL, OF_SOME };
#define NO_DELAYS                                                                                                      \
    { .sql = NULL }
static const struct {
    struct statement sums, delays;
} totals[2][2] = {
    [REPORT_COHORT] = {[OF_ALL] = {{.name = "totals of all", .sql = SUMS(OF_DAYS, "0")},
                                   {.name = "delays of all", .sql = DELAYS(DAY_BREAKDOWNS, "0")}},
                       [OF_SOME] = {{.name = "totals", .sql = SUMS(OF_COHORTS, "0")},
                                    {.name = "delays", .sql = DELAYS(COHORT_BREAKDOWNS, "0")}}},
    [REPORT_ACTIVITY] = {[OF_ALL] = {{.name = "activity of all", .sql = ACTIVITY_ALL("0")}, NO_DELAYS},
                         [OF_SOME] = {{.name = "activity", .sql = ACTIVITY("0")}, NO_DELAYS}},
};
static const struct {
    struct statement sums, delays;
} by_day[2][2] = {
    [REPORT_COHORT] = {[OF_ALL] = {{.name = "days of all", .sql = SUMS(OF_DAYS, "c.day") " ORDER BY x.key"},
                                   {.name = "delays by day of all", .sql = DELAYS(DAY_BREAKDOWNS, "c.day")}},
                       [OF_SOME] = {{.name = "days", .sql = SUMS(OF_COHORTS, "c.day") " ORDER BY x.key"},
                                    {.name = "delays by day", .sql = DELAYS(COHORT_BREAKDOWNS, "c.day")}}},
    [REPORT_ACTIVITY] = {[OF_ALL] = {{.name = "activity by day of all", .sql = ACTIVITY_ALL("h.day") " ORDER BY x.key"},
                                     NO_DELAYS},
                         [OF_SOME] = {{.name = "activity by day", .sql = ACTIVITY("h.day") " ORDER BY x.key"},
                                      NO_DELAYS}},
};
static const struct statement groups[][3] = {
    [OF_ALL] =
        {
            [REPORT_BY_JOB] = {.name = "report by job of all", .sql = GROUPS_BY(OF_GATHERED_JOBS, "c.job_id", "jobs")},
            [REPORT_BY_TEMPLATE] = {.name = "report by template of all",
                                    .sql = GROUPS_BY(OF_GATHERED_TEMPLATES, "c.template_id", "templates")},
            [REPORT_BY_CAMPAIGN] = {.name = "report by campaign of all",
                                    .sql = GROUPS_BY(OF_GATHERED_CAMPAIGNS, "c.campaign_id", "campaigns")},
        },
    [OF_SOME] =
        {
            [REPORT_BY_JOB] = {.name = "report by job", .sql = GROUPS_BY(OF_COHORTS, "c.job_id", "jobs")},
            [REPORT_BY_TEMPLATE] = {.name = "report by template",
                                    .sql = GROUPS_BY(OF_COHORTS, "c.template_id", "templates")},
            [REPORT_BY_CAMPAIGN] = {.name = "report by campaign",
                                    .sql = GROUPS_BY(OF_COHORTS, "c.campaign_id", "campaigns")},
        },
};
static const struct statement groups_happened[] = {
    [REPORT_BY_JOB] = {.name = "activity by job", .sql = GROUPS_HAPPENED("c.job_id", "jobs")},
    [REPORT_BY_TEMPLATE] = {.name = "activity by template", .sql = GROUPS_HAPPENED("c.template_id", "templates")},
    [REPORT_BY_CAMPAIGN] = {.name = "activity by campaign", .sql = GROUPS_HAPPENED("c.campaign_id", "campaigns")},
};
static const struct statement top_happened = {.name = "top templates by activity",
                                              .sql = TOP_HAPPENED("c.template_id", "templates")};
static const struct statement top_templates[] = {
    [OF_ALL] = {.name = "top templates of all", .sql = TOP_BY(OF_GATHERED_TEMPLATES, "c.template_id", "templates")},
    [OF_SOME] = {.name = "top templates", .sql = TOP_BY(OF_COHORTS, "c.template_id", "templates")},
};

/* BREAKDOWN_LINK_EMAILS, _CLICKS and _MACHINE_CLICKS. $9 to $11 as in GROUPS_BY. */
static const struct statement link_page = {
    .name = "report links",
    .sql = "SELECT g.item, g.emails, g.clicks, g.machine_clicks, l.url, l.position, "
           "(SELECT t.text FROM link_texts t WHERE t.organization_id = l.organization_id AND t.link_hash = l.link_hash"
           " AND t.link_check = l.link_check ORDER BY +t.created_at DESC LIMIT 1)" /* +: by link, not by time */
           " FROM (SELECT * FROM (SELECT x.item,"
           " CAST(SUM(CASE WHEN x.kind = 2 THEN x.n ELSE 0 END) AS BIGINT) AS emails,"
           " CAST(SUM(CASE WHEN x.kind = 3 THEN x.n ELSE 0 END) AS BIGINT) AS clicks,"
           " CAST(SUM(CASE WHEN x.kind = 4 THEN x.n ELSE 0 END) AS BIGINT) AS machine_clicks"
           " FROM (" BREAKDOWNS(COHORT_BREAKDOWNS, "0",
                                "2, 3, 4") ") x GROUP BY x.item) y"
                                           " WHERE (y.clicks > 0 OR y.machine_clicks > 0)"
                                           " AND (CAST($10 AS BIGINT) IS NULL OR y.emails < $10 OR "
                                           "(y.emails = $10 AND y.item < CAST($11 AS BIGINT)))"
                                           " ORDER BY y.emails DESC, y.item DESC LIMIT $9) g"
                                           " LEFT JOIN links l ON l.organization_id = $1 AND l.id "
                                           "= g.item ORDER BY g.emails DESC, g.item DESC",
};

static const struct statement find_reference[] = {
    [REPORT_JOB] = {.name = "find job", .sql = "SELECT id FROM jobs WHERE organization_id = $1 AND external_id = $2"},
    [REPORT_TEMPLATE] = {.name = "find template",
                         .sql = "SELECT id FROM templates WHERE organization_id = $1 AND external_id = $2"},
    [REPORT_CAMPAIGN] = {.name = "find campaign",
                         .sql = "SELECT id FROM campaigns WHERE organization_id = $1 AND external_id = $2"},
    [REPORT_SENDER] = {.name = "find sender",
                       .sql = "SELECT id FROM users WHERE organization_id = $1 AND external_id = $2 UNION ALL"
                              " SELECT id FROM users WHERE organization_id = $1 AND email = LOWER(CAST($2 AS TEXT))"},
    [REPORT_CANDIDATE] = {.name = "find candidate",
                          .sql = "SELECT id FROM candidates WHERE organization_id = $1 AND external_id = $2"},
};

/* ---- reading ---- */

int reports_find(struct db *db, int64_t organization_id, enum report_reference reference, struct slice external_id,
                 int64_t *ret_id, struct err *err) {
    struct db_rows *rows;
    int found = db_query_row(db, &find_reference[reference], DB_VALUES(db_int(organization_id), db_text(external_id)),
                             &rows, err);
    if (found < 0) return found;
    *ret_id = REPORT_UNKNOWN;
    if (found > 0) {
        *ret_id = db_column_int(rows, 0);
        db_rows_free(rows);
    }
    return 0;
}

/* The values $1 to $8, and whatever follows. */
static void fill_values(const struct report_filter *filter, struct db_value *values) {
    values[0] = db_int(filter->organization_id);
    values[1] = db_int(filter->from_day);
    values[2] = db_int(filter->to_day);
    values[3] = db_int(filter->job_id);
    values[4] = db_int(filter->template_id);
    values[5] = db_int(filter->campaign_id);
    values[6] = db_int(filter->sender_id);
    values[7] = db_int(filter->jobs_of);
}

static int source_of(const struct report_filter *filter) {
    bool all = filter->job_id == REPORT_ANY && filter->template_id == REPORT_ANY && filter->campaign_id == REPORT_ANY &&
               filter->sender_id == REPORT_ANY && filter->jobs_of == 0;
    return all ? OF_ALL : OF_SOME;
}

static void figures_init(struct figures *figures, enum report_basis basis) {
    *figures = (struct figures){.median_open_delay_s = MEDIAN_NONE, .basis = basis};
}

static void read_sums(const struct db_rows *rows, int column, struct contribution *ret) {
#define READ_COLUMN(field) ret->field = db_column_int(rows, column++);
    CONTRIBUTION_FIELDS(READ_COLUMN)
#undef READ_COLUMN
}

/* ---- delays ---- */

void delay_histogram_add(struct delay_histogram *histogram, int64_t bucket, int64_t emails) {
    if (bucket >= 0 && bucket < DELAY_BUCKETS) histogram->emails[bucket] += emails;
}

static double value_at(const struct delay_histogram *histogram, int64_t rank) {
    int32_t bucket = 0;
    while (bucket < DELAY_BUCKETS - 1 && rank >= histogram->emails[bucket])
        rank -= histogram->emails[bucket++];
    return open_delay_bucket_middle(bucket);
}

double delay_histogram_median(const struct delay_histogram *histogram) {
    int64_t emails = 0;
    for (int32_t bucket = 0; bucket < DELAY_BUCKETS; bucket++)
        emails += histogram->emails[bucket];
    if (emails <= 0) return MEDIAN_NONE;
    return (value_at(histogram, (emails - 1) / 2) + value_at(histogram, emails / 2)) / 2;
}

/* Runs a DELAYS_BY statement. find(key) gives the figures that a key's rows belong to (NULL: none of interest); keys
 * come in rising order, and those of one figures one behind the other. `all` (may be NULL) gets the delays of all of
 * them. */
typedef struct figures *(*figures_of_key)(void *context, int64_t key);

static int read_delays(struct db *db, const struct statement *statement, const struct report_filter *filter,
                       figures_of_key find, void *context, struct delay_histogram *all, struct err *err) {
    struct db_value values[FILTER_VALUES];
    if (!statement->sql) return 0;
    fill_values(filter, values);
    struct db_rows *rows;
    int result = db_query(db, statement, values, FILTER_VALUES, &rows, err);
    if (result < 0) return result;
    struct delay_histogram *histogram = memory_alloc(sizeof(*histogram));
    struct figures *current = NULL;
    bool first = true;
    int64_t last_key = 0;
    while ((result = db_next(rows, err)) > 0) {
        int64_t key = db_column_int(rows, 0), item = db_column_int(rows, 2), n = db_column_int(rows, 3);
        if (first || key != last_key) {
            struct figures *found = find(context, key);
            if (found != current) {
                if (current) current->median_open_delay_s = delay_histogram_median(histogram);
                memset(histogram, 0, sizeof(*histogram));
                current = found;
            }
            first = false;
            last_key = key;
        }
        if (!current) continue;
        if (db_column_int(rows, 1) == BREAKDOWN_OPEN_DELAY) {
            delay_histogram_add(histogram, item, n);
            if (all) delay_histogram_add(all, item, n);
        } else if (item == EVENT_OPEN) {
            current->anonymous_opens += n;
        } else if (item == EVENT_CLICK) {
            current->anonymous_clicks += n;
        }
    }
    if (result == 0 && current) current->median_open_delay_s = delay_histogram_median(histogram);
    free(histogram);
    db_rows_free(rows);
    return result;
}

/* ---- totals ---- */

static struct figures *only_figures(void *context, int64_t key) {
    (void)key;
    return context;
}

int reports_totals(struct db *db, const struct report_filter *filter, struct figures *ret, struct err *err) {
    struct db_value values[FILTER_VALUES];
    fill_values(filter, values);
    struct figures figures;
    figures_init(&figures, filter->basis);
    struct db_rows *rows;
    int result = db_query_row(db, &totals[filter->basis][source_of(filter)].sums, values, FILTER_VALUES, &rows, err);
    if (result < 0) return result;
    if (result > 0) {
        read_sums(rows, 1, &figures.sums);
        db_rows_free(rows);
    }
    result =
        read_delays(db, &totals[filter->basis][source_of(filter)].delays, filter, only_figures, &figures, NULL, err);
    if (result == 0) *ret = figures;
    return result;
}

/* ---- series ---- */

/* The last day of the step that `day` lies in. 1970-01-01 was a Thursday. */
static int32_t step_end(enum report_step step, int32_t day) {
    switch (step) {
    case REPORT_BY_DAY:
        return day;
    case REPORT_BY_WEEK: {
        int32_t since_monday = (day + 3) % 7;
        if (since_monday < 0) since_monday += 7;
        return day + 6 - since_monday;
    }
    case REPORT_BY_MONTH: {
        int year, month, day_of_month;
        day_to_date(day, &year, &month, &day_of_month);
        return month == 12 ? day_from_date(year + 1, 1, 1) - 1 : day_from_date(year, month + 1, 1) - 1;
    }
    }
    return day;
}

struct point_search {
    struct report_point *points;
    size_t count, at;
};

static struct figures *point_of_day(void *context, int64_t day) {
    struct point_search *search = context;
    while (search->at < search->count && day > search->points[search->at].to_day)
        search->at++;
    if (search->at == search->count || day < search->points[search->at].from_day) return NULL;
    return &search->points[search->at].figures;
}

static void make_points(const struct report_filter *filter, enum report_step step, struct arena *arena,
                        struct point_search *ret) {
    size_t days = (size_t)((int64_t)filter->to_day - filter->from_day + 1), count = 0;
    struct report_point *points = arena_alloc_array(arena, days, sizeof(*points));
    for (int32_t day = filter->from_day; day <= filter->to_day; day = points[count++].to_day + 1) {
        int32_t end = step_end(step, day);
        points[count].from_day = day;
        points[count].to_day = end < filter->to_day ? end : filter->to_day;
        figures_init(&points[count].figures, filter->basis);
    }
    *ret = (struct point_search){.points = points, .count = count};
}

/* The points add up to the whole period; its median comes from the delays of all of them. */
static int add_series_delays(struct db *db, const struct report_filter *filter, struct point_search *search,
                             struct figures *total, struct err *err) {
    struct delay_histogram *all = memory_alloc(sizeof(*all));
    int result =
        read_delays(db, &by_day[filter->basis][source_of(filter)].delays, filter, point_of_day, search, all, err);
    total->median_open_delay_s = delay_histogram_median(all);
    for (size_t i = 0; i < search->count; i++) {
        total->anonymous_opens += search->points[i].figures.anonymous_opens;
        total->anonymous_clicks += search->points[i].figures.anonymous_clicks;
    }
    free(all);
    return result;
}

int reports_series(struct db *db, const struct report_filter *filter, enum report_step step, struct arena *arena,
                   struct report_series *ret, struct err *err) {
    if (filter->from_day > filter->to_day) return err_set(err, ERR_INVALID, "the period ends before it begins");
    struct point_search search;
    struct figures total;
    figures_init(&total, filter->basis);
    make_points(filter, step, arena, &search);
    struct db_value values[FILTER_VALUES];
    fill_values(filter, values);
    struct db_rows *rows;
    int result = db_query(db, &by_day[filter->basis][source_of(filter)].sums, values, FILTER_VALUES, &rows, err);
    if (result < 0) return result;
    while ((result = db_next(rows, err)) > 0) {
        struct figures *figures = point_of_day(&search, db_column_int(rows, 0));
        if (!figures) continue;
        struct contribution sums;
        read_sums(rows, 1, &sums);
        contribution_add(&figures->sums, &sums);
        contribution_add(&total.sums, &sums);
    }
    db_rows_free(rows);
    if (result < 0) return result;
    search.at = 0;
    result = add_series_delays(db, filter, &search, &total, err);
    if (result < 0) return result;
    *ret = (struct report_series){.points = search.points, .count = search.count, .total = total};
    return 0;
}

/* ---- groups ---- */

/* `name_column`: where external_id stands; the name follows, and what it was sorted by stands behind the sums. */
static int read_groups(struct db *db, const struct statement *statement, const struct report_filter *filter,
                       const struct db_value *values, size_t value_count, int name_column, size_t limit,
                       struct arena *arena, struct report_row **ret, size_t *ret_count, struct err *err) {
    struct db_rows *rows;
    int result = db_query(db, statement, values, value_count, &rows, err);
    if (result < 0) return result;
    struct report_row *list = arena_alloc_array(arena, limit, sizeof(*list));
    size_t count = 0;
    while (count < limit && (result = db_next(rows, err)) > 0) {
        struct report_row *row = &list[count++];
        row->id = db_column_int(rows, 0);
        row->figures.median_open_delay_s = MEDIAN_LEFT_OUT;
        row->figures.basis = filter->basis;
        read_sums(rows, 1, &row->figures.sums);
        row->rank = db_column_int(rows, 1 + CONTRIBUTION_COUNT);
        row->external_id = row_text(rows, name_column, arena);
        row->name = row_text(rows, name_column + 1, arena);
    }
    db_rows_free(rows);
    if (result < 0) return result;
    *ret = list;
    *ret_count = count;
    return 0;
}

static void page_values(const struct report_page *page, struct db_value *values) {
    values[0] = db_int((int64_t)page->limit);
    values[1] = page->has_after ? db_int(page->after_count) : db_null();
    values[2] = page->has_after ? db_int(page->after_id) : db_null();
}

int reports_groups(struct db *db, const struct report_filter *filter, enum report_dimension dimension,
                   const struct report_page *page, struct arena *arena, struct report_row **ret, size_t *ret_count,
                   struct err *err) {
    struct db_value values[FILTER_VALUES + 3];
    fill_values(filter, values);
    page_values(page, values + FILTER_VALUES);
    const struct statement *statement =
        filter->basis == REPORT_ACTIVITY ? &groups_happened[dimension] : &groups[source_of(filter)][dimension];
    return read_groups(db, statement, filter, values, FILTER_VALUES + 3, 1 + CONTRIBUTION_COUNT + 1, page->limit, arena,
                       ret, ret_count, err);
}

int reports_top(struct db *db, const struct report_filter *filter, enum report_rank rank, int64_t base_min,
                size_t limit, struct arena *arena, struct report_row **ret, size_t *ret_count, struct err *err) {
    struct db_value values[FILTER_VALUES + 3];
    fill_values(filter, values);
    values[FILTER_VALUES] = db_int((int64_t)limit);
    values[FILTER_VALUES + 1] = db_int(rank);
    values[FILTER_VALUES + 2] = db_int(base_min > 0 ? base_min : 1);
    const struct statement *statement =
        filter->basis == REPORT_ACTIVITY ? &top_happened : &top_templates[source_of(filter)];
    return read_groups(db, statement, filter, values, FILTER_VALUES + 3, 1 + CONTRIBUTION_COUNT + 2, limit, arena, ret,
                       ret_count, err);
}

/* ---- links ---- */

int reports_links(struct db *db, const struct report_filter *filter, const struct report_page *page,
                  struct arena *arena, struct report_link **ret, size_t *ret_count, struct err *err) {
    struct db_value values[FILTER_VALUES + 3];
    if (filter->basis != REPORT_COHORT)
        return err_set(err, ERR_INVALID,
                       "clicks on links are told of the emails sent in a period only: leave out basis");
    fill_values(filter, values);
    page_values(page, values + FILTER_VALUES);
    struct db_rows *rows;
    int result = db_query(db, &link_page, values, FILTER_VALUES + 3, &rows, err);
    if (result < 0) return result;
    struct report_link *links = arena_alloc_array(arena, page->limit, sizeof(*links));
    size_t count = 0;
    while (count < page->limit && (result = db_next(rows, err)) > 0) {
        links[count++] = (struct report_link){
            .id = db_column_int(rows, 0),
            .emails = db_column_int(rows, 1),
            .clicks = db_column_int(rows, 2),
            .machine_clicks = db_column_int(rows, 3),
            .url = row_text(rows, 4, arena),
            .position = (int32_t)db_column_int_or(rows, 5, LINK_POSITION_NONE),
            .text = row_text(rows, 6, arena),
        };
    }
    db_rows_free(rows);
    if (result < 0) return result;
    *ret = links;
    *ret_count = count;
    return 0;
}
