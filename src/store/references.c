#include "store/references.h"

#include "store/db.h"

#include "base/banned.h"

#define TABLE_STATEMENTS(table)                                                                                        \
    {                                                                                                                  \
        {table " by id", "SELECT id, name FROM " table " WHERE organization_id = $1 AND external_id = $2", NULL},      \
            {table " insert",                                                                                          \
             "INSERT INTO " table                                                                                      \
             " (organization_id, external_id, name, created_at, updated_at) VALUES ($1, $2, $3, $4, $4) RETURNING id", \
             NULL},                                                                                                    \
            {table " rename",                                                                                          \
             "UPDATE " table " SET name = $3, updated_at = $4 WHERE organization_id = $1 AND id = $2", NULL},          \
    }

enum { BY_EXTERNAL_ID, INSERT, RENAME };
static const struct statement table_statements[][3] = {
    [REFERENCE_JOBS] = TABLE_STATEMENTS("jobs"),
    [REFERENCE_TEMPLATES] = TABLE_STATEMENTS("templates"),
    [REFERENCE_CAMPAIGNS] = TABLE_STATEMENTS("campaigns"),
    [REFERENCE_SEQUENCES] = TABLE_STATEMENTS("sequences"),
};

/* The first column of the only row that an INSERT … RETURNING gives. */
static int insert_returning(struct db *db, const struct statement *statement, const struct db_value *values,
                            size_t count, int64_t *ret_id, struct err *err) {
    struct db_rows *rows;
    int found = db_query_row(db, statement, values, count, &rows, err);
    if (found < 0) return found;
    if (found == 0) return err_set(err, ERR_INTERNAL, "%s gave no id", statement->name);
    *ret_id = db_column_int(rows, 0);
    db_rows_free(rows);
    return 0;
}

int reference_upsert(struct db *db, enum reference_table table, int64_t organization_id, struct slice external_id,
                     struct slice name, int64_t now, int64_t *ret_id, struct err *err) {
    const struct statement *statements = table_statements[table];
    struct db_rows *rows;
    int found = db_query_row(db, &statements[BY_EXTERNAL_ID], DB_VALUES(db_int(organization_id), db_text(external_id)),
                             &rows, err);
    if (found < 0) return found;
    if (found == 0)
        return insert_returning(
            db, &statements[INSERT],
            DB_VALUES(db_int(organization_id), db_text(external_id), db_text_or_null(name), db_int(now)), ret_id, err);
    int64_t id = db_column_int(rows, 0);
    bool renamed = !slice_empty(name) && !slice_equal(name, db_column_text(rows, 1));
    db_rows_free(rows);
    if (renamed) {
        int r = db_run(db, &statements[RENAME],
                       DB_VALUES(db_int(organization_id), db_int(id), db_text(name), db_int(now)), NULL, err);
        if (r < 0) return r;
    }
    *ret_id = id;
    return 0;
}

int campaign_tracking(struct db *db, int64_t organization_id, int64_t campaign_id, enum tracking_level *ret,
                      struct err *err) {
    static const struct statement select_tracking = {
        "campaign tracking", "SELECT tracking FROM campaigns WHERE organization_id = $1 AND id = $2", NULL};
    struct db_rows *rows;
    *ret = TRACKING_FULL;
    int found = db_query_row(db, &select_tracking, DB_VALUES(db_int(organization_id), db_int(campaign_id)), &rows, err);
    if (found <= 0) return found;
    *ret = (enum tracking_level)db_column_int_or(rows, 0, TRACKING_FULL);
    db_rows_free(rows);
    return 0;
}

int cohort_tracking(struct db *db, int64_t organization_id, int64_t cohort_id, enum tracking_level *ret,
                    struct err *err) {
    static const struct statement select_tracking = {
        "tracking of a cohort",
        "SELECT g.tracking FROM cohorts k LEFT JOIN campaigns g ON g.organization_id = $1 AND g.id = k.campaign_id "
        "WHERE k.organization_id = $1 AND k.id = $2",
        NULL};
    struct db_rows *rows;
    int found = db_query_row(db, &select_tracking, DB_VALUES(db_int(organization_id), db_int(cohort_id)), &rows, err);
    if (found <= 0) return found;
    *ret = (enum tracking_level)db_column_int_or(rows, 0, TRACKING_FULL);
    db_rows_free(rows);
    return 1;
}

