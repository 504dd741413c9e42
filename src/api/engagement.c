#include "api/attention.h"
#include "api/endpoint_health.h"
#include "api/engagement_fields.h"
#include "api/resources.h"

#include "api/metrics_fields.h"
#include "api/period.h"
#include "base/clock.h"

#include "base/banned.h"

#define ATTENTION_CAMPAIGNS 200 /* those with the most emails */
#define ATTENTION_SHOWN     5
#define LIST_DEFAULT        50
#define LIST_MAX            500
#define TOP_MAX             50

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

void engagement_write_period(struct api_call *call, const struct report_filter *filter, struct api_table *table) {
    api_table_extras(table);
    period_write_zone(table, call, period_of(filter));
    api_table_text(table, "basis", slice_cstr(period_basis_name(filter->basis)));
}

/* Ends the transaction of a report, and the answer when it could be written. */
static int end_report(struct api_call *call, int result, const char *next) {
    db_rollback(call->db);
    if (result == 0) api_table_end(call, next);
    return result;
}

/* ---- summary ---- */

static void write_summary_row(struct api_table *table, const char *name, struct period period,
                              const struct figures *figures) {
    api_table_row(table);
    api_table_text(table, "period", slice_cstr(name));
    period_write(table, period);
    write_figures(table, figures);
}

static void write_summary(struct api_call *call, struct api_table *table, struct period period,
                          const struct figures *now, const struct figures *before,
                          const struct measurable *measurable) {
    if (api_table_format(table) == API_TABLE_CSV) {
        write_summary_row(table, "current", period, now);
        write_summary_row(table, "previous", period_before(period), before);
        return;
    }
    period_write_zone(table, call, period);
    api_table_text(table, "basis", slice_cstr(period_basis_name(now->basis)));
    write_figures(table, now);
    api_table_object(table, "previous");
    period_write(table, period_before(period));
    write_figures(table, before);
    api_table_close(table);
    api_table_object(table, "change");
    metrics_write_change(table, now, before);
    api_table_close(table);
    measurable_write(table, measurable, call->now);
}

int engagement_write_summary(struct api_call *call, const struct report_filter *filter, const struct figures *known,
                             struct api_table *table, struct err *err) {
    struct report_filter former_filter = *filter;
    struct figures now, before;
    struct measurable measurable = {0};
    struct period former = period_before(period_of(filter));
    former_filter.from_day = former.from_day;
    former_filter.to_day = former.to_day;
    int result = known ? 0 : reports_totals(call->db, filter, &now, err);
    if (known) now = *known;
    if (result == 0) result = reports_totals(call->db, &former_filter, &before, err);
    if (result == 0) result = measurable_load(call, &measurable, err);
    if (result == 0) write_summary(call, table, period_of(filter), &now, &before, &measurable);
    return result;
}

int engagement_summary(struct api_call *call, struct err *err) {
    static const char *const parameters[] = {PERIOD_PARAMETERS, NULL};
    struct report_filter filter;
    int result = begin_report(call, parameters, &filter, err);
    if (result != 0) return result;
    bool csv = api_wants_csv(call);
    struct api_table *table = csv ? api_table_begin(call, "engagement-summary") : api_object_begin(call);
    result = engagement_write_summary(call, &filter, NULL, table, err);
    if (csv) return end_report(call, result, NULL);
    db_rollback(call->db);
    if (result == 0) api_object_end(call, 200);
    return result;
}

/* ---- series ---- */

static const char *const step_names[] = {
    [REPORT_BY_DAY] = "day", [REPORT_BY_WEEK] = "week", [REPORT_BY_MONTH] = "month"};

const char *engagement_step_name(enum report_step step) {
    return step_names[step];
}

int engagement_step_parse(struct slice name, enum report_step *ret, struct err *err) {
    for (size_t i = 0; i < sizeof(step_names) / sizeof(step_names[0]); i++) {
        if (!slice_equal(name, slice_cstr(step_names[i]))) continue;
        *ret = (enum report_step)i;
        return 0;
    }
    return err_set(err, ERR_INVALID, "interval must be day, week or month");
}

void engagement_write_series(struct api_call *call, const struct report_filter *filter,
                             const struct report_series *series, struct api_table *table) {
    for (size_t i = 0; i < series->count; i++) {
        const struct report_point *point = &series->points[i];
        api_table_row(table);
        period_write(table, (struct period){.from_day = point->from_day, .to_day = point->to_day});
        write_figures(table, &point->figures);
    }
    engagement_write_period(call, filter, table);
}

int engagement_series(struct api_call *call, struct err *err) {
    static const char *const parameters[] = {PERIOD_PARAMETERS, "interval", NULL};
    struct report_filter filter;
    struct report_series series;
    enum report_step step = REPORT_BY_DAY;
    int result = 0;
    if (http_query_present(call->request, SLICE("interval")))
        result = engagement_step_parse(http_query(call->request, SLICE("interval")), &step, err);
    if (result == 0) result = begin_report(call, parameters, &filter, err);
    if (result != 0) return result;
    result = reports_series(call->db, &filter, step, call->arena, &series, err);
    if (result == 0) engagement_write_series(call, &filter, &series, api_table_begin(call, "engagement-series"));
    return end_report(call, result, NULL);
}

