#include "store/sessions.h"

#include "store/rows.h"

#include "base/banned.h"

/* u: users, o: organizations. The first COLUMNS_OF_SESSION of a session's row come before. */
#define ACCOUNT                                                                                                        \
    "u.organization_id, u.id, u.email, u.name, u.role, u.sees_scores, u.time_zone, u.preferences, u.created_at, "      \
    "u.signed_in_at, u.password_hash, CASE WHEN u.totp_confirmed_at IS NULL THEN NULL ELSE u.totp_secret END, "        \
    "u.totp_step, o.name, o.time_zone, o.tracking, u.reads_audit"
#define ACCOUNTS                                                                                                       \
    " FROM users u JOIN organizations o ON o.organization_id = u.organization_id WHERE u.disabled_at IS NULL"
#define SESSION            "s.organization_id, s.id, s.user_id, s.created_at, s.last_used_at, s.source, s.agent"
#define COLUMNS_OF_SESSION 7

static const struct statement by_address = {
    "accounts by address", "SELECT " ACCOUNT ACCOUNTS " AND u.email = $1 ORDER BY u.organization_id LIMIT $2", NULL};
static const struct statement by_address_within = {
    "accounts by address within an organization",
    "SELECT " ACCOUNT ACCOUNTS " AND u.email = $1 AND u.organization_id = $3 ORDER BY u.organization_id LIMIT $2",
    NULL};
static const struct statement by_subject = {
    "accounts by identity", "SELECT " ACCOUNT ACCOUNTS " AND u.oidc_subject = $1 ORDER BY u.organization_id LIMIT $2",
    NULL};
static const struct statement by_subject_within = {
    "accounts by identity within an organization",
    "SELECT " ACCOUNT ACCOUNTS
    " AND u.oidc_subject = $1 AND u.organization_id = $3 ORDER BY u.organization_id LIMIT $2",
    NULL};
static const struct statement bind_subject = {
    "identity of a user",
    "UPDATE users SET oidc_subject = $3 WHERE organization_id = $1 AND id = $2 "
    "AND (oidc_subject IS NULL OR oidc_subject = $3)",
    NULL};
static const struct statement by_id = {"account",
                                       "SELECT " ACCOUNT ACCOUNTS " AND u.organization_id = $1 AND u.id = $2", NULL};
static const struct statement by_token = {
    "session by token",
    "SELECT " SESSION ", " ACCOUNT " FROM sessions s JOIN users u ON u.organization_id = s.organization_id "
    "AND u.id = s.user_id JOIN organizations o ON o.organization_id = s.organization_id WHERE s.organization_id = $1 "
    "AND s.token_hash = $2 AND s.created_at > $3 AND s.last_used_at > $4 AND u.disabled_at IS NULL",
    NULL};
static const struct statement by_user = {
    "sessions of a user",
    "SELECT " SESSION " FROM sessions s WHERE s.organization_id = $1 AND s.user_id = $2 AND s.created_at > $3 "
    "AND s.last_used_at > $4 ORDER BY s.id DESC LIMIT $5",
    NULL};
static const struct statement insert = {
    "session insert",
    "INSERT INTO sessions (organization_id, user_id, token_hash, created_at, last_used_at, source, agent) "
    "VALUES ($1, $2, $3, $4, $4, $5, $6) RETURNING id",
    NULL};
static const struct statement trim = {
    "sessions trim",
    "DELETE FROM sessions WHERE organization_id = $1 AND user_id = $2 AND id <= (SELECT id FROM sessions "
    "WHERE organization_id = $1 AND user_id = $2 ORDER BY id DESC LIMIT 1 OFFSET $3)",
    NULL};
static const struct statement note_sign_in = {
    "signed in", "UPDATE users SET signed_in_at = $3 WHERE organization_id = $1 AND id = $2", NULL};
static const struct statement touch = {
    "session used", "UPDATE sessions SET last_used_at = $3 WHERE organization_id = $1 AND id = $2", NULL};
