#include "ingest/hits.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "ingest/hits_apply.h"
#include "ingest/journal.h"

#include "base/banned.h"

#define QUEUE_MAX   200000
#define GATHER_US   30000 /* how long hits gather before they are written together */
#define IDLE_US     1000000
#define RETRY_US    500000
#define PORTION     5000
#define CALM_HITS   150    /* gathered; more is a storm, which is written to disk first */
#define CALM_US     500000 /* without more, before a storm is over: other processes may have kept ours waiting */
#define ADMIT_SETS  16384
#define ADMIT_WAYS  4
#define STOP_US     5000000
#define ACK_US      1000000 /* an acknowledgement waits for the database this long */
#define COMPLAIN_US 60000000

#define CHUNK_BYTES (64UL << 10)
#define SPARE_MAX   16 /* chunks kept for reuse */

/* Who waits for a hit to be kept. */
struct waiter {
    struct waiter *next;
    void (*done)(void *context, int result);
    void *context;
    int64_t answered_us;
    uint64_t ordinal; /* of its record among all that were added to the journal */
};

/* A hit on its way to the journal; records lie one behind the other in chunks. */
struct record {
    int64_t answered_us;   /* clock_tick_us: it may seem to have waited longer than it did, never shorter */
    struct waiter *waiter; /* or NULL */
    uint32_t len;
    bool kept; /* the journal took it */
    unsigned char bytes[];
};

struct chunk {
    struct chunk *next;
    size_t used;
    _Alignas(struct record) char bytes[];
};

struct hits {
    struct hits_options options;
    struct journal *journal;
    struct hits_apply *apply;
    pthread_mutex_t mutex; /* for what follows; held for a moment only, never while anything is written */
    pthread_cond_t wake;
    struct chunk *first, *last; /* oldest first */
    struct chunk *spare;
    size_t queued, spare_count;
    bool urgent; /* somebody waits for an answer */
    bool woken, stopping;
    pthread_t thread;
    bool started;
    /* The thread's own. */
    struct waiter *acks; /* flushed, waiting for the database */
    uint64_t done;       /* those that count as waiting no more */
    uint64_t written;    /* records of the journal that were counted */
    size_t gathered;     /* taken in the last round */
    size_t singles;      /* records to be tried one by one */
    int64_t retry_at_us, storm_since_us, storm_seen_us, complained_us;
    bool applying;
    _Atomic uint64_t admitted[ADMIT_SETS][ADMIT_WAYS];
};

/* ---- how many on one token ---- */

void hits_prepare(const struct hits *hits, uint64_t token_hash) {
    __builtin_prefetch(hits->admitted[token_hash % ADMIT_SETS], 1);
}

/* One number a token: 40 bits of its hash, 16 of the minute, 8 of the count. A set that is full of the same minute
 * forgets the smallest count: then a few more than allowed are stored, never fewer. */
int hits_admit(struct hits *hits, uint64_t token_hash, int64_t now) {
    _Atomic uint64_t *set = hits->admitted[token_hash % ADMIT_SETS];
    uint64_t tag = token_hash >> 24 << 24, minute = (uint64_t)(now / MINUTE_MS) & 0xffff;
    size_t victim = 0;
    uint64_t least = UINT64_MAX;
    for (size_t i = 0; i < ADMIT_WAYS; i++) {
        uint64_t seen = atomic_load_explicit(&set[i], memory_order_relaxed);
        bool current = (seen >> 8 & 0xffff) == minute;
        while (current && seen >> 24 << 24 == tag) {
            if ((seen & 0xff) >= HITS_A_MINUTE) return 0;
            if (atomic_compare_exchange_weak_explicit(&set[i], &seen, seen + 1, memory_order_relaxed,
                                                      memory_order_relaxed))
                return (int)(seen & 0xff) + 1;
            current = (seen >> 8 & 0xffff) == minute;
        }
        uint64_t weight = current ? 1 + (seen & 0xff) : 0;
        if (weight < least) {
            least = weight;
            victim = i;
        }
    }
    atomic_store_explicit(&set[victim], tag | minute << 8 | 1, memory_order_relaxed);
    return 1;
}

/* ---- handing over ---- */

static void wake(void *hits_) {
    struct hits *hits = hits_;
    pthread_mutex_lock(&hits->mutex);
    hits->woken = true;
    pthread_cond_signal(&hits->wake);
    pthread_mutex_unlock(&hits->mutex);
}

