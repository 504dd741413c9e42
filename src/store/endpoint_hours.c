#include "store/endpoint_hours.h"

#include "base/clock.h"
#include "store/rows.h"

#include "base/banned.h"

#define SAMPLE "1000"

#define TOOK_COLUMNS   "took_5, took_10, took_25, took_50, took_100, took_250, took_1000, took_10000"
#define SUM_OF(column) column " = endpoint_hours." column " + excluded." column

static const struct statement add = {
    "endpoint hour",
    "INSERT INTO endpoint_hours (organization_id, endpoint_id, hour, deliveries, events, delivered, opens, "
    "clicks, "
    "orphans, rejected, unreadable, ahead_ms, delay_ms, last_event_at, last_rejected_at, " TOOK_COLUMNS
    ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, "
    "$22, $23) "
    "ON CONFLICT (organization_id, endpoint_id, hour) DO UPDATE SET "
    "deliveries = endpoint_hours.deliveries + excluded.deliveries, events = endpoint_hours.events + "
    "excluded.events, "
    "delivered = endpoint_hours.delivered + excluded.delivered, opens = endpoint_hours.opens + excluded.opens, "
    "clicks = endpoint_hours.clicks + excluded.clicks, orphans = endpoint_hours.orphans + excluded.orphans, "
    "rejected = endpoint_hours.rejected + excluded.rejected, "
    "unreadable = endpoint_hours.unreadable + excluded.unreadable, "
    "ahead_ms = CASE WHEN excluded.ahead_ms > endpoint_hours.ahead_ms THEN excluded.ahead_ms "
    "ELSE endpoint_hours.ahead_ms END, "
    "delay_ms = CASE WHEN endpoint_hours.events = 0 THEN excluded.delay_ms WHEN excluded.events > 0 AND "
    "excluded.delay_ms < endpoint_hours.delay_ms THEN excluded.delay_ms ELSE endpoint_hours.delay_ms END, "
    "last_event_at = CASE WHEN excluded.last_event_at > endpoint_hours.last_event_at THEN "
    "excluded.last_event_at "
    "ELSE endpoint_hours.last_event_at END, "
    "last_rejected_at = CASE WHEN excluded.last_rejected_at > endpoint_hours.last_rejected_at THEN "
    "excluded.last_rejected_at ELSE endpoint_hours.last_rejected_at END, " SUM_OF("took_5") ", " SUM_OF(
        "took_"
        "10") ", " SUM_OF("took_25") ", " SUM_OF("took_50") ", " SUM_OF("took_100") ", " SUM_OF("took_250") ", " SUM_OF("took_"
                                                                                                                        "1000") ", " SUM_OF("took_10000"),
    NULL};
static const struct statement purge = {"endpoint hours purge", "DELETE FROM endpoint_hours WHERE hour < $1", NULL};

/* $3: the current hour. */
#define EVENTS_OF_HOUR(back)    "sum(CASE WHEN hour = $3 - " back " THEN events ELSE 0 END), "
#define EVENTS_OF_DAY(from, to) "sum(CASE WHEN hour > $3 - " from " AND hour <= $3 - " to " THEN events ELSE 0 END), "
#define OF_DAY(column)          "sum(CASE WHEN hour > $3 - 24 THEN " column " ELSE 0 END), "
#define OF_WEEK(column)         "sum(CASE WHEN hour > $3 - 168 THEN " column " ELSE 0 END), "
static const struct statement sums = {
    "endpoint sums",
    "SELECT endpoint_id, max(last_event_at), max(last_rejected_at), " EVENTS_OF_HOUR("1") EVENTS_OF_HOUR("169")
        EVENTS_OF_HOUR("337") EVENTS_OF_HOUR("505") EVENTS_OF_HOUR("673") EVENTS_OF_DAY("24", "0") EVENTS_OF_DAY(
            "192", "168") EVENTS_OF_DAY("360", "336") EVENTS_OF_DAY("528", "504") EVENTS_OF_DAY("696", "672")
            OF_DAY("rejected") OF_DAY(
                "unreadable") "max(CASE WHEN hour > $3 - 24 THEN ahead_ms ELSE 0 END), "
                              "coalesce(min(CASE WHEN hour > $3 - 24 AND events > 0 THEN delay_ms END), 0), " OF_WEEK(
                                  "events") OF_WEEK("delivered") OF_WEEK("opens") OF_WEEK("clicks")
                                  OF_WEEK("orphans") "min(hour) "
                                                     "FROM endpoint_hours WHERE organization_id = $1 AND ($2 = 0 OR "
                                                     "endpoint_id = $2) AND hour > $3 - 840 "
                                                     "GROUP BY endpoint_id ORDER BY endpoint_id",
    NULL};

static const struct statement day = {"endpoint day",
                                     "SELECT hour, deliveries, events, rejected, unreadable, " TOOK_COLUMNS
                                     " FROM endpoint_hours WHERE organization_id = $1 AND endpoint_id = $2 AND "
                                     "hour > $3 - 24 AND hour <= $3",
                                     NULL};

/* Figures are set by the first event of their kind, whatever the database. */
static const struct statement silent = {
    "emails without event",
    "SELECT count(*), coalesce(sum(CASE WHEN s.delivered_at IS NULL AND s.opened_at IS NULL AND s.clicked_at IS NULL "
    "AND "
    "s.replied_at IS NULL AND s.bounced_at IS NULL AND s.dropped_at IS NULL AND s.complained_at IS NULL AND "
    "s.unsubscribed_at IS NULL AND s.machine_open_count = 0 AND s.machine_click_count = 0 THEN 1 ELSE 0 END), 0), "
    "coalesce(sum(CASE WHEN s.own_tracking IN (1, 3) THEN 1 ELSE 0 END), 0) "
    "FROM (SELECT id FROM email_logs WHERE organization_id = $1 AND sent_at >= $2 AND sent_at < $3 "
    "ORDER BY sent_at DESC LIMIT " SAMPLE ") l JOIN email_stats s ON s.organization_id = $1 AND s.email_log_id = l.id",
    NULL};

