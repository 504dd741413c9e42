#include "ingest/watch.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"

#include "base/banned.h"

#define HOURS_MAX     4096 /* endpoints and hours that wait; what is more is not counted */
#define ENDPOINTS_MAX 4096
#define KEPT_HOURS    (35 * 24)

struct watch {
    pthread_mutex_t mutex; /* guards all but `saving`, which is the saving thread's */
    struct endpoint_hour *hours;
    size_t hour_count, hour_capacity;
    int64_t waiting_since_us;
    struct watch_totals *totals;
    size_t total_count, total_capacity;
    struct endpoint_hour *saving;
    size_t saving_count;
    int64_t purged_hour;
};

struct watch *watch_new(void) {
    struct watch *watch = memory_alloc(sizeof(*watch));
    pthread_mutex_init(&watch->mutex, NULL);
    return watch;
}

struct watch *watch_free(struct watch *watch) {
    if (!watch) return NULL;
    pthread_mutex_destroy(&watch->mutex);
    free(watch->hours);
    free(watch->totals);
    free(watch->saving);
    free(watch);
    return NULL;
}

/* ---- counting; with the mutex held ---- */

static struct endpoint_hour *find_hour(struct watch *watch, int64_t organization_id, int64_t endpoint_id,
                                       int64_t hour) {
    for (size_t i = watch->hour_count; i-- > 0;) {
        struct endpoint_hour *known = &watch->hours[i];
        if (known->endpoint_id == endpoint_id && known->hour == hour && known->organization_id == organization_id)
            return known;
    }
    if (watch->hour_count == HOURS_MAX) return NULL;
    if (watch->hour_count == watch->hour_capacity) {
        watch->hour_capacity = memory_next_capacity(watch->hour_capacity, watch->hour_count + 1);
        watch->hours = memory_grow(watch->hours, watch->hour_capacity, sizeof(*watch->hours));
    }
    if (watch->hour_count == 0) watch->waiting_since_us = clock_monotonic_us();
    struct endpoint_hour *fresh = &watch->hours[watch->hour_count++];
    *fresh = (struct endpoint_hour){.organization_id = organization_id, .endpoint_id = endpoint_id, .hour = hour};
    return fresh;
}

static struct watch_totals *find_totals(struct watch *watch, int64_t organization_id, int64_t endpoint_id) {
    for (size_t i = 0; i < watch->total_count; i++)
        if (watch->totals[i].endpoint_id == endpoint_id && watch->totals[i].organization_id == organization_id)
            return &watch->totals[i];
    if (watch->total_count == ENDPOINTS_MAX) return NULL;
    if (watch->total_count == watch->total_capacity) {
        watch->total_capacity = memory_next_capacity(watch->total_capacity, watch->total_count + 1);
        watch->totals = memory_grow(watch->totals, watch->total_capacity, sizeof(*watch->totals));
    }
    struct watch_totals *fresh = &watch->totals[watch->total_count++];
    *fresh = (struct watch_totals){.organization_id = organization_id, .endpoint_id = endpoint_id};
    return fresh;
}

static void merge(struct endpoint_hour *sum, const struct endpoint_hour *more) {
    if (more->events > 0 && (sum->events == 0 || more->delay_ms < sum->delay_ms)) sum->delay_ms = more->delay_ms;
    if (more->ahead_ms > sum->ahead_ms) sum->ahead_ms = more->ahead_ms;
    if (more->last_event_at > sum->last_event_at) sum->last_event_at = more->last_event_at;
    if (more->last_rejected_at > sum->last_rejected_at) sum->last_rejected_at = more->last_rejected_at;
    sum->deliveries += more->deliveries;
    sum->events += more->events;
    sum->delivered += more->delivered;
    sum->opens += more->opens;
    sum->clicks += more->clicks;
    sum->orphans += more->orphans;
    sum->rejected += more->rejected;
    sum->unreadable += more->unreadable;
    for (size_t i = 0; i < TOOK_COUNT; i++)
        sum->took[i] += more->took[i];
}

static void add(struct watch *watch, const struct endpoint_hour *more) {
    pthread_mutex_lock(&watch->mutex);
    struct endpoint_hour *hour = find_hour(watch, more->organization_id, more->endpoint_id, more->hour);
    struct watch_totals *totals = find_totals(watch, more->organization_id, more->endpoint_id);
    if (hour) merge(hour, more);
    if (totals) {
        totals->events += more->events;
        totals->orphans += more->orphans;
        totals->rejected += more->rejected;
        totals->unreadable += more->unreadable;
        if (more->last_event_at > totals->last_event_at) totals->last_event_at = more->last_event_at;
    }
    pthread_mutex_unlock(&watch->mutex);
}

