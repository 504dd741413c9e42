#include "ingest/scores.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/timezone.h"
#include "ingest/sink.h"
#include "store/db.h"
#include "store/outbox.h"

#include "base/banned.h"

/* Computes the rows from the emails of their candidates: both ascend by candidate. */
static int compute(struct db *db, const struct score_settings *settings, const struct score_work *work, int64_t now,
                   struct score_row *rows, struct err *err) {
    struct db_rows *emails;
    int32_t day = timezone_day(settings->time_zone, now);
    int result =
        scores_emails(db, work->organization_id, work->candidates, work->count, now - SCORE_WINDOW_MS, &emails, err);
    if (result < 0) return result;
    int64_t candidate_id = 0;
    struct email_stats stats;
    bool any = (result = db_next(emails, err)) > 0;
    if (any) scores_email(emails, &candidate_id, &stats);
    for (size_t i = 0; i < work->count && result >= 0; i++) {
        struct score_figures figures;
        score_figures_init(&figures);
        while (any && candidate_id <= work->candidates[i]) {
            struct score_email email = score_email_of(&stats, settings->tracking);
            if (candidate_id == work->candidates[i]) score_figures_add(&figures, &email, now);
            any = (result = db_next(emails, err)) > 0;
            if (any) scores_email(emails, &candidate_id, &stats);
        }
        rows[i] = (struct score_row){
            .organization_id = work->organization_id,
            .candidate_id = work->candidates[i],
            .score = score_of(&settings->policy, &figures, now).value,
            .next_look_at = score_look_at(&figures, now),
            .recency = score_recency_at(figures.last_human_at, now),
            .replied = figures.replied > 0,
            .day = day,
        };
    }
    db_rows_free(emails);
    return result < 0 ? result : 0;
}

static int announce_levels(struct db *db, const struct score_policy *policy, const struct score_row *rows, size_t count,
                           int64_t now, struct arena *arena, size_t *ret_announced, struct err *err) {
    struct outbox_row *told = arena_alloc_array(arena, count, sizeof(*told));
    size_t told_count = 0;
    for (size_t i = 0; i < count; i++) {
        enum score_level level = score_level_of(policy, (int32_t)rows[i].score);
        enum score_level former = score_level_of(policy, (int32_t)rows[i].former);
        if (level == former) continue;
        told[told_count++] = (struct outbox_row){.kind = OUTBOX_LEVEL,
                                                 .organization_id = rows[i].organization_id,
                                                 .candidate_id = rows[i].candidate_id,
                                                 .occurred_at = now,
                                                 .score = rows[i].score,
                                                 .level = level,
                                                 .former_level = former};
    }
    *ret_announced = told_count;
    return outbox_append(db, told, told_count, err);
}

static int refresh(struct db *db, const struct event_sink *sink, const struct score_work *work, int64_t now,
                   struct arena *arena, size_t *ret_announced, struct err *err) {
    struct score_settings settings;
    int result = score_settings_load(db, work->organization_id, arena, &settings, err);
    if (result < 0) return result;
    if (!settings.policy.enabled) return scores_forget(db, work->organization_id, work->candidates, work->count, err);
    struct score_row *rows = arena_alloc_array(arena, work->count, sizeof(*rows));
    result = compute(db, &settings, work, now, rows, err);
    if (result == 0) result = scores_load(db, rows, work->count, err);
    if (result == 0) result = scores_save(db, rows, work->count, err);
    if (result == 0 && sink && sink->wants_levels(sink->context, work->organization_id))
        result = announce_levels(db, &settings.policy, rows, work->count, now, arena, ret_announced, err);
    return result;
}

int scores_refresh(struct db *db, const struct event_sink *sink, int64_t now, size_t limit, size_t *ret_looked,
                   bool *ret_announced, struct err *err) {
    struct arena *arena = arena_new();
    struct score_work work = {0};
    size_t announced = 0;
    int result = scores_lock(db, err);
    if (result == 0) result = scores_take(db, now, limit, arena, &work, err);
    if (result == 0 && work.count > 0) result = refresh(db, sink, &work, now, arena, &announced, err);
    /* A mark may name nobody (any more); it was taken away all the same. */
    if (result == 0) {
        *ret_looked = work.organization_id != 0 && work.count == 0 ? 1 : work.count;
        *ret_announced = announced > 0;
    }
    arena_free(arena);
    return result;
}

int scores_emails_of(struct db *db, int64_t organization_id, int64_t candidate_id, enum tracking_level tracking,
                     int64_t now, struct arena *arena, struct score_email **ret, size_t *ret_count, struct err *err) {
    struct db_rows *rows;
    struct score_email *emails = NULL;
    size_t count = 0, capacity = 0;
    int result = scores_emails(db, organization_id, &candidate_id, 1, now - SCORE_WINDOW_MS, &rows, err);
    if (result < 0) return result;
    while ((result = db_next(rows, err)) > 0) {
        struct email_stats stats;
        int64_t ignored;
        scores_email(rows, &ignored, &stats);
        if (count == capacity) {
            capacity = memory_next_capacity(capacity, count + 1);
            emails = memory_grow(emails, capacity, sizeof(*emails));
        }
        emails[count++] = score_email_of(&stats, tracking);
    }
    db_rows_free(rows);
    if (result == 0) {
        *ret = arena_alloc_array(arena, count, sizeof(*emails));
        if (count > 0) memcpy(*ret, emails, count * sizeof(*emails));
        *ret_count = count;
    }
    free(emails);
    return result;
}
