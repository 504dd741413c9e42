#include "store/emails.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/timezone.h"
#include "store/db.h"
#include "store/email_columns.h"
#include "store/rows.h"
#include "store/visible.h"

#include "base/banned.h"

static const char *const status_names[] = {
    [EMAIL_ANY] = "any",         [EMAIL_DELIVERED] = "delivered",       [EMAIL_OPENED] = "opened",
    [EMAIL_CLICKED] = "clicked", [EMAIL_REPLIED] = "replied",           [EMAIL_BOUNCED] = "bounced",
    [EMAIL_DROPPED] = "dropped", [EMAIL_UNSUBSCRIBED] = "unsubscribed", [EMAIL_COMPLAINED] = "complained",
};
#define STATUS_COUNT (sizeof(status_names) / sizeof(status_names[0]))

const char *email_status_name(enum email_status status) {
    return (size_t)status < STATUS_COUNT ? status_names[status] : NULL;
}

bool email_status_parse(struct slice name, enum email_status *ret) {
    for (size_t i = 0; i < STATUS_COUNT; i++) {
        if (!slice_equal(name, slice_cstr(status_names[i]))) continue;
        *ret = (enum email_status)i;
        return true;
    }
    return false;
}

/* ---- statements ---- */

#define EMAIL_COLUMNS                                                                                                  \
    EMAIL_STATS_COLUMNS ", e.message_id, e.rfc_message_id, e.subject, e.recipient_address, e.sequence_step, c.day,"    \
                        " p.external_id, p.name, p.email, p.title, u.external_id, u.name, u.email,"                    \
                        " j.external_id, j.name, t.external_id, t.name, g.external_id, g.name, q.external_id, q.name," \
                        " e.recipient_id"
#define EMAIL_JOINS                                                                                                    \
    " JOIN email_stats s ON s.organization_id = e.organization_id AND s.email_log_id = e.id"                           \
    " JOIN cohorts c ON c.organization_id = e.organization_id AND c.id = e.cohort_id"                                  \
    " LEFT JOIN candidates p ON p.organization_id = e.organization_id AND p.id = e.recipient_id"                       \
    " LEFT JOIN users u ON u.organization_id = e.organization_id AND u.id = e.sender_id"                               \
    " LEFT JOIN jobs j ON j.organization_id = e.organization_id AND j.id = c.job_id"                                   \
    " LEFT JOIN templates t ON t.organization_id = e.organization_id AND t.id = c.template_id"                         \
    " LEFT JOIN campaigns g ON g.organization_id = e.organization_id AND g.id = c.campaign_id"                         \
    " LEFT JOIN sequences q ON q.organization_id = e.organization_id AND q.id = c.sequence_id"

static const struct statement select_email = {
    .name = "email",
    .sql = "SELECT " EMAIL_COLUMNS " FROM email_logs e" EMAIL_JOINS " WHERE e.organization_id = $1 AND e.id = $2"
           " AND " JOB_VISIBLE("$3", "c.job_id"),
};

/* A page: first its keys out of the index that fits the conditions, then the wide rows of those alone. `tables` gives
 * the order in which SQLite walks (CROSS JOIN). $1 organization, $2 and $3 days, $4 to $7 job, template, campaign,
 * sender, $8 and $9 the times between which emails are looked at (the later one excluded), $10 enum email_status, $11
 * limit, $12 and $13 sent_at and id of the email before the page, $14 candidate, $15 whose jobs (visible.h), $16 and
 * $17 the times between which the status must have come about (the later one excluded). */
#define LIST(tables, more)                                                                                             \
    "SELECT " EMAIL_COLUMNS " FROM (SELECT f.organization_id, f.id FROM " tables                                       \
    " WHERE f.organization_id = $1 AND k.organization_id = $1 AND k.id = f.cohort_id"                                  \
    " AND f.sent_at >= $8 AND f.sent_at < $9 AND (f.sent_at, f.id) < ($12, $13)"                                       \
    " AND k.day >= $2 AND k.day <= $3 AND " JOB_VISIBLE(                                                               \
        "$15",                                                                                                         \
        "k.job_id") " AND (CAST($4 AS BIGINT) = 0 OR k.job_id = $4) AND (CAST($5 AS BIGINT) = 0 OR k.template_id = "   \
                    "$5)"                                                                                              \
                    " AND (CAST($6 AS BIGINT) = 0 OR k.campaign_id = $6) AND (CAST($7 AS BIGINT) = 0 OR k.sender_id "  \
                    "= $7)"                                                                                            \
                    " AND (CAST($10 AS BIGINT) = 0 OR EXISTS (SELECT 1 FROM email_stats s WHERE s.organization_id = "  \
                    "$1"                                                                                               \
                    " AND s.email_log_id = f.id AND $16 <= CASE $10 WHEN 1 THEN s.delivered_at WHEN 2 THEN "           \
                    "s.opened_at"                                                                                      \
                    " WHEN 3 THEN s.clicked_at WHEN 4 THEN s.replied_at WHEN 5 THEN s.bounced_at WHEN 6 THEN "         \
                    "s.dropped_at WHEN 7 THEN s.unsubscribed_at WHEN 8 THEN s.complained_at END AND CASE $10 WHEN 1 "  \
                    "THEN s.delivered_at WHEN 2 THEN s.opened_at WHEN 3 THEN s.clicked_at WHEN 4 THEN s.replied_at "   \
                    "WHEN 5 THEN s.bounced_at WHEN 6 THEN s.dropped_at WHEN 7 THEN s.unsubscribed_at WHEN 8 THEN "     \
                    "s.complained_at END < $17))" more " ORDER BY f.sent_at DESC, f.id DESC LIMIT $11) o"              \
                    " JOIN email_logs e ON e.organization_id = o.organization_id AND e.id = o.id" EMAIL_JOINS          \
                    " ORDER BY e.sent_at DESC, e.id DESC"

