/* hits_apply: records of the journal on their way into the database. Internal to ingest/hits.c; one thread, but for
 * what the writer's threads report back. */
#ifndef INKLING_INGEST_HITS_APPLY_H
#define INKLING_INGEST_HITS_APPLY_H

#include "ingest/hits.h"
#include "ingest/journal.h"

struct hits_apply;

enum apply_state {
    APPLY_IDLE,    /* ready for the next portion */
    APPLY_WORKING, /* a portion is with the writer */
    APPLY_DONE,    /* it is in the database */
    APPLY_LATER,   /* the database cannot be reached: the same portion again, later */
    APPLY_REFUSED, /* something in the portion cannot be stored */
};

/* `wake` is called from the writer's threads when a portion is finished. */
struct hits_apply *hits_apply_new(const struct hits_options *options, void (*wake)(void *context), void *context);
struct hits_apply *hits_apply_free(struct hits_apply *apply); /* not while APPLY_WORKING; NULL accepted */

/* Reads at most `limit` records and hands them to the writer. 0: there are none, else how many were read; ERR_FULL,
 * ERR_UNAVAILABLE. Afterwards the state is APPLY_WORKING when the result is positive. */
MUST_USE int hits_apply_next(struct hits_apply *apply, struct journal *journal, size_t limit, struct err *err);
/* Done, later and refused are told once; then it is idle. */
enum apply_state hits_apply_state(struct hits_apply *apply, struct err *ret_err);

#endif
