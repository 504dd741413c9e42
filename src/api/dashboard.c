/* dashboard: everything that the dashboard shows in one answer (docs/decisions/0019-dashboard-in-one-request.md). Each
 * part is what its single route answers, or the problem that it would have answered, so that what fails takes nothing
 * else with it. */
#include "api/candidates.h"
#include "api/engagement_fields.h"
#include "api/metrics_fields.h"
#include "api/period.h"
#include "api/resources.h"
#include "api/sign_in.h"
#include "store/scores.h"

#include "base/banned.h"

#define PART_MAX        (16UL << 20)
#define TEMPLATES_SHOWN 10
#define JOBS_OFFERED    200
#define FOLLOW_UP_SHOWN 5
/* Longer periods are shown in longer steps, so that a chart has at most some 90 points. */
#define DAYS_BY_DAY_MAX  92
#define DAYS_BY_WEEK_MAX 550

struct dashboard {
    struct api_call *call;
    struct report_filter filter;
    enum report_step step;
    bool compare;
    bool reading; /* in a transaction */
    bool has_series;
    struct report_series series;
    bool scores_enabled;
    size_t parts, failed;
    struct err first; /* the first failure */
};

/* Writes a part, and names the next page where there is one. */
typedef int (*write_part)(struct dashboard *dashboard, struct api_table *table, const char **ret_next, struct err *err);

/* ---- the parts ---- */

/* The period's series, whose total is the summary's figures as well: read once for both. */
static int load_series(struct dashboard *dashboard, struct err *err) {
    if (dashboard->has_series) return 0;
    int result = reports_series(dashboard->call->db, &dashboard->filter, dashboard->step, dashboard->call->arena,
                                &dashboard->series, err);
    dashboard->has_series = result == 0;
    return result;
}

static int write_summary(struct dashboard *dashboard, struct api_table *table, const char **ret_next, struct err *err) {
    (void)ret_next;
    int result = load_series(dashboard, err);
    if (result != 0) return result;
    return engagement_write_summary(dashboard->call, &dashboard->filter, &dashboard->series.total, table, err);
}

static int write_series(struct dashboard *dashboard, struct api_table *table, const char **ret_next, struct err *err) {
    (void)ret_next;
    int result = load_series(dashboard, err);
    if (result == 0) engagement_write_series(dashboard->call, &dashboard->filter, &dashboard->series, table);
    return result;
}

static int write_series_before(struct dashboard *dashboard, struct api_table *table, const char **ret_next,
                               struct err *err) {
    struct report_filter filter = dashboard->filter;
    struct report_series series;
    struct period before = period_before((struct period){.from_day = filter.from_day, .to_day = filter.to_day});
    (void)ret_next;
    filter.from_day = before.from_day;
    filter.to_day = before.to_day;
    int result = reports_series(dashboard->call->db, &filter, dashboard->step, dashboard->call->arena, &series, err);
    if (result == 0) engagement_write_series(dashboard->call, &filter, &series, table);
    return result;
}

static int write_top(struct dashboard *dashboard, struct api_table *table, const char **ret_next, struct err *err) {
    const struct top_request top = {.rank = REPORT_RANK_OPENED, .base_min = REPORT_TOP_BASE_MIN, .limit = TOP_DEFAULT};
    (void)ret_next;
    return engagement_write_top(dashboard->call, &dashboard->filter, &top, table, err);
}

static int write_templates(struct dashboard *dashboard, struct api_table *table, const char **ret_next,
                           struct err *err) {
    const struct report_page page = {.limit = TEMPLATES_SHOWN + 1};
    return engagement_write_groups(dashboard->call, &dashboard->filter, REPORT_BY_TEMPLATE, &page, table, ret_next,
                                   err);
}

/* The jobs to choose from: those of all emails of the period, by their names alone. */
static int write_jobs(struct dashboard *dashboard, struct api_table *table, const char **ret_next, struct err *err) {
    static const char *const fields[] = {"sent", NULL};
    struct api_call *call = dashboard->call;
    const struct report_filter filter = {.organization_id = dashboard->filter.organization_id,
                                         .from_day = dashboard->filter.from_day,
                                         .to_day = dashboard->filter.to_day,
                                         .jobs_of = dashboard->filter.jobs_of};
    const struct report_page page = {.limit = JOBS_OFFERED};
    struct report_row *rows;
    size_t count;
    (void)ret_next;
    int result = reports_groups(call->db, &filter, REPORT_BY_JOB, &page, call->arena, &rows, &count, err);
    if (result != 0) return result;
    for (size_t i = 0; i < count; i++) {
        if (!rows[i].external_id.ptr) continue; /* emails without a job: nothing to choose */
        api_table_row(table);
        api_table_text(table, "id", rows[i].external_id);
        api_table_text(table, "title", rows[i].name);
        metrics_write_some(table, &rows[i].figures, fields);
    }
    engagement_write_period(call, &filter, table);
    return 0;
}

/* Whoever may not see scores gets null instead: nothing is wrong with that. */
static bool sees_scores(const struct dashboard *dashboard) {
    return dashboard->call->permissions & API_SCORES && dashboard->scores_enabled;
}

