#include "store/webhook_deliveries.h"

#include <stdlib.h>

#include "base/strbuf.h"
#include "store/outbox_rows.h"
#include "store/rows.h"

#include "base/banned.h"

#define ROWS_TEXT_MAX (64UL << 20)

static const char *const state_names[WEBHOOK_DELIVERY_STATES] = {[WEBHOOK_WAITING] = "waiting",
                                                                 [WEBHOOK_DELIVERED] = "delivered",
                                                                 [WEBHOOK_GIVEN_UP] = "given_up",
                                                                 [WEBHOOK_WITHHELD] = "withheld"};

const char *webhook_delivery_state_name(enum webhook_delivery_state state) {
    return state_names[state];
}

bool webhook_delivery_state_parse(struct slice name, enum webhook_delivery_state *ret) {
    for (int i = 0; i < WEBHOOK_DELIVERY_STATES; i++) {
        if (!slice_equal(name, slice_cstr(state_names[i]))) continue;
        *ret = (enum webhook_delivery_state)i;
        return true;
    }
    return false;
}

/* ---- adding ---- */

#define INSERT                                                                                                         \
    "INSERT INTO webhook_deliveries (organization_id, subscription_id, message_id, event, kind, email_log_id, "        \
    "event_type, occurred_at, link_id, candidate_id, recipient_ref, score, level, former_level, created_at, "          \
    "next_attempt_at) "
static const struct statement insert = {
    .name = "webhook deliveries insert",
    .sql = INSERT "SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, "
                  "value ->> 7, value ->> 8, value ->> 9, value ->> 10, value ->> 11, value ->> 12, value ->> 13, $2, "
                  "$2 FROM json_each($1)",
    .sql_postgres = INSERT
    "SELECT (e ->> 0)::bigint, (e ->> 1)::bigint, e ->> 2, (e ->> 3)::smallint, (e ->> 4)::smallint, "
    "(e ->> 5)::bigint, (e ->> 6)::smallint, (e ->> 7)::bigint, (e ->> 8)::bigint, (e ->> 9)::bigint, "
    "(e ->> 10)::bigint, (e ->> 11)::smallint, (e ->> 12)::smallint, (e ->> 13)::smallint, CAST($2 AS bigint), "
    "CAST($2 AS bigint) FROM json_array_elements(CAST($1 AS json)) AS e",
};

int webhook_deliveries_add(struct db *db, const struct webhook_plan *plans, size_t count, int64_t now,
                           struct err *err) {
    struct strbuf text;
    if (count == 0) return 0;
    strbuf_init(&text, ROWS_TEXT_MAX);
    strbuf_add_char(&text, '[');
    for (size_t i = 0; i < count; i++) {
        const struct outbox_row *row = &plans[i].row;
        strbuf_printf(&text, "%s[%lld,%lld,\"%s\",%d,%d,%lld,%d,%lld,%lld,%lld,%lld,%lld,%d,%d]", i > 0 ? "," : "",
                      (long long)row->organization_id, (long long)plans[i].subscription_id, plans[i].message_id,
                      (int)plans[i].event, (int)row->kind, (long long)row->email_log_id, (int)row->event_type,
                      (long long)row->occurred_at, (long long)row->link_id, (long long)row->candidate_id,
                      (long long)row->recipient_ref, (long long)row->score, (int)row->level, (int)row->former_level);
    }
    strbuf_add_char(&text, ']');
    int r = text.overflow ? err_set(err, ERR_TOO_LARGE, "too many webhook deliveries in one transaction")
                          : db_run(db, &insert, DB_VALUES(db_text(strbuf_slice(&text)), db_int(now)), NULL, err);
    strbuf_release(&text);
    return r;
}

int webhook_deliveries_waiting(struct db *db, int64_t organization_id, int64_t subscription_id, int64_t max,
                               int64_t *ret, struct err *err) {
    static const struct statement count = {
        .name = "waiting webhook deliveries",
        .sql = "SELECT count(*) FROM (SELECT 1 FROM webhook_deliveries WHERE organization_id = $1 "
               "AND subscription_id = $2 AND state = 0 LIMIT $3) AS found",
    };
    struct db_rows *rows;
    int found =
        db_query_row(db, &count, DB_VALUES(db_int(organization_id), db_int(subscription_id), db_int(max)), &rows, err);
    if (found < 0) return found;
    *ret = found > 0 ? db_column_int(rows, 0) : 0;
    if (found > 0) db_rows_free(rows);
    return 0;
}

