#include "store/deliveries.h"

#include "store/rows.h"

#include "base/banned.h"

#define COLUMNS                                                                                                        \
    "organization_id, id, endpoint_id, kind, state, reason, headers, body_size, received_at, attempts, "               \
    "next_attempt_at, last_error, inbound"

static const struct statement insert = {
    "delivery insert",
    "INSERT INTO failed_deliveries (organization_id, endpoint_id, kind, state, reason, headers, body, body_size, "
    "received_at, next_attempt_at, inbound) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) RETURNING id",
    NULL};
/* PostgreSQL: what another writer is removing is passed over, so that no refusal ever waits for another. */
#define OLD                                                                                                            \
    "SELECT id FROM failed_deliveries WHERE organization_id = $1 AND kind = $2 AND id <= (SELECT id FROM "             \
    "failed_deliveries WHERE organization_id = $1 AND kind = $2 ORDER BY id DESC LIMIT 1 OFFSET $3)"
static const struct statement trim = {
    "deliveries trim",
    "DELETE FROM failed_deliveries WHERE organization_id = $1 AND id IN (" OLD ")",
    "DELETE FROM failed_deliveries WHERE organization_id = $1 AND id IN (" OLD " FOR UPDATE SKIP LOCKED)",
};
static const struct statement select_one = {
    "delivery", "SELECT " COLUMNS ", body FROM failed_deliveries WHERE organization_id = $1 AND id = $2", NULL};
static const struct statement select_some = {
    "deliveries",
    "SELECT " COLUMNS " FROM failed_deliveries WHERE organization_id = $1 AND id < $2 AND ($3 = 0 OR kind = $3) AND "
    "($4 = -1 OR state = $4) AND ($5 = CAST(0 AS BIGINT) OR endpoint_id = $5) AND received_at >= $6 ORDER BY id DESC "
    "LIMIT $7",
    NULL};
static const struct statement select_due = {
    "due deliveries",
    "SELECT id FROM failed_deliveries WHERE organization_id = $1 AND state = 0 AND next_attempt_at <= $2 "
    "ORDER BY next_attempt_at LIMIT $3",
    NULL};
static const struct statement attempted = {
    "delivery attempted",
    "UPDATE failed_deliveries SET state = $3, attempts = $4, next_attempt_at = $5, last_error = $6 "
    "WHERE organization_id = $1 AND id = $2 AND state <> 1",
    NULL};
static const struct statement make_due = {
    "deliveries due again",
    "UPDATE failed_deliveries SET next_attempt_at = $3 WHERE organization_id = $1 AND endpoint_id = $2 AND kind = 2 "
    "AND state = 0 AND reason LIKE 'signature:%'",
    NULL};

static const char *const kinds[] = {[DELIVERY_FAILED] = "failed", [DELIVERY_REJECTED] = "rejected"};
static const char *const states[] = {
    [DELIVERY_KEPT] = "kept", [DELIVERY_REPLAYED] = "replayed", [DELIVERY_GIVEN_UP] = "given_up"};

const char *delivery_kind_name(enum delivery_kind kind) {
    return kinds[kind];
}

const char *delivery_state_name(enum delivery_state state) {
    return states[state];
}

bool delivery_kind_parse(struct slice name, enum delivery_kind *ret) {
    for (enum delivery_kind kind = DELIVERY_FAILED; kind <= DELIVERY_REJECTED; kind++) {
        if (!slice_equal(slice_cstr(kinds[kind]), name)) continue;
        *ret = kind;
        return true;
    }
    return false;
}

bool delivery_state_parse(struct slice name, enum delivery_state *ret) {
    for (enum delivery_state state = DELIVERY_KEPT; state <= DELIVERY_GIVEN_UP; state++) {
        if (!slice_equal(slice_cstr(states[state]), name)) continue;
        *ret = state;
        return true;
    }
    return false;
}

int delivery_keep(struct db *db, struct kept_delivery *delivery, int64_t max, struct err *err) {
    int r = db_insert(db, &insert,
                      DB_VALUES(db_int(delivery->organization_id), db_int(delivery->endpoint_id),
                                db_int(delivery->kind), db_int(delivery->state), db_text(delivery->reason),
                                db_text(delivery->headers), db_blob(slice_first(delivery->body, DELIVERY_BODY_MAX)),
                                db_int(delivery->body_size), db_int(delivery->received_at),
                                db_time(delivery->next_attempt_at), db_int(delivery->inbound)),
                      &delivery->id, err);
    if (r < 0) return r;
    return db_run(db, &trim, DB_VALUES(db_int(delivery->organization_id), db_int(delivery->kind), db_int(max)), NULL,
                  err);
}

