#include "store/scores.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/strbuf.h"
#include "store/driver.h"
#include "store/email_columns.h"
#include "store/rows.h"

#include "base/banned.h"

#define MARK_IDS_MAX  1000 /* ids of one mark */
#define MARK_ROWS_MAX 200  /* marks looked at in one portion */

/* SQLite takes any index that begins with organization_id for better than the ids themselves, unless told ("+"). */
#define OF(alias)          "+" alias "organization_id = $1"
#define OF_POSTGRES(alias) alias "organization_id = $1"

/* ---- marks ---- */

static const struct statement mark_emails = {
    .name = "mark emails",
    .sql = "INSERT INTO score_marks (organization_id, emails) VALUES ($1, $2)",
};
static const struct statement mark_candidates = {
    .name = "mark candidates",
    .sql = "INSERT INTO score_marks (organization_id, candidates) VALUES ($1, $2)",
};
static const struct statement mark_all = {
    .name = "mark all candidates",
    .sql = "INSERT INTO score_marks (organization_id, all_after) VALUES ($1, 0)",
};

static int mark(struct db *db, const struct statement *statement, int64_t organization_id, const int64_t *ids,
                size_t count, struct err *err) {
    struct arena *arena = arena_new();
    int result = 0;
    for (size_t done = 0; done < count && result == 0; done += MARK_IDS_MAX) {
        size_t part = count - done < MARK_IDS_MAX ? count - done : MARK_IDS_MAX;
        result = db_run(db, statement, DB_VALUES(db_int(organization_id), db_list(arena, ids + done, part)), NULL, err);
    }
    arena_free(arena);
    return result;
}

int scores_mark_emails(struct db *db, int64_t organization_id, const int64_t *ids, size_t count, struct err *err) {
    return mark(db, &mark_emails, organization_id, ids, count, err);
}

int scores_mark_candidates(struct db *db, int64_t organization_id, const int64_t *ids, size_t count, struct err *err) {
    return mark(db, &mark_candidates, organization_id, ids, count, err);
}

int scores_mark_all(struct db *db, int64_t organization_id, struct err *err) {
    return db_run(db, &mark_all, DB_VALUES(db_int(organization_id)), NULL, err);
}

int scores_pending(struct db *db, int64_t now, bool *ret, struct err *err) {
    static const struct statement pending = {
        .name = "scores to be looked at",
        .sql = "SELECT CASE WHEN EXISTS (SELECT 1 FROM score_marks) OR EXISTS (SELECT 1 FROM candidate_scores"
               " WHERE next_look_at <= $1) THEN 1 ELSE 0 END",
    };
    struct db_rows *rows;
    int found = db_query_row(db, &pending, DB_VALUES(db_int(now)), &rows, err);
    if (found < 0) return found;
    *ret = found > 0 && db_column_int(rows, 0) != 0;
    if (found > 0) db_rows_free(rows);
    return 0;
}

/* ---- what is to be done ---- */

int scores_lock(struct db *db, struct err *err) {
    static const struct statement lock = {
        .name = "lock scores",
        .sql = "SELECT 1",
        .sql_postgres = "SELECT 1 FROM (SELECT pg_advisory_xact_lock(hashtextextended('inkling scores', 0))) AS locked",
    };
    struct db_rows *rows;
    int found = db_query_row(db, &lock, NULL, 0, &rows, err);
    if (found > 0) db_rows_free(rows);
    return found < 0 ? found : 0;
}

static const struct statement pick_marks = {
    .name = "pick score marks",
    .sql = "SELECT id, organization_id, emails, candidates, all_after FROM score_marks ORDER BY id LIMIT $1",
};
#define REMOVE_MARKS(of, list) "DELETE FROM score_marks WHERE " of("") " AND id IN " list("$2")
static const struct statement remove_marks = {
    .name = "remove score marks",
    .sql = REMOVE_MARKS(OF, DB_LIST),
    .sql_postgres = REMOVE_MARKS(OF_POSTGRES, DB_LIST_POSTGRES),
};
static const struct statement move_mark = {
    .name = "move a score mark",
    .sql = "UPDATE score_marks SET all_after = $3 WHERE organization_id = $1 AND id = $2",
};
#define LIST_AFTER(of) "SELECT id FROM candidates WHERE " of("") " AND id > $2 ORDER BY id LIMIT $3"
static const struct statement list_after = {
    .name = "candidates to score",
    .sql = LIST_AFTER(OF),
    .sql_postgres = LIST_AFTER(OF_POSTGRES),
};
#define ADD_JOBS(of, list)                                                                                             \
    "INSERT INTO candidate_jobs (organization_id, candidate_id, job_id, score)"                                        \
    " SELECT x.organization_id, x.candidate_id, x.job_id, coalesce(k.score, -1) FROM (SELECT DISTINCT"                 \
    " e.organization_id, e.recipient_id AS candidate_id, c.job_id FROM email_logs e JOIN cohorts c"                    \
    " ON c.organization_id = $1 AND c.id = e.cohort_id WHERE " of("e.") " AND e.id IN " list(                          \
        "$2") " AND c.job_id <> 0) AS x LEFT JOIN candidate_scores k ON k.organization_id = $1"                        \
              " AND k.candidate_id = x.candidate_id WHERE 1 = 1 ON CONFLICT (organization_id, candidate_id, job_id) "  \
              "DO NOTHING"
