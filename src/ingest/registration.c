#include "ingest/registration.h"

#include <stdlib.h>

#include "base/cache.h"
#include "base/timezone.h"
#include "ingest/work.h"
#include "store/references.h"
#include "store/scores.h"

#include "base/banned.h"

#define ADOPTION_PORTION 5000 /* orphans taken up at a time */

/* One call: who asks, and what has been looked up already (bulk mails repeat job, template, campaign and sender). */
struct session {
    struct applier *applier;
    struct db *db;
    struct arena *arena;
    struct cache *seen;
    struct policy policy;
    int64_t organization_id;
    int64_t now;
};

static int session_begin(struct session *session, struct applier *applier, struct db *db, int64_t organization_id,
                         int64_t now, struct err *err) {
    *session = (struct session){.applier = applier, .db = db, .organization_id = organization_id, .now = now};
    session->arena = arena_new();
    session->seen = cache_new(8 * REGISTRATION_EMAILS_MAX);
    int r = engagement_registration_lock(db, organization_id, REGISTRATION_EMAILS, err);
    return r < 0 ? r : policy_load(db, organization_id, session->arena, &session->policy, err);
}

static void session_end(struct session *session) {
    session->seen = cache_free(session->seen);
    session->arena = arena_free(session->arena);
}

/* ---- looking up what an email belongs to ---- */

enum memo {
    MEMO_TABLE = 0 /* plus enum reference_table */,
    MEMO_SENDER = 10,
    MEMO_COHORT = 11,
    MEMO_CAMPAIGN_TRACKING = 12
};

static struct hash128 memo_key(const struct session *session, int memo, struct slice a, struct slice b) {
    char *text = arena_bytes(session->arena, a.len + b.len + 2);
    text[0] = (char)memo;
    if (a.len > 0) memcpy(text + 1, a.ptr, a.len);
    text[1 + a.len] = '\n';
    if (b.len > 0) memcpy(text + 2 + a.len, b.ptr, b.len);
    return hash128(session->applier->hash_key, slice_of(text, a.len + b.len + 2));
}

static int find_reference(struct session *session, enum reference_table table, const struct reference *reference,
                          int64_t *ret_id, struct err *err) {
    *ret_id = 0;
    if (slice_empty(reference->external_id)) return 0;
    struct hash128 key = memo_key(session, MEMO_TABLE + (int)table, reference->external_id, reference->name);
    if (cache_get(session->seen, key, ret_id)) return 0;
    int r = reference_upsert(session->db, table, session->organization_id, reference->external_id, reference->name,
                             session->now, ret_id, err);
    if (r == 0) cache_put(session->seen, key, *ret_id);
    return r;
}

static struct slice lower_case(struct arena *arena, struct slice text) {
    char *lower = arena_bytes(arena, text.len);
    for (size_t i = 0; i < text.len; i++)
        lower[i] = text.ptr[i] >= 'A' && text.ptr[i] <= 'Z' ? (char)(text.ptr[i] | 0x20) : text.ptr[i];
    return slice_of(lower, text.len);
}

static int find_sender(struct session *session, const struct registration *registration, int64_t *ret_id,
                       struct err *err) {
    struct slice email = lower_case(session->arena, registration->sender.email);
    struct hash128 key = memo_key(session, MEMO_SENDER, registration->sender.external_id, email);
    if (cache_get(session->seen, key, ret_id)) return 0;
    int r = sender_upsert(session->db, session->organization_id, registration->sender.external_id, email,
                          registration->sender.name, session->now, ret_id, err);
    if (r == 0) cache_put(session->seen, key, *ret_id);
    return r;
}

static int find_cohort(struct session *session, const struct cohort_key *cohort, int64_t *ret_id, struct err *err) {
    struct hash128 key = memo_key(session, MEMO_COHORT, slice_of((const char *)cohort, sizeof(*cohort)), SLICE_NONE);
    if (cache_get(session->seen, key, ret_id)) return 0;
    int r = cohort_upsert(session->db, session->organization_id, cohort, ret_id, err);
    if (r == 0) cache_put(session->seen, key, *ret_id);
    return r;
}