static size_t took_class(int64_t took_us) {
    static const int64_t bounds[TOOK_COUNT] = TOOK_BOUNDS_MS;
    size_t i = 0;
    while (i < TOOK_COUNT - 1 && took_us > bounds[i] * 1000)
        i++;
    return i;
}

void watch_batch(struct watch *watch, const struct event_batch *batch) {
    if (batch->endpoint_id == 0 || batch->is_adoption || batch->is_own || batch->count == 0) return;
    struct endpoint_hour more = {
        .organization_id = batch->organization_id,
        .endpoint_id = batch->endpoint_id,
        .hour = batch->received_at / HOUR_MS,
        .deliveries = 1,
        .events = (int64_t)batch->count,
        .orphans = (int64_t)batch->result.orphaned,
        .delay_ms = INT64_MAX,
        .last_event_at = batch->received_at,
    };
    for (size_t i = 0; i < batch->count; i++) {
        const struct event *event = &batch->events[i];
        int64_t delay = batch->received_at - event->occurred_at;
        if (-delay > more.ahead_ms) more.ahead_ms = -delay;
        if (delay < more.delay_ms) more.delay_ms = delay;
        more.delivered += event->type == EVENT_DELIVERED;
        more.opens += event->type == EVENT_OPEN;
        more.clicks += event->type == EVENT_CLICK;
    }
    if (batch->begun_us != 0) more.took[took_class(clock_monotonic_us() - batch->begun_us)] = 1;
    add(watch, &more);
}

void watch_refusal(struct watch *watch, int64_t organization_id, int64_t endpoint_id, bool rejected, int64_t now) {
    struct endpoint_hour more = {
        .organization_id = organization_id,
        .endpoint_id = endpoint_id,
        .hour = now / HOUR_MS,
        .deliveries = 1,
        .rejected = rejected,
        .unreadable = !rejected,
        .last_rejected_at = rejected ? now : 0,
    };
    if (endpoint_id != 0) add(watch, &more);
}

/* ---- saving ---- */

bool watch_is_due(struct watch *watch, int64_t age_us) {
    pthread_mutex_lock(&watch->mutex);
    bool due = watch->hour_count > 0 && clock_monotonic_us() - watch->waiting_since_us >= age_us;
    pthread_mutex_unlock(&watch->mutex);
    return due;
}

int watch_save(struct watch *watch, struct db *db, struct err *err) {
    int64_t this_hour = clock_now() / HOUR_MS;
    pthread_mutex_lock(&watch->mutex);
    if (watch->saving) BUG("two threads save the watch's counts");
    watch->saving = watch->hours;
    watch->saving_count = watch->hour_count;
    watch->hours = NULL;
    watch->hour_count = watch->hour_capacity = 0;
    pthread_mutex_unlock(&watch->mutex);
    int r = 0;
    for (size_t i = 0; i < watch->saving_count && r == 0; i++)
        r = endpoint_hour_add(db, &watch->saving[i], err);
    if (r == 0 && watch->purged_hour != this_hour) r = endpoint_hours_purge(db, this_hour - KEPT_HOURS, err);
    if (r == 0) watch->purged_hour = this_hour;
    return r;
}

void watch_saved(struct watch *watch, bool committed) {
    pthread_mutex_lock(&watch->mutex);
    for (size_t i = 0; !committed && i < watch->saving_count; i++) {
        const struct endpoint_hour *back = &watch->saving[i];
        struct endpoint_hour *hour = find_hour(watch, back->organization_id, back->endpoint_id, back->hour);
        if (hour) merge(hour, back);
    }
    free(watch->saving);
    watch->saving = NULL;
    watch->saving_count = 0;
    pthread_mutex_unlock(&watch->mutex);
}

void watch_each(struct watch *watch, void (*visit)(void *context, const struct watch_totals *totals), void *context) {
    pthread_mutex_lock(&watch->mutex);
    for (size_t i = 0; i < watch->total_count; i++)
        visit(context, &watch->totals[i]);
    pthread_mutex_unlock(&watch->mutex);
}
