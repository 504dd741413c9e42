/* purge: taking away what has served its time. Each verb removes at most `limit` rows in the caller's write
 * transaction, so that no purge holds the database for long; *ret_removed below `limit`: nothing is left. */
#ifndef INKLING_STORE_PURGE_H
#define INKLING_STORE_PURGE_H

#include <stdint.h>

#include "base/err.h"

struct db;

enum purge {
    PURGE_ORPHANS,
    PURGE_DELIVERIES,
    PURGE_IDEMPOTENCY_KEYS,
    PURGE_FINGERPRINTS,
    PURGE_SESSIONS,
    PURGE_ACCOUNT_LINKS,
    PURGE_LINK_TEXTS, /* one that is still in use comes back with the next email that has it */
    PURGE_SCORE_DAYS,
    PURGE_NOTIFICATIONS,      /* by created_at */
    PURGE_WEBHOOK_DELIVERIES, /* in whatever state, by created_at */
    PURGE_WEBHOOK_DELIVERED,  /* beyond WEBHOOK_DELIVERED_MAX of a subscription */
    PURGE_WEBHOOK_DEAD,       /* given up or withheld, beyond WEBHOOK_DEAD_MAX of a subscription */
    PURGE_WEBHOOKS_DELETED,   /* deliveries of subscriptions that were deleted, */
    PURGE_SUBSCRIPTIONS,      /* and, without any left, these themselves */
    PURGE_COUNT
};

/* Rows from before `before` (ms UTC; of fingerprints and the history of scores the days that ended before it). */
MUST_USE int purge(struct db *db, enum purge what, int64_t organization_id, int64_t before, int64_t limit,
                   int64_t *ret_removed, struct err *err);

#endif
