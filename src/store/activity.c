#include "store/activity.h"

#include "store/rows.h"
#include "store/visible.h"

#include "base/banned.h"

/* Along the primary key from its end: the inner part reads no more than its limit. Numbers of enum event_type, enum
 * verdict and enum tracking_level, as in every statement. */
#define ORDER "occurred_at DESC, email_log_id DESC, event_type DESC, link_id DESC, recipient_ref DESC"
static const struct statement select_latest = {
    .name = "latest activity",
    .sql = "SELECT v.event_type, v.occurred_at, v.email_log_id, e.sender_id, p.external_id, p.name, e.subject, "
           "j.external_id, j.name, l.url, e.recipient_id FROM (SELECT occurred_at, email_log_id, event_type, link_id, "
           "recipient_ref, "
           "verdict FROM email_engagement_events WHERE organization_id = $1 AND occurred_at > $3 AND occurred_at <= $4 "
           "ORDER BY " ORDER " LIMIT $5) v "
           "JOIN email_logs e ON e.organization_id = $1 AND e.id = v.email_log_id "
           "JOIN email_stats s ON s.organization_id = $1 AND s.email_log_id = v.email_log_id "
           "JOIN cohorts c ON c.organization_id = $1 AND c.id = e.cohort_id "
           "LEFT JOIN candidates p ON p.organization_id = $1 AND p.id = e.recipient_id "
           "LEFT JOIN jobs j ON j.organization_id = $1 AND j.id = c.job_id "
           "LEFT JOIN links l ON l.organization_id = $1 AND l.id = v.link_id AND v.link_id <> 0 "
           "WHERE v.event_type IN (4, 5, 6, 7, 8, 9, 10, 11) AND v.verdict IN (0, 1) "
           "AND (v.event_type <> 5 OR s.tracking_now >= 3) AND (v.event_type <> 6 OR s.tracking_now >= 2) "
           "AND " JOB_VISIBLE("$2", "c.job_id") " "
                                                "ORDER BY v.occurred_at DESC, v.email_log_id DESC, v.event_type DESC, "
                                                "v.link_id DESC, v.recipient_ref DESC "
                                                "LIMIT $6",
};

int activity_latest(struct db *db, int64_t organization_id, int64_t jobs_of, int64_t since, int64_t until, size_t limit,
                    struct arena *arena, struct activity **ret, size_t *ret_count, struct err *err) {
    struct activity *found = arena_alloc_array(arena, limit, sizeof(*found));
    struct db_rows *rows;
    size_t count = 0;
    int r = db_query(db, &select_latest,
                     DB_VALUES(db_int(organization_id), db_int(jobs_of), db_int(since), db_int(until),
                               db_int(ACTIVITY_SCAN), db_int((int64_t)limit)),
                     &rows, err);
    if (r < 0) return r;
    while (count < limit && (r = db_next(rows, err)) > 0)
        found[count++] = (struct activity){
            .event_type = (enum event_type)db_column_int(rows, 0),
            .occurred_at = db_column_int(rows, 1),
            .email_log_id = db_column_int(rows, 2),
            .sender_id = db_column_int(rows, 3),
            .candidate_external_id = row_text(rows, 4, arena),
            .candidate_name = row_text(rows, 5, arena),
            .subject = row_text(rows, 6, arena),
            .job_external_id = row_text(rows, 7, arena),
            .job_title = row_text(rows, 8, arena),
            .url = row_text(rows, 9, arena),
            .candidate_id = db_column_int(rows, 10),
        };
    db_rows_free(rows);
    if (r < 0) return r;
    *ret = found;
    *ret_count = count;
    return 0;
}