/* At the end of the list, where a record of any size fits. Under the lock. */
static struct chunk *room_for_one(struct hits *hits) {
    struct chunk *chunk = hits->last;
    if (chunk && CHUNK_BYTES - chunk->used >= sizeof(struct record) + HIT_BYTES_MAX) return chunk;
    chunk = hits->spare;
    if (chunk) {
        hits->spare = chunk->next;
        hits->spare_count--;
    } else {
        chunk = malloc(sizeof(*chunk) + CHUNK_BYTES);
        if (!chunk) memory_exhausted();
    }
    chunk->next = NULL;
    chunk->used = 0;
    *(hits->last ? &hits->last->next : &hits->first) = chunk;
    hits->last = chunk;
    return chunk;
}

static size_t record_bytes(const struct record *record) {
    size_t alignment = _Alignof(struct record);
    return (sizeof(*record) + record->len + alignment - 1) / alignment * alignment;
}

static void push(struct hits *hits, const struct hit *hit, struct waiter *waiter) {
    int64_t now = clock_tick_us();
    pthread_mutex_lock(&hits->mutex);
    if (!waiter && hits->queued >= hits->options.queue_max) {
        pthread_mutex_unlock(&hits->mutex);
        metric_add(hits->options.metrics, METRIC_HITS_DROPPED, 1);
        return;
    }
    struct chunk *chunk = room_for_one(hits);
    struct record *record = (struct record *)(void *)(chunk->bytes + chunk->used);
    *record = (struct record){.answered_us = now, .waiter = waiter};
    record->len = (uint32_t)hit_encode(hit, record->bytes);
    chunk->used += record_bytes(record);
    /* Who finds the list empty wakes the thread; it takes all that gathered since. */
    bool first = hits->queued++ == 0;
    if (first) hits->woken = true;
    if (waiter) hits->urgent = true;
    metric_add(hits->options.metrics, METRIC_HITS_WAITING, 1);
    pthread_mutex_unlock(&hits->mutex);
    if (first || waiter) pthread_cond_signal(&hits->wake);
}

void hits_add(struct hits *hits, const struct hit *hit) {
    push(hits, hit, NULL);
}

void hits_add_acknowledged(struct hits *hits, const struct hit *hit, void (*done)(void *context, int result),
                           void *context) {
    struct waiter *waiter = memory_alloc(sizeof(*waiter));
    *waiter = (struct waiter){.done = done, .context = context, .answered_us = clock_monotonic_us()};
    push(hits, hit, waiter);
}

/* ---- into the journal ---- */

static struct chunk *take_all(struct hits *hits) {
    pthread_mutex_lock(&hits->mutex);
    struct chunk *list = hits->first;
    hits->first = hits->last = NULL;
    hits->queued = 0;
    hits->urgent = false;
    pthread_mutex_unlock(&hits->mutex);
    return list;
}

static void give_back(struct hits *hits, struct chunk *list) {
    struct chunk *next;
    pthread_mutex_lock(&hits->mutex);
    for (; list && hits->spare_count < SPARE_MAX; list = next, hits->spare_count++) {
        next = list->next;
        list->next = hits->spare;
        hits->spare = list;
    }
    pthread_mutex_unlock(&hits->mutex);
    for (; list; list = next) {
        next = list->next;
        free(list);
    }
}

/* The record at *at in *chunk, which move on to the next; NULL at the end. */
static struct record *next_record(struct chunk **chunk, size_t *at) {
    while (*chunk && *at == (*chunk)->used) {
        *chunk = (*chunk)->next;
        *at = 0;
    }
    if (!*chunk) return NULL;
    struct record *record = (struct record *)(void *)((*chunk)->bytes + *at);
    *at += record_bytes(record);
    return record;
}

static void answer(struct waiter *waiter, int result) {
    if (waiter) waiter->done(waiter->context, result);
    free(waiter);
}

static void complain(struct hits *hits, const struct err *err) {
    int64_t now = clock_monotonic_us();
    if (hits->complained_us != 0 && now - hits->complained_us < COMPLAIN_US) return;
    hits->complained_us = now;
    log_error("hits are not written to the journal", LOG_TEXT("error", err->text));
}

/* Those that were answered at one tick count together. */
static void observe(struct hits *hits, struct chunk *chunk) {
    int64_t now = clock_monotonic_us(), answered_us = 0, count = 0;
    size_t at = 0;
    for (const struct record *record; (record = next_record(&chunk, &at));) {
        if (!record->kept) continue;
        if (record->answered_us != answered_us) {
            if (count > 0) metric_observe_many_us(hits->options.metrics, METRIC_HIT_SECONDS, now - answered_us, count);
            answered_us = record->answered_us;
            count = 0;
        }
        count++;
    }
    if (count > 0) metric_observe_many_us(hits->options.metrics, METRIC_HIT_SECONDS, now - answered_us, count);
}

