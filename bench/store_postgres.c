/* store_postgres: how near the bulk verbs of the PostgreSQL driver come to what the server can do at all. Without HTTP,
 * parsing and rules: the verbs of a batch (find, lock, dictionaries, insert, figures, links, deltas, commit) beside
 * COPY of the same kind of event rows into the same table with its indexes (limit C of docs/performance.md).
 *
 *   store_postgres [EMAILS [EVENTS [SECONDS]]]       1000000 emails and 3000000 events stored before, 5 s a measurement
 *
 * It starts a server of its own (shared_buffers 1 GB, fsync and synchronous_commit on). One line a measurement; the
 * last column is the ratio to COPY of as many rows, measured right before. */
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/memory.h"
#include "store/db.h"
#include "store/engagement.h"
#include "store/store.h"
#include "tests/unit/store/private_postgres.h"

#define ORGANIZATION    1
#define COHORTS         300
#define LINKS           200
#define AGENTS          500
#define RECENT_EMAILS   20000
#define EVENTS_A_SECOND 5 /* of the history: 3 million events are a week */

struct bench {
    struct private_postgres *server;
    struct store *store;
    struct db *db;
    PGconn *copy;
    int db_server, copy_server; /* process ids */
    struct arena *arena;
    int64_t emails, now;
    uint64_t random;
    int64_t from, step_us; /* times of new events */
    int64_t made;
};

static _Noreturn void fail(const char *what, const char *why) {
    fprintf(stderr, "store_postgres: %s: %s\n", what, why);
    exit(1);
}

static void must(int result, const struct err *err, const char *what) {
    if (result < 0) fail(what, err->text);
}

static double seconds(void) {
    return (double)clock_monotonic_us() / 1e6;
}

/* Processor time of a server process: other load on the machine does not change it. */
static double server_seconds(int pid) {
    char path[64];
    unsigned long long ns = 0;
    snprintf(path, sizeof(path), "/proc/%d/schedstat", pid);
    FILE *file = fopen(path, "r");
    if (!file || fscanf(file, "%llu", &ns) != 1) fail(path, "cannot be read");
    fclose(file);
    return (double)ns / 1e9;
}

/* splitmix64 */
static uint64_t next_random(struct bench *bench) {
    uint64_t z = bench->random += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

static int64_t below(struct bench *bench, int64_t limit) {
    return (int64_t)(next_random(bench) % (uint64_t)limit);
}

/* ---- events ---- */

/* 80 % of the events meet the newest emails, 20 % any; half of them opens, a fifth clicks; 2 % are late by up to three
 * days, all by up to 20 s. */
static struct event_row make_event(struct bench *bench) {
    bool recent = below(bench, 100) < 80;
    int64_t window = bench->emails < RECENT_EMAILS ? bench->emails : RECENT_EMAILS;
    int64_t kind = below(bench, 10), late = below(bench, 20000);
    if (below(bench, 100) < 2) late = below(bench, 3 * DAY_MS);
    struct event_row row = {
        .key = {.organization_id = ORGANIZATION,
                .email_log_id = recent ? bench->emails - below(bench, window) : 1 + below(bench, bench->emails),
                .event_type = kind < 5   ? EVENT_OPEN
                              : kind < 7 ? EVENT_CLICK
                                         : EVENT_DELIVERED,
                .occurred_at = bench->from + bench->made++ * bench->step_us / 1000 - late},
        .endpoint_id = 1,
    };
    row.received_at = row.key.occurred_at + late;
    if (row.key.event_type == EVENT_CLICK) row.key.link_id = 1 + below(bench, LINKS);
    if (kind < 7) {
        row.agent_id = 1 + below(bench, AGENTS);
        row.ip_address = slice_of(memcpy(arena_bytes(bench->arena, 4), &bench->random, 4), 4);
    }
    char *id = arena_bytes(bench->arena, 17);
    uint64_t bits[2] = {next_random(bench), next_random(bench)};
    id[0] = 2;
    memcpy(id + 1, bits, sizeof(bits));
    row.provider_event_id = slice_of(id, 17);
    return row;
}

static int compare_rows(const void *left, const void *right) {
    return event_key_compare(&((const struct event_row *)left)->key, &((const struct event_row *)right)->key);
}

static size_t make_events(struct bench *bench, struct event_row *rows, size_t count) {
    size_t unique = 0;
    for (size_t i = 0; i < count; i++)
        rows[i] = make_event(bench);
    qsort(rows, count, sizeof(*rows), compare_rows);
    for (size_t i = 0; i < count; i++)
        if (i == 0 || compare_rows(&rows[unique - 1], &rows[i]) != 0) rows[unique++] = rows[i];
    return unique;
}

/* ---- COPY ---- */

static void copy_end(struct bench *bench) {
    if (PQputCopyEnd(bench->copy, NULL) != 1) fail("copy", PQerrorMessage(bench->copy));
    PGresult *result = PQgetResult(bench->copy);
    if (PQresultStatus(result) != PGRES_COMMAND_OK) fail("copy", PQerrorMessage(bench->copy));
    PQclear(result);
    PQclear(PQgetResult(bench->copy));
}

static void execute(struct bench *bench, const char *sql) {
    PGresult *result = PQexec(bench->copy, sql);
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_COPY_IN)
        fail(sql, PQerrorMessage(bench->copy));
    PQclear(result);
}