static int find_campaign_tracking(struct session *session, int64_t campaign_id, enum tracking_level *ret,
                                  struct err *err) {
    *ret = TRACKING_FULL;
    if (campaign_id == 0) return 0;
    struct hash128 key = memo_key(session, MEMO_CAMPAIGN_TRACKING,
                                  slice_of((const char *)&campaign_id, sizeof(campaign_id)), SLICE_NONE);
    int64_t level;
    if (cache_get(session->seen, key, &level)) {
        *ret = (enum tracking_level)level;
        return 0;
    }
    int r = campaign_tracking(session->db, session->organization_id, campaign_id, ret, err);
    if (r == 0) cache_put(session->seen, key, *ret);
    return r;
}

/* ---- one email ---- */

/* Fills the row of a new email and decides its tracking level: the strictest of organization, campaign, person and
 * caller. */
static int prepare_email(struct session *session, struct registration *registration, struct email_row *row,
                         struct err *err) {
    struct cohort_key cohort;
    memset(&cohort, 0, sizeof(cohort)); /* padding too: its bytes are hashed */
    cohort.day = timezone_day(session->policy.time_zone, registration->sent_at);
    enum tracking_level campaign_level = TRACKING_FULL;
    struct candidate_reference candidate = {
        .external_id = slice_empty(registration->candidate.external_id)
                           ? lower_case(session->arena, registration->candidate.email)
                           : registration->candidate.external_id,
        .name = registration->candidate.name,
        .email = registration->candidate.email,
        .title = registration->candidate.title,
    };
    int r = candidate_upsert(session->db, session->organization_id, &candidate, session->now, err);
    if (r == 0) r = find_sender(session, registration, &cohort.sender_id, err);
    if (r == 0) r = find_reference(session, REFERENCE_JOBS, &registration->job, &cohort.job_id, err);
    if (r == 0) r = find_reference(session, REFERENCE_TEMPLATES, &registration->template_, &cohort.template_id, err);
    if (r == 0) r = find_reference(session, REFERENCE_CAMPAIGNS, &registration->campaign, &cohort.campaign_id, err);
    if (r == 0) r = find_reference(session, REFERENCE_SEQUENCES, &registration->sequence, &cohort.sequence_id, err);
    if (r == 0) r = find_campaign_tracking(session, cohort.campaign_id, &campaign_level, err);
    if (r == 0) r = find_cohort(session, &cohort, &row->cohort_id, err);
    if (r < 0) return r;

    enum tracking_level person = candidate.has_tracking                      ? candidate.tracking
                                 : session->policy.consent == CONSENT_OPT_IN ? TRACKING_NONE
                                                                             : TRACKING_FULL;
    row->tracking_now = tracking_strictest(campaign_level, person);
    row->tracking =
        tracking_strictest(row->tracking_now, tracking_strictest(session->policy.tracking, registration->tracking));
    row->own_tracking = own_tracking_under(row->tracking, registration->own_tracking);
    registration->effective = row->tracking;
    row->organization_id = session->organization_id;
    row->message_id = registration->message_id;
    row->rfc_message_id = registration->rfc_message_id;
    row->subject = registration->subject;
    row->recipient_address = registration->candidate.email;
    row->recipient_hash = recipient_hash(session->applier->hash_key, registration->candidate.email);
    row->sent_at = registration->sent_at;
    row->recipient_id = candidate.id;
    row->sender_id = cohort.sender_id;
    row->sequence_step = registration->sequence_step;
    row->now = session->now;
    return 0;
}

/* ---- which of them are new ---- */

static size_t registration_keys(const struct session *session, struct slice message_id, struct slice rfc_message_id,
                                struct message_key keys[2]) {
    size_t count = 0;
    const struct slice ids[] = {message_id_normalize(message_id), message_id_normalize(rfc_message_id)};
    for (size_t i = 0; i < 2; i++) {
        if (slice_empty(ids[i]) || (i == 1 && slice_equal(ids[0], ids[1]))) continue;
        keys[count++] = message_key(session->applier->hash_key, ids[i]);
    }
    return count;
}

/* A key of one of the emails, and which. */
struct claim {
    struct message_key key;
    size_t index;
};

static int compare_claims(const void *left, const void *right) {
    const struct claim *a = left, *b = right;
    if (a->key.hash != b->key.hash) return a->key.hash < b->key.hash ? -1 : 1;
    if (a->key.check != b->key.check) return a->key.check < b->key.check ? -1 : 1;
    return (a->index > b->index) - (a->index < b->index);
}

