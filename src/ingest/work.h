/* work: what apply.c and count.c share: the events of one transaction and what is being found out about them.
 * Internal to ingest/. */
#ifndef INKLING_INGEST_WORK_H
#define INKLING_INGEST_WORK_H

#include "ingest/apply.h"
#include "ingest/sink.h"
#include "store/engagement.h"
#include "store/policy.h"

struct applier {
    unsigned char hash_key[HASH_KEY_SIZE];
    struct arena *arena; /* reset with each call */
    struct cache *links, *agents;
    size_t delta_rows, rescored;
    const struct event_sink *sink; /* NULL: nobody is told */
    struct cache *senders;         /* of cohorts */
    bool announced;                /* rows of the outbox were written since applier_announced */
};

enum fate { FATE_RECORD, FATE_COUNT_ONLY, FATE_WITHHELD, FATE_ORPHAN, FATE_DUPLICATE };

struct work {
    struct event_batch *batch;
    const struct event *event;
    const struct prepared_event *prepared;
    const struct policy *policy;
    struct email_stats *stats; /* NULL: no such email */
    struct event_key key;
    int64_t agent_id;
    enum fate fate;
    enum verdict verdict;
    int64_t reasons;
};

/* One call of apply_batches. */
struct job {
    struct applier *applier;
    struct arena *arena;
    struct db *db;
    struct work *works;  /* as they came */
    struct work **order; /* the same, sorted as the step at hand needs them */
    size_t count;
    struct email_stats *stats; /* by organization and email, each once */
    size_t stats_count;
    struct event_row *rows; /* by event_key_compare */
    struct work **row_works;
    size_t row_count;
};

/* Takes the inserted rows into the figures of emails and links and appends the changes of their cohorts. */
MUST_USE int count_events(struct job *job, struct err *err);

/* announce.c: writes what the sink wants to hear of into the outbox. */
MUST_USE int announce_events(struct job *job, struct err *err);

/* What makes two orphans, or two events that are only counted, the same event: the key of BR-558.5 before an email is
 * known. */
struct message_key orphan_fingerprint(struct job *job, const struct work *work);
struct message_key count_fingerprint(struct job *job, const struct work *work);
/* The client's address as text, as far as the organization keeps it. */
struct slice shortened_address_text(struct job *job, const struct work *work);

#endif
