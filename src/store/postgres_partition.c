/* The events lie in one partition a month of occurred_at, so that old ones go by dropping a table. Two partitions of
 * the schema catch what lies before 2000 and from 2200 on. There is no default partition: adding a month beside one
 * takes an exclusive lock on it and scans it, which would stop every reader; without one, adding a month stops nobody.
 *
 * A provider with a wrong clock must not make thousands of tables: years after the next one get a partition for the
 * whole year. When such a year comes, it goes on living in that one. */
#include "store/postgres.h"

#include <stdio.h>

#include "base/clock.h"

#include "base/banned.h"

#define TABLE      "email_engagement_events"
#define FIRST_YEAR POSTGRES_FIRST_YEAR
#define END_YEAR   POSTGRES_END_YEAR
#define LOCK       "29673"

/* ---- months ---- */

/* Months since January of FIRST_YEAR; -1 when one of the two catching partitions takes it. */
static int month_of(int64_t ms) {
    int year, month, day;
    int64_t days = ms / DAY_MS - (ms % DAY_MS < 0);
    if (days < day_from_date(FIRST_YEAR, 1, 1) || days >= day_from_date(END_YEAR, 1, 1)) return -1;
    day_to_date((int32_t)days, &year, &month, &day);
    return (year - FIRST_YEAR) * 12 + month - 1;
}

static int64_t month_start(int month) {
    return day_from_date(FIRST_YEAR + month / 12, month % 12 + 1, 1) * DAY_MS;
}

static bool has(const unsigned char *months, int month) {
    return months[month / 8] >> (month % 8) & 1;
}

static void add(unsigned char *months, int month) {
    months[month / 8] |= (unsigned char)(1 << (month % 8));
}

static void add_year(unsigned char *months, int year) {
    for (int month = 0; month < 12; month++)
        add(months, (year - FIRST_YEAR) * 12 + month);
}

static bool has_part_of_year(const unsigned char *months, int year) {
    for (int month = 0; month < 12; month++)
        if (has(months, (year - FIRST_YEAR) * 12 + month)) return true;
    return false;
}

/* ---- what there is ---- */

/* email_engagement_events_2026_11 or email_engagement_events_2031. */
static void add_by_name(unsigned char *months, struct slice name) {
    struct slice rest, part;
    int64_t year, month;
    if (!slice_starts_with(name, SLICE(TABLE "_"))) return;
    rest = slice_from(name, strlen(TABLE "_"));
    if (!slice_split_next(&rest, '_', &part) || part.len != 4 || !slice_parse_i64(part, &year)) return;
    if (year < FIRST_YEAR || year >= END_YEAR) return;
    if (!rest.ptr)
        add_year(months, (int)year);
    else if (rest.len == 2 && slice_parse_i64(rest, &month) && month >= 1 && month <= 12)
        add(months, (int)(year - FIRST_YEAR) * 12 + (int)month - 1);
}

static int load(PGconn *connection, struct postgres_partitions *partitions, struct err *err) {
    PGresult *result;
    int r = postgres_command(connection,
                             "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
                             "WHERE i.inhparent = '" TABLE "'::regclass AND NOT i.inhdetachpending",
                             &result, err);
    if (r < 0) return r;
    *partitions = (struct postgres_partitions){.loaded = true};
    for (int i = 0; i < PQntuples(result); i++)
        add_by_name(partitions->known, slice_cstr(PQgetvalue(result, i, 0)));
    PQclear(result);
    return 0;
}

/* ---- making them ---- */

static int create(PGconn *connection, const char *name, int64_t from, int64_t to, struct err *err) {
    char sql[512];
    snprintf(sql, sizeof(sql),
             "CREATE TABLE %s (LIKE " TABLE " INCLUDING ALL); "
             "ALTER TABLE " TABLE " ATTACH PARTITION %s FOR VALUES FROM (%lld) TO (%lld)",
             name, name, (long long)from, (long long)to);
    return postgres_command(connection, sql, NULL, err);
}

