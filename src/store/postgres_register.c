/* The bulk verbs beside the events: dictionaries, emails, orphans, fingerprints. */
#include "store/postgres.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/memory.h"

#include "base/banned.h"

/* ---- dictionaries ---- */

#define FIND_IN(table, hash, check)                                                                                    \
    "SELECT k.n, d.id FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) "                                          \
    "WITH ORDINALITY AS k(organization_id, hash, check_, n) JOIN " table " d "                                         \
    "ON d.organization_id = k.organization_id AND d." hash " = k.hash AND d." check " = k.check_"

static const struct statement find_texts[] = {
    [DICTIONARY_LINKS] = {"find links", FIND_IN("links", "link_hash", "link_check")},
    [DICTIONARY_AGENTS] = {"find agents", FIND_IN("agents", "agent_hash", "agent_check")},
};
static const struct statement insert_texts[] = {
    [DICTIONARY_LINKS] = {"insert links",
                          "INSERT INTO links (organization_id, link_hash, link_check, url, position) "
                          "SELECT u.o, u.h, u.c, coalesce(u.t, ''), u.p FROM unnest($1::bigint[], $2::bigint[], "
                          "$3::bigint[], $4::text[], $5::bigint[]) AS u(o, h, c, t, p) ON CONFLICT DO NOTHING"},
    [DICTIONARY_AGENTS] = {"insert agents",
                           "INSERT INTO agents (organization_id, agent_hash, agent_check, agent) "
                           "SELECT u.o, u.h, u.c, coalesce(u.t, '') FROM unnest($1::bigint[], $2::bigint[], "
                           "$3::bigint[], $4::text[]) AS u(o, h, c, t) ON CONFLICT DO NOTHING"},
};

/* A row of the caller that has no id yet, flat for the parameters. */
struct text_row {
    struct dictionary_row *row;
    int64_t organization_id, hash, check, position;
    struct slice text;
};

static void add_text_keys(struct postgres_params *params, const struct postgres_structs *structs) {
    postgres_params_clear(params);
    postgres_params_bigints(params, structs, offsetof(struct text_row, organization_id));
    postgres_params_bigints(params, structs, offsetof(struct text_row, hash));
    postgres_params_bigints(params, structs, offsetof(struct text_row, check));
}

/* Sets the ids that are there and leaves the others at the front of `texts`; *count becomes their number. */
static int find_ids(struct postgres_db *db, enum dictionary dictionary, struct text_row *texts, size_t *count,
                    struct err *err) {
    PGresult *result;
    size_t left = 0;
    add_text_keys(&db->params, POSTGRES_STRUCTS(texts, *count));
    int r = postgres_execute_params(db, &find_texts[dictionary], &result, err);
    if (r < 0) return r;
    for (int row = 0; row < PQntuples(result); row++)
        texts[postgres_binary_int(result, row, 0) - 1].row->id = postgres_binary_int(result, row, 1);
    PQclear(result);
    for (size_t i = 0; i < *count; i++)
        if (texts[i].row->id == 0) texts[left++] = texts[i];
    *count = left;
    return 0;
}

/* Look, insert what is new, look again: then those are there too that another writer has committed meanwhile. */
int postgres_dictionary(struct db *base, enum dictionary dictionary, struct dictionary_row *rows, size_t count,
                        struct err *err) {
    struct postgres_db *db = (struct postgres_db *)base;
    struct text_row *texts = memory_alloc_array(count, sizeof(*texts));
    size_t left = count;
    for (size_t i = 0; i < count; i++) {
        rows[i].id = 0;
        texts[i] = (struct text_row){.row = &rows[i],
                                     .organization_id = rows[i].organization_id,
                                     .hash = rows[i].key.hash,
                                     .check = rows[i].key.check,
                                     .position = rows[i].position,
                                     .text = rows[i].text};
    }
    int r = find_ids(db, dictionary, texts, &left, err);
    if (r < 0 || left == 0) goto out;
    const struct postgres_structs *structs = POSTGRES_STRUCTS(texts, left);
    add_text_keys(&db->params, structs);
    postgres_params_texts(&db->params, structs, offsetof(struct text_row, text));
    if (dictionary == DICTIONARY_LINKS)
        postgres_params_bigints(&db->params, structs, offsetof(struct text_row, position));
    r = postgres_execute_params(db, &insert_texts[dictionary], NULL, err);
    if (r == 0) r = find_ids(db, dictionary, texts, &left, err);
    if (r == 0 && left > 0)
        r = err_set(err, ERR_INTERNAL, "%s: %zu of %zu got no id", insert_texts[dictionary].name, left, count);
out:
    free(texts);
    return r;
}

