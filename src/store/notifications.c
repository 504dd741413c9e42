#include "store/notifications.h"

#include "store/rows.h"
#include "store/visible.h"

#include "base/banned.h"

#define VISIBLE " AND (CAST($3 AS BIGINT) = 0 OR c.job_id IN " JOBS_OF("$3") ")"

static const struct statement merge = {
    .name = "notification merge",
    .sql = "UPDATE notifications SET count = count + $5, email_log_id = $6, link_id = $7, "
           "first_at = CASE WHEN first_at < $8 THEN first_at ELSE $8 END, "
           "last_at = CASE WHEN last_at > $9 THEN last_at ELSE $9 END, updated_at = $10 "
           "WHERE organization_id = $1 AND id = (SELECT id FROM notifications WHERE organization_id = $1 "
           "AND user_id = $2 AND updated_at >= $11 AND candidate_id = $3 AND event_type = $4 AND read_at IS NULL "
           "AND withdrawn_at IS NULL ORDER BY id DESC LIMIT 1) "
           "RETURNING id, count, first_at, last_at, toast, created_at",
};
static const struct statement insert = {
    .name = "notification insert",
    .sql =
        "INSERT INTO notifications (organization_id, user_id, candidate_id, event_type, count, email_log_id, link_id, "
        "first_at, last_at, toast, created_at, updated_at) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11) RETURNING id",
};
static const struct statement recent = {
    .name = "recent notifications",
    .sql = "SELECT count(*) FROM notifications WHERE organization_id = $1 AND user_id = $2 AND updated_at > $3 "
           "AND created_at > $3 AND toast = 1",
};
static const struct statement withdraw = {
    .name = "withdrawal of notifications",
    .sql = "UPDATE notifications SET withdrawn_at = $4, updated_at = $4 WHERE organization_id = $1 AND id IN "
           "(SELECT id FROM notifications WHERE organization_id = $1 AND candidate_id = $2 AND event_type = $3 "
           "AND withdrawn_at IS NULL) RETURNING id, user_id, withdrawn_at",
};
static const struct statement retract = {
    .name = "retraction from notifications",
    .sql = "UPDATE notifications SET count = count - 1, updated_at = $5, "
           "withdrawn_at = CASE WHEN count <= 1 THEN $5 ELSE withdrawn_at END WHERE organization_id = $1 AND id IN "
           "(SELECT max(id) FROM notifications WHERE organization_id = $1 AND candidate_id = $2 AND event_type = $3 "
           "AND first_at <= $4 AND last_at >= $4 AND withdrawn_at IS NULL GROUP BY user_id) "
           "RETURNING id, user_id, withdrawn_at",
};

#define SHOWN                                                                                                          \
    "SELECT n.organization_id, n.id, n.user_id, n.candidate_id, n.email_log_id, n.link_id, n.event_type, n.count, "    \
    "n.first_at, n.last_at, n.toast, n.created_at, n.updated_at, n.read_at, n.withdrawn_at, c.job_id, p.external_id, " \
    "p.name, e.subject, j.external_id, j.name, l.url, e.sender_id FROM notifications n "                               \
    "JOIN email_logs e ON e.organization_id = $1 AND e.id = n.email_log_id "                                           \
    "JOIN cohorts c ON c.organization_id = $1 AND c.id = e.cohort_id "                                                 \
    "LEFT JOIN candidates p ON p.organization_id = $1 AND p.id = n.candidate_id "                                      \
    "LEFT JOIN jobs j ON j.organization_id = $1 AND j.id = c.job_id "                                                  \
    "LEFT JOIN links l ON l.organization_id = $1 AND l.id = n.link_id AND n.link_id <> 0 "                             \
    "WHERE n.organization_id = $1 AND n.user_id = $2" VISIBLE
static const struct statement select_page = {
    .name = "notifications",
    .sql = SHOWN " AND n.id < $4 AND n.withdrawn_at IS NULL AND (CAST($5 AS BIGINT) = 0 OR n.read_at IS NULL) "
                 "ORDER BY n.id DESC LIMIT $6",
};
static const struct statement select_changed = {
    .name = "changed notifications", .sql = SHOWN " AND n.updated_at > $4 ORDER BY n.updated_at, n.id LIMIT $5"};
