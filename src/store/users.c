#include "store/users.h"

#include "store/rows.h"

#include "base/banned.h"

#define COLUMNS                                                                                                        \
    "organization_id, id, external_id, email, name, role, CASE WHEN password_hash IS NULL THEN 0 ELSE 1 END, "         \
    "created_at, updated_at, disabled_at"

static const struct statement select_one = {
    "user", "SELECT " COLUMNS " FROM users WHERE organization_id = $1 AND id = $2", NULL};
static const struct statement select_some = {
    "users", "SELECT " COLUMNS " FROM users WHERE organization_id = $1 AND id > $2 ORDER BY id LIMIT $3", NULL};
static const struct statement select_by_email = {
    "user by email", "SELECT id FROM users WHERE organization_id = $1 AND email = $2", NULL};
static const struct statement insert = {
    "user insert",
    "INSERT INTO users (organization_id, external_id, email, name, role, password_hash, created_at, updated_at) "
    "VALUES ($1, $2, $3, $4, $5, $6, $7, $7) RETURNING id",
    NULL};
static const struct statement update = {
    "user update",
    "UPDATE users SET email = $3, name = $4, role = $5, password_hash = COALESCE($6, password_hash), disabled_at = $7, "
    "updated_at = $8 WHERE organization_id = $1 AND id = $2",
    NULL};
static const struct statement disable = {
    "user disable",
    "UPDATE users SET disabled_at = $3, updated_at = $3 WHERE organization_id = $1 AND id = $2 AND disabled_at IS NULL",
    NULL};

struct slice user_email_normalize(struct arena *arena, struct slice email) {
    email = slice_trim(email);
    ptrdiff_t at = slice_find_char(email, '@');
    if (email.len > USER_EMAIL_MAX || at < 1 || (size_t)at + 1 >= email.len) return SLICE_NONE;
    if (slice_find_char(slice_from(email, (size_t)at + 1), '@') >= 0) return SLICE_NONE;
    struct slice lower = arena_copy(arena, email);
    for (size_t i = 0; i < lower.len; i++) {
        char *c = (char *)(uintptr_t)&lower.ptr[i];
        if ((unsigned char)*c <= ' ' || *c == 0x7f || strchr("<>,;\"()", *c)) return SLICE_NONE;
        if (*c >= 'A' && *c <= 'Z') *c = (char)(*c - 'A' + 'a');
    }
    return lower;
}

static struct user read_row(const struct db_rows *rows, struct arena *arena) {
    struct user user = {
        .organization_id = db_column_int(rows, 0),
        .id = db_column_int(rows, 1),
        .external_id = row_text(rows, 2, arena),
        .email = row_text(rows, 3, arena),
        .name = row_text(rows, 4, arena),
        .has_password = db_column_int(rows, 6) != 0,
        .created_at = db_column_int(rows, 7),
        .updated_at = db_column_int(rows, 8),
        .disabled_at = row_time(rows, 9),
    };
    /* A role that this program does not know may do the least. */
    if (!user_role_parse(db_column_text(rows, 5), &user.role)) user.role = USER_HIRING_MANAGER;
    return user;
}

int user_load(struct db *db, int64_t organization_id, int64_t id, struct arena *arena, struct user *ret,
              struct err *err) {
    struct db_rows *rows;
    int found = db_query_row(db, &select_one, DB_VALUES(db_int(organization_id), db_int(id)), &rows, err);
    if (found < 0) return found;
    if (found == 0) return err_set(err, ERR_NOT_FOUND, "there is no such user");
    *ret = read_row(rows, arena);
    db_rows_free(rows);
    return 0;
}

int users_load(struct db *db, int64_t organization_id, int64_t after_id, size_t limit, struct arena *arena,
               struct user **ret, size_t *ret_count, struct err *err) {
    struct user *found = NULL;
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

/* Asked before the insertion: a broken unique rule would end a PostgreSQL transaction with a sentence of its own. */
static int email_is_free(struct db *db, const struct user *user, struct err *err) {
    struct db_rows *rows;
    int found =
        db_query_row(db, &select_by_email, DB_VALUES(db_int(user->organization_id), db_text(user->email)), &rows, err);
    if (found <= 0) return found;
    bool own = db_column_int(rows, 0) == user->id;
    db_rows_free(rows);
    return own ? 0 : err_set(err, ERR_CONFLICT, "there is a user with this email address already");
}

static struct db_value hash_value(const char *password_hash) {
    return password_hash ? db_text(slice_cstr(password_hash)) : db_null();
}

int user_insert(struct db *db, struct user *user, const char *password_hash, int64_t now, struct err *err) {
    user->id = 0;
    int r = email_is_free(db, user, err);
    if (r < 0) return r;
    r = db_insert(db, &insert,
                  DB_VALUES(db_int(user->organization_id), db_text_or_null(user->external_id), db_text(user->email),
                            db_text_or_null(user->name), db_text(slice_cstr(user_role_name(user->role))),
                            hash_value(password_hash), db_int(now)),
                  &user->id, err);
    if (r < 0) return r;
    user->has_password = password_hash != NULL;
    user->created_at = user->updated_at = now;
    user->disabled_at = TIME_UNSET;
    return 0;
}

int user_update(struct db *db, const struct user *user, const char *password_hash, int64_t now, struct err *err) {
    int r = email_is_free(db, user, err);
    if (r < 0) return r;
    return db_change(db, &update,
                     DB_VALUES(db_int(user->organization_id), db_int(user->id), db_text(user->email),
                               db_text_or_null(user->name), db_text(slice_cstr(user_role_name(user->role))),
                               hash_value(password_hash), db_time(user->disabled_at), db_int(now)),
                     "user", err);
}

int user_disable(struct db *db, int64_t organization_id, int64_t id, int64_t now, struct err *err) {
    return db_change(db, &disable, DB_VALUES(db_int(organization_id), db_int(id), db_int(now)), "user", err);
}
