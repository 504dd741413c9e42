#include "store/sqlite.h"

#include "base/banned.h"

/* SQLite has one writer: inside its transaction nothing else is registered. */
int sqlite_registration_lock(struct db *db, int64_t organization_id, enum registration_side side, struct err *err) {
    return 0;
}

/* ---- orphan events ---- */

static const struct statement insert_orphan = {
    .name = "insert orphan event",
    .sql = "INSERT INTO orphan_events (organization_id, fingerprint_hash, fingerprint_check, endpoint_id, received_at, "
           "occurred_at, event_type, bounce, machine, email_log_id, message_id, message_id_2, message_id_3, recipient, "
           "url, link_position, ip_address, user_agent, provider_event_id, metadata) "
           "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20) "
           "ON CONFLICT (organization_id, fingerprint_hash, fingerprint_check) DO NOTHING",
};
static const struct statement insert_orphan_key = {
    .name = "insert key of orphan event",
    .sql = "INSERT INTO orphan_keys (organization_id, key_hash, key_check, orphan_id) VALUES (?1, ?2, ?3, ?4) "
           "ON CONFLICT (organization_id, key_hash, key_check, orphan_id) DO NOTHING",
};

static int bind_orphan(sqlite3_stmt *prepared, const struct orphan_row *row) {
    const struct event *event = &row->event;
    int bound = sqlite3_bind_int64(prepared, 1, row->organization_id);
    bound |= sqlite3_bind_int64(prepared, 2, row->fingerprint.hash);
    bound |= sqlite3_bind_int64(prepared, 3, row->fingerprint.check);
    bound |= sqlite3_bind_int64(prepared, 4, row->endpoint_id);
    bound |= sqlite3_bind_int64(prepared, 5, row->received_at);
    bound |= sqlite3_bind_int64(prepared, 6, event->occurred_at);
    bound |= sqlite3_bind_int(prepared, 7, (int)event->type);
    bound |= sqlite3_bind_int(prepared, 8, (int)event->bounce);
    bound |= sqlite3_bind_int(prepared, 9, (int)event->machine);
    bound |= sqlite3_bind_int64(prepared, 10, event->email_log_id);
    for (int i = 0; i < EVENT_KEYS_MAX; i++)
        bound |= sqlite_bind_text(prepared, 11 + i, event->keys[i]);
    bound |= sqlite_bind_text(prepared, 14, event->recipient);
    bound |= sqlite_bind_text(prepared, 15, event->url);
    bound |= sqlite3_bind_int(prepared, 16, event->link_position);
    bound |= sqlite_bind_text(prepared, 17, event->ip_address);
    bound |= sqlite_bind_text(prepared, 18, event->user_agent);
    bound |= sqlite_bind_text(prepared, 19, event->provider_event_id);
    bound |= sqlite_bind_text(prepared, 20, event->metadata);
    return bound;
}

static int insert_orphan_keys(struct sqlite_db *db, const struct orphan_row *row, int64_t orphan_id, struct err *err) {
    sqlite3_stmt *prepared;
    int rc = sqlite_prepare(db, &insert_orphan_key, &prepared, err);
    for (size_t i = 0; i < row->key_count && rc == 0; i++) {
        int bound = sqlite3_bind_int64(prepared, 1, row->organization_id);
        bound |= sqlite3_bind_int64(prepared, 2, row->keys[i].hash);
        bound |= sqlite3_bind_int64(prepared, 3, row->keys[i].check);
        bound |= sqlite3_bind_int64(prepared, 4, orphan_id);
        rc = sqlite_step_done(db, &insert_orphan_key, prepared, bound, err);
    }
    return rc;
}

int sqlite_insert_orphans(struct db *base, struct orphan_row *rows, size_t count, struct err *err) {
    struct sqlite_db *db = sqlite_db_of(base);
    sqlite3_stmt *prepared;
    int rc = sqlite_prepare(db, &insert_orphan, &prepared, err);
    if (rc < 0) return rc;
    for (size_t i = 0; i < count; i++) {
        rc = sqlite_step_done(db, &insert_orphan, prepared, bind_orphan(prepared, &rows[i]), err);
        if (rc < 0) return rc;
        rows[i].inserted = sqlite3_changes(db->handle) == 1;
        if (!rows[i].inserted) continue;
        rc = insert_orphan_keys(db, &rows[i], sqlite3_last_insert_rowid(db->handle), err);
        if (rc < 0) return rc;
    }
    return 0;
}