static const struct statement add_jobs = {
    .name = "jobs of candidates",
    .sql = ADD_JOBS(OF, DB_LIST),
    .sql_postgres = ADD_JOBS(OF_POSTGRES, DB_LIST_POSTGRES),
};
#define ADD_SENDERS(of, list)                                                                                          \
    "INSERT INTO candidate_senders (organization_id, candidate_id, sender_id) SELECT DISTINCT e.organization_id,"      \
    " e.recipient_id, e.sender_id FROM email_logs e WHERE " of("e.") " AND e.id IN " list(                             \
        "$2") " AND e.sender_id <> 0 ON CONFLICT (organization_id, candidate_id, sender_id) DO NOTHING"
static const struct statement add_senders = {
    .name = "senders of candidates",
    .sql = ADD_SENDERS(OF, DB_LIST),
    .sql_postgres = ADD_SENDERS(OF_POSTGRES, DB_LIST_POSTGRES),
};
#define LIST_MARKED(of, list)                                                                                          \
    "SELECT c.id FROM candidates c WHERE " of("c.") " AND c.id IN " list(                                              \
        "$2") " UNION SELECT c.id FROM email_logs e JOIN candidates c ON c.organization_id = $1 AND c.id = "           \
              "e.recipient_id"                                                                                         \
              " WHERE " of("e.") " AND e.id IN " list("$3") " ORDER BY 1"
static const struct statement list_marked = {
    .name = "marked candidates",
    .sql = LIST_MARKED(OF, DB_LIST),
    .sql_postgres = LIST_MARKED(OF_POSTGRES, DB_LIST_POSTGRES),
};
/* Rows of one organization: of that whose row waits longest. */
static const struct statement list_due = {
    .name = "scores that time changes",
    .sql = "SELECT organization_id, candidate_id FROM candidate_scores WHERE next_look_at <= $1"
           " ORDER BY next_look_at LIMIT $2",
};