/* ---- what is taken back ---- */

#define TAKE_BACK(organization, chosen)                                                                                \
    "UPDATE webhook_deliveries SET withdrawn = 1 WHERE " organization " = $1 AND withdrawn = 0 AND id " chosen         \
    " RETURNING subscription_id, email_log_id, event_type, occurred_at, link_id, recipient_ref, state, attempts, "     \
    "claims"
#define NOT_YET "SELECT d.id FROM webhook_deliveries d WHERE d.organization_id = $1 AND d.kind = 0 AND d.withdrawn = 0 "
#define OF_EVENT                                                                                                       \
    NOT_YET "AND d.email_log_id = $3 AND d.event_type = $4 AND d.occurred_at = $5 AND d.link_id = $6 "                 \
            "AND d.recipient_ref = $7 ORDER BY d.id LIMIT $2"
#define OF_CANDIDATE                                                                                                   \
    NOT_YET "AND d.email_log_id IN (SELECT e.id FROM email_logs e WHERE e.organization_id = $1 "                       \
            "AND e.recipient_id = $3) AND d.event_type IN ($4, $5) ORDER BY d.id LIMIT $2"
static const struct statement take_back_event = {.name = "webhook deliveries of an event taken back",
                                                 .sql = TAKE_BACK("+organization_id", "IN (" OF_EVENT ")"),
                                                 .sql_postgres =
                                                     TAKE_BACK("organization_id", "= ANY (ARRAY(" OF_EVENT "))")};
static const struct statement take_back_candidate = {
    .name = "webhook deliveries of a candidate taken back",
    .sql = TAKE_BACK("+organization_id", "IN (" OF_CANDIDATE ")"),
    .sql_postgres = TAKE_BACK("organization_id", "= ANY (ARRAY(" OF_CANDIDATE "))")};

static int take_back_rows(struct db *db, const struct outbox_item *item, size_t limit, struct db_rows **ret,
                          struct err *err) {
    const struct outbox_row *row = &item->row;
    if (row->kind == OUTBOX_RETRACTED)
        return db_query(db, &take_back_event,
                        DB_VALUES(db_int(row->organization_id), db_int((int64_t)limit), db_int(row->email_log_id),
                                  db_int(row->event_type), db_int(row->occurred_at), db_int(row->link_id),
                                  db_int(row->recipient_ref)),
                        ret, err);
    bool opens_only = row->event_type == EVENT_OPEN;
    return db_query(db, &take_back_candidate,
                    DB_VALUES(db_int(row->organization_id), db_int((int64_t)limit), db_int(row->candidate_id),
                              db_int(EVENT_OPEN), db_int(opens_only ? EVENT_OPEN : EVENT_CLICK)),
                    ret, err);
}

int webhook_deliveries_take_back(struct db *db, const struct outbox_item *item, size_t limit, struct arena *arena,
                                 struct webhook_taken_back **ret, size_t *ret_count, struct err *err) {
    struct webhook_taken_back *found = arena_alloc_array(arena, limit, sizeof(*found));
    struct db_rows *rows;
    size_t count = 0;
    int r = take_back_rows(db, item, limit, &rows, err);
    if (r < 0) return r;
    while (count < limit && (r = db_next(rows, err)) > 0)
        found[count++] = (struct webhook_taken_back){
            .subscription_id = db_column_int(rows, 0),
            .row = {.kind = item->row.kind,
                    .organization_id = item->row.organization_id,
                    .email_log_id = db_column_int(rows, 1),
                    .event_type = (enum event_type)db_column_int(rows, 2),
                    .occurred_at = db_column_int(rows, 3),
                    .link_id = db_column_int(rows, 4),
                    .recipient_ref = db_column_int(rows, 5),
                    .score = SCORE_UNKNOWN},
            .told =
                db_column_int(rows, 6) == WEBHOOK_DELIVERED || db_column_int(rows, 7) > 0 || db_column_int(rows, 8) > 0,
        };
    db_rows_free(rows);
    if (r < 0) return r;
    *ret = found;
    *ret_count = count;
    return 0;
}

