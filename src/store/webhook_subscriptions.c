#include "store/webhook_subscriptions.h"

#include "store/rows.h"

#include "base/banned.h"

#define COLUMNS                                                                                                        \
    "s.organization_id, s.id, s.url, s.description, s.events, s.state, s.state_reason, s.secret, s.former_secret, "    \
    "s.former_secret_until, s.failing_since, s.dropped, s.dropped_at, s.created_at, s.updated_at, "                    \
    "(SELECT count(*) FROM webhook_deliveries d WHERE d.organization_id = s.organization_id "                          \
    "AND d.subscription_id = s.id AND d.state = 0)"
#define SELECT "SELECT " COLUMNS " FROM webhook_subscriptions s WHERE s.organization_id = $1 AND s.deleted_at IS NULL "

static const struct statement select_one = {.name = "webhook subscription", .sql = SELECT "AND s.id = $2"};
static const struct statement select_some = {.name = "webhook subscriptions",
                                             .sql = SELECT "AND s.id > $2 ORDER BY s.id LIMIT $3"};
static const struct statement count_all = {
    .name = "number of webhook subscriptions",
    .sql = "SELECT count(*) FROM webhook_subscriptions WHERE organization_id = $1 AND deleted_at IS NULL",
};
static const struct statement insert = {
    .name = "webhook subscription insert",
    .sql = "INSERT INTO webhook_subscriptions (organization_id, url, description, events, state, secret, created_at, "
           "updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $7) RETURNING id",
};
static const struct statement update = {
    .name = "webhook subscription update",
    .sql = "UPDATE webhook_subscriptions SET url = $3, description = $4, events = $5, state = $6, state_reason = $7, "
           "secret = $8, former_secret = $9, former_secret_until = $10, failing_since = $11, updated_at = $12 "
           "WHERE organization_id = $1 AND id = $2 AND deleted_at IS NULL",
};
/* An empty secret, since the column holds no NULL. */
static const struct statement mark_deleted = {
    .name = "webhook subscription deletion",
    .sql = "UPDATE webhook_subscriptions SET deleted_at = $3, state = 2, secret = $4, former_secret = NULL "
           "WHERE organization_id = $1 AND id = $2 AND deleted_at IS NULL",
};
#define ONE "SELECT id FROM webhook_subscriptions WHERE organization_id = $1 AND id = $2"
#define FAILED                                                                                                         \
    "UPDATE webhook_subscriptions SET failing_since = coalesce(failing_since, $3) WHERE organization_id = $1 "
#define SUCCEEDED                                                                                                      \
    "UPDATE webhook_subscriptions SET failing_since = NULL WHERE organization_id = $1 AND failing_since IS NOT NULL "
static const struct statement failed = {
    .name = "webhook subscription failed",
    .sql = FAILED "AND id = $2 RETURNING failing_since",
    .sql_postgres = FAILED "AND id IN (" ONE " FOR UPDATE SKIP LOCKED) RETURNING failing_since",
};
static const struct statement succeeded = {
    .name = "webhook subscription succeeded",
    .sql = SUCCEEDED "AND id = $2",
    .sql_postgres = SUCCEEDED "AND id IN (" ONE " AND failing_since IS NOT NULL FOR UPDATE SKIP LOCKED)",
};
static const struct statement disable = {
    .name = "webhook subscription disable",
    .sql = "UPDATE webhook_subscriptions SET state = 2, state_reason = $3, updated_at = $4 "
           "WHERE organization_id = $1 AND id = $2 AND state = 0",
};
static const struct statement dropped = {
    .name = "webhook subscription dropped",
    .sql = "UPDATE webhook_subscriptions SET dropped = dropped + $3, dropped_at = $4 "
           "WHERE organization_id = $1 AND id = $2",
};
static const struct statement select_wishes = {
    .name = "events that are subscribed to",
    .sql = "SELECT organization_id, events FROM webhook_subscriptions WHERE state <> 2 AND deleted_at IS NULL "
           "ORDER BY organization_id, id",
};
#define WANTING(list)                                                                                                  \
    "SELECT organization_id, id, events FROM webhook_subscriptions WHERE organization_id IN " list(                    \
        "$1") " AND state <> 2 AND deleted_at IS NULL ORDER BY organization_id, id"
