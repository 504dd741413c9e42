#include "api/candidates.h"
#include "api/resources.h"

#include <stdlib.h>

#include "api/audit.h"
#include "api/embed.h"
#include "api/period.h"
#include "api/score_fields.h"
#include "api/views.h"
#include "score/explain.h"
#include "store/consent.h"
#include "store/timeline.h"

#include "base/banned.h"

#define LIST_DEFAULT       50
#define LIST_MAX           200
#define TIMELINE_DEFAULT   100
#define TIMELINE_LIMIT_MAX 500
#define TIMELINE_EMAILS    50 /* the latest ones */
#define EXTERNAL_ID_MAX    255
#define CARRY_PORTION      2000 /* emails of a campaign in one transaction */

/* ---- list and one ---- */

static void write_jobs(struct api_table *table, int64_t candidate_id, const struct candidate_job *jobs, size_t count) {
    api_table_array(table, "jobs");
    for (size_t i = 0; i < count; i++) {
        if (jobs[i].candidate_id != candidate_id) continue;
        api_table_object(table, NULL);
        api_table_text(table, "id", jobs[i].external_id);
        api_table_text(table, "title", jobs[i].name);
        api_table_close(table);
    }
    api_table_close(table);
}

static void write_trend(struct api_table *table, const score_trend trend) {
    api_table_array(table, "score_trend");
    for (int i = 0; i < SCORE_TREND_DAYS; i++)
        api_table_int_or_null(table, NULL, trend[i], SCORE_UNKNOWN);
    api_table_close(table);
}

/* `settings`: NULL: without scores. */
static int write_candidates(struct api_call *call, struct api_table *table, const struct candidate_view *candidates,
                            size_t count, const struct score_settings *settings, struct err *err) {
    int64_t *ids = arena_alloc_array(call->arena, count, sizeof(*ids));
    int32_t *scores = arena_alloc_array(call->arena, count, sizeof(*scores));
    struct candidate_figures *figures = arena_alloc_array(call->arena, count, sizeof(*figures));
    score_trend *trends = arena_alloc_array(call->arena, count, sizeof(*trends));
    struct candidate_job *jobs = NULL;
    size_t job_count = 0;
    for (size_t i = 0; i < count; i++) {
        ids[i] = candidates[i].id;
        scores[i] = candidates[i].score;
    }
    int result = candidates_figures(call->db, call->organization_id, call->jobs_of, ids, count, figures, err);
    if (result == 0)
        result = candidates_jobs(call->db, call->organization_id, call->jobs_of, ids, count, call->arena, &jobs,
                                 &job_count, err);
    if (result == 0 && settings) result = score_trends_load(call, settings, ids, scores, count, trends, err);
    if (result != 0) return result;
    for (size_t i = 0; i < count; i++) {
        api_table_row(table);
        view_candidate(table, &candidates[i], &figures[i], settings ? &settings->policy : NULL);
        write_jobs(table, candidates[i].id, jobs, job_count);
        if (settings) write_trend(table, trends[i]);
    }
    return 0;
}

/* NULL: no score is shown, because there is none or the caller may not see it (compliance C-103). */
static const struct score_policy *shown_policy(const struct api_call *call, const struct score_settings *settings) {
    return settings->policy.enabled && (call->permissions & API_SCORES) ? &settings->policy : NULL;
}

int candidates_write_follow_up(struct api_call *call, int64_t job_id, int64_t sender_id, size_t limit,
                               struct api_table *table, struct err *err) {
    struct score_settings settings;
    struct candidate_view *candidates;
    size_t count;
    bool pending;
    int result = score_settings_load(call->db, call->organization_id, call->arena, &settings, err);
    if (result != 0) return result;
    if (!shown_policy(call, &settings)) return err_set(err, ERR_DENIED, "there are no scores for you to see");
    struct candidate_filter filter = {.organization_id = call->organization_id,
                                      .jobs_of = call->jobs_of,
                                      .sort = CANDIDATES_BEST_SCORE,
                                      .job_id = job_id,
                                      .sender_id = sender_id,
                                      .reply = CANDIDATE_REPLY_NONE};
    score_level_range(&settings.policy, SCORE_LEVEL_HOT, &filter.low, &filter.high);
    result = candidates_list(call->db, &filter, limit, call->arena, &candidates, &count, err);
    if (result == 0) result = scores_pending(call->db, call->now, &pending, err);
    if (result == 0) result = write_candidates(call, table, candidates, count, &settings, err);
    if (result != 0) return result;
    api_table_extras(table);
    api_table_text(table, "score_hint", SLICE(SCORE_HINT));
    api_table_bool(table, "scores_pending", pending);
    return 0;
}

