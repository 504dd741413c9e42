/* score: how much a candidate engages with the emails of the last 90 days, 0 to 100 or unknown (BR-558.4; semantics.md
 * "Score"; docs/decisions/0009). Pure: figures of emails and the time in, a score out; the clock is passed in.
 *
 *   recency   day/week/month points by the latest human open, click or reply of the emails counted
 *   opens     points × emails opened / emails whose opens can be measured
 *   clicks    points × emails clicked / emails whose clicks can be measured
 *
 * All borders are those of the specification's SQL: a moment counts while it is > now - period, so 24 h ago to the
 * millisecond no longer does. There is no bound on the other side: a clock that runs ahead is no reason to wait. */
#ifndef INKLING_SCORE_SCORE_H
#define INKLING_SCORE_SCORE_H

#include "model/counters.h"
#include "model/score_policy.h"

#define SCORE_WINDOW_DAYS 90
#define SCORE_WINDOW_MS   (SCORE_WINDOW_DAYS * 86400000LL)

/* Why an email does not count for a part. In the order in which they are asked. */
enum score_gap {
    SCORE_GAP_NONE,          /* it counts */
    SCORE_GAP_NO_CONSENT,    /* the candidate or the campaign does not allow it today */
    SCORE_GAP_PRIVACY_MODE,  /* the organization does not record it today */
    SCORE_GAP_NOT_TRACKED,   /* it was sent without */
    SCORE_GAP_MACHINE_OPENS, /* only a machine opened it: whether a human did behind it, nobody sees (opens only) */
};
#define SCORE_GAP_COUNT 5
const char *score_gap_name(enum score_gap gap); /* "no_consent" …: for the API. "counted" for SCORE_GAP_NONE */

/* An email as the score sees it. */
struct score_email {
    int64_t sent_at, last_human_at;
    enum score_gap opens, clicks; /* a reply closes every gap */
    bool opened, clicked;         /* by a reply too */
    bool replied, bounced;
    int64_t later_human_at; /* score_next's own */
};
/* `organization`: the level of the organization today. */
struct score_email score_email_of(const struct email_stats *stats, enum tracking_level organization);

/* Sums over the emails of the window. */
struct score_figures {
    int64_t emails, replied, bounced;
    int64_t open_base, opened, click_base, clicked;
    int64_t open_gaps[SCORE_GAP_COUNT], click_gaps[SCORE_GAP_COUNT];
    int64_t last_human_at;   /* of emails in one of the bases; TIME_UNSET: never */
    int64_t first_leaves_at; /* when the first email leaves the window; TIME_UNSET: there is none */
};
void score_figures_init(struct score_figures *figures);
/* Takes the email in if it is in the window at `now`. */
void score_figures_add(struct score_figures *figures, const struct score_email *email, int64_t now);

enum score_part_name { SCORE_RECENCY, SCORE_OPENS, SCORE_CLICKS };
#define SCORE_PARTS 3
struct score_part {
    int32_t points, max;
    bool measured; /* false: it has no base; its points follow the other parts */
};
struct score {
    int32_t value; /* SCORE_UNKNOWN: nothing is measurable */
    enum score_level level;
    enum score_recency recency;
    struct score_part parts[SCORE_PARTS]; /* add up to the value; all 0 when it is unknown */
};
struct score score_of(const struct score_policy *policy, const struct score_figures *figures, int64_t now);

enum score_recency score_recency_at(int64_t last_human_at, int64_t now);
/* points × part / base, the fraction taken to 20 decimals as PostgreSQL's decimal does, then half away from zero: the
 * specification's ROUND((part::decimal / base) * points) to the point. 0 when base is 0. */
int32_t score_share(int32_t points, int64_t part, int64_t base);

/* The first moment after `now` at which time alone may change the score; TIME_UNSET: never. A score stays what it is
 * until then as long as the figures do. */
int64_t score_look_at(const struct score_figures *figures, int64_t now);

/* When time alone changes the score next, and to what. False: never. `emails`: sorted by sent_at, the oldest first. */
struct score_change {
    int64_t at;
    int32_t value;
    enum score_level level;
};
bool score_next(const struct score_policy *policy, struct score_email *emails, size_t count, int64_t now,
                struct score_change *ret);

/* Can a change of one email's figures change its candidate's score at `now`? Time to come needs no answer: as long as
 * this says no, the moment that score_look_at gave before the change is not too late. */
bool score_affected(const struct email_stats *before, const struct email_stats *after, int64_t now);

#endif
