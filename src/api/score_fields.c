#include "api/score_fields.h"

#include "base/clock.h"
#include "base/timezone.h"
#include "ingest/scores.h"
#include "score/explain.h"
#include "store/db.h"

#include "base/banned.h"

#define CURRENT_WAIT_MS 2000

static void write_value(struct api_table *table, const struct score_policy *policy, const char *value_name,
                        const char *level_name, int32_t value) {
    api_table_int_or_null(table, value_name, value, SCORE_UNKNOWN);
    api_table_text(table, level_name, slice_cstr(score_level_name(score_level_of(policy, value))));
}

void score_fields_write(struct api_table *table, const struct score_policy *policy, int32_t value) {
    write_value(table, policy, "engagement_score", "engagement_level", value);
}

/* ---- loading ---- */

/* Fills the days forward from what changed; before the first change it was that change's former score. */
static void fill_trend(const struct score_day *days, size_t count, int32_t first_day, int32_t now, score_trend trend) {
    int32_t score = count > 0 ? days[0].former : now;
    size_t at = 0;
    for (int i = 0; i < SCORE_TREND_DAYS; i++) {
        for (; at < count && days[at].day <= first_day + i; at++)
            score = days[at].score;
        trend[i] = score;
    }
    trend[SCORE_TREND_DAYS - 1] = now;
}

static int load_trend(struct api_call *call, int64_t candidate_id, struct score_detail *detail, struct err *err) {
    struct score_day *days;
    size_t count;
    detail->last_day = timezone_day(detail->settings.time_zone, call->now);
    int32_t first_day = detail->last_day - (SCORE_TREND_DAYS - 1);
    int result = scores_days(call->db, call->organization_id, candidate_id, first_day, SCORE_TREND_DAYS, call->arena,
                             &days, &count, err);
    if (result == 0) fill_trend(days, count, first_day, detail->score.value, detail->trend);
    return result;
}

static size_t index_of(const int64_t *ids, size_t count, int64_t id) {
    size_t i = 0;
    while (i < count && ids[i] != id)
        i++;
    return i;
}

int score_trends_load(struct api_call *call, const struct score_settings *settings, const int64_t *ids,
                      const int32_t *scores, size_t count, score_trend *ret, struct err *err) {
    struct db_rows *rows;
    struct score_day days[SCORE_TREND_DAYS + 2] = {0}; /* rows of days to come, should the zone have changed */
    int32_t first_day = timezone_day(settings->time_zone, call->now) - (SCORE_TREND_DAYS - 1);
    size_t day_count = 0, current = count;
    for (size_t i = 0; i < count; i++)
        fill_trend(days, 0, first_day, scores[i], ret[i]);
    if (count == 0) return 0;
    int result = scores_days_of(call->db, call->organization_id, ids, count, first_day, &rows, err);
    if (result != 0) return result;
    for (;;) {
        int64_t candidate_id = 0;
        struct score_day day = {0};
        result = db_next(rows, err);
        if (result > 0) scores_day_of(rows, &candidate_id, &day);
        size_t index = result > 0 ? index_of(ids, count, candidate_id) : count;
        if (index != current) {
            if (current < count) fill_trend(days, day_count, first_day, scores[current], ret[current]);
            current = index;
            day_count = 0;
        }
        if (result <= 0) break;
        if (day_count < sizeof(days) / sizeof(days[0])) days[day_count++] = day;
    }
    db_rows_free(rows);
    return result;
}

int score_detail_load(struct api_call *call, const struct score_settings *settings, int64_t candidate_id,
                      struct score_detail *ret, struct err *err) {
    struct score_email *emails;
    size_t count;
    *ret = (struct score_detail){.settings = *settings};
    int result = scores_emails_of(call->db, call->organization_id, candidate_id, settings->tracking, call->now,
                                  call->arena, &emails, &count, err);
    if (result != 0) return result;
    score_figures_init(&ret->figures);
    for (size_t i = 0; i < count; i++)
        score_figures_add(&ret->figures, &emails[i], call->now);
    ret->score = score_of(&settings->policy, &ret->figures, call->now);
    ret->has_change = score_next(&settings->policy, emails, count, call->now, &ret->change);
    return load_trend(call, candidate_id, ret, err);
}