int endpoint_hour_add(struct db *db, const struct endpoint_hour *hour, struct err *err) {
    return db_run(db, &add,
                  DB_VALUES(db_int(hour->organization_id), db_int(hour->endpoint_id), db_int(hour->hour),
                            db_int(hour->deliveries), db_int(hour->events), db_int(hour->delivered),
                            db_int(hour->opens), db_int(hour->clicks), db_int(hour->orphans), db_int(hour->rejected),
                            db_int(hour->unreadable), db_int(hour->ahead_ms), db_int(hour->delay_ms),
                            db_int(hour->last_event_at), db_int(hour->last_rejected_at), db_int(hour->took[0]),
                            db_int(hour->took[1]), db_int(hour->took[2]), db_int(hour->took[3]), db_int(hour->took[4]),
                            db_int(hour->took[5]), db_int(hour->took[6]), db_int(hour->took[7])),
                  NULL, err);
}

int endpoint_hours_purge(struct db *db, int64_t before_hour, struct err *err) {
    return db_run(db, &purge, DB_VALUES(db_int(before_hour)), NULL, err);
}

static void read_sums(const struct db_rows *rows, struct endpoint_sums *ret) {
    int column = 0;
    ret->endpoint_id = db_column_int(rows, column++);
    ret->last_event_at = db_column_int(rows, column++);
    ret->last_rejected_at = db_column_int(rows, column++);
    ret->hour_events = db_column_int(rows, column++);
    for (size_t i = 0; i < ENDPOINT_WEEKS; i++)
        ret->hour_usual[i] = db_column_int(rows, column++);
    ret->day_events = db_column_int(rows, column++);
    for (size_t i = 0; i < ENDPOINT_WEEKS; i++)
        ret->day_usual[i] = db_column_int(rows, column++);
    ret->day_rejected = db_column_int(rows, column++);
    ret->day_unreadable = db_column_int(rows, column++);
    ret->day_ahead_ms = db_column_int(rows, column++);
    ret->day_delay_ms = db_column_int(rows, column++);
    ret->week_events = db_column_int(rows, column++);
    ret->week_delivered = db_column_int(rows, column++);
    ret->week_opens = db_column_int(rows, column++);
    ret->week_clicks = db_column_int(rows, column++);
    ret->week_orphans = db_column_int(rows, column++);
    ret->first_hour = db_column_int(rows, column);
}

int endpoint_sums_load(struct db *db, int64_t organization_id, int64_t endpoint_id, int64_t now, struct arena *arena,
                       struct endpoint_sums **ret, size_t *ret_count, struct err *err) {
    struct endpoint_sums *found = NULL;
    size_t count = 0, capacity = 0;
    struct db_rows *rows;
    int r =
        db_query(db, &sums, DB_VALUES(db_int(organization_id), db_int(endpoint_id), db_int(now / HOUR_MS)), &rows, err);
    if (r < 0) return r;
    while ((r = db_next(rows, err)) > 0) {
        found = rows_grow(arena, found, count, &capacity, sizeof(*found));
        read_sums(rows, &found[count++]);
    }
    db_rows_free(rows);
    if (r < 0) return r;
    *ret = found;
    *ret_count = count;
    return 0;
}

int endpoint_day_load(struct db *db, int64_t organization_id, int64_t endpoint_id, int64_t now,
                      struct endpoint_hour ret[ENDPOINT_DAY_HOURS], struct err *err) {
    int64_t this_hour = now / HOUR_MS, first = this_hour - ENDPOINT_DAY_HOURS + 1;
    struct db_rows *rows;
    for (int64_t i = 0; i < ENDPOINT_DAY_HOURS; i++)
        ret[i] =
            (struct endpoint_hour){.organization_id = organization_id, .endpoint_id = endpoint_id, .hour = first + i};
    int r = db_query(db, &day, DB_VALUES(db_int(organization_id), db_int(endpoint_id), db_int(this_hour)), &rows, err);
    if (r < 0) return r;
    while ((r = db_next(rows, err)) > 0) {
        int column = 0;
        struct endpoint_hour *hour = &ret[db_column_int(rows, column++) - first];
        hour->deliveries = db_column_int(rows, column++);
        hour->events = db_column_int(rows, column++);
        hour->rejected = db_column_int(rows, column++);
        hour->unreadable = db_column_int(rows, column++);
        for (size_t i = 0; i < TOOK_COUNT; i++)
            hour->took[i] = db_column_int(rows, column++);
    }
    db_rows_free(rows);
    return r;
}

int emails_without_event(struct db *db, int64_t organization_id, int64_t now, int64_t *ret_emails, int64_t *ret_silent,
                         int64_t *ret_own_opens, struct err *err) {
    struct db_rows *rows;
    int found = db_query_row(
        db, &silent, DB_VALUES(db_int(organization_id), db_int(now - 8 * DAY_MS), db_int(now - DAY_MS)), &rows, err);
    if (found < 0) return found;
    *ret_emails = found > 0 ? db_column_int(rows, 0) : 0;
    *ret_silent = found > 0 ? db_column_int(rows, 1) : 0;
    *ret_own_opens = found > 0 ? db_column_int(rows, 2) : 0; /* enum own_tracking: opens, or both */
    if (found > 0) db_rows_free(rows);
    return 0;
}