static const struct statement unread = {
    .name = "unread notifications",
    .sql = "SELECT count(*) FROM notifications n JOIN email_logs e ON e.organization_id = $1 AND e.id = n.email_log_id "
           "JOIN cohorts c ON c.organization_id = $1 AND c.id = e.cohort_id WHERE n.organization_id = $1 "
           "AND n.user_id = $2 AND n.read_at IS NULL AND n.withdrawn_at IS NULL" VISIBLE,
};
static const struct statement mark = {
    .name = "notification mark",
    .sql = "UPDATE notifications SET read_at = $4 WHERE organization_id = $1 AND user_id = $2 AND id = $3 "
           "AND withdrawn_at IS NULL",
};
static const struct statement mark_all = {
    .name = "notifications mark",
    .sql = "UPDATE notifications SET read_at = $4 WHERE organization_id = $1 AND user_id = $2 AND id <= $3 "
           "AND read_at IS NULL",
};

int notification_merge(struct db *db, struct notification *news, int64_t merge_ms, int64_t now, struct err *err) {
    struct db_rows *rows;
    int found = db_query_row(db, &merge,
                             DB_VALUES(db_int(news->organization_id), db_int(news->user_id), db_int(news->candidate_id),
                                       db_int(news->event_type), db_int(news->count), db_int(news->email_log_id),
                                       db_int(news->link_id), db_int(news->first_at), db_int(news->last_at),
                                       db_int(now), db_int(now - merge_ms)),
                             &rows, err);
    if (found < 0) return found;
    news->updated_at = now;
    news->read_at = news->withdrawn_at = TIME_UNSET;
    if (found > 0) {
        news->id = db_column_int(rows, 0);
        news->count = db_column_int(rows, 1);
        news->first_at = db_column_int(rows, 2);
        news->last_at = db_column_int(rows, 3);
        news->toast = db_column_int(rows, 4) != 0;
        news->created_at = db_column_int(rows, 5);
        db_rows_free(rows);
        return 0;
    }
    news->created_at = now;
    return db_insert(db, &insert,
                     DB_VALUES(db_int(news->organization_id), db_int(news->user_id), db_int(news->candidate_id),
                               db_int(news->event_type), db_int(news->count), db_int(news->email_log_id),
                               db_int(news->link_id), db_int(news->first_at), db_int(news->last_at),
                               db_int(news->toast), db_int(now)),
                     &news->id, err);
}

static int query_count(struct db *db, const struct statement *statement, const struct db_value *values, size_t count,
                       int64_t *ret, struct err *err) {
    struct db_rows *rows;
    int found = db_query_row(db, statement, values, count, &rows, err);
    if (found < 0) return found;
    *ret = found > 0 ? db_column_int(rows, 0) : 0;
    if (found > 0) db_rows_free(rows);
    return 0;
}

int notifications_recent(struct db *db, int64_t organization_id, int64_t user_id, int64_t since, int64_t *ret,
                         struct err *err) {
    return query_count(db, &recent, DB_VALUES(db_int(organization_id), db_int(user_id), db_int(since)), ret, err);
}

/* ---- withdrawal ---- */

/* Those that are withdrawn now, of what a statement changed. */
static int load_withdrawn(struct db *db, const struct statement *statement, const struct db_value *values,
                          size_t value_count, struct arena *arena, struct withdrawn **ret, size_t *ret_count,
                          struct err *err) {
    struct withdrawn *found = NULL;
    struct db_rows *rows;
    size_t count = 0, capacity = 0;
    int r = db_query(db, statement, values, value_count, &rows, err);
    if (r < 0) return r;
    while ((r = db_next(rows, err)) > 0) {
        if (db_is_null(rows, 2)) continue;
        found = rows_grow(arena, found, count, &capacity, sizeof(*found));
        found[count++] = (struct withdrawn){.id = db_column_int(rows, 0), .user_id = db_column_int(rows, 1)};
    }
    db_rows_free(rows);
    if (r < 0) return r;
    *ret = found;
    *ret_count = count;
    return 0;
}

int notifications_withdraw_candidate(struct db *db, int64_t organization_id, int64_t candidate_id, enum event_type type,
                                     int64_t now, struct arena *arena, struct withdrawn **ret, size_t *ret_count,
                                     struct err *err) {
    return load_withdrawn(db, &withdraw,
                          DB_VALUES(db_int(organization_id), db_int(candidate_id), db_int(type), db_int(now)), arena,
                          ret, ret_count, err);
}