static void hex(char *out, struct slice bytes) {
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < bytes.len; i++) {
        *out++ = digits[(unsigned char)bytes.ptr[i] >> 4];
        *out++ = digits[(unsigned char)bytes.ptr[i] & 15];
    }
    *out = '\0';
}

static void copy_row(struct bench *bench, const struct event_row *row) {
    char line[400], address[16] = "\\N", id[64] = "\\N", agent[24] = "\\N";
    if (!slice_empty(row->ip_address)) {
        memcpy(address, "\\\\x", 3);
        hex(address + 3, row->ip_address);
        snprintf(agent, sizeof(agent), "%lld", (long long)row->agent_id);
    }
    memcpy(id, "\\\\x", 3);
    hex(id + 3, row->provider_event_id);
    int length = snprintf(line, sizeof(line), "%d\t%lld\t%lld\t%lld\t%lld\t0\t0\t0\t0\t%lld\t1\t%s\t%s\t%s\t\\N\n",
                          ORGANIZATION, (long long)row->key.occurred_at, (long long)row->key.email_log_id,
                          (long long)row->key.event_type, (long long)row->key.link_id,
                          (long long)(row->received_at - row->key.occurred_at) / 1000, agent, address, id);
    if (PQputCopyData(bench->copy, line, length) != 1) fail("copy", PQerrorMessage(bench->copy));
}

/* `count` rows in one COPY; events a second, and microseconds of the server's processor an event. */
static double copy_events(struct bench *bench, int64_t count, double *ret_server) {
    struct event_row *rows = memory_alloc_array(10000, sizeof(*rows));
    double spent = 0, start = seconds(), server = server_seconds(bench->copy_server);
    execute(bench, "COPY email_engagement_events (organization_id, occurred_at, email_log_id, event_type, link_id, "
                   "recipient_ref, verdict, reasons, bounce, received_delay_s, endpoint_id, agent_id, ip_address, "
                   "provider_event_id, metadata) FROM STDIN");
    for (int64_t done = 0; done < count; done += 10000) {
        spent += seconds() - start;
        arena_reset(bench->arena);
        size_t unique = make_events(bench, rows, 10000);
        start = seconds();
        for (size_t i = 0; i < unique; i++)
            copy_row(bench, &rows[i]);
    }
    copy_end(bench);
    spent += seconds() - start;
    free(rows);
    *ret_server = (server_seconds(bench->copy_server) - server) * 1e6 / (double)count;
    return (double)count / spent;
}

/* ---- a batch through the verbs ---- */

enum phase { PHASE_FIND, PHASE_LOCK, PHASE_INSERT, PHASE_LINKS, PHASE_SAVE, PHASE_DELTAS, PHASE_COMMIT, PHASES };
struct timing {
    double wall[PHASES], server[PHASES]; /* seconds, then microseconds an event */
};
struct moment {
    double wall, server;
};

static struct moment now(struct bench *bench) {
    return (struct moment){seconds(), server_seconds(bench->db_server)};
}

static struct moment lap(struct bench *bench, struct timing *timing, enum phase phase, struct moment since) {
    struct moment is = now(bench);
    timing->wall[phase] += is.wall - since.wall;
    timing->server[phase] += is.server - since.server;
    return is;
}

