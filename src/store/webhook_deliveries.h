/* webhook_deliveries: what is on its way to subscribers, and what became of it. A row is written in the transaction
 * that takes the event out of the outbox, so nothing is lost in between and nothing told twice. It holds no personal
 * data: what is sent is put together when it is sent, from the email and the person as they are then.
 *
 * Who sends claims rows first: until `claimed_until` nobody else takes them, after it anybody may. */
#ifndef INKLING_STORE_WEBHOOK_DELIVERIES_H
#define INKLING_STORE_WEBHOOK_DELIVERIES_H

#include "store/outbox.h"
#include "store/webhook_subscriptions.h"

#define WEBHOOK_ANSWER_MAX        1024 /* bytes of an answer that are kept */
#define WEBHOOK_MESSAGE_ID_MAX    40
#define WEBHOOK_DELIVERED_MAX     5000  /* rows kept of a subscription, and */
#define WEBHOOK_DEAD_MAX          10000 /* of what was given up or withheld */
#define WEBHOOK_DELIVERY_DAYS_MAX 30    /* nothing is kept or tried for longer */

/* Stored; never change a number. */
enum webhook_delivery_state {
    WEBHOOK_WAITING = 0,
    WEBHOOK_DELIVERED = 1,
    WEBHOOK_GIVEN_UP = 2, /* every repeat failed */
    WEBHOOK_WITHHELD = 3, /* its email has gone, what it tells was taken back or may not be recorded any more */
};
#define WEBHOOK_DELIVERY_STATES 4
const char *webhook_delivery_state_name(enum webhook_delivery_state state);
bool webhook_delivery_state_parse(struct slice name, enum webhook_delivery_state *ret);

struct webhook_delivery {
    struct outbox_item item; /* what it tells; item.id is the delivery's id */
    int64_t subscription_id;
    struct slice message_id; /* webhook-id */
    enum webhook_event event;
    enum webhook_delivery_state state;
    bool withdrawn; /* what it tells was taken back */
    int64_t step;   /* of the schedule of repeats */
    int64_t attempts, created_at, next_attempt_at, claimed_until;
    int64_t last_attempt_at, last_duration_ms; /* TIME_UNSET, -1: never */
    int64_t last_status;                       /* 0: no answer */
    struct slice last_answer, last_error;      /* NULL ptr: none */
    /* Of the subscription. */
    struct slice url, secret, former_secret; /* sealed */
    int64_t former_secret_until;
};

/* ---- in the caller's write transaction ---- */

struct webhook_plan {
    int64_t subscription_id;
    enum webhook_event event;
    struct outbox_row row;
    char message_id[WEBHOOK_MESSAGE_ID_MAX + 1];
};
/* Adds deliveries, due at once. */
MUST_USE int webhook_deliveries_add(struct db *db, const struct webhook_plan *plans, size_t count, int64_t now,
                                    struct err *err);

/* A delivery of an event that was taken back. */
struct webhook_taken_back {
    int64_t subscription_id;
    struct outbox_row row; /* the event */
    bool told;             /* the subscriber knows of it, or may */
};
/* Marks deliveries of what `item` takes back (OUTBOX_RETRACTED: one event; OUTBOX_OBJECTED: a candidate's), so that
 * those not sent yet never are. Each comes once, at most `limit` of them by their ids: ask again until there are fewer.
 * A delivery that is being claimed at this moment is waited for. */
MUST_USE int webhook_deliveries_take_back(struct db *db, const struct outbox_item *item, size_t limit,
                                          struct arena *arena, struct webhook_taken_back **ret, size_t *ret_count,
                                          struct err *err);
/* How many of a subscription wait, counted up to `max`. */
MUST_USE int webhook_deliveries_waiting(struct db *db, int64_t organization_id, int64_t subscription_id, int64_t max,
                                        int64_t *ret, struct err *err);
/* Takes up to `limit` due ones of a subscription, the longest due first. */
MUST_USE int webhook_deliveries_claim(struct db *db, int64_t organization_id, int64_t subscription_id, int64_t now,
                                      int64_t until, size_t limit, int64_t *ret_ids, size_t *ret_count,
                                      struct err *err);
/* What became of an attempt: state, step, attempts, next_attempt_at and what begins with last_ are stored and the claim
 * ends, unless somebody else has claimed it meanwhile. WEBHOOK_WITHHELD: it was not sent after this claim. */
MUST_USE int webhook_delivery_attempted(struct db *db, const struct webhook_delivery *delivery, struct err *err);
/* Ends claims: those of a process that is gone. For databases that serve one process only. */
MUST_USE int webhook_deliveries_release_all(struct db *db, struct err *err);
/* Due once more, with all repeats, under the same message id. ERR_NOT_FOUND; ERR_CONFLICT while it is being sent. */
MUST_USE int webhook_delivery_again(struct db *db, int64_t organization_id, int64_t subscription_id, int64_t id,
                                    int64_t now, struct err *err);

/* ---- reading ---- */

struct webhook_lane {
    int64_t organization_id, subscription_id;
};
/* Active subscriptions that have something due, by organization and id, at most `limit`, after a lane. */
MUST_USE int webhook_lanes_due(struct db *db, int64_t now, struct webhook_lane after, size_t limit, struct arena *arena,
                               struct webhook_lane **ret, size_t *ret_count, struct err *err);
/* Deliveries by their ids (unique in the database), by id. */
MUST_USE int webhook_deliveries_load(struct db *db, const int64_t *organizations, size_t organization_count,
                                     const int64_t *ids, size_t count, struct arena *arena,
                                     struct webhook_delivery **ret, size_t *ret_count, struct err *err);
MUST_USE int webhook_delivery_load(struct db *db, int64_t organization_id, int64_t subscription_id, int64_t id,
                                   struct arena *arena, struct webhook_delivery *ret, struct err *err);
/* The latest first, at most `limit` with ids below `before_id`; `state` -1: all. */
MUST_USE int webhook_deliveries_list(struct db *db, int64_t organization_id, int64_t subscription_id, int state,
                                     int64_t before_id, size_t limit, struct arena *arena,
                                     struct webhook_delivery **ret, size_t *ret_count, struct err *err);

#endif