static const struct statement select_wanting = {
    .name = "webhook subscriptions that take on", .sql = WANTING(DB_LIST), .sql_postgres = WANTING(DB_LIST_POSTGRES)};

const char *subscription_state_name(enum subscription_state state) {
    static const char *const names[] = {
        [SUBSCRIPTION_ACTIVE] = "active", [SUBSCRIPTION_PAUSED] = "paused", [SUBSCRIPTION_DISABLED] = "disabled"};
    return names[state];
}

static struct webhook_subscription read_row(const struct db_rows *rows, struct arena *arena) {
    return (struct webhook_subscription){
        .organization_id = db_column_int(rows, 0),
        .id = db_column_int(rows, 1),
        .url = row_text(rows, 2, arena),
        .description = row_text(rows, 3, arena),
        .events = db_column_int(rows, 4),
        .state = (enum subscription_state)db_column_int(rows, 5),
        .state_reason = row_text(rows, 6, arena),
        .secret = row_blob(rows, 7, arena),
        .former_secret = row_blob(rows, 8, arena),
        .former_secret_until = row_time(rows, 9),
        .failing_since = row_time(rows, 10),
        .dropped = db_column_int(rows, 11),
        .dropped_at = row_time(rows, 12),
        .created_at = db_column_int(rows, 13),
        .updated_at = db_column_int(rows, 14),
        .waiting = db_column_int(rows, 15),
    };
}

int webhook_subscription_load(struct db *db, int64_t organization_id, int64_t id, struct arena *arena,
                              struct webhook_subscription *ret, struct err *err) {
    struct db_rows *rows;
    int found = db_query_row(db, &select_one, DB_VALUES(db_int(organization_id), db_int(id)), &rows, err);
    if (found < 0) return found;
    if (found == 0) return err_set(err, ERR_NOT_FOUND, "there is no such webhook subscription");
    *ret = read_row(rows, arena);
    db_rows_free(rows);
    return 0;
}

