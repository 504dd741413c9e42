/* writer: everything that changes the database while the service runs, behind one bounded queue. Waiting work is
 * grouped into one transaction (group commit): on SQLite one thread writes, on PostgreSQL a small pool of the same
 * code. When there is time, the writer also folds cohort deltas and brings scores up to date (scores.h). */
#ifndef INKLING_INGEST_WRITER_H
#define INKLING_INGEST_WRITER_H

#include "base/metrics.h"
#include "ingest/apply.h"

struct store;
struct watch;
struct writer;

struct writer_options {
    struct store *store;
    size_t threads;          /* SQLite: always 1 */
    size_t queue_events_max; /* events waiting, at most: ERR_FULL beyond */
    size_t queue_jobs_max;
    size_t group_events_max; /* events of one transaction, about */
    struct metrics *metrics;
    const struct event_sink *sink; /* told of what was stored; NULL: nobody is */
};

MUST_USE int writer_start(const struct writer_options *options, struct writer **ret, struct err *err);
/* Finishes all that was accepted, then ends the threads. */
void writer_stop(struct writer *writer);
struct writer *writer_free(struct writer *writer); /* stops it first if need be; NULL accepted */

/* Takes the batch over and calls its `done` when the events are durable or could not be stored. ERR_FULL: not taken.
 * Never blocks. */
MUST_USE int writer_submit(struct writer *writer, struct event_batch *batch, struct err *err);

/* Takes the batch over, waits until it is durable, and frees it. Not from a server's event thread. ERR_FULL, or what
 * the commit returned. */
MUST_USE int writer_store(struct writer *writer, struct event_batch *batch, struct err *err);

/* Any other change: `run` is called on a writer's thread inside a write transaction, under a savepoint of its own: when
 * it fails, its changes alone are undone. It may be called again when the transaction around it failed, so it must be
 * repeatable. `done` is called after the commit (or failure). The job's memory is the
 * caller's. */
struct write_job {
    int (*run)(struct write_job *job, struct applier *applier, struct db *db, struct err *err);
    void (*done)(struct write_job *job, int result, const struct err *err);
    /* It holds a lock that others wait for until the commit (audit.h): nothing comes behind it in its transaction, so
     * that no two transactions wait for each other. */
    bool ends_group;
    struct write_job *next; /* the queue's */
};
MUST_USE int writer_submit_job(struct writer *writer, struct write_job *job, struct err *err);
/* The same, waiting until it is durable. Not from a server's event thread. Returns what `run` or the commit returned.
 */
MUST_USE int writer_call(struct writer *writer,
                         int (*run)(void *context, struct applier *applier, struct db *db, struct err *err),
                         void *context, struct err *err);
/* The same for a job that ends its group (write_job). */
MUST_USE int writer_call_last(struct writer *writer,
                              int (*run)(void *context, struct applier *applier, struct db *db, struct err *err),
                              void *context, struct err *err);

/* Asks for all scores to be brought up to date, between other work, and waits for it: true when all that was marked or
 * due at the call is done; false when it took longer than `timeout_ms`, or the writer stops. */
bool writer_refresh_scores(struct writer *writer, int64_t timeout_ms);
/* What it counts by endpoint (watch.h); lives as long as the writer. */
struct watch *writer_watch(struct writer *writer);

/* Did its last transaction succeed? When not, and nothing is waiting, it tries an empty one now and then. For /readyz.
 */
bool writer_healthy(const struct writer *writer);

#endif
