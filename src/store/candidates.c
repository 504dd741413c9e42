#include "store/candidates.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/memory.h"
#include "store/db.h"
#include "store/email_columns.h"
#include "store/rows.h"
#include "store/visible.h"

#include "base/banned.h"

#define CANDIDATE_COLUMNS "c.id, c.external_id, c.name, c.email, c.title, c.tracking, c.created_at, c.updated_at"
#define WITH_SCORE                                                                                                     \
    " LEFT JOIN candidate_scores k ON k.organization_id = $1 AND k.candidate_id = c.id WHERE c.organization_id = $1"

/* $2, $3 bound the score, $4 and $5 are the score and id to go on behind, $6 is the job, $8 the user whose jobs alone
 * may be seen, $9 the sender, $10 to $12 bound the step of the latest engagement (excluded) and the replies. */
#define RECENCY_AND_REPLY(of) of "recency < $10 AND " of "replied BETWEEN $11 AND $12"
/* SQLite takes any index that begins with organization_id for better than the ids themselves, unless told ("+"). */
#define NEWEST(of)                                                                                                     \
    "SELECT " CANDIDATE_COLUMNS ", coalesce(k.score, -1) FROM candidates c LEFT JOIN candidate_scores k"               \
    " ON k.organization_id = $1 AND k.candidate_id = c.id WHERE " of "c.organization_id = $1"                          \
    " AND coalesce(k.score, -1) BETWEEN $2 AND $3 AND coalesce(k.recency, 3) < $10"                                    \
    " AND coalesce(k.replied, 0) BETWEEN $11 AND $12 AND c.id < $5 AND $4 = $4 AND " ANY_JOB                           \
    " ORDER BY c.id DESC LIMIT $7"
#define FROM_SCORES(table, of_job)                                                                                     \
    "SELECT " CANDIDATE_COLUMNS ", k.score FROM " table " k CROSS JOIN candidates c WHERE k.organization_id = $1"      \
    " AND c.organization_id = $1 AND c.id = k.candidate_id AND " of_job
/* One bound of the index is the row to go on behind, the other the end of the level. */
#define NEWEST_OF                                                                                                      \
    " AND k.score BETWEEN $2 AND $3 AND k.candidate_id < $5 AND $4 = $4 ORDER BY k.candidate_id DESC LIMIT $7"
#define BEST_OF                                                                                                        \
    " AND k.score >= $2 AND (k.score, k.candidate_id) < ($4, $5) AND $3 = $3"                                          \
    " ORDER BY k.score DESC, k.candidate_id DESC LIMIT $7"
#define WORST_OF                                                                                                       \
    " AND k.score <= $3 AND (k.score, k.candidate_id) > ($4, $5) AND $2 = $2"                                          \
    " ORDER BY k.score, k.candidate_id LIMIT $7"
/* Of one job, that job must be visible: emails about another one make nobody a candidate of this. */
#define ANY_JOB "$6 = $6 AND $9 = $9 AND " CANDIDATE_VISIBLE("$8", "c.id")
#define ALL     ANY_JOB " AND " RECENCY_AND_REPLY("k.")
/* The copies of the score stand alone: what else is asked for is looked up. */
#define CHOSEN                                                                                                         \
    " AND ((CAST($10 AS BIGINT) = 4 AND CAST($11 AS BIGINT) = 0 AND CAST($12 AS BIGINT) = 1) OR EXISTS"                \
    " (SELECT 1 FROM candidate_scores s WHERE s.organization_id = $1 AND s.candidate_id = k.candidate_id"              \
    " AND " RECENCY_AND_REPLY("s.") "))"
#define OF_JOB                                                                                                         \
    "k.job_id = $6 AND " JOB_VISIBLE(                                                                                  \
        "$8",                                                                                                          \
        "k.job_id") " AND (CAST($9 AS BIGINT) = 0 OR EXISTS (SELECT 1 FROM candidate_senders x"                        \
                    " WHERE x.organization_id = $1 AND x.candidate_id = k.candidate_id AND x.sender_id = $9))" CHOSEN
/* Senders have no copy of the score: their candidates are looked up and sorted, however many there are. */
#define FROM_SENDERS                                                                                                   \
    "SELECT " CANDIDATE_COLUMNS ", k.score FROM candidate_senders x CROSS JOIN candidate_scores k CROSS JOIN "         \
    "candidates c WHERE x.organization_id = $1 AND x.sender_id = $9 AND k.organization_id = $1"                        \
    " AND k.candidate_id = x.candidate_id AND c.organization_id = $1 AND c.id = x.candidate_id AND $6 = $6 "           \
    "AND " CANDIDATE_VISIBLE("$8", "c.id") " AND " RECENCY_AND_REPLY("k.")
