#include "store/idempotency.h"

#include "store/rows.h"

#include "base/banned.h"

static const struct statement find = {
    "idempotent answer",
    "SELECT request_hash, status, response FROM idempotency_keys WHERE organization_id = $1 AND key_hash = $2 AND "
    "key_check = $3",
    NULL};
static const struct statement insert = {
    "idempotent answer insert",
    "INSERT INTO idempotency_keys (organization_id, key_hash, key_check, request_hash, status, response, created_at) "
    "VALUES ($1, $2, $3, $4, $5, $6, $7)",
    NULL};

int idempotency_find(struct db *db, int64_t organization_id, struct message_key key, struct arena *arena,
                     struct idempotent_answer *ret, struct err *err) {
    struct db_rows *rows;
    int found =
        db_query_row(db, &find, DB_VALUES(db_int(organization_id), db_int(key.hash), db_int(key.check)), &rows, err);
    if (found <= 0) return found;
    *ret = (struct idempotent_answer){
        .request_hash = db_column_int(rows, 0),
        .status = db_column_int(rows, 1),
        .response = row_text(rows, 2, arena),
    };
    db_rows_free(rows);
    return 1;
}

int idempotency_store(struct db *db, int64_t organization_id, struct message_key key,
                      const struct idempotent_answer *answer, int64_t now, struct err *err) {
    return db_run(db, &insert,
                  DB_VALUES(db_int(organization_id), db_int(key.hash), db_int(key.check), db_int(answer->request_hash),
                            db_int(answer->status), db_text(answer->response), db_int(now)),
                  NULL, err);
}
