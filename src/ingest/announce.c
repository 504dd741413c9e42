/* What a transaction stored and somebody wants to hear of, into the outbox. */
#include "base/cache.h"
#include "ingest/work.h"
#include "store/outbox.h"

#include "base/banned.h"

/* More than one transaction holds; beyond, the query for the senders would become long. */
#define COHORTS_AT_ONCE 1000

static struct hash128 sender_key(int64_t organization_id, int64_t cohort_id) {
    uint64_t spread = (uint64_t)cohort_id * 0x9E3779B97F4A7C15u; /* the cache takes its keys for hashes */
    return (struct hash128){.high = spread, .low = (uint64_t)organization_id ^ spread};
}

/* Nobody is told of machines, and evidence is counted by our own hits. */
static bool is_told(const struct event_row *row) {
    return row->inserted && verdict_is_human(row->verdict);
}

/* Senders of cohorts that the cache does not know; of one organization after the other. */
static int learn_senders(struct job *job, const bool *heard, struct err *err) {
    struct cache *cache = job->applier->senders;
    int64_t *unknown = arena_alloc_array(job->arena, COHORTS_AT_ONCE, sizeof(*unknown));
    int64_t *found = arena_alloc_array(job->arena, COHORTS_AT_ONCE, sizeof(*found));
    for (size_t i = 0; i < job->row_count;) {
        int64_t organization = job->rows[i].key.organization_id, ignored;
        size_t count = 0;
        for (; i < job->row_count && count < COHORTS_AT_ONCE && job->rows[i].key.organization_id == organization; i++) {
            int64_t cohort = job->rows[i].stats->cohort_id;
            if (!heard[i] || !is_told(&job->rows[i])) continue;
            if (cache_get(cache, sender_key(organization, cohort), &ignored)) continue;
            cache_put(cache, sender_key(organization, cohort), 0); /* asked for once; set below */
            unknown[count++] = cohort;
        }
        if (count == 0) continue;
        int r = cohort_senders(job->db, organization, unknown, count, found, job->arena, err);
        if (r < 0) {
            cache_clear(cache);
            return r;
        }
        for (size_t n = 0; n < count; n++)
            cache_put(cache, sender_key(organization, unknown[n]), found[n]);
    }
    return 0;
}

int announce_events(struct job *job, struct err *err) {
    const struct event_sink *sink = job->applier->sink;
    if (!sink || job->row_count == 0) return 0;
    bool *heard = arena_alloc_array(job->arena, job->row_count, sizeof(*heard)), any = false;
    for (size_t i = 0; i < job->row_count; i++) {
        int64_t organization = job->rows[i].key.organization_id;
        heard[i] = i > 0 && job->rows[i - 1].key.organization_id == organization
                       ? heard[i - 1]
                       : sink->heard(sink->context, organization);
        any = any || heard[i];
    }
    if (!any) return 0;
    int r = learn_senders(job, heard, err);
    if (r < 0) return r;
    struct outbox_row *rows = arena_alloc_array(job->arena, job->row_count, sizeof(*rows));
    size_t count = 0;
    for (size_t i = 0; i < job->row_count; i++) {
        const struct event_row *row = &job->rows[i];
        int64_t sender = 0;
        enum event_type type = (enum event_type)row->key.event_type;
        if (!heard[i] || !is_told(row)) continue;
        (void)cache_get(job->applier->senders, sender_key(row->key.organization_id, row->stats->cohort_id), &sender);
        if (!sink->wants(sink->context, row->key.organization_id, sender, type)) continue;
        rows[count++] = (struct outbox_row){.kind = OUTBOX_EVENT,
                                            .organization_id = row->key.organization_id,
                                            .email_log_id = row->key.email_log_id,
                                            .event_type = type,
                                            .occurred_at = row->key.occurred_at,
                                            .link_id = row->key.link_id,
                                            .recipient_ref = row->key.recipient_ref,
                                            .score = SCORE_UNKNOWN};
    }
    if (count > 0) job->applier->announced = true;
    return outbox_append(job->db, rows, count, err);
}
