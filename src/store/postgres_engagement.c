/* The bulk verbs of the write path: one statement each. What is looked up or changed travels in arrays, a column each,
 * which the server reads with unnest(): that keeps the order of the rows. What is only added travels by COPY. */
#include "store/postgres.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/memory.h"

#include "base/banned.h"

/* ---- finding emails ---- */

int postgres_find_emails(struct db *base, struct email_lookup *lookups, size_t count, struct err *err) {
    static const struct statement find = {"find emails",
                                          "SELECT k.n, e.email_log_id "
                                          "FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) "
                                          "WITH ORDINALITY AS k(organization_id, key_hash, key_check, n) "
                                          "JOIN email_keys e USING (organization_id, key_hash, key_check)"};
    struct postgres_db *db = (struct postgres_db *)base;
    const struct postgres_structs *structs = POSTGRES_STRUCTS(lookups, count);
    PGresult *result;
    postgres_params_clear(&db->params);
    postgres_params_bigints(&db->params, structs, offsetof(struct email_lookup, organization_id));
    postgres_params_bigints(&db->params, structs, offsetof(struct email_lookup, key.hash));
    postgres_params_bigints(&db->params, structs, offsetof(struct email_lookup, key.check));
    int r = postgres_execute_params(db, &find, &result, err);
    if (r < 0) return r;
    for (size_t i = 0; i < count; i++)
        lookups[i].email_log_id = 0;
    for (int row = 0; row < PQntuples(result); row++)
        lookups[postgres_binary_int(result, row, 0) - 1].email_log_id = postgres_binary_int(result, row, 1);
    PQclear(result);
    return 0;
}

/* ---- figures of emails ---- */

/* X(column, number): the number is that of its array among the parameters of save. */
#define STATS_TIMES(X)                                                                                                 \
    X(delivered_at, "4")                                                                                               \
    X(opened_at, "5")                                                                                                  \
    X(clicked_at, "6")                                                                                                 \
    X(replied_at, "7")                                                                                                 \
    X(bounced_at, "8")                                                                                                 \
    X(dropped_at, "9")                                                                                                 \
    X(complained_at, "10")                                                                                             \
    X(unsubscribed_at, "11")                                                                                           \
    X(last_human_at, "12")
#define STATS_COUNTS(X)                                                                                                \
    X(open_count, "14")                                                                                                \
    X(machine_open_count, "15")                                                                                        \
    X(click_count, "16")                                                                                               \
    X(total_click_count, "17")                                                                                         \
    X(machine_click_count, "18")

