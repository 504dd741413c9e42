#include "ingest/apply.h"

#include <stdlib.h>

#include "base/cache.h"
#include "base/clock.h"
#include "base/memory.h"
#include "ingest/work.h"
#include "store/policy.h"
#include "store/references.h"

#include "base/banned.h"

#define LINK_CACHE_ENTRIES   65536
#define AGENT_CACHE_ENTRIES  16384
#define SENDER_CACHE_ENTRIES 65536

struct applier *applier_new(const unsigned char hash_key[HASH_KEY_SIZE]) {
    struct applier *applier = memory_alloc(sizeof(*applier));
    memcpy(applier->hash_key, hash_key, HASH_KEY_SIZE);
    applier->arena = arena_new();
    applier->links = cache_new(LINK_CACHE_ENTRIES);
    applier->agents = cache_new(AGENT_CACHE_ENTRIES);
    applier->senders = cache_new(SENDER_CACHE_ENTRIES);
    return applier;
}

struct applier *applier_free(struct applier *applier) {
    if (!applier) return NULL;
    arena_free(applier->arena);
    cache_free(applier->links);
    cache_free(applier->agents);
    cache_free(applier->senders);
    free(applier);
    return NULL;
}

void applier_forget(struct applier *applier) {
    cache_clear(applier->links);
    cache_clear(applier->agents);
    cache_clear(applier->senders);
}

void applier_set_sink(struct applier *applier, const struct event_sink *sink) {
    applier->sink = sink;
}

bool applier_announced(struct applier *applier) {
    bool announced = applier->announced;
    applier->announced = false;
    return announced;
}

size_t applier_delta_rows(const struct applier *applier) {
    return applier->delta_rows;
}

size_t applier_rescored(const struct applier *applier) {
    return applier->rescored;
}

/* ---- finding the email ---- */

struct wanted {
    struct email_lookup lookup;
    struct work *work;
};

static int compare_i64(int64_t a, int64_t b) {
    return (a > b) - (a < b);
}

static int compare_wanted(const void *left, const void *right) {
    const struct email_lookup *a = &((const struct wanted *)left)->lookup, *b = &((const struct wanted *)right)->lookup;
    int order = compare_i64(a->organization_id, b->organization_id);
    if (order == 0) order = compare_i64(a->key.hash, b->key.hash);
    return order ? order : compare_i64(a->key.check, b->key.check);
}

/* A hit of our own tracking that belongs to no single email (compliance C-03). */
static bool is_of_cohort(const struct work *work) {
    return work->batch->is_own && work->event->cohort_id != 0;
}

/* Looks up the n-th key of every event that has none yet; *ret_missing: those still without an email afterwards. */
static int find_by_key(struct job *job, size_t n, size_t *ret_missing, struct err *err) {
    struct wanted *wanted = arena_alloc_array(job->arena, job->count, sizeof(*wanted));
    struct email_lookup *lookups = arena_alloc_array(job->arena, job->count, sizeof(*lookups));
    size_t count = 0, unique = 0, missing = 0;
    for (size_t i = 0; i < job->count; i++) {
        struct work *work = &job->works[i];
        if (work->key.email_log_id != 0 || is_of_cohort(work)) continue;
        missing++;
        if (n >= work->prepared->key_count) continue;
        wanted[count++] = (struct wanted){
            .lookup = {.organization_id = work->key.organization_id, .key = work->prepared->keys[n]}, .work = work};
    }
    /* In key order neighbours share pages, and equal keys are asked for once. */
    qsort(wanted, count, sizeof(*wanted), compare_wanted);
    for (size_t i = 0; i < count; i++)
        if (i == 0 || compare_wanted(&wanted[i - 1], &wanted[i]) != 0) lookups[unique++] = wanted[i].lookup;
    if (unique > 0) {
        int r = engagement_find_emails(job->db, lookups, unique, err);
        if (r < 0) return r;
    }
    for (size_t i = 0, at = 0; i < count; i++) {
        if (i > 0 && compare_wanted(&wanted[i - 1], &wanted[i]) != 0) at++;
        if (lookups[at].email_log_id == 0) continue;
        wanted[i].work->key.email_log_id = lookups[at].email_log_id;
        missing--;
    }
    *ret_missing = missing;
    return 0;
}