/* The orders that can be asked for, and the cursors of each: score and id, or the id alone. */
static const struct {
    const char *name, *list;
    size_t values;
} orders[] = {
    [CANDIDATES_NEWEST] = {"newest", "candidates", 1},
    [CANDIDATES_BEST_SCORE] = {"-score", "candidates-by-score", 2},
    [CANDIDATES_WORST_SCORE] = {"score", "candidates-by-score-up", 2},
};

/* Words that stand for a number. -1: none of them. */
static int choice(struct slice text, const char *const *names, int count) {
    for (int i = 0; i < count; i++)
        if (slice_equal(text, slice_cstr(names[i]))) return i;
    return -1;
}

/* replied, engaged_days: who is to be followed up. They are kept with the scores. */
static int read_follow_up(struct api_call *call, const struct score_settings *settings, struct candidate_filter *ret,
                          struct err *err) {
    static const char *const replies[] = {[CANDIDATE_REPLY_NONE] = "no", [CANDIDATE_REPLIED] = "yes"};
    static const char *const days[] = {[1] = "1", [2] = "7", [3] = "30"};
    if (http_query_present(call->request, SLICE("replied"))) {
        int reply = choice(http_query(call->request, SLICE("replied")), replies + 1, 2);
        if (reply < 0) return err_set(err, ERR_INVALID, "replied must be yes or no");
        ret->reply = (enum candidate_reply)(reply + 1);
    }
    if (!http_query_present(call->request, SLICE("engaged_days"))) return 0;
    int step = choice(http_query(call->request, SLICE("engaged_days")), days + 1, 3);
    if (step < 0) return err_set(err, ERR_INVALID, "engaged_days must be 1, 7 or 30");
    ret->recency_below = step + 1;
    /* Whoever engaged since then has the points for it at least: no need to look below. */
    if (ret->low < settings->policy.recency[step]) ret->low = settings->policy.recency[step];
    return 0;
}

/* sort, level, replied, engaged_days, job, sender. */
static int read_filter(struct api_call *call, const struct score_settings *settings, struct candidate_filter *ret,
                       struct err *err) {
    struct slice sort = http_query(call->request, SLICE("sort")), name = http_query(call->request, SLICE("level"));
    size_t order = CANDIDATES_NEWEST;
    enum score_level level;
    bool has_level = http_query_present(call->request, SLICE("level"));
    *ret = (struct candidate_filter){
        .organization_id = call->organization_id, .jobs_of = call->jobs_of, .low = SCORE_UNKNOWN, .high = 100};
    if (http_query_present(call->request, SLICE("sort"))) {
        for (order = 0; order < sizeof(orders) / sizeof(orders[0]); order++)
            if (slice_equal(sort, slice_cstr(orders[order].name))) break;
        if (order == sizeof(orders) / sizeof(orders[0]))
            return err_set(err, ERR_INVALID, "sort must be newest, -score (highest first) or score");
    }
    ret->sort = (enum candidate_sort)order;
    if (has_level && !score_level_parse(name, &level))
        return err_set(err, ERR_INVALID, "level must be hot, warm, cold or unknown");
    bool by_score = has_level || order != CANDIDATES_NEWEST || http_query_present(call->request, SLICE("replied")) ||
                    http_query_present(call->request, SLICE("engaged_days"));
    /* Who may not see scores must not learn them from an order or a choice either. */
    if (by_score && !(call->permissions & API_SCORES))
        return err_set(err, ERR_DENIED, "scores are not yours to see: leave out sort, level, replied and engaged_days");
    if (by_score && !settings->policy.enabled)
        return err_set(err, ERR_INVALID,
                       "this organization has scores switched off: leave out sort, level, replied and engaged_days");
    if (has_level) score_level_range(&settings->policy, level, &ret->low, &ret->high);
    int result = read_follow_up(call, settings, ret, err);
    if (result == 0) result = period_reference(call, "job", REPORT_JOB, &ret->job_id, err);
    if (result == 0) result = period_sender(call, &ret->sender_id, err);
    return result;
}