static int find_existing(struct session *session, struct registration *registrations, const struct email_row *rows,
                         size_t count, struct err *err) {
    struct email_lookup *lookups = arena_alloc_array(session->arena, 2 * count, sizeof(*lookups));
    size_t lookup_count = 0, at = 0;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < rows[i].key_count; k++)
            lookups[lookup_count++] =
                (struct email_lookup){.organization_id = session->organization_id, .key = rows[i].keys[k]};
    if (lookup_count == 0) return 0;
    int r = engagement_find_emails(session->db, lookups, lookup_count, err);
    if (r < 0) return r;
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < rows[i].key_count; k++, at++) {
            int64_t found = lookups[at].email_log_id;
            if (found == 0) continue;
            if (registrations[i].existed && registrations[i].email_log_id != found)
                return err_set(err, ERR_CONFLICT,
                               "email %zu: message_id and rfc_message_id belong to two different emails", i);
            registrations[i].existed = true;
            registrations[i].email_log_id = found;
        }
    }
    return 0;
}

/* The same message id twice in one request: the later one is the former. twin[i]: index of the first, or i itself. */
static void find_twins(struct session *session, const struct email_row *rows, size_t count, size_t *twin) {
    struct claim *claims = arena_alloc_array(session->arena, 2 * count, sizeof(*claims));
    size_t claim_count = 0;
    for (size_t i = 0; i < count; i++) {
        twin[i] = i;
        for (size_t k = 0; k < rows[i].key_count; k++)
            claims[claim_count++] = (struct claim){.key = rows[i].keys[k], .index = i};
    }
    qsort(claims, claim_count, sizeof(*claims), compare_claims);
    for (size_t i = 1; i < claim_count; i++) {
        const struct claim *former = &claims[i - 1], *claim = &claims[i];
        if (former->key.hash != claim->key.hash || former->key.check != claim->key.check) continue;
        size_t first = former->index;
        while (twin[first] != first)
            first = twin[first];
        if (first < claim->index && twin[claim->index] == claim->index) twin[claim->index] = first;
    }
}

/* ---- adoption of events that came first (EF-2) ---- */

/* Sends the orphans down the usual road and removes those that found their email. */
static int adopt(struct session *session, struct orphan_row *orphans, size_t count, size_t *ret_adopted,
                 struct err *err) {
    struct event_batch **batches = arena_alloc_array(session->arena, count, sizeof(*batches));
    int64_t *adopted_ids = arena_alloc_array(session->arena, count, sizeof(*adopted_ids));
    size_t adopted = 0;
    for (size_t i = 0; i < count; i++) {
        struct arena *arena = arena_new();
        struct event *event = arena_alloc(arena, sizeof(*event));
        *event = orphans[i].event; /* its strings stay where they are, in the session's arena */
        batches[i] = event_batch_new(arena, event, 1, session->organization_id, orphans[i].endpoint_id,
                                     orphans[i].received_at, session->applier->hash_key);
        batches[i]->is_adoption = true;
    }
    int r = apply_batches(session->applier, session->db, batches, count, err);
    for (size_t i = 0; i < count; i++) {
        if (batches[i]->result.orphaned == 0) adopted_ids[adopted++] = orphans[i].id;
        event_batch_free(batches[i]);
    }
    if (r == 0 && adopted > 0)
        r = engagement_delete_orphans(session->db, session->organization_id, adopted_ids, adopted, err);
    if (r == 0) *ret_adopted += adopted;
    return r;
}

static int adopt_waiting(struct session *session, const struct message_key *keys, size_t key_count, size_t *ret_adopted,
                         struct err *err) {
    for (;;) {
        struct orphan_row *orphans;
        size_t count, before = *ret_adopted;
        int r = engagement_take_orphans(session->db, session->organization_id, keys, key_count, ADOPTION_PORTION,
                                        session->arena, &orphans, &count, err);
        if (r == 0 && count > 0) r = adopt(session, orphans, count, ret_adopted, err);
        if (r < 0) return r;
        if (count < ADOPTION_PORTION || *ret_adopted == before) return 0;
    }
}

/* ---- the verbs ---- */

/* An email that was there keeps the level that was decided when it was sent. */
static int load_effective(struct session *session, struct registration *registrations, size_t count, struct err *err) {
    for (size_t i = 0; i < count; i++) {
        if (!registrations[i].existed) continue;
        int r = email_tracking(session->db, session->organization_id, registrations[i].email_log_id,
                               &registrations[i].effective, err);
        if (r < 0) return r;
    }
    return 0;
}

