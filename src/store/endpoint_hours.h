/* endpoint_hours: what came in by an endpoint, counted by the hour, and sums of it. */
#ifndef INKLING_STORE_ENDPOINT_HOURS_H
#define INKLING_STORE_ENDPOINT_HOURS_H

#include "store/db.h"

/* Deliveries are counted by how long they took until they were durable: within the bound, and not within the one
 * before. The last has what took longer, too. */
#define TOOK_BOUNDS_MS                                                                                                 \
    { 5, 10, 25, 50, 100, 250, 1000, 10000 }
#define TOOK_COUNT 8

struct endpoint_hour {
    int64_t organization_id, endpoint_id;
    int64_t hour; /* since 1970 */
    int64_t deliveries, events, delivered, opens, clicks, orphans, rejected, unreadable;
    int64_t ahead_ms;         /* the most that an event's time lay ahead of ours; 0: none did */
    int64_t delay_ms;         /* the least that an event took to get here */
    int64_t last_event_at;    /* as received; 0: none */
    int64_t last_rejected_at; /* 0: none */
    int64_t took[TOOK_COUNT]; /* of the deliveries that somebody waited for */
};

#define ENDPOINT_WEEKS 4

struct endpoint_sums {
    int64_t endpoint_id;
    int64_t last_event_at, last_rejected_at;         /* within five weeks; 0: never */
    int64_t hour_events, hour_usual[ENDPOINT_WEEKS]; /* the last whole hour, and that hour of the weeks before */
    int64_t day_events, day_usual[ENDPOINT_WEEKS];   /* the last 24 hours, and those of the weeks before */
    int64_t day_rejected, day_unreadable, day_ahead_ms, day_delay_ms;
    int64_t week_events, week_delivered, week_opens, week_clicks, week_orphans;
    int64_t first_hour;
};

/* Adds to what is there. */
MUST_USE int endpoint_hour_add(struct db *db, const struct endpoint_hour *hour, struct err *err);
/* Removes what is older. */
MUST_USE int endpoint_hours_purge(struct db *db, int64_t before_hour, struct err *err);
/* endpoint_id 0: of every endpoint that has any. By id. */
MUST_USE int endpoint_sums_load(struct db *db, int64_t organization_id, int64_t endpoint_id, int64_t now,
                                struct arena *arena, struct endpoint_sums **ret, size_t *ret_count, struct err *err);

#define ENDPOINT_DAY_HOURS 24

/* The last 24 hours, the current one last; those in which nothing came are zero but for their `hour`. */
MUST_USE int endpoint_day_load(struct db *db, int64_t organization_id, int64_t endpoint_id, int64_t now,
                               struct endpoint_hour ret[ENDPOINT_DAY_HOURS], struct err *err);

/* Of the newest emails that were sent between a day and eight days ago, at most a thousand: how many there are, and of
 * how many nothing at all was ever heard, and of how many our own pixel measures opens. */
MUST_USE int emails_without_event(struct db *db, int64_t organization_id, int64_t now, int64_t *ret_emails,
                                  int64_t *ret_silent, int64_t *ret_own_opens, struct err *err);

#endif