static int read_position(struct api_call *call, struct candidate_filter *filter, struct err *err) {
    int64_t values[2];
    size_t count = orders[filter->sort].values;
    int result = api_cursor_read(call, orders[filter->sort].list, values, count, &filter->has_after, err);
    if (result != 0 || !filter->has_after) return result;
    filter->after_id = values[count - 1];
    if (count == 2) filter->after_score = (int32_t)values[0];
    return 0;
}

static char *make_position(struct api_call *call, const struct candidate_filter *filter,
                           const struct candidate_view *last) {
    const int64_t values[] = {last->score, last->id};
    size_t count = orders[filter->sort].values;
    return api_cursor_make(call, orders[filter->sort].list, values + 2 - count, count);
}

static int list_candidates(struct api_call *call, const struct candidate_filter *filter, int64_t limit,
                           const struct score_settings *settings, bool current, struct err *err) {
    struct candidate_view *candidates;
    size_t count;
    const char *next = NULL;
    int result = candidates_list(call->db, filter, (size_t)limit + 1, call->arena, &candidates, &count, err);
    if (result != 0) return result;
    if (count > (size_t)limit) next = make_position(call, filter, &candidates[--count - 1]);
    struct api_table *table = api_table_begin(call, "candidates");
    result = write_candidates(call, table, candidates, count, settings, err);
    if (result != 0) return result;
    if (settings) {
        api_table_extras(table);
        api_table_text(table, "score_hint", SLICE(SCORE_HINT));
        api_table_bool(table, "scores_pending", !current);
    }
    api_table_end(call, next);
    return 0;
}

int candidates_list_show(struct api_call *call, struct err *err) {
    static const char *const parameters[] = {"limit",  "cursor",  "sort",         "level", "job",
                                             "sender", "replied", "engaged_days", NULL};
    struct score_settings settings;
    struct candidate_filter filter;
    int64_t limit;
    bool current = true;
    int result = api_known_parameters(call, parameters, err);
    if (result == 0) result = api_limit(call, LIST_DEFAULT, LIST_MAX, &limit, err);
    if (result == 0) result = score_settings_load(call->db, call->organization_id, call->arena, &settings, err);
    if (result == 0) result = read_filter(call, &settings, &filter, err);
    if (result == 0) result = read_position(call, &filter, err);
    /* Also without scores: jobs of candidates are found on the same way. */
    if (result == 0) result = score_wait_current(call, &current, err);
    if (result == 0) result = db_begin(call->db, DB_READ, err);
    if (result != 0) return result;
    result = list_candidates(call, &filter, limit, shown_policy(call, &settings) ? &settings : NULL, current, err);
    db_rollback(call->db);
    return result;
}

static int load_candidate(struct api_call *call, struct candidate_view *ret, struct err *err) {
    struct slice id = http_param(call->request, "id");
    int result = candidates_get(call->db, call->organization_id, call->jobs_of, id, call->arena, ret, err);
    return result != 0 ? result : embed_check_candidate(call, ret->external_id, err);
}

int candidates_show(struct api_call *call, struct err *err) {
    struct candidate_view candidate;
    struct candidate_figures figures;
    struct score_settings settings;
    struct score_detail *detail = arena_alloc(call->arena, sizeof(*detail));
    int result = api_known_parameters(call, (const char *const[]){NULL}, err);
    if (result == 0) result = db_begin(call->db, DB_READ, err);
    if (result != 0) return result;
    result = load_candidate(call, &candidate, err);
    if (result == 0)
        result = candidates_figures(call->db, call->organization_id, call->jobs_of, &candidate.id, 1, &figures, err);
    if (result == 0) result = score_settings_load(call->db, call->organization_id, call->arena, &settings, err);
    bool scored = result == 0 && shown_policy(call, &settings);
    if (scored) result = score_detail_load(call, &settings, candidate.id, detail, err);
    db_rollback(call->db);
    if (result != 0) return result;
    if (scored) candidate.score = detail->score.value; /* of this moment: nothing needs to wait for the stored one */
    struct api_table *object = api_object_begin(call);
    view_candidate(object, &candidate, &figures, scored ? &settings.policy : NULL);
    if (scored) score_detail_write(call, object, detail);
    api_object_end(call, 200);
    return 0;
}