/* ---- claims ---- */

#define IS_DUE "state = 0 AND next_attempt_at <= $3 AND (claimed_until IS NULL OR claimed_until <= $3)"
#define DUE                                                                                                            \
    "SELECT id FROM webhook_deliveries WHERE organization_id = $1 AND subscription_id = $2 AND " IS_DUE                \
    " ORDER BY next_attempt_at, id LIMIT $5"
/* SQLite takes an index that begins with organization_id for better than the ids, unless told ("+"). In PostgreSQL as
 * an array: of IN it may make a join that asks for the rows again and again, and takes more each time. */
#define CLAIM(organization, due)                                                                                       \
    "UPDATE webhook_deliveries SET claimed_until = $4, claims = claims + 1 WHERE " organization " = $1 AND id " due    \
    " RETURNING id"
static const struct statement claim = {
    .name = "webhook deliveries claim",
    .sql = CLAIM("+organization_id", "IN (" DUE ")"),
    .sql_postgres = CLAIM("organization_id", "= ANY (ARRAY(" DUE " FOR UPDATE SKIP LOCKED))"),
};
static const struct statement release_all = {
    .name = "webhook deliveries release",
    .sql = "UPDATE webhook_deliveries SET claimed_until = NULL WHERE state = 0 AND claimed_until IS NOT NULL",
};
static const struct statement attempted = {
    .name = "webhook delivery attempted",
    .sql = "UPDATE webhook_deliveries SET state = $3, step = $4, attempts = $5, next_attempt_at = $6, "
           "claimed_until = NULL, last_attempt_at = $7, last_duration_ms = $8, last_status = $9, last_answer = $10, "
           "last_error = $11, claims = claims - $13 WHERE organization_id = $1 AND id = $2 AND state = 0 "
           "AND claimed_until = $12",
};
static const struct statement again = {
    .name = "webhook delivery again",
    .sql = "UPDATE webhook_deliveries SET state = 0, step = 0, next_attempt_at = $4, claimed_until = NULL "
           "WHERE organization_id = $1 AND subscription_id = $2 AND id = $3 "
           "AND (claimed_until IS NULL OR claimed_until <= $4)",
};