static const struct statement end_one = {
    "session end", "DELETE FROM sessions WHERE organization_id = $1 AND user_id = $2 AND id = $3", NULL};
static const struct statement end_others = {
    "sessions end", "DELETE FROM sessions WHERE organization_id = $1 AND user_id = $2 AND id <> $3", NULL};

static struct account read_account(const struct db_rows *rows, int first, struct arena *arena) {
    struct account account = {
        .user =
            {
                .organization_id = db_column_int(rows, first),
                .id = db_column_int(rows, first + 1),
                .email = row_text(rows, first + 2, arena),
                .name = row_text(rows, first + 3, arena),
                .grants = {.sees_scores = db_column_int(rows, first + 5) != 0,
                           .reads_audit = db_column_int(rows, first + 16) != 0},
                .time_zone = row_text(rows, first + 6, arena),
                .preferences = row_text(rows, first + 7, arena),
                .created_at = db_column_int(rows, first + 8),
                .signed_in_at = row_time(rows, first + 9),
                .disabled_at = TIME_UNSET,
            },
        .password_hash = row_text(rows, first + 10, arena),
        .totp_secret = row_blob(rows, first + 11, arena),
        .totp_step = db_column_int(rows, first + 12),
        .organization_name = row_text(rows, first + 13, arena),
        .organization_time_zone = row_text(rows, first + 14, arena),
        .organization_tracking = (enum tracking_level)db_column_int(rows, first + 15),
    };
    /* A role that this program does not know may do the least. */
    if (!user_role_parse(db_column_text(rows, first + 4), &account.user.role)) account.user.role = USER_HIRING_MANAGER;
    account.user.has_password = account.password_hash.ptr != NULL;
    account.user.has_second_factor = account.totp_secret.ptr != NULL;
    return account;
}

static struct web_session read_session(const struct db_rows *rows, struct arena *arena) {
    return (struct web_session){
        .organization_id = db_column_int(rows, 0),
        .id = db_column_int(rows, 1),
        .user_id = db_column_int(rows, 2),
        .created_at = db_column_int(rows, 3),
        .last_used_at = db_column_int(rows, 4),
        .source = row_text(rows, 5, arena),
        .agent = row_text(rows, 6, arena),
    };
}

static int find_accounts(struct db *db, const struct statement *everywhere, const struct statement *within,
                         struct slice key, int64_t organization_id, struct arena *arena, struct account **ret,
                         size_t *ret_count, struct err *err) {
    struct account *found = arena_alloc_array(arena, ACCOUNTS_MAX, sizeof(*found));
    const struct db_value values[] = {db_text(key), db_int(ACCOUNTS_MAX), db_int(organization_id)};
    size_t count = 0;
    struct db_rows *rows;
    int r = db_query(db, organization_id ? within : everywhere, values, organization_id ? 3 : 2, &rows, err);
    if (r < 0) return r;
    while (count < ACCOUNTS_MAX && (r = db_next(rows, err)) > 0)
        found[count++] = read_account(rows, 0, arena);
    db_rows_free(rows);
    if (r < 0) return r;
    *ret = found;
    *ret_count = count;
    return 0;
}

int accounts_find(struct db *db, struct slice email, int64_t organization_id, struct arena *arena, struct account **ret,
                  size_t *ret_count, struct err *err) {
    return find_accounts(db, &by_address, &by_address_within, email, organization_id, arena, ret, ret_count, err);
}

int accounts_find_subject(struct db *db, struct slice subject, int64_t organization_id, struct arena *arena,
                          struct account **ret, size_t *ret_count, struct err *err) {
    return find_accounts(db, &by_subject, &by_subject_within, subject, organization_id, arena, ret, ret_count, err);
}

int user_bind_subject(struct db *db, int64_t organization_id, int64_t user_id, struct slice subject, struct err *err) {
    int64_t changes = 0;
    int r =
        db_run(db, &bind_subject, DB_VALUES(db_int(organization_id), db_int(user_id), db_text(subject)), &changes, err);
    if (r < 0) return r;
    return changes > 0 ? 0 : err_set(err, ERR_DENIED, "another identity signs in to this account");
}