/* ---- timeline ---- */

struct timeline {
    struct email_view *emails;
    struct stored_event *events; /* the latest first */
    size_t email_count, count;
    bool truncated;
    struct event_providers *providers;
};

static int load_timeline(struct api_call *call, size_t limit, struct timeline *ret, struct err *err) {
    struct candidate_view candidate;
    int64_t ids[TIMELINE_EMAILS];
    int result = load_candidate(call, &candidate, err);
    if (result != 0) return result;
    const struct email_filter filter = {
        .cohort = {.organization_id = call->organization_id,
                   .from_day = EMAILS_FIRST_DAY,
                   .to_day = EMAILS_LAST_DAY,
                   .jobs_of = call->jobs_of},
        .candidate_id = candidate.id,
    };
    result = emails_list(call->db, &filter, &(struct email_page){.limit = TIMELINE_EMAILS + 1}, call->arena,
                         &ret->emails, &ret->email_count, err);
    if (result == 0) result = event_providers_load(call->db, call->organization_id, call->arena, &ret->providers, err);
    if (result != 0) return result;
    ret->truncated = ret->email_count > TIMELINE_EMAILS;
    if (ret->truncated) ret->email_count = TIMELINE_EMAILS;
    for (size_t i = 0; i < ret->email_count; i++)
        ids[i] = ret->emails[i].stats.email_log_id;
    result = timeline_latest(call->db, call->organization_id, ids, ret->email_count, limit + 1, call->arena,
                             &ret->events, &ret->count, err);
    if (result != 0) return result;
    if (ret->count > limit) {
        ret->count = limit;
        ret->truncated = true;
    }
    for (size_t i = 0; i < ret->count; i++)
        embed_reduce_event(call, &ret->events[i]);
    return 0;
}

static struct slice subject_of(const struct timeline *timeline, const struct stored_event *event) {
    for (size_t i = 0; i < timeline->email_count; i++)
        if (timeline->emails[i].stats.email_log_id == event->key.email_log_id) return timeline->emails[i].subject;
    return SLICE_NONE;
}

int candidates_timeline(struct api_call *call, struct err *err) {
    static const char *const parameters[] = {"limit", NULL};
    struct timeline timeline = {0};
    int64_t limit;
    int result = api_known_parameters(call, parameters, err);
    if (result == 0) result = api_limit(call, TIMELINE_DEFAULT, TIMELINE_LIMIT_MAX, &limit, err);
    if (result == 0) result = db_begin(call->db, DB_READ, err);
    if (result != 0) return result;
    result = load_timeline(call, (size_t)limit, &timeline, err);
    db_rollback(call->db);
    if (result != 0) return result;
    struct api_table *table = api_table_begin(call, "candidate-timeline");
    for (size_t i = 0; i < timeline.count; i++) {
        const struct stored_event *event = &timeline.events[i];
        api_table_row(table);
        api_table_text(table, "subject", subject_of(&timeline, event));
        view_event(table, event, event_provider(timeline.providers, event->endpoint_id));
    }
    api_table_extras(table);
    api_table_bool(table, "truncated", timeline.truncated);
    api_table_end(call, NULL);
    return 0;
}

/* ---- what may be recorded ---- */

struct consenting {
    struct api_call *call;
    struct slice external_id;
    struct consent consent;
    size_t emails;
    /* Of a campaign. */
    int64_t campaign_id;
    struct consent_position position, next; /* what is committed, and the proposal of the transaction at hand */
    size_t portion;
};

