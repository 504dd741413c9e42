/* scores: brings the stored scores up to date: takes what is marked or due (store/scores.h), computes by the rule
 * (score/score.h), stores what differs. Events, adoption, consent, settings and time all end here. */
#ifndef INKLING_INGEST_SCORES_H
#define INKLING_INGEST_SCORES_H

#include "score/score.h"
#include "store/scores.h"

struct db;
struct event_sink;

#define SCORES_PORTION 1000 /* candidates of one transaction, about */

/* One portion, in the caller's write transaction, which has done nothing else (scores_lock). *ret_looked: candidates
 * looked at; 0: nothing was pending. Levels that became others are left in the outbox for the sink (NULL: nobody wants
 * them); *ret_announced: some were. Other settings make no level another one. */
MUST_USE int scores_refresh(struct db *db, const struct event_sink *sink, int64_t now, size_t limit, size_t *ret_looked,
                            bool *ret_announced, struct err *err);

/* The emails of one candidate within the window, the oldest first; in the arena. In a transaction. */
MUST_USE int scores_emails_of(struct db *db, int64_t organization_id, int64_t candidate_id,
                              enum tracking_level tracking, int64_t now, struct arena *arena, struct score_email **ret,
                              size_t *ret_count, struct err *err);

#endif
