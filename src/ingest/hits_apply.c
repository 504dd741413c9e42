#include "ingest/hits_apply.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"
#include "store/consent.h"
#include "store/engagement.h"

#include "base/banned.h"

struct numbered_hit {
    struct hit hit; /* texts in the portion's arena */
    uint64_t number;
};

/* An unsubscribe or a change of consent: a job of its own. */
struct change {
    struct write_job job; /* first */
    struct hits_apply *apply;
    struct hit hit;
};

struct hits_apply {
    struct hits_options options;
    void (*wake)(void *context);
    void *context;
    struct arena *arena; /* of the portion at hand */
    struct numbered_hit *hits;
    size_t count, limit;
    struct change change;
    pthread_mutex_t mutex; /* for what follows */
    size_t under_way;      /* batches or jobs with the writer */
    bool working;
    int result; /* the worst so far */
    struct err err;
};

struct hits_apply *hits_apply_new(const struct hits_options *options, void (*wake)(void *context), void *context) {
    struct hits_apply *apply = memory_alloc(sizeof(*apply));
    apply->options = *options;
    apply->wake = wake;
    apply->context = context;
    apply->arena = arena_new();
    pthread_mutex_init(&apply->mutex, NULL);
    return apply;
}

struct hits_apply *hits_apply_free(struct hits_apply *apply) {
    if (!apply) return NULL;
    pthread_mutex_destroy(&apply->mutex);
    arena_free(apply->arena);
    free(apply);
    return NULL;
}

/* ---- what comes back ---- */

static void finished(struct hits_apply *apply, int result, const struct err *err) {
    pthread_mutex_lock(&apply->mutex);
    /* That the database is away decides: then nothing is known of the others. */
    if (result < 0 && (apply->result == 0 || result == -ERR_UNAVAILABLE)) {
        apply->result = result;
        if (err) apply->err = *err;
    }
    bool last = --apply->under_way == 0;
    pthread_mutex_unlock(&apply->mutex);
    if (last) apply->wake(apply->context);
}

enum apply_state hits_apply_state(struct hits_apply *apply, struct err *ret_err) {
    enum apply_state state = APPLY_IDLE;
    pthread_mutex_lock(&apply->mutex);
    if (apply->working && apply->under_way > 0) {
        state = APPLY_WORKING;
    } else if (apply->working) {
        state = apply->result == 0                                                ? APPLY_DONE
                : apply->result == -ERR_UNAVAILABLE || apply->result == -ERR_FULL ? APPLY_LATER
                                                                                  : APPLY_REFUSED;
        *ret_err = apply->err;
        apply->working = false;
    }
    pthread_mutex_unlock(&apply->mutex);
    return state;
}

static void batch_done(struct event_batch *batch, int result, const struct err *err) {
    struct hits_apply *apply = batch->context;
    event_batch_free(batch);
    finished(apply, result, err);
}

/* ---- opens and clicks: batches, one an organization ---- */

static bool is_change(const struct hit *hit) {
    return hit->kind == HIT_UNSUBSCRIBE || hit->kind == HIT_CONSENT;
}

static void fill_event(struct event *event, const struct hit *hit, uint64_t number, struct arena *arena) {
    char text[ADDRESS_TEXT_MAX];
    *event = (struct event){
        .type = hit->kind == HIT_OPEN    ? EVENT_OPEN
                : hit->kind == HIT_CLICK ? EVENT_CLICK
                                         : EVENT_UNSUBSCRIBE,
        .machine = hit->machine,
        .occurred_at = hit->occurred_at,
        .email_log_id = hit->email_log_id,
        .cohort_id = hit->cohort_id,
        .url = arena_copy(arena, hit->url),
        .link_position = hit->link_position,
        .user_agent = arena_copy(arena, hit->agent),
    };
    if (hit->has_address) event->ip_address = arena_copy(arena, address_format(hit->address, text));
    if (hit->cohort_id != 0)
        event->provider_event_id = slice_cstr(arena_printf(arena, "%llu", (unsigned long long)number));
}

static struct event_batch *make_batch(struct hits_apply *apply, const struct numbered_hit *hits, size_t count) {
    struct arena *arena = arena_new();
    struct event *events = arena_alloc_array(arena, count, sizeof(*events));
    for (size_t i = 0; i < count; i++)
        fill_event(&events[i], &hits[i].hit, hits[i].number, arena);
    struct event_batch *batch =
        event_batch_new(arena, events, count, hits[0].hit.organization_id, 0, clock_now(), apply->options.hash_key);
    batch->is_own = true;
    batch->done = batch_done;
    batch->context = apply;
    return batch;
}

static int compare_hits(const void *left, const void *right) {
    const struct numbered_hit *a = left, *b = right;
    if (a->hit.organization_id != b->hit.organization_id)
        return a->hit.organization_id < b->hit.organization_id ? -1 : 1;
    return (a->number > b->number) - (a->number < b->number);
}