int postgres_lock_stats(struct db *base, struct email_stats *stats, size_t count, struct err *err) {
    /* The sort is below the locking, so that all writers lock in the same order. */
#define SELECTED(column, number) ", s." #column
    static const struct statement lock = {
        "lock figures", "SELECT k.n, s.cohort_id, s.sent_at, s.recipient_hash, s.tracking, s.tracking_now, "
                        "s.own_tracking, s.bounce_type, s.last_event_at" STATS_TIMES(SELECTED)
                            STATS_COUNTS(SELECTED) " FROM unnest($1::bigint[], $2::bigint[]) "
                                                   "WITH ORDINALITY AS k(organization_id, email_log_id, n) "
                                                   "JOIN email_stats s USING (organization_id, email_log_id) "
                                                   "ORDER BY s.organization_id, s.email_log_id FOR NO KEY UPDATE OF s"};
#undef SELECTED
    struct postgres_db *db = (struct postgres_db *)base;
    const struct postgres_structs *structs = POSTGRES_STRUCTS(stats, count);
    PGresult *result;
    postgres_params_clear(&db->params);
    postgres_params_bigints(&db->params, structs, offsetof(struct email_stats, organization_id));
    postgres_params_bigints(&db->params, structs, offsetof(struct email_stats, email_log_id));
    int r = postgres_execute_params(db, &lock, &result, err);
    if (r < 0) return r;
    size_t next = 0;
    for (int row = 0; row < PQntuples(result); row++) {
        size_t found = (size_t)postgres_binary_int(result, row, 0) - 1;
        for (; next < found; next++)
            stats[next].email_log_id = 0;
        struct email_stats *is = &stats[next++];
        int column = 1;
        is->cohort_id = postgres_binary_int(result, row, column++);
        is->sent_at = postgres_binary_int(result, row, column++);
        is->recipient_hash = postgres_binary_int(result, row, column++);
        is->tracking = (enum tracking_level)postgres_binary_int(result, row, column++);
        is->tracking_now = (enum tracking_level)postgres_binary_int(result, row, column++);
        is->own_tracking = (enum own_tracking)postgres_binary_int(result, row, column++);
        is->bounce_type = (enum bounce_kind)postgres_binary_int(result, row, column++);
#define READ_TIME(field, number)                                                                                       \
    is->field = PQgetisnull(result, row, column) ? TIME_UNSET : postgres_binary_int(result, row, column);              \
    column++;
        READ_TIME(last_event_at, "")
        STATS_TIMES(READ_TIME)
#undef READ_TIME
#define READ_COUNT(field, number) is->field = postgres_binary_int(result, row, column++);
        STATS_COUNTS(READ_COUNT)
#undef READ_COUNT
    }
    for (; next < count; next++)
        stats[next].email_log_id = 0;
    PQclear(result);
    return 0;
}

/* One array is unnested; the others are read at the same place, which costs the server a quarter of unnesting them all.
 * That works only for arrays without NULL, so "never" travels as TIME_UNSET. last_event_at never goes back, whatever a
 * caller has in memory: insert_events relies on it. */
int postgres_save_stats(struct db *base, const struct email_stats *const *stats, size_t count, struct err *err) {
#define TIME(number)              "nullif(($" number "::bigint[])[k.n], '-9223372036854775808'::bigint)"
#define SET_TIME(column, number)  #column " = " TIME(number) ", "
#define SET_COUNT(column, number) #column " = ($" number "::bigint[])[k.n], "
    static const struct statement save = {
        "save figures",
        "UPDATE email_stats s SET " STATS_TIMES(SET_TIME)
            STATS_COUNTS(SET_COUNT) "last_event_at = greatest(s.last_event_at, " TIME(
                "13") "), "
                      "bounce_type = ($3::smallint[])[k.n] "
                      "FROM unnest($1::bigint[]) WITH ORDINALITY AS k(email_log_id, n) "
                      "WHERE s.organization_id = ($2::bigint[])[k.n] AND s.email_log_id = k.email_log_id"};
#undef TIME
#undef SET_TIME
#undef SET_COUNT
    static_assert(TIME_UNSET == INT64_MIN, "the statement names it");
    struct postgres_db *db = (struct postgres_db *)base;
    const struct postgres_structs structs = {.pointers = (const void *const *)stats, .count = count};
    postgres_params_clear(&db->params);
    postgres_params_bigints(&db->params, &structs, offsetof(struct email_stats, email_log_id));
    postgres_params_bigints(&db->params, &structs, offsetof(struct email_stats, organization_id));
    postgres_params_smallints(&db->params, &structs, offsetof(struct email_stats, bounce_type));
#define ADD(field, number) postgres_params_bigints(&db->params, &structs, offsetof(struct email_stats, field));
    STATS_TIMES(ADD)
    ADD(last_event_at, "13")
    STATS_COUNTS(ADD)
#undef ADD
    return postgres_execute_params(db, &save, NULL, err);
}

/* ---- events ---- */

/* The figures of the email are locked, so nobody else inserts events of it now, and last_event_at is the latest of
 * those that are there: a later one cannot be a repetition. Most events of the world are later. */
static bool may_be_stored(const struct event_row *row) {
    return !row->stats ||
           (row->stats->last_event_at != TIME_UNSET && row->key.occurred_at <= row->stats->last_event_at);
}

