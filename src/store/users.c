#include "store/users.h"

#include "store/rows.h"
#include "store/sessions.h"

#include "base/banned.h"

#define COLUMNS                                                                                                        \
    "organization_id, id, external_id, email, name, role, CASE WHEN password_hash IS NULL THEN 0 ELSE 1 END, "         \
    "created_at, updated_at, disabled_at, sees_scores, CASE WHEN totp_confirmed_at IS NULL THEN 0 ELSE 1 END, "        \
    "time_zone, preferences, signed_in_at, reads_audit"

static const struct statement select_one = {
    "user", "SELECT " COLUMNS " FROM users WHERE organization_id = $1 AND id = $2", NULL};
static const struct statement select_some = {
    "users", "SELECT " COLUMNS " FROM users WHERE organization_id = $1 AND id > $2 ORDER BY id LIMIT $3", NULL};
static const struct statement select_by_email = {
    "user by email", "SELECT id FROM users WHERE organization_id = $1 AND email = $2", NULL};
static const struct statement insert = {
    "user insert",
    "INSERT INTO users (organization_id, external_id, email, name, role, password_hash, created_at, updated_at, "
    "sees_scores, reads_audit) VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8, $9) RETURNING id",
    NULL};
static const struct statement update = {
    "user update",
    "UPDATE users SET email = $3, name = $4, role = $5, password_hash = COALESCE($6, password_hash), disabled_at = $7, "
    "updated_at = $8, sees_scores = $9, reads_audit = $10 WHERE organization_id = $1 AND id = $2",
    NULL};
static const struct statement disable = {
    "user disable",
    "UPDATE users SET disabled_at = $3, updated_at = $3 WHERE organization_id = $1 AND id = $2 AND disabled_at IS NULL",
    NULL};
static const struct statement update_own = {"user's own settings",
                                            "UPDATE users SET name = $3, time_zone = $4, preferences = $5, updated_at "
                                            "= $6 WHERE organization_id = $1 AND id = $2",
                                            NULL};
static const struct statement set_password = {
    "user password", "UPDATE users SET password_hash = $3, updated_at = $4 WHERE organization_id = $1 AND id = $2",
    NULL};
#define IS_ADMIN "role = 'admin' AND disabled_at IS NULL AND (password_hash IS NOT NULL OR oidc_subject IS NOT NULL)"
static const struct statement count_admins = {
    "admins", "SELECT COUNT(*) FROM users WHERE organization_id = $1 AND " IS_ADMIN, NULL};
/* Changes nothing but makes the transactions that take an admin away wait for each other. */
static const struct statement lock_organization = {
    "organization lock", "UPDATE organizations SET updated_at = updated_at WHERE organization_id = $1", NULL};
static const struct statement any_password = {"any password",
                                              "SELECT 1 FROM users WHERE password_hash IS NOT NULL LIMIT 1", NULL};
static const struct statement jobs_clear = {"jobs of a user, none",
                                            "DELETE FROM user_jobs WHERE organization_id = $1 AND user_id = $2", NULL};
static const struct statement jobs_add = {
    "jobs of a user, one more",
    "INSERT INTO user_jobs (organization_id, user_id, job_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING", NULL};
static const struct statement jobs_list = {"jobs of a user",
                                           "SELECT j.external_id, j.name FROM user_jobs u JOIN jobs j ON "
                                           "j.organization_id = u.organization_id AND j.id = u.job_id "
                                           "WHERE u.organization_id = $1 AND u.user_id = $2 ORDER BY j.id LIMIT $3",
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
        .grants = {.sees_scores = db_column_int(rows, 10) != 0, .reads_audit = db_column_int(rows, 15) != 0},
        .has_second_factor = db_column_int(rows, 11) != 0,
        .time_zone = row_text(rows, 12, arena),
        .preferences = row_text(rows, 13, arena),
        .signed_in_at = row_time(rows, 14),
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
                            hash_value(password_hash), db_int(now), db_int(user->grants.sees_scores),
                            db_int(user->grants.reads_audit)),
                  &user->id, err);
    if (r < 0) return r;
    user->has_password = password_hash != NULL;
    user->created_at = user->updated_at = now;
    user->disabled_at = user->signed_in_at = TIME_UNSET;
    return 0;
}

/* Before a change that may take an admin away, and after it: an organization that had an admin who can sign in keeps
 * one. */
static int admins(struct db *db, int64_t organization_id, int64_t *ret, struct err *err) {
    struct db_rows *rows;
    int r = db_run(db, &lock_organization, DB_VALUES(db_int(organization_id)), NULL, err);
    if (r != 0) return r;
    int found = db_query_row(db, &count_admins, DB_VALUES(db_int(organization_id)), &rows, err);
    if (found < 0) return found;
    if (found == 0) return err_set(err, ERR_INTERNAL, "a count gave no row");
    *ret = db_column_int(rows, 0);
    db_rows_free(rows);
    return 0;
}

