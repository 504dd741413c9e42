/* deliveries: webhook requests that were refused, kept so that they can be processed again when the cause is gone. */
#ifndef INKLING_STORE_DELIVERIES_H
#define INKLING_STORE_DELIVERIES_H

#include "base/arena.h"
#include "base/err.h"
#include "model/counters.h"

struct db;

#define DELIVERY_BODY_MAX 1048576 /* bytes kept; a longer body is cut and cannot be processed again */

/* Stored; never change a number. */
enum delivery_kind { DELIVERY_FAILED = 1, DELIVERY_REJECTED = 2 };
enum delivery_state { DELIVERY_KEPT = 0, DELIVERY_REPLAYED = 1, DELIVERY_GIVEN_UP = 2 };
const char *delivery_kind_name(enum delivery_kind kind); /* "failed", "rejected" */
bool delivery_kind_parse(struct slice name, enum delivery_kind *ret);
const char *delivery_state_name(enum delivery_state state); /* "kept", "replayed", "given_up" */
bool delivery_state_parse(struct slice name, enum delivery_state *ret);

struct kept_delivery {
    int64_t organization_id, id, endpoint_id;
    enum delivery_kind kind;
    enum delivery_state state;
    struct slice reason;                            /* "signature: …": the stage that refused it, and why */
    struct slice headers;                           /* JSON object, without credentials */
    struct slice body;                              /* only when one delivery is loaded */
    int64_t body_size;                              /* of the original */
    int64_t received_at, attempts, next_attempt_at; /* TIME_UNSET: not by itself */
    struct slice last_error;                        /* NULL ptr: none */
    bool inbound;                                   /* received mail, not events */
};
static inline bool delivery_is_cut(const struct kept_delivery *delivery) {
    return delivery->body_size > DELIVERY_BODY_MAX;
}

/* In the caller's write transaction; of each kind the newest `max` of the organization stay. Cuts the body. Sets id. */
MUST_USE int delivery_keep(struct db *db, struct kept_delivery *delivery, int64_t max, struct err *err);
MUST_USE int delivery_load(struct db *db, int64_t organization_id, int64_t id, struct arena *arena,
                           struct kept_delivery *ret, struct err *err);

struct delivery_filter {
    int kind;              /* enum delivery_kind; 0: all */
    int state;             /* enum delivery_state; -1: all */
    int64_t endpoint_id;   /* 0: all */
    int64_t received_from; /* 0: all */
};
/* The latest first, at most `limit` with ids below `before_id`. */
MUST_USE int deliveries_load(struct db *db, int64_t organization_id, const struct delivery_filter *filter,
                             int64_t before_id, size_t limit, struct arena *arena, struct kept_delivery **ret,
                             size_t *ret_count, struct err *err);
/* Ids of kept deliveries whose next attempt is due, at most `limit`, the longest due first. */
MUST_USE int deliveries_due(struct db *db, int64_t organization_id, int64_t now, size_t limit, int64_t *ret_ids,
                            size_t *ret_count, struct err *err);

/* What became of an attempt: state, attempts, next_attempt_at and last_error are stored. In a write transaction.
 * ERR_CONFLICT: another attempt has processed it, which stays, or the row is gone. */
MUST_USE int delivery_attempted(struct db *db, const struct kept_delivery *delivery, struct err *err);
/* After an endpoint's secrets have changed: what was rejected for its signature becomes due. */
MUST_USE int deliveries_make_due(struct db *db, int64_t organization_id, int64_t endpoint_id, int64_t now,
                                 struct err *err);

#endif
