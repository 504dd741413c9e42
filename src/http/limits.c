#include "http/limits.h"

#include <limits.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/memory.h"

#include "base/banned.h"

/* Sets of a few buckets, each with its own lock: threads meet only when their keys share a set, and looking for a key
 * or for the longest idle bucket means scanning one set. */
#define WAYS 16

struct bucket {
    uint64_t key;
    double tokens;
    int64_t touched_us; /* 0: free */
};

struct set {
    pthread_mutex_t lock;
    struct bucket buckets[WAYS];
};

struct limits {
    size_t mask; /* sets - 1 */
    struct set sets[];
};

struct limits *limits_new(size_t buckets) {
    size_t sets = 1;
    while (sets * WAYS < buckets)
        sets *= 2;
    struct limits *limits = memory_alloc(sizeof(*limits) + sets * sizeof(struct set));
    limits->mask = sets - 1;
    for (size_t i = 0; i < sets; i++)
        pthread_mutex_init(&limits->sets[i].lock, NULL);
    return limits;
}

struct limits *limits_free(struct limits *limits) {
    if (limits == NULL) return NULL;
    for (size_t i = 0; i <= limits->mask; i++)
        pthread_mutex_destroy(&limits->sets[i].lock);
    free(limits);
    return NULL;
}

/* The key's bucket; else the one untouched for longest (a free one before all), made its own and full. */
static struct bucket *bucket_for(struct set *set, uint64_t key, double burst, int64_t now_us) {
    struct bucket *oldest = &set->buckets[0];
    for (size_t i = 0; i < WAYS; i++) {
        struct bucket *bucket = &set->buckets[i];
        if (bucket->touched_us != 0 && bucket->key == key) return bucket;
        if (bucket->touched_us < oldest->touched_us) oldest = bucket;
    }
    *oldest = (struct bucket){.key = key, .tokens = burst, .touched_us = now_us};
    return oldest;
}

static int seconds_until(double missing, double rate) {
    if (rate <= 0) return INT_MAX;
    double seconds = missing / rate;
    if (seconds >= INT_MAX) return INT_MAX;
    int whole = (int)seconds;
    return whole < seconds || whole == 0 ? whole + 1 : whole;
}

/* Multiplied out, because keys may differ in their high bits only (2^64 / golden ratio). */
static struct set *set_of(struct limits *limits, uint64_t key) {
    return &limits->sets[(size_t)((key * 0x9E3779B97F4A7C15u) >> 32) & limits->mask];
}

bool limits_take(struct limits *limits, uint64_t key, double rate, double burst, int64_t now_us, int *ret_wait_s) {
    struct set *set = set_of(limits, key);
    if (now_us <= 0) now_us = 1;
    pthread_mutex_lock(&set->lock);
    struct bucket *bucket = bucket_for(set, key, burst, now_us);
    /* Threads read the clock before they get here, so `now_us` may lie a little behind the last one's. */
    if (now_us > bucket->touched_us) {
        bucket->tokens += (double)(now_us - bucket->touched_us) / 1e6 * rate;
        bucket->touched_us = now_us;
    }
    if (bucket->tokens > burst) bucket->tokens = burst;
    bool taken = bucket->tokens >= 1;
    if (taken)
        bucket->tokens -= 1;
    else
        *ret_wait_s = seconds_until(1 - bucket->tokens, rate);
    pthread_mutex_unlock(&set->lock);
    return taken;
}

void limits_give(struct limits *limits, uint64_t key, double burst) {
    struct set *set = set_of(limits, key);
    pthread_mutex_lock(&set->lock);
    for (size_t i = 0; i < WAYS; i++) {
        struct bucket *bucket = &set->buckets[i];
        if (bucket->touched_us == 0 || bucket->key != key) continue;
        bucket->tokens = bucket->tokens + 1 > burst ? burst : bucket->tokens + 1;
        break;
    }
    pthread_mutex_unlock(&set->lock);
}
