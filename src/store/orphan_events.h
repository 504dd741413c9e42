/* orphan_events: events of unknown emails as an admin sees them (EF-2). How they are kept and adopted: engagement.h. */
#ifndef INKLING_STORE_ORPHAN_EVENTS_H
#define INKLING_STORE_ORPHAN_EVENTS_H

#include "base/arena.h"
#include "base/err.h"
#include "model/event.h"

struct db;

struct orphan_event {
    int64_t id, endpoint_id, received_at, occurred_at;
    enum event_type type;
    struct slice message_ids[EVENT_KEYS_MAX]; /* NULL ptr: none, so below */
    struct slice recipient, url, provider_event_id;
    int64_t link_position; /* LINK_POSITION_NONE: none */
};

/* The latest first, at most `limit` before (before_at, before_id). */
MUST_USE int orphan_events_load(struct db *db, int64_t organization_id, int64_t before_at, int64_t before_id,
                                size_t limit, struct arena *arena, struct orphan_event **ret, size_t *ret_count,
                                struct err *err);

/* Emails that an orphan may be about: sent up to a day after `at`, the newest first, among the ORPHAN_LOOK_BACK newest
 * of those. `text` is looked for in message ids, subjects and addresses of recipients (without regard to ASCII case);
 * with `exact` the recipient's address must be it. At most `limit` ids. */
#define ORPHAN_LOOK_BACK 20000
MUST_USE int orphan_events_emails(struct db *db, int64_t organization_id, int64_t at, struct slice text, bool exact,
                                  size_t limit, int64_t *ret_ids, size_t *ret_count, struct err *err);

#endif
