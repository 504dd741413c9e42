#include "base/cache.h"

#include <stdlib.h>

#include "base/memory.h"

#include "base/banned.h"

/* Two generations of half the entries each. New entries go into the young one; when that is full it becomes the old
 * one, whose entries, the oldest half, go all at once. So nothing needs to be kept in order. */

struct slot {
    struct hash128 key;
    int64_t value;
    bool used;
};

struct generation {
    struct slot *slots; /* open addressing, a power of two of them, at most three in four used */
    size_t capacity, count;
};

struct cache {
    struct generation young, old;
    size_t max_each;
};

struct cache *cache_new(size_t max_entries) {
    struct cache *cache = memory_alloc(sizeof(*cache));
    cache->max_each = max_entries > 1 ? max_entries / 2 : 1;
    return cache;
}

struct cache *cache_free(struct cache *cache) {
    if (cache) cache_clear(cache);
    free(cache);
    return NULL;
}

void cache_clear(struct cache *cache) {
    free(cache->young.slots);
    free(cache->old.slots);
    cache->young = cache->old = (struct generation){0};
}

/* The slot of the key, or the free one where it belongs. There is always a free one once there are slots. */
static struct slot *find(const struct generation *generation, struct hash128 key) {
    size_t mask = generation->capacity - 1;
    for (size_t at = (size_t)key.low & mask;; at = (at + 1) & mask) {
        struct slot *slot = &generation->slots[at];
        if (!slot->used || (slot->key.high == key.high && slot->key.low == key.low)) return slot;
    }
}

static void grow(struct generation *generation) {
    struct generation larger = {.capacity = memory_next_capacity(generation->capacity, generation->capacity + 1)};
    larger.slots = memory_alloc_array(larger.capacity, sizeof(*larger.slots));
    for (size_t i = 0; i < generation->capacity; i++) {
        if (generation->slots[i].used) *find(&larger, generation->slots[i].key) = generation->slots[i];
    }
    larger.count = generation->count;
    free(generation->slots);
    *generation = larger;
}

static bool get(const struct generation *generation, struct hash128 key, int64_t *ret_value) {
    if (generation->count == 0) return false;
    const struct slot *slot = find(generation, key);
    if (slot->used) *ret_value = slot->value;
    return slot->used;
}

bool cache_get(const struct cache *cache, struct hash128 key, int64_t *ret_value) {
    return get(&cache->young, key, ret_value) || get(&cache->old, key, ret_value);
}

void cache_put(struct cache *cache, struct hash128 key, int64_t value) {
    struct generation *young = &cache->young;
    struct slot *slot = young->count ? find(young, key) : NULL;
    if (slot && slot->used) {
        slot->value = value;
        return;
    }
    if (young->count == cache->max_each) {
        free(cache->old.slots);
        cache->old = *young;
        *young = (struct generation){0};
    }
    if (young->count >= young->capacity / 4 * 3) grow(young);
    *find(young, key) = (struct slot){.key = key, .value = value, .used = true};
    young->count++;
}
