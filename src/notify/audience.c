#include "notify/audience.h"

#include <stdlib.h>

#include "base/timezone.h"

#include "base/banned.h"

#define BIT(event) (INT64_C(1) << (event))

static bool is_job_of(const struct watcher *watcher, int64_t job_id) {
    for (size_t i = 0; i < watcher->job_count; i++)
        if (watcher->jobs[i] == job_id) return job_id != 0;
    return false;
}

bool audience_may_see(const struct watcher *watcher, int64_t job_id) {
    return watcher->role != USER_HIRING_MANAGER || is_job_of(watcher, job_id);
}

/* Who may not see scores must not learn them from what they are told of either (compliance C-103). */
bool audience_asks_score(const struct watcher *watcher) {
    return watcher->preferences.hot_only && watcher->sees_scores;
}

bool audience_wants(const struct watcher *watcher, const struct outbox_item *item, int64_t now) {
    const struct notification_preferences *wanted = &watcher->preferences;
    int64_t events = notification_events_of(item->row.event_type) & wanted->events;
    if (watcher->organization_id != item->row.organization_id || item->candidate_id == 0) return false;
    if (now - item->row.occurred_at > NEWS_MAX_AGE_MS) return false;
    if (events == BIT(NOTIFY_FIRST_OPEN) && item->row.occurred_at != item->first_opened_at) return false;
    if (events == 0 || !audience_may_see(watcher, item->job_id)) return false;
    if (audience_asks_score(watcher) && item->below_hot) return false;
    switch (wanted->scope) {
    case NOTIFY_MINE:
        return item->sender_id == watcher->user_id;
    case NOTIFY_JOBS:
        return is_job_of(watcher, item->job_id);
    case NOTIFY_TEAM:
        return true;
    }
    return false;
}

bool audience_is_quiet(const struct watcher *watcher, int64_t now) {
    const struct notification_preferences *wanted = &watcher->preferences;
    if (!wanted->has_quiet_hours) return false;
    int64_t minute = timezone_minute(watcher->time_zone, now);
    if (wanted->quiet_from <= wanted->quiet_to) return minute >= wanted->quiet_from && minute < wanted->quiet_to;
    return minute >= wanted->quiet_from || minute < wanted->quiet_to;
}

/* Watchers are in order of organization, then id, so what is made of them is in order too. */
struct interest *interests_make(const struct watcher *watchers, size_t count, struct arena *arena, size_t *ret_count) {
    struct interest *interests = arena_alloc_array(arena, count, sizeof(*interests));
    int64_t *senders = arena_alloc_array(arena, count, sizeof(*senders));
    size_t made = 0;
    for (size_t i = 0; i < count; i++) {
        const struct watcher *watcher = &watchers[i];
        if (watcher->preferences.events == 0) continue;
        struct interest *last = made > 0 ? &interests[made - 1] : NULL;
        if (!last || last->organization_id != watcher->organization_id) {
            last = &interests[made++];
            *last = (struct interest){.organization_id = watcher->organization_id, .senders = senders};
        }
        last->events |= watcher->preferences.events;
        if (watcher->preferences.scope != NOTIFY_MINE) last->team = true;
        *senders++ = watcher->user_id;
        last->sender_count++;
    }
    *ret_count = made;
    return interests;
}

static int compare_organization(const void *key, const void *interest_) {
    int64_t wanted = *(const int64_t *)key, there = ((const struct interest *)interest_)->organization_id;
    return (wanted > there) - (wanted < there);
}

static int compare_id(const void *left, const void *right) {
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

const struct interest *interest_find(const struct interest *interests, size_t count, int64_t organization_id) {
    return count == 0 ? NULL : bsearch(&organization_id, interests, count, sizeof(*interests), compare_organization);
}

bool interest_wants(const struct interest *interest, int64_t sender_id, enum event_type type) {
    if ((notification_events_of(type) & interest->events) == 0) return false;
    return interest->team ||
           bsearch(&sender_id, interest->senders, interest->sender_count, sizeof(int64_t), compare_id);
}