static struct kept_delivery read_row(const struct db_rows *rows, struct arena *arena) {
    return (struct kept_delivery){
        .organization_id = db_column_int(rows, 0),
        .id = db_column_int(rows, 1),
        .endpoint_id = db_column_int(rows, 2),
        .kind = (enum delivery_kind)db_column_int(rows, 3),
        .state = (enum delivery_state)db_column_int(rows, 4),
        .reason = row_text(rows, 5, arena),
        .headers = row_text(rows, 6, arena),
        .body_size = db_column_int(rows, 7),
        .received_at = db_column_int(rows, 8),
        .attempts = db_column_int(rows, 9),
        .next_attempt_at = row_time(rows, 10),
        .last_error = row_text(rows, 11, arena),
        .inbound = db_column_int(rows, 12) != 0,
    };
}

int delivery_load(struct db *db, int64_t organization_id, int64_t id, struct arena *arena, struct kept_delivery *ret,
                  struct err *err) {
    struct db_rows *rows;
    int found = db_query_row(db, &select_one, DB_VALUES(db_int(organization_id), db_int(id)), &rows, err);
    if (found < 0) return found;
    if (found == 0) return err_set(err, ERR_NOT_FOUND, "there is no such delivery");
    *ret = read_row(rows, arena);
    /* Zeros behind it, for the JSON reader (base/json.h). */
    struct slice body = db_column_blob(rows, 13);
    char *padded = arena_alloc(arena, body.len + 64);
    if (body.len > 0) memcpy(padded, body.ptr, body.len);
    ret->body = slice_of(padded, body.len);
    db_rows_free(rows);
    return 0;
}

int deliveries_load(struct db *db, int64_t organization_id, const struct delivery_filter *filter, int64_t before_id,
                    size_t limit, struct arena *arena, struct kept_delivery **ret, size_t *ret_count, struct err *err) {
    struct kept_delivery *found = NULL;
    size_t count = 0, capacity = 0;
    struct db_rows *rows;
    int r = db_query(db, &select_some,
                     DB_VALUES(db_int(organization_id), db_int(before_id), db_int(filter->kind), db_int(filter->state),
                               db_int(filter->endpoint_id), db_int(filter->received_from), db_int((int64_t)limit)),
                     &rows, err);
    if (r < 0) return r;
    while ((r = db_next(rows, err)) > 0) {
        found = rows_grow(arena, found, count, &capacity, sizeof(*found));
        found[count] = read_row(rows, arena);
        count++;
    }
    db_rows_free(rows);
    if (r < 0) return r;
    *ret = found;
    *ret_count = count;
    return 0;
}

int deliveries_due(struct db *db, int64_t organization_id, int64_t now, size_t limit, int64_t *ret_ids,
                   size_t *ret_count, struct err *err) {
    struct db_rows *rows;
    size_t count = 0;
    int r =
        db_query(db, &select_due, DB_VALUES(db_int(organization_id), db_int(now), db_int((int64_t)limit)), &rows, err);
    if (r < 0) return r;
    while ((r = db_next(rows, err)) > 0 && count < limit)
        ret_ids[count++] = db_column_int(rows, 0);
    db_rows_free(rows);
    if (r < 0) return r;
    *ret_count = count;
    return 0;
}

int delivery_attempted(struct db *db, const struct kept_delivery *delivery, struct err *err) {
    int64_t changes = 0;
    int r = db_run(db, &attempted,
                   DB_VALUES(db_int(delivery->organization_id), db_int(delivery->id), db_int(delivery->state),
                             db_int(delivery->attempts), db_time(delivery->next_attempt_at),
                             db_text_or_null(delivery->last_error)),
                   &changes, err);
    if (r < 0) return r;
    return changes > 0 ? 0 : err_set(err, ERR_CONFLICT, "this delivery has been processed meanwhile, or removed");
}

int deliveries_make_due(struct db *db, int64_t organization_id, int64_t endpoint_id, int64_t now, struct err *err) {
    return db_run(db, &make_due, DB_VALUES(db_int(organization_id), db_int(endpoint_id), db_int(now)), NULL, err);
}
