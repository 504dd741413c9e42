#include "store/policy.h"

#include "store/db.h"

#include "base/banned.h"

static const struct statement select_policy = {
    .name = "policy",
    .sql = "SELECT tracking, consent_mode, address_policy, time_zone, former_zones FROM organizations WHERE "
           "organization_id = $1",
};

int policy_load(struct db *db, int64_t organization_id, struct arena *arena, struct policy *ret, struct err *err) {
    struct db_rows *rows;
    int found = db_query_row(db, &select_policy, DB_VALUES(db_int(organization_id)), &rows, err);
    if (found < 0) return found;
    if (found == 0) return err_set(err, ERR_NOT_FOUND, "there is no organization %lld", (long long)organization_id);
    *ret = (struct policy){
        .tracking = (enum tracking_level)db_column_int(rows, 0),
        .consent = (enum consent_mode)db_column_int(rows, 1),
        .address = (enum address_policy)db_column_int(rows, 2),
        .time_zone = arena_copy(arena, db_column_text(rows, 3)),
    };
    ret->days = (struct local_days){.time_zone = ret->time_zone, .former = arena_copy(arena, db_column_text(rows, 4))};
    db_rows_free(rows);
    return 0;
}
