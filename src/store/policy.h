/* policy: what the write path must know of an organization before it records anything. */
#ifndef INKLING_STORE_POLICY_H
#define INKLING_STORE_POLICY_H

#include "base/arena.h"
#include "base/err.h"
#include "model/local_days.h"
#include "model/tracking.h"

struct db;

struct policy {
    enum tracking_level tracking;
    enum consent_mode consent;
    enum address_policy address;
    struct slice time_zone; /* in the arena, as the former ones */
    struct local_days days; /* of events */
};

/* ERR_NOT_FOUND when there is no such organization. */
MUST_USE int policy_load(struct db *db, int64_t organization_id, struct arena *arena, struct policy *ret,
                         struct err *err);

#endif
