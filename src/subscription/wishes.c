#include "subscription/wishes.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/memory.h"
#include "store/webhook_subscriptions.h"

#include "base/banned.h"

struct wishes {
    pthread_mutex_t refreshing; /* one at a time, so that the later reading stays */
    pthread_rwlock_t lock;      /* guards what follows, which is replaced as a whole */
    struct arena *arena;
    struct webhook_wish *wishes; /* ascending by organization */
    size_t count;
};

struct wishes *wishes_new(void) {
    struct wishes *wishes = memory_alloc(sizeof(*wishes));
    pthread_mutex_init(&wishes->refreshing, NULL);
    pthread_rwlock_init(&wishes->lock, NULL);
    return wishes;
}

struct wishes *wishes_free(struct wishes *wishes) {
    if (!wishes) return NULL;
    arena_free(wishes->arena);
    pthread_rwlock_destroy(&wishes->lock);
    pthread_mutex_destroy(&wishes->refreshing);
    free(wishes);
    return NULL;
}

int wishes_refresh(struct wishes *wishes, struct db *db, struct err *err) {
    struct arena *arena = arena_new(), *former = arena;
    struct webhook_wish *found = NULL;
    size_t count = 0;
    pthread_mutex_lock(&wishes->refreshing);
    int r = webhook_wishes_load(db, arena, &found, &count, err);
    if (r == 0) {
        pthread_rwlock_wrlock(&wishes->lock);
        former = wishes->arena;
        wishes->arena = arena;
        wishes->wishes = found;
        wishes->count = count;
        pthread_rwlock_unlock(&wishes->lock);
    }
    pthread_mutex_unlock(&wishes->refreshing);
    arena_free(former);
    return r;
}

int64_t wishes_of(struct wishes *wishes, int64_t organization_id) {
    int64_t events = 0;
    pthread_rwlock_rdlock(&wishes->lock);
    size_t low = 0, high = wishes->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (wishes->wishes[middle].organization_id < organization_id)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < wishes->count && wishes->wishes[low].organization_id == organization_id)
        events = wishes->wishes[low].events;
    pthread_rwlock_unlock(&wishes->lock);
    return events;
}

bool wishes_want(struct wishes *wishes, int64_t organization_id, enum event_type type) {
    enum webhook_event event;
    return webhook_event_of(type, &event) && (wishes_of(wishes, organization_id) & WEBHOOK_BIT(event)) != 0;
}

bool wishes_any(struct wishes *wishes) {
    pthread_rwlock_rdlock(&wishes->lock);
    bool any = wishes->count > 0;
    pthread_rwlock_unlock(&wishes->lock);
    return any;
}