static int find_by_keys(struct job *job, size_t *ret_missing, struct err *err) {
    size_t missing = job->count;
    for (size_t n = 0; n < EVENT_KEYS_MAX && missing > 0; n++) {
        int r = find_by_key(job, n, &missing, err);
        if (r < 0) return r;
    }
    *ret_missing = missing;
    return 0;
}

/* Keeps registrations of the organizations out whose events found no email, so that an orphan cannot slip in beside an
 * email that is being registered (semantics: orphans are adopted at once). Organizations in ascending order. */
static int lock_registrations(struct job *job, struct err *err) {
    for (int64_t locked = 0;;) {
        int64_t next = INT64_MAX;
        for (size_t i = 0; i < job->count; i++) {
            const struct event_key *key = &job->works[i].key;
            if (is_of_cohort(&job->works[i])) continue;
            if (key->email_log_id == 0 && key->organization_id > locked && key->organization_id < next)
                next = key->organization_id;
        }
        if (next == INT64_MAX) return 0;
        int r = engagement_registration_lock(job->db, next, REGISTRATION_ORPHANS, err);
        if (r < 0) return r;
        locked = next;
    }
}

static int find_emails(struct job *job, struct err *err) {
    size_t missing;
    int r = find_by_keys(job, &missing, err);
    if (r < 0 || missing == 0) return r;
    r = lock_registrations(job, err);
    if (r < 0) return r;
    r = find_by_keys(job, &missing, err);
    if (r < 0) return r;
    /* The email's own id in the provider's metadata; lock_stats() tells whether it exists in this organization. */
    for (size_t i = 0; i < job->count; i++)
        if (job->works[i].key.email_log_id == 0) job->works[i].key.email_log_id = job->works[i].event->email_log_id;
    return 0;
}

/* ---- the figures of the emails ---- */

static int compare_by_email(const void *left, const void *right) {
    const struct event_key *a = &(*(struct work *const *)left)->key, *b = &(*(struct work *const *)right)->key;
    int order = compare_i64(a->organization_id, b->organization_id);
    return order ? order : compare_i64(a->email_log_id, b->email_log_id);
}

static int lock_stats(struct job *job, struct err *err) {
    qsort(job->order, job->count, sizeof(*job->order), compare_by_email);
    job->stats = arena_alloc_array(job->arena, job->count, sizeof(*job->stats));
    job->stats_count = 0;
    for (size_t i = 0; i < job->count; i++) {
        struct work *work = job->order[i];
        if (work->key.email_log_id == 0) continue;
        struct email_stats *last = job->stats_count > 0 ? &job->stats[job->stats_count - 1] : NULL;
        if (!last || last->organization_id != work->key.organization_id ||
            last->email_log_id != work->key.email_log_id) {
            last = &job->stats[job->stats_count++];
            email_stats_init(last);
            last->organization_id = work->key.organization_id;
            last->email_log_id = work->key.email_log_id;
        }
        work->stats = last;
    }
    if (job->stats_count > 0) {
        int r = engagement_lock_stats(job->db, job->stats, job->stats_count, err);
        if (r < 0) return r;
    }
    for (size_t i = 0; i < job->count; i++) {
        struct work *work = &job->works[i];
        if (work->stats && work->stats->email_log_id != 0) continue;
        work->stats = NULL;
        work->key.email_log_id = 0;
        work->fate = FATE_ORPHAN;
    }
    return 0;
}

/* ---- consent and privacy (BR-558.1, BR-558.8) ---- */

static int load_policies(struct job *job, struct err *err) {
    const struct policy *policy = NULL;
    int64_t loaded = 0;
    for (size_t i = 0; i < job->count; i++) { /* in order of organization */
        struct work *work = job->order[i];
        if (!policy || work->key.organization_id != loaded) {
            struct policy *fresh = arena_alloc(job->arena, sizeof(*fresh));
            int r = policy_load(job->db, work->key.organization_id, job->arena, fresh, err);
            if (r < 0) return r;
            policy = fresh;
            loaded = work->key.organization_id;
        }
        work->policy = policy;
    }
    return 0;
}

/* What our own pixel and links measure is counted from our own hits alone; what a provider says of it is kept as
 * evidence beside them (docs/decisions/0008-one-open-from-two-sources.md). */
