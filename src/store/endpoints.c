#include "store/endpoints.h"

#include "store/rows.h"
#include "store/store.h"

#include "base/banned.h"

#define COLUMNS                                                                                                        \
    "organization_id, id, token, provider, name, secrets, credentials, topic_arns, require_signature, allowed_cidrs, " \
    "rate_limit, timestamp_tolerance_s, allow_sns_version_1, auto_confirm, pending_confirmation, confirmed_at, "       \
    "created_at, updated_at, disabled_at"

static const struct statement select_one = {
    "endpoint", "SELECT " COLUMNS " FROM endpoints WHERE organization_id = $1 AND id = $2", NULL};
static const struct statement select_some = {
    "endpoints", "SELECT " COLUMNS " FROM endpoints WHERE organization_id = $1 AND id > $2 ORDER BY id LIMIT $3", NULL};
static const struct statement select_active = {
    "active endpoints", "SELECT " COLUMNS " FROM endpoints WHERE disabled_at IS NULL ORDER BY organization_id, id",
    NULL};
static const struct statement select_sealed = {
    "any sealed secret",
    "SELECT 1 FROM endpoints WHERE secrets IS NOT NULL OR credentials IS NOT NULL "
    "UNION ALL SELECT 1 FROM token_keys WHERE sealed IS NOT NULL "
    "UNION ALL SELECT 1 FROM webhook_subscriptions WHERE deleted_at IS NULL "
    "UNION ALL SELECT 1 FROM users WHERE totp_secret IS NOT NULL LIMIT 1",
    NULL};
static const struct statement count_active = {
    "number of endpoints", "SELECT count(*) FROM endpoints WHERE organization_id = $1 AND disabled_at IS NULL", NULL};
static const struct statement insert = {
    "endpoint insert",
    "INSERT INTO endpoints (organization_id, token, provider, name, secrets, credentials, topic_arns, "
    "require_signature, allowed_cidrs, rate_limit, timestamp_tolerance_s, allow_sns_version_1, auto_confirm, "
    "created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $14) RETURNING id",
    NULL};
static const struct statement update = {
    "endpoint update",
    "UPDATE endpoints SET name = $3, secrets = $4, credentials = $5, topic_arns = $6, require_signature = $7, "
    "allowed_cidrs = $8, rate_limit = $9, timestamp_tolerance_s = $10, allow_sns_version_1 = $11, auto_confirm = $12, "
    "updated_at = $13 WHERE organization_id = $1 AND id = $2 AND disabled_at IS NULL",
    NULL};
static const struct statement disable = {
    "endpoint disable",
    "UPDATE endpoints SET disabled_at = $3, updated_at = $3 WHERE organization_id = $1 AND id = $2 AND disabled_at IS "
    "NULL",
    NULL};
static const struct statement ask = {
    "endpoint confirmation asked",
    "UPDATE endpoints SET pending_confirmation = $3 WHERE organization_id = $1 AND id = $2", NULL};
static const struct statement confirmed = {
    "endpoint confirmed",
    "UPDATE endpoints SET pending_confirmation = NULL, confirmed_at = $3 WHERE organization_id = $1 AND id = $2", NULL};

static struct endpoint_row read_row(const struct db_rows *rows, struct arena *arena) {
    return (struct endpoint_row){
        .organization_id = db_column_int(rows, 0),
        .id = db_column_int(rows, 1),
        .token = row_text(rows, 2, arena),
        .provider = row_text(rows, 3, arena),
        .name = row_text(rows, 4, arena),
        .secrets = row_blob(rows, 5, arena),
        .credentials = row_blob(rows, 6, arena),
        .topic_arns = row_text(rows, 7, arena),
        .require_signature = db_column_int(rows, 8) != 0,
        .allowed_cidrs = row_text(rows, 9, arena),
        .rate_limit = db_column_int(rows, 10),
        .timestamp_tolerance_s = db_column_int_or(rows, 11, TOLERANCE_DEFAULT),
        .allow_sns_version_1 = db_column_int(rows, 12) != 0,
        .auto_confirm = db_column_int(rows, 13) != 0,
        .pending_confirmation = row_text(rows, 14, arena),
        .confirmed_at = row_time(rows, 15),
        .created_at = db_column_int(rows, 16),
        .updated_at = db_column_int(rows, 17),
        .disabled_at = row_time(rows, 18),
    };
}

int endpoint_row_load(struct db *db, int64_t organization_id, int64_t id, struct arena *arena, struct endpoint_row *ret,
                      struct err *err) {
    struct db_rows *rows;
    int found = db_query_row(db, &select_one, DB_VALUES(db_int(organization_id), db_int(id)), &rows, err);
    if (found < 0) return found;
    if (found == 0) return err_set(err, ERR_NOT_FOUND, "there is no such endpoint");
    *ret = read_row(rows, arena);
    db_rows_free(rows);
    return 0;
}

