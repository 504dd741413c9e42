#include "ingest/organization_cache.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/memory.h"
#include "store/organizations.h"
#include "store/store.h"

#include "base/banned.h"

#define PAGE 500

struct organization_set {
    atomic_int references;
    struct arena *arena;
    struct cached_organization *by_id;
    const struct cached_organization **by_domain;
    size_t count, domain_count;
};

struct organization_cache {
    pthread_mutex_t refreshing; /* one refresh at a time */
    int64_t version;            /* settings version of `current` */
    pthread_rwlock_t lock;      /* guards `current` */
    struct organization_set *current;
};

static struct organization_set *set_new(void) {
    struct organization_set *set = memory_alloc(sizeof(*set));
    atomic_init(&set->references, 1);
    set->arena = arena_new();
    return set;
}

void organization_set_release(const struct organization_set *constant) {
    struct organization_set *set = (struct organization_set *)(uintptr_t)constant;
    if (!set || atomic_fetch_sub(&set->references, 1) != 1) return;
    arena_free(set->arena);
    free(set);
}

struct organization_cache *organization_cache_new(void) {
    struct organization_cache *cache = memory_alloc(sizeof(*cache));
    cache->version = -1;
    cache->current = set_new();
    pthread_mutex_init(&cache->refreshing, NULL);
    pthread_rwlock_init(&cache->lock, NULL);
    return cache;
}

struct organization_cache *organization_cache_free(struct organization_cache *cache) {
    if (!cache) return NULL;
    organization_set_release(cache->current);
    pthread_rwlock_destroy(&cache->lock);
    pthread_mutex_destroy(&cache->refreshing);
    free(cache);
    return NULL;
}

const struct organization_set *organization_cache_acquire(struct organization_cache *cache) {
    pthread_rwlock_rdlock(&cache->lock);
    struct organization_set *set = cache->current;
    atomic_fetch_add(&set->references, 1);
    pthread_rwlock_unlock(&cache->lock);
    return set;
}

/* ---- loading ---- */

static int compare_domains(const void *left, const void *right) {
    const struct cached_organization *a = *(const struct cached_organization *const *)left;
    const struct cached_organization *b = *(const struct cached_organization *const *)right;
    return slice_compare(a->tracking_domain, b->tracking_domain);
}

static int load(struct organization_set *set, struct db *db, struct err *err) {
    size_t capacity = 0, count;
    int64_t after = 0;
    do {
        struct organization *page;
        int r = organizations_list(db, after, PAGE, set->arena, &page, &count, err);
        if (r < 0) return r;
        if (set->count + count > capacity) {
            capacity = memory_next_capacity(capacity, set->count + count);
            struct cached_organization *grown = arena_alloc_array(set->arena, capacity, sizeof(*grown));
            if (set->count > 0) memcpy(grown, set->by_id, set->count * sizeof(*grown));
            set->by_id = grown;
        }
        for (size_t i = 0; i < count; i++)
            set->by_id[set->count++] = (struct cached_organization){
                .id = after = page[i].id,
                .name = page[i].name,
                .tracking_domain = page[i].tracking_domain,
                .brand_color = page[i].brand_color,
                .address_policy = page[i].address_policy,
                .honor_privacy_signals = page[i].honor_privacy_signals,
            };
    } while (count == PAGE);
    set->by_domain = arena_alloc_array(set->arena, set->count, sizeof(struct cached_organization *));
    for (size_t i = 0; i < set->count; i++)
        if (!slice_empty(set->by_id[i].tracking_domain)) set->by_domain[set->domain_count++] = &set->by_id[i];
    if (set->domain_count > 0) qsort(set->by_domain, set->domain_count, sizeof(set->by_domain[0]), compare_domains);
    return 0;
}

int organization_cache_refresh(struct organization_cache *cache, struct db *db, struct err *err) {
    struct organization_set *set = NULL;
    int64_t version = 0;
    pthread_mutex_lock(&cache->refreshing);
    int r = settings_version(db, &version, err);
    if (r < 0 || version == cache->version) goto out;
    set = set_new();
    r = load(set, db, err);
    if (r < 0) goto out;
    pthread_rwlock_wrlock(&cache->lock);
    struct organization_set *former = cache->current;
    cache->current = set;
    pthread_rwlock_unlock(&cache->lock);
    cache->version = version;
    set = former;
out:
    pthread_mutex_unlock(&cache->refreshing);
    organization_set_release(set);
    return r;
}

/* ---- looking up ---- */

const struct cached_organization *organization_set_find(const struct organization_set *set, int64_t id) {
    size_t low = 0, high = set->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (set->by_id[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < set->count && set->by_id[low].id == id ? &set->by_id[low] : NULL;
}

const struct cached_organization *organization_set_by_domain(const struct organization_set *set, struct slice host) {
    char lower[TRACKING_DOMAIN_MAX];
    if (set->domain_count == 0 || host.len == 0 || host.len > sizeof(lower)) return NULL;
    for (size_t i = 0; i < host.len; i++)
        lower[i] = host.ptr[i] >= 'A' && host.ptr[i] <= 'Z' ? (char)(host.ptr[i] | 0x20) : host.ptr[i];
    const struct cached_organization wanted = {.tracking_domain = slice_of(lower, host.len)}, *key = &wanted;
    const struct cached_organization **found =
        bsearch(&key, set->by_domain, set->domain_count, sizeof(set->by_domain[0]), compare_domains);
    return found ? *found : NULL;
}
