#include "api/period.h"

#include "api/auth.h"
#include "base/clock.h"
#include "base/timezone.h"
#include "store/candidates.h"
#include "store/emails.h"

#include "base/banned.h"

#define PERIOD_DAYS_MAX (PERIOD_YEARS_MAX * 366)

int period_day(struct slice text, const char *parameter, struct slice time_zone, int32_t *ret_day, struct err *err) {
    int64_t ms;
    if (day_parse(text, ret_day)) return 0;
    if (slice_find_char(text, ':') < 0 || !time_parse(text, &ms))
        return err_set(err, ERR_INVALID,
                       "%s is no date: write a day as 2026-01-31, or a moment as 2026-01-31T09:00:00Z", parameter);
    *ret_day = timezone_day(time_zone, ms);
    return 0;
}

int period_parse(struct slice from, struct slice to, struct slice time_zone, int64_t now, struct period *ret,
                 struct err *err) {
    struct period period = {.to_day = timezone_day(time_zone, now)};
    int result = 0;
    if (!slice_empty(to)) result = period_day(to, "to", time_zone, &period.to_day, err);
    period.from_day = period.to_day - (PERIOD_DAYS_DEFAULT - 1);
    if (result == 0 && !slice_empty(from)) result = period_day(from, "from", time_zone, &period.from_day, err);
    if (result != 0) return result;
    if (period.from_day > period.to_day) {
        char from_text[TIME_TEXT_MAX], to_text[TIME_TEXT_MAX];
        struct slice begins = day_format(period.from_day, from_text), ends = day_format(period.to_day, to_text);
        return err_set(err, ERR_INVALID, "the period ends on %.*s, before it begins on %.*s", SLICE_FMT(ends),
                       SLICE_FMT(begins));
    }
    if (period.to_day - period.from_day >= PERIOD_DAYS_MAX)
        return err_set(err, ERR_INVALID, "the period is longer than %d years", PERIOD_YEARS_MAX);
    *ret = period;
    return 0;
}

int period_range(struct slice name, struct slice time_zone, int64_t now, struct period *ret, struct err *err) {
    static const struct {
        const char *name;
        int32_t days;
    } ranges[] = {{"7d", 7}, {"30d", 30}, {"90d", 90}, {"365d", 365}};
    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        if (!slice_equal(name, slice_cstr(ranges[i].name))) continue;
        ret->to_day = timezone_day(time_zone, now);
        ret->from_day = ret->to_day - (ranges[i].days - 1);
        return 0;
    }
    return err_set(err, ERR_INVALID, "range must be 7d, 30d, 90d or 365d");
}

struct period period_before(struct period period) {
    int32_t days = period.to_day - period.from_day + 1;
    return (struct period){.from_day = period.from_day - days, .to_day = period.to_day - days};
}

int period_reference(struct api_call *call, const char *parameter, enum report_reference reference, int64_t *ret_id,
                     struct err *err) {
    struct slice name = slice_cstr(parameter);
    *ret_id = REPORT_ANY;
    if (!http_query_present(call->request, name)) return 0;
    struct slice id = slice_trim(http_query(call->request, name));
    if (slice_empty(id)) return err_set(err, ERR_INVALID, "%s is empty: leave it out to mean all", parameter);
    if (reference == REPORT_CANDIDATE && candidate_ref_parse(id, ret_id)) return 0;
    return reports_find(call->db, call->organization_id, reference, id, ret_id, err);
}

/* "me" is who is signed in, for the choice between one's own emails and the team's. */
int period_sender(struct api_call *call, int64_t *ret_id, struct err *err) {
    if (!call->session || !slice_equal(http_query(call->request, SLICE("sender")), SLICE("me")))
        return period_reference(call, "sender", REPORT_SENDER, ret_id, err);
    *ret_id = call->session->account.user.id;
    return 0;
}

static const char *const basis_names[] = {[REPORT_COHORT] = "cohort", [REPORT_ACTIVITY] = "activity"};

const char *period_basis_name(enum report_basis basis) {
    return basis_names[basis];
}

static int read_basis(struct api_call *call, enum report_basis *ret, struct err *err) {
    struct slice name = http_query(call->request, SLICE("basis"));
    *ret = REPORT_COHORT;
    if (!http_query_present(call->request, SLICE("basis")) || slice_equal(name, slice_cstr(basis_names[REPORT_COHORT])))
        return 0;
    *ret = REPORT_ACTIVITY;
    if (slice_equal(name, slice_cstr(basis_names[REPORT_ACTIVITY]))) return 0;
    return err_set(err, ERR_INVALID,
                   "basis must be cohort (emails sent in the period) or activity (what happened in the period)");
}

static int read_references(struct api_call *call, struct report_filter *filter, struct err *err) {
    int result = read_basis(call, &filter->basis, err);
    if (result == 0) result = period_reference(call, "job", REPORT_JOB, &filter->job_id, err);
    if (result == 0) result = period_reference(call, "template", REPORT_TEMPLATE, &filter->template_id, err);
    if (result == 0) result = period_reference(call, "campaign", REPORT_CAMPAIGN, &filter->campaign_id, err);
    if (result == 0) result = period_sender(call, &filter->sender_id, err);
    return result;
}

static int read_period(struct api_call *call, struct period *ret, struct err *err) {
    struct slice from = http_query(call->request, SLICE("from")), to = http_query(call->request, SLICE("to"));
    if (!http_query_present(call->request, SLICE("range")))
        return period_parse(from, to, call->time_zone, call->now, ret, err);
    if (!slice_empty(from) || !slice_empty(to))
        return err_set(err, ERR_INVALID, "range stands for from and to: give one or the other");
    return period_range(http_query(call->request, SLICE("range")), call->time_zone, call->now, ret, err);
}

int period_filter(struct api_call *call, struct report_filter *ret, struct err *err) {
    struct period period;
    int result = read_period(call, &period, err);
    if (result != 0) return result;
    *ret = (struct report_filter){.organization_id = call->organization_id,
                                  .from_day = period.from_day,
                                  .to_day = period.to_day,
                                  .jobs_of = call->jobs_of};
    return read_references(call, ret, err);
}

int period_filter_open(struct api_call *call, struct report_filter *ret, struct err *err) {
    if (http_query_present(call->request, SLICE("from")) || http_query_present(call->request, SLICE("to")))
        return period_filter(call, ret, err);
    *ret = (struct report_filter){.organization_id = call->organization_id,
                                  .from_day = EMAILS_FIRST_DAY,
                                  .to_day = EMAILS_LAST_DAY,
                                  .jobs_of = call->jobs_of};
    return read_references(call, ret, err);
}

void period_write(struct api_table *table, struct period period) {
    char text[TIME_TEXT_MAX];
    api_table_text(table, "from", day_format(period.from_day, text));
    api_table_text(table, "to", day_format(period.to_day, text));
}

void period_write_zone(struct api_table *table, const struct api_call *call, struct period period) {
    period_write(table, period);
    api_table_text(table, "time_zone", call->time_zone);
}