int webhook_subscriptions_list(struct db *db, int64_t organization_id, int64_t after_id, size_t limit,
                               struct arena *arena, struct webhook_subscription **ret, size_t *ret_count,
                               struct err *err) {
    struct webhook_subscription *found = NULL;
    size_t count = 0, capacity = 0;
    struct db_rows *rows;
    int r = db_query(db, &select_some, DB_VALUES(db_int(organization_id), db_int(after_id), db_int((int64_t)limit)),
                     &rows, err);
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

/* ---- changes ---- */

int webhook_subscription_insert(struct db *db, struct webhook_subscription *subscription, int64_t now,
                                struct err *err) {
    struct db_rows *rows;
    int found = db_query_row(db, &count_all, DB_VALUES(db_int(subscription->organization_id)), &rows, err);
    if (found < 0) return found;
    bool full = found > 0 && db_column_int(rows, 0) >= SUBSCRIPTIONS_MAX;
    if (found > 0) db_rows_free(rows);
    if (full)
        return err_set(err, ERR_TOO_LARGE, "an organization has at most %d webhook subscriptions: remove one",
                       SUBSCRIPTIONS_MAX);
    int r = db_insert(db, &insert,
                      DB_VALUES(db_int(subscription->organization_id), db_text(subscription->url),
                                db_text(subscription->description), db_int(subscription->events),
                                db_int(subscription->state), db_blob(subscription->secret), db_int(now)),
                      &subscription->id, err);
    if (r < 0) return r;
    subscription->created_at = subscription->updated_at = now;
    subscription->failing_since = subscription->dropped_at = subscription->former_secret_until = TIME_UNSET;
    return 0;
}

int webhook_subscription_update(struct db *db, const struct webhook_subscription *subscription, int64_t now,
                                struct err *err) {
    struct slice former = subscription->former_secret;
    return db_change(db, &update,
                     DB_VALUES(db_int(subscription->organization_id), db_int(subscription->id),
                               db_text(subscription->url), db_text(subscription->description),
                               db_int(subscription->events), db_int(subscription->state),
                               db_text_or_null(subscription->state_reason), db_blob(subscription->secret),
                               former.ptr ? db_blob(former) : db_null(), db_time(subscription->former_secret_until),
                               db_time(subscription->failing_since), db_int(now)),
                     "webhook subscription", err);
}

int webhook_subscription_delete(struct db *db, int64_t organization_id, int64_t id, int64_t now, struct err *err) {
    return db_change(db, &mark_deleted,
                     DB_VALUES(db_int(organization_id), db_int(id), db_int(now), db_blob(SLICE("-"))),
                     "webhook subscription", err);
}

int webhook_subscription_failed(struct db *db, int64_t organization_id, int64_t id, int64_t now, int64_t *ret_since,
                                struct err *err) {
    struct db_rows *rows;
    int found = db_query_row(db, &failed, DB_VALUES(db_int(organization_id), db_int(id), db_int(now)), &rows, err);
    if (found < 0) return found;
    *ret_since = found > 0 ? db_column_int(rows, 0) : now;
    if (found > 0) db_rows_free(rows);
    return 0;
}

int webhook_subscription_succeeded(struct db *db, int64_t organization_id, int64_t id, struct err *err) {
    return db_run(db, &succeeded, DB_VALUES(db_int(organization_id), db_int(id)), NULL, err);
}

int webhook_subscription_disable(struct db *db, int64_t organization_id, int64_t id, struct slice reason, int64_t now,
                                 bool *ret_done, struct err *err) {
    int64_t changes = 0;
    int r = db_run(db, &disable, DB_VALUES(db_int(organization_id), db_int(id), db_text(reason), db_int(now)), &changes,
                   err);
    if (r == 0) *ret_done = changes > 0;
    return r;
}

int webhook_subscription_dropped(struct db *db, int64_t organization_id, int64_t id, int64_t count, int64_t now,
                                 struct err *err) {
    return db_run(db, &dropped, DB_VALUES(db_int(organization_id), db_int(id), db_int(count), db_int(now)), NULL, err);
}

/* ---- for the service ---- */

int webhook_wishes_load(struct db *db, struct arena *arena, struct webhook_wish **ret, size_t *ret_count,
                        struct err *err) {
    struct webhook_wish *wishes = NULL;
    size_t count = 0, capacity = 0;
    struct db_rows *rows;
    int r = db_query(db, &select_wishes, NULL, 0, &rows, err);
    if (r < 0) return r;
    while ((r = db_next(rows, err)) > 0) {
        int64_t organization_id = db_column_int(rows, 0);
        if (count == 0 || wishes[count - 1].organization_id != organization_id) {
            wishes = rows_grow(arena, wishes, count, &capacity, sizeof(*wishes));
            wishes[count++] = (struct webhook_wish){.organization_id = organization_id};
        }
        wishes[count - 1].events |= db_column_int(rows, 1);
    }
    db_rows_free(rows);
    if (r < 0) return r;
    *ret = wishes;
    *ret_count = count;
    return 0;
}

int webhook_subscriptions_wanting(struct db *db, const int64_t *organizations, size_t organization_count,
                                  struct arena *arena, struct webhook_subscription **ret, size_t *ret_count,
                                  struct err *err) {
    struct webhook_subscription *found = NULL;
    size_t count = 0, capacity = 0;
    struct db_rows *rows;
    int r = db_query(db, &select_wanting, DB_VALUES(db_list(arena, organizations, organization_count)), &rows, err);
    if (r < 0) return r;
    while ((r = db_next(rows, err)) > 0) {
        found = rows_grow(arena, found, count, &capacity, sizeof(*found));
        found[count++] = (struct webhook_subscription){
            .organization_id = db_column_int(rows, 0), .id = db_column_int(rows, 1), .events = db_column_int(rows, 2)};
    }
    db_rows_free(rows);
    if (r < 0) return r;
    *ret = found;
    *ret_count = count;
    return 0;
}
