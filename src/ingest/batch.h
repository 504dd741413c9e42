/* batch: the events of one delivery on their way to the database, and what has been worked out about them on the
 * receiving thread so that the writer does as little as possible. A batch owns its arena and everything in it; it is
 * handed over whole and belongs to one thread at a time. */
#ifndef INKLING_INGEST_BATCH_H
#define INKLING_INGEST_BATCH_H

#include "base/arena.h"
#include "base/cidr.h"
#include "base/err.h"
#include "model/event.h"
#include "model/identity.h"
#include "model/verdict.h"

/* An event with its hashed keys and its verdict. */
struct prepared_event {
    struct message_key keys[EVENT_KEYS_MAX];
    size_t key_count;
    int64_t recipient_hash;         /* 0: none named */
    struct message_key link, agent; /* of url and position, of the user agent; unset when `event` has none */
    struct address address;
    bool has_address;
    struct slice provider_event_id; /* packed */
    enum verdict verdict;
    int64_t reasons;
};

struct batch_result {
    size_t stored, duplicates, orphaned, withheld, counted; /* counted: only as a total (TRACKING_AGGREGATE) */
    size_t machine;                                         /* of the stored */
};

struct event_batch {
    struct arena *arena;
    int64_t organization_id;
    int64_t endpoint_id; /* 0: not by webhook */
    int64_t received_at;
    int64_t begun_us; /* monotonic; of a delivery whose sender waits for the answer. 0: none does */
    struct event *events;
    struct prepared_event *prepared;
    size_t count;
    bool is_adoption; /* the events were orphans: those that still find no email are left where they are */
    /* Hits of our own tracking: email_log_id and cohort_id come from a sealed token and are believed; what has no email
     * (any more) leaves no trace (compliance C-42). */
    bool is_own;

    /* Called once, after commit or failure, on the writer's thread; takes the batch over (and frees it). */
    void (*done)(struct event_batch *batch, int result, const struct err *err);
    void *context;
    struct batch_result result;
    struct event_batch *next; /* the queue's */
};

/* `arena` (with `events` in it) is taken over. Hashes keys and judges; call on the receiving thread. */
struct event_batch *event_batch_new(struct arena *arena, struct event *events, size_t count, int64_t organization_id,
                                    int64_t endpoint_id, int64_t received_at,
                                    const unsigned char hash_key[HASH_KEY_SIZE]);
struct event_batch *event_batch_free(struct event_batch *batch); /* with its arena; NULL accepted */

#endif
