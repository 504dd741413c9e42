#include "store/outbox.h"

#include "base/strbuf.h"
#include "store/rows.h"

#include "base/banned.h"

#define ROWS_TEXT_MAX (64UL << 20)

#define INSERT                                                                                                         \
    "INSERT INTO event_outbox (organization_id, kind, email_log_id, event_type, occurred_at, link_id, candidate_id) "
/* All rows in one value: PostgreSQL then takes one round trip for them. */
static const struct statement insert = {
    .name = "outbox insert",
    .sql = INSERT "SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6 "
                  "FROM json_each($1)",
    .sql_postgres = INSERT "SELECT (e ->> 0)::bigint, (e ->> 1)::smallint, (e ->> 2)::bigint, (e ->> 3)::smallint, "
                           "(e ->> 4)::bigint, (e ->> 5)::bigint, (e ->> 6)::bigint "
                           "FROM json_array_elements(CAST($1 AS json)) AS e",
};

static const struct statement select_oldest = {
    .name = "outbox",
    .sql = "SELECT o.organization_id, o.id, o.kind, o.email_log_id, o.event_type, o.occurred_at, o.link_id, "
           "o.candidate_id, e.sender_id, e.recipient_id, e.subject, c.job_id, p.external_id, p.name, p.title, "
           "j.external_id, j.name, l.url, s.opened_at, coalesce(k.score, -1), g.score_enabled, g.score_hot "
           "FROM (SELECT * FROM event_outbox ORDER BY id LIMIT $1) o "
           "LEFT JOIN email_logs e ON e.organization_id = o.organization_id AND e.id = o.email_log_id "
           "LEFT JOIN email_stats s ON s.organization_id = o.organization_id AND s.email_log_id = o.email_log_id "
           "LEFT JOIN cohorts c ON c.organization_id = o.organization_id AND c.id = e.cohort_id "
           "LEFT JOIN candidates p ON p.organization_id = o.organization_id "
           "AND p.id = coalesce(e.recipient_id, o.candidate_id) "
           "LEFT JOIN jobs j ON j.organization_id = o.organization_id AND j.id = c.job_id "
           "LEFT JOIN candidate_scores k ON k.organization_id = o.organization_id AND k.candidate_id = p.id "
           "LEFT JOIN organizations g ON g.organization_id = o.organization_id "
           "LEFT JOIN links l ON l.organization_id = o.organization_id AND l.id = o.link_id AND o.link_id <> 0 "
           "ORDER BY o.id",
};

#define REMOVE(list) "DELETE FROM event_outbox WHERE organization_id IN " list("$1") " AND id IN " list("$2")
static const struct statement remove_rows = {
    .name = "outbox removal", .sql = REMOVE(DB_LIST), .sql_postgres = REMOVE(DB_LIST_POSTGRES)};

#define SENDERS(list) "SELECT id, sender_id FROM cohorts WHERE organization_id = $1 AND id IN " list("$2")
static const struct statement senders = {
    .name = "senders of cohorts", .sql = SENDERS(DB_LIST), .sql_postgres = SENDERS(DB_LIST_POSTGRES)};

int outbox_append(struct db *db, const struct outbox_row *rows, size_t count, struct err *err) {
    struct strbuf text;
    if (count == 0) return 0;
    strbuf_init(&text, ROWS_TEXT_MAX);
    strbuf_add_char(&text, '[');
    for (size_t i = 0; i < count; i++)
        strbuf_printf(&text, "%s[%lld,%d,%lld,%d,%lld,%lld,%lld]", i > 0 ? "," : "", (long long)rows[i].organization_id,
                      (int)rows[i].kind, (long long)rows[i].email_log_id, (int)rows[i].event_type,
                      (long long)rows[i].occurred_at, (long long)rows[i].link_id, (long long)rows[i].candidate_id);
    strbuf_add_char(&text, ']');
    int r = text.overflow ? err_set(err, ERR_TOO_LARGE, "too many events in one transaction")
                          : db_run(db, &insert, DB_VALUES(db_text(strbuf_slice(&text))), NULL, err);
    strbuf_release(&text);
    return r;
}

