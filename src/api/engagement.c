#include "api/endpoint_health.h"
#include "api/resources.h"

#include "api/metrics_fields.h"
#include "api/period.h"
#include "base/clock.h"

#include "base/banned.h"

#define LIST_DEFAULT 50
#define LIST_MAX     500
#define TOP_DEFAULT  5
#define TOP_MAX      50

/* The figures of a report: those of all emails, and what was only counted, without knowing who (BR-558.8). */
static void write_figures(struct api_table *table, const struct figures *figures) {
    int64_t unknown = figures->basis == REPORT_ACTIVITY ? 0 : -1; /* when it happened was not kept */
    metrics_write_fields(table, figures);
    api_table_int_or_null(table, "anonymous_opens", figures->anonymous_opens, unknown);
    api_table_int_or_null(table, "anonymous_clicks", figures->anonymous_clicks, unknown);
}

static struct period period_of(const struct report_filter *filter) {
    return (struct period){.from_day = filter->from_day, .to_day = filter->to_day};
}

/* Reads parameters and begins the one read transaction of the report; end_report in any case after a 0. */
static int begin_report(struct api_call *call, const char *const *parameters, struct report_filter *ret,
                        struct err *err) {
    int result = api_known_parameters(call, parameters, err);
    if (result == 0) result = db_begin(call->db, DB_READ, err);
    if (result != 0) return result;
    result = period_filter(call, ret, err);
    if (result != 0) db_rollback(call->db);
    return result;
}

/* Ends a list with the period that it is of. */
static void end_report(struct api_call *call, const struct report_filter *filter, const char *next) {
    api_table_extras(call->table);
    period_write_zone(call->table, call, period_of(filter));
    api_table_text(call->table, "basis", slice_cstr(period_basis_name(filter->basis)));
    api_table_end(call, next);
}

/* ---- summary ---- */

static void write_summary_row(struct api_table *table, const char *name, struct period period,
                              const struct figures *figures) {
    api_table_row(table);
    api_table_text(table, "period", slice_cstr(name));
    period_write(table, period);
    write_figures(table, figures);
}

static void answer_summary(struct api_call *call, struct period period, const struct figures *now,
                           const struct figures *before, const struct measurable *measurable) {
    if (api_wants_csv(call)) {
        struct api_table *table = api_table_begin(call, "engagement-summary");
        write_summary_row(table, "current", period, now);
        write_summary_row(table, "previous", period_before(period), before);
        api_table_end(call, NULL);
        return;
    }
    struct api_table *object = api_object_begin(call);
    period_write_zone(object, call, period);
    api_table_text(object, "basis", slice_cstr(period_basis_name(now->basis)));
    write_figures(object, now);
    api_table_object(object, "previous");
    period_write(object, period_before(period));
    write_figures(object, before);
    api_table_close(object);
    api_table_object(object, "change");
    metrics_write_change(object, now, before);
    api_table_close(object);
    measurable_write(object, measurable, call->now);
    api_object_end(call, 200);
}

int engagement_summary(struct api_call *call, struct err *err) {
    static const char *const parameters[] = {PERIOD_PARAMETERS, NULL};
    struct report_filter filter;
    struct figures now, before;
    struct measurable measurable = {0};
    int result = begin_report(call, parameters, &filter, err);
    if (result != 0) return result;
    struct period period = period_of(&filter), former = period_before(period);
    result = reports_totals(call->db, &filter, &now, err);
    filter.from_day = former.from_day;
    filter.to_day = former.to_day;
    if (result == 0) result = reports_totals(call->db, &filter, &before, err);
    if (result == 0) result = measurable_load(call, &measurable, err);
    db_rollback(call->db);
    if (result != 0) return result;
    answer_summary(call, period, &now, &before, &measurable);
    return 0;
}

/* ---- series ---- */