static void take_as_evidence(struct work *work) {
    if (work->fate == FATE_COUNT_ONLY) work->fate = FATE_DUPLICATE; /* the hits raise the total */
    work->verdict = VERDICT_EVIDENCE;
    work->reasons |= 1LL << REASON_OWN_TRACKING;
    if (work->key.recipient_ref == 0) work->key.recipient_ref = RECIPIENT_EVIDENCE;
}

/* The campaign's answer of today holds for hits of its cohorts as it does for those of its emails. */
static int decide_cohort(struct job *job, struct work *work, struct err *err) {
    enum tracking_level campaign;
    int found = cohort_tracking(job->db, work->key.organization_id, work->event->cohort_id, &campaign, err);
    if (found < 0) return found;
    bool counts = found > 0 && tracking_strictest(work->policy->tracking, campaign) >= TRACKING_AGGREGATE;
    work->fate = counts ? FATE_COUNT_ONLY : FATE_WITHHELD;
    return 0;
}

static int decide_fates(struct job *job, struct err *err) {
    for (size_t i = 0; i < job->count; i++) {
        struct work *work = &job->works[i];
        if (is_of_cohort(work)) {
            int r = decide_cohort(job, work, err);
            if (r < 0) return r;
            continue;
        }
        if (work->fate == FATE_ORPHAN && work->batch->is_own) {
            work->fate = FATE_WITHHELD;
            continue;
        }
        if (work->fate == FATE_ORPHAN) {
            /* Nobody's yet; but what this organization never records of a person is not kept for later either. */
            if (tracking_decide(work->policy->tracking, work->event->type) != TRACKING_RECORD)
                work->fate = FATE_WITHHELD;
            continue;
        }
        enum tracking_level level = tracking_strictest(
            work->policy->tracking, tracking_strictest(work->stats->tracking, work->stats->tracking_now));
        switch (tracking_decide(level, work->event->type)) {
        case TRACKING_RECORD:
            work->fate = FATE_RECORD;
            break;
        case TRACKING_COUNT_ONLY:
            work->fate = FATE_COUNT_ONLY;
            break;
        case TRACKING_WITHHOLD:
            work->fate = FATE_WITHHELD;
            break;
        }
        int64_t recipient = work->prepared->recipient_hash;
        work->key.recipient_ref = work->batch->is_own || recipient == work->stats->recipient_hash ? 0 : recipient;
        if (!work->batch->is_own && own_tracking_measures(work->stats->own_tracking, work->event->type))
            take_as_evidence(work);
    }
    return 0;
}

/* ---- dictionaries ---- */

struct unknown_text {
    struct dictionary_row row;
    struct work *work;
};

static int compare_unknown(const void *left, const void *right) {
    const struct dictionary_row *a = &((const struct unknown_text *)left)->row;
    const struct dictionary_row *b = &((const struct unknown_text *)right)->row;
    int order = compare_i64(a->organization_id, b->organization_id);
    if (order == 0) order = compare_i64(a->key.hash, b->key.hash);
    return order ? order : compare_i64(a->key.check, b->key.check);
}

static struct hash128 cache_key(int64_t organization_id, struct message_key key) {
    return (struct hash128){.high = (uint64_t)key.hash, .low = (uint64_t)key.check << 32 ^ (uint64_t)organization_id};
}

static void set_dictionary_id(struct work *work, enum dictionary dictionary, int64_t id) {
    if (dictionary == DICTIONARY_LINKS)
        work->key.link_id = id;
    else
        work->agent_id = id;
}

