#include "store/account_links.h"

#include "store/rows.h"

#include "base/banned.h"

static const struct statement find = {
    "account link",
    "SELECT l.user_id, l.created_at, l.expires_at FROM account_links l JOIN users u "
    "ON u.organization_id = l.organization_id AND u.id = l.user_id WHERE l.organization_id = $1 AND l.token_hash = $2 "
    "AND l.expires_at > $3 AND u.disabled_at IS NULL",
    NULL};
static const struct statement replace = {
    "account link replace",
    "INSERT INTO account_links (organization_id, user_id, token_hash, created_at, expires_at) "
    "VALUES ($1, $2, $3, $4, $5) ON CONFLICT (organization_id, user_id) DO UPDATE SET "
    "token_hash = excluded.token_hash, created_at = excluded.created_at, expires_at = excluded.expires_at",
    NULL};
static const struct statement use = {"account link use",
                                     "DELETE FROM account_links WHERE organization_id = $1 AND token_hash = $2", NULL};

static int not_found(struct err *err) {
    return err_set(err, ERR_NOT_FOUND, "this link was used, replaced by another, or is too old: ask for a new one");
}

int account_link_find(struct db *db, int64_t organization_id, const unsigned char hash[ACCOUNT_LINK_HASH_SIZE],
                      int64_t now, struct account_link *ret, struct err *err) {
    struct db_rows *rows;
    struct slice bytes = slice_of((const char *)hash, ACCOUNT_LINK_HASH_SIZE);
    int found = db_query_row(db, &find, DB_VALUES(db_int(organization_id), db_blob(bytes), db_int(now)), &rows, err);
    if (found < 0) return found;
    if (found == 0) return not_found(err);
    *ret = (struct account_link){
        .organization_id = organization_id,
        .user_id = db_column_int(rows, 0),
        .created_at = db_column_int(rows, 1),
        .expires_at = db_column_int(rows, 2),
    };
    db_rows_free(rows);
    return 0;
}

int account_link_replace(struct db *db, const struct account_link *link,
                         const unsigned char hash[ACCOUNT_LINK_HASH_SIZE], struct err *err) {
    return db_run(db, &replace,
                  DB_VALUES(db_int(link->organization_id), db_int(link->user_id),
                            db_blob(slice_of((const char *)hash, ACCOUNT_LINK_HASH_SIZE)), db_int(link->created_at),
                            db_int(link->expires_at)),
                  NULL, err);
}

int account_link_use(struct db *db, int64_t organization_id, const unsigned char hash[ACCOUNT_LINK_HASH_SIZE],
                     int64_t now, struct account_link *ret, struct err *err) {
    struct slice bytes = slice_of((const char *)hash, ACCOUNT_LINK_HASH_SIZE);
    struct account_link link;
    int64_t changes = 0;
    int r = account_link_find(db, organization_id, hash, now, &link, err);
    if (r == 0) r = db_run(db, &use, DB_VALUES(db_int(organization_id), db_blob(bytes)), &changes, err);
    if (r != 0) return r;
    if (changes == 0) return not_found(err);
    *ret = link;
    return 0;
}