/* ---- templates, campaigns, jobs ---- */

/* The name of each list, which its cursors carry, and of the field with a row's name. */
static const struct {
    const char *list, *name;
} dimensions[] = {
    [REPORT_BY_JOB] = {"engagement-jobs", "title"},
    [REPORT_BY_TEMPLATE] = {"engagement-templates", "name"},
    [REPORT_BY_CAMPAIGN] = {"engagement-campaigns", "name"},
};

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

int engagement_write_groups(struct api_call *call, const struct report_filter *filter, enum report_dimension dimension,
                            const struct report_page *page, struct api_table *table, const char **ret_next,
                            struct err *err) {
    struct report_row *rows;
    size_t count;
    int result = reports_groups(call->db, filter, dimension, page, call->arena, &rows, &count, err);
    if (result != 0) return result;
    *ret_next = NULL;
    if (count == page->limit) {
        const struct report_row *last = &rows[--count - 1];
        *ret_next = api_cursor_make(call, dimensions[dimension].list, (const int64_t[]){last->rank, last->id}, 2);
    }
    for (size_t i = 0; i < count; i++) {
        api_table_row(table);
        write_group(table, &rows[i], dimensions[dimension].name);
        /* What happened on some days to emails of others says nothing of the campaign. */
        if (dimension == REPORT_BY_CAMPAIGN && filter->basis == REPORT_COHORT)
            attention_write(table, &rows[i].figures.sums);
    }
    engagement_write_period(call, filter, table);
    return 0;
}

int engagement_write_attention(struct api_call *call, const struct report_filter *filter, struct api_table *table,
                               struct err *err) {
    const struct report_page page = {.limit = ATTENTION_CAMPAIGNS};
    struct report_filter cohort = *filter;
    struct report_row *rows;
    size_t count, shown = 0;
    cohort.basis = REPORT_COHORT;
    int result = reports_groups(call->db, &cohort, REPORT_BY_CAMPAIGN, &page, call->arena, &rows, &count, err);
    if (result != 0) return result;
    for (size_t i = 0; i < count && shown < ATTENTION_SHOWN; i++) {
        if (!rows[i].external_id.ptr || attention_of(&rows[i].figures.sums) == 0) continue;
        api_table_row(table);
        api_table_text(table, "id", rows[i].external_id);
        api_table_text(table, "name", rows[i].name);
        attention_write(table, &rows[i].figures.sums);
        shown++;
    }
    engagement_write_period(call, &cohort, table);
    return 0;
}

static int report_groups(struct api_call *call, enum report_dimension dimension, struct err *err) {
    static const char *const parameters[] = {PERIOD_PARAMETERS, "limit", "cursor", NULL};
    struct report_filter filter;
    struct report_page page = {0};
    const char *next = NULL;
    int result = read_page(call, dimensions[dimension].list, &page, err);
    if (result == 0) result = begin_report(call, parameters, &filter, err);
    if (result != 0) return result;
    struct api_table *table = api_table_begin(call, dimensions[dimension].list);
    result = engagement_write_groups(call, &filter, dimension, &page, table, &next, err);
    return end_report(call, result, next);
}

int engagement_templates(struct api_call *call, struct err *err) {
    return report_groups(call, REPORT_BY_TEMPLATE, err);
}

int engagement_campaigns(struct api_call *call, struct err *err) {
    return report_groups(call, REPORT_BY_CAMPAIGN, err);
}

int engagement_jobs(struct api_call *call, struct err *err) {
    return report_groups(call, REPORT_BY_JOB, err);
}

/* ---- top ---- */

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

int engagement_write_top(struct api_call *call, const struct report_filter *filter, const struct top_request *top,
                         struct api_table *table, struct err *err) {
    struct report_row *rows;
    size_t count;
    int result =
        reports_top(call->db, filter, top->rank, top->base_min, (size_t)top->limit, call->arena, &rows, &count, err);
    if (result != 0) return result;
    for (size_t i = 0; i < count; i++) {
        api_table_row(table);
        api_table_int(table, "rank", (int64_t)i + 1);
        write_group(table, &rows[i], "name");
    }
    engagement_write_period(call, filter, table);
    return 0;
}

int engagement_top(struct api_call *call, struct err *err) {
    static const char *const parameters[] = {PERIOD_PARAMETERS, "by", "min_sent", "limit", NULL};
    struct report_filter filter;
    struct top_request top;
    int result = read_top(call, &top, err);
    if (result == 0) result = begin_report(call, parameters, &filter, err);
    if (result != 0) return result;
    struct api_table *table = api_table_begin(call, "engagement-top");
    return end_report(call, engagement_write_top(call, &filter, &top, table, err), NULL);
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
    if (result != 0) return end_report(call, result, NULL);
    const char *next = NULL;
    if (count == page.limit) {
        const struct report_link *last = &links[--count - 1];
        next = api_cursor_make(call, list, (const int64_t[]){last->emails, last->id}, 2);
    }
    struct api_table *table = api_table_begin(call, list);
    for (size_t i = 0; i < count; i++)
        write_link(table, &links[i], &all);
    engagement_write_period(call, &filter, table);
    return end_report(call, 0, next);
}