static int resolve_dictionary(struct job *job, enum dictionary dictionary, struct cache *cache, struct err *err) {
    struct unknown_text *unknown = NULL;
    size_t count = 0, unique = 0;
    for (size_t i = 0; i < job->count; i++) {
        struct work *work = &job->works[i];
        bool is_link = dictionary == DICTIONARY_LINKS;
        struct slice text = is_link ? work->event->url : work->event->user_agent;
        if (slice_empty(text) || work->fate != FATE_RECORD) continue;
        struct message_key key = is_link ? work->prepared->link : work->prepared->agent;
        int64_t id;
        if (cache_get(cache, cache_key(work->key.organization_id, key), &id)) {
            set_dictionary_id(work, dictionary, id);
            continue;
        }
        if (!unknown) unknown = arena_alloc_array(job->arena, job->count, sizeof(*unknown));
        unknown[count++] = (struct unknown_text){.row = {.organization_id = work->key.organization_id,
                                                         .key = key,
                                                         .text = text,
                                                         .position = work->event->link_position},
                                                 .work = work};
    }
    if (count == 0) return 0;
    qsort(unknown, count, sizeof(*unknown), compare_unknown);
    struct dictionary_row *rows = arena_alloc_array(job->arena, count, sizeof(*rows));
    for (size_t i = 0; i < count; i++)
        if (i == 0 || compare_unknown(&unknown[i - 1], &unknown[i]) != 0) rows[unique++] = unknown[i].row;
    int r = engagement_dictionary(job->db, dictionary, rows, unique, err);
    if (r < 0) return r;
    for (size_t i = 0, at = 0; i < count; i++) {
        if (i > 0 && compare_unknown(&unknown[i - 1], &unknown[i]) != 0) at++;
        set_dictionary_id(unknown[i].work, dictionary, rows[at].id);
        cache_put(cache, cache_key(rows[at].organization_id, rows[at].key), rows[at].id);
    }
    return 0;
}

/* ---- the event rows ---- */

static struct slice stored_address(struct job *job, const struct work *work) {
    if (!work->prepared->has_address || work->policy->address == ADDRESS_DROP) return SLICE_NONE;
    struct address address = work->prepared->address;
    if (work->policy->address == ADDRESS_TRUNCATE) address = address_truncate(address);
    struct slice bytes = slice_of((const char *)address.bytes, sizeof(address.bytes));
    return arena_copy(job->arena, address_is_v4(address) ? slice_from(bytes, 12) : bytes);
}

static int compare_by_key(const void *left, const void *right) {
    return event_key_compare(&(*(struct work *const *)left)->key, &(*(struct work *const *)right)->key);
}

static int insert_events(struct job *job, struct err *err) {
    size_t kept = 0;
    for (size_t i = 0; i < job->count; i++)
        if (job->works[i].fate == FATE_RECORD) job->order[kept++] = &job->works[i];
    qsort(job->order, kept, sizeof(*job->order), compare_by_key);
    job->rows = arena_alloc_array(job->arena, kept, sizeof(*job->rows));
    job->row_works = arena_alloc_array(job->arena, kept, sizeof(*job->row_works));
    for (size_t i = 0; i < kept; i++) {
        struct work *work = job->order[i];
        if (i > 0 && event_key_compare(&job->order[i - 1]->key, &work->key) == 0) {
            work->fate = FATE_DUPLICATE; /* twice in this very transaction */
            continue;
        }
        job->row_works[job->row_count] = work;
        job->rows[job->row_count++] = (struct event_row){
            .key = work->key,
            .verdict = work->verdict,
            .bounce = work->event->bounce,
            .reasons = work->reasons,
            .received_at = work->batch->received_at,
            .endpoint_id = work->batch->endpoint_id,
            .agent_id = work->agent_id,
            .ip_address = stored_address(job, work),
            .provider_event_id = work->prepared->provider_event_id,
            .metadata = work->event->metadata,
            .stats = work->stats,
        };
    }
    if (job->row_count == 0) return 0;
    int r = engagement_insert_events(job->db, job->rows, job->row_count, err);
    if (r < 0) return r;
    for (size_t i = 0; i < job->row_count; i++)
        if (!job->rows[i].inserted) job->row_works[i]->fate = FATE_DUPLICATE;
    return 0;
}

/* ---- what found no email, or must not be stored ---- */

static int insert_orphans(struct job *job, struct err *err) {
    struct orphan_row *rows = NULL;
    size_t count = 0;
    for (size_t i = 0; i < job->count; i++) {
        struct work *work = &job->works[i];
        if (work->fate != FATE_ORPHAN || work->batch->is_adoption) continue;
        if (!rows) rows = arena_alloc_array(job->arena, job->count, sizeof(*rows));
        struct orphan_row *row = &rows[count++];
        *row = (struct orphan_row){
            .organization_id = work->key.organization_id,
            .fingerprint = orphan_fingerprint(job, work),
            .endpoint_id = work->batch->endpoint_id,
            .received_at = work->batch->received_at,
            .event = *work->event,
            .key_count = work->prepared->key_count,
        };
        memcpy(row->keys, work->prepared->keys, sizeof(row->keys));
        row->event.ip_address = shortened_address_text(job, work);
    }
    if (count == 0) return 0;
    int r = engagement_insert_orphans(job->db, rows, count, err);
    if (r < 0) return r;
    for (size_t i = 0, at = 0; i < job->count; i++) {
        struct work *work = &job->works[i];
        if (work->fate != FATE_ORPHAN || work->batch->is_adoption) continue;
        if (!rows[at++].inserted) work->fate = FATE_DUPLICATE;
    }
    return 0;
}

