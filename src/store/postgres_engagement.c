/* The bulk verbs of the write path: one statement each, whose parameters are arrays, a column each. The server reads
 * them with unnest(), which keeps the order of the rows. */
#include "store/postgres.h"

#include <assert.h>
#include <stddef.h>

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

#define STATS_TIMES(X)                                                                                                 \
    X(delivered_at)                                                                                                    \
    X(opened_at) X(clicked_at) X(replied_at) X(bounced_at) X(dropped_at) X(complained_at) X(unsubscribed_at)
#define STATS_COUNTS(X) X(open_count) X(machine_open_count) X(click_count) X(total_click_count) X(machine_click_count)

int postgres_lock_stats(struct db *base, struct email_stats *stats, size_t count, struct err *err) {
    /* The sort is below the locking, so that all writers lock in the same order. */
#define SELECTED(column) ", s." #column
    static const struct statement lock = {
        "lock figures", "SELECT k.n, s.cohort_id, s.sent_at, s.recipient_hash, s.tracking, s.tracking_now, "
                        "s.bounce_type" STATS_TIMES(SELECTED)
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
        is->bounce_type = (enum bounce_kind)postgres_binary_int(result, row, column++);
#define READ_TIME(field)                                                                                               \
    is->field = PQgetisnull(result, row, column) ? TIME_UNSET : postgres_binary_int(result, row, column);              \
    column++;
        STATS_TIMES(READ_TIME)
#undef READ_TIME
#define READ_COUNT(field) is->field = postgres_binary_int(result, row, column++);
        STATS_COUNTS(READ_COUNT)
#undef READ_COUNT
        is->last_event_at = TIME_UNSET; /* SQLite's chain */
    }
    for (; next < count; next++)
        stats[next].email_log_id = 0;
    PQclear(result);
    return 0;
}

int postgres_save_stats(struct db *base, const struct email_stats *const *stats, size_t count, struct err *err) {
#define ASSIGNED(column) ", " #column " = u." #column
#define NAMED(column)    ", " #column
    static const struct statement save = {
        "save figures",
        "UPDATE email_stats s SET bounce_type = u.bounce_type" STATS_TIMES(ASSIGNED) STATS_COUNTS(
            ASSIGNED) " FROM unnest($1::bigint[], $2::bigint[], $3::smallint[], $4::bigint[], $5::bigint[], "
                      "$6::bigint[], "
                      "$7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], "
                      "$13::bigint[], "
                      "$14::bigint[], $15::bigint[], $16::bigint[]) "
                      "AS u(organization_id, email_log_id, bounce_type" STATS_TIMES(NAMED) STATS_COUNTS(
                          NAMED) ") "
                                 "WHERE s.organization_id = u.organization_id AND s.email_log_id = u.email_log_id"};
#undef ASSIGNED
#undef NAMED
    struct postgres_db *db = (struct postgres_db *)base;
    const struct postgres_structs structs = {.pointers = (const void *const *)stats, .count = count};
    postgres_params_clear(&db->params);
    postgres_params_bigints(&db->params, &structs, offsetof(struct email_stats, organization_id));
    postgres_params_bigints(&db->params, &structs, offsetof(struct email_stats, email_log_id));
    postgres_params_smallints(&db->params, &structs, offsetof(struct email_stats, bounce_type));
#define ADD_TIME(field)                                                                                                \
    postgres_params_bigints_or_null(&db->params, &structs, offsetof(struct email_stats, field), TIME_UNSET);
    STATS_TIMES(ADD_TIME)
#undef ADD_TIME
#define ADD_COUNT(field) postgres_params_bigints(&db->params, &structs, offsetof(struct email_stats, field));
    STATS_COUNTS(ADD_COUNT)
#undef ADD_COUNT
    return postgres_execute_params(db, &save, NULL, err);
}

/* ---- events ---- */

/* RETURNING gives the rows that were really inserted, in the order of the array: a walk beside it finds them. */
static void mark_inserted(const PGresult *result, struct event_row *rows, size_t count) {
    int row = 0, returned = PQntuples(result);
    for (size_t i = 0; i < count; i++) {
        const struct event_key *key = &rows[i].key;
        rows[i].inserted = row < returned && postgres_binary_int(result, row, 0) == key->organization_id &&
                           postgres_binary_int(result, row, 1) == key->email_log_id &&
                           postgres_binary_int(result, row, 2) == key->occurred_at &&
                           postgres_binary_int(result, row, 3) == key->event_type &&
                           postgres_binary_int(result, row, 4) == key->link_id &&
                           postgres_binary_int(result, row, 5) == key->recipient_ref;
        row += rows[i].inserted;
    }
    if (row != returned) BUG("%d events were inserted, %d of them found again", returned, row);
}