static const struct statement list_by_time = {
    .name = "emails by time",
    .sql = LIST("email_logs f CROSS JOIN cohorts k", " AND CAST($14 AS BIGINT) = 0"),
    .plan_each_time = true,
};
static const struct statement list_by_cohort = {
    .name = "emails by cohort",
    .sql = LIST("cohorts k CROSS JOIN email_logs f", " AND CAST($14 AS BIGINT) = 0"),
    .plan_each_time = true,
};
static const struct statement list_by_candidate = {
    .name = "emails by candidate",
    .sql = LIST("email_logs f CROSS JOIN cohorts k", " AND f.recipient_id = $14"),
    .plan_each_time = true,
};
/* Cohorts in which anything happened in the days $18 to $19: an email whose status came about then is of one of these.
 */
static const struct statement list_by_activity = {
    .name = "emails by activity",
    .sql =
        LIST("cohorts k CROSS JOIN email_logs f",
             " AND CAST($14 AS BIGINT) = 0 AND k.id IN (SELECT a.cohort_id FROM activity a WHERE a.organization_id = $1"
             " AND a.day >= $18 AND a.day <= $19 UNION SELECT d.cohort_id FROM cohort_deltas d"
             " WHERE d.organization_id = $1 AND d.day >= $18 AND d.day <= $19)"),
};
#define LIST_VALUES     17
#define ACTIVITY_VALUES 19

static const struct statement select_sent_range = {
    .name = "first and last email",
    .sql = "SELECT (SELECT MIN(sent_at) FROM email_logs WHERE organization_id = $1),"
           " (SELECT MAX(sent_at) FROM email_logs WHERE organization_id = $1)",
};

static const struct statement select_links = {
    .name = "links of an email",
    .sql = "SELECT x.link_id, x.clicked_at, x.click_count, x.machine_click_count, l.url, l.position,"
           /* The text that the link had when the email was registered; the last one, should none be that old. */
           " (SELECT t.text FROM link_texts t WHERE t.organization_id = l.organization_id AND t.link_hash = l.link_hash"
           "  AND t.link_check = l.link_check ORDER BY CASE WHEN t.created_at <= (SELECT f.created_at FROM email_logs f"
           "  WHERE f.organization_id = $1 AND f.id = $2) THEN 0 ELSE 1 END, t.created_at DESC LIMIT 1)"
           " FROM email_links x"
           " LEFT JOIN links l ON l.organization_id = x.organization_id AND l.id = x.link_id"
           " WHERE x.organization_id = $1 AND x.email_log_id = $2 ORDER BY l.position, x.link_id LIMIT $3",
};

static const struct statement select_providers = {
    .name = "providers of endpoints",
    .sql = "SELECT id, provider FROM endpoints WHERE organization_id = $1 ORDER BY id DESC LIMIT $2",
};

/* ---- reading ---- */

static struct slice take_text(const struct db_rows *rows, int *column, struct arena *arena) {
    return row_text(rows, (*column)++, arena);
}

static void take_named(const struct db_rows *rows, int *column, struct arena *arena, struct named *ret) {
    ret->external_id = take_text(rows, column, arena);
    ret->name = take_text(rows, column, arena);
}