static int claim_counts(struct job *job, struct err *err) {
    struct fingerprint_row *rows = NULL;
    size_t count = 0;
    for (size_t i = 0; i < job->count; i++) {
        struct work *work = &job->works[i];
        if (work->fate != FATE_COUNT_ONLY) continue;
        if (!rows) rows = arena_alloc_array(job->arena, job->count, sizeof(*rows));
        rows[count++] = (struct fingerprint_row){
            .organization_id = work->key.organization_id,
            .day = work->batch->received_at / DAY_MS,
            .fingerprint = count_fingerprint(job, work),
        };
    }
    if (count == 0) return 0;
    int r = engagement_claim_fingerprints(job->db, rows, count, err);
    if (r < 0) return r;
    for (size_t i = 0, at = 0; i < job->count; i++) {
        struct work *work = &job->works[i];
        if (work->fate != FATE_COUNT_ONLY) continue;
        if (!rows[at++].inserted) work->fate = FATE_DUPLICATE;
    }
    return 0;
}

static void report_results(struct job *job) {
    for (size_t i = 0; i < job->count; i++) {
        const struct work *work = &job->works[i];
        struct batch_result *result = &work->batch->result;
        switch (work->fate) {
        case FATE_RECORD:
            result->stored++;
            if (work->verdict == VERDICT_MACHINE) result->machine++;
            break;
        case FATE_DUPLICATE:
            result->duplicates++;
            break;
        case FATE_ORPHAN:
            result->orphaned++;
            break;
        case FATE_WITHHELD:
            result->withheld++;
            break;
        case FATE_COUNT_ONLY:
            result->counted++;
            break;
        }
    }
}

int apply_batches(struct applier *applier, struct db *db, struct event_batch *const *batches, size_t count,
                  struct err *err) {
    struct job job = {.applier = applier, .arena = applier->arena, .db = db};
    applier->delta_rows = applier->rescored = 0;
    for (size_t i = 0; i < count; i++)
        job.count += batches[i]->count;
    arena_reset(job.arena);
    job.works = arena_alloc_array(job.arena, job.count, sizeof(*job.works));
    job.order = arena_alloc_array(job.arena, job.count, sizeof(*job.order));
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        batches[i]->result = (struct batch_result){0};
        for (size_t n = 0; n < batches[i]->count; n++, at++) {
            const struct event *event = &batches[i]->events[n];
            job.order[at] = &job.works[at];
            job.works[at] = (struct work){
                .batch = batches[i],
                .event = event,
                .prepared = &batches[i]->prepared[n],
                .verdict = batches[i]->prepared[n].verdict,
                .reasons = batches[i]->prepared[n].reasons,
                .key = {.organization_id = batches[i]->organization_id,
                        .email_log_id = batches[i]->is_own ? event->email_log_id : 0,
                        .occurred_at = event->occurred_at,
                        .event_type = event->type},
            };
        }
    }
    if (job.count == 0) return 0;
    int r = find_emails(&job, err);
    if (r == 0) r = lock_stats(&job, err);
    if (r == 0) r = load_policies(&job, err);
    if (r == 0) r = decide_fates(&job, err);
    if (r < 0) return r;
    r = resolve_dictionary(&job, DICTIONARY_LINKS, applier->links, err);
    if (r == 0) r = resolve_dictionary(&job, DICTIONARY_AGENTS, applier->agents, err);
    if (r == 0) r = insert_events(&job, err);
    if (r == 0) r = insert_orphans(&job, err);
    if (r == 0) r = claim_counts(&job, err);
    if (r == 0) r = count_events(&job, err);
    if (r == 0) r = announce_events(&job, err);
    if (r == 0) report_results(&job);
    return r;
}
