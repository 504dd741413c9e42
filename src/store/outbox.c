#include "store/outbox.h"

#include "base/strbuf.h"
#include "store/outbox_rows.h"
#include "store/rows.h"

#include "base/banned.h"

#define ROWS_TEXT_MAX (64UL << 20)

#define INSERT                                                                                                         \
    "INSERT INTO event_outbox (organization_id, kind, email_log_id, event_type, occurred_at, link_id, candidate_id, "  \
    "recipient_ref, score, level, former_level) "
/* All rows in one value: PostgreSQL then takes one round trip for them. */
static const struct statement insert = {
    .name = "outbox insert",
    .sql = INSERT "SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, "
                  "value ->> 7, value ->> 8, value ->> 9, value ->> 10 FROM json_each($1)",
    .sql_postgres = INSERT "SELECT (e ->> 0)::bigint, (e ->> 1)::smallint, (e ->> 2)::bigint, (e ->> 3)::smallint, "
                           "(e ->> 4)::bigint, (e ->> 5)::bigint, (e ->> 6)::bigint, (e ->> 7)::bigint, "
                           "(e ->> 8)::smallint, (e ->> 9)::smallint, (e ->> 10)::smallint "
                           "FROM json_array_elements(CAST($1 AS json)) AS e",
};

static const struct statement select_oldest = {
    .name = "outbox",
    .sql = "SELECT " OUTBOX_ITEM_COLUMNS " FROM (SELECT * FROM event_outbox ORDER BY id LIMIT $1) o" OUTBOX_ITEM_JOINS
           " ORDER BY o.id",
};

#define REMOVE(list) "DELETE FROM event_outbox WHERE organization_id IN " list("$1") " AND id IN " list("$2")
static const struct statement remove_rows = {
    .name = "outbox removal", .sql = REMOVE(DB_LIST), .sql_postgres = REMOVE(DB_LIST_POSTGRES)};

/* SQLite takes the index that begins with organization_id for better than the ids themselves, unless told ("+"): it
 * would read every cohort. */
#define SENDERS(organization, list)                                                                                    \
    "SELECT id, sender_id FROM cohorts WHERE " organization " = $1 AND id IN " list("$2")
static const struct statement senders = {
    .name = "senders of cohorts",
    .sql = SENDERS("+organization_id", DB_LIST),
    .sql_postgres = SENDERS("organization_id", DB_LIST_POSTGRES),
};

int outbox_append(struct db *db, const struct outbox_row *rows, size_t count, struct err *err) {
    struct strbuf text;
    if (count == 0) return 0;
    strbuf_init(&text, ROWS_TEXT_MAX);
    strbuf_add_char(&text, '[');
    for (size_t i = 0; i < count; i++)
        strbuf_printf(&text, "%s[%lld,%d,%lld,%d,%lld,%lld,%lld,%lld,%lld,%d,%d]", i > 0 ? "," : "",
                      (long long)rows[i].organization_id, (int)rows[i].kind, (long long)rows[i].email_log_id,
                      (int)rows[i].event_type, (long long)rows[i].occurred_at, (long long)rows[i].link_id,
                      (long long)rows[i].candidate_id, (long long)rows[i].recipient_ref, (long long)rows[i].score,
                      (int)rows[i].level, (int)rows[i].former_level);
    strbuf_add_char(&text, ']');
    int r = text.overflow ? err_set(err, ERR_TOO_LARGE, "too many events in one transaction")
                          : db_run(db, &insert, DB_VALUES(db_text(strbuf_slice(&text))), NULL, err);
    strbuf_release(&text);
    return r;
}

struct outbox_item outbox_item_read(const struct db_rows *rows, int first_column, struct arena *arena) {
    int at = first_column;
    struct outbox_item item = {
        .row = {.organization_id = db_column_int(rows, at),
                .kind = (enum outbox_kind)db_column_int(rows, at + 2),
                .email_log_id = db_column_int(rows, at + 3),
                .event_type = (enum event_type)db_column_int(rows, at + 4),
                .occurred_at = db_column_int(rows, at + 5),
                .link_id = db_column_int(rows, at + 6),
                .candidate_id = db_column_int(rows, at + 7),
                .recipient_ref = db_column_int(rows, at + 8),
                .score = db_column_int(rows, at + 9),
                .level = (enum score_level)db_column_int(rows, at + 10),
                .former_level = (enum score_level)db_column_int(rows, at + 11)},
        .id = db_column_int(rows, at + 1),
        .sender_id = db_column_int(rows, at + 12),
        .candidate_id = db_column_int(rows, at + 13),
        .message_id = row_text(rows, at + 14, arena),
        .subject = row_text(rows, at + 15, arena),
        .job_id = db_column_int(rows, at + 16),
        .candidate_external_id = row_text(rows, at + 17, arena),
        .candidate_name = row_text(rows, at + 18, arena),
        .candidate_title = row_text(rows, at + 19, arena),
        .job_external_id = row_text(rows, at + 20, arena),
        .job_title = row_text(rows, at + 21, arena),
        .url = row_text(rows, at + 22, arena),
        .link_position = db_column_int_or(rows, at + 23, LINK_POSITION_NONE),
        .first_opened_at = row_time(rows, at + 24),
        .bounced_at = row_time(rows, at + 25),
        .bounce_type = (enum bounce_kind)db_column_int(rows, at + 26),
        .tracking = tracking_strictest(tracking_strictest((enum tracking_level)db_column_int(rows, at + 27),
                                                          (enum tracking_level)db_column_int(rows, at + 28)),
                                       (enum tracking_level)db_column_int(rows, at + 29)),
        .sender_external_id = row_text(rows, at + 30, arena),
        .sender_email = row_text(rows, at + 31, arena),
        .below_hot = db_column_int(rows, at + 33) != 0 && db_column_int(rows, at + 32) < db_column_int(rows, at + 34),
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
        items[count++] = outbox_item_read(rows, 0, arena);
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