static void read_email(const struct db_rows *rows, struct arena *arena, struct email_view *ret) {
    int column = EMAIL_STATS_COLUMN_COUNT;
    email_stats_read(rows, 0, &ret->stats);
    ret->message_id = take_text(rows, &column, arena);
    ret->rfc_message_id = take_text(rows, &column, arena);
    ret->subject = take_text(rows, &column, arena);
    ret->recipient_address = take_text(rows, &column, arena);
    ret->sequence_step = db_column_int_or(rows, column++, -1);
    ret->day = (int32_t)db_column_int(rows, column++);
    ret->candidate.external_id = take_text(rows, &column, arena);
    ret->candidate.name = take_text(rows, &column, arena);
    ret->candidate.email = take_text(rows, &column, arena);
    ret->candidate.title = take_text(rows, &column, arena);
    ret->sender.external_id = take_text(rows, &column, arena);
    ret->sender.name = take_text(rows, &column, arena);
    ret->sender.email = take_text(rows, &column, arena);
    take_named(rows, &column, arena, &ret->job);
    take_named(rows, &column, arena, &ret->template_);
    take_named(rows, &column, arena, &ret->campaign);
    take_named(rows, &column, arena, &ret->sequence);
    ret->candidate.id = db_column_int(rows, column);
}

int emails_get(struct db *db, int64_t organization_id, int64_t jobs_of, int64_t email_log_id, struct arena *arena,
               struct email_view *ret, struct err *err) {
    struct db_rows *rows;
    int found = db_query_row(db, &select_email,
                             DB_VALUES(db_int(organization_id), db_int(email_log_id), db_int(jobs_of)), &rows, err);
    if (found < 0) return found;
    if (found == 0) return err_set(err, ERR_NOT_FOUND, "there is no email %lld", (long long)email_log_id);
    read_email(rows, arena, ret);
    db_rows_free(rows);
    return 0;
}

/* ---- lists ---- */

/* How far a local date may lie from the UTC date of the same moment; a day is more than any zone needs. */
#define ZONE_MARGIN_MS DAY_MS

struct listing {
    struct db *db;
    struct arena *arena;
    struct email_view *emails;
    size_t count, limit;
    struct db_value values[ACTIVITY_VALUES];
};

/* Appends what a statement finds between two times. */
static int list_between(struct listing *listing, const struct statement *statement, int64_t from, int64_t to,
                        struct err *err) {
    listing->values[7] = db_int(from);
    listing->values[8] = db_int(to);
    listing->values[10] = db_int((int64_t)(listing->limit - listing->count));
    struct db_rows *rows;
    size_t value_count = statement == &list_by_activity ? ACTIVITY_VALUES : LIST_VALUES;
    int result = db_query(listing->db, statement, listing->values, value_count, &rows, err);
    if (result < 0) return result;
    while (listing->count < listing->limit && (result = db_next(rows, err)) > 0)
        read_email(rows, listing->arena, &listing->emails[listing->count++]);
    db_rows_free(rows);
    return result < 0 ? result : 0;
}

/* Emails of some cohorts only: looked for back in time in growing steps, so that neither a rare job is searched for
 * among all emails, nor a year of a frequent one sorted for the sake of one page. */
static int list_by_cohorts(struct listing *listing, const struct statement *statement, int64_t from, int64_t to,
                           struct err *err) {
    struct db_rows *rows;
    int result = db_query_row(listing->db, &select_sent_range, listing->values, 1, &rows, err);
    if (result < 0) return result;
    int64_t first = result > 0 ? db_column_int_or(rows, 0, INT64_MAX) : INT64_MAX;
    int64_t last = result > 0 ? db_column_int_or(rows, 1, 0) : 0;
    if (result > 0) db_rows_free(rows);
    if (from < first) from = first;
    if (to > last + 1) to = last + 1;
    const struct db_value first_day = listing->values[1], last_day = listing->values[2];
    result = 0;
    for (int64_t step = 2 * DAY_MS; to > from && listing->count < listing->limit && result == 0; step *= 4) {
        int64_t begin = to - from > step ? to - step : from;
        /* The same bounds as days: they lead into the index of cohorts. */
        int64_t begin_day = (begin - ZONE_MARGIN_MS) / DAY_MS - 1, end_day = (to + ZONE_MARGIN_MS) / DAY_MS + 1;
        listing->values[1] = begin_day > first_day.integer ? db_int(begin_day) : first_day;
        listing->values[2] = end_day < last_day.integer ? db_int(end_day) : last_day;
        result = list_between(listing, statement, begin, to, err);
        to = begin;
    }
    return result;
}