static void begin(struct hits_apply *apply) {
    pthread_mutex_lock(&apply->mutex);
    apply->working = true;
    apply->under_way = 1; /* our own, so that the last batch is not the last before all are handed over */
    apply->result = 0;
    pthread_mutex_unlock(&apply->mutex);
}

static void one_more(struct hits_apply *apply) {
    pthread_mutex_lock(&apply->mutex);
    apply->under_way++;
    pthread_mutex_unlock(&apply->mutex);
}

static void submit_batches(struct hits_apply *apply) {
    qsort(apply->hits, apply->count, sizeof(*apply->hits), compare_hits);
    for (size_t i = 0, end; i < apply->count; i = end) {
        struct err err = {0};
        for (end = i + 1; end < apply->count; end++)
            if (apply->hits[end].hit.organization_id != apply->hits[i].hit.organization_id) break;
        struct event_batch *batch = make_batch(apply, &apply->hits[i], end - i);
        one_more(apply);
        int r = writer_submit(apply->options.writer, batch, &err);
        if (r < 0) {
            event_batch_free(batch);
            finished(apply, r, &err);
        }
    }
}

/* ---- unsubscribes and consent ---- */

static int apply_unsubscribe(const struct change *change, struct applier *applier, struct db *db, struct err *err) {
    bool known = false;
    int r = email_unsubscribed(db, change->hit.organization_id, change->hit.email_log_id, &known, err);
    if (r < 0 || known) return r; /* once is enough (compliance C-63) */
    struct arena *arena = arena_new();
    struct event *event = arena_alloc(arena, sizeof(*event));
    fill_event(event, &change->hit, 0, arena);
    struct event_batch *batch =
        event_batch_new(arena, event, 1, change->hit.organization_id, 0, clock_now(), change->apply->options.hash_key);
    batch->is_own = true;
    r = apply_batches(applier, db, &batch, 1, err);
    event_batch_free(batch);
    return r;
}

/* An email that is gone (erased) leaves nothing to change (C-42). Unsubscribing from mail stops tracking too (C-11). */
static int change_run(struct write_job *job, struct applier *applier, struct db *db, struct err *err) {
    const struct change *change = (const struct change *)job;
    const struct hit *hit = &change->hit;
    bool unsubscribes = hit->kind == HIT_UNSUBSCRIBE;
    /* First, as consent_set_by_email would: so all who change consent lock in one order. */
    int r = engagement_registration_lock(db, hit->organization_id, REGISTRATION_ORPHANS, err);
    if (r == 0 && unsubscribes) r = apply_unsubscribe(change, applier, db, err);
    if (r < 0) return r;
    struct consent consent = {.known = true, .level = unsubscribes ? TRACKING_NONE : hit->level};
    r = consent_set_by_email(db, hit->organization_id, hit->email_log_id, consent,
                             unsubscribes ? CONSENT_UNSUBSCRIBE : CONSENT_PREFERENCE_PAGE, hit->occurred_at, err);
    return r == -ERR_NOT_FOUND ? 0 : r;
}

static void change_done(struct write_job *job, int result, const struct err *err) {
    finished(((struct change *)job)->apply, result, err);
}

static void submit_change(struct hits_apply *apply) {
    struct err err = {0};
    apply->change =
        (struct change){.job = {.run = change_run, .done = change_done}, .apply = apply, .hit = apply->hits[0].hit};
    one_more(apply);
    int r = writer_submit_job(apply->options.writer, &apply->change.job, &err);
    if (r < 0) finished(apply, r, &err);
}

/* ---- a portion ---- */

/* A change is a portion of its own, so that everything happens in the order in which it came. */
static bool take(void *context, uint64_t number, struct slice record) {
    struct hits_apply *apply = context;
    struct hit hit;
    if (!hit_decode(record, &hit)) return true; /* of another version of the program: nothing can be done with it */
    bool alone = is_change(&hit);
    if (apply->count > 0 && (alone || is_change(&apply->hits[0].hit))) return false;
    hit.url = arena_copy(apply->arena, hit.url);
    hit.agent = arena_copy(apply->arena, hit.agent);
    apply->hits[apply->count++] = (struct numbered_hit){.hit = hit, .number = number};
    return true;
}

int hits_apply_next(struct hits_apply *apply, struct journal *journal, size_t limit, struct err *err) {
    arena_reset(apply->arena);
    apply->hits = arena_alloc_array(apply->arena, limit, sizeof(*apply->hits));
    apply->count = 0;
    int read = journal_read(journal, limit, take, apply, err);
    if (read <= 0) return read;
    begin(apply);
    if (apply->count > 0 && is_change(&apply->hits[0].hit))
        submit_change(apply);
    else if (apply->count > 0)
        submit_batches(apply);
    finished(apply, 0, NULL);
    return read;
}