/* Sets `inserted` to whether a row is new. */
static int find_new(struct postgres_db *db, struct event_row *rows, size_t count, struct err *err) {
    static const struct statement find = {
        "find stored events",
        "SELECT k.n FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[]) "
        "WITH ORDINALITY AS k(organization_id, occurred_at, email_log_id, event_type, link_id, recipient_ref, n) "
        "JOIN email_engagement_events e ON e.organization_id = k.organization_id AND e.occurred_at = k.occurred_at "
        "AND e.email_log_id = k.email_log_id AND e.event_type = k.event_type AND e.link_id = k.link_id "
        "AND e.recipient_ref = k.recipient_ref"};
    struct event_row **asked = memory_alloc_array(count, sizeof(*asked));
    struct postgres_structs structs = {.pointers = (const void *const *)asked};
    struct postgres_params *params = &db->params;
    PGresult *result;
    for (size_t i = 0; i < count; i++) {
        rows[i].inserted = true;
        if (may_be_stored(&rows[i])) asked[structs.count++] = &rows[i];
    }
    int r = 0;
    if (structs.count == 0) goto out;
    postgres_params_clear(params);
    postgres_params_bigints(params, &structs, offsetof(struct event_row, key.organization_id));
    postgres_params_bigints(params, &structs, offsetof(struct event_row, key.occurred_at));
    postgres_params_bigints(params, &structs, offsetof(struct event_row, key.email_log_id));
    postgres_params_bigints(params, &structs, offsetof(struct event_row, key.event_type));
    postgres_params_bigints(params, &structs, offsetof(struct event_row, key.link_id));
    postgres_params_bigints(params, &structs, offsetof(struct event_row, key.recipient_ref));
    r = postgres_execute_params(db, &find, &result, err);
    if (r < 0) goto out;
    for (int row = 0; row < PQntuples(result); row++)
        asked[postgres_binary_int(result, row, 0) - 1]->inserted = false;
    PQclear(result);
out:
    free(asked);
    return r;
}

static void add_event(struct postgres_params *params, const struct event_row *row) {
    postgres_copy_row(params, 15);
    postgres_copy_bigint(params, row->key.organization_id);
    postgres_copy_bigint(params, row->key.occurred_at);
    postgres_copy_bigint(params, row->key.email_log_id);
    postgres_copy_bigint(params, row->key.link_id);
    postgres_copy_bigint(params, row->key.recipient_ref);
    postgres_copy_bigint(params, row->reasons);
    postgres_copy_bigint(params, received_delay_s(row->received_at, row->key.occurred_at));
    postgres_copy_bigint(params, row->endpoint_id);
    postgres_copy_smallint(params, (int16_t)row->key.event_type);
    postgres_copy_smallint(params, (int16_t)row->verdict);
    postgres_copy_smallint(params, (int16_t)row->bounce);
    if (row->agent_id != 0)
        postgres_copy_bigint(params, row->agent_id);
    else
        postgres_copy_blob(params, SLICE_NONE);
    postgres_copy_blob(params, row->ip_address);
    postgres_copy_blob(params, row->provider_event_id);
    postgres_copy_text(params, row->metadata);
}

/* COPY writes many rows to a page at once, where INSERT with ON CONFLICT writes each three times; and it has no way to
 * pass over rows that are there, so these are looked for before. */