/* The hits of these waiters are on disk, or could not be written. */
static void settle(struct hits *hits, struct waiter *waiters, int result) {
    struct waiter **last = &hits->acks, *next;
    while (*last)
        last = &(*last)->next;
    for (; waiters; waiters = next) {
        next = waiters->next;
        if (result == 0 && writer_healthy(hits->options.writer)) {
            waiters->next = NULL;
            *last = waiters;
            last = &waiters->next;
        } else {
            answer(waiters, result);
        }
    }
}

/* Adds to the journal what it takes; the waiters of those, oldest first. */
static struct waiter *add_all(struct hits *hits, struct chunk *chunk) {
    struct waiter *waiters = NULL, **last = &waiters;
    size_t at = 0;
    hits->gathered = 0;
    for (struct record *record; (record = next_record(&chunk, &at)); hits->gathered++) {
        struct waiter *waiter = record->waiter;
        record->kept = journal_add(hits->journal, slice_of((const char *)record->bytes, record->len), waiter != NULL);
        if (!record->kept) {
            metric_add(hits->options.metrics, METRIC_HITS_DROPPED, 1);
            metric_add(hits->options.metrics, METRIC_HITS_WAITING, -1);
            answer(waiter, -ERR_FULL);
        } else if (waiter) {
            waiter->ordinal = journal_added(hits->journal);
            *last = waiter;
            last = &waiter->next;
        }
    }
    return waiters;
}

static void write_down(struct hits *hits) {
    struct chunk *list = take_all(hits);
    struct err err = {0};
    struct waiter *waiters = add_all(hits, list);
    int r = journal_flush(hits->journal, &err);
    if (r < 0) {
        complain(hits, &err);
    } else {
        metric_add(hits->options.metrics, METRIC_HITS, (int64_t)(journal_added(hits->journal) - hits->written));
        hits->written = journal_added(hits->journal);
        observe(hits, list);
    }
    give_back(hits, list);
    settle(hits, waiters, r);
}

/* ---- into the database ---- */

static void count_done(struct hits *hits) {
    uint64_t done = journal_done_count(hits->journal);
    metric_add(hits->options.metrics, METRIC_HITS_WAITING, -(int64_t)(done - hits->done));
    hits->done = done;
}

static void answer_acks(struct hits *hits, bool all) {
    int64_t now = clock_monotonic_us();
    struct waiter **at = &hits->acks;
    while (*at) {
        struct waiter *waiter = *at;
        if (all || waiter->ordinal <= journal_done_count(hits->journal) || now - waiter->answered_us > ACK_US) {
            *at = waiter->next;
            answer(waiter, 0);
        } else {
            at = &waiter->next;
        }
    }
}

/* What came of the portion that is under way; false while it still is. */
static bool take_outcome(struct hits *hits) {
    struct err err = {0};
    enum apply_state state = hits_apply_state(hits->apply, &err);
    switch (state) {
    case APPLY_WORKING:
        return false;
    case APPLY_IDLE:
        break;
    case APPLY_DONE:
        journal_done(hits->journal);
        if (hits->singles > 0) hits->singles--;
        break;
    case APPLY_LATER:
        hits->retry_at_us = clock_monotonic_us() + RETRY_US;
        answer_acks(hits, true); /* on disk they are */
        break;
    case APPLY_REFUSED:
        /* One of them spoils it: one by one, and what still cannot be stored is let go. */
        if (hits->singles == 0) {
            hits->singles = PORTION;
            break;
        }
        log_error("a hit cannot be stored and is dropped", LOG_TEXT("error", err.text));
        metric_add(hits->options.metrics, METRIC_HITS_REFUSED, 1);
        journal_done(hits->journal);
        hits->singles--;
        break;
    }
    hits->applying = false;
    return true;
}

/* While very many hits come in, writing them down comes first: bringing them into the database costs more than taking
 * them. */
static bool storm(struct hits *hits, int64_t now_us) {
    if (hits->gathered > CALM_HITS) {
        if (hits->storm_since_us == 0) hits->storm_since_us = now_us;
        hits->storm_seen_us = now_us;
    } else if (now_us - hits->storm_seen_us > CALM_US) {
        hits->storm_since_us = 0;
    }
    return hits->storm_since_us != 0 && now_us - hits->storm_since_us < HITS_DELAY_MS * 1000LL;
}

static void apply_some(struct hits *hits) {
    struct err err = {0};
    int64_t now = clock_monotonic_us();
    bool ready = !hits->applying || take_outcome(hits);
    answer_acks(hits, false);
    count_done(hits);
    if (!ready) return;
    if (now < hits->retry_at_us || (storm(hits, now) && !hits->acks)) return;
    int r = hits_apply_next(hits->apply, hits->journal, hits->singles > 0 ? 1 : PORTION, &err);
    if (r < 0) {
        hits->retry_at_us = now + RETRY_US;
        complain(hits, &err);
    } else if (r > 0) {
        hits->applying = true;
    } else {
        hits->singles = 0;
    }
}