/* ---- emails ---- */

struct key_row {
    int64_t organization_id, hash, check, id;
};

/* The keys of all rows, flat; `id` of email or orphan. */
static int insert_keys(struct postgres_db *db, const struct statement *statement, const struct key_row *keys,
                       size_t count, struct err *err) {
    const struct postgres_structs *structs = POSTGRES_STRUCTS(keys, count);
    if (count == 0) return 0;
    postgres_params_clear(&db->params);
    postgres_params_bigints(&db->params, structs, offsetof(struct key_row, organization_id));
    postgres_params_bigints(&db->params, structs, offsetof(struct key_row, hash));
    postgres_params_bigints(&db->params, structs, offsetof(struct key_row, check));
    postgres_params_bigints(&db->params, structs, offsetof(struct key_row, id));
    return postgres_execute_params(db, statement, NULL, err);
}

static int insert_logs(struct postgres_db *db, struct email_row *rows, size_t count, struct err *err) {
    static const struct statement insert = {
        "insert emails",
        "INSERT INTO email_logs (organization_id, message_id, rfc_message_id, subject, recipient_address, sent_at, "
        "recipient_id, sender_id, cohort_id, sequence_step, created_at, updated_at) "
        "SELECT u.*, u.created_at FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], "
        "$6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[]) "
        "AS u(organization_id, message_id, rfc_message_id, subject, recipient_address, sent_at, recipient_id, "
        "sender_id, cohort_id, sequence_step, created_at) RETURNING id"};
    struct postgres_params *params = &db->params;
    const struct postgres_structs *structs = POSTGRES_STRUCTS(rows, count);
    PGresult *result;
    postgres_params_clear(params);
    postgres_params_bigints(params, structs, offsetof(struct email_row, organization_id));
    postgres_params_texts(params, structs, offsetof(struct email_row, message_id));
    postgres_params_texts(params, structs, offsetof(struct email_row, rfc_message_id));
    postgres_params_texts(params, structs, offsetof(struct email_row, subject));
    postgres_params_texts(params, structs, offsetof(struct email_row, recipient_address));
    postgres_params_bigints(params, structs, offsetof(struct email_row, sent_at));
    postgres_params_bigints(params, structs, offsetof(struct email_row, recipient_id));
    postgres_params_bigints(params, structs, offsetof(struct email_row, sender_id));
    postgres_params_bigints(params, structs, offsetof(struct email_row, cohort_id));
    postgres_params_bigints_or_null(params, structs, offsetof(struct email_row, sequence_step), -1);
    postgres_params_bigints(params, structs, offsetof(struct email_row, now));
    int r = postgres_execute_params(db, &insert, &result, err);
    if (r < 0) return r;
    if ((size_t)PQntuples(result) != count) BUG("%d of %zu emails got an id", PQntuples(result), count);
    for (size_t i = 0; i < count; i++)
        rows[i].id = postgres_binary_int(result, (int)i, 0);
    PQclear(result);
    return 0;
}

static int insert_figures(struct postgres_db *db, const struct email_row *rows, size_t count, struct err *err) {
    static const struct statement insert = {
        "insert figures", "INSERT INTO email_stats (organization_id, email_log_id, cohort_id, sent_at, recipient_hash, "
                          "tracking, tracking_now, own_tracking) "
                          "SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], "
                          "$6::smallint[], $7::smallint[], $8::smallint[])"};
    const struct postgres_structs *structs = POSTGRES_STRUCTS(rows, count);
    postgres_params_clear(&db->params);
    postgres_params_bigints(&db->params, structs, offsetof(struct email_row, organization_id));
    postgres_params_bigints(&db->params, structs, offsetof(struct email_row, id));
    postgres_params_bigints(&db->params, structs, offsetof(struct email_row, cohort_id));
    postgres_params_bigints(&db->params, structs, offsetof(struct email_row, sent_at));
    postgres_params_bigints(&db->params, structs, offsetof(struct email_row, recipient_hash));
    postgres_params_smallints(&db->params, structs, offsetof(struct email_row, tracking));
    postgres_params_smallints(&db->params, structs, offsetof(struct email_row, tracking_now));
    postgres_params_smallints(&db->params, structs, offsetof(struct email_row, own_tracking));
    return postgres_execute_params(db, &insert, NULL, err);
}

