#include "ingest/verify_scores.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "ingest/scores.h"
#include "store/db.h"
#include "store/recount.h"

#include "base/banned.h"

struct scores_check {
    struct db *db;
    const struct score_observer *observer;
    int64_t organization_id, now, compared;
    struct score_settings settings;
    int64_t *marked; /* ascending, may repeat */
    size_t marked_count;
    int64_t all_after;
    /* The email at hand. */
    struct db_rows *emails;
    bool has_email;
    int64_t recipient;
    struct email_stats stats;
};

static int compare_ids(const void *left, const void *right) {
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

/* Is somebody about to look at it? */
static bool is_pending(const struct scores_check *check, int64_t candidate_id) {
    return candidate_id > check->all_after ||
           (check->marked_count > 0 &&
            bsearch(&candidate_id, check->marked, check->marked_count, sizeof(candidate_id), compare_ids));
}

static int next_email(struct scores_check *check, struct err *err) {
    int result = db_next(check->emails, err);
    check->has_email = result > 0;
    if (result > 0) scores_email(check->emails, &check->recipient, &check->stats);
    return result < 0 ? result : 0;
}

static void compare(struct scores_check *check, const struct recount_score *stored,
                    const struct score_figures *figures) {
    char sentence[200];
    bool due = stored->next_look_at != TIME_UNSET && stored->next_look_at <= check->now;
    if (is_pending(check, stored->candidate_id) || due) return;
    check->compared++;
    if (stored->is_stored != check->settings.policy.enabled) {
        snprintf(sentence, sizeof(sentence), "candidate %lld: %s", (long long)stored->candidate_id,
                 stored->is_stored ? "there is a score though scores are off" : "the score is missing");
        check->observer->differ(check->observer->context, sentence);
        return;
    }
    if (!stored->is_stored) return;
    int64_t score = score_of(&check->settings.policy, figures, check->now).value;
    int64_t look_at = score_look_at(figures, check->now);
    if (score != stored->score) {
        snprintf(sentence, sizeof(sentence), "candidate %lld: the score is %lld, the emails give %lld",
                 (long long)stored->candidate_id, (long long)stored->score, (long long)score);
        check->observer->differ(check->observer->context, sentence);
    } else if (stored->recency != (int64_t)score_recency_at(figures->last_human_at, check->now) ||
               stored->replied != (figures->replied > 0)) {
        snprintf(sentence, sizeof(sentence), "candidate %lld: the step of the latest engagement or the reply is wrong",
                 (long long)stored->candidate_id);
        check->observer->differ(check->observer->context, sentence);
    } else if (look_at != TIME_UNSET && (stored->next_look_at == TIME_UNSET || stored->next_look_at > look_at)) {
        snprintf(sentence, sizeof(sentence), "candidate %lld: the score is looked at too late",
                 (long long)stored->candidate_id);
        check->observer->differ(check->observer->context, sentence);
    }
}

static int compare_all(struct scores_check *check, struct db_rows *rows, struct err *err) {
    int result;
    while ((result = db_next(rows, err)) > 0) {
        struct recount_score stored;
        struct score_figures figures;
        recount_score(rows, &stored);
        score_figures_init(&figures);
        while (check->has_email && check->recipient <= stored.candidate_id) {
            struct score_email email = score_email_of(&check->stats, check->settings.tracking);
            if (check->recipient == stored.candidate_id) score_figures_add(&figures, &email, check->now);
            result = next_email(check, err);
            if (result < 0) return result;
        }
        compare(check, &stored, &figures);
    }
    return result;
}

static int compare_jobs(struct scores_check *check, struct err *err) {
    struct db_rows *rows;
    char sentence[200];
    int result = recount_candidate_jobs(check->db, check->organization_id, &rows, err);
    if (result < 0) return result;
    while ((result = db_next(rows, err)) > 0) {
        struct recount_candidate_job row;
        recount_candidate_job(rows, &row);
        if (is_pending(check, row.candidate_id)) continue;
        snprintf(sentence, sizeof(sentence), "candidate %lld, %s %lld: %s", (long long)row.candidate_id,
                 row.job_id != 0 ? "job" : "sender", (long long)(row.job_id != 0 ? row.job_id : row.sender_id),
                 row.score != INT64_MIN ? "its score is not the candidate's"
                 : row.job_id != 0      ? "missing among the candidate's jobs"
                                        : "missing among the candidate's senders");
        check->observer->differ(check->observer->context, sentence);
    }
    db_rows_free(rows);
    return result;
}

int verify_scores(struct db *db, int64_t organization_id, int64_t now, const struct score_observer *observer,
                  int64_t *ret_scores, struct err *err) {
    struct scores_check check = {.db = db, .observer = observer, .organization_id = organization_id, .now = now};
    struct arena *arena = arena_new();
    struct db_rows *rows = NULL;
    int result = score_settings_load(db, organization_id, arena, &check.settings, err);
    if (result == 0)
        result =
            recount_score_marks(db, organization_id, arena, &check.marked, &check.marked_count, &check.all_after, err);
    if (result == 0) result = recount_score_emails(db, organization_id, now - SCORE_WINDOW_MS, &check.emails, err);
    if (result == 0) result = next_email(&check, err);
    if (result == 0) result = recount_scores(db, organization_id, &rows, err);
    if (result == 0) result = compare_all(&check, rows, err);
    db_rows_free(rows);
    db_rows_free(check.emails);
    if (result == 0) result = compare_jobs(&check, err);
    if (result == 0) *ret_scores = check.compared;
    arena_free(arena);
    return result;
}