int emails_list(struct db *db, const struct email_filter *filter, const struct email_page *page, struct arena *arena,
                struct email_view **ret, size_t *ret_count, struct err *err) {
    const struct report_filter *cohort = &filter->cohort;
    struct listing listing = {
        .db = db,
        .arena = arena,
        .emails = arena_alloc_array(arena, page->limit, sizeof(*listing.emails)),
        .limit = page->limit,
        .values = {db_int(cohort->organization_id), db_int(cohort->from_day), db_int(cohort->to_day),
                   db_int(cohort->job_id), db_int(cohort->template_id), db_int(cohort->campaign_id),
                   db_int(cohort->sender_id), db_null(), db_null(), db_int(filter->status), db_null(),
                   db_int(page->has_after ? page->after_sent_at : INT64_MAX),
                   db_int(page->has_after ? page->after_id : INT64_MAX), db_int(filter->candidate_id),
                   db_int(cohort->jobs_of), db_int(TIME_UNSET), db_int(INT64_MAX), db_int(cohort->from_day),
                   db_int(cohort->to_day)},
    };
    int64_t from = cohort->from_day * DAY_MS - ZONE_MARGIN_MS, to = (cohort->to_day + 1) * DAY_MS + ZONE_MARGIN_MS;
    bool by_activity = cohort->basis == REPORT_ACTIVITY && filter->status != EMAIL_ANY;
    if (by_activity) { /* sent at any time up to then */
        listing.values[15] = db_int(timezone_day_start(filter->time_zone, cohort->from_day));
        listing.values[16] = db_int(timezone_day_start(filter->time_zone, cohort->to_day + 1));
        listing.values[1] = db_int(EMAILS_FIRST_DAY);
        listing.values[2] = db_int(EMAILS_LAST_DAY);
        from = EMAILS_FIRST_DAY;
        to = (EMAILS_LAST_DAY + 1) * DAY_MS;
    }
    if (page->has_after && page->after_sent_at < to) to = page->after_sent_at + 1;
    bool of_cohorts =
        cohort->job_id || cohort->template_id || cohort->campaign_id || cohort->sender_id || cohort->jobs_of;
    int result;
    if (filter->candidate_id != REPORT_ANY)
        result = list_between(&listing, &list_by_candidate, from, to, err);
    else if (by_activity)
        result = list_by_cohorts(&listing, &list_by_activity, from, to, err);
    else if (of_cohorts)
        result = list_by_cohorts(&listing, &list_by_cohort, from, to, err);
    else
        result = list_between(&listing, &list_by_time, from, to, err);
    if (result < 0) return result;
    *ret = listing.emails;
    *ret_count = listing.count;
    return 0;
}

int emails_links(struct db *db, int64_t organization_id, int64_t email_log_id, size_t limit, struct arena *arena,
                 struct email_link **ret, size_t *ret_count, struct err *err) {
    struct db_rows *rows;
    int result = db_query(db, &select_links,
                          DB_VALUES(db_int(organization_id), db_int(email_log_id), db_int((int64_t)limit)), &rows, err);
    if (result < 0) return result;
    struct email_link *links = arena_alloc_array(arena, limit, sizeof(*links));
    size_t count = 0;
    while (count < limit && (result = db_next(rows, err)) > 0) {
        int column = 4;
        struct email_link *link = &links[count++];
        link_stats_init(&link->stats);
        link->stats.email_log_id = email_log_id;
        link->stats.link_id = db_column_int(rows, 0);
        link->stats.clicked_at = db_column_int_or(rows, 1, TIME_UNSET);
        link->stats.click_count = db_column_int(rows, 2);
        link->stats.machine_click_count = db_column_int(rows, 3);
        link->url = take_text(rows, &column, arena);
        link->position = (int32_t)db_column_int_or(rows, column++, LINK_POSITION_NONE);
        link->text = take_text(rows, &column, arena);
    }
    db_rows_free(rows);
    if (result < 0) return result;
    *ret = links;
    *ret_count = count;
    return 0;
}

/* ---- providers ---- */

#define PROVIDERS_MAX 1000

struct event_providers {
    size_t count;
    struct {
        int64_t endpoint_id;
        struct slice name;
    } list[];
};

int event_providers_load(struct db *db, int64_t organization_id, struct arena *arena, struct event_providers **ret,
                         struct err *err) {
    struct db_rows *rows;
    int result = db_query(db, &select_providers, DB_VALUES(db_int(organization_id), db_int(PROVIDERS_MAX)), &rows, err);
    if (result < 0) return result;
    struct event_providers *providers =
        arena_alloc(arena, sizeof(*providers) + PROVIDERS_MAX * sizeof(providers->list[0]));
    while (providers->count < PROVIDERS_MAX && (result = db_next(rows, err)) > 0) {
        providers->list[providers->count].endpoint_id = db_column_int(rows, 0);
        providers->list[providers->count++].name = arena_copy(arena, db_column_text(rows, 1));
    }
    db_rows_free(rows);
    if (result < 0) return result;
    *ret = providers;
    return 0;
}

struct slice event_provider(const struct event_providers *providers, int64_t endpoint_id) {
    if (endpoint_id == 0) return SLICE("inkling");
    for (size_t i = 0; i < providers->count; i++)
        if (providers->list[i].endpoint_id == endpoint_id) return providers->list[i].name;
    return SLICE_NONE;
}