int postgres_insert_emails(struct db *base, struct email_row *rows, size_t count, struct err *err) {
    static const struct statement insert = {
        "insert email keys", "INSERT INTO email_keys (organization_id, key_hash, key_check, email_log_id) "
                             "SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[])"};
    struct postgres_db *db = (struct postgres_db *)base;
    size_t key_count = 0;
    int r = insert_logs(db, rows, count, err);
    if (r == 0) r = insert_figures(db, rows, count, err);
    if (r < 0) return r;
    struct key_row *keys = memory_alloc_array(2 * count, sizeof(*keys));
    for (size_t i = 0; i < count; i++)
        for (size_t n = 0; n < rows[i].key_count; n++)
            keys[key_count++] = (struct key_row){.organization_id = rows[i].organization_id,
                                                 .hash = rows[i].keys[n].hash,
                                                 .check = rows[i].keys[n].check,
                                                 .id = rows[i].id};
    r = insert_keys(db, &insert, keys, key_count, err);
    free(keys);
    return r;
}

/* ---- rows that may be there already: orphans and fingerprints ---- */

static int compare_fingerprints(int64_t organization_a, struct message_key a, int64_t organization_b,
                                struct message_key b) {
    if (organization_a != organization_b) return organization_a < organization_b ? -1 : 1;
    if (a.hash != b.hash) return a.hash < b.hash ? -1 : 1;
    return (a.check > b.check) - (a.check < b.check);
}

/* A fingerprint twice in one array: the first one counts as inserted, so equal ones keep their order. */
static int compare_orphans(const void *left, const void *right) {
    const struct orphan_row *a = *(struct orphan_row *const *)left, *b = *(struct orphan_row *const *)right;
    int order = compare_fingerprints(a->organization_id, a->fingerprint, b->organization_id, b->fingerprint);
    return order ? order : (a > b) - (a < b);
}

static int compare_claims(const void *left, const void *right) {
    const struct fingerprint_row *a = *(struct fingerprint_row *const *)left;
    const struct fingerprint_row *b = *(struct fingerprint_row *const *)right;
    int order = compare_fingerprints(a->organization_id, a->fingerprint, b->organization_id, b->fingerprint);
    return order ? order : (a > b) - (a < b);
}

static bool returned_is(const PGresult *result, int row, int64_t organization_id, struct message_key fingerprint) {
    return row < PQntuples(result) && postgres_binary_int(result, row, 0) == organization_id &&
           postgres_binary_int(result, row, 1) == fingerprint.hash &&
           postgres_binary_int(result, row, 2) == fingerprint.check;
}

int postgres_claim_fingerprints(struct db *base, struct fingerprint_row *rows, size_t count, struct err *err) {
    static const struct statement insert = {
        "claim fingerprints", "INSERT INTO event_fingerprints (organization_id, fingerprint_hash, fingerprint_check, "
                              "day) "
                              "SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[]) "
                              "ON CONFLICT DO NOTHING RETURNING organization_id, fingerprint_hash, fingerprint_check"};
    struct postgres_db *db = (struct postgres_db *)base;
    PGresult *result;
    int next = 0;
    struct fingerprint_row **sorted = memory_alloc_array(count, sizeof(*sorted));
    for (size_t i = 0; i < count; i++)
        sorted[i] = &rows[i];
    qsort(sorted, count, sizeof(*sorted), compare_claims);
    const struct postgres_structs structs = {.pointers = (const void *const *)sorted, .count = count};
    postgres_params_clear(&db->params);
    postgres_params_bigints(&db->params, &structs, offsetof(struct fingerprint_row, organization_id));
    postgres_params_bigints(&db->params, &structs, offsetof(struct fingerprint_row, fingerprint.hash));
    postgres_params_bigints(&db->params, &structs, offsetof(struct fingerprint_row, fingerprint.check));
    postgres_params_bigints(&db->params, &structs, offsetof(struct fingerprint_row, day));
    int r = postgres_execute_params(db, &insert, &result, err);
    if (r < 0) goto out;
    for (size_t i = 0; i < count; i++) {
        sorted[i]->inserted = returned_is(result, next, sorted[i]->organization_id, sorted[i]->fingerprint);
        next += sorted[i]->inserted;
    }
    PQclear(result);
out:
    free(sorted);
    return r;
}

