/* The events of one email, in order. */
#include "store/engagement.h"

#include <stdlib.h>

#include "base/arena.h"
#include "store/driver.h"
#include "store/timeline.h"

#include "base/banned.h"

/* All rows of the email at the given times; those that are not wanted are few and left out afterwards. */
#define LOAD(list)                                                                                                     \
    "SELECT " STORED_EVENT_COLUMNS " FROM email_engagement_events e "                                                  \
    "LEFT JOIN links l ON l.organization_id = e.organization_id AND l.id = e.link_id "                                 \
    "LEFT JOIN agents a ON a.organization_id = e.organization_id AND a.id = e.agent_id "                               \
    "WHERE e.organization_id = $1 AND e.email_log_id = $2 AND e.occurred_at IN " list(                                 \
        "$3") " ORDER BY e.occurred_at DESC, e.event_type DESC, e.link_id DESC, e.recipient_ref DESC LIMIT $4"

static const struct statement load_events = {
    .name = "load events",
    .sql = LOAD(DB_LIST),
    .sql_postgres = LOAD(DB_LIST_POSTGRES),
};

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
        stored_event_read(rows, organization_id, arena, &events[--first]);
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
