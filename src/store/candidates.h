/* candidates: the people who get the emails, what their emails came to, and what they allow to be recorded. */
#ifndef INKLING_STORE_CANDIDATES_H
#define INKLING_STORE_CANDIDATES_H

#include "base/err.h"
#include "model/score_policy.h"
#include "model/tracking.h"
#include "store/reports.h"

struct candidate_view {
    int64_t id;
    struct slice external_id, name, email, title; /* ptr NULL: not known */
    bool has_tracking;                            /* was the person asked? */
    enum tracking_level tracking;                 /* when has_tracking */
    int64_t created_at, updated_at;
    int32_t score; /* as stored (scores.h); SCORE_UNKNOWN when there is none */
};

/* "~17": how pages and programs name a candidate in an address, where the applicant tracking system's id may be an
 * email address (compliance C-118). */
#define CANDIDATE_REF_MAX 24
struct slice candidate_ref(int64_t id, char out[CANDIDATE_REF_MAX]);
bool candidate_ref_parse(struct slice text, int64_t *ret_id);

/* `jobs_of`: only candidates with emails about jobs of this user, and only those emails; 0: all. */

enum candidate_reply { CANDIDATE_REPLY_ANY, CANDIDATE_REPLY_NONE, CANDIDATE_REPLIED }; /* within the score's window */
enum candidate_sort { CANDIDATES_NEWEST, CANDIDATES_BEST_SCORE, CANDIDATES_WORST_SCORE };
struct candidate_filter {
    int64_t organization_id;
    int64_t jobs_of;
    enum candidate_sort sort;
    int64_t job_id;    /* REPORT_ANY: all. One that is not of jobs_of: nobody */
    int64_t sender_id; /* only those whom this user sent an email; REPORT_ANY: all */
    enum candidate_reply reply;
    int32_t recency_below; /* engaged within 24 hours (1), 7 days (2), 30 days (3); 0: any or no time */
    int32_t low, high;     /* scores, both ends included; SCORE_UNKNOWN and 100: all */
    bool has_after;        /* behind the one with these, in the order asked for */
    int32_t after_score;   /* when sorted by score */
    int64_t after_id;
};
/* Of equal scores the newest first, or last when the worst come first. Unknown is below every score. No order needs a
 * scan: scores are read along an index, those of a sender sorted. Who has no row of scores yet is missing when sorted
 * by score: see scores_pending. At most `limit`; strings in `arena`. */
MUST_USE int candidates_list(struct db *db, const struct candidate_filter *filter, size_t limit, struct arena *arena,
                             struct candidate_view **ret, size_t *ret_count, struct err *err);
/* By the applicant tracking system's own id, or by candidate_ref. ERR_NOT_FOUND. */
MUST_USE int candidates_get(struct db *db, int64_t organization_id, int64_t jobs_of, struct slice id,
                            struct arena *arena, struct candidate_view *ret, struct err *err);

/* Those who said what may be recorded of them, and their latest answer; the newest candidates first, at most `limit`
 * with an id below `before`. `search`: in id, name or address (without regard to ASCII case); empty: all. */
struct candidate_answer {
    struct candidate_view candidate; /* without the score */
    struct slice channel;            /* consent_channel_name; ptr NULL: from before answers were recorded */
    int64_t answered_at;             /* TIME_UNSET likewise */
};
MUST_USE int candidates_answers(struct db *db, int64_t organization_id, struct slice search, int64_t before,
                                size_t limit, struct arena *arena, struct candidate_answer **ret, size_t *ret_count,
                                struct err *err);

/* What the person's emails came to, with the latest moment of each kind. Of the latest CANDIDATE_EMAILS_MAX emails. */
#define CANDIDATE_EMAILS_MAX 10000
struct candidate_figures {
    struct figures figures; /* without anonymous counts: nobody knows whose they are */
    int64_t last_sent_at;   /* TIME_UNSET: never */
    int64_t last_human_at;  /* the latest human open, click or reply; TIME_UNSET: never */
};
/* Of a page of candidates (each id once) in one query; ret[i] belongs to ids[i]. On failure `ret` is undefined. */
MUST_USE int candidates_figures(struct db *db, int64_t organization_id, int64_t jobs_of, const int64_t *ids,
                                size_t count, struct candidate_figures *ret, struct err *err);

/* The jobs that the candidates (each id once) got emails about, by candidate, the newest job first; strings in
 * `arena`. At most CANDIDATE_JOBS_MAX of a page. Known once a score was looked at (scores.h). */
#define CANDIDATE_JOBS_MAX 2000
struct candidate_job {
    int64_t candidate_id;
    struct slice external_id, name;
};
MUST_USE int candidates_jobs(struct db *db, int64_t organization_id, int64_t jobs_of, const int64_t *ids, size_t count,
                             struct arena *arena, struct candidate_job **ret, size_t *ret_count, struct err *err);

#endif
