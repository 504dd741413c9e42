#include "store/security_events.h"

#include "base/clock.h"
#include "store/rows.h"

#include "base/banned.h"

/* The bound is looked after with one insertion in so many: finding the place takes a walk over the rows kept. */
#define TRIM_EVERY 64

/* PostgreSQL: a row that another writer holds is passed over, and the minute gets a second row: no refusal may ever
 * wait for another, or they could wait for each other in a circle. */
#define SAME                                                                                                           \
    "SELECT id FROM security_events WHERE organization_id = $1 AND last_at >= $2 AND first_at >= $2 AND kind = $3 "    \
    "AND endpoint_id = $4 AND source = $5 LIMIT 1"
#define COUNT_AGAIN                                                                                                    \
    "UPDATE security_events SET count = count + 1, last_at = $6, detail = $7 WHERE organization_id = $1 AND id = ("

static const struct statement count_again = {
    "security event again",
    COUNT_AGAIN SAME ")",
    COUNT_AGAIN SAME " FOR UPDATE SKIP LOCKED)",
};
static const struct statement insert = {
    "security event insert",
    "INSERT INTO security_events (organization_id, kind, endpoint_id, detail, source, first_at, last_at) "
    "SELECT organization_id, CAST($2 AS TEXT), CAST($3 AS BIGINT), CAST($4 AS TEXT), CAST($5 AS TEXT), "
    "CAST($6 AS BIGINT), CAST($6 AS BIGINT) FROM organizations WHERE organization_id = $1 RETURNING id",
    NULL};
#define OLD                                                                                                            \
    "SELECT id FROM security_events WHERE organization_id = $1 AND last_at <= (SELECT last_at FROM security_events "   \
    "WHERE organization_id = $1 ORDER BY last_at DESC, id DESC LIMIT 1 OFFSET $2)"
static const struct statement trim = {
    "security events trim",
    "DELETE FROM security_events WHERE organization_id = $1 AND id IN (" OLD ")",
    "DELETE FROM security_events WHERE organization_id = $1 AND id IN (" OLD " FOR UPDATE SKIP LOCKED)",
};
static const struct statement select_some = {
    "security events",
    "SELECT organization_id, id, kind, endpoint_id, detail, source, first_at, last_at, count FROM security_events "
    "WHERE organization_id = $1 AND (last_at, id) < ($2, $3) AND ($4 = '' OR kind = $4) "
    "ORDER BY last_at DESC, id DESC LIMIT $5",
    NULL};

int security_event_note(struct db *db, const struct security_event *event, int64_t now, struct err *err) {
    struct db_rows *rows;
    int64_t organization = event->organization_id;
    /* An empty source, not NULL, stands for none: so that `source = $5` finds it again. */
    struct slice source = event->source.ptr ? event->source : SLICE("");
    int64_t changes = 0;
    int r = db_run(db, &count_again,
                   DB_VALUES(db_int(organization), db_int(now - now % MINUTE_MS), db_text(event->kind),
                             db_int(event->endpoint_id), db_text(source), db_int(now), db_text(event->detail)),
                   &changes, err);
    if (r < 0 || changes > 0) return r;
    int found = db_query_row(db, &insert,
                             DB_VALUES(db_int(organization), db_text(event->kind), db_int(event->endpoint_id),
                                       db_text(event->detail), db_text(source), db_int(now)),
                             &rows, err);
    if (found <= 0) return found;
    int64_t id = db_column_int(rows, 0);
    db_rows_free(rows);
    if (id % TRIM_EVERY != 0) return 0;
    return db_run(db, &trim, DB_VALUES(db_int(organization), db_int(SECURITY_EVENTS_MAX)), NULL, err);
}

int security_events_load(struct db *db, int64_t organization_id, struct slice kind, int64_t before_at,
                         int64_t before_id, size_t limit, struct arena *arena, struct security_event **ret,
                         size_t *ret_count, struct err *err) {
    struct security_event *found = NULL;
    size_t count = 0, capacity = 0;
    struct db_rows *rows;
    int r = db_query(db, &select_some,
                     DB_VALUES(db_int(organization_id), db_int(before_at), db_int(before_id),
                               db_text(kind.ptr ? kind : SLICE("")), db_int((int64_t)limit)),
                     &rows, err);
    if (r < 0) return r;
    while ((r = db_next(rows, err)) > 0) {
        found = rows_grow(arena, found, count, &capacity, sizeof(*found));
        found[count] = (struct security_event){
            .organization_id = db_column_int(rows, 0),
            .id = db_column_int(rows, 1),
            .kind = row_text(rows, 2, arena),
            .endpoint_id = db_column_int(rows, 3),
            .detail = row_text(rows, 4, arena),
            .source = row_text(rows, 5, arena),
            .first_at = db_column_int(rows, 6),
            .last_at = db_column_int(rows, 7),
            .count = db_column_int(rows, 8),
        };
        count++;
    }
    db_rows_free(rows);
    if (r < 0) return r;
    *ret = found;
    *ret_count = count;
    return 0;
}
