#include "store/candidates.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/memory.h"
#include "store/db.h"
#include "store/email_columns.h"
#include "store/rows.h"
#include "store/visible.h"

#include "base/banned.h"

#define CANDIDATE_COLUMNS "SELECT id, external_id, name, email, title, tracking, created_at, updated_at FROM candidates"

static const struct statement list_candidates = {
    .name = "candidates",
    .sql = CANDIDATE_COLUMNS " WHERE organization_id = $1 AND id < $2"
                             " AND " CANDIDATE_VISIBLE("$4", "candidates.id") " ORDER BY id DESC LIMIT $3",
};
static const struct statement select_candidate = {
    .name = "candidate",
    .sql = CANDIDATE_COLUMNS " WHERE organization_id = $1 AND external_id = $2"
                             " AND " CANDIDATE_VISIBLE("$3", "candidates.id"),
};
static const struct statement select_figures = {
    .name = "figures of a candidate",
    .sql =
        "SELECT " EMAIL_STATS_COLUMNS " FROM email_logs e CROSS JOIN email_stats s"
        " WHERE e.organization_id = $1 AND e.recipient_id = $2"
        " AND s.organization_id = $1 AND s.email_log_id = e.id"
        " AND " JOB_VISIBLE(
            "$4",
            "(SELECT job_id FROM cohorts WHERE organization_id = $1 AND id = e.cohort_id)") " ORDER BY e.sent_at DESC, "
                                                                                            "e.id DESC LIMIT $3",
};

static void read_candidate(const struct db_rows *rows, struct arena *arena, struct candidate_view *ret) {
    *ret = (struct candidate_view){
        .id = db_column_int(rows, 0),
        .external_id = row_text(rows, 1, arena),
        .name = row_text(rows, 2, arena),
        .email = row_text(rows, 3, arena),
        .title = row_text(rows, 4, arena),
        .has_tracking = !db_is_null(rows, 5),
        .tracking = (enum tracking_level)db_column_int(rows, 5),
        .created_at = db_column_int(rows, 6),
        .updated_at = db_column_int(rows, 7),
    };
}

int candidates_list(struct db *db, int64_t organization_id, int64_t jobs_of, int64_t after, size_t limit,
                    struct arena *arena, struct candidate_view **ret, size_t *ret_count, struct err *err) {
    struct db_rows *rows;
    int result = db_query(db, &list_candidates,
                          DB_VALUES(db_int(organization_id), db_int(after > 0 ? after : INT64_MAX),
                                    db_int((int64_t)limit), db_int(jobs_of)),
                          &rows, err);
    if (result < 0) return result;
    struct candidate_view *candidates = arena_alloc_array(arena, limit, sizeof(*candidates));
    size_t count = 0;
    while (count < limit && (result = db_next(rows, err)) > 0)
        read_candidate(rows, arena, &candidates[count++]);
    db_rows_free(rows);
    if (result < 0) return result;
    *ret = candidates;
    *ret_count = count;
    return 0;
}

int candidates_get(struct db *db, int64_t organization_id, int64_t jobs_of, struct slice external_id,
                   struct arena *arena, struct candidate_view *ret, struct err *err) {
    struct db_rows *rows;
    int found = db_query_row(db, &select_candidate,
                             DB_VALUES(db_int(organization_id), db_text(external_id), db_int(jobs_of)), &rows, err);
    if (found < 0) return found;
    if (found == 0) return err_set(err, ERR_NOT_FOUND, "there is no candidate with this id");
    read_candidate(rows, arena, ret);
    db_rows_free(rows);
    return 0;
}

int candidates_figures(struct db *db, int64_t organization_id, int64_t jobs_of, int64_t candidate_id,
                       struct candidate_figures *ret, struct err *err) {
    struct db_rows *rows;
    int result = db_query(
        db, &select_figures,
        DB_VALUES(db_int(organization_id), db_int(candidate_id), db_int(CANDIDATE_EMAILS_MAX), db_int(jobs_of)), &rows,
        err);
    if (result < 0) return result;
    struct candidate_figures figures = {.figures = {.median_open_delay_s = MEDIAN_NONE}, .last_sent_at = TIME_UNSET};
    struct delay_histogram *histogram = memory_alloc(sizeof(*histogram));
    while ((result = db_next(rows, err)) > 0) {
        struct email_stats stats;
        email_stats_read(rows, 0, &stats);
        struct contribution contribution = counters_contribution(&stats);
        contribution_add(&figures.figures.sums, &contribution);
        if (stats.opened_at != TIME_UNSET) delay_histogram_add(histogram, open_delay_bucket(open_delay_ms(&stats)), 1);
        if (stats.sent_at > figures.last_sent_at) figures.last_sent_at = stats.sent_at;
    }
    figures.figures.median_open_delay_s = delay_histogram_median(histogram);
    free(histogram);
    db_rows_free(rows);
    if (result == 0) *ret = figures;
    return result;
}