int notifications_retract(struct db *db, int64_t organization_id, int64_t candidate_id, enum event_type type,
                          int64_t occurred_at, int64_t now, struct arena *arena, struct withdrawn **ret,
                          size_t *ret_count, struct err *err) {
    return load_withdrawn(
        db, &retract,
        DB_VALUES(db_int(organization_id), db_int(candidate_id), db_int(type), db_int(occurred_at), db_int(now)), arena,
        ret, ret_count, err);
}

/* ---- looking ---- */

static struct notification read_shown(const struct db_rows *rows, struct arena *arena) {
    return (struct notification){
        .organization_id = db_column_int(rows, 0),
        .id = db_column_int(rows, 1),
        .user_id = db_column_int(rows, 2),
        .candidate_id = db_column_int(rows, 3),
        .email_log_id = db_column_int(rows, 4),
        .link_id = db_column_int(rows, 5),
        .event_type = (enum event_type)db_column_int(rows, 6),
        .count = db_column_int(rows, 7),
        .first_at = db_column_int(rows, 8),
        .last_at = db_column_int(rows, 9),
        .toast = db_column_int(rows, 10) != 0,
        .created_at = db_column_int(rows, 11),
        .updated_at = db_column_int(rows, 12),
        .read_at = row_time(rows, 13),
        .withdrawn_at = row_time(rows, 14),
        .job_id = db_column_int(rows, 15),
        .candidate_external_id = row_text(rows, 16, arena),
        .candidate_name = row_text(rows, 17, arena),
        .subject = row_text(rows, 18, arena),
        .job_external_id = row_text(rows, 19, arena),
        .job_title = row_text(rows, 20, arena),
        .url = row_text(rows, 21, arena),
        .sender_id = db_column_int(rows, 22),
    };
}

static int load_shown(struct db *db, const struct statement *statement, const struct db_value *values, size_t values_n,
                      size_t limit, struct arena *arena, struct notification **ret, size_t *ret_count,
                      struct err *err) {
    struct notification *found = arena_alloc_array(arena, limit, sizeof(*found));
    struct db_rows *rows;
    size_t count = 0;
    int r = db_query(db, statement, values, values_n, &rows, err);
    if (r < 0) return r;
    while (count < limit && (r = db_next(rows, err)) > 0)
        found[count++] = read_shown(rows, arena);
    db_rows_free(rows);
    if (r < 0) return r;
    *ret = found;
    *ret_count = count;
    return 0;
}

int notifications_load(struct db *db, int64_t organization_id, int64_t user_id, int64_t jobs_of,
                       const struct notification_page *page, struct arena *arena, struct notification **ret,
                       size_t *ret_count, struct err *err) {
    return load_shown(db, &select_page,
                      DB_VALUES(db_int(organization_id), db_int(user_id), db_int(jobs_of), db_int(page->before_id),
                                db_int(page->only_unread), db_int((int64_t)page->limit)),
                      page->limit, arena, ret, ret_count, err);
}

int notifications_changed(struct db *db, int64_t organization_id, int64_t user_id, int64_t jobs_of, int64_t since,
                          size_t limit, struct arena *arena, struct notification **ret, size_t *ret_count,
                          struct err *err) {
    return load_shown(
        db, &select_changed,
        DB_VALUES(db_int(organization_id), db_int(user_id), db_int(jobs_of), db_int(since), db_int((int64_t)limit)),
        limit, arena, ret, ret_count, err);
}

int notifications_unread(struct db *db, int64_t organization_id, int64_t user_id, int64_t jobs_of, int64_t *ret,
                         struct err *err) {
    return query_count(db, &unread, DB_VALUES(db_int(organization_id), db_int(user_id), db_int(jobs_of)), ret, err);
}

int notification_mark(struct db *db, int64_t organization_id, int64_t user_id, int64_t id, bool read, int64_t now,
                      struct err *err) {
    return db_change(db, &mark,
                     DB_VALUES(db_int(organization_id), db_int(user_id), db_int(id), db_time(read ? now : TIME_UNSET)),
                     "notification", err);
}

int notifications_mark_all(struct db *db, int64_t organization_id, int64_t user_id, int64_t up_to_id, int64_t now,
                           struct err *err) {
    return db_run(db, &mark_all, DB_VALUES(db_int(organization_id), db_int(user_id), db_int(up_to_id), db_int(now)),
                  NULL, err);
}