static int insert_new(struct session *session, struct registration *registrations, struct email_row *rows,
                      const size_t *twin, size_t count, struct err *err) {
    struct email_row *fresh = arena_alloc_array(session->arena, count, sizeof(*fresh));
    struct cohort_delta *deltas = arena_alloc_array(session->arena, count, sizeof(*deltas));
    struct message_key *keys = arena_alloc_array(session->arena, 2 * count, sizeof(*keys));
    size_t *owner = arena_alloc_array(session->arena, count, sizeof(*owner));
    int64_t *ids = arena_alloc_array(session->arena, count, sizeof(*ids));
    size_t fresh_count = 0, key_count = 0, adopted = 0;
    for (size_t i = 0; i < count; i++) {
        if (registrations[i].existed || twin[i] != i) continue;
        int r = prepare_email(session, &registrations[i], &rows[i], err);
        if (r < 0) return r;
        owner[fresh_count] = i;
        fresh[fresh_count++] = rows[i];
    }
    if (fresh_count == 0) return 0;
    int r = engagement_insert_emails(session->db, fresh, fresh_count, err);
    if (r < 0) return r;
    for (size_t n = 0; n < fresh_count; n++) {
        registrations[owner[n]].email_log_id = ids[n] = fresh[n].id;
        struct email_stats stats;
        email_stats_init(&stats);
        stats.tracking = fresh[n].tracking;
        stats.sent_at = fresh[n].sent_at;
        deltas[n] = (struct cohort_delta){.organization_id = session->organization_id,
                                          .cohort_id = fresh[n].cohort_id,
                                          .day = timezone_day(session->policy.time_zone, fresh[n].sent_at),
                                          .change = counters_contribution(&stats)};
        for (size_t k = 0; k < fresh[n].key_count; k++)
            keys[key_count++] = fresh[n].keys[k];
    }
    r = engagement_append_deltas(session->db, deltas, fresh_count, NULL, 0, err);
    if (r == 0) r = scores_mark_emails(session->db, session->organization_id, ids, fresh_count, err);
    if (r == 0 && key_count > 0) r = adopt_waiting(session, keys, key_count, &adopted, err);
    if (r == 0) registrations[owner[0]].adopted = adopted;
    return r;
}

int register_emails(struct applier *applier, struct db *db, int64_t organization_id, struct registration *registrations,
                    size_t count, int64_t now, struct err *err) {
    struct session session;
    if (count > REGISTRATION_EMAILS_MAX)
        return err_set(err, ERR_TOO_LARGE, "more than %d emails in one request", REGISTRATION_EMAILS_MAX);
    int r = session_begin(&session, applier, db, organization_id, now, err);
    if (r < 0) goto out;
    struct email_row *rows = arena_alloc_array(session.arena, count, sizeof(*rows));
    size_t *twin = arena_alloc_array(session.arena, count, sizeof(*twin));
    for (size_t i = 0; i < count; i++) {
        registrations[i].email_log_id = 0;
        registrations[i].existed = false;
        registrations[i].adopted = 0;
        rows[i].key_count =
            registration_keys(&session, registrations[i].message_id, registrations[i].rfc_message_id, rows[i].keys);
    }
    r = find_existing(&session, registrations, rows, count, err);
    if (r < 0) goto out;
    find_twins(&session, rows, count, twin);
    r = insert_new(&session, registrations, rows, twin, count, err);
    if (r < 0) goto out;
    for (size_t i = 0; i < count; i++) {
        if (twin[i] == i) continue;
        registrations[i].existed = true;
        registrations[i].email_log_id = registrations[twin[i]].email_log_id;
        registrations[i].effective = registrations[twin[i]].effective;
    }
    r = load_effective(&session, registrations, count, err);
out:
    session_end(&session);
    return r;
}