static int read_interval(struct api_call *call, enum report_step *ret, struct err *err) {
    static const char *const names[] = {
        [REPORT_BY_DAY] = "day", [REPORT_BY_WEEK] = "week", [REPORT_BY_MONTH] = "month"};
    *ret = REPORT_BY_DAY;
    if (!http_query_present(call->request, SLICE("interval"))) return 0;
    struct slice name = http_query(call->request, SLICE("interval"));
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (!slice_equal(name, slice_cstr(names[i]))) continue;
        *ret = (enum report_step)i;
        return 0;
    }
    return err_set(err, ERR_INVALID, "interval must be day, week or month");
}

int engagement_series(struct api_call *call, struct err *err) {
    static const char *const parameters[] = {PERIOD_PARAMETERS, "interval", NULL};
    struct report_filter filter;
    enum report_step step;
    struct report_point *points;
    size_t count;
    int result = read_interval(call, &step, err);
    if (result == 0) result = begin_report(call, parameters, &filter, err);
    if (result != 0) return result;
    result = reports_series(call->db, &filter, step, call->arena, &points, &count, err);
    db_rollback(call->db);
    if (result != 0) return result;
    struct api_table *table = api_table_begin(call, "engagement-series");
    for (size_t i = 0; i < count; i++) {
        api_table_row(table);
        period_write(table, (struct period){.from_day = points[i].from_day, .to_day = points[i].to_day});
        write_figures(table, &points[i].figures);
    }
    end_report(call, &filter, NULL);
    return 0;
}

/* ---- templates, campaigns, jobs ---- */

static int read_page(struct api_call *call, const char *list, struct report_page *ret, struct err *err) {
    int64_t limit, after[2];
    int result = api_limit(call, LIST_DEFAULT, LIST_MAX, &limit, err);
    if (result == 0) result = api_cursor_read(call, list, after, 2, &ret->has_after, err);
    if (result != 0) return result;
    ret->limit = (size_t)limit + 1; /* one more shows whether there is a next page */
    ret->after_count = ret->has_after ? after[0] : 0;
    ret->after_id = ret->has_after ? after[1] : 0;
    return 0;
}

static void write_group(struct api_table *table, const struct report_row *row, const char *name) {
    api_table_text(table, "id", row->external_id);
    api_table_text(table, name, row->name);
    metrics_write_fields(table, &row->figures);
}

static int report_groups(struct api_call *call, enum report_dimension dimension, const char *list, const char *name,
                         struct err *err) {
    static const char *const parameters[] = {PERIOD_PARAMETERS, "limit", "cursor", NULL};
    struct report_filter filter;
    struct report_page page = {0};
    struct report_row *rows;
    size_t count;
    int result = read_page(call, list, &page, err);
    if (result == 0) result = begin_report(call, parameters, &filter, err);
    if (result != 0) return result;
    result = reports_groups(call->db, &filter, dimension, &page, call->arena, &rows, &count, err);
    db_rollback(call->db);
    if (result != 0) return result;
    const char *next = NULL;
    if (count == page.limit) {
        const struct report_row *last = &rows[--count - 1];
        next = api_cursor_make(call, list, (const int64_t[]){last->rank, last->id}, 2);
    }
    struct api_table *table = api_table_begin(call, list);
    for (size_t i = 0; i < count; i++) {
        api_table_row(table);
        write_group(table, &rows[i], name);
    }
    end_report(call, &filter, next);
    return 0;
}

int engagement_templates(struct api_call *call, struct err *err) {
    return report_groups(call, REPORT_BY_TEMPLATE, "engagement-templates", "name", err);
}

int engagement_campaigns(struct api_call *call, struct err *err) {
    return report_groups(call, REPORT_BY_CAMPAIGN, "engagement-campaigns", "name", err);
}

int engagement_jobs(struct api_call *call, struct err *err) {
    return report_groups(call, REPORT_BY_JOB, "engagement-jobs", "title", err);
}

/* ---- top ---- */

struct top_request {
    enum report_rank rank;
    int64_t base_min, limit;
};

