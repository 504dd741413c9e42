/* scores: the engagement score as it is kept to be listed by (BR-558.4; the rule is in score/score.h, what brings both
 * together in ingest/scores.h; docs/internals/score.md shows the whole).
 *
 * A row of candidate_scores is right at every moment before its next_look_at, unless a mark names the candidate.
 * Whoever changes what a score is made of (figures of emails, what may be recorded, new emails, settings) leaves a mark
 * in the same transaction; whoever reads makes sure that nothing is pending first. */
#ifndef INKLING_STORE_SCORES_H
#define INKLING_STORE_SCORES_H

#include "base/arena.h"
#include "base/err.h"
#include "model/counters.h"
#include "model/score_policy.h"

struct db;
struct db_rows;

/* ---- marks; in the transaction of the change ---- */

/* The recipients of these emails, and that their jobs and senders are known. Any number. */
MUST_USE int scores_mark_emails(struct db *db, int64_t organization_id, const int64_t *ids, size_t count,
                                struct err *err);
MUST_USE int scores_mark_candidates(struct db *db, int64_t organization_id, const int64_t *ids, size_t count,
                                    struct err *err);
MUST_USE int scores_mark_all(struct db *db, int64_t organization_id, struct err *err); /* after a change of settings */

/* Is there any mark, or a row whose next_look_at has come? Of any organization. */
MUST_USE int scores_pending(struct db *db, int64_t now, bool *ret, struct err *err);

/* ---- bringing up to date; in a write transaction of its own, scores_lock first ---- */

/* PostgreSQL: waits until no other connection is between this and the end of its transaction: two that compute the same
 * score from different moments could store the older one last. Hold no other lock. SQLite: one writer anyway. */
MUST_USE int scores_lock(struct db *db, struct err *err);

struct score_work {
    int64_t organization_id; /* 0: nothing is pending */
    int64_t *candidates;     /* that exist, ascending, each once; in the arena */
    size_t count;
};
/* Takes marks of one organization away, the oldest first, or when there are none finds rows whose next_look_at has
 * come: about `limit` candidates. */
MUST_USE int scores_take(struct db *db, int64_t now, size_t limit, struct arena *arena, struct score_work *ret,
                         struct err *err);

struct score_settings {
    struct score_policy policy;
    enum tracking_level tracking; /* the organization's, today */
    struct slice time_zone;       /* in the arena */
};
MUST_USE int score_settings_load(struct db *db, int64_t organization_id, struct arena *arena,
                                 struct score_settings *ret, struct err *err);

/* Emails sent after a moment to the candidates (ascending), by candidate, then the oldest first. Inside a transaction;
 * read with db_next and scores_email, then db_rows_free. */
MUST_USE int scores_emails(struct db *db, int64_t organization_id, const int64_t *candidates, size_t count,
                           int64_t sent_after, struct db_rows **ret, struct err *err);
void scores_email(const struct db_rows *rows, int64_t *ret_candidate, struct email_stats *ret);

struct score_row {
    int64_t organization_id, candidate_id;
    int64_t score;                  /* or SCORE_UNKNOWN */
    int64_t next_look_at;           /* TIME_UNSET: never */
    int64_t recency;                /* enum score_recency, as right as the score */
    int64_t replied;                /* 1: an email of the window was answered */
    int64_t day;                    /* of the change, for the history */
    bool is_stored;                 /* by scores_load: is there a row? */
    int64_t former, former_look_at; /* what it holds; SCORE_UNKNOWN and TIME_UNSET when there is none */
    int64_t former_recency, former_replied;
};
/* Fills is_stored and the former values; organization and candidate set, ascending by candidate, of one organization.
 */
MUST_USE int scores_load(struct db *db, struct score_row *rows, size_t count, struct err *err);
/* Stores those that differ from their former values; a changed score enters the history and the candidate's jobs. */
MUST_USE int scores_save(struct db *db, const struct score_row *rows, size_t count, struct err *err);
/* Takes the scores and their history away, jobs and senders stay: scores are off, or the candidate is erased. */
MUST_USE int scores_forget(struct db *db, int64_t organization_id, const int64_t *candidates, size_t count,
                           struct err *err);

/* ---- history ---- */

struct score_day {
    int32_t day;
    int32_t score, former; /* at the end of the day, at its beginning */
};
/* From `from_day` on, in order; at most `limit`. */
MUST_USE int scores_days(struct db *db, int64_t organization_id, int64_t candidate_id, int32_t from_day, size_t limit,
                         struct arena *arena, struct score_day **ret, size_t *ret_count, struct err *err);

/* How many candidates have which score: [0] to [100], and behind them those without one. */
#define SCORE_COUNTS 102
MUST_USE int scores_count(struct db *db, int64_t organization_id, int64_t ret[SCORE_COUNTS], struct err *err);

/* The scores of some candidates (any order, each once) from that day on, by candidate, then day. Read with db_next and
 * scores_day_of, then db_rows_free. */
MUST_USE int scores_days_of(struct db *db, int64_t organization_id, const int64_t *candidates, size_t count,
                            int32_t from_day, struct db_rows **ret, struct err *err);
void scores_day_of(const struct db_rows *rows, int64_t *ret_candidate, struct score_day *ret);

#endif