static void add_orphans(struct postgres_params *params, const struct postgres_structs *structs) {
    postgres_params_clear(params);
    postgres_params_bigints(params, structs, offsetof(struct orphan_row, organization_id));
    postgres_params_bigints(params, structs, offsetof(struct orphan_row, fingerprint.hash));
    postgres_params_bigints(params, structs, offsetof(struct orphan_row, fingerprint.check));
    postgres_params_bigints(params, structs, offsetof(struct orphan_row, endpoint_id));
    postgres_params_bigints(params, structs, offsetof(struct orphan_row, received_at));
    postgres_params_bigints(params, structs, offsetof(struct orphan_row, event.occurred_at));
    postgres_params_smallints(params, structs, offsetof(struct orphan_row, event.type));
    postgres_params_smallints(params, structs, offsetof(struct orphan_row, event.bounce));
    postgres_params_smallints(params, structs, offsetof(struct orphan_row, event.machine));
    postgres_params_bigints(params, structs, offsetof(struct orphan_row, event.email_log_id));
    for (size_t i = 0; i < EVENT_KEYS_MAX; i++)
        postgres_params_texts(params, structs, offsetof(struct orphan_row, event.keys) + i * sizeof(struct slice));
    postgres_params_texts(params, structs, offsetof(struct orphan_row, event.recipient));
    postgres_params_texts(params, structs, offsetof(struct orphan_row, event.url));
    postgres_params_integers(params, structs, offsetof(struct orphan_row, event.link_position));
    postgres_params_texts(params, structs, offsetof(struct orphan_row, event.ip_address));
    postgres_params_texts(params, structs, offsetof(struct orphan_row, event.user_agent));
    postgres_params_texts(params, structs, offsetof(struct orphan_row, event.provider_event_id));
    postgres_params_texts(params, structs, offsetof(struct orphan_row, event.metadata));
}

static int insert_orphan_rows(struct postgres_db *db, struct orphan_row **sorted, size_t count, struct err *err) {
    static const struct statement insert = {
        "insert orphans",
        "INSERT INTO orphan_events (organization_id, fingerprint_hash, fingerprint_check, endpoint_id, received_at, "
        "occurred_at, event_type, bounce, machine, email_log_id, message_id, message_id_2, message_id_3, recipient, "
        "url, link_position, ip_address, user_agent, provider_event_id, metadata) "
        "SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], "
        "$7::smallint[], $8::smallint[], $9::smallint[], $10::bigint[], $11::text[], $12::text[], $13::text[], "
        "$14::text[], $15::text[], $16::integer[], $17::text[], $18::text[], $19::text[], $20::text[]) "
        "ON CONFLICT DO NOTHING RETURNING organization_id, fingerprint_hash, fingerprint_check, id"};
    static_assert(EVENT_KEYS_MAX == 3, "the table has three columns for message ids");
    const struct postgres_structs structs = {.pointers = (const void *const *)sorted, .count = count};
    PGresult *result;
    int next = 0;
    add_orphans(&db->params, &structs);
    int r = postgres_execute_params(db, &insert, &result, err);
    if (r < 0) return r;
    for (size_t i = 0; i < count; i++) {
        sorted[i]->inserted = returned_is(result, next, sorted[i]->organization_id, sorted[i]->fingerprint);
        if (sorted[i]->inserted) sorted[i]->id = postgres_binary_int(result, next++, 3);
    }
    PQclear(result);
    return 0;
}

int postgres_insert_orphans(struct db *base, struct orphan_row *rows, size_t count, struct err *err) {
    static const struct statement insert = {
        "insert orphan keys", "INSERT INTO orphan_keys (organization_id, key_hash, key_check, orphan_id) "
                              "SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[]) "
                              "ON CONFLICT DO NOTHING"};
    struct postgres_db *db = (struct postgres_db *)base;
    size_t key_count = 0;
    struct orphan_row **sorted = memory_alloc_array(count, sizeof(*sorted));
    struct key_row *keys = memory_alloc_array(EVENT_KEYS_MAX * count, sizeof(*keys));
    for (size_t i = 0; i < count; i++)
        sorted[i] = &rows[i];
    qsort(sorted, count, sizeof(*sorted), compare_orphans);
    int r = insert_orphan_rows(db, sorted, count, err);
    if (r < 0) goto out;
    for (size_t i = 0; i < count; i++)
        for (size_t n = 0; n < (rows[i].inserted ? rows[i].key_count : 0); n++)
            keys[key_count++] = (struct key_row){.organization_id = rows[i].organization_id,
                                                 .hash = rows[i].keys[n].hash,
                                                 .check = rows[i].keys[n].check,
                                                 .id = rows[i].id};
    r = insert_keys(db, &insert, keys, key_count, err);
out:
    free(sorted);
    free(keys);
    return r;
}
