/* limits: what the database alone can do with the same event rows, for the ratios of docs/performance.md.
 *
 *   limits sqlite PATH ROWS START SEED       A: all rows in one transaction; B: a commit a row, for three seconds
 *   limits postgres URL ROWS START SEED      C: COPY into the same table with its indexes
 *
 * The rows come from the same traffic and go into the product's own table, beside what is stored there. One line of
 * JSON. */
#include <libpq-fe.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/traffic.h"

static double now_s(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static _Noreturn void fail(const char *message) {
    fprintf(stderr, "limits: %s\n", message);
    exit(1);
}

static const char insert_row[] = "INSERT INTO email_engagement_events (organization_id, occurred_at, email_log_id, "
                                 "event_type, link_id, recipient_ref, prev_delta, verdict, "
                                 "received_delay_s, endpoint_id, agent_id, ip_address, provider_event_id) VALUES (1, "
                                 "?1, ?2, ?3, ?4, 0, ?5, ?6, 3, 1, ?7, ?8, ?9) "
                                 "ON CONFLICT DO NOTHING";

static void bind_row(sqlite3_stmt *statement, const struct traffic_event *event, int64_t offset_ms) {
    bool tracking = event->type == 5 || event->type == 6;
    unsigned char address[4] = {(unsigned char)(event->ip >> 24), (unsigned char)(event->ip >> 16),
                                (unsigned char)(event->ip >> 8), 0};
    unsigned char id[17] = {2};
    memcpy(id + 1, event->id, 16);
    sqlite3_bind_int64(statement, 1, event->time_s * 1000 + offset_ms);
    sqlite3_bind_int64(statement, 2, event->email + 1);
    sqlite3_bind_int64(statement, 3, event->type);
    sqlite3_bind_int64(statement, 4, event->link + 1);
    sqlite3_bind_int64(statement, 5, 86400000 + (int64_t)(event->id[0] % 864000000));
    sqlite3_bind_int64(statement, 6, event->machine ? 2 : 0);
    if (tracking) {
        sqlite3_bind_int64(statement, 7, event->agent + 1);
        sqlite3_bind_blob(statement, 8, address, 4, SQLITE_TRANSIENT);
    } else {
        sqlite3_bind_null(statement, 7);
        sqlite3_bind_null(statement, 8);
    }
    sqlite3_bind_blob(statement, 9, id, 17, SQLITE_TRANSIENT);
    if (sqlite3_step(statement) != SQLITE_DONE) fail("insert");
    sqlite3_reset(statement);
}

static void run_sqlite(const char *path, int64_t rows, struct traffic *traffic) {
    sqlite3 *db;
    sqlite3_stmt *statement;
    if (sqlite3_open(path, &db) != SQLITE_OK) fail(sqlite3_errmsg(db));
    sqlite3_exec(
        db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-262144; PRAGMA wal_autocheckpoint=0",
        NULL, NULL, NULL);
    if (sqlite3_prepare_v2(db, insert_row, -1, &statement, NULL) != SQLITE_OK) fail(sqlite3_errmsg(db));
    double began = now_s();
    sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    for (int64_t i = 0; i < rows; i++) {
        struct traffic_event event = traffic_next(traffic);
        bind_row(statement, &event, 1); /* a millisecond no stored event has: every row is new */
    }
    if (sqlite3_exec(db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK) fail(sqlite3_errmsg(db));
    double giant = (double)rows / (now_s() - began);
    sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    int64_t commits = 0;
    began = now_s();
    while (now_s() - began < 3) {
        struct traffic_event event = traffic_next(traffic);
        sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
        bind_row(statement, &event, 2);
        if (sqlite3_exec(db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK) fail(sqlite3_errmsg(db));
        commits++;
    }
    printf("{\"A\":%.0f,\"B\":%.0f}\n", giant, (double)commits / (now_s() - began));
    sqlite3_finalize(statement);
    sqlite3_close(db);
}

static void run_postgres(const char *url, int64_t rows, struct traffic *traffic) {
    PGconn *connection = PQconnectdb(url);
    if (PQstatus(connection) != CONNECTION_OK) fail(PQerrorMessage(connection));
    /* The lines are made first: only the server's work is measured. COPY has no ON CONFLICT, so each row has its own
     * millisecond. */
    size_t capacity = (size_t)rows * 160, len = 0;
    char *lines = malloc(capacity);
    if (!lines) fail("memory");
    for (int64_t i = 0; i < rows; i++) {
        struct traffic_event event = traffic_next(traffic);
        bool tracking = event.type == 5 || event.type == 6;
        char agent[16] = "\\N", address[16] = "\\N";
        if (tracking) {
            snprintf(agent, sizeof(agent), "%d", event.agent + 1);
            snprintf(address, sizeof(address), "\\\\x%06x00", event.ip >> 8);
        }
        len += (size_t)snprintf(lines + len, capacity - len, "1\t%lld\t%lld\t%d\t%d\t0\t%d\t3\t1\t%s\t%s\t",
                                (long long)(event.time_s * 1000 + 1 + i % 998), (long long)event.email + 1, event.type,
                                event.link + 1, event.machine ? 2 : 0, agent, address);
        len += (size_t)snprintf(lines + len, capacity - len, "\\\\x02%016llx%016llx\n", (unsigned long long)event.id[0],
                                (unsigned long long)i);
    }
    double began = now_s();
    PGresult *result = PQexec(
        connection,
        "COPY email_engagement_events (organization_id, occurred_at, email_log_id, event_type, link_id, recipient_ref, "
        "verdict, received_delay_s, endpoint_id, agent_id, ip_address, provider_event_id) FROM STDIN");
    if (PQresultStatus(result) != PGRES_COPY_IN) fail(PQerrorMessage(connection));
    PQclear(result);
    for (size_t at = 0; at < len; at += 1 << 20)
        if (PQputCopyData(connection, lines + at, (int)(len - at < 1 << 20 ? len - at : 1 << 20)) != 1)
            fail(PQerrorMessage(connection));
    if (PQputCopyEnd(connection, NULL) != 1) fail(PQerrorMessage(connection));
    result = PQgetResult(connection);
    if (PQresultStatus(result) != PGRES_COMMAND_OK) fail(PQerrorMessage(connection));
    printf("{\"C\":%.0f}\n", (double)rows / (now_s() - began));
    PQclear(result);
    PQfinish(connection);
    free(lines);
}

int main(int count, char **arguments) {
    if (count != 6) fail("usage: limits sqlite PATH ROWS START SEED | limits postgres URL ROWS START SEED");
    struct traffic traffic;
    traffic_init(&traffic, strtoull(arguments[5], NULL, 10), 1000000, strtoll(arguments[4], NULL, 10));
    traffic.duplicates = 0;
    if (!strcmp(arguments[1], "sqlite"))
        run_sqlite(arguments[2], strtoll(arguments[3], NULL, 10), &traffic);
    else
        run_postgres(arguments[2], strtoll(arguments[3], NULL, 10), &traffic);
    traffic_release(&traffic);
    return 0;
}