static void find(struct bench *bench, const struct event_row *rows, size_t count) {
    struct email_lookup *lookups = arena_alloc_array(bench->arena, count, sizeof(*lookups));
    struct err err;
    for (size_t i = 0; i < count; i++) {
        uint64_t hash = (uint64_t)rows[i].key.email_log_id * 0x9E3779B97F4A7C15u;
        lookups[i] = (struct email_lookup){.organization_id = ORGANIZATION,
                                           .key = {.hash = (int64_t)hash, .check = rows[i].key.email_log_id % 1000}};
    }
    must(engagement_find_emails(bench->db, lookups, count, &err), &err, "find");
    for (size_t i = 0; i < count; i++)
        if (lookups[i].email_log_id != rows[i].key.email_log_id) fail("find", "another email was found");
}

static size_t lock(struct bench *bench, struct event_row *rows, size_t count, struct email_stats *stats) {
    struct err err;
    size_t emails = 0;
    for (size_t i = 0; i < count; i++) {
        if (emails == 0 || stats[emails - 1].email_log_id != rows[i].key.email_log_id) {
            email_stats_init(&stats[emails]);
            stats[emails].organization_id = ORGANIZATION;
            stats[emails++].email_log_id = rows[i].key.email_log_id;
        }
        rows[i].stats = &stats[emails - 1];
    }
    must(engagement_lock_stats(bench->db, stats, emails, &err), &err, "lock");
    return emails;
}

static void count_links(struct bench *bench, struct event_row *rows, size_t count, struct timing *timing) {
    struct link_row *links = arena_alloc_array(bench->arena, count, sizeof(*links));
    struct err err;
    size_t n = 0;
    struct moment since = now(bench);
    for (size_t i = 0; i < count; i++) {
        const struct event_key *key = &rows[i].key;
        if (key->event_type != EVENT_CLICK) continue;
        links[n++] = (struct link_row){.organization_id = ORGANIZATION,
                                       .stats = {.email_log_id = key->email_log_id, .link_id = key->link_id}};
    }
    /* Sorted by time within an email, not by link; equal ones are rare: sort and drop. */
    for (size_t i = 1; i < n; i++)
        for (size_t j = i; j > 0 && links[j - 1].stats.email_log_id == links[j].stats.email_log_id &&
                           links[j - 1].stats.link_id > links[j].stats.link_id;
             j--) {
            struct link_row swap = links[j];
            links[j] = links[j - 1];
            links[j - 1] = swap;
        }
    size_t unique = 0;
    for (size_t i = 0; i < n; i++)
        if (unique == 0 || links[unique - 1].stats.email_log_id != links[i].stats.email_log_id ||
            links[unique - 1].stats.link_id != links[i].stats.link_id)
            links[unique++] = links[i];
    must(engagement_load_links(bench->db, links, unique, &err), &err, "load links");
    for (size_t i = 0; i < unique; i++)
        links[i].stats.click_count++;
    must(engagement_save_links(bench->db, links, unique, &err), &err, "save links");
    lap(bench, timing, PHASE_LINKS, since);
}

static void append(struct bench *bench, size_t events) {
    size_t cohorts = events / 5 < COHORTS ? events / 5 : COHORTS, breakdowns = events / 2;
    struct cohort_delta *totals = arena_alloc_array(bench->arena, cohorts, sizeof(*totals));
    struct breakdown_delta *parts = arena_alloc_array(bench->arena, breakdowns, sizeof(*parts));
    struct err err;
    for (size_t i = 0; i < cohorts; i++)
        totals[i] = (struct cohort_delta){
            .organization_id = ORGANIZATION, .cohort_id = (int64_t)i + 1, .change = {.opens = 3, .total_clicks = 1}};
    for (size_t i = 0; i < breakdowns; i++)
        parts[i] = (struct breakdown_delta){.organization_id = ORGANIZATION,
                                            .cohort_id = 1 + below(bench, COHORTS),
                                            .kind = BREAKDOWN_LINK_CLICKS,
                                            .item = below(bench, LINKS),
                                            .n = 1};
    must(engagement_append_deltas(bench->db, totals, cohorts, parts, breakdowns, &err), &err, "deltas");
}