int postgres_insert_events(struct db *base, struct event_row *rows, size_t count, struct err *err) {
    static const struct statement insert = {
        "insert events",
        "INSERT INTO email_engagement_events (organization_id, occurred_at, email_log_id, event_type, link_id, "
        "recipient_ref, verdict, reasons, bounce, received_delay_s, endpoint_id, agent_id, ip_address, "
        "provider_event_id, metadata) "
        "SELECT organization_id, occurred_at, email_log_id, event_type, link_id, recipient_ref, verdict, reasons, "
        "bounce, (received_at - occurred_at) / 1000, endpoint_id, agent_id, ip_address, provider_event_id, metadata "
        "FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], "
        "$7::smallint[], $8::bigint[], $9::smallint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bytea[], "
        "$14::bytea[], $15::text[]) AS u(organization_id, occurred_at, email_log_id, event_type, link_id, "
        "recipient_ref, verdict, reasons, bounce, received_at, endpoint_id, agent_id, ip_address, "
        "provider_event_id, metadata) "
        "ON CONFLICT DO NOTHING "
        "RETURNING organization_id, email_log_id, occurred_at, event_type, link_id, recipient_ref"};
    struct postgres_db *db = (struct postgres_db *)base;
    struct postgres_params *params = &db->params;
    const struct postgres_structs *structs = POSTGRES_STRUCTS(rows, count);
    PGresult *result;
    int r = postgres_partitions_ensure(db, rows, count, err);
    if (r < 0) return r;
    postgres_params_clear(params);
    postgres_params_bigints(params, structs, offsetof(struct event_row, key.organization_id));
    postgres_params_bigints(params, structs, offsetof(struct event_row, key.occurred_at));
    postgres_params_bigints(params, structs, offsetof(struct event_row, key.email_log_id));
    postgres_params_bigints(params, structs, offsetof(struct event_row, key.event_type));
    postgres_params_bigints(params, structs, offsetof(struct event_row, key.link_id));
    postgres_params_bigints(params, structs, offsetof(struct event_row, key.recipient_ref));
    postgres_params_smallints(params, structs, offsetof(struct event_row, verdict));
    postgres_params_bigints(params, structs, offsetof(struct event_row, reasons));
    postgres_params_smallints(params, structs, offsetof(struct event_row, bounce));
    postgres_params_bigints(params, structs, offsetof(struct event_row, received_at));
    postgres_params_bigints(params, structs, offsetof(struct event_row, endpoint_id));
    postgres_params_bigints_or_null(params, structs, offsetof(struct event_row, agent_id), 0);
    postgres_params_blobs(params, structs, offsetof(struct event_row, ip_address));
    postgres_params_blobs(params, structs, offsetof(struct event_row, provider_event_id));
    postgres_params_texts(params, structs, offsetof(struct event_row, metadata));
    r = postgres_execute_params(db, &insert, &result, err);
    if (r < 0) {
        /* A month may have gone since (retention drops it): look again when the batch comes again. The table has no
         * rule that an event could break, so this is what a conflict means here. */
        postgres_partitions_forget(db);
        if (r == -ERR_CONFLICT) r = err_set(err, ERR_UNAVAILABLE, "the partition of an event's month has gone");
        return r;
    }
    mark_inserted(result, rows, count);
    PQclear(result);
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
    static const struct statement append = {"append cohort deltas",
                                            "INSERT INTO cohort_deltas (organization_id, cohort_id" CONTRIBUTION_FIELDS(
                                                NAMED) ") "
                                                       "SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], "
                                                       "$4::bigint[], $5::bigint[], $6::bigint[], "
                                                       "$7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], "
                                                       "$11::bigint[], $12::bigint[], $13::bigint[], "
                                                       "$14::bigint[], $15::bigint[], $16::bigint[], $17::bigint[], "
                                                       "$18::bigint[], $19::bigint[], $20::bigint[], "
                                                       "$21::bigint[])"};
#undef NAMED
    static_assert(CONTRIBUTION_COUNT == 19, "the statement names 2 + 19 arrays");
    const struct postgres_structs *structs = POSTGRES_STRUCTS(rows, count);
    postgres_params_clear(&db->params);
    postgres_params_bigints(&db->params, structs, offsetof(struct cohort_delta, organization_id));
    postgres_params_bigints(&db->params, structs, offsetof(struct cohort_delta, cohort_id));
#define ADD(field) postgres_params_bigints(&db->params, structs, offsetof(struct cohort_delta, change.field));
    CONTRIBUTION_FIELDS(ADD)
#undef ADD
    return postgres_execute_params(db, &append, NULL, err);
}

static int append_breakdowns(struct postgres_db *db, const struct breakdown_delta *rows, size_t count,
                             struct err *err) {
    static const struct statement append = {
        "append breakdown deltas", "INSERT INTO breakdown_deltas (organization_id, cohort_id, kind, item, n) "
                                   "SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::smallint[], $4::bigint[], "
                                   "$5::bigint[])"};
    const struct postgres_structs *structs = POSTGRES_STRUCTS(rows, count);
    postgres_params_clear(&db->params);
    postgres_params_bigints(&db->params, structs, offsetof(struct breakdown_delta, organization_id));
    postgres_params_bigints(&db->params, structs, offsetof(struct breakdown_delta, cohort_id));
    postgres_params_smallints(&db->params, structs, offsetof(struct breakdown_delta, kind));
    postgres_params_bigints(&db->params, structs, offsetof(struct breakdown_delta, item));
    postgres_params_bigints(&db->params, structs, offsetof(struct breakdown_delta, n));
    return postgres_execute_params(db, &append, NULL, err);
}

int postgres_append_deltas(struct db *base, const struct cohort_delta *cohorts, size_t cohort_count,
                           const struct breakdown_delta *breakdowns, size_t breakdown_count, struct err *err) {
    struct postgres_db *db = (struct postgres_db *)base;
    int r = cohort_count > 0 ? append_cohorts(db, cohorts, cohort_count, err) : 0;
    if (r == 0 && breakdown_count > 0) r = append_breakdowns(db, breakdowns, breakdown_count, err);
    return r;
}
