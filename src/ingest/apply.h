/* apply: the one road by which events enter the database, from whatever source (house rule "One way in"). Takes any
 * number of batches and does, set-based and inside the caller's write transaction: find the email, consent, duplicate
 * check, dictionaries, event rows, counters, links, cohort totals, orphans. Idempotent and independent of order. */
#ifndef INKLING_INGEST_APPLY_H
#define INKLING_INGEST_APPLY_H

#include "ingest/batch.h"

struct db;
struct applier;
struct event_sink;

/* Scratch memory and dictionary caches of one writing connection; one thread. */
struct applier *applier_new(const unsigned char hash_key[HASH_KEY_SIZE]);
struct applier *applier_free(struct applier *applier);

/* Sets every batch's `result`. On failure the caller rolls back and calls applier_forget. */
MUST_USE int apply_batches(struct applier *applier, struct db *db, struct event_batch *const *batches, size_t count,
                           struct err *err);
/* After a rollback: what the caches learned in the transaction is not true. */
void applier_forget(struct applier *applier);
/* Rows appended to the delta tables by the last apply_batches, for deciding when to fold. */
size_t applier_delta_rows(const struct applier *applier);
/* Emails of the last apply_batches whose candidates' scores must be looked at again. */
size_t applier_rescored(const struct applier *applier);

/* From now on `sink` is asked, and what it wants is left in the outbox. It outlives the applier. */
void applier_set_sink(struct applier *applier, const struct event_sink *sink);
/* Was anything left for it since this was last asked? */
bool applier_announced(struct applier *applier);

#endif
