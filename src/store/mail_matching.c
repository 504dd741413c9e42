#include "store/mail_matching.h"

#include "store/rows.h"

#include "base/banned.h"

/* CROSS JOIN keeps SQLite to this order: few candidates have the address, and their emails are in order of time. */
static const struct statement select_sent = {
    .name = "emails to an address",
    .sql = "SELECT e.id, e.sent_at, e.subject FROM candidates c CROSS JOIN email_logs e WHERE c.organization_id = $1"
           " AND c.email IS NOT NULL AND lower(c.email) = lower($2) AND e.organization_id = $1"
           " AND e.recipient_id = c.id AND e.sent_at BETWEEN $3 AND $4 ORDER BY e.sent_at DESC, e.id DESC LIMIT $5",
};
static const struct statement select_parties = {
    .name = "parties of an email",
    .sql = "SELECT e.recipient_address, u.email FROM email_logs e LEFT JOIN users u ON u.organization_id = $1"
           " AND u.id = e.sender_id WHERE e.organization_id = $1 AND e.id = $2",
};

int emails_to_address(struct db *db, int64_t organization_id, struct slice address, int64_t from, int64_t to,
                      size_t limit, struct arena *arena, struct sent_email **ret, size_t *ret_count, struct err *err) {
    struct db_rows *rows;
    int r =
        db_query(db, &select_sent,
                 DB_VALUES(db_int(organization_id), db_text(address), db_int(from), db_int(to), db_int((int64_t)limit)),
                 &rows, err);
    if (r < 0) return r;
    struct sent_email *emails = arena_alloc_array(arena, limit, sizeof(*emails));
    size_t count = 0;
    while (count < limit && (r = db_next(rows, err)) > 0)
        emails[count++] = (struct sent_email){.email_log_id = db_column_int(rows, 0),
                                              .sent_at = db_column_int(rows, 1),
                                              .subject = row_text(rows, 2, arena)};
    db_rows_free(rows);
    if (r < 0) return r;
    *ret = emails;
    *ret_count = count;
    return 0;
}

int email_parties_load(struct db *db, int64_t organization_id, int64_t email_log_id, struct arena *arena,
                       struct email_parties *ret, struct err *err) {
    struct db_rows *rows;
    int found = db_query_row(db, &select_parties, DB_VALUES(db_int(organization_id), db_int(email_log_id)), &rows, err);
    if (found < 0) return found;
    if (found == 0) return err_set(err, ERR_NOT_FOUND, "there is no such email");
    *ret = (struct email_parties){.recipient_address = row_text(rows, 0, arena),
                                  .sender_address = row_text(rows, 1, arena)};
    db_rows_free(rows);
    return 0;
}