static int compare_ids(const void *left, const void *right) {
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

int webhook_deliveries_claim(struct db *db, int64_t organization_id, int64_t subscription_id, int64_t now,
                             int64_t until, size_t limit, int64_t *ret_ids, size_t *ret_count, struct err *err) {
    struct db_rows *rows;
    size_t count = 0;
    int r = db_query(
        db, &claim,
        DB_VALUES(db_int(organization_id), db_int(subscription_id), db_int(now), db_int(until), db_int((int64_t)limit)),
        &rows, err);
    if (r < 0) return r;
    while (count < limit && (r = db_next(rows, err)) > 0)
        ret_ids[count++] = db_column_int(rows, 0);
    db_rows_free(rows);
    if (r < 0) return r;
    qsort(ret_ids, count, sizeof(*ret_ids), compare_ids);
    *ret_count = count;
    return 0;
}

int webhook_delivery_attempted(struct db *db, const struct webhook_delivery *delivery, struct err *err) {
    return db_run(db, &attempted,
                  DB_VALUES(db_int(delivery->item.row.organization_id), db_int(delivery->item.id),
                            db_int(delivery->state), db_int(delivery->step), db_int(delivery->attempts),
                            db_time(delivery->next_attempt_at), db_time(delivery->last_attempt_at),
                            db_int_or_null(delivery->last_duration_ms, -1), db_int_or_null(delivery->last_status, 0),
                            db_text_or_null(delivery->last_answer), db_text_or_null(delivery->last_error),
                            db_int(delivery->claimed_until), db_int(delivery->state == WEBHOOK_WITHHELD)),
                  NULL, err);
}

int webhook_deliveries_release_all(struct db *db, struct err *err) {
    return db_run(db, &release_all, NULL, 0, NULL, err);
}

int webhook_delivery_again(struct db *db, int64_t organization_id, int64_t subscription_id, int64_t id, int64_t now,
                           struct err *err) {
    int64_t changes = 0;
    int r = db_run(db, &again, DB_VALUES(db_int(organization_id), db_int(subscription_id), db_int(id), db_int(now)),
                   &changes, err);
    if (r < 0 || changes > 0) return r;
    static const struct statement exists = {
        .name = "webhook delivery exists",
        .sql = "SELECT 1 FROM webhook_deliveries WHERE organization_id = $1 AND subscription_id = $2 AND id = $3",
    };
    struct db_rows *rows;
    int found =
        db_query_row(db, &exists, DB_VALUES(db_int(organization_id), db_int(subscription_id), db_int(id)), &rows, err);
    if (found < 0) return found;
    if (found == 0) return err_set(err, ERR_NOT_FOUND, "there is no such delivery");
    db_rows_free(rows);
    return err_set(err, ERR_CONFLICT, "the delivery is being sent at this moment: look again in a minute");
}

/* ---- reading ---- */

static const struct statement lanes_due = {
    .name = "webhook subscriptions with something due",
    .sql = "SELECT s.organization_id, s.id FROM webhook_subscriptions s WHERE s.state = 0 AND s.deleted_at IS NULL "
           "AND (s.organization_id, s.id) > ($1, $2) AND EXISTS (SELECT 1 FROM webhook_deliveries d "
           "WHERE d.organization_id = s.organization_id AND d.subscription_id = s.id AND d.state = 0 "
           "AND d.next_attempt_at <= $3 AND (d.claimed_until IS NULL OR d.claimed_until <= $3)) "
           "ORDER BY s.organization_id, s.id LIMIT $4",
};

#define COLUMNS                                                                                                        \
    OUTBOX_ITEM_COLUMNS                                                                                                \
    ", o.subscription_id, o.message_id, o.event, o.state, o.step, o.attempts, o.created_at, o.next_attempt_at, "       \
    "o.claimed_until, o.last_attempt_at, o.last_duration_ms, o.last_status, o.last_answer, o.last_error, w.url, "      \
    "w.secret, w.former_secret, w.former_secret_until, o.withdrawn"
#define JOINS                                                                                                          \
    OUTBOX_ITEM_JOINS                                                                                                  \
    " JOIN webhook_subscriptions w ON w.organization_id = o.organization_id AND w.id = o.subscription_id "             \
    "AND w.deleted_at IS NULL"
#define SELECT_IDS(list)                                                                                               \
    "SELECT " COLUMNS " FROM webhook_deliveries o" JOINS                                                               \
    " WHERE o.organization_id IN " list("$1") " AND o.id IN " list("$2") " ORDER BY o.id"
static const struct statement select_ids = {
    .name = "webhook deliveries", .sql = SELECT_IDS(DB_LIST), .sql_postgres = SELECT_IDS(DB_LIST_POSTGRES)};
static const struct statement select_one = {
    .name = "webhook delivery",
    .sql = "SELECT " COLUMNS " FROM webhook_deliveries o" JOINS
           " WHERE o.organization_id = $1 AND o.subscription_id = $2 AND o.id = $3",
};
/* Each state by the end of its index, so that a page costs the same however many there are. */
#define OF_STATE(state)                                                                                                \
    "SELECT id FROM (SELECT id FROM webhook_deliveries WHERE organization_id = $1 AND subscription_id = $2 "           \
    "AND state = " state " AND ($3 = -1 OR $3 = " state ") AND id < $4 ORDER BY id DESC LIMIT $5) AS s" state
#define SELECT_SOME(organization)                                                                                      \
    "SELECT " COLUMNS " FROM webhook_deliveries o" JOINS " WHERE " organization                                        \
    " = $1 AND o.id IN (" OF_STATE("0") " UNION ALL " OF_STATE("1") " UNION ALL " OF_STATE(                            \
        "2") " UNION ALL " OF_STATE("3") ") ORDER BY o.id DESC LIMIT $5"
static const struct statement select_some = {
    .name = "list of webhook deliveries",
    .sql = SELECT_SOME("+o.organization_id"),
    .sql_postgres = SELECT_SOME("o.organization_id"),
};

int webhook_lanes_due(struct db *db, int64_t now, struct webhook_lane after, size_t limit, struct arena *arena,
                      struct webhook_lane **ret, size_t *ret_count, struct err *err) {
    struct webhook_lane *lanes = NULL;
    size_t count = 0, capacity = 0;
    struct db_rows *rows;
    int r = db_query(
        db, &lanes_due,
        DB_VALUES(db_int(after.organization_id), db_int(after.subscription_id), db_int(now), db_int((int64_t)limit)),
        &rows, err);
    if (r < 0) return r;
    while ((r = db_next(rows, err)) > 0) {
        lanes = rows_grow(arena, lanes, count, &capacity, sizeof(*lanes));
        lanes[count++] = (struct webhook_lane){db_column_int(rows, 0), db_column_int(rows, 1)};
    }
    db_rows_free(rows);
    if (r < 0) return r;
    *ret = lanes;
    *ret_count = count;
    return 0;
}

static struct webhook_delivery read_row(const struct db_rows *rows, struct arena *arena) {
    int at = OUTBOX_ITEM_COLUMN_COUNT;
    return (struct webhook_delivery){
        .item = outbox_item_read(rows, 0, arena),
        .subscription_id = db_column_int(rows, at),
        .message_id = row_text(rows, at + 1, arena),
        .event = (enum webhook_event)db_column_int(rows, at + 2),
        .state = (enum webhook_delivery_state)db_column_int(rows, at + 3),
        .step = db_column_int(rows, at + 4),
        .attempts = db_column_int(rows, at + 5),
        .created_at = db_column_int(rows, at + 6),
        .next_attempt_at = row_time(rows, at + 7),
        .claimed_until = row_time(rows, at + 8),
        .last_attempt_at = row_time(rows, at + 9),
        .last_duration_ms = db_column_int_or(rows, at + 10, -1),
        .last_status = db_column_int(rows, at + 11),
        .last_answer = row_text(rows, at + 12, arena),
        .last_error = row_text(rows, at + 13, arena),
        .url = row_text(rows, at + 14, arena),
        .secret = row_blob(rows, at + 15, arena),
        .former_secret = row_blob(rows, at + 16, arena),
        .former_secret_until = row_time(rows, at + 17),
        .withdrawn = db_column_int(rows, at + 18) != 0,
    };
}

static int read_rows(struct db *db, const struct statement *statement, const struct db_value *values,
                     size_t value_count, struct arena *arena, struct webhook_delivery **ret, size_t *ret_count,
                     struct err *err) {
    struct webhook_delivery *found = NULL;
    size_t count = 0, capacity = 0;
    struct db_rows *rows;
    int r = db_query(db, statement, values, value_count, &rows, err);
    if (r < 0) return r;
    while ((r = db_next(rows, err)) > 0) {
        found = rows_grow(arena, found, count, &capacity, sizeof(*found));
        found[count++] = read_row(rows, arena);
    }
    db_rows_free(rows);
    if (r < 0) return r;
    *ret = found;
    *ret_count = count;
    return 0;
}

int webhook_deliveries_load(struct db *db, const int64_t *organizations, size_t organization_count, const int64_t *ids,
                            size_t count, struct arena *arena, struct webhook_delivery **ret, size_t *ret_count,
                            struct err *err) {
    return read_rows(db, &select_ids,
                     DB_VALUES(db_list(arena, organizations, organization_count), db_list(arena, ids, count)), arena,
                     ret, ret_count, err);
}

int webhook_delivery_load(struct db *db, int64_t organization_id, int64_t subscription_id, int64_t id,
                          struct arena *arena, struct webhook_delivery *ret, struct err *err) {
    struct webhook_delivery *found;
    size_t count;
    int r = read_rows(db, &select_one, DB_VALUES(db_int(organization_id), db_int(subscription_id), db_int(id)), arena,
                      &found, &count, err);
    if (r < 0) return r;
    if (count == 0) return err_set(err, ERR_NOT_FOUND, "there is no such delivery");
    *ret = found[0];
    return 0;
}

int webhook_deliveries_list(struct db *db, int64_t organization_id, int64_t subscription_id, int state,
                            int64_t before_id, size_t limit, struct arena *arena, struct webhook_delivery **ret,
                            size_t *ret_count, struct err *err) {
    return read_rows(db, &select_some,
                     DB_VALUES(db_int(organization_id), db_int(subscription_id), db_int(state), db_int(before_id),
                               db_int((int64_t)limit)),
                     arena, ret, ret_count, err);
}
