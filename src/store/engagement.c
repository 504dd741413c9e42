#include "store/engagement.h"

#include "store/driver.h"

#include "base/banned.h"

/* Remembers that the connection may need repair. */
static int noted(struct db *db, int result) {
    if (result == -ERR_UNAVAILABLE) db->failed = true;
    return result;
}

int engagement_find_emails(struct db *db, struct email_lookup *lookups, size_t count, struct err *err) {
    return count == 0 ? 0 : noted(db, db->driver->find_emails(db, lookups, count, err));
}

int engagement_lock_stats(struct db *db, struct email_stats *stats, size_t count, struct err *err) {
    return count == 0 ? 0 : noted(db, db->driver->lock_stats(db, stats, count, err));
}

int engagement_dictionary(struct db *db, enum dictionary dictionary, struct dictionary_row *rows, size_t count,
                          struct err *err) {
    return count == 0 ? 0 : noted(db, db->driver->dictionary(db, dictionary, rows, count, err));
}

int engagement_insert_events(struct db *db, struct event_row *rows, size_t count, struct err *err) {
    return count == 0 ? 0 : noted(db, db->driver->insert_events(db, rows, count, err));
}

int engagement_load_links(struct db *db, struct link_row *rows, size_t count, struct err *err) {
    return count == 0 ? 0 : noted(db, db->driver->load_links(db, rows, count, err));
}

int engagement_save_links(struct db *db, const struct link_row *rows, size_t count, struct err *err) {
    return count == 0 ? 0 : noted(db, db->driver->save_links(db, rows, count, err));
}

int engagement_save_stats(struct db *db, const struct email_stats *const *stats, size_t count, struct err *err) {
    return count == 0 ? 0 : noted(db, db->driver->save_stats(db, stats, count, err));
}

int engagement_append_deltas(struct db *db, const struct cohort_delta *cohorts, size_t cohort_count,
                             const struct breakdown_delta *breakdowns, size_t breakdown_count, struct err *err) {
    if (cohort_count == 0 && breakdown_count == 0) return 0;
    return noted(db, db->driver->append_deltas(db, cohorts, cohort_count, breakdowns, breakdown_count, err));
}

int engagement_fold(struct db *db, int64_t limit, int64_t *ret_folded, struct err *err) {
    size_t most = limit <= 0 ? 0 : limit < DB_LIST_MAX ? (size_t)limit : DB_LIST_MAX;
    return noted(db, db->driver->fold(db, most, ret_folded, err));
}

int engagement_fold_backlog(struct db *db, int64_t *ret_rows, struct err *err) {
    static const struct statement backlog = {
        .name = "changes not folded",
        .sql = "SELECT coalesce((SELECT max(id) FROM cohort_deltas) - (SELECT min(id) FROM cohort_deltas) + 1, 0) "
               "+ coalesce((SELECT max(id) FROM breakdown_deltas) - (SELECT min(id) FROM breakdown_deltas) + 1, 0)",
    };
    struct db_rows *rows;
    int rc = db_query_row(db, &backlog, NULL, 0, &rows, err);
    if (rc < 0) return rc;
    *ret_rows = rc == 1 ? db_column_int(rows, 0) : 0;
    db_rows_free(rc == 1 ? rows : NULL);
    return 0;
}

int engagement_registration_lock(struct db *db, int64_t organization_id, enum registration_side side, struct err *err) {
    return noted(db, db->driver->registration_lock(db, organization_id, side, err));
}

int engagement_insert_orphans(struct db *db, struct orphan_row *rows, size_t count, struct err *err) {
    return count == 0 ? 0 : noted(db, db->driver->insert_orphans(db, rows, count, err));
}

int engagement_claim_fingerprints(struct db *db, struct fingerprint_row *rows, size_t count, struct err *err) {
    return count == 0 ? 0 : noted(db, db->driver->claim_fingerprints(db, rows, count, err));
}

int engagement_insert_emails(struct db *db, struct email_row *rows, size_t count, struct err *err) {
    return count == 0 ? 0 : noted(db, db->driver->insert_emails(db, rows, count, err));
}
