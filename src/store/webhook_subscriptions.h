/* webhook_subscriptions: who wants to be told of what by HTTP. Secrets are sealed above (ingest/secret_box.h). What is
 * on its way is in webhook_deliveries.h. */
#ifndef INKLING_STORE_WEBHOOK_SUBSCRIPTIONS_H
#define INKLING_STORE_WEBHOOK_SUBSCRIPTIONS_H

#include "base/arena.h"
#include "base/err.h"
#include "model/counters.h"
#include "model/webhook_event.h"

struct db;

#define SUBSCRIPTIONS_MAX            50 /* in one organization */
#define SUBSCRIPTION_URL_MAX         2000
#define SUBSCRIPTION_DESCRIPTION_MAX 200

/* Stored; never change a number. */
enum subscription_state {
    SUBSCRIPTION_ACTIVE = 0,
    SUBSCRIPTION_PAUSED = 1,   /* by an administrator: what happens is kept, and sent when it goes on */
    SUBSCRIPTION_DISABLED = 2, /* by us, for a reason: nothing is added, what waits goes on when it is made active */
};
const char *subscription_state_name(enum subscription_state state); /* "active", "paused", "disabled" */

struct webhook_subscription {
    int64_t organization_id, id;
    struct slice url, description;
    int64_t events; /* WEBHOOK_BIT */
    enum subscription_state state;
    struct slice state_reason;   /* of SUBSCRIPTION_DISABLED; NULL ptr: none */
    struct slice secret;         /* sealed */
    struct slice former_secret;  /* sealed; NULL ptr: none */
    int64_t former_secret_until; /* TIME_UNSET: none */
    int64_t failing_since;       /* TIME_UNSET: the last attempt succeeded, or there was none */
    int64_t dropped, dropped_at;
    int64_t waiting; /* deliveries; read only */
    int64_t created_at, updated_at;
};

MUST_USE int webhook_subscription_load(struct db *db, int64_t organization_id, int64_t id, struct arena *arena,
                                       struct webhook_subscription *ret, struct err *err);
/* By id, at most `limit` after `after_id`. */
MUST_USE int webhook_subscriptions_list(struct db *db, int64_t organization_id, int64_t after_id, size_t limit,
                                        struct arena *arena, struct webhook_subscription **ret, size_t *ret_count,
                                        struct err *err);

/* ---- in the caller's write transaction ---- */

/* Sets id and times. ERR_TOO_LARGE: the organization has SUBSCRIPTIONS_MAX. */
MUST_USE int webhook_subscription_insert(struct db *db, struct webhook_subscription *subscription, int64_t now,
                                         struct err *err);
/* Url, description, events, state with its reason, secrets and failing_since are stored. ERR_NOT_FOUND. */
MUST_USE int webhook_subscription_update(struct db *db, const struct webhook_subscription *subscription, int64_t now,
                                         struct err *err);
/* Its secrets go at once, its deliveries with the janitor (purge.h). ERR_NOT_FOUND. */
MUST_USE int webhook_subscription_delete(struct db *db, int64_t organization_id, int64_t id, int64_t now,
                                         struct err *err);
/* An attempt failed: *ret_since says since when all did. PostgreSQL: a row that another transaction holds is passed
 * over, as if this were the first failure: senders never wait for each other. */
MUST_USE int webhook_subscription_failed(struct db *db, int64_t organization_id, int64_t id, int64_t now,
                                         int64_t *ret_since, struct err *err);
MUST_USE int webhook_subscription_succeeded(struct db *db, int64_t organization_id, int64_t id, struct err *err);
/* *ret_done: it was active. */
MUST_USE int webhook_subscription_disable(struct db *db, int64_t organization_id, int64_t id, struct slice reason,
                                          int64_t now, bool *ret_done, struct err *err);
MUST_USE int webhook_subscription_dropped(struct db *db, int64_t organization_id, int64_t id, int64_t count,
                                          int64_t now, struct err *err);

/* ---- for the service ---- */

/* What an organization's subscriptions want to be told of, all in one. */
struct webhook_wish {
    int64_t organization_id;
    int64_t events; /* WEBHOOK_BIT */
};
/* Ascending by organization. */
MUST_USE int webhook_wishes_load(struct db *db, struct arena *arena, struct webhook_wish **ret, size_t *ret_count,
                                 struct err *err);

/* Those of some organizations that take deliveries on; id, organization and events are set. */
MUST_USE int webhook_subscriptions_wanting(struct db *db, const int64_t *organizations, size_t organization_count,
                                           struct arena *arena, struct webhook_subscription **ret, size_t *ret_count,
                                           struct err *err);

#endif