int postgres_insert_events(struct db *base, struct event_row *rows, size_t count, struct err *err) {
    static const char copy[] =
        "COPY email_engagement_events (organization_id, occurred_at, email_log_id, link_id, recipient_ref, reasons, "
        "received_delay_s, endpoint_id, event_type, verdict, bounce, agent_id, ip_address, provider_event_id, "
        "metadata) FROM STDIN (FORMAT binary)";
    struct postgres_db *db = (struct postgres_db *)base;
    size_t new_rows = 0;
    int r = postgres_partitions_ensure(db, rows, count, err);
    if (r == 0) r = find_new(db, rows, count, err);
    if (r < 0) return r;
    postgres_copy_start(&db->params);
    for (size_t i = 0; i < count; i++) {
        if (!rows[i].inserted) continue;
        add_event(&db->params, &rows[i]);
        new_rows++;
    }
    if (new_rows == 0) return 0;
    r = postgres_copy(db, "insert events", copy, err);
    if (r < 0) {
        /* A month may have gone since (retention drops it): look again when the batch comes again. */
        postgres_partitions_forget(db);
        return r;
    }
    for (size_t i = 0; i < count; i++) {
        struct email_stats *stats = rows[i].inserted ? rows[i].stats : NULL;
        if (stats && (stats->last_event_at == TIME_UNSET || stats->last_event_at < rows[i].key.occurred_at))
            stats->last_event_at = rows[i].key.occurred_at;
    }
    return 0;
}

int postgres_event_keys(struct db *base, int64_t organization_id, int64_t email_log_id, size_t limit,
                        struct arena *arena, struct event_key **ret, size_t *ret_count, struct err *err) {
    static const struct statement select_keys = {"keys of an email's events",
                                                 "SELECT occurred_at, event_type, link_id, recipient_ref "
                                                 "FROM email_engagement_events "
                                                 "WHERE organization_id = $1 AND email_log_id = $2 "
                                                 "ORDER BY occurred_at DESC LIMIT $3"};
    struct postgres_db *db = (struct postgres_db *)base;
    PGresult *result;
    postgres_params_clear(&db->params);
    postgres_params_bigint(&db->params, organization_id);
    postgres_params_bigint(&db->params, email_log_id);
    postgres_params_bigint(&db->params, limit > INT32_MAX ? INT32_MAX : (int64_t)limit);
    int r = postgres_execute_params(db, &select_keys, &result, err);
    if (r < 0) return r;
    size_t count = (size_t)PQntuples(result);
    struct event_key *keys = arena_alloc_array(arena, count, sizeof(*keys));
    for (size_t i = 0; i < count; i++)
        keys[i] = (struct event_key){.organization_id = organization_id,
                                     .email_log_id = email_log_id,
                                     .occurred_at = postgres_binary_int(result, (int)i, 0),
                                     .event_type = postgres_binary_int(result, (int)i, 1),
                                     .link_id = postgres_binary_int(result, (int)i, 2),
                                     .recipient_ref = postgres_binary_int(result, (int)i, 3)};
    PQclear(result);
    *ret = keys;
    *ret_count = count;
    return 0;
}

/* ---- links of emails ---- */

static void add_link_keys(struct postgres_params *params, const struct postgres_structs *structs) {
    postgres_params_clear(params);
    postgres_params_bigints(params, structs, offsetof(struct link_row, organization_id));
    postgres_params_bigints(params, structs, offsetof(struct link_row, stats.email_log_id));
    postgres_params_bigints(params, structs, offsetof(struct link_row, stats.link_id));
}

int postgres_load_links(struct db *base, struct link_row *rows, size_t count, struct err *err) {
    static const struct statement load = {"load links",
                                          "SELECT k.n, l.clicked_at, l.click_count, l.machine_click_count "
                                          "FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) "
                                          "WITH ORDINALITY AS k(organization_id, email_log_id, link_id, n) "
                                          "JOIN email_links l USING (organization_id, email_log_id, link_id)"};
    struct postgres_db *db = (struct postgres_db *)base;
    PGresult *result;
    add_link_keys(&db->params, POSTGRES_STRUCTS(rows, count));
    int r = postgres_execute_params(db, &load, &result, err);
    if (r < 0) return r;
    for (size_t i = 0; i < count; i++) {
        const struct link_stats key = rows[i].stats;
        link_stats_init(&rows[i].stats);
        rows[i].stats.email_log_id = key.email_log_id;
        rows[i].stats.link_id = key.link_id;
    }
    for (int row = 0; row < PQntuples(result); row++) {
        struct link_stats *stats = &rows[postgres_binary_int(result, row, 0) - 1].stats;
        stats->clicked_at = PQgetisnull(result, row, 1) ? TIME_UNSET : postgres_binary_int(result, row, 1);
        stats->click_count = postgres_binary_int(result, row, 2);
        stats->machine_click_count = postgres_binary_int(result, row, 3);
    }
    PQclear(result);
    return 0;
}

