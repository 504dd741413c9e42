/* verify_scores: is every stored score what the figures of its emails give now? Internal to ingest/. */
#ifndef INKLING_INGEST_VERIFY_SCORES_H
#define INKLING_INGEST_VERIFY_SCORES_H

#include <stdint.h>

#include "base/err.h"

struct db;

/* Who is told of a difference, as the end of a sentence. */
struct score_observer {
    void (*differ)(void *context, const char *sentence);
    void *context;
};

/* In a DB_READ transaction. A score that a mark names, or whose next_look_at has come, is about to be looked at: it is
 * not compared. *ret_scores: compared. */
MUST_USE int verify_scores(struct db *db, int64_t organization_id, int64_t now, const struct score_observer *observer,
                           int64_t *ret_scores, struct err *err);

#endif
