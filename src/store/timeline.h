/* timeline: the events of several emails in one list, by one query. */
#ifndef INKLING_STORE_TIMELINE_H
#define INKLING_STORE_TIMELINE_H

#include "store/engagement.h"

struct db_rows;

/* At most `limit` events, the latest first (of one moment by email, type, link, recipient); strings in `arena`. On
 * SQLite of an email with more than TIMELINE_STEPS_MAX / `count` moments possibly those that arrived last. */
#define TIMELINE_STEPS_MAX 50000
MUST_USE int timeline_latest(struct db *db, int64_t organization_id, const int64_t *email_log_ids, size_t count,
                             size_t limit, struct arena *arena, struct stored_event **ret, size_t *ret_count,
                             struct err *err);

/* What stored_event_read takes, of an event e, its link l and its agent a. */
#define STORED_EVENT_COLUMNS                                                                                           \
    "e.occurred_at, e.email_log_id, e.event_type, e.link_id, e.recipient_ref, e.verdict, e.bounce, e.reasons, "        \
    "e.received_delay_s, e.endpoint_id, e.ip_address, e.provider_event_id, e.metadata, l.url, l.position, a.agent"
/* Strings in the arena. */
void stored_event_read(const struct db_rows *rows, int64_t organization_id, struct arena *arena,
                       struct stored_event *event);

#endif
