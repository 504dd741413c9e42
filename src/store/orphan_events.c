#include "store/orphan_events.h"

#include "base/clock.h"
#include "store/rows.h"

#include "base/banned.h"

static const struct statement select_some = {
    "orphan events",
    "SELECT id, endpoint_id, received_at, occurred_at, event_type, message_id, message_id_2, message_id_3, recipient, "
    "url, link_position, provider_event_id FROM orphan_events WHERE organization_id = $1 AND "
    "(received_at, id) < ($2, $3) ORDER BY received_at DESC, id DESC LIMIT $4",
    NULL};

#define STR2(x) #x
#define STR(x)  STR2(x)
/* The walk along the index is bounded, whatever is looked for. */
#define EMAILS(contains)                                                                                               \
    "SELECT o.id FROM (SELECT id, sent_at, message_id, rfc_message_id, subject, recipient_address FROM email_logs"     \
    " WHERE organization_id = $1 AND sent_at <= $2 ORDER BY sent_at DESC, id DESC LIMIT " STR(                         \
        ORPHAN_LOOK_BACK) ") o"                                                                                        \
                          " WHERE CASE WHEN CAST($4 AS BIGINT) = 1 THEN lower(o.recipient_address) = lower(CAST($3 "   \
                          "AS TEXT)) ELSE " contains("o.message_id") " OR " contains(                                  \
                              "o.rfc_message_id") " OR " contains("o.subject") " OR " contains("o.recipient_address") " END ORDER BY o.sent_at DESC, o.id DESC LIMIT $5"
static const struct statement select_emails = {
    .name = "emails for an orphan event",
    .sql = EMAILS(DB_CONTAINS),
    .sql_postgres = EMAILS(DB_CONTAINS_POSTGRES),
};

int orphan_events_load(struct db *db, int64_t organization_id, int64_t before_at, int64_t before_id, size_t limit,
                       struct arena *arena, struct orphan_event **ret, size_t *ret_count, struct err *err) {
    struct orphan_event *found = NULL;
    size_t count = 0, capacity = 0;
    struct db_rows *rows;
    int r = db_query(db, &select_some,
                     DB_VALUES(db_int(organization_id), db_int(before_at), db_int(before_id), db_int((int64_t)limit)),
                     &rows, err);
    if (r < 0) return r;
    while ((r = db_next(rows, err)) > 0) {
        found = rows_grow(arena, found, count, &capacity, sizeof(*found));
        struct orphan_event *event = &found[count++];
        *event = (struct orphan_event){
            .id = db_column_int(rows, 0),
            .endpoint_id = db_column_int(rows, 1),
            .received_at = db_column_int(rows, 2),
            .occurred_at = db_column_int(rows, 3),
            .type = (enum event_type)db_column_int(rows, 4),
            .recipient = row_text(rows, 8, arena),
            .url = row_text(rows, 9, arena),
            .link_position = db_column_int(rows, 10),
            .provider_event_id = row_text(rows, 11, arena),
        };
        for (int i = 0; i < EVENT_KEYS_MAX; i++)
            event->message_ids[i] = row_text(rows, 5 + i, arena);
    }
    db_rows_free(rows);
    if (r < 0) return r;
    *ret = found;
    *ret_count = count;
    return 0;
}

int orphan_events_emails(struct db *db, int64_t organization_id, int64_t at, struct slice text, bool exact,
                         size_t limit, int64_t *ret_ids, size_t *ret_count, struct err *err) {
    struct db_rows *rows;
    size_t count = 0;
    int r = db_query(
        db, &select_emails,
        DB_VALUES(db_int(organization_id), db_int(at + DAY_MS), db_text(text), db_int(exact), db_int((int64_t)limit)),
        &rows, err);
    if (r < 0) return r;
    while (count < limit && (r = db_next(rows, err)) > 0)
        ret_ids[count++] = db_column_int(rows, 0);
    db_rows_free(rows);
    *ret_count = count;
    return r < 0 ? r : 0;
}