static int read_rows(struct db_rows *rows, struct arena *arena, struct endpoint_row **ret, size_t *ret_count,
                     struct err *err) {
    struct endpoint_row *found = NULL;
    size_t count = 0, capacity = 0;
    int r;
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

int endpoint_rows_list(struct db *db, int64_t organization_id, int64_t after_id, size_t limit, struct arena *arena,
                       struct endpoint_row **ret, size_t *ret_count, struct err *err) {
    struct db_rows *rows;
    int r = db_query(db, &select_some, DB_VALUES(db_int(organization_id), db_int(after_id), db_int((int64_t)limit)),
                     &rows, err);
    return r < 0 ? r : read_rows(rows, arena, ret, ret_count, err);
}

int endpoint_rows_active(struct db *db, struct arena *arena, struct endpoint_row **ret, size_t *ret_count,
                         struct err *err) {
    struct db_rows *rows;
    int r = db_query(db, &select_active, NULL, 0, &rows, err);
    return r < 0 ? r : read_rows(rows, arena, ret, ret_count, err);
}

int endpoint_rows_any_sealed(struct db *db, bool *ret, struct err *err) {
    struct db_rows *rows;
    int found = db_query_row(db, &select_sealed, NULL, 0, &rows, err);
    if (found < 0) return found;
    if (found > 0) db_rows_free(rows);
    *ret = found > 0;
    return 0;
}

static struct db_value blob_or_null(struct slice bytes) {
    return bytes.ptr ? db_blob(bytes) : db_null();
}

int endpoint_row_insert(struct db *db, struct endpoint_row *row, int64_t now, struct err *err) {
    struct db_rows *rows;
    int found = db_query_row(db, &count_active, DB_VALUES(db_int(row->organization_id)), &rows, err);
    if (found < 0) return found;
    bool full = found > 0 && db_column_int(rows, 0) >= ENDPOINTS_MAX;
    if (found > 0) db_rows_free(rows);
    if (full) return err_set(err, ERR_TOO_LARGE, "an organization has at most %d endpoints: remove one", ENDPOINTS_MAX);
    int r = db_insert(db, &insert,
                      DB_VALUES(db_int(row->organization_id), db_text(row->token), db_text(row->provider),
                                db_text(row->name), blob_or_null(row->secrets), blob_or_null(row->credentials),
                                db_text(row->topic_arns), db_int(row->require_signature), db_text(row->allowed_cidrs),
                                db_int(row->rate_limit), db_int_or_null(row->timestamp_tolerance_s, TOLERANCE_DEFAULT),
                                db_int(row->allow_sns_version_1), db_int(row->auto_confirm), db_int(now)),
                      &row->id, err);
    if (r < 0) return r;
    row->created_at = row->updated_at = now;
    row->confirmed_at = row->disabled_at = TIME_UNSET;
    return settings_version_raise(db, err);
}

int endpoint_row_update(struct db *db, const struct endpoint_row *row, int64_t now, struct err *err) {
    int r = db_change(db, &update,
                      DB_VALUES(db_int(row->organization_id), db_int(row->id), db_text(row->name),
                                blob_or_null(row->secrets), blob_or_null(row->credentials), db_text(row->topic_arns),
                                db_int(row->require_signature), db_text(row->allowed_cidrs), db_int(row->rate_limit),
                                db_int_or_null(row->timestamp_tolerance_s, TOLERANCE_DEFAULT),
                                db_int(row->allow_sns_version_1), db_int(row->auto_confirm), db_int(now)),
                      "endpoint", err);
    return r < 0 ? r : settings_version_raise(db, err);
}

int endpoint_row_disable(struct db *db, int64_t organization_id, int64_t id, int64_t now, struct err *err) {
    int r = db_change(db, &disable, DB_VALUES(db_int(organization_id), db_int(id), db_int(now)), "endpoint", err);
    return r < 0 ? r : settings_version_raise(db, err);
}

int endpoint_row_ask(struct db *db, int64_t organization_id, int64_t id, struct slice pending, struct err *err) {
    return db_change(db, &ask, DB_VALUES(db_int(organization_id), db_int(id), db_text(pending)), "endpoint", err);
}

int endpoint_row_confirmed(struct db *db, int64_t organization_id, int64_t id, int64_t now, struct err *err) {
    return db_change(db, &confirmed, DB_VALUES(db_int(organization_id), db_int(id), db_int(now)), "endpoint", err);
}
