#include "store/timeline.h"

#include "store/db.h"
#include "store/rows.h"

#include "base/banned.h"

#define LATEST_FIRST(e) e ".occurred_at DESC, " e ".email_log_id, " e ".event_type, " e ".link_id, " e ".recipient_ref"
#define NEWEST(events)  "(SELECT n.* FROM " events " ORDER BY " LATEST_FIRST("n") " LIMIT $3) e"
/* The texts of links and agents are looked up for those alone that are shown. */
#define LATEST(events)                                                                                                 \
    "SELECT " STORED_EVENT_COLUMNS                                                                                     \
    " FROM " NEWEST(events) " LEFT JOIN links l ON l.organization_id = e.organization_id AND l.id = e.link_id"         \
                            " LEFT JOIN agents a ON a.organization_id = e.organization_id AND a.id = e.agent_id"       \
                            " ORDER BY " LATEST_FIRST("e")

/* SQLite walks the chains of all emails side by side (each event points back to the one that arrived before it), a step
 * of each in turn, so that the bound cuts the longest one. UNION leaves out moments that were visited, and so ends
 * where events share a millisecond. CROSS JOIN: in this order. */
#define TEXT_OF_STEPS(number) #number
#define STEPS_LIMIT(number)   TEXT_OF_STEPS(number)
#define STEPS                 STEPS_LIMIT(TIMELINE_STEPS_MAX)
#define HEADS                                                                                                          \
    "SELECT email_log_id, last_event_at FROM email_stats WHERE organization_id = $1 AND last_event_at IS NOT NULL"     \
    " AND email_log_id IN " DB_LIST("$2")
#define EVENTS_AT                                                                                                      \
    " FROM walk w CROSS JOIN email_engagement_events v"                                                                \
    " WHERE v.organization_id = $1 AND v.occurred_at = w.at AND v.email_log_id = w.email_log_id"
#define BACK "SELECT v.email_log_id, v.occurred_at - v.prev_delta" EVENTS_AT " AND v.prev_delta IS NOT NULL"
#define CHAINS                                                                                                         \
    "(WITH RECURSIVE walk (email_log_id, at) AS (" HEADS " UNION " BACK " LIMIT " STEPS ") SELECT v.*" EVENTS_AT ") n"

/* OFFSET keeps PostgreSQL from walking through everybody's events by time until there are enough of these emails'. */
#define BY_EMAIL                                                                                                       \
    "(SELECT * FROM email_engagement_events WHERE organization_id = $1 AND email_log_id IN " DB_LIST_POSTGRES(         \
        "$2") " OFFSET 0) n"

static const struct statement select_latest = {
    .name = "latest events of emails",
    .sql = LATEST(CHAINS),
    .sql_postgres = LATEST(BY_EMAIL),
};

void stored_event_read(const struct db_rows *rows, int64_t organization_id, struct arena *arena,
                       struct stored_event *event) {
    *event = (struct stored_event){
        .key =
            {
                .organization_id = organization_id,
                .occurred_at = db_column_int(rows, 0),
                .email_log_id = db_column_int(rows, 1),
                .event_type = db_column_int(rows, 2),
                .link_id = db_column_int(rows, 3),
                .recipient_ref = db_column_int(rows, 4),
            },
        .verdict = (enum verdict)db_column_int(rows, 5),
        .bounce = (enum bounce_kind)db_column_int(rows, 6),
        .reasons = db_column_int(rows, 7),
        .received_at = db_column_int(rows, 0) + 1000 * db_column_int(rows, 8),
        .endpoint_id = db_column_int(rows, 9),
        .ip_address = row_blob(rows, 10, arena),
        .provider_event_id = row_blob(rows, 11, arena),
        .metadata = row_text(rows, 12, arena),
        .url = row_text(rows, 13, arena),
        .link_position = (int32_t)db_column_int_or(rows, 14, LINK_POSITION_NONE),
        .user_agent = row_text(rows, 15, arena),
    };
}

int timeline_latest(struct db *db, int64_t organization_id, const int64_t *email_log_ids, size_t count, size_t limit,
                    struct arena *arena, struct stored_event **ret, size_t *ret_count, struct err *err) {
    struct stored_event *events = arena_alloc_array(arena, limit, sizeof(*events));
    struct db_rows *rows;
    size_t found = 0;
    int result = db_query(
        db, &select_latest,
        DB_VALUES(db_int(organization_id), db_list(arena, email_log_ids, count), db_int((int64_t)limit)), &rows, err);
    if (result < 0) return result;
    while (found < limit && (result = db_next(rows, err)) > 0)
        stored_event_read(rows, organization_id, arena, &events[found++]);
    db_rows_free(rows);
    if (result < 0) return result;
    *ret = events;
    *ret_count = found;
    return 0;
}