static int write_follow_up(struct dashboard *dashboard, struct api_table *table, const char **ret_next,
                           struct err *err) {
    (void)ret_next;
    return candidates_write_follow_up(dashboard->call, dashboard->filter.job_id, dashboard->filter.sender_id,
                                      FOLLOW_UP_SHOWN, table, err);
}

static int write_attention(struct dashboard *dashboard, struct api_table *table, const char **ret_next,
                           struct err *err) {
    (void)ret_next;
    return engagement_write_attention(dashboard->call, &dashboard->filter, table, err);
}

/* ---- the whole ---- */

/* Writes the part's text, or its problem. A failed statement ends the transaction, so the parts that follow have a new
 * one, whose state may be a moment younger. */
static void add_part(struct dashboard *dashboard, struct api_table *object, const char *name,
                     enum api_table_format format, write_part write) {
    struct api_call *call = dashboard->call;
    struct api_table *part = api_table_new(format, PART_MAX);
    const char *next = NULL;
    struct strbuf *text = NULL;
    struct err err = {0};
    int result = dashboard->reading ? 0 : db_begin(call->db, DB_READ, &err);
    if (result == 0) dashboard->reading = true;
    if (result == 0) result = write(dashboard, part, &next, &err);
    if (result == 0) {
        text = api_table_finish(part, next);
        if (text->overflow) result = err_set(&err, ERR_INVALID, "%s would be too large: ask for less", name);
    }
    dashboard->parts++;
    if (result == 0) {
        api_table_json(object, name, strbuf_slice(text));
    } else {
        if (dashboard->failed++ == 0) dashboard->first = err;
        db_rollback(call->db);
        dashboard->reading = false;
        api_table_object(object, name);
        api_write_problem(call, object, "problem", &err);
        api_table_close(object);
    }
    api_table_free(part);
}

static void write_parts(struct dashboard *dashboard, struct api_table *object) {
    add_part(dashboard, object, "summary", API_TABLE_OBJECT, write_summary);
    add_part(dashboard, object, "series", API_TABLE_JSON, write_series);
    if (dashboard->compare)
        add_part(dashboard, object, "previous_series", API_TABLE_JSON, write_series_before);
    else
        api_table_null(object, "previous_series");
    add_part(dashboard, object, "top", API_TABLE_JSON, write_top);
    add_part(dashboard, object, "templates", API_TABLE_JSON, write_templates);
    add_part(dashboard, object, "jobs", API_TABLE_JSON, write_jobs);
    if (sees_scores(dashboard))
        add_part(dashboard, object, "follow_up", API_TABLE_JSON, write_follow_up);
    else
        api_table_null(object, "follow_up");
    add_part(dashboard, object, "attention", API_TABLE_JSON, write_attention);
}

static enum report_step step_for(const struct report_filter *filter) {
    int32_t days = filter->to_day - filter->from_day + 1;
    return days <= DAYS_BY_DAY_MAX ? REPORT_BY_DAY : days <= DAYS_BY_WEEK_MAX ? REPORT_BY_WEEK : REPORT_BY_MONTH;
}

static int read_options(struct api_call *call, struct dashboard *dashboard, struct err *err) {
    struct slice interval = http_query(call->request, SLICE("interval"));
    struct slice compare = http_query(call->request, SLICE("compare"));
    dashboard->step = step_for(&dashboard->filter);
    dashboard->compare = slice_equal(compare, SLICE("1"));
    if (http_query_present(call->request, SLICE("compare")) && !dashboard->compare && !slice_equal(compare, SLICE("0")))
        return err_set(err, ERR_INVALID, "compare must be 0 or 1");
    if (!http_query_present(call->request, SLICE("interval"))) return 0;
    return engagement_step_parse(interval, &dashboard->step, err);
}

int engagement_dashboard(struct api_call *call, struct err *err) {
    static const char *const parameters[] = {PERIOD_PARAMETERS, "range", "interval", "compare", NULL};
    struct dashboard dashboard = {.call = call};
    int result = api_known_parameters(call, parameters, err);
    if (result == 0) result = db_begin(call->db, DB_READ, err);
    if (result != 0) return result;
    dashboard.reading = true;
    result = period_filter(call, &dashboard.filter, err);
    if (result == 0) result = read_options(call, &dashboard, err);
    struct score_settings settings;
    if (result == 0) result = score_settings_load(call->db, call->organization_id, call->arena, &settings, err);
    if (result == 0) {
        dashboard.scores_enabled = settings.policy.enabled;
        struct api_table *object = api_object_begin(call);
        period_write_zone(object, call,
                          (struct period){.from_day = dashboard.filter.from_day, .to_day = dashboard.filter.to_day});
        api_table_text(object, "basis", slice_cstr(period_basis_name(dashboard.filter.basis)));
        api_table_text(object, "interval", slice_cstr(engagement_step_name(dashboard.step)));
        if (call->session) {
            api_table_object(object, "me");
            me_write(call, object);
            api_table_close(object);
        } else {
            api_table_null(object, "me");
        }
        write_parts(&dashboard, object);
    }
    db_rollback(call->db);
    if (result != 0) return result;
    if (dashboard.failed == dashboard.parts) { /* nothing to show: then it is this request that failed */
        *err = dashboard.first;
        return -(int)err->code;
    }
    api_object_end(call, 200);
    return 0;
}
