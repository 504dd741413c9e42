/* The part of recount.h about scores. */
#include <stdlib.h>

#include "base/arena.h"
#include "store/db.h"
#include "store/email_columns.h"
#include "store/recount.h"
#include "store/rows.h"

#include "base/banned.h"

#define SELECT_SCORES(of)                                                                                              \
    "SELECT c.id, k.score, k.next_look_at, k.recency, k.replied FROM candidates c LEFT JOIN candidate_scores k ON "    \
    "k.organization_id = $1"                                                                                           \
    " AND k.candidate_id = c.id WHERE " of "c.organization_id = $1 ORDER BY c.id"
static const struct statement select_scores = {
    .name = "recount scores",
    .sql = SELECT_SCORES("+"),
    .sql_postgres = SELECT_SCORES(""),
    .many_rows = true,
};
static const struct statement select_emails = {
    .name = "recount emails of scores",
    .sql = "SELECT e.recipient_id, " EMAIL_STATS_COLUMNS " FROM email_logs e CROSS JOIN email_stats s"
           " WHERE e.organization_id = $1 AND e.sent_at > $2 AND s.organization_id = $1 AND s.email_log_id = e.id"
           " ORDER BY e.recipient_id",
    .many_rows = true,
};
static const struct statement select_marks = {
    .name = "recount score marks",
    .sql = "SELECT emails, candidates, all_after FROM score_marks WHERE organization_id = $1",
    .many_rows = true,
};
#define LIST_RECIPIENTS(of, list)                                                                                      \
    "SELECT recipient_id FROM email_logs WHERE " of                                                                    \
    "organization_id = $1 AND id IN " list("$2") " UNION"                                                              \
                                                 " SELECT id FROM candidates WHERE " of                                \
                                                 "organization_id = $1 AND id IN " list("$3")
static const struct statement list_recipients = {
    .name = "recount marked candidates",
    .sql = LIST_RECIPIENTS("+", DB_LIST),
    .sql_postgres = LIST_RECIPIENTS("", DB_LIST_POSTGRES),
};
static const struct statement select_jobs = {
    .name = "recount jobs of candidates",
    .sql =
        "SELECT x.candidate_id, x.job_id, 0, NULL AS score FROM (SELECT DISTINCT e.recipient_id AS candidate_id, "
        "c.job_id FROM email_logs e JOIN cohorts c ON c.organization_id = $1 AND c.id = e.cohort_id"
        " WHERE e.organization_id = $1 AND c.job_id <> 0) AS x LEFT JOIN candidate_jobs j ON j.organization_id = $1"
        " AND j.candidate_id = x.candidate_id AND j.job_id = x.job_id WHERE j.candidate_id IS NULL UNION ALL"
        " SELECT j.candidate_id, j.job_id, 0, j.score FROM candidate_jobs j LEFT JOIN candidate_scores k"
        " ON k.organization_id = $1 AND k.candidate_id = j.candidate_id WHERE j.organization_id = $1"
        " AND j.score <> coalesce(k.score, -1) UNION ALL"
        " SELECT x.candidate_id, 0, x.sender_id, NULL FROM (SELECT DISTINCT e.recipient_id AS candidate_id, e.sender_id"
        " FROM email_logs e WHERE e.organization_id = $1 AND e.sender_id <> 0) AS x LEFT JOIN candidate_senders j"
        " ON j.organization_id = $1 AND j.candidate_id = x.candidate_id AND j.sender_id = x.sender_id"
        " WHERE j.candidate_id IS NULL ORDER BY 1, 2, 3",
    .many_rows = true,
};

int recount_scores(struct db *db, int64_t organization_id, struct db_rows **ret, struct err *err) {
    return db_query(db, &select_scores, DB_VALUES(db_int(organization_id)), ret, err);
}

void recount_score(const struct db_rows *rows, struct recount_score *ret) {
    *ret = (struct recount_score){
        .candidate_id = db_column_int(rows, 0),
        .is_stored = !db_is_null(rows, 1),
        .score = db_column_int_or(rows, 1, SCORE_UNKNOWN),
        .next_look_at = row_time(rows, 2),
        .recency = db_column_int(rows, 3),
        .replied = db_column_int(rows, 4),
    };
}

int recount_score_emails(struct db *db, int64_t organization_id, int64_t sent_after, struct db_rows **ret,
                         struct err *err) {
    return db_query(db, &select_emails, DB_VALUES(db_int(organization_id), db_int(sent_after)), ret, err);
}

struct marked {
    int64_t *ids;
    size_t count, capacity;
};

static int add_marked(struct db *db, int64_t organization_id, struct slice emails, struct slice candidates,
                      struct arena *arena, struct marked *marked, struct err *err) {
    struct db_rows *rows;
    int result = db_query(db, &list_recipients,
                          DB_VALUES(db_int(organization_id), db_text(emails), db_text(candidates)), &rows, err);
    if (result < 0) return result;
    while ((result = db_next(rows, err)) > 0) {
        marked->ids = rows_grow(arena, marked->ids, marked->count, &marked->capacity, sizeof(*marked->ids));
        marked->ids[marked->count++] = db_column_int(rows, 0);
    }
    db_rows_free(rows);
    return result;
}

static int compare_ids(const void *left, const void *right) {
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

int recount_score_marks(struct db *db, int64_t organization_id, struct arena *arena, int64_t **ret_candidates,
                        size_t *ret_count, int64_t *ret_all_after, struct err *err) {
    struct db_rows *rows;
    struct marked marked = {0};
    int64_t all_after = INT64_MAX;
    int result = db_query(db, &select_marks, DB_VALUES(db_int(organization_id)), &rows, err);
    if (result < 0) return result;
    while ((result = db_next(rows, err)) > 0) {
        if (!db_is_null(rows, 2)) {
            if (db_column_int(rows, 2) < all_after) all_after = db_column_int(rows, 2);
            continue;
        }
        struct slice emails = db_is_null(rows, 0) ? SLICE("") : arena_copy(arena, db_column_text(rows, 0));
        struct slice candidates = db_is_null(rows, 1) ? SLICE("") : arena_copy(arena, db_column_text(rows, 1));
        result = add_marked(db, organization_id, emails, candidates, arena, &marked, err);
        if (result < 0) break;
    }
    db_rows_free(rows);
    if (result < 0) return result;
    if (marked.count > 0) qsort(marked.ids, marked.count, sizeof(*marked.ids), compare_ids);
    *ret_candidates = marked.ids;
    *ret_count = marked.count;
    *ret_all_after = all_after;
    return 0;
}

int recount_candidate_jobs(struct db *db, int64_t organization_id, struct db_rows **ret, struct err *err) {
    return db_query(db, &select_jobs, DB_VALUES(db_int(organization_id)), ret, err);
}

void recount_candidate_job(const struct db_rows *rows, struct recount_candidate_job *ret) {
    *ret = (struct recount_candidate_job){
        .candidate_id = db_column_int(rows, 0),
        .job_id = db_column_int(rows, 1),
        .sender_id = db_column_int(rows, 2),
        .score = db_column_int_or(rows, 3, INT64_MIN),
    };
}