static size_t apply(struct bench *bench, struct event_row *rows, size_t count, struct timing *timing) {
    struct email_stats *stats = arena_alloc_array(bench->arena, count, sizeof(*stats));
    const struct email_stats **changed = arena_alloc_array(bench->arena, count, sizeof(*changed));
    struct err err;
    struct moment since = now(bench);
    must(db_begin(bench->db, DB_WRITE, &err), &err, "begin");
    find(bench, rows, count);
    since = lap(bench, timing, PHASE_FIND, since);
    size_t emails = lock(bench, rows, count, stats), stored = 0;
    since = lap(bench, timing, PHASE_LOCK, since);
    must(engagement_insert_events(bench->db, rows, count, &err), &err, "insert");
    lap(bench, timing, PHASE_INSERT, since);
    count_links(bench, rows, count, timing);
    since = now(bench);
    for (size_t i = 0; i < count; i++) {
        struct link_stats link = {0};
        stored += rows[i].inserted;
        counters_add(rows[i].stats, rows[i].key.event_type == EVENT_CLICK ? &link : NULL,
                     &(struct counted_event){.type = (enum event_type)rows[i].key.event_type,
                                             .occurred_at = rows[i].key.occurred_at});
    }
    for (size_t i = 0; i < emails; i++)
        changed[i] = &stats[i];
    must(engagement_save_stats(bench->db, changed, emails, &err), &err, "save");
    since = lap(bench, timing, PHASE_SAVE, since);
    append(bench, count);
    since = lap(bench, timing, PHASE_DELTAS, since);
    must(db_commit(bench->db, &err), &err, "commit");
    lap(bench, timing, PHASE_COMMIT, since);
    return stored;
}

static double apply_events(struct bench *bench, size_t batch, double duration, struct timing *timing) {
    struct event_row *rows = memory_alloc_array(batch, sizeof(*rows));
    double spent = 0;
    size_t events = 0;
    *timing = (struct timing){0};
    while (spent < duration) {
        arena_reset(bench->arena);
        size_t unique = make_events(bench, rows, batch);
        double start = seconds();
        apply(bench, rows, unique, timing);
        spent += seconds() - start;
        events += unique;
    }
    free(rows);
    for (size_t i = 0; i < PHASES; i++) {
        timing->wall[i] *= 1e6 / (double)events;
        timing->server[i] *= 1e6 / (double)events;
    }
    return (double)events / spent;
}

/* ---- the stored history ---- */

static void load_emails(struct bench *bench) {
    char sql[1200];
    snprintf(sql, sizeof(sql),
             "INSERT INTO email_stats (organization_id, email_log_id, cohort_id, sent_at) "
             "SELECT 1, n, 1 + n %% %d, %lld - (%lld - n) * 600 FROM generate_series(1, %lld) n",
             COHORTS, (long long)bench->now, (long long)bench->emails, (long long)bench->emails);
    execute(bench, sql);
    /* The same mixing as in find(), in numerics: bigint would overflow. */
    snprintf(sql, sizeof(sql),
             "INSERT INTO email_keys (organization_id, key_hash, key_check, email_log_id) "
             "SELECT 1, CASE WHEN h >= 9223372036854775808 THEN h - 18446744073709551616 ELSE h END, n %% 1000, n FROM "
             "(SELECT n, mod(n * 11400714819323198485::numeric, 18446744073709551616) h "
             "FROM generate_series(1, %lld) n) k",
             (long long)bench->emails);
    execute(bench, sql);
}

static void find_server(struct bench *bench) {
    static const struct statement query = {"server process", "SELECT pg_backend_pid()"};
    struct db_rows *rows;
    struct err err;
    must(db_query_row(bench->db, &query, NULL, 0, &rows, &err), &err, "process");
    bench->db_server = (int)db_column_int(rows, 0);
    db_rows_free(rows);
}