static int compare_ids(const void *left, const void *right) {
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

/* Reads a column of ids, at most `limit`. */
static int read_ids(struct db *db, const struct statement *statement, const struct db_value *values, size_t value_count,
                    struct arena *arena, struct score_work *ret, struct err *err) {
    struct db_rows *rows;
    int64_t *ids = NULL;
    size_t count = 0, capacity = 0;
    int result = db_query(db, statement, values, value_count, &rows, err);
    if (result < 0) return result;
    while ((result = db_next(rows, err)) > 0) {
        ids = rows_grow(arena, ids, count, &capacity, sizeof(*ids));
        ids[count++] = db_column_int(rows, 0);
    }
    db_rows_free(rows);
    if (result < 0) return result;
    ret->candidates = ids;
    ret->count = count;
    return 0;
}

/* The marks that one portion takes. */
struct taken {
    int64_t organization_id;
    int64_t ids[MARK_ROWS_MAX];
    size_t count;
    int64_t all_id, all_after;        /* a mark of everybody stands first: nothing else is taken; 0: none */
    struct strbuf emails, candidates; /* lists */
};

static size_t add_list(struct strbuf *list, struct slice ids) {
    size_t count = 1;
    if (slice_empty(ids)) return 0;
    for (size_t i = 0; i < ids.len; i++)
        count += ids.ptr[i] == ',';
    if (list->len > 0) strbuf_add_char(list, ',');
    strbuf_add_slice(list, ids);
    return count;
}

static int pick(struct db *db, size_t limit, struct taken *taken, struct err *err) {
    struct db_rows *rows;
    size_t found = 0;
    int result = db_query(db, &pick_marks, DB_VALUES(db_int(MARK_ROWS_MAX)), &rows, err);
    if (result < 0) return result;
    while (found < limit && taken->count < MARK_ROWS_MAX && (result = db_next(rows, err)) > 0) {
        int64_t organization_id = db_column_int(rows, 1);
        if (taken->count > 0 && organization_id != taken->organization_id) continue;
        bool all = !db_is_null(rows, 4);
        if (all && taken->count > 0) break;
        taken->organization_id = organization_id;
        taken->ids[taken->count++] = db_column_int(rows, 0);
        if (all) {
            taken->all_id = taken->ids[0];
            taken->all_after = db_column_int(rows, 4);
            break;
        }
        found += add_list(&taken->emails, db_column_text(rows, 2));
        found += add_list(&taken->candidates, db_column_text(rows, 3));
    }
    db_rows_free(rows);
    return result < 0 ? result : 0;
}

/* A portion of a mark of everybody: the mark moves on, and goes when all are done. */
static int take_all(struct db *db, const struct taken *taken, size_t limit, struct arena *arena, struct score_work *ret,
                    struct err *err) {
    int result = read_ids(db, &list_after,
                          DB_VALUES(db_int(taken->organization_id), db_int(taken->all_after), db_int((int64_t)limit)),
                          arena, ret, err);
    if (result < 0) return result;
    if (ret->count < limit || limit == 0)
        return db_run(db, &remove_marks, DB_VALUES(db_int(taken->organization_id), db_list(arena, taken->ids, 1)), NULL,
                      err);
    return db_run(db, &move_mark,
                  DB_VALUES(db_int(taken->organization_id), db_int(taken->all_id), db_int(ret->candidates[limit - 1])),
                  NULL, err);
}

static int take_marked(struct db *db, const struct taken *taken, struct arena *arena, struct score_work *ret,
                       struct err *err) {
    const struct db_value organization = db_int(taken->organization_id);
    const struct db_value emails = db_text(strbuf_slice(&taken->emails));
    int result = 0;
    if (taken->emails.len > 0) result = db_run(db, &add_jobs, DB_VALUES(organization, emails), NULL, err);
    if (result == 0 && taken->emails.len > 0)
        result = db_run(db, &add_senders, DB_VALUES(organization, emails), NULL, err);
    if (result == 0)
        result = read_ids(db, &list_marked, DB_VALUES(organization, db_text(strbuf_slice(&taken->candidates)), emails),
                          arena, ret, err);
    if (result == 0)
        result =
            db_run(db, &remove_marks, DB_VALUES(organization, db_list(arena, taken->ids, taken->count)), NULL, err);
    return result;
}

static int take_due(struct db *db, int64_t now, size_t limit, struct arena *arena, struct score_work *ret,
                    struct err *err) {
    struct db_rows *rows;
    int64_t *ids = arena_alloc_array(arena, limit, sizeof(*ids));
    int result = db_query(db, &list_due, DB_VALUES(db_int(now), db_int((int64_t)limit)), &rows, err);
    if (result < 0) return result;
    while (ret->count < limit && (result = db_next(rows, err)) > 0) {
        if (ret->organization_id == 0) ret->organization_id = db_column_int(rows, 0);
        if (ret->organization_id == db_column_int(rows, 0)) ids[ret->count++] = db_column_int(rows, 1);
    }
    db_rows_free(rows);
    if (result < 0) return result;
    qsort(ids, ret->count, sizeof(*ids), compare_ids);
    ret->candidates = ids;
    return 0;
}

int scores_take(struct db *db, int64_t now, size_t limit, struct arena *arena, struct score_work *ret,
                struct err *err) {
    struct taken taken = {0};
    struct score_work work = {0};
    strbuf_init(&taken.emails, SIZE_MAX / 2);
    strbuf_init(&taken.candidates, SIZE_MAX / 2);
    int result = pick(db, limit, &taken, err);
    work.organization_id = taken.organization_id;
    if (result == 0 && taken.count == 0)
        result = take_due(db, now, limit, arena, &work, err);
    else if (result == 0 && taken.all_id != 0)
        result = take_all(db, &taken, limit, arena, &work, err);
    else if (result == 0)
        result = take_marked(db, &taken, arena, &work, err);
    strbuf_release(&taken.emails);
    strbuf_release(&taken.candidates);
    if (result == 0) *ret = work;
    return result;
}

/* ---- what a score is made of ---- */

int score_settings_load(struct db *db, int64_t organization_id, struct arena *arena, struct score_settings *ret,
                        struct err *err) {
    static const struct statement select = {
        .name = "settings of scores",
        .sql = "SELECT " SCORE_POLICY_COLUMNS ", tracking, time_zone FROM organizations WHERE organization_id = $1",
    };
    struct db_rows *rows;
    int found = db_query_row(db, &select, DB_VALUES(db_int(organization_id)), &rows, err);
    if (found < 0) return found;
    if (found == 0) return err_set(err, ERR_NOT_FOUND, "there is no organization %lld", (long long)organization_id);
    *ret = (struct score_settings){
        .policy = score_policy_read(rows, 0),
        .tracking = (enum tracking_level)db_column_int(rows, SCORE_POLICY_COLUMN_COUNT),
        .time_zone = row_text(rows, SCORE_POLICY_COLUMN_COUNT + 1, arena),
    };
    db_rows_free(rows);
    return 0;
}

#define SELECT_EMAILS(list)                                                                                            \
    "SELECT e.recipient_id, " EMAIL_STATS_COLUMNS " FROM email_logs e CROSS JOIN email_stats s"                        \
    " WHERE e.organization_id = $1 AND e.recipient_id IN " list(                                                       \
        "$2") " AND e.sent_at > $3"                                                                                    \
              " AND s.organization_id = $1 AND s.email_log_id = e.id ORDER BY e.recipient_id, e.sent_at"
static const struct statement select_emails = {
    .name = "emails to score",
    .sql = SELECT_EMAILS(DB_LIST),
    .sql_postgres = SELECT_EMAILS(DB_LIST_POSTGRES),
    .many_rows = true,
};

int scores_emails(struct db *db, int64_t organization_id, const int64_t *candidates, size_t count, int64_t sent_after,
                  struct db_rows **ret, struct err *err) {
    struct arena *arena = arena_new();
    int result =
        db_query(db, &select_emails,
                 DB_VALUES(db_int(organization_id), db_list(arena, candidates, count), db_int(sent_after)), ret, err);
    arena_free(arena);
    return result;
}

void scores_email(const struct db_rows *rows, int64_t *ret_candidate, struct email_stats *ret) {
    *ret_candidate = db_column_int(rows, 0);
    email_stats_read(rows, 1, ret);
}

/* ---- rows ---- */

#define SELECT_SCORES(of, list)                                                                                        \
    "SELECT candidate_id, score, next_look_at, recency, replied FROM candidate_scores WHERE " of(                      \
        "") " AND candidate_id IN " list("$2") " ORDER BY candidate_id"
static const struct statement select_scores = {
    .name = "stored scores",
    .sql = SELECT_SCORES(OF, DB_LIST),
    .sql_postgres = SELECT_SCORES(OF_POSTGRES, DB_LIST_POSTGRES),
};

int scores_load(struct db *db, struct score_row *rows, size_t count, struct err *err) {
    if (count == 0) return 0;
    struct arena *arena = arena_new();
    struct db_rows *found;
    int64_t *ids = arena_alloc_array(arena, count, sizeof(*ids));
    for (size_t i = 0; i < count; i++) {
        ids[i] = rows[i].candidate_id;
        rows[i].is_stored = false;
        rows[i].former = SCORE_UNKNOWN;
        rows[i].former_look_at = TIME_UNSET;
    }
    int result = db_query(db, &select_scores, DB_VALUES(db_int(rows[0].organization_id), db_list(arena, ids, count)),
                          &found, err);
    arena_free(arena);
    if (result < 0) return result;
    for (size_t at = 0; (result = db_next(found, err)) > 0;) {
        int64_t candidate_id = db_column_int(found, 0);
        while (at < count && rows[at].candidate_id < candidate_id)
            at++;
        if (at == count || rows[at].candidate_id != candidate_id) continue;
        rows[at].is_stored = true;
        rows[at].former = db_column_int(found, 1);
        rows[at].former_look_at = row_time(found, 2);
        rows[at].former_recency = db_column_int(found, 3);
        rows[at].former_replied = db_column_int(found, 4);
    }
    db_rows_free(found);
    return result;
}

int scores_save(struct db *db, const struct score_row *rows, size_t count, struct err *err) {
    struct score_row *stale = memory_alloc_array(count, sizeof(*stale));
    size_t left = 0;
    for (size_t i = 0; i < count; i++)
        if (!rows[i].is_stored || rows[i].score != rows[i].former || rows[i].next_look_at != rows[i].former_look_at ||
            rows[i].recency != rows[i].former_recency || rows[i].replied != rows[i].former_replied)
            stale[left++] = rows[i];
    int result = left == 0 ? 0 : db->driver->save_scores(db, stale, left, err);
    if (result == -ERR_UNAVAILABLE) db->failed = true;
    free(stale);
    return result;
}

#define FORGET(what, of, list) what " WHERE " of("") " AND candidate_id IN " list("$2")
#define FORGET_STATEMENT(name_, what)                                                                                  \
    { .name = (name_), .sql = FORGET(what, OF, DB_LIST), .sql_postgres = FORGET(what, OF_POSTGRES, DB_LIST_POSTGRES) }
static const struct statement forget[] = {
    FORGET_STATEMENT("forget scores", "DELETE FROM candidate_scores"),
    FORGET_STATEMENT("forget the history of scores", "DELETE FROM candidate_score_days"),
    FORGET_STATEMENT("forget the scores of jobs", "UPDATE candidate_jobs SET score = -1"),
};

int scores_forget(struct db *db, int64_t organization_id, const int64_t *candidates, size_t count, struct err *err) {
    if (count == 0) return 0;
    struct arena *arena = arena_new();
    const struct db_value values[] = {db_int(organization_id), db_list(arena, candidates, count)};
    int result = 0;
    for (size_t i = 0; i < sizeof(forget) / sizeof(forget[0]) && result == 0; i++)
        result = db_run(db, &forget[i], values, 2, NULL, err);
    arena_free(arena);
    return result;
}

/* ---- history ---- */

int scores_days(struct db *db, int64_t organization_id, int64_t candidate_id, int32_t from_day, size_t limit,
                struct arena *arena, struct score_day **ret, size_t *ret_count, struct err *err) {
    static const struct statement select = {
        .name = "history of a score",
        .sql = "SELECT day, score, former FROM candidate_score_days WHERE organization_id = $1 AND candidate_id = $2"
               " AND day >= $3 ORDER BY day LIMIT $4",
    };
    struct db_rows *rows;
    struct score_day *days = arena_alloc_array(arena, limit, sizeof(*days));
    size_t count = 0;
    int result = db_query(
        db, &select, DB_VALUES(db_int(organization_id), db_int(candidate_id), db_int(from_day), db_int((int64_t)limit)),
        &rows, err);
    if (result < 0) return result;
    while (count < limit && (result = db_next(rows, err)) > 0)
        days[count++] = (struct score_day){.day = (int32_t)db_column_int(rows, 0),
                                           .score = (int32_t)db_column_int(rows, 1),
                                           .former = (int32_t)db_column_int(rows, 2)};
    db_rows_free(rows);
    if (result < 0) return result;
    *ret = days;
    *ret_count = count;
    return 0;
}

int scores_count(struct db *db, int64_t organization_id, int64_t ret[SCORE_COUNTS], struct err *err) {
    static const struct statement count = {
        .name = "count of scores",
        .sql = "SELECT score, count(*) FROM candidate_scores WHERE organization_id = $1 GROUP BY score",
    };
    struct db_rows *rows;
    int result = db_query(db, &count, DB_VALUES(db_int(organization_id)), &rows, err);
    if (result < 0) return result;
    memset(ret, 0, SCORE_COUNTS * sizeof(*ret));
    while ((result = db_next(rows, err)) > 0) {
        int64_t score = db_column_int(rows, 0);
        ret[score >= 0 && score < SCORE_COUNTS - 1 ? score : SCORE_COUNTS - 1] += db_column_int(rows, 1);
    }
    db_rows_free(rows);
    return result;
}

#define SELECT_DAYS_OF(of, list)                                                                                       \
    "SELECT candidate_id, day, score, former FROM candidate_score_days WHERE " of("") " AND candidate_id IN " list(    \
        "$2") " AND day >= $3 ORDER BY candidate_id, day"
static const struct statement select_days_of = {
    .name = "history of scores",
    .sql = SELECT_DAYS_OF(OF, DB_LIST),
    .sql_postgres = SELECT_DAYS_OF(OF_POSTGRES, DB_LIST_POSTGRES),
};

int scores_days_of(struct db *db, int64_t organization_id, const int64_t *candidates, size_t count, int32_t from_day,
                   struct db_rows **ret, struct err *err) {
    struct arena *arena = arena_new();
    int result =
        db_query(db, &select_days_of,
                 DB_VALUES(db_int(organization_id), db_list(arena, candidates, count), db_int(from_day)), ret, err);
    arena_free(arena);
    return result;
}

void scores_day_of(const struct db_rows *rows, int64_t *ret_candidate, struct score_day *ret) {
    *ret_candidate = db_column_int(rows, 0);
    *ret = (struct score_day){.day = (int32_t)db_column_int(rows, 1),
                              .score = (int32_t)db_column_int(rows, 2),
                              .former = (int32_t)db_column_int(rows, 3)};
}