/* Scores may be off, then there are no rows of them. */
#define NEWEST_OF_SENDER                                                                                               \
    "SELECT " CANDIDATE_COLUMNS ", coalesce(k.score, -1) FROM candidate_senders x CROSS JOIN candidates c"             \
    " LEFT JOIN candidate_scores k ON k.organization_id = $1 AND k.candidate_id = c.id WHERE x.organization_id = $1"   \
    " AND x.sender_id = $9 AND c.organization_id = $1 AND c.id = x.candidate_id AND $6 = $6"                           \
    " AND coalesce(k.score, -1) BETWEEN $2 AND $3 AND coalesce(k.recency, 3) < $10"                                    \
    " AND coalesce(k.replied, 0) BETWEEN $11 AND $12 AND x.candidate_id < $5 AND $4 = $4"                              \
    " AND " CANDIDATE_VISIBLE("$8", "c.id") " ORDER BY x.candidate_id DESC LIMIT $7"

static const struct statement list_all[] = {
    [CANDIDATES_NEWEST] = {.name = "candidates", .sql = NEWEST("+"), .sql_postgres = NEWEST("")},
    [CANDIDATES_BEST_SCORE] = {.name = "candidates by score", .sql = FROM_SCORES("candidate_scores", ALL) BEST_OF},
    [CANDIDATES_WORST_SCORE] = {.name = "candidates by score, lowest first",
                                .sql = FROM_SCORES("candidate_scores", ALL) WORST_OF},
};
static const struct statement list_of_job[] = {
    [CANDIDATES_NEWEST] = {.name = "candidates of a job", .sql = FROM_SCORES("candidate_jobs", OF_JOB) NEWEST_OF},
    [CANDIDATES_BEST_SCORE] = {.name = "candidates of a job by score",
                               .sql = FROM_SCORES("candidate_jobs", OF_JOB) BEST_OF},
    [CANDIDATES_WORST_SCORE] = {.name = "candidates of a job by score, lowest first",
                                .sql = FROM_SCORES("candidate_jobs", OF_JOB) WORST_OF},
};
static const struct statement list_of_sender[] = {
    [CANDIDATES_NEWEST] = {.name = "candidates of a sender", .sql = NEWEST_OF_SENDER},
    [CANDIDATES_BEST_SCORE] = {.name = "candidates of a sender by score", .sql = FROM_SENDERS BEST_OF},
    [CANDIDATES_WORST_SCORE] = {.name = "candidates of a sender by score, lowest first", .sql = FROM_SENDERS WORST_OF},
};
/* Of the keys, SQLite takes the index by job and score, and reads all of it, unless told ("+"). */
#define SELECT_JOBS(organization, list)                                                                                \
    "SELECT k.candidate_id, j.external_id, j.name FROM candidate_jobs k JOIN jobs j ON j.organization_id = $1"         \
    " AND j.id = k.job_id WHERE " organization " = $1 AND k.candidate_id IN " list("$2") " AND " JOB_VISIBLE(          \
        "$4", "k.job_id") " ORDER BY k.candidate_id, k.job_id DESC LIMIT $3"
static const struct statement select_jobs = {
    .name = "jobs of candidates",
    .sql = SELECT_JOBS("+k.organization_id", DB_LIST),
    .sql_postgres = SELECT_JOBS("k.organization_id", DB_LIST_POSTGRES),
};
static const struct statement select_candidate = {
    .name = "candidate",
    .sql = "SELECT " CANDIDATE_COLUMNS ", coalesce(k.score, -1) FROM candidates c" WITH_SCORE
           " AND c.external_id = $2 AND " CANDIDATE_VISIBLE("$3", "c.id"),
};
static const struct statement select_by_number = {
    .name = "candidate by number",
    .sql = "SELECT " CANDIDATE_COLUMNS ", coalesce(k.score, -1) FROM candidates c" WITH_SCORE
           " AND c.id = $2 AND " CANDIDATE_VISIBLE("$3", "c.id"),
};
/* Emails of the candidates in the list $2, at most $3 of each, $4 as JOB_VISIBLE has it. One query for a page of them;
 * the rows of a candidate one behind the other. PostgreSQL is kept to the way of one candidate after the other along
 * the index, which costs what the page holds: left to itself it may read all emails instead. SQLite has no LATERAL,
 * there whoever reads counts the rows. */