int register_message_id(struct applier *applier, struct db *db, int64_t organization_id, int64_t email_log_id,
                        struct slice message_id, struct slice rfc_message_id, int64_t now, size_t *ret_adopted,
                        struct err *err) {
    struct session session;
    size_t adopted = 0;
    int r = session_begin(&session, applier, db, organization_id, now, err);
    if (r < 0) goto out;
    struct message_key keys[2];
    struct email_lookup lookups[2];
    size_t fresh = 0;
    size_t key_count = registration_keys(&session, message_id, rfc_message_id, keys);
    for (size_t k = 0; k < key_count; k++)
        lookups[k] = (struct email_lookup){.organization_id = organization_id, .key = keys[k]};
    if (key_count > 0) r = engagement_find_emails(db, lookups, key_count, err);
    for (size_t k = 0; r == 0 && k < key_count; k++) {
        if (lookups[k].email_log_id == 0)
            keys[fresh++] = keys[k];
        else if (lookups[k].email_log_id != email_log_id)
            r = err_set(err, ERR_CONFLICT, "the message id belongs to email %lld", (long long)lookups[k].email_log_id);
    }
    if (r == 0)
        r = email_keys_add(db, organization_id, email_log_id, message_id, rfc_message_id, keys, fresh, now, err);
    if (r == 0 && fresh > 0) r = adopt_waiting(&session, keys, fresh, &adopted, err);
    if (r == 0) *ret_adopted = adopted;
out:
    session_end(&session);
    return r;
}

int adopt_orphans(struct applier *applier, struct db *db, int64_t organization_id, size_t limit, int64_t *cursor,
                  size_t *ret_adopted, struct err *err) {
    struct session session;
    size_t count = 0;
    struct orphan_row *orphans = NULL;
    int r = session_begin(&session, applier, db, organization_id, 0, err);
    if (r == 0) r = engagement_list_orphans(db, organization_id, *cursor, limit, session.arena, &orphans, &count, err);
    *ret_adopted = 0;
    if (r == 0 && count > 0) r = adopt(&session, orphans, count, ret_adopted, err);
    if (r == 0) *cursor = count == limit ? orphans[count - 1].id : 0;
    session_end(&session);
    return r;
}

/* ---- orphans by hand ---- */

/* Gives the email those ids of the orphan that it does not have yet. */
static int claim_keys(struct session *session, const struct orphan_row *orphan, int64_t email_log_id, struct err *err) {
    struct email_lookup lookups[EVENT_KEYS_MAX];
    struct message_key fresh[EVENT_KEYS_MAX];
    size_t fresh_count = 0;
    for (size_t k = 0; k < orphan->key_count; k++)
        lookups[k] = (struct email_lookup){.organization_id = session->organization_id, .key = orphan->keys[k]};
    int r = orphan->key_count > 0 ? engagement_find_emails(session->db, lookups, orphan->key_count, err) : 0;
    for (size_t k = 0; r == 0 && k < orphan->key_count; k++) {
        if (lookups[k].email_log_id == 0)
            fresh[fresh_count++] = orphan->keys[k];
        else if (lookups[k].email_log_id != email_log_id)
            r = err_set(err, ERR_CONFLICT, "its message id belongs to email %lld: look for its email again",
                        (long long)lookups[k].email_log_id);
    }
    return r < 0 ? r
                 : email_keys_add(session->db, session->organization_id, email_log_id, SLICE_NONE, SLICE_NONE, fresh,
                                  fresh_count, session->now, err);
}

int match_orphan(struct applier *applier, struct db *db, int64_t organization_id, int64_t orphan_id,
                 int64_t email_log_id, int64_t now, size_t *ret_adopted, struct err *err) {
    struct session session;
    struct orphan_row orphan = {0};
    size_t adopted = 0;
    int r = session_begin(&session, applier, db, organization_id, now, err);
    if (r == 0) r = engagement_get_orphan(db, organization_id, orphan_id, session.arena, &orphan, err);
    if (r == 0) r = claim_keys(&session, &orphan, email_log_id, err);
    orphan.event.email_log_id = email_log_id; /* should it have no key at all */
    if (r == 0) r = adopt(&session, &orphan, 1, &adopted, err);
    if (r == 0 && orphan.key_count > 0) r = adopt_waiting(&session, orphan.keys, orphan.key_count, &adopted, err);
    if (r == 0) *ret_adopted = adopted;
    session_end(&session);
    return r;
}

int retry_orphan(struct applier *applier, struct db *db, int64_t organization_id, int64_t orphan_id,
                 size_t *ret_adopted, struct err *err) {
    struct session session;
    struct orphan_row orphan;
    *ret_adopted = 0;
    int r = session_begin(&session, applier, db, organization_id, 0, err);
    if (r == 0) r = engagement_get_orphan(db, organization_id, orphan_id, session.arena, &orphan, err);
    if (r == 0) r = adopt(&session, &orphan, 1, ret_adopted, err);
    session_end(&session);
    return r;
}