/* ---- the thread ---- */

static bool is_woken(const struct hits *hits) {
    return hits->woken;
}
static bool is_urgent(const struct hits *hits) {
    return hits->urgent;
}

/* Waits until that is so, at most `us`. False: the thread is to stop. */
static bool wait_us(struct hits *hits, bool (*is)(const struct hits *hits), int64_t us) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t ns = until.tv_nsec + us % 1000000 * 1000;
    until.tv_sec += us / 1000000 + ns / 1000000000;
    until.tv_nsec = ns % 1000000000;
    pthread_mutex_lock(&hits->mutex);
    while (!is(hits) && !hits->stopping)
        if (pthread_cond_timedwait(&hits->wake, &hits->mutex, &until) == ETIMEDOUT) break;
    hits->woken = false;
    bool go_on = !hits->stopping;
    pthread_mutex_unlock(&hits->mutex);
    return go_on;
}

static bool is_empty(struct hits *hits) {
    pthread_mutex_lock(&hits->mutex);
    bool empty = hits->queued == 0;
    pthread_mutex_unlock(&hits->mutex);
    return empty;
}

static void drain(struct hits *hits) {
    int64_t end = clock_monotonic_us() + STOP_US;
    write_down(hits);
    hits->gathered = 0;
    /* What is with the writer must come back, however long it takes. */
    while (hits->applying || (clock_monotonic_us() < end && hits->retry_at_us <= clock_monotonic_us() &&
                              journal_done_count(hits->journal) < journal_added(hits->journal))) {
        struct timespec pause = {.tv_nsec = 1000000};
        apply_some(hits);
        if (hits->applying) nanosleep(&pause, NULL);
        if (clock_monotonic_us() >= end) hits->retry_at_us = INT64_MAX;
    }
    answer_acks(hits, true);
    journal_tidy(hits->journal);
}

static void *hits_main(void *hits_) {
    struct hits *hits = hits_;
    while (true) {
        bool waiting = journal_done_count(hits->journal) < journal_added(hits->journal);
        int64_t us = waiting || hits->acks ? GATHER_US : IDLE_US;
        if (is_empty(hits) && !wait_us(hits, is_woken, us)) break;
        if (!is_empty(hits)) wait_us(hits, is_urgent, GATHER_US);
        write_down(hits);
        apply_some(hits);
        if (!hits->applying && !waiting) journal_tidy(hits->journal);
    }
    drain(hits);
    return NULL;
}

int hits_start(const struct hits_options *options, struct hits **ret, struct err *err) {
    struct hits *hits = memory_alloc(sizeof(*hits));
    const struct journal_options journal_options = {.directory = options->directory,
                                                    .bytes_max = options->journal_bytes_max};
    pthread_condattr_t attributes;
    size_t lost = 0;
    hits->options = *options;
    if (hits->options.queue_max == 0) hits->options.queue_max = QUEUE_MAX;
    pthread_mutex_init(&hits->mutex, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&hits->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    int r = journal_open(&journal_options, &hits->journal, &lost, err);
    if (r < 0) goto out;
    if (lost > 0) log_warning("the journal of hits ends in a torn record", LOG_INT("bytes", (int64_t)lost));
    hits->written = journal_added(hits->journal);
    metric_add(hits->options.metrics, METRIC_HITS_WAITING, (int64_t)hits->written);
    hits->apply = hits_apply_new(&hits->options, wake, hits);
    if (pthread_create(&hits->thread, NULL, hits_main, hits) != 0) {
        r = err_set(err, ERR_UNAVAILABLE, "the thread of hits could not be started: the system refuses more threads");
        goto out;
    }
    hits->started = true;
    *ret = hits;
    hits = NULL;
out:
    hits_free(hits);
    return r;
}

void hits_stop(struct hits *hits) {
    if (!hits->started) return;
    pthread_mutex_lock(&hits->mutex);
    hits->stopping = true;
    pthread_cond_signal(&hits->wake);
    pthread_mutex_unlock(&hits->mutex);
    pthread_join(hits->thread, NULL);
    hits->started = false;
}

struct hits *hits_free(struct hits *hits) {
    if (!hits) return NULL;
    hits_stop(hits);
    hits_apply_free(hits->apply);
    journal_close(hits->journal);
    while (hits->spare) {
        struct chunk *chunk = hits->spare;
        hits->spare = chunk->next;
        free(chunk);
    }
    pthread_cond_destroy(&hits->wake);
    pthread_mutex_destroy(&hits->mutex);
    free(hits);
    return NULL;
}