int score_wait_current(struct api_call *call, bool *ret_current, struct err *err) {
    bool pending;
    int result = scores_pending(call->db, call->now, &pending, err);
    if (result != 0) return result;
    *ret_current = !pending || writer_refresh_scores(call->app->writer, CURRENT_WAIT_MS);
    return 0;
}

/* ---- writing ---- */

static void write_parts(struct api_call *call, struct api_table *object, const struct score_detail *detail) {
    api_table_array(object, "score_parts");
    for (int i = 0; i < SCORE_PARTS; i++) {
        enum score_part_name name = (enum score_part_name)i;
        const struct score_part *part = &detail->score.parts[i];
        struct score_reason reason = score_part_reason(&detail->score, &detail->figures, name, call->arena);
        const struct score_figures *figures = &detail->figures;
        api_table_object(object, NULL);
        api_table_text(object, "part", slice_cstr(score_part_code(name)));
        api_table_int(object, "points", part->points);
        api_table_int(object, "max", part->max);
        api_table_bool(object, "measured", part->measured);
        if (name == SCORE_RECENCY) {
            api_table_time(object, "last_engaged_at", figures->last_human_at);
        } else {
            api_table_int(object, "emails", name == SCORE_OPENS ? figures->opened : figures->clicked);
            api_table_int(object, "of", name == SCORE_OPENS ? figures->open_base : figures->click_base);
        }
        api_table_text(object, "code", slice_cstr(reason.code));
        api_table_text(object, "text", reason.text);
        api_table_close(object);
    }
    api_table_close(object);
}

static void write_explanation(struct api_call *call, struct api_table *object, const struct score_detail *detail) {
    struct score_reason notes[SCORE_NOTES_MAX];
    size_t count;
    score_notes(&detail->score, &detail->figures, call->arena, notes, &count);
    api_table_array(object, "explanation");
    for (int i = 0; i < SCORE_PARTS; i++) {
        enum score_part_name name = (enum score_part_name)i;
        struct score_reason reason = score_part_reason(&detail->score, &detail->figures, name, call->arena);
        api_table_object(object, NULL);
        api_table_text(object, "part", slice_cstr(score_part_code(name)));
        api_table_text(object, "code", slice_cstr(reason.code));
        api_table_text(object, "text", reason.text);
        api_table_close(object);
    }
    for (size_t i = 0; i < count; i++) {
        api_table_object(object, NULL);
        api_table_null(object, "part");
        api_table_text(object, "code", slice_cstr(notes[i].code));
        api_table_text(object, "text", notes[i].text);
        api_table_close(object);
    }
    api_table_close(object);
}

static void write_gaps(struct api_table *object, const char *name, const int64_t gaps[SCORE_GAP_COUNT]) {
    api_table_object(object, name);
    for (enum score_gap gap = SCORE_GAP_NO_CONSENT; gap < SCORE_GAP_COUNT; gap++)
        api_table_int(object, score_gap_name(gap), gaps[gap]);
    api_table_close(object);
}

static void write_basis(struct api_table *object, const struct score_figures *figures) {
    api_table_object(object, "score_basis");
    api_table_int(object, "window_days", SCORE_WINDOW_DAYS);
    api_table_int(object, "emails", figures->emails);
    api_table_int(object, "replied", figures->replied);
    api_table_int(object, "bounced", figures->bounced);
    write_gaps(object, "left_out_of_opens", figures->open_gaps);
    write_gaps(object, "left_out_of_clicks", figures->click_gaps);
    api_table_close(object);
}

void score_detail_write(struct api_call *call, struct api_table *object, const struct score_detail *detail) {
    const struct score_policy *policy = &detail->settings.policy;
    api_table_text(object, "score_hint", SLICE(SCORE_HINT));
    write_parts(call, object, detail);
    write_explanation(call, object, detail);
    write_basis(object, &detail->figures);
    if (detail->has_change) {
        api_table_object(object, "next_change");
        api_table_time(object, "at", detail->change.at);
        write_value(object, policy, "score", "level", detail->change.value);
        api_table_close(object);
    } else {
        api_table_null(object, "next_change");
    }
    api_table_array(object, "trend");
    for (int i = 0; i < SCORE_TREND_DAYS; i++) {
        char date[TIME_TEXT_MAX];
        api_table_object(object, NULL);
        api_table_text(object, "date", day_format(detail->last_day - (SCORE_TREND_DAYS - 1) + i, date));
        write_value(object, policy, "score", "level", detail->trend[i]);
        api_table_close(object);
    }
    api_table_close(object);
}