/* ---- emails ---- */

static const struct statement insert_email = {
    .name = "insert email",
    .sql = "INSERT INTO email_logs (organization_id, message_id, rfc_message_id, subject, sent_at, recipient_id, "
           "recipient_address, sender_id, cohort_id, sequence_step, created_at, updated_at) "
           "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?11)",
};
static const struct statement insert_email_key = {
    .name = "insert key of email",
    .sql = "INSERT INTO email_keys (organization_id, key_hash, key_check, email_log_id) VALUES (?1, ?2, ?3, ?4)",
};
static const struct statement insert_figures = {
    .name = "insert figures",
    .sql = "INSERT INTO email_stats (email_log_id, organization_id, cohort_id, sent_at, recipient_hash, tracking, "
           "tracking_now, own_tracking) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
};

static int insert_email_row(struct sqlite_db *db, struct email_row *row, struct err *err) {
    sqlite3_stmt *prepared;
    int rc = sqlite_prepare(db, &insert_email, &prepared, err);
    if (rc < 0) return rc;
    int bound = sqlite3_bind_int64(prepared, 1, row->organization_id);
    bound |= sqlite_bind_text(prepared, 2, row->message_id);
    bound |= sqlite_bind_text(prepared, 3, row->rfc_message_id);
    bound |= sqlite_bind_text(prepared, 4, row->subject);
    bound |= sqlite3_bind_int64(prepared, 5, row->sent_at);
    bound |= sqlite3_bind_int64(prepared, 6, row->recipient_id);
    bound |= sqlite_bind_text(prepared, 7, row->recipient_address);
    bound |= sqlite3_bind_int64(prepared, 8, row->sender_id);
    bound |= sqlite3_bind_int64(prepared, 9, row->cohort_id);
    bound |=
        row->sequence_step < 0 ? sqlite3_bind_null(prepared, 10) : sqlite3_bind_int64(prepared, 10, row->sequence_step);
    bound |= sqlite3_bind_int64(prepared, 11, row->now);
    rc = sqlite_step_done(db, &insert_email, prepared, bound, err);
    if (rc == 0) row->id = sqlite3_last_insert_rowid(db->handle);
    return rc;
}

static int insert_email_keys(struct sqlite_db *db, const struct email_row *row, struct err *err) {
    sqlite3_stmt *prepared;
    int rc = sqlite_prepare(db, &insert_email_key, &prepared, err);
    for (size_t i = 0; i < row->key_count && rc == 0; i++) {
        int bound = sqlite3_bind_int64(prepared, 1, row->organization_id);
        bound |= sqlite3_bind_int64(prepared, 2, row->keys[i].hash);
        bound |= sqlite3_bind_int64(prepared, 3, row->keys[i].check);
        bound |= sqlite3_bind_int64(prepared, 4, row->id);
        rc = sqlite_step_done(db, &insert_email_key, prepared, bound, err);
    }
    return rc;
}

static int insert_email_figures(struct sqlite_db *db, const struct email_row *row, struct err *err) {
    sqlite3_stmt *prepared;
    int rc = sqlite_prepare(db, &insert_figures, &prepared, err);
    if (rc < 0) return rc;
    int bound = sqlite3_bind_int64(prepared, 1, row->id);
    bound |= sqlite3_bind_int64(prepared, 2, row->organization_id);
    bound |= sqlite3_bind_int64(prepared, 3, row->cohort_id);
    bound |= sqlite3_bind_int64(prepared, 4, row->sent_at);
    bound |= sqlite3_bind_int64(prepared, 5, row->recipient_hash);
    bound |= sqlite3_bind_int(prepared, 6, (int)row->tracking);
    bound |= sqlite3_bind_int(prepared, 7, (int)row->tracking_now);
    bound |= sqlite3_bind_int(prepared, 8, (int)row->own_tracking);
    return sqlite_step_done(db, &insert_figures, prepared, bound, err);
}

int sqlite_insert_emails(struct db *base, struct email_row *rows, size_t count, struct err *err) {
    struct sqlite_db *db = sqlite_db_of(base);
    int rc = 0;
    for (size_t i = 0; i < count && rc == 0; i++) {
        rc = insert_email_row(db, &rows[i], err);
        if (rc == 0) rc = insert_email_keys(db, &rows[i], err);
        if (rc == 0) rc = insert_email_figures(db, &rows[i], err);
    }
    return rc;
}
