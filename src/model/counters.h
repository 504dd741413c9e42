/* counters: what the figures of an email are, as a function of the set of its events (semantics.md "Counters are a
 * function of the set of events"). One definition: ingest, re-judging, erasure and `inkling verify` all use it.
 *
 *   email_stats   the figures of one email
 *   contribution  what that email adds to the totals of its cohort; cohort totals = the sum over its emails
 *
 * Nothing here depends on the order in which events are applied. */
#ifndef INKLING_MODEL_COUNTERS_H
#define INKLING_MODEL_COUNTERS_H

#include "model/event.h"
#include "model/tracking.h"
#include "model/verdict.h"

#define TIME_UNSET INT64_MIN /* "never": stored as NULL */

struct email_stats {
    int64_t email_log_id;
    int64_t organization_id;
    int64_t cohort_id;
    int64_t sent_at;
    int64_t recipient_hash;           /* of the email's own recipient, see recipient_ref() */
    enum tracking_level tracking;     /* frozen when sent */
    enum tracking_level tracking_now; /* what the candidate and campaign allow today; the stricter of both rules */
    enum own_tracking own_tracking;   /* what our own pixel and links measure; fixed when registered */
    int64_t delivered_at, opened_at, clicked_at, replied_at, bounced_at, dropped_at, complained_at,
        unsubscribed_at;   /* the earliest */
    int64_t last_human_at; /* the latest human open, click or reply */
    int64_t open_count, machine_open_count;
    int64_t click_count; /* different links clicked by the human (BR-558.3) */
    int64_t total_click_count, machine_click_count;
    enum bounce_kind bounce_type; /* the gravest */
    int64_t last_event_at;        /* head of the chain of its events (SQLite only; TIME_UNSET: none) */
};

/* The figures of one link of one email. */
struct link_stats {
    int64_t email_log_id, link_id;
    int64_t clicked_at; /* earliest human click */
    int64_t click_count, machine_click_count;
};

/* An event as the counters see it. */
struct counted_event {
    enum event_type type;
    enum bounce_kind bounce;
    enum verdict verdict;
    int64_t occurred_at;
};

void email_stats_init(struct email_stats *stats);
void link_stats_init(struct link_stats *stats);

/* Takes one more event into the figures. `link` is the clicked link's figures, NULL unless the event is a click (a
 * click without url belongs to link 0; without figures for it, it enters total_click_count and clicked_at only). The
 * caller has made sure that the event was not counted before. Leaves last_event_at alone. */
void counters_add(struct email_stats *stats, struct link_stats *link, const struct counted_event *event);

/* Everything a cohort sums up. X(field): also the columns of table `cohorts`, in this order. */
#define CONTRIBUTION_FIELDS(X)                                                                                         \
    X(sent)       /* emails */                                                                                         \
    X(open_base)  /* emails sent with open tracking in force */                                                        \
    X(click_base) /* emails sent with click tracking in force */                                                       \
    X(delivered)  /* emails, so all down to `dropped` */                                                               \
    X(opened)                                                                                                          \
    X(clicked)                                                                                                         \
    X(opened_or_clicked)                                                                                               \
    X(replied)                                                                                                         \
    X(bounced)                                                                                                         \
    X(bounced_hard)                                                                                                    \
    X(complained)                                                                                                      \
    X(unsubscribed)                                                                                                    \
    X(dropped)                                                                                                         \
    X(opens)  /* events by humans, so all below */                                                                     \
    X(clicks) /* different links */                                                                                    \
    X(total_clicks)                                                                                                    \
    X(machine_opens)                                                                                                   \
    X(machine_clicks)                                                                                                  \
    X(open_delay_ms) /* sum of first open - sent over opened emails */

struct contribution {
#define CONTRIBUTION_MEMBER(field) int64_t field;
    CONTRIBUTION_FIELDS(CONTRIBUTION_MEMBER)
#undef CONTRIBUTION_MEMBER
};
#define CONTRIBUTION_COUNT (sizeof(struct contribution) / sizeof(int64_t))

struct contribution counters_contribution(const struct email_stats *stats);
/* a - b, field by field; and a += b. */
struct contribution contribution_difference(const struct contribution *a, const struct contribution *b);
void contribution_add(struct contribution *a, const struct contribution *b);
bool contribution_is_zero(const struct contribution *a);

/* The same spread over time: what stands in a contribution because of something that happened at a moment. Summed over
 * all moments it gives the contribution but for sent, open_base and click_base, which belong to the day sent. What
 * moves in time (an earlier open that arrives late) is taken from one moment and given to another.
 *
 * When the figures of an email went from `before` to `after`: each thing that is there for the first time, no longer,
 * or at another moment. The events themselves come on top: */
typedef void (*counters_happening)(void *context, int64_t at, const struct contribution *change);
void counters_happened(const struct email_stats *before, const struct email_stats *after, counters_happening happened,
                       void *context);
/* and the first click on a link: links are different ones at the moment of their first click. */
void counters_link_happened(const struct link_stats *before, const struct link_stats *after,
                            counters_happening happened, void *context);
void counters_event_happened(const struct counted_event *event, counters_happening happened, void *context);

/* How long after sending an opened email was first opened: the bucket of a histogram from which the median is read.
 * Exact below 64 s, then 32 buckets each doubling: the width is at most 3.2 % of the value. Negative delays (a skewed
 * clock) are 0. */
int32_t open_delay_bucket(int64_t delay_ms);
/* The middle of a bucket in seconds: the mean of the whole seconds that fall into it. */
double open_delay_bucket_middle(int32_t bucket);
int64_t open_delay_ms(const struct email_stats *stats); /* 0 when negative; only for opened emails */

/* Counters by cohort, kind and key, beside the sums above. Stored: never change a number. */
enum breakdown_kind {
    BREAKDOWN_OPEN_DELAY = 1,  /* key: open_delay_bucket; emails */
    BREAKDOWN_LINK_EMAILS = 2, /* key: link id; emails with a human click on the link */
    BREAKDOWN_LINK_CLICKS = 3, /* key: link id; human clicks */
    BREAKDOWN_LINK_MACHINE_CLICKS = 4,
    BREAKDOWN_AGGREGATE = 5, /* key: event type; events of emails under TRACKING_AGGREGATE. Not recountable. */
};

#endif