#define VISIBLE_EMAIL JOB_VISIBLE("$4", "(SELECT job_id FROM cohorts WHERE organization_id = $1 AND id = e.cohort_id)")
#define JOINED_STATS  " CROSS JOIN email_stats s WHERE e.organization_id = $1"
static const struct statement select_figures = {
    .name = "figures of candidates",
    .sql = "SELECT e.recipient_id, " EMAIL_STATS_COLUMNS
           " FROM json_each('[' || $2 || ']') u CROSS JOIN email_logs e" JOINED_STATS
           " AND e.recipient_id = u.value AND s.organization_id = $1 AND s.email_log_id = e.id AND $3 = $3 "
           "AND " VISIBLE_EMAIL " ORDER BY e.recipient_id, e.sent_at DESC, e.id DESC",
    .sql_postgres = "SELECT u.id, x.* FROM unnest(string_to_array($2, ',')::bigint[]) AS u(id) CROSS JOIN LATERAL"
                    " (SELECT " EMAIL_STATS_COLUMNS " FROM email_logs e" JOINED_STATS
                    " AND e.recipient_id = u.id AND s.organization_id = $1 AND s.email_log_id = e.id AND " VISIBLE_EMAIL
                    " ORDER BY e.sent_at DESC, e.id DESC LIMIT $3) AS x ORDER BY u.id",
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
        .score = (int32_t)db_column_int(rows, 8),
    };
}

/* Where a list begins, as the row before it. */
static void read_position(const struct candidate_filter *filter, int64_t *ret_score, int64_t *ret_id) {
    bool ascending = filter->sort == CANDIDATES_WORST_SCORE;
    *ret_score = ascending ? filter->low : filter->high;
    *ret_id = ascending ? 0 : INT64_MAX;
    if (!filter->has_after) return;
    *ret_score = filter->after_score;
    *ret_id = filter->after_id;
}

