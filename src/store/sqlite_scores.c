/* The bulk verb that stores scores: sorted by candidate, so that neighbours share pages. */
#include "store/sqlite.h"

#include "base/banned.h"

static const struct statement save = {
    .name = "save score",
    .sql = "INSERT INTO candidate_scores (organization_id, candidate_id, score, next_look_at, recency, replied)"
           " VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (candidate_id, organization_id) DO UPDATE SET"
           " score = excluded.score, next_look_at = excluded.next_look_at, recency = excluded.recency,"
           " replied = excluded.replied",
};
/* Without the change of score: neither its history nor its index is touched. */
static const struct statement save_look = {
    .name = "save next look",
    .sql = "UPDATE candidate_scores SET next_look_at = ?3, recency = ?4, replied = ?5 WHERE +organization_id = ?1 AND "
           "candidate_id = ?2",
};
static const struct statement save_jobs = {
    .name = "save score of jobs",
    .sql = "UPDATE candidate_jobs SET score = ?3 WHERE +organization_id = ?1 AND candidate_id = ?2",
};
static const struct statement save_day = {
    .name = "save score of a day",
    .sql = "INSERT INTO candidate_score_days (organization_id, candidate_id, day, score, former)"
           " VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (candidate_id, day, organization_id)"
           " DO UPDATE SET score = excluded.score",
};

static int bind_row(sqlite3_stmt *prepared, const struct score_row *row, int64_t third) {
    return sqlite3_bind_int64(prepared, 1, row->organization_id) | sqlite3_bind_int64(prepared, 2, row->candidate_id) |
           sqlite3_bind_int64(prepared, 3, third);
}

static int save_row(struct sqlite_db *db, const struct score_row *row, struct err *err) {
    sqlite3_stmt *prepared;
    bool changed = row->score != row->former;
    if (row->is_stored && !changed) {
        int rc = sqlite_prepare(db, &save_look, &prepared, err);
        if (rc < 0) return rc;
        int bound = bind_row(prepared, row, 0) | sqlite_bind_time(prepared, 3, row->next_look_at);
        bound |= sqlite3_bind_int64(prepared, 4, row->recency) | sqlite3_bind_int64(prepared, 5, row->replied);
        return sqlite_step_done(db, &save_look, prepared, bound, err);
    }
    int rc = sqlite_prepare(db, &save, &prepared, err);
    if (rc < 0) return rc;
    int bound = bind_row(prepared, row, row->score) | sqlite_bind_time(prepared, 4, row->next_look_at);
    bound |= sqlite3_bind_int64(prepared, 5, row->recency) | sqlite3_bind_int64(prepared, 6, row->replied);
    rc = sqlite_step_done(db, &save, prepared, bound, err);
    if (rc < 0 || !changed) return rc;
    rc = sqlite_prepare(db, &save_jobs, &prepared, err);
    if (rc == 0) rc = sqlite_step_done(db, &save_jobs, prepared, bind_row(prepared, row, row->score), err);
    if (rc == 0) rc = sqlite_prepare(db, &save_day, &prepared, err);
    if (rc < 0) return rc;
    bound = bind_row(prepared, row, row->day);
    bound |= sqlite3_bind_int64(prepared, 4, row->score);
    bound |= sqlite3_bind_int64(prepared, 5, row->former);
    return sqlite_step_done(db, &save_day, prepared, bound, err);
}

int sqlite_save_scores(struct db *base, const struct score_row *rows, size_t count, struct err *err) {
    int rc = 0;
    for (size_t i = 0; i < count && rc == 0; i++)
        rc = save_row(sqlite_db_of(base), &rows[i], err);
    return rc;
}
