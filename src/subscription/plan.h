/* plan: from what left the outbox to deliveries, in the transaction of its leaving. */
#ifndef INKLING_SUBSCRIPTION_PLAN_H
#define INKLING_SUBSCRIPTION_PLAN_H

#include "store/outbox.h"

struct db;

/* Events older than this are history that arrives late (a replay of long ago): subscribers are not told. */
#define PLAN_MAX_AGE_MS (7 * 86400000LL)

struct plan_result {
    size_t added, dropped; /* deliveries */
};
/* In the caller's write transaction; repeatable. A subscription with `backlog_max` waiting deliveries gets no more: the
 * rest is counted as dropped there. */
MUST_USE int plan_deliveries(struct db *db, const struct outbox_item *items, size_t count, int64_t backlog_max,
                             int64_t now, struct arena *arena, struct plan_result *ret, struct err *err);
/* A test event of one subscription. ERR_FULL when its backlog is full. *ret_message_id is in the arena. */
MUST_USE int plan_test(struct db *db, int64_t organization_id, int64_t subscription_id, int64_t backlog_max,
                       int64_t now, struct arena *arena, struct slice *ret_message_id, struct err *err);

#endif
