#include "store/api_keys.h"

#include "store/rows.h"
#include "store/store.h"

#include "base/banned.h"

#define COLUMNS                                                                                                        \
    "k.organization_id, k.id, k.name, k.prefix, k.role, k.created_at, k.last_used_at, k.revoked_at, k.expires_at"

static const struct statement select_by_hash = {
    "api key by hash",
    "SELECT " COLUMNS ", o.time_zone FROM api_keys k JOIN organizations o ON o.organization_id = k.organization_id "
    "WHERE k.organization_id = $1 AND k.secret_hash = $2 AND k.revoked_at IS NULL",
    NULL};
static const struct statement select_one = {
    "api key", "SELECT " COLUMNS " FROM api_keys k WHERE k.organization_id = $1 AND k.id = $2", NULL};
static const struct statement select_some = {
    "api keys", "SELECT " COLUMNS " FROM api_keys k WHERE k.organization_id = $1 AND k.id > $2 ORDER BY k.id LIMIT $3",
    NULL};
static const struct statement insert = {
    "api key insert",
    "INSERT INTO api_keys (organization_id, name, role, prefix, secret_hash, created_at, expires_at) "
    "VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id",
    NULL};
static const struct statement revoke = {
    "api key revoke",
    "UPDATE api_keys SET revoked_at = $3 WHERE organization_id = $1 AND id = $2 AND revoked_at IS NULL", NULL};
static const struct statement touch = {
    "api key used", "UPDATE api_keys SET last_used_at = $3 WHERE organization_id = $1 AND id = $2", NULL};

static struct api_key read_row(const struct db_rows *rows, struct arena *arena) {
    struct api_key key = {
        .organization_id = db_column_int(rows, 0),
        .id = db_column_int(rows, 1),
        .name = row_text(rows, 2, arena),
        .prefix = row_text(rows, 3, arena),
        .created_at = db_column_int(rows, 5),
        .last_used_at = row_time(rows, 6),
        .revoked_at = row_time(rows, 7),
        .expires_at = row_time(rows, 8),
    };
    /* A role that this program does not know may do the least. */
    if (!api_role_parse(db_column_text(rows, 4), &key.role)) key.role = KEY_READ;
    return key;
}

int api_key_find(struct db *db, int64_t organization_id, const unsigned char hash[API_KEY_HASH_SIZE], int64_t now,
                 struct arena *arena, struct api_key *ret, struct slice *ret_time_zone, struct err *err) {
    struct db_rows *rows;
    struct slice bytes = slice_of((const char *)hash, API_KEY_HASH_SIZE);
    int found = db_query_row(db, &select_by_hash, DB_VALUES(db_int(organization_id), db_blob(bytes)), &rows, err);
    if (found <= 0) return found;
    *ret = read_row(rows, arena);
    *ret_time_zone = row_text(rows, 9, arena);
    db_rows_free(rows);
    return api_key_in_force(ret, now);
}

int api_key_load(struct db *db, int64_t organization_id, int64_t id, struct arena *arena, struct api_key *ret,
                 struct err *err) {
    struct db_rows *rows;
    int found = db_query_row(db, &select_one, DB_VALUES(db_int(organization_id), db_int(id)), &rows, err);
    if (found < 0) return found;
    if (found == 0) return err_set(err, ERR_NOT_FOUND, "there is no such API key");
    *ret = read_row(rows, arena);
    db_rows_free(rows);
    return 0;
}

int api_keys_load(struct db *db, int64_t organization_id, int64_t after_id, size_t limit, struct arena *arena,
                  struct api_key **ret, size_t *ret_count, struct err *err) {
    struct api_key *found = NULL;
    size_t count = 0, capacity = 0;
    struct db_rows *rows;
    int r = db_query(db, &select_some, DB_VALUES(db_int(organization_id), db_int(after_id), db_int((int64_t)limit)),
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

int api_key_insert(struct db *db, struct api_key *key, const unsigned char hash[API_KEY_HASH_SIZE], int64_t now,
                   struct err *err) {
    int r = db_insert(db, &insert,
                      DB_VALUES(db_int(key->organization_id), db_text(key->name),
                                db_text(slice_cstr(api_role_name(key->role))), db_text(key->prefix),
                                db_blob(slice_of((const char *)hash, API_KEY_HASH_SIZE)), db_int(now),
                                db_time(key->expires_at)),
                      &key->id, err);
    if (r < 0) return r;
    key->created_at = now;
    key->last_used_at = key->revoked_at = TIME_UNSET;
    return settings_version_raise(db, err);
}

int api_key_revoke(struct db *db, int64_t organization_id, int64_t id, int64_t now, struct err *err) {
    int r = db_change(db, &revoke, DB_VALUES(db_int(organization_id), db_int(id), db_int(now)), "API key", err);
    return r < 0 ? r : settings_version_raise(db, err);
}

int api_key_used(struct db *db, int64_t organization_id, int64_t id, int64_t now, struct err *err) {
    return db_run(db, &touch, DB_VALUES(db_int(organization_id), db_int(id), db_int(now)), NULL, err);
}
