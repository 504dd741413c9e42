/* outbox: what happened that people or programs may want to be told of. A row is written in the transaction of the
 * event itself, so nothing is told that was not stored and nothing stored goes untold, and removed in the transaction
 * that does what is to be done about it. */
#ifndef INKLING_STORE_OUTBOX_H
#define INKLING_STORE_OUTBOX_H

#include "base/arena.h"
#include "base/err.h"
#include "model/counters.h"
#include "model/score_policy.h"

struct db;

/* Stored; never change a number. */
enum outbox_kind {
    OUTBOX_EVENT = 0,     /* a new event */
    OUTBOX_RETRACTED = 1, /* an event is not a human's any more: a verdict changed; with the event's whole key */
    OUTBOX_OBJECTED =
        2,            /* a candidate took consent back; event_type: only of events of that type, 0: opens and clicks */
    OUTBOX_LEVEL = 3, /* a candidate's engagement level is another one */
};

struct outbox_row {
    enum outbox_kind kind;
    int64_t organization_id;
    int64_t email_log_id;
    enum event_type event_type;
    int64_t occurred_at;
    int64_t link_id;
    int64_t candidate_id;  /* of OUTBOX_OBJECTED and OUTBOX_LEVEL */
    int64_t recipient_ref; /* with the fields above the event's key (model/identity.h) */
    /* Of OUTBOX_LEVEL. */
    int64_t score; /* SCORE_UNKNOWN: none */
    enum score_level level, former_level;
};
/* In the caller's write transaction. */
MUST_USE int outbox_append(struct db *db, const struct outbox_row *rows, size_t count, struct err *err);

/* A row with what is known about its email; strings in `arena`, NULL ptr: not known. */
struct outbox_item {
    struct outbox_row row;
    int64_t id;
    int64_t sender_id, candidate_id, job_id; /* 0: none */
    int64_t first_opened_at;                 /* of the email, by a human; TIME_UNSET: never */
    bool below_hot;     /* the organization has scores, and the candidate's stored one is not hot */
    int64_t bounced_at; /* of the email; TIME_UNSET: never */
    enum bounce_kind bounce_type;
    enum tracking_level tracking; /* what may be recorded of the email today */
    int64_t link_position;        /* or LINK_POSITION_NONE */
    struct slice message_id, subject, url, sender_external_id, sender_email;
    struct slice candidate_external_id, candidate_name, candidate_title, job_external_id, job_title;
};
/* The oldest, at most `limit`. */
MUST_USE int outbox_load(struct db *db, size_t limit, struct arena *arena, struct outbox_item **ret, size_t *ret_count,
                         struct err *err);
/* In the caller's write transaction. ERR_CONFLICT when one of them is gone already: another node was faster. */
MUST_USE int outbox_remove(struct db *db, const struct outbox_item *items, size_t count, struct arena *arena,
                           struct err *err);

/* The senders of the emails of cohorts (0: unknown), in the order of `cohorts`. */
MUST_USE int cohort_senders(struct db *db, int64_t organization_id, const int64_t *cohorts, size_t count,
                            int64_t *ret_senders, struct arena *arena, struct err *err);

#endif
