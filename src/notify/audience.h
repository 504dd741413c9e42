/* audience: who is to be told of what, decided from preferences. Pure: no I/O, no clock. */
#ifndef INKLING_NOTIFY_AUDIENCE_H
#define INKLING_NOTIFY_AUDIENCE_H

#include "store/notifications.h"
#include "store/outbox.h"

/* Events older than this are history that arrives late (a replay, an import): they are in the figures, and nobody is
 * told of them as news. */
#define NEWS_MAX_AGE_MS (24 * 3600 * 1000LL)

/* Does this user want to be told of the event? Machines never get here. */
bool audience_wants(const struct watcher *watcher, const struct outbox_item *item, int64_t now);
/* May the user see the event at all? */
bool audience_may_see(const struct watcher *watcher, int64_t job_id);
/* Does the candidate's score decide whether this user is told? */
bool audience_asks_score(const struct watcher *watcher);
/* Is it a quiet hour for the user? */
bool audience_is_quiet(const struct watcher *watcher, int64_t now);

/* What is wanted, in a form that the writer's threads ask quickly. Sorted; immutable once made. */
struct interest {
    int64_t organization_id;
    bool team;              /* somebody wants to hear of everybody's emails */
    int64_t events;         /* bits, enum notification_event: by anybody */
    const int64_t *senders; /* who want to hear of their own */
    size_t sender_count;
};
/* One for each organization that has watchers; in `arena`. */
struct interest *interests_make(const struct watcher *watchers, size_t count, struct arena *arena, size_t *ret_count);
const struct interest *interest_find(const struct interest *interests, size_t count, int64_t organization_id);
bool interest_wants(const struct interest *interest, int64_t sender_id, enum event_type type);

#endif