static const struct statement candidate_by_external_id = {
    "candidate by id",
    "SELECT id, name, email, title, tracking FROM candidates WHERE organization_id = $1 AND external_id = $2", NULL};
static const struct statement candidate_insert = {
    "candidate insert",
    "INSERT INTO candidates (organization_id, external_id, name, folded_name, email, title, created_at, updated_at) "
    "VALUES ($1, $2, $3, folded(CAST($3 AS TEXT)), $4, $5, $6, $6) RETURNING id",
    NULL};
static const struct statement candidate_update = {
    "candidate update",
    "UPDATE candidates SET name = COALESCE($3, name), "
    "folded_name = COALESCE(folded(CAST($3 AS TEXT)), folded_name), "
    "email = COALESCE($4, email), title = COALESCE($5, title), updated_at = $6 "
    "WHERE organization_id = $1 AND id = $2",
    NULL};

static bool differs(struct slice given, struct slice stored) {
    return !slice_empty(given) && !slice_equal(given, stored);
}

int candidate_upsert(struct db *db, int64_t organization_id, struct candidate_reference *candidate, int64_t now,
                     struct err *err) {
    const struct db_value name = db_text_or_null(candidate->name), email = db_text_or_null(candidate->email),
                          title = db_text_or_null(candidate->title);
    struct db_rows *rows;
    int found = db_query_row(db, &candidate_by_external_id,
                             DB_VALUES(db_int(organization_id), db_text(candidate->external_id)), &rows, err);
    if (found < 0) return found;
    if (found == 0) {
        candidate->has_tracking = false;
        return insert_returning(
            db, &candidate_insert,
            DB_VALUES(db_int(organization_id), db_text(candidate->external_id), name, email, title, db_int(now)),
            &candidate->id, err);
    }
    candidate->id = db_column_int(rows, 0);
    bool changed = differs(candidate->name, db_column_text(rows, 1)) ||
                   differs(candidate->email, db_column_text(rows, 2)) ||
                   differs(candidate->title, db_column_text(rows, 3));
    candidate->has_tracking = !db_is_null(rows, 4);
    candidate->tracking = (enum tracking_level)db_column_int(rows, 4);
    db_rows_free(rows);
    if (!changed) return 0;
    return db_run(db, &candidate_update,
                  DB_VALUES(db_int(organization_id), db_int(candidate->id), name, email, title, db_int(now)), NULL,
                  err);
}

static const struct statement sender_find = {
    "sender find",
    "SELECT id, external_id, name FROM users WHERE organization_id = $1 AND (external_id = $2 OR email = $3) "
    "ORDER BY CASE WHEN external_id = $2 THEN 0 ELSE 1 END, id LIMIT 1",
    NULL};
static const struct statement sender_insert = {"sender insert",
                                               "INSERT INTO users (organization_id, external_id, email, name, "
                                               "created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $5) RETURNING id",
                                               NULL};
static const struct statement sender_update = {
    "sender update",
    "UPDATE users SET external_id = COALESCE(external_id, $3), name = COALESCE(name, $4), updated_at = $5 "
    "WHERE organization_id = $1 AND id = $2",
    NULL};

int sender_upsert(struct db *db, int64_t organization_id, struct slice external_id, struct slice email,
                  struct slice name, int64_t now, int64_t *ret_id, struct err *err) {
    if (slice_empty(external_id) && slice_empty(email)) {
        *ret_id = 0;
        return 0;
    }
    struct db_rows *rows;
    int found = db_query_row(db, &sender_find,
                             DB_VALUES(db_int(organization_id), db_text_or_null(external_id), db_text_or_null(email)),
                             &rows, err);
    if (found < 0) return found;
    if (found == 0) /* known only by the other system's id: that stands in for the address, which must be unique */
        return insert_returning(db, &sender_insert,
                                DB_VALUES(db_int(organization_id), db_text_or_null(external_id),
                                          db_text(slice_empty(email) ? external_id : email), db_text_or_null(name),
                                          db_int(now)),
                                ret_id, err);
    int64_t id = db_column_int(rows, 0);
    bool learned = (!slice_empty(external_id) && db_is_null(rows, 1)) || (!slice_empty(name) && db_is_null(rows, 2));
    db_rows_free(rows);
    if (learned) {
        int r = db_run(db, &sender_update,
                       DB_VALUES(db_int(organization_id), db_int(id), db_text_or_null(external_id),
                                 db_text_or_null(name), db_int(now)),
                       NULL, err);
        if (r < 0) return r;
    }
    *ret_id = id;
    return 0;
}