int account_load(struct db *db, int64_t organization_id, int64_t user_id, struct arena *arena, struct account *ret,
                 struct err *err) {
    struct db_rows *rows;
    int found = db_query_row(db, &by_id, DB_VALUES(db_int(organization_id), db_int(user_id)), &rows, err);
    if (found < 0) return found;
    if (found == 0) return err_set(err, ERR_NOT_FOUND, "there is no such user");
    *ret = read_account(rows, 0, arena);
    db_rows_free(rows);
    return 0;
}

int session_find(struct db *db, int64_t organization_id, const unsigned char hash[SESSION_HASH_SIZE],
                 int64_t made_after, int64_t used_after, struct arena *arena, struct web_session *ret,
                 struct account *ret_account, struct err *err) {
    struct db_rows *rows;
    struct slice bytes = slice_of((const char *)hash, SESSION_HASH_SIZE);
    int found = db_query_row(db, &by_token,
                             DB_VALUES(db_int(organization_id), db_blob(bytes), db_int(made_after), db_int(used_after)),
                             &rows, err);
    if (found <= 0) return found;
    *ret = read_session(rows, arena);
    *ret_account = read_account(rows, COLUMNS_OF_SESSION, arena);
    db_rows_free(rows);
    return 1;
}

int sessions_load(struct db *db, int64_t organization_id, int64_t user_id, int64_t made_after, int64_t used_after,
                  struct arena *arena, struct web_session **ret, size_t *ret_count, struct err *err) {
    struct web_session *found = arena_alloc_array(arena, SESSIONS_LIST_MAX, sizeof(*found));
    size_t count = 0;
    struct db_rows *rows;
    int r = db_query(db, &by_user,
                     DB_VALUES(db_int(organization_id), db_int(user_id), db_int(made_after), db_int(used_after),
                               db_int(SESSIONS_LIST_MAX)),
                     &rows, err);
    if (r < 0) return r;
    while (count < SESSIONS_LIST_MAX && (r = db_next(rows, err)) > 0)
        found[count++] = read_session(rows, arena);
    db_rows_free(rows);
    if (r < 0) return r;
    *ret = found;
    *ret_count = count;
    return 0;
}

int session_insert(struct db *db, struct web_session *session, const unsigned char hash[SESSION_HASH_SIZE], int64_t now,
                   struct err *err) {
    struct slice bytes = slice_of((const char *)hash, SESSION_HASH_SIZE);
    const struct db_value organization = db_int(session->organization_id), user = db_int(session->user_id);
    int r = db_insert(db, &insert,
                      DB_VALUES(organization, user, db_blob(bytes), db_int(now), db_text_or_null(session->source),
                                db_text_or_null(session->agent)),
                      &session->id, err);
    if (r == 0) r = db_run(db, &trim, DB_VALUES(organization, user, db_int(SESSIONS_LIST_MAX)), NULL, err);
    if (r == 0) r = db_run(db, &note_sign_in, DB_VALUES(organization, user, db_int(now)), NULL, err);
    if (r == 0) session->created_at = session->last_used_at = now;
    return r;
}

int session_used(struct db *db, int64_t organization_id, int64_t id, int64_t now, struct err *err) {
    return db_run(db, &touch, DB_VALUES(db_int(organization_id), db_int(id), db_int(now)), NULL, err);
}

int session_end(struct db *db, int64_t organization_id, int64_t user_id, int64_t id, struct err *err) {
    return db_change(db, &end_one, DB_VALUES(db_int(organization_id), db_int(user_id), db_int(id)), "session", err);
}

int sessions_end(struct db *db, int64_t organization_id, int64_t user_id, int64_t except, struct err *err) {
    return db_run(db, &end_others, DB_VALUES(db_int(organization_id), db_int(user_id), db_int(except)), NULL, err);
}