int candidates_list(struct db *db, const struct candidate_filter *filter, size_t limit, struct arena *arena,
                    struct candidate_view **ret, size_t *ret_count, struct err *err) {
    const struct statement *list = filter->job_id != REPORT_ANY      ? list_of_job
                                   : filter->sender_id != REPORT_ANY ? list_of_sender
                                                                     : list_all;
    struct db_rows *rows;
    int64_t score, id;
    read_position(filter, &score, &id);
    int result = db_query(
        db, &list[filter->sort],
        DB_VALUES(db_int(filter->organization_id), db_int(filter->low), db_int(filter->high), db_int(score), db_int(id),
                  db_int(filter->job_id), db_int((int64_t)limit), db_int(filter->jobs_of), db_int(filter->sender_id),
                  db_int(filter->recency_below == 0 ? RECENCY_NONE + 1 : filter->recency_below),
                  db_int(filter->reply == CANDIDATE_REPLIED), db_int(filter->reply != CANDIDATE_REPLY_NONE)),
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

struct slice candidate_ref(int64_t id, char out[CANDIDATE_REF_MAX]) {
    int len = snprintf(out, CANDIDATE_REF_MAX, "~%" PRId64, id);
    return slice_of(out, (size_t)len);
}

bool candidate_ref_parse(struct slice text, int64_t *ret_id) {
    int64_t id;
    if (text.len < 2 || text.ptr[0] != '~' || text.ptr[1] < '1' || text.ptr[1] > '9' ||
        !slice_parse_i64(slice_from(text, 1), &id))
        return false;
    *ret_id = id;
    return true;
}

int candidates_get(struct db *db, int64_t organization_id, int64_t jobs_of, struct slice id, struct arena *arena,
                   struct candidate_view *ret, struct err *err) {
    struct db_rows *rows;
    int64_t number;
    bool numbered = candidate_ref_parse(id, &number);
    int found = db_query_row(
        db, numbered ? &select_by_number : &select_candidate,
        DB_VALUES(db_int(organization_id), numbered ? db_int(number) : db_text(id), db_int(jobs_of)), &rows, err);
    if (found < 0) return found;
    if (found == 0) return err_set(err, ERR_NOT_FOUND, "there is no candidate with this id");
    read_candidate(rows, arena, ret);
    db_rows_free(rows);
    return 0;
}

static void add_email(struct candidate_figures *figures, struct delay_histogram *delays,
                      const struct email_stats *stats) {
    struct contribution contribution = counters_contribution(stats);
    contribution_add(&figures->figures.sums, &contribution);
    if (stats->opened_at != TIME_UNSET) delay_histogram_add(delays, open_delay_bucket(open_delay_ms(stats)), 1);
    if (stats->sent_at > figures->last_sent_at) figures->last_sent_at = stats->sent_at;
    if (stats->last_human_at > figures->last_human_at) figures->last_human_at = stats->last_human_at;
}

static struct candidate_figures *find_figures(const int64_t *ids, struct candidate_figures *all, size_t count,
                                              int64_t id) {
    for (size_t i = 0; i < count; i++)
        if (ids[i] == id) return &all[i];
    return NULL;
}

static int read_figures(struct db_rows *rows, const int64_t *ids, struct candidate_figures *all, size_t count,
                        struct err *err) {
    struct delay_histogram *delays = memory_alloc(sizeof(*delays));
    struct candidate_figures *current = NULL;
    int64_t last_id = 0, emails = 0;
    int result;
    while ((result = db_next(rows, err)) > 0) {
        struct email_stats stats;
        int64_t id = db_column_int(rows, 0);
        if (!current || id != last_id) {
            if (current) current->figures.median_open_delay_s = delay_histogram_median(delays);
            memset(delays, 0, sizeof(*delays));
            current = find_figures(ids, all, count, last_id = id);
            emails = 0;
        }
        if (!current || emails++ >= CANDIDATE_EMAILS_MAX) continue;
        email_stats_read(rows, 1, &stats);
        add_email(current, delays, &stats);
    }
    if (current) current->figures.median_open_delay_s = delay_histogram_median(delays);
    free(delays);
    return result;
}

int candidates_figures(struct db *db, int64_t organization_id, int64_t jobs_of, const int64_t *ids, size_t count,
                       struct candidate_figures *ret, struct err *err) {
    struct db_rows *rows;
    if (count == 0) return 0;
    for (size_t i = 0; i < count; i++)
        ret[i] = (struct candidate_figures){
            .figures = {.median_open_delay_s = MEDIAN_NONE}, .last_sent_at = TIME_UNSET, .last_human_at = TIME_UNSET};
    struct arena *arena = arena_new();
    int result = db_query(
        db, &select_figures,
        DB_VALUES(db_int(organization_id), db_list(arena, ids, count), db_int(CANDIDATE_EMAILS_MAX), db_int(jobs_of)),
        &rows, err);
    arena_free(arena);
    if (result < 0) return result;
    result = read_figures(rows, ids, ret, count, err);
    db_rows_free(rows);
    return result;
}

#define LATEST(column)                                                                                                 \
    "(SELECT r." column " FROM consent_records r WHERE r.organization_id = $1 AND r.candidate_id = c.id"               \
    " ORDER BY r.recorded_at DESC, r.id DESC LIMIT 1)"
#define ANSWERS(contains)                                                                                              \
    "SELECT " CANDIDATE_COLUMNS ", -1, " LATEST("channel") ", " LATEST(                                                \
        "recorded_at") " FROM candidates c WHERE "                                                                     \
                       "c.organization_id = $1 AND c.tracking IS NOT NULL AND c.id < $2 AND (CAST($3 AS TEXT) = '' "   \
                       "OR " contains("c.external_id") " OR " contains("coalesce(c.name, '')") " OR " contains(        \
                           "coalesce(c.email, '')") ") ORDER BY c.id DESC LIMIT $4"
static const struct statement select_answers = {
    .name = "answers of candidates",
    .sql = ANSWERS(DB_CONTAINS),
    .sql_postgres = ANSWERS(DB_CONTAINS_POSTGRES),
};

int candidates_answers(struct db *db, int64_t organization_id, struct slice search, int64_t before, size_t limit,
                       struct arena *arena, struct candidate_answer **ret, size_t *ret_count, struct err *err) {
    struct db_rows *rows;
    int result = db_query(db, &select_answers,
                          DB_VALUES(db_int(organization_id), db_int(before), db_text(search.ptr ? search : SLICE("")),
                                    db_int((int64_t)limit)),
                          &rows, err);
    if (result < 0) return result;
    struct candidate_answer *answers = arena_alloc_array(arena, limit, sizeof(*answers));
    size_t count = 0;
    while (count < limit && (result = db_next(rows, err)) > 0) {
        struct candidate_answer *answer = &answers[count++];
        read_candidate(rows, arena, &answer->candidate);
        answer->channel = row_text(rows, 9, arena);
        answer->answered_at = row_time(rows, 10);
    }
    db_rows_free(rows);
    if (result < 0) return result;
    *ret = answers;
    *ret_count = count;
    return 0;
}

int candidates_jobs(struct db *db, int64_t organization_id, int64_t jobs_of, const int64_t *ids, size_t count,
                    struct arena *arena, struct candidate_job **ret, size_t *ret_count, struct err *err) {
    struct db_rows *rows;
    struct candidate_job *jobs = NULL;
    size_t found = 0, capacity = 0;
    int result = db_query(
        db, &select_jobs,
        DB_VALUES(db_int(organization_id), db_list(arena, ids, count), db_int(CANDIDATE_JOBS_MAX), db_int(jobs_of)),
        &rows, err);
    if (result < 0) return result;
    while ((result = db_next(rows, err)) > 0) {
        jobs = rows_grow(arena, jobs, found, &capacity, sizeof(*jobs));
        jobs[found++] = (struct candidate_job){.candidate_id = db_column_int(rows, 0),
                                               .external_id = row_text(rows, 1, arena),
                                               .name = row_text(rows, 2, arena)};
    }
    db_rows_free(rows);
    if (result < 0) return result;
    *ret = jobs;
    *ret_count = found;
    return 0;
}