int postgres_save_links(struct db *base, const struct link_row *rows, size_t count, struct err *err) {
    static const struct statement save = {
        "save links", "INSERT INTO email_links (organization_id, email_log_id, link_id, clicked_at, click_count, "
                      "machine_click_count) "
                      "SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], "
                      "$6::bigint[]) "
                      "ON CONFLICT (organization_id, email_log_id, link_id) DO UPDATE SET "
                      "clicked_at = excluded.clicked_at, click_count = excluded.click_count, "
                      "machine_click_count = excluded.machine_click_count"};
    struct postgres_db *db = (struct postgres_db *)base;
    const struct postgres_structs *structs = POSTGRES_STRUCTS(rows, count);
    add_link_keys(&db->params, structs);
    postgres_params_bigints_or_null(&db->params, structs, offsetof(struct link_row, stats.clicked_at), TIME_UNSET);
    postgres_params_bigints(&db->params, structs, offsetof(struct link_row, stats.click_count));
    postgres_params_bigints(&db->params, structs, offsetof(struct link_row, stats.machine_click_count));
    return postgres_execute_params(db, &save, NULL, err);
}

/* ---- totals ---- */

static int append_cohorts(struct postgres_db *db, const struct cohort_delta *rows, size_t count, struct err *err) {
#define NAMED(column) ", " #column
    static const char copy[] =
        "COPY cohort_deltas (organization_id, cohort_id, day" CONTRIBUTION_FIELDS(NAMED) ") FROM STDIN (FORMAT binary)";
#undef NAMED
    postgres_copy_start(&db->params);
    for (size_t i = 0; i < count; i++) {
        postgres_copy_row(&db->params, 3 + CONTRIBUTION_COUNT);
        postgres_copy_bigint(&db->params, rows[i].organization_id);
        postgres_copy_bigint(&db->params, rows[i].cohort_id);
        postgres_copy_bigint(&db->params, rows[i].day);
#define ADD(field) postgres_copy_bigint(&db->params, rows[i].change.field);
        CONTRIBUTION_FIELDS(ADD)
#undef ADD
    }
    return postgres_copy(db, "append cohort deltas", copy, err);
}

static int append_breakdowns(struct postgres_db *db, const struct breakdown_delta *rows, size_t count,
                             struct err *err) {
    static const char copy[] =
        "COPY breakdown_deltas (organization_id, cohort_id, kind, item, n) FROM STDIN (FORMAT binary)";
    postgres_copy_start(&db->params);
    for (size_t i = 0; i < count; i++) {
        postgres_copy_row(&db->params, 5);
        postgres_copy_bigint(&db->params, rows[i].organization_id);
        postgres_copy_bigint(&db->params, rows[i].cohort_id);
        postgres_copy_smallint(&db->params, (int16_t)rows[i].kind);
        postgres_copy_bigint(&db->params, rows[i].item);
        postgres_copy_bigint(&db->params, rows[i].n);
    }
    return postgres_copy(db, "append breakdown deltas", copy, err);
}

int postgres_append_deltas(struct db *base, const struct cohort_delta *cohorts, size_t cohort_count,
                           const struct breakdown_delta *breakdowns, size_t breakdown_count, struct err *err) {
    struct postgres_db *db = (struct postgres_db *)base;
    int r = cohort_count > 0 ? append_cohorts(db, cohorts, cohort_count, err) : 0;
    if (r == 0 && breakdown_count > 0) r = append_breakdowns(db, breakdowns, breakdown_count, err);
    return r;
}
