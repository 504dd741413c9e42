/* verify: does every stored figure equal a recount from the events? (semantics.md "Counters are a function of the set
 * of events".) Recounts with the one definition in model/counters.h, in one snapshot, so that it may run beside the
 * service; memory is bounded by the largest cohort. Compares email_stats, email_links, cohorts and breakdowns with
 * their changes not yet folded in, what happened by day, the sums of days with their cohorts, and where the database
 * chains the events of an email, that the chain reaches all of them. And that every candidate's score is what the
 * figures give at this moment, but for those that are about to be looked at.
 *
 * Left out are emails that may have lost events to retention (sent before now - retention_days), with the totals of
 * their cohorts, and BREAKDOWN_AGGREGATE, of which no events are stored. */
#ifndef INKLING_INGEST_VERIFY_H
#define INKLING_INGEST_VERIFY_H

#include <stdint.h>

#include "base/err.h"

struct store;

struct verify_report {
    int64_t emails;   /* compared */
    int64_t events;   /* of those emails */
    int64_t cohorts;  /* compared */
    int64_t scores;   /* compared */
    int64_t left_out; /* emails */
    int64_t differences;
};

struct verify_observer {
    /* One difference as a sentence, as long as there have been fewer than VERIFY_DIFFERENCES_TOLD. May be NULL. */
    void (*difference)(void *context, const char *sentence);
    /* Now and then. May be NULL. */
    void (*progress)(void *context, const struct verify_report *so_far);
    void *context;
};
#define VERIFY_DIFFERENCES_TOLD 1000

/* `observer` may be NULL. A difference is no failure: see ret->differences. */
MUST_USE int verify_counters(struct store *store, const struct verify_observer *observer, struct verify_report *ret,
                             struct err *err);

#endif