static int check_admins(struct db *db, int64_t organization_id, int64_t before, struct err *err) {
    int64_t now;
    int r = admins(db, organization_id, &now, err);
    if (r != 0) return r;
    if (now > 0 || before == 0) return 0;
    return err_set(err, ERR_CONFLICT, "this is the last administrator: make somebody else one first");
}

int user_update(struct db *db, const struct user *user, const char *password_hash, int64_t now, struct err *err) {
    int64_t before;
    int r = email_is_free(db, user, err);
    if (r == 0) r = admins(db, user->organization_id, &before, err);
    if (r == 0)
        r = db_change(db, &update,
                      DB_VALUES(db_int(user->organization_id), db_int(user->id), db_text(user->email),
                                db_text_or_null(user->name), db_text(slice_cstr(user_role_name(user->role))),
                                hash_value(password_hash), db_time(user->disabled_at), db_int(now),
                                db_int(user->grants.sees_scores), db_int(user->grants.reads_audit)),
                      "user", err);
    if (r == 0) r = check_admins(db, user->organization_id, before, err);
    if (r == 0 && (password_hash || user->disabled_at != TIME_UNSET))
        r = sessions_end(db, user->organization_id, user->id, 0, err);
    return r;
}

int user_disable(struct db *db, int64_t organization_id, int64_t id, int64_t now, struct err *err) {
    int64_t before;
    int r = admins(db, organization_id, &before, err);
    if (r == 0) r = db_change(db, &disable, DB_VALUES(db_int(organization_id), db_int(id), db_int(now)), "user", err);
    if (r == 0) r = check_admins(db, organization_id, before, err);
    if (r == 0) r = sessions_end(db, organization_id, id, 0, err);
    return r;
}

int user_update_own(struct db *db, const struct user *user, int64_t now, struct err *err) {
    return db_change(db, &update_own,
                     DB_VALUES(db_int(user->organization_id), db_int(user->id), db_text_or_null(user->name),
                               db_text_or_null(user->time_zone), db_text_or_null(user->preferences), db_int(now)),
                     "user", err);
}

int user_set_password(struct db *db, int64_t organization_id, int64_t id, const char *password_hash, int64_t now,
                      struct err *err) {
    int r = db_change(db, &set_password,
                      DB_VALUES(db_int(organization_id), db_int(id), db_text(slice_cstr(password_hash)), db_int(now)),
                      "user", err);
    return r < 0 ? r : sessions_end(db, organization_id, id, 0, err);
}

int users_any_password(struct db *db, bool *ret, struct err *err) {
    struct db_rows *rows;
    int found = db_query_row(db, &any_password, NULL, 0, &rows, err);
    if (found < 0) return found;
    if (found > 0) db_rows_free(rows);
    *ret = found > 0;
    return 0;
}

int user_jobs_set(struct db *db, int64_t organization_id, int64_t id, const int64_t *jobs, size_t count,
                  struct err *err) {
    int r = db_run(db, &jobs_clear, DB_VALUES(db_int(organization_id), db_int(id)), NULL, err);
    for (size_t i = 0; i < count && r == 0; i++)
        r = db_run(db, &jobs_add, DB_VALUES(db_int(organization_id), db_int(id), db_int(jobs[i])), NULL, err);
    return r;
}

static const struct statement job_ids = {
    "ids of a user's jobs", "SELECT job_id FROM user_jobs WHERE organization_id = $1 AND user_id = $2 LIMIT $3", NULL};

int user_job_ids(struct db *db, int64_t organization_id, int64_t id, struct arena *arena, int64_t **ret,
                 size_t *ret_count, struct err *err) {
    int64_t *found = arena_alloc_array(arena, USER_JOBS_MAX, sizeof(*found));
    struct db_rows *rows;
    size_t count = 0;
    int r = db_query(db, &job_ids, DB_VALUES(db_int(organization_id), db_int(id), db_int(USER_JOBS_MAX)), &rows, err);
    if (r < 0) return r;
    while (count < USER_JOBS_MAX && (r = db_next(rows, err)) > 0)
        found[count++] = db_column_int(rows, 0);
    db_rows_free(rows);
    if (r < 0) return r;
    *ret = found;
    *ret_count = count;
    return 0;
}

int user_jobs_load(struct db *db, int64_t organization_id, int64_t id, struct arena *arena, struct user_job **ret,
                   size_t *ret_count, struct err *err) {
    struct user_job *found = NULL;
    size_t count = 0, capacity = 0;
    struct db_rows *rows;
    int r = db_query(db, &jobs_list, DB_VALUES(db_int(organization_id), db_int(id), db_int(USER_JOBS_MAX)), &rows, err);
    if (r < 0) return r;
    while ((r = db_next(rows, err)) > 0) {
        found = rows_grow(arena, found, count, &capacity, sizeof(*found));
        found[count].external_id = row_text(rows, 0, arena);
        found[count].title = row_text(rows, 1, arena);
        count++;
    }
    db_rows_free(rows);
    if (r < 0) return r;
    *ret = found;
    *ret_count = count;
    return 0;
}