int cohort_upsert(struct db *db, int64_t organization_id, const struct cohort_key *key, int64_t *ret_id,
                  struct err *err) {
    static const struct statement find = {"cohort find",
                                          "SELECT id FROM cohorts WHERE organization_id = $1 AND day = $2 AND job_id = "
                                          "$3 AND template_id = $4 AND campaign_id = $5 "
                                          "AND sequence_id = $6 AND sender_id = $7",
                                          NULL};
    static const struct statement insert = {
        "cohort insert",
        "INSERT INTO cohorts (organization_id, day, job_id, template_id, campaign_id, sequence_id, sender_id) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id",
        NULL};
    const struct db_value values[] = {
        db_int(organization_id),  db_int(key->day),         db_int(key->job_id),    db_int(key->template_id),
        db_int(key->campaign_id), db_int(key->sequence_id), db_int(key->sender_id),
    };
    struct db_rows *rows;
    int found = db_query_row(db, &find, values, 7, &rows, err);
    if (found < 0) return found;
    if (found == 0) return insert_returning(db, &insert, values, 7, ret_id, err);
    *ret_id = db_column_int(rows, 0);
    db_rows_free(rows);
    return 0;
}

int email_terms_load(struct db *db, int64_t organization_id, int64_t email_log_id, struct email_terms *ret,
                     struct err *err) {
    static const struct statement select_terms = {
        "email terms",
        "SELECT tracking, own_tracking, cohort_id FROM email_stats WHERE organization_id = $1 AND email_log_id = $2",
        NULL};
    struct db_rows *rows;
    int found = db_query_row(db, &select_terms, DB_VALUES(db_int(organization_id), db_int(email_log_id)), &rows, err);
    if (found < 0) return found;
    if (found == 0) return err_set(err, ERR_NOT_FOUND, "there is no email %lld", (long long)email_log_id);
    *ret = (struct email_terms){
        .tracking = (enum tracking_level)db_column_int(rows, 0),
        .own_tracking = (enum own_tracking)db_column_int(rows, 1),
        .cohort_id = db_column_int(rows, 2),
    };
    db_rows_free(rows);
    return 0;
}

int email_tracking(struct db *db, int64_t organization_id, int64_t email_log_id, enum tracking_level *ret,
                   struct err *err) {
    static const struct statement select_level = {
        "email tracking", "SELECT tracking FROM email_stats WHERE organization_id = $1 AND email_log_id = $2", NULL};
    struct db_rows *rows;
    int found = db_query_row(db, &select_level, DB_VALUES(db_int(organization_id), db_int(email_log_id)), &rows, err);
    if (found < 0) return found;
    if (found == 0) return err_set(err, ERR_NOT_FOUND, "there is no email %lld", (long long)email_log_id);
    *ret = (enum tracking_level)db_column_int(rows, 0);
    db_rows_free(rows);
    return 0;
}

int email_keys_add(struct db *db, int64_t organization_id, int64_t email_log_id, struct slice message_id,
                   struct slice rfc_message_id, const struct message_key *keys, size_t key_count, int64_t now,
                   struct err *err) {
    static const struct statement update = {"email ids",
                                            "UPDATE email_logs SET message_id = COALESCE(message_id, $3), "
                                            "rfc_message_id = COALESCE(rfc_message_id, $4), updated_at = $5 "
                                            "WHERE organization_id = $1 AND id = $2",
                                            NULL};
    static const struct statement insert = {
        "email key",
        "INSERT INTO email_keys (organization_id, key_hash, key_check, email_log_id) VALUES ($1, $2, $3, $4)", NULL};
    int64_t changes = 0;
    int r = db_run(db, &update,
                   DB_VALUES(db_int(organization_id), db_int(email_log_id), db_text_or_null(message_id),
                             db_text_or_null(rfc_message_id), db_int(now)),
                   &changes, err);
    if (r < 0) return r;
    if (changes == 0) return err_set(err, ERR_NOT_FOUND, "there is no email %lld", (long long)email_log_id);
    for (size_t i = 0; i < key_count && r == 0; i++)
        r = db_run(
            db, &insert,
            DB_VALUES(db_int(organization_id), db_int(keys[i].hash), db_int(keys[i].check), db_int(email_log_id)), NULL,
            err);
    return r;
}