/* {"level": "none" | "aggregate" | "clicks" | "full" | null}; null takes the answer back. */
static int read_consent(struct api_call *call, struct consenting *ret, struct err *err) {
    static const char *const members[] = {"level", NULL};
    struct json_value body;
    struct slice name;
    *ret = (struct consenting){.call = call, .external_id = slice_trim(http_param(call->request, "id"))};
    int result = api_body(call, &body, err);
    if (result == 0) result = api_known_members(body, members, err);
    if (result != 0) return result;
    if (slice_empty(ret->external_id) || ret->external_id.len > EXTERNAL_ID_MAX)
        return err_set(err, ERR_INVALID, "an id has 1 to %d bytes", EXTERNAL_ID_MAX);
    struct json_value level = json_get(body, SLICE("level"));
    if (level.type == JSON_KIND_NULL) return 0;
    if (!json_text(level, &name) || !tracking_level_parse(name, &ret->consent.level))
        return err_set(err, ERR_INVALID, "level must be none, aggregate, clicks, full, or null to take it back");
    ret->consent.known = true;
    return 0;
}

static int answer_consent(struct consenting *consenting) {
    struct api_table *answer = api_object_begin(consenting->call);
    const struct consent *consent = &consenting->consent;
    api_table_text(answer, "id", consenting->external_id);
    api_table_text(answer, "tracking", slice_cstr(consent->known ? tracking_level_name(consent->level) : NULL));
    api_table_int(answer, "emails", (int64_t)consenting->emails);
    api_object_end(consenting->call, 200);
    return 0;
}

static void write_level(struct api_table *object, bool known, enum tracking_level level) {
    api_table_text(object, "tracking", slice_cstr(known ? tracking_level_name(level) : NULL));
}

static int run_candidate(void *context, struct applier *applier, struct db *db, struct err *err) {
    struct consenting *consenting = context;
    struct api_call *call = consenting->call;
    struct candidate_view before = {0};
    int64_t id;
    (void)applier;
    int result = candidates_get(db, call->organization_id, 0, consenting->external_id, call->arena, &before, err);
    if (result == 0) consenting->external_id = before.external_id; /* where the path had the number */
    if (result == -ERR_NOT_FOUND && !candidate_ref_parse(consenting->external_id, &id)) result = 0;
    if (result == 0)
        result = consent_set_candidate(db, call->organization_id, consenting->external_id, consenting->consent,
                                       call->now, &id, &consenting->emails, err);
    if (result != 0) return result;
    api_audit_object(call, id);
    write_level(api_audit_before(call), before.has_tracking, before.tracking);
    write_level(api_audit_after(call), consenting->consent.known, consenting->consent.level);
    return 0;
}

int candidates_set_tracking(struct api_call *call, struct err *err) {
    struct consenting consenting;
    int result = read_consent(call, &consenting, err);
    if (result == 0) result = api_write(call, run_candidate, &consenting, err);
    return result < 0 ? result : answer_consent(&consenting);
}

static int run_campaign(void *context, struct applier *applier, struct db *db, struct err *err) {
    struct consenting *consenting = context;
    (void)applier;
    int result = consent_set_campaign(db, consenting->call->organization_id, consenting->external_id,
                                      consenting->consent, consenting->call->now, &consenting->campaign_id, err);
    api_audit_object(consenting->call, consenting->campaign_id);
    write_level(api_audit_after(consenting->call), consenting->consent.known, consenting->consent.level);
    return result;
}

static int run_carry(void *context, struct applier *applier, struct db *db, struct err *err) {
    struct consenting *consenting = context;
    (void)applier;
    consenting->next = consenting->position; /* the writer may call again */
    return consent_carry_campaign(db, consenting->call->organization_id, consenting->campaign_id, CARRY_PORTION,
                                  &consenting->next, &consenting->portion, err);
}

/* When the service ends in the middle, the request has no answer and is sent again: it does no harm twice. */
int campaigns_set_tracking(struct api_call *call, struct err *err) {
    struct consenting consenting;
    int result = read_consent(call, &consenting, err);
    if (result == 0) result = api_write(call, run_campaign, &consenting, err);
    do {
        if (result == 0) result = api_write(call, run_carry, &consenting, err);
        if (result != 0) return result;
        consenting.position = consenting.next;
        consenting.emails += consenting.portion;
    } while (consenting.portion == CARRY_PORTION);
    return answer_consent(&consenting);
}
