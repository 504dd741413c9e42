#include "store/second_factors.h"

#include "store/rows.h"

#include "base/banned.h"

static const struct statement pending = {
    "second factor that was begun",
    "SELECT totp_secret FROM users WHERE organization_id = $1 AND id = $2 AND totp_confirmed_at IS NULL "
    "AND totp_secret IS NOT NULL",
    NULL};
static const struct statement begin = {
    "second factor begin",
    "UPDATE users SET totp_secret = $3, totp_step = 0 WHERE organization_id = $1 AND id = $2 "
    "AND totp_confirmed_at IS NULL",
    NULL};
static const struct statement confirm = {
    "second factor confirm",
    "UPDATE users SET totp_confirmed_at = $4, totp_step = $3 WHERE organization_id = $1 AND id = $2 "
    "AND totp_confirmed_at IS NULL AND totp_secret IS NOT NULL",
    NULL};
static const struct statement use_step = {
    "second factor use",
    "UPDATE users SET totp_step = $3 WHERE organization_id = $1 AND id = $2 AND totp_step < $3 "
    "AND totp_confirmed_at IS NOT NULL",
    NULL};
static const struct statement forget = {
    "second factor remove",
    "UPDATE users SET totp_secret = NULL, totp_confirmed_at = NULL, totp_step = 0 WHERE organization_id = $1 "
    "AND id = $2",
    NULL};
static const struct statement codes_clear = {
    "recovery codes, none", "DELETE FROM recovery_codes WHERE organization_id = $1 AND user_id = $2", NULL};
static const struct statement codes_add = {
    "recovery codes, one more", "INSERT INTO recovery_codes (organization_id, user_id, code_hash) VALUES ($1, $2, $3)",
    NULL};
static const struct statement codes_use = {
    "recovery code use", "DELETE FROM recovery_codes WHERE organization_id = $1 AND user_id = $2 AND code_hash = $3",
    NULL};

int second_factor_pending(struct db *db, int64_t organization_id, int64_t user_id, struct arena *arena,
                          struct slice *ret_sealed, struct err *err) {
    struct db_rows *rows;
    int found = db_query_row(db, &pending, DB_VALUES(db_int(organization_id), db_int(user_id)), &rows, err);
    if (found < 0) return found;
    if (found == 0) return err_set(err, ERR_NOT_FOUND, "no second factor was begun");
    *ret_sealed = row_blob(rows, 0, arena);
    db_rows_free(rows);
    return 0;
}

int second_factor_begin(struct db *db, int64_t organization_id, int64_t user_id, struct slice sealed, struct err *err) {
    int64_t changes = 0;
    int r = db_run(db, &begin, DB_VALUES(db_int(organization_id), db_int(user_id), db_blob(sealed)), &changes, err);
    if (r < 0) return r;
    return changes > 0 ? 0 : err_set(err, ERR_CONFLICT, "a second factor is in force: take it away first");
}

int second_factor_confirm(struct db *db, int64_t organization_id, int64_t user_id, int64_t step,
                          const unsigned char (*codes)[RECOVERY_CODE_HASH_SIZE], size_t code_count, int64_t now,
                          struct err *err) {
    const struct db_value organization = db_int(organization_id), user = db_int(user_id);
    int64_t changes = 0;
    int r = db_run(db, &confirm, DB_VALUES(organization, user, db_int(step), db_int(now)), &changes, err);
    if (r == 0 && changes == 0) return err_set(err, ERR_CONFLICT, "no second factor was begun, or one is in force");
    if (r == 0) r = db_run(db, &codes_clear, DB_VALUES(organization, user), NULL, err);
    for (size_t i = 0; i < code_count && r == 0; i++)
        r = db_run(db, &codes_add,
                   DB_VALUES(organization, user, db_blob(slice_of((const char *)codes[i], RECOVERY_CODE_HASH_SIZE))),
                   NULL, err);
    return r;
}

int second_factor_use_step(struct db *db, int64_t organization_id, int64_t user_id, int64_t step, struct err *err) {
    int64_t changes = 0;
    int r = db_run(db, &use_step, DB_VALUES(db_int(organization_id), db_int(user_id), db_int(step)), &changes, err);
    return r < 0 ? r : changes > 0;
}

int second_factor_use_code(struct db *db, int64_t organization_id, int64_t user_id,
                           const unsigned char hash[RECOVERY_CODE_HASH_SIZE], struct err *err) {
    struct slice bytes = slice_of((const char *)hash, RECOVERY_CODE_HASH_SIZE);
    int64_t changes = 0;
    int r = db_run(db, &codes_use, DB_VALUES(db_int(organization_id), db_int(user_id), db_blob(bytes)), &changes, err);
    return r < 0 ? r : changes > 0;
}

int second_factor_remove(struct db *db, int64_t organization_id, int64_t user_id, struct err *err) {
    int r = db_change(db, &forget, DB_VALUES(db_int(organization_id), db_int(user_id)), "user", err);
    return r < 0 ? r : db_run(db, &codes_clear, DB_VALUES(db_int(organization_id), db_int(user_id)), NULL, err);
}