static int read_top(struct api_call *call, struct top_request *ret, struct err *err) {
    static const struct {
        const char *name;
        enum report_rank rank;
    } ranks[] = {
        {"open_rate", REPORT_RANK_OPENED}, {"click_rate", REPORT_RANK_CLICKED}, {"reply_rate", REPORT_RANK_REPLIED}};
    *ret = (struct top_request){.rank = REPORT_RANK_OPENED, .base_min = REPORT_TOP_BASE_MIN};
    if (http_query_present(call->request, SLICE("by"))) {
        struct slice name = http_query(call->request, SLICE("by"));
        size_t i = 0;
        while (i < sizeof(ranks) / sizeof(ranks[0]) && !slice_equal(name, slice_cstr(ranks[i].name)))
            i++;
        if (i == sizeof(ranks) / sizeof(ranks[0]))
            return err_set(err, ERR_INVALID, "by must be open_rate, click_rate or reply_rate");
        ret->rank = ranks[i].rank;
    }
    if (http_query_present(call->request, SLICE("min_sent")) &&
        (!slice_parse_i64(http_query(call->request, SLICE("min_sent")), &ret->base_min) || ret->base_min < 1))
        return err_set(err, ERR_INVALID, "min_sent must be a number from 1");
    return api_limit(call, TOP_DEFAULT, TOP_MAX, &ret->limit, err);
}

int engagement_top(struct api_call *call, struct err *err) {
    static const char *const parameters[] = {PERIOD_PARAMETERS, "by", "min_sent", "limit", NULL};
    struct report_filter filter;
    struct top_request top;
    struct report_row *rows;
    size_t count;
    int result = read_top(call, &top, err);
    if (result == 0) result = begin_report(call, parameters, &filter, err);
    if (result != 0) return result;
    result = reports_top(call->db, &filter, top.rank, top.base_min, (size_t)top.limit, call->arena, &rows, &count, err);
    db_rollback(call->db);
    if (result != 0) return result;
    struct api_table *table = api_table_begin(call, "engagement-top");
    for (size_t i = 0; i < count; i++) {
        api_table_row(table);
        api_table_int(table, "rank", (int64_t)i + 1);
        write_group(table, &rows[i], "name");
    }
    end_report(call, &filter, NULL);
    return 0;
}

/* ---- links ---- */

/* A link's click rate is over all emails of the request: which of them held the link is not known (AF-4 tells of links
 * by their clicks). Asked for one template or campaign, that is every email that had it. */
static void write_link(struct api_table *table, const struct report_link *link, const struct figures *all) {
    static const char *const fields[] = {"click_rate",     "click_base",      "clicked", "clicks",
                                         "machine_clicks", "recorded_clicks", NULL};
    struct figures figures = {.median_open_delay_s = MEDIAN_LEFT_OUT,
                              .sums = {.click_base = all->sums.click_base,
                                       .clicked = link->emails,
                                       .total_clicks = link->clicks,
                                       .machine_clicks = link->machine_clicks}};
    api_table_row(table);
    api_table_text(table, "url", link->url);
    api_table_int_or_null(table, "link_position", link->position, LINK_POSITION_NONE);
    api_table_text(table, "link_text", link->text);
    metrics_write_some(table, &figures, fields);
}

int engagement_links(struct api_call *call, struct err *err) {
    static const char *const parameters[] = {PERIOD_PARAMETERS, "limit", "cursor", NULL};
    const char *list = "engagement-links";
    struct report_filter filter;
    struct report_page page = {0};
    struct report_link *links;
    struct figures all;
    size_t count;
    int result = read_page(call, list, &page, err);
    if (result == 0) result = begin_report(call, parameters, &filter, err);
    if (result != 0) return result;
    result = reports_links(call->db, &filter, &page, call->arena, &links, &count, err);
    if (result == 0) result = reports_totals(call->db, &filter, &all, err);
    db_rollback(call->db);
    if (result != 0) return result;
    const char *next = NULL;
    if (count == page.limit) {
        const struct report_link *last = &links[--count - 1];
        next = api_cursor_make(call, list, (const int64_t[]){last->emails, last->id}, 2);
    }
    struct api_table *table = api_table_begin(call, list);
    for (size_t i = 0; i < count; i++)
        write_link(table, &links[i], &all);
    end_report(call, &filter, next);
    return 0;
}
