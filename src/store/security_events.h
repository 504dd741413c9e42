/* security_events: refusals that an admin should know of (EF-1 "logs security warning"). Equal ones of one minute are
 * one row with a count, and an organization keeps SECURITY_EVENTS_MAX at most, so that an attacker cannot fill the
 * disk. */
#ifndef INKLING_STORE_SECURITY_EVENTS_H
#define INKLING_STORE_SECURITY_EVENTS_H

#include "base/arena.h"
#include "base/err.h"

struct db;

#define SECURITY_EVENTS_MAX 10000

struct security_event {
    int64_t organization_id, id;
    struct slice kind;   /* webhook_signature, webhook_credentials, webhook_address, api_key */
    int64_t endpoint_id; /* 0: none */
    struct slice detail;
    struct slice source; /* shortened address */
    int64_t first_at, last_at;
    int64_t count;
};

/* In the caller's write transaction. Only kind, endpoint, detail and source are looked at; an organization that does
 * not exist is passed over. */
MUST_USE int security_event_note(struct db *db, const struct security_event *event, int64_t now, struct err *err);
/* The latest first, at most `limit` before (before_at, before_id); `kind` empty: all. */
MUST_USE int security_events_load(struct db *db, int64_t organization_id, struct slice kind, int64_t before_at,
                                  int64_t before_id, size_t limit, struct arena *arena, struct security_event **ret,
                                  size_t *ret_count, struct err *err);

#endif
