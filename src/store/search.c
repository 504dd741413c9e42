#include "store/search.h"

#include "base/strbuf.h"
#include "model/counters.h"
#include "store/db.h"
#include "store/rows.h"
#include "store/visible.h"

#include "base/banned.h"

/* ---- statements ---- */

/* The columns as the indices of 013_search.sql (names) and 012_views.sql (addresses) have them. $2 to $3: from the text
 * to behind everything that begins so. */
#define NAME                   "c.folded_name"
#define LAST_NAME              "substr(c.folded_name, instr(c.folded_name, ' ') + 1)"
#define LAST_NAME_POSTGRES     "substr(c.folded_name, strpos(c.folded_name, ' ') + 1)"
#define ADDRESS                "lower(c.email)"
#define ADDRESS_POSTGRES       "(lower(c.email) COLLATE \"C\")"
#define BLANK                  "instr(c.folded_name, ' ') > 0"
#define BLANK_POSTGRES         "strpos(c.folded_name, ' ') > 0"
#define BEGINS(column)         column " >= folded($2) AND " column " < folded($3)"
#define ADDRESS_BEGINS(column) column " >= lower($2) AND " column " < lower($3)"

#define FOUND_CANDIDATE           "c.id, c.external_id, c.name, c.title"
#define FIND_CANDIDATE            "SELECT " FOUND_CANDIDATE " FROM candidates c WHERE c.organization_id = $1 AND "
#define BY_ID                     FIND_CANDIDATE "c.external_id = $2 AND $5 = $5"
#define ALONG(column, condition)  "SELECT * FROM (" FIND_CANDIDATE condition " ORDER BY " column " LIMIT $4) "
#define BY_NAME                   ALONG(NAME, NAME " IS NOT NULL AND " BEGINS(NAME)) "a"
#define BY_LAST_NAME(last, blank) ALONG(last, blank " AND " BEGINS(last)) "b"
#define BY_ADDRESS(address)       ALONG(address, "c.email IS NOT NULL AND " ADDRESS_BEGINS(address)) "d"
#define CANDIDATES(last, address, blank)                                                                               \
    "SELECT x.id, x.external_id, x.name, x.title, NULL FROM (" BY_NAME                                                 \
    " UNION " BY_LAST_NAME(last, blank) " UNION " BY_ADDRESS(                                                          \
        address) " UNION " BY_ID ") x ORDER BY folded(coalesce(x.name, x.external_id)), x.id LIMIT $4"
/* Of some jobs: their candidates are few beside all whose name begins so. */
#define BEGINS_ANY(last, address, blank)                                                                               \
    "(" BEGINS(NAME) " OR (" blank " AND " BEGINS(last) ") OR " ADDRESS_BEGINS(address) " OR c.external_id = $2)"
#define CANDIDATES_OF_JOBS(last, address, blank)                                                                       \
    "SELECT DISTINCT c.id, c.external_id, c.name, c.title, NULL, folded(coalesce(c.name, c.external_id)) FROM "        \
    "candidate_jobs k JOIN candidates c ON c.organization_id = $1 AND c.id = k.candidate_id WHERE "                    \
    "k.organization_id = $1 AND k.job_id IN " JOBS_OF("$5") " AND " BEGINS_ANY(last, address,                          \
                                                                               blank) " ORDER BY 6, 1 LIMIT $4"

static const struct statement candidates[2] = {
    {.name = "search candidates",
     .sql = CANDIDATES(LAST_NAME, ADDRESS, BLANK),
     .sql_postgres = CANDIDATES(LAST_NAME_POSTGRES, ADDRESS_POSTGRES, BLANK_POSTGRES)},
    {.name = "search candidates of jobs",
     .sql = CANDIDATES_OF_JOBS(LAST_NAME, ADDRESS, BLANK),
     .sql_postgres = CANDIDATES_OF_JOBS(LAST_NAME_POSTGRES, ADDRESS_POSTGRES, BLANK_POSTGRES)},
};

#define TEXT_OF_NEWEST(number) #number
#define NEWEST_LIMIT(number)   TEXT_OF_NEWEST(number)
/* $2 a pattern, $3 limit, $4 whose jobs. */
#define THINGS(table, visible)                                                                                         \
    "SELECT x.id, x.external_id, x.name, NULL, NULL FROM (SELECT id, external_id, name FROM " table                    \
    " WHERE organization_id = $1 AND " visible " ORDER BY id DESC LIMIT " NEWEST_LIMIT(                                \
        SEARCH_NEWEST) ") x"                                                                                           \
                       " WHERE folded(coalesce(x.name, x.external_id)) LIKE folded($2) ESCAPE '!'"                     \
                       " ORDER BY x.id DESC LIMIT $3"