static void prepare(struct bench *bench, int64_t events) {
    struct err err;
    struct store_options options = {.url = private_postgres_url(bench->server), .readers_max = 2};
    must(store_open(&options, &bench->store, &err), &err, "open");
    must(store_writer(bench->store, &bench->db, &err), &err, "connect");
    bench->copy = PQconnectdb(private_postgres_url(bench->server));
    if (PQstatus(bench->copy) != CONNECTION_OK) fail("connect", PQerrorMessage(bench->copy));
    bench->copy_server = PQbackendPID(bench->copy);
    find_server(bench);
    bench->step_us = 1000000 / EVENTS_A_SECOND;
    bench->from = bench->now - events / EVENTS_A_SECOND * 1000;
    /* The partitions of the history: an event in each month. */
    struct event_row row = {.key = {.organization_id = ORGANIZATION, .email_log_id = 1, .event_type = 1}};
    for (int64_t ms = bench->from - 4 * DAY_MS; ms < bench->now + 30 * DAY_MS; ms += 10 * DAY_MS) {
        row.key.occurred_at = ms;
        must(db_begin(bench->db, DB_WRITE, &err), &err, "begin");
        must(engagement_insert_events(bench->db, &row, 1, &err), &err, "insert");
        must(db_commit(bench->db, &err), &err, "commit");
    }
    load_emails(bench);
    double server;
    copy_events(bench, events, &server);
    execute(bench, "VACUUM ANALYZE");
    execute(bench, "CHECKPOINT");
}

static void print_sizes(struct bench *bench) {
    PGresult *result =
        PQexec(bench->copy,
               "SELECT pg_size_pretty(sum(pg_relation_size(inhrelid))), pg_size_pretty(sum(pg_indexes_size("
               "inhrelid))), (SELECT count(*) FROM email_engagement_events), sum(pg_total_relation_size(inhrelid)) "
               "/ (SELECT count(*) FROM email_engagement_events) FROM pg_inherits WHERE inhparent = "
               "'email_engagement_events'::regclass");
    printf("events: %s rows, table %s, indexes %s, %s bytes an event\n", PQgetvalue(result, 0, 2),
           PQgetvalue(result, 0, 0), PQgetvalue(result, 0, 1), PQgetvalue(result, 0, 3));
    PQclear(result);
    result = PQexec(bench->copy, "SELECT n_tup_upd, n_tup_hot_upd, n_dead_tup, pg_size_pretty(pg_total_relation_size("
                                 "relid)) FROM pg_stat_user_tables WHERE relname = 'email_stats'");
    printf("email_stats: %s updates, %s of them HOT, %s dead rows, %s\n", PQgetvalue(result, 0, 0),
           PQgetvalue(result, 0, 1), PQgetvalue(result, 0, 2), PQgetvalue(result, 0, 3));
    PQclear(result);
}

int main(int argc, char **argv) {
    struct bench bench = {.emails = argc > 1 ? strtoll(argv[1], NULL, 10) : 1000000, .random = 1};
    int64_t events = argc > 2 ? strtoll(argv[2], NULL, 10) : 3000000;
    double duration = argc > 3 ? strtod(argv[3], NULL) : 5;
    static const size_t batches[] = {500, 1000, 4000};
    clock_init();
    bench.now = clock_now();
    bench.arena = arena_new();
    bench.server = private_postgres_start("shared_buffers = 1GB\nmax_wal_size = 4GB\ncheckpoint_timeout = 15min\n");
    if (!bench.server) return 1;
    prepare(&bench, events);
    print_sizes(&bench);
    printf("%6s %9s %9s %6s  | server us/event: %6s %6s %6s  | wall (server) us/event: find lock insert links save "
           "deltas commit\n",
           "batch", "COPY/s", "verbs/s", "ratio", "COPY", "verbs", "ratio");
    for (size_t round = 0; round < 2; round++)
        for (size_t i = 0; i < sizeof(batches) / sizeof(batches[0]); i++) {
            struct timing timing;
            double limit_server, server = 0;
            double limit = copy_events(&bench, 300000, &limit_server);
            double speed = apply_events(&bench, batches[i], duration, &timing);
            for (size_t phase = 0; phase < PHASES; phase++)
                server += timing.server[phase];
            printf("%6zu %9.0f %9.0f %6.3f  |                  %6.2f %6.2f %6.3f  |", batches[i], limit, speed,
                   speed / limit, limit_server, server, limit_server / server);
            for (size_t phase = 0; phase < PHASES; phase++)
                printf(" %.2f (%.2f)", timing.wall[phase], timing.server[phase]);
            printf("\n");
            fflush(stdout);
        }
    print_sizes(&bench);
    PQfinish(bench.copy);
    store_writer_close(bench.store, bench.db);
    store_close(bench.store);
    private_postgres_stop(bench.server);
    arena_free(bench.arena);
    return 0;
}
