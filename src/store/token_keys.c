#include "store/token_keys.h"

#include "store/rows.h"
#include "store/store.h"

#include "base/banned.h"

static const struct statement select_all = {
    "token keys", "SELECT id, sealed, created_at, retired_at FROM token_keys ORDER BY created_at DESC, id DESC", NULL};
static const struct statement longest_retention = {"longest retention",
                                                   "SELECT coalesce(max(retention_days), 0) FROM organizations", NULL};
/* An id in use again is that of a retired key (next_id). */
static const struct statement insert = {
    "token key insert",
    "INSERT INTO token_keys (id, sealed, created_at) VALUES ($1, $2, $3) ON CONFLICT (id) DO UPDATE SET sealed = "
    "excluded.sealed, created_at = excluded.created_at, retired_at = NULL",
    NULL};
static const struct statement retire = {
    "token key retirement", "UPDATE token_keys SET sealed = NULL, retired_at = $2 WHERE id = $1 AND retired_at IS NULL",
    NULL};

int token_key_rows_list(struct db *db, struct arena *arena, struct token_key_row **ret, size_t *ret_count,
                        struct err *err) {
    struct token_key_row *found = NULL;
    size_t count = 0, capacity = 0;
    struct db_rows *rows;
    int r = db_query(db, &select_all, NULL, 0, &rows, err);
    if (r < 0) return r;
    while ((r = db_next(rows, err)) > 0) {
        found = rows_grow(arena, found, count, &capacity, sizeof(*found));
        found[count++] = (struct token_key_row){
            .id = db_column_int(rows, 0),
            .sealed = row_blob(rows, 1, arena),
            .created_at = db_column_int(rows, 2),
            .retired_at = row_time(rows, 3),
        };
    }
    db_rows_free(rows);
    if (r < 0) return r;
    *ret = found;
    *ret_count = count;
    return 0;
}

int token_key_retention_days(struct db *db, int64_t *ret, struct err *err) {
    struct db_rows *rows;
    int found = db_query_row(db, &longest_retention, NULL, 0, &rows, err);
    if (found < 0) return found;
    *ret = found > 0 ? db_column_int(rows, 0) : 0;
    if (found > 0) db_rows_free(rows);
    return 0;
}

/* The lowest id above all that were given; when there is none, that of the key retired longest ago. 0: all are in
 * force. */
static int64_t next_id(const struct token_key_row *keys, size_t count) {
    const struct token_key_row *oldest = NULL;
    int64_t highest = 0;
    for (size_t i = 0; i < count; i++) {
        if (keys[i].id > highest) highest = keys[i].id;
        if (keys[i].retired_at == TIME_UNSET) continue;
        if (!oldest || keys[i].retired_at < oldest->retired_at) oldest = &keys[i];
    }
    if (highest < TOKEN_KEY_IDS_MAX) return highest + 1;
    return oldest ? oldest->id : 0;
}

int token_key_row_insert(struct db *db, struct slice sealed, size_t max, bool only_first, int64_t now, int64_t *ret_id,
                         struct err *err) {
    struct arena *arena = arena_new();
    struct token_key_row *keys;
    size_t count, in_force = 0;
    int64_t id = 0;
    /* First: it locks the one row of `instance`, so that two services never make a first key each. */
    int r = settings_version_raise(db, err);
    if (r == 0) r = token_key_rows_list(db, arena, &keys, &count, err);
    if (r != 0) goto out;
    for (size_t i = 0; i < count; i++)
        in_force += keys[i].retired_at == TIME_UNSET;
    if (!only_first || in_force == 0) {
        id = in_force < max ? next_id(keys, count) : 0;
        r = id == 0 ? err_set(err, ERR_TOO_LARGE, "%zu keys of tracking tokens are in force: retire an old one first",
                              in_force)
                    : db_run(db, &insert, DB_VALUES(db_int(id), db_blob(sealed), db_int(now)), NULL, err);
    }
    if (r == 0) *ret_id = id;
out:
    arena_free(arena);
    return r;
}

int token_key_row_retire(struct db *db, int64_t id, int64_t now, struct err *err) {
    int r = db_change(db, &retire, DB_VALUES(db_int(id), db_int(now)), "key of tracking tokens", err);
    return r < 0 ? r : settings_version_raise(db, err);
}
