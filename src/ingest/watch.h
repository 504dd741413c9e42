/* watch: counts what comes in by each endpoint, so that one that has fallen silent is not taken for candidates without
 * interest. Counted in memory by the hour, which costs ingest next to nothing, and added to the database by the
 * writer's folding thread every few seconds; a crash loses the last of them, which are no events. Thread-safe. */
#ifndef INKLING_INGEST_WATCH_H
#define INKLING_INGEST_WATCH_H

#include "ingest/batch.h"
#include "store/endpoint_hours.h"

struct watch;

struct watch *watch_new(void);
struct watch *watch_free(struct watch *watch); /* NULL accepted */

/* After the commit; batches of no endpoint, and orphans that found their email, are passed over. */
void watch_batch(struct watch *watch, const struct event_batch *batch);
/* A delivery that was not taken: `rejected` for its signature, credentials or source, else for what it holds. */
void watch_refusal(struct watch *watch, int64_t organization_id, int64_t endpoint_id, bool rejected, int64_t now);

/* Has something waited for `age_us`? */
bool watch_is_due(struct watch *watch, int64_t age_us);
/* Adds what waits, in the caller's write transaction; one thread at a time. Then watch_saved says how it ended. */
MUST_USE int watch_save(struct watch *watch, struct db *db, struct err *err);
void watch_saved(struct watch *watch, bool committed);

/* Since the start of the program: for /metrics. */
struct watch_totals {
    int64_t organization_id, endpoint_id;
    int64_t events, orphans, rejected, unreadable;
    int64_t last_event_at; /* 0: none */
};
void watch_each(struct watch *watch, void (*visit)(void *context, const struct watch_totals *totals), void *context);

#endif