static int create_for(PGconn *connection, struct postgres_partitions *there, int month, struct err *err) {
    int year, this_month, day;
    char name[sizeof(TABLE) + 16];
    day_to_date((int32_t)(clock_now() / DAY_MS), &year, &this_month, &day);
    int wanted_year = FIRST_YEAR + month / 12;
    if (wanted_year <= year + 1 || has_part_of_year(there->known, wanted_year)) {
        snprintf(name, sizeof(name), TABLE "_%04d_%02d", wanted_year, month % 12 + 1);
        add(there->known, month);
        return create(connection, name, month_start(month), month_start(month + 1), err);
    }
    snprintf(name, sizeof(name), TABLE "_%04d", wanted_year);
    add_year(there->known, wanted_year);
    month -= month % 12;
    return create(connection, name, month_start(month), month_start(month + 12), err);
}

/* Several processes may find the same month missing: the second one waits for the first and then finds it. The limit on
 * waiting is for locks that somebody holds by hand: better this delivery fails and comes again than that all stop. */
static int create_missing(PGconn *connection, const unsigned char *wanted, struct postgres_partitions *there,
                          struct err *err) {
    int r = postgres_command(
        connection, "BEGIN; SET LOCAL lock_timeout = 10000; SELECT pg_advisory_xact_lock(" LOCK ")", NULL, err);
    if (r == 0) r = load(connection, there, err);
    for (int month = 0; month < POSTGRES_MONTHS && r == 0; month++)
        if (has(wanted, month) && !has(there->known, month)) r = create_for(connection, there, month, err);
    if (r == 0) r = postgres_command(connection, "COMMIT", NULL, err);
    return r;
}

static int ensure(struct postgres_db *db, const unsigned char *wanted, struct err *err) {
    bool missing = false;
    int r = 0;
    if (!db->partitions.loaded) r = load(db->connection, &db->partitions, err);
    if (r < 0) return r;
    for (size_t i = 0; i < sizeof(db->partitions.known); i++)
        missing |= (wanted[i] & ~db->partitions.known[i]) != 0;
    if (!missing) return 0;
    PGconn *connection;
    struct postgres_partitions there;
    r = postgres_connect((struct postgres_store *)db->base.store, DB_WRITE, &connection, err);
    if (r < 0) return r;
    r = create_missing(connection, wanted, &there, err);
    PQfinish(connection);
    if (r < 0) return err ? err_prefix(err, "a partition for events could not be made") : r;
    db->partitions = there;
    return 0;
}

int postgres_partitions_ensure(struct postgres_db *db, const struct event_row *rows, size_t count, struct err *err) {
    unsigned char wanted[sizeof(db->partitions.known)] = {0};
    int64_t from = 0, to = 0; /* the month of the row before: most rows are of the same */
    for (size_t i = 0; i < count; i++) {
        int64_t ms = rows[i].key.occurred_at;
        if (ms >= from && ms < to) continue;
        int month = month_of(ms);
        if (month < 0) continue;
        add(wanted, month);
        from = month_start(month);
        to = month_start(month + 1);
    }
    return ensure(db, wanted, err);
}

int postgres_partitions_prepare(struct postgres_db *db, struct err *err) {
    unsigned char wanted[sizeof(db->partitions.known)] = {0};
    PGresult *result;
    int r = postgres_command(db->connection, "SELECT to_regclass('" TABLE "') IS NOT NULL", &result, err);
    if (r < 0) return r;
    bool exists = strcmp(PQgetvalue(result, 0, 0), "t") == 0;
    PQclear(result);
    if (!exists) return 0;
    int month = month_of(clock_now());
    if (month < 0) return 0;
    add(wanted, month);
    if (month + 1 < POSTGRES_MONTHS) add(wanted, month + 1);
    return ensure(db, wanted, err);
}

void postgres_partitions_forget(struct postgres_db *db) {
    db->partitions.loaded = false;
}