static const struct statement things[] = {
    [SEARCH_JOBS] = {.name = "search jobs", .sql = THINGS("jobs", JOB_VISIBLE("$4", "id"))},
    [SEARCH_TEMPLATES] = {.name = "search templates", .sql = THINGS("templates", "CAST($4 AS BIGINT) = 0")},
    [SEARCH_CAMPAIGNS] = {.name = "search campaigns", .sql = THINGS("campaigns", "CAST($4 AS BIGINT) = 0")},
};
static const struct statement emails = {
    .name = "search emails",
    .sql = "SELECT x.id, NULL, x.subject, coalesce(p.name, p.external_id), x.sent_at FROM (SELECT id, subject, sent_at,"
           " recipient_id, cohort_id FROM email_logs WHERE organization_id = $1 ORDER BY sent_at DESC, id DESC"
           " LIMIT " NEWEST_LIMIT(SEARCH_NEWEST) ") x"
                                                 " LEFT JOIN candidates p ON p.organization_id = $1 AND p.id = "
                                                 "x.recipient_id"
                                                 " WHERE folded(x.subject) LIKE folded($2) ESCAPE '!' AND " JOB_VISIBLE(
                                                     "$4",
                                                     "(SELECT job_id FROM cohorts WHERE organization_id = $1 AND id = "
                                                     "x.cohort_id)") " ORDER BY x.sent_at DESC, x.id DESC LIMIT $3",
};

/* ---- reading ---- */

static int read_found(struct db *db, const struct statement *statement, const struct db_value *values,
                      size_t value_count, size_t limit, struct arena *arena, struct found **ret, size_t *ret_count,
                      struct err *err) {
    struct db_rows *rows;
    struct found *found = arena_alloc_array(arena, limit, sizeof(*found));
    size_t count = 0;
    int result = db_query(db, statement, values, value_count, &rows, err);
    if (result < 0) return result;
    while (count < limit && (result = db_next(rows, err)) > 0)
        found[count++] = (struct found){
            .id = db_column_int(rows, 0),
            .external_id = row_text(rows, 1, arena),
            .name = row_text(rows, 2, arena),
            .detail = row_text(rows, 3, arena),
            .at = row_time(rows, 4),
        };
    db_rows_free(rows);
    if (result < 0) return result;
    *ret = found;
    *ret_count = count;
    return 0;
}

/* Behind every text that begins with this one: U+10FFFF is the last character there is. */
static struct slice end_of_prefix(struct arena *arena, struct slice text) {
    return slice_cstr(arena_printf(arena, "%.*s\xf4\x8f\xbf\xbf", SLICE_FMT(text)));
}

static struct slice contains(struct arena *arena, struct slice text) {
    struct strbuf pattern;
    strbuf_init(&pattern, 2 * text.len + 2);
    strbuf_add_char(&pattern, '%');
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '%' || text.ptr[i] == '_' || text.ptr[i] == '!') strbuf_add_char(&pattern, '!');
        strbuf_add_char(&pattern, text.ptr[i]);
    }
    strbuf_add_char(&pattern, '%');
    struct slice copy = arena_copy(arena, strbuf_slice(&pattern));
    strbuf_release(&pattern);
    return copy;
}

int search_candidates(struct db *db, int64_t organization_id, int64_t jobs_of, struct slice text, size_t limit,
                      struct arena *arena, struct found **ret, size_t *ret_count, struct err *err) {
    return read_found(db, &candidates[jobs_of != 0],
                      DB_VALUES(db_int(organization_id), db_text(text), db_text(end_of_prefix(arena, text)),
                                db_int((int64_t)limit), db_int(jobs_of)),
                      limit, arena, ret, ret_count, err);
}

int search_things(struct db *db, int64_t organization_id, int64_t jobs_of, enum searched_kind kind, struct slice text,
                  size_t limit, struct arena *arena, struct found **ret, size_t *ret_count, struct err *err) {
    return read_found(
        db, &things[kind],
        DB_VALUES(db_int(organization_id), db_text(contains(arena, text)), db_int((int64_t)limit), db_int(jobs_of)),
        limit, arena, ret, ret_count, err);
}

int search_emails(struct db *db, int64_t organization_id, int64_t jobs_of, struct slice text, size_t limit,
                  struct arena *arena, struct found **ret, size_t *ret_count, struct err *err) {
    return read_found(
        db, &emails,
        DB_VALUES(db_int(organization_id), db_text(contains(arena, text)), db_int((int64_t)limit), db_int(jobs_of)),
        limit, arena, ret, ret_count, err);
}
