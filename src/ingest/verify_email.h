/* verify_email: the recount of one email from its events. Internal to ingest/, pure. */
#ifndef INKLING_INGEST_VERIFY_EMAIL_H
#define INKLING_INGEST_VERIFY_EMAIL_H

#include "store/recount.h"

/* An event's place in the chain: when it occurred, and when the one that arrived before it did. */
struct chained_event {
    int64_t occurred_at;
    bool has_former;
    int64_t former_at;
};
/* More are not looked at; the counters are recounted all the same. */
#define CHAIN_EVENTS_MAX 1000000

struct email_recount {
    struct email_stats stats; /* figures recounted; what is no figure is copied from the stored row */
    struct link_stats *links; /* by link id */
    size_t link_count, link_capacity;
    struct chained_event *chain; /* by occurred_at */
    size_t chain_count, chain_capacity;
    int64_t events;
    counters_happening happened; /* what the events and their figures tell of time goes there; never NULL */
    void *happened_context;
};

void email_recount_init(struct email_recount *recount, counters_happening happened, void *context);
void email_recount_release(struct email_recount *recount);
/* Begins with another email; keeps the memory. */
void email_recount_begin(struct email_recount *recount, const struct email_stats *stored);
/* In order of time. */
void email_recount_add(struct email_recount *recount, const struct recount_event *event);
/* After the last event: what the figures tell. */
void email_recount_end(struct email_recount *recount);
/* How many of the events a walk along the chain from `head` (TIME_UNSET: none) reaches. */
int64_t email_recount_reached(const struct email_recount *recount, int64_t head);

#endif