static struct outbox_item read_item(const struct db_rows *rows, struct arena *arena) {
    struct outbox_item item = {
        .row = {.organization_id = db_column_int(rows, 0),
                .kind = (enum outbox_kind)db_column_int(rows, 2),
                .email_log_id = db_column_int(rows, 3),
                .event_type = (enum event_type)db_column_int(rows, 4),
                .occurred_at = db_column_int(rows, 5),
                .link_id = db_column_int(rows, 6),
                .candidate_id = db_column_int(rows, 7)},
        .id = db_column_int(rows, 1),
        .sender_id = db_column_int(rows, 8),
        .candidate_id = db_column_int(rows, 9),
        .subject = row_text(rows, 10, arena),
        .job_id = db_column_int(rows, 11),
        .candidate_external_id = row_text(rows, 12, arena),
        .candidate_name = row_text(rows, 13, arena),
        .candidate_title = row_text(rows, 14, arena),
        .job_external_id = row_text(rows, 15, arena),
        .job_title = row_text(rows, 16, arena),
        .url = row_text(rows, 17, arena),
        .first_opened_at = row_time(rows, 18),
        .below_hot = db_column_int(rows, 20) != 0 && db_column_int(rows, 19) < db_column_int(rows, 21),
    };
    if (item.candidate_id == 0) item.candidate_id = item.row.candidate_id;
    return item;
}

int outbox_load(struct db *db, size_t limit, struct arena *arena, struct outbox_item **ret, size_t *ret_count,
                struct err *err) {
    struct outbox_item *items = arena_alloc_array(arena, limit, sizeof(*items));
    struct db_rows *rows;
    size_t count = 0;
    int r = db_query(db, &select_oldest, DB_VALUES(db_int((int64_t)limit)), &rows, err);
    if (r < 0) return r;
    while (count < limit && (r = db_next(rows, err)) > 0)
        items[count++] = read_item(rows, arena);
    db_rows_free(rows);
    if (r < 0) return r;
    *ret = items;
    *ret_count = count;
    return 0;
}

int outbox_remove(struct db *db, const struct outbox_item *items, size_t count, struct arena *arena, struct err *err) {
    int64_t *organizations = arena_alloc_array(arena, count, sizeof(*organizations));
    int64_t *ids = arena_alloc_array(arena, count, sizeof(*ids));
    int64_t changes = 0;
    size_t different = 0;
    for (size_t i = 0; i < count; i++) {
        ids[i] = items[i].id;
        bool known = false;
        for (size_t n = 0; n < different && !known; n++)
            known = organizations[n] == items[i].row.organization_id;
        if (!known) organizations[different++] = items[i].row.organization_id;
    }
    int r = db_run(db, &remove_rows, DB_VALUES(db_list(arena, organizations, different), db_list(arena, ids, count)),
                   &changes, err);
    if (r < 0) return r;
    return changes == (int64_t)count ? 0 : err_set(err, ERR_CONFLICT, "another node has told of these events");
}

int cohort_senders(struct db *db, int64_t organization_id, const int64_t *cohorts, size_t count, int64_t *ret_senders,
                   struct arena *arena, struct err *err) {
    struct db_rows *rows;
    int r = db_query(db, &senders, DB_VALUES(db_int(organization_id), db_list(arena, cohorts, count)), &rows, err);
    if (r < 0) return r;
    memset(ret_senders, 0, count * sizeof(*ret_senders));
    while ((r = db_next(rows, err)) > 0)
        for (size_t i = 0; i < count; i++)
            if (cohorts[i] == db_column_int(rows, 0)) ret_senders[i] = db_column_int(rows, 1);
    db_rows_free(rows);
    return r < 0 ? r : 0;
}
