/* The events of one email, in order. */
#include "store/engagement.h"

#include <stdlib.h>

#include "base/arena.h"
#include "store/driver.h"

#include "base/banned.h"

/* All rows of the email at the given times; those that are not wanted are few and left out afterwards. */
#define LOAD(list)                                                                                                     \
    "SELECT e.occurred_at, e.event_type, e.link_id, e.recipient_ref, e.verdict, e.bounce, e.reasons, "                 \
    "e.received_delay_s, e.endpoint_id, e.ip_address, e.provider_event_id, e.metadata, l.url, l.position, a.agent "    \
    "FROM email_engagement_events e "                                                                                  \
    "LEFT JOIN links l ON l.organization_id = e.organization_id AND l.id = e.link_id "                                 \
    "LEFT JOIN agents a ON a.organization_id = e.organization_id AND a.id = e.agent_id "                               \
    "WHERE e.organization_id = $1 AND e.email_log_id = $2 AND e.occurred_at IN " list(                                 \
        "$3") " ORDER BY e.occurred_at DESC, e.event_type DESC, e.link_id DESC, e.recipient_ref DESC LIMIT $4"

static const struct statement load_events = {
    .name = "load events",
    .sql = LOAD(DB_LIST),
    .sql_postgres = LOAD(DB_LIST_POSTGRES),
};

static struct slice copy_text(const struct db_rows *rows, int column, struct arena *arena) {
    return db_is_null(rows, column) ? SLICE_NONE : arena_copy(arena, db_column_text(rows, column));
}

static struct slice copy_blob(const struct db_rows *rows, int column, struct arena *arena) {
    return db_is_null(rows, column) ? SLICE_NONE : arena_copy(arena, db_column_blob(rows, column));
}

static void read_event(const struct db_rows *rows, int64_t organization_id, int64_t email_log_id, struct arena *arena,
                       struct stored_event *event) {
    *event = (struct stored_event){
        .key =
            {
                .organization_id = organization_id,
                .occurred_at = db_column_int(rows, 0),
                .email_log_id = email_log_id,
                .event_type = db_column_int(rows, 1),
                .link_id = db_column_int(rows, 2),
                .recipient_ref = db_column_int(rows, 3),
            },
        .verdict = (enum verdict)db_column_int(rows, 4),
        .bounce = (enum bounce_kind)db_column_int(rows, 5),
        .reasons = db_column_int(rows, 6),
        .endpoint_id = db_column_int(rows, 8),
        .ip_address = copy_blob(rows, 9, arena),
        .provider_event_id = copy_blob(rows, 10, arena),
        .metadata = copy_text(rows, 11, arena),
        .url = copy_text(rows, 12, arena),
        .link_position = (int32_t)db_column_int_or(rows, 13, LINK_POSITION_NONE),
        .user_agent = copy_text(rows, 14, arena),
    };
    event->received_at = event->key.occurred_at + 1000 * db_column_int(rows, 7);
}

/* Fills `events` from the end, as the latest come first; *ret_first: where they begin. */
static int load(struct db *db, int64_t organization_id, int64_t email_log_id, const struct event_key *keys,
                size_t count, struct arena *arena, struct stored_event *events, size_t *ret_first, struct err *err) {
    struct arena *scratch = arena_new();
    int64_t *times = arena_alloc_array(scratch, count, sizeof(*times));
    for (size_t i = 0; i < count; i++)
        times[i] = keys[i].occurred_at;
    struct db_rows *rows;
    int rc = db_query(db, &load_events,
                      DB_VALUES(db_int(organization_id), db_int(email_log_id), db_list(scratch, times, count),
                                db_int((int64_t)count)),
                      &rows, err);
    arena_free(scratch);
    if (rc < 0) return rc;
    size_t first = count;
    while (first > 0 && (rc = db_next(rows, err)) == 1)
        read_event(rows, organization_id, email_log_id, arena, &events[--first]);
    db_rows_free(rows);
    if (rc < 0) return rc;
    *ret_first = first;
    return 0;
}

int engagement_timeline(struct db *db, int64_t organization_id, int64_t email_log_id, size_t limit, struct arena *arena,
                        struct stored_event **ret, size_t *ret_count, struct err *err) {
    /* One snapshot: without it each step of the walk would look for the newest one. */
    bool own_transaction = !db->in_transaction;
    int rc = own_transaction ? db_begin(db, DB_READ, err) : 0;
    if (rc < 0) return rc;
    struct event_key *keys;
    size_t count, first = 0;
    rc = db->driver->event_keys(db, organization_id, email_log_id, limit < TIMELINE_MAX ? limit : TIMELINE_MAX, arena,
                                &keys, &count, err);
    if (rc == -ERR_UNAVAILABLE) db->failed = true;
    if (rc < 0) goto out;
    struct stored_event *events = arena_alloc_array(arena, count, sizeof(*events));
    if (count > 0) rc = load(db, organization_id, email_log_id, keys, count, arena, events, &first, err);
    if (rc < 0) goto out;
    *ret = events + first;
    *ret_count = count - first;
out:
    if (own_transaction) db_rollback(db);
    return rc;
}
