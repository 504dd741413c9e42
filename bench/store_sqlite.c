/* store_sqlite: how near the bulk verbs of the SQLite driver come to what SQLite can do at all. Without HTTP, parsing
 * and rules: the verbs of a batch (find, lock, insert, figures, links, deltas, commit; folding and checkpoints beside
 * it) against limit A, the same kind of event rows alone in one transaction into the same table.
 *
 *   store_sqlite [PATH [EMAILS [MILLIONS [SECONDS [GROUP]]]]]
 *       /tmp/inkling-bench.db, 1000000 emails, 3 million events, 10 s; groups of 500, 2000 and 5000 events
 *
 * One line a measurement; a database that is there is filled up to MILLIONS and used on. The rows of limit A stay in
 * it, a millisecond beside all others. */
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/memory.h"
#include "bench/traffic.h"
#include "store/db.h"
#include "store/engagement.h"
#include "store/store.h"

#define ORGANIZATION      1
#define COHORTS           7000 /* 30 days of 7 senders, 20 jobs, 50 templates, in mailings of 50 */
#define MAILING           50
#define LINKS             400
#define EVENTS_PER_SECOND 4.6 /* of event time: 12 million in 30 days */
#define START_S           1760000000
#define LIMIT_ROWS        1000000
#define FOLD_ROWS         30000
#define FOLD_SLICE        10000

/* Where the writer's processor time goes. */
enum part {
    PART_BEGIN,
    PART_FIND,
    PART_LOCK,
    PART_EVENTS,
    PART_LINKS,
    PART_STATS,
    PART_DELTAS,
    PART_COMMIT,
    PART_FOLD,
    PART_COUNT
};
static const char *const part_names[PART_COUNT] = {"begin", "find",   "lock",   "events", "links",
                                                   "stats", "deltas", "commit", "fold"};

struct bench {
    struct store *store;
    struct db *db;
    const char *path;
    struct arena *arena;
    struct traffic traffic;
    int64_t emails, stored, deltas;
    int64_t cpu_ns[PART_COUNT], cpu_at_ns;
    int64_t *times_us; /* of commits */
    size_t time_count, time_capacity;
};

static _Noreturn void fail(const char *what, const char *why) {
    fprintf(stderr, "store_sqlite: %s: %s\n", what, why);
    exit(1);
}

#define must(call)                                                                                                     \
    do {                                                                                                               \
        struct err err_ = {0};                                                                                         \
        struct err *err = &err_;                                                                                       \
        if ((call) < 0) fail(#call, err_.text);                                                                        \
    } while (0)

static int64_t thread_cpu_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* The time since the last call was this part's. */
static void spent(struct bench *bench, enum part part) {
    int64_t now = thread_cpu_ns();
    bench->cpu_ns[part] += now - bench->cpu_at_ns;
    bench->cpu_at_ns = now;
}

/* ---- a batch ---- */

static int compare_lookups(const void *a, const void *b) {
    int64_t left = ((const struct email_lookup *)a)->email_log_id,
            right = ((const struct email_lookup *)b)->email_log_id;
    return (left > right) - (left < right);
}

static int compare_rows(const void *a, const void *b) {
    return event_key_compare(&((const struct event_row *)a)->key, &((const struct event_row *)b)->key);
}

static int compare_deltas(const void *a, const void *b) {
    int64_t left = ((const struct cohort_delta *)a)->cohort_id, right = ((const struct cohort_delta *)b)->cohort_id;
    return (left > right) - (left < right);
}

static struct event_row make_row(struct bench *bench, const struct traffic_event *event) {
    bool tracking = event->type == EVENT_OPEN || event->type == EVENT_CLICK;
    struct event_row row = {
        .key = {.organization_id = ORGANIZATION,
                .occurred_at = event->time_s * 1000,
                .event_type = event->type,
                .link_id = event->type == EVENT_CLICK ? 1 + event->link : 0},
        .verdict = event->machine ? VERDICT_MACHINE : VERDICT_HUMAN,
        .bounce = event->type == EVENT_BOUNCE ? BOUNCE_HARD : BOUNCE_NONE,
        .received_at = event->time_s * 1000 + 3000,
        .endpoint_id = 1,
        .agent_id = tracking ? 1 + event->agent : 0,
    };
    char *id = arena_bytes(bench->arena, 17);
    id[0] = 2; /* as provider_event_id_pack does with 22 characters of base64url */
    memcpy(id + 1, event->id, 16);
    row.provider_event_id = slice_of(id, 17);
    if (tracking) row.ip_address = slice_of(memcpy(arena_bytes(bench->arena, 4), &event->ip, 4), 4);
    return row;
}

struct batch {
    struct email_lookup *lookups, *order;
    struct event_row *rows;
    struct email_stats *stats, *before;
    const struct email_stats **changed;
    struct link_row *links;
    struct cohort_delta *deltas;
    size_t count, email_count;
};

/* What the receiving threads have done before the writer sees it. */
static struct batch make_batch(struct bench *bench, size_t count) {
    struct arena *arena = bench->arena;
    struct batch batch = {
        .lookups = arena_alloc_array(arena, count, sizeof(struct email_lookup)),
        .order = arena_alloc_array(arena, count, sizeof(struct email_lookup)),
        .rows = arena_alloc_array(arena, count, sizeof(struct event_row)),
        .stats = arena_alloc_array(arena, count, sizeof(struct email_stats)),
        .before = arena_alloc_array(arena, count, sizeof(struct email_stats)),
        .changed = arena_alloc_array(arena, count, sizeof(struct email_stats *)),
        .links = arena_alloc_array(arena, count, sizeof(struct link_row)),
        .deltas = arena_alloc_array(arena, count, sizeof(struct cohort_delta)),
        .count = count,
    };
    for (size_t i = 0; i < count; i++) {
        struct traffic_event event = traffic_next(&bench->traffic);
        char message_id[23];
        traffic_message_id(event.email, message_id);
        batch.lookups[i] = (struct email_lookup){
            .organization_id = ORGANIZATION,
            .key = message_key(store_hash_key(bench->store), slice_cstr(message_id)),
        };
        batch.rows[i] = make_row(bench, &event);
    }
    return batch;
}

static struct email_stats *stats_of(const struct batch *batch, int64_t email_log_id) {
    size_t low = 0, high = batch->email_count;
    while (low + 1 < high) {
        size_t middle = (low + high) / 2;
        if (batch->stats[middle].email_log_id <= email_log_id)
            low = middle;
        else
            high = middle;
    }
    return &batch->stats[low];
}

static void find(struct bench *bench, struct batch *batch) {
    must(engagement_find_emails(bench->db, batch->lookups, batch->count, err));
    spent(bench, PART_FIND);
    memcpy(batch->order, batch->lookups, batch->count * sizeof(*batch->order));
    qsort(batch->order, batch->count, sizeof(*batch->order), compare_lookups);
    for (size_t i = 0; i < batch->count; i++) {
        int64_t id = batch->order[i].email_log_id;
        if (id == 0) fail("find", "an email is missing");
        if (i > 0 && batch->order[i - 1].email_log_id == id) continue;
        batch->stats[batch->email_count++] = (struct email_stats){.organization_id = ORGANIZATION, .email_log_id = id};
    }
    must(engagement_lock_stats(bench->db, batch->stats, batch->email_count, err));
    spent(bench, PART_LOCK);
    memcpy(batch->before, batch->stats, batch->email_count * sizeof(*batch->before));
}

static void insert(struct bench *bench, struct batch *batch) {
    for (size_t i = 0; i < batch->count; i++) {
        batch->rows[i].key.email_log_id = batch->lookups[i].email_log_id;
        batch->rows[i].stats = stats_of(batch, batch->lookups[i].email_log_id);
    }
    qsort(batch->rows, batch->count, sizeof(*batch->rows), compare_rows);
    size_t unique = 0;
    for (size_t i = 0; i < batch->count; i++)
        if (i == 0 || compare_rows(&batch->rows[unique - 1], &batch->rows[i]) != 0)
            batch->rows[unique++] = batch->rows[i];
    must(engagement_insert_events(bench->db, batch->rows, unique, err));
    spent(bench, PART_EVENTS);
    batch->count = unique;
}

static void count(struct bench *bench, struct batch *batch) {
    size_t links = 0, changed = 0, cohorts = 0;
    for (size_t i = 0; i < batch->count; i++) {
        const struct event_row *row = &batch->rows[i];
        if (!row->inserted) continue;
        bench->stored++;
        struct link_row *link = links > 0 ? &batch->links[links - 1] : NULL;
        if (row->key.event_type == EVENT_CLICK &&
            (!link || link->stats.email_log_id != row->key.email_log_id || link->stats.link_id != row->key.link_id)) {
            link = &batch->links[links++];
            *link = (struct link_row){
                .organization_id = ORGANIZATION,
                .stats = {.email_log_id = row->key.email_log_id, .link_id = row->key.link_id},
            };
            must(engagement_load_links(bench->db, link, 1, err));
        }
        counters_add(row->stats, row->key.event_type == EVENT_CLICK ? &link->stats : NULL,
                     &(struct counted_event){.type = (enum event_type)row->key.event_type,
                                             .bounce = row->bounce,
                                             .verdict = row->verdict,
                                             .occurred_at = row->key.occurred_at});
    }
    for (size_t i = 0; i < batch->email_count; i++) {
        if (batch->stats[i].last_event_at == batch->before[i].last_event_at) continue;
        batch->changed[changed++] = &batch->stats[i];
        struct contribution was = counters_contribution(&batch->before[i]),
                            is = counters_contribution(&batch->stats[i]);
        struct contribution change = contribution_difference(&is, &was);
        if (contribution_is_zero(&change)) continue;
        batch->deltas[cohorts++] = (struct cohort_delta){
            .organization_id = ORGANIZATION, .cohort_id = batch->stats[i].cohort_id, .change = change};
    }
    qsort(batch->deltas, cohorts, sizeof(*batch->deltas), compare_deltas);
    size_t merged = 0;
    for (size_t i = 0; i < cohorts; i++) {
        if (merged > 0 && batch->deltas[merged - 1].cohort_id == batch->deltas[i].cohort_id)
            contribution_add(&batch->deltas[merged - 1].change, &batch->deltas[i].change);
        else
            batch->deltas[merged++] = batch->deltas[i];
    }
    must(engagement_save_links(bench->db, batch->links, links, err));
    spent(bench, PART_LINKS);
    must(engagement_save_stats(bench->db, batch->changed, changed, err));
    spent(bench, PART_STATS);
    must(engagement_append_deltas(bench->db, batch->deltas, merged, NULL, 0, err));
    spent(bench, PART_DELTAS);
    bench->deltas += (int64_t)merged;
}

static void fold(struct bench *bench, int64_t at_most) {
    if (bench->deltas < FOLD_ROWS && at_most == FOLD_SLICE) return;
    int64_t folded;
    must(db_begin(bench->db, DB_WRITE, err));
    must(engagement_fold(bench->db, at_most, &folded, err));
    must(db_commit(bench->db, err));
    bench->deltas = folded < at_most ? 0 : bench->deltas - folded;
}

/* Returns the microseconds of the writer's part. */
static int64_t apply(struct bench *bench, size_t group) {
    arena_reset(bench->arena);
    struct batch batch = make_batch(bench, group);
    int64_t began = clock_monotonic_us();
    bench->cpu_at_ns = thread_cpu_ns();
    must(db_begin(bench->db, DB_WRITE, err));
    spent(bench, PART_BEGIN);
    find(bench, &batch);
    insert(bench, &batch);
    count(bench, &batch);
    int64_t committing = clock_monotonic_us();
    must(db_commit(bench->db, err));
    int64_t committed = clock_monotonic_us();
    spent(bench, PART_COMMIT);
    fold(bench, FOLD_SLICE);
    spent(bench, PART_FOLD);
    if (bench->time_count < bench->time_capacity) bench->times_us[bench->time_count++] = committed - committing;
    return clock_monotonic_us() - began;
}

/* ---- set-up ---- */

static void add_emails(struct bench *bench) {
    char sql[400];
    snprintf(sql, sizeof(sql),
             "INSERT INTO cohorts (organization_id, id, day) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 "
             "FROM n WHERE i < %d) SELECT 1, i, i FROM n",
             COHORTS);
    must(db_begin(bench->db, DB_WRITE, err));
    must(db_script(bench->db, slice_cstr(sql), err));
    for (int64_t email = 0; email < bench->emails; email++) {
        char message_id[23], address[64];
        traffic_message_id(email, message_id);
        traffic_recipient(email, address, sizeof(address));
        struct email_row row = {
            .organization_id = ORGANIZATION,
            .message_id = slice_cstr(message_id),
            .subject = SLICE("Interview invitation"),
            .recipient_address = slice_cstr(address),
            .sent_at = (START_S - (bench->emails - email) * 2592000 / bench->emails) * 1000,
            .recipient_id = 1 + email % 100000,
            .sender_id = 1 + email / MAILING % 7,
            .cohort_id = 1 + email / MAILING * COHORTS * MAILING / bench->emails % COHORTS,
            .sequence_step = -1,
            .recipient_hash = recipient_hash(store_hash_key(bench->store), slice_cstr(address)),
            .tracking = TRACKING_FULL,
            .tracking_now = TRACKING_FULL,
            .keys = {message_key(store_hash_key(bench->store), slice_cstr(message_id))},
            .key_count = 1,
            .now = START_S * 1000LL,
        };
        must(engagement_insert_emails(bench->db, &row, 1, err));
    }
    must(db_commit(bench->db, err));
    store_checkpoint(bench->store);
}

static int64_t ask(struct bench *bench, const struct statement *statement) {
    struct db_rows *rows;
    must(db_query_row(bench->db, statement, NULL, 0, &rows, err));
    int64_t value = db_column_int(rows, 0);
    db_rows_free(rows);
    return value;
}

static void prepare(struct bench *bench, int64_t rows) {
    static const struct statement emails = {.name = "emails", .sql = "SELECT max(id) FROM email_logs"};
    static const struct statement events = {.name = "events", .sql = "SELECT count(*) FROM email_engagement_events"};
    static const struct statement newest = {.name = "newest",
                                            .sql = "SELECT max(occurred_at) FROM email_engagement_events"};
    if (ask(bench, &emails) == 0) add_emails(bench);
    bench->stored = ask(bench, &events);
    int64_t last = ask(bench, &newest);
    traffic_init(&bench->traffic, (uint64_t)bench->stored + 1, bench->emails, last > 0 ? last / 1000 + 10 : START_S);
    bench->traffic.events_per_second = EVENTS_PER_SECOND;
    while (bench->stored < rows) {
        apply(bench, 20000);
        store_checkpoint(bench->store);
    }
}

/* ---- measurements ---- */

struct checkpoints {
    struct store *store;
    atomic_bool end;
    int64_t cpu_us;
};

static void *checkpoint_often(void *context) {
    struct checkpoints *checkpoints = context;
    while (!atomic_load(&checkpoints->end)) {
        nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
        store_checkpoint(checkpoints->store);
    }
    checkpoints->cpu_us = thread_cpu_ns() / 1000;
    return NULL;
}

static int64_t bytes_written(void) {
    char line[128];
    long long bytes = 0;
    FILE *file = fopen("/proc/self/io", "r");
    while (file && fgets(line, sizeof(line), file))
        if (strncmp(line, "write_bytes:", 12) == 0) bytes = strtoll(line + 12, NULL, 10);
    if (file) fclose(file);
    return bytes;
}

struct limit {
    double rate, cpu_us; /* rows a second; processor time a row */
};

/* Limit A with the same traffic. */
static struct limit limit(struct bench *bench) {
    static const char insert_row[] =
        "INSERT INTO email_engagement_events (organization_id, occurred_at, email_log_id, event_type, link_id, "
        "recipient_ref, prev_delta, verdict, received_delay_s, endpoint_id, agent_id, ip_address, provider_event_id) "
        "VALUES (1, ?1, ?2, ?3, ?4, 0, ?5, ?6, 3, 1, ?7, ?8, ?9) ON CONFLICT DO NOTHING";
    sqlite3 *handle;
    sqlite3_stmt *row_statement;
    if (sqlite3_open(bench->path, &handle) != SQLITE_OK) fail("limit", sqlite3_errmsg(handle));
    sqlite3_exec(handle, "PRAGMA synchronous=FULL; PRAGMA cache_size=-262144; PRAGMA wal_autocheckpoint=0", NULL, NULL,
                 NULL);
    if (sqlite3_prepare_v2(handle, insert_row, -1, &row_statement, NULL) != SQLITE_OK)
        fail("limit", sqlite3_errmsg(handle));
    double duplicates = bench->traffic.duplicates;
    bench->traffic.duplicates = 0;
    int64_t began = clock_monotonic_us(), cpu = thread_cpu_ns();
    sqlite3_exec(handle, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    for (int i = 0; i < LIMIT_ROWS; i++) {
        struct traffic_event event = traffic_next(&bench->traffic);
        bool tracking = event.type == EVENT_OPEN || event.type == EVENT_CLICK;
        unsigned char id[17] = {2};
        memcpy(id + 1, event.id, 16);
        sqlite3_bind_int64(row_statement, 1, event.time_s * 1000 + 1);
        sqlite3_bind_int64(row_statement, 2, event.email + 1);
        sqlite3_bind_int64(row_statement, 3, event.type);
        sqlite3_bind_int64(row_statement, 4, event.link + 1);
        sqlite3_bind_int64(row_statement, 5, 86400000 + (int64_t)(event.id[0] % 864000000));
        sqlite3_bind_int64(row_statement, 6, event.machine ? 2 : 0);
        tracking ? sqlite3_bind_int64(row_statement, 7, event.agent + 1) : sqlite3_bind_null(row_statement, 7);
        tracking ? sqlite3_bind_blob(row_statement, 8, &event.ip, 4, SQLITE_STATIC)
                 : sqlite3_bind_null(row_statement, 8);
        sqlite3_bind_blob(row_statement, 9, id, 17, SQLITE_STATIC);
        if (sqlite3_step(row_statement) != SQLITE_DONE) fail("limit", sqlite3_errmsg(handle));
        sqlite3_reset(row_statement);
    }
    if (sqlite3_exec(handle, "COMMIT", NULL, NULL, NULL) != SQLITE_OK) fail("limit", sqlite3_errmsg(handle));
    struct limit limit = {
        .rate = LIMIT_ROWS * 1e6 / (double)(clock_monotonic_us() - began),
        .cpu_us = (double)(thread_cpu_ns() - cpu) / 1e3 / LIMIT_ROWS,
    };
    sqlite3_finalize(row_statement);
    sqlite3_wal_checkpoint_v2(handle, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    sqlite3_close(handle);
    bench->traffic.duplicates = duplicates;
    return limit;
}

static int compare_times(const void *a, const void *b) {
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

static void measure(struct bench *bench, size_t group, double seconds, struct limit limit_a) {
    struct checkpoints checkpoints = {.store = bench->store};
    pthread_t thread;
    if (pthread_create(&thread, NULL, checkpoint_often, &checkpoints) != 0) fail("measure", "no thread");
    int64_t us = 0, events = 0;
    while (us < 1000000) /* warm up */
        us += apply(bench, group);
    bench->time_count = 0;
    us = 0;
    memset(bench->cpu_ns, 0, sizeof(bench->cpu_ns));
    int64_t written = bytes_written();
    while ((double)us < seconds * 1e6) {
        us += apply(bench, group);
        events += (int64_t)group;
    }
    written = bytes_written() - written;
    atomic_store(&checkpoints.end, true);
    pthread_join(thread, NULL);
    qsort(bench->times_us, bench->time_count, sizeof(int64_t), compare_times);
    size_t n = bench->time_count;
    double rate = (double)events * 1e6 / (double)us, cpu = 0;
    for (int i = 0; i < PART_COUNT; i++)
        cpu += (double)bench->cpu_ns[i] / 1e3 / (double)events;
    printf("N=%-5zu %7.0f events/s = %.3f of A (%.0f/s); processor %.1f us an event = %.3f of A (%.1f us), "
           "checkpoints %.1f us; written %.0f B an event; commit p50 %.1f p99 %.1f max %.1f ms\n",
           group, rate, rate / limit_a.rate, limit_a.rate, cpu, limit_a.cpu_us / cpu, limit_a.cpu_us,
           (double)checkpoints.cpu_us / (double)events, (double)written / (double)events,
           (double)bench->times_us[n / 2] / 1e3, (double)bench->times_us[n * 99 / 100] / 1e3,
           (double)bench->times_us[n - 1] / 1e3);
    for (int i = 0; i < PART_COUNT; i++)
        printf("%s %.2f us%s", part_names[i], (double)bench->cpu_ns[i] / 1e3 / (double)events,
               i + 1 < PART_COUNT ? ", " : "\n");
    fflush(stdout);
}

static void measure_timelines(struct bench *bench) {
    int64_t events = 0, began = clock_monotonic_us(), cpu = thread_cpu_ns();
    for (int i = 0; i < 1000; i++) {
        struct stored_event *found;
        size_t found_count;
        arena_reset(bench->arena);
        must(engagement_timeline(bench->db, ORGANIZATION, bench->emails - i * (bench->emails / 1000), 1000,
                                 bench->arena, &found, &found_count, err));
        events += (int64_t)found_count;
    }
    printf("timeline: %.1f us for %.1f events, processor %.1f us\n", (double)(clock_monotonic_us() - began) / 1000,
           (double)events / 1000, (double)(thread_cpu_ns() - cpu) / 1e6);
}

int main(int argc, char **argv) {
    struct bench bench = {.path = argc > 1 ? argv[1] : "/tmp/inkling-bench.db", .arena = arena_new()};
    bench.emails = argc > 2 ? strtoll(argv[2], NULL, 10) : 1000000;
    double millions = argc > 3 ? strtod(argv[3], NULL) : 3, seconds = argc > 4 ? strtod(argv[4], NULL) : 10;
    bench.time_capacity = 1000000;
    bench.times_us = memory_alloc_array(bench.time_capacity, sizeof(int64_t));
    char url[300];
    snprintf(url, sizeof(url), "sqlite:%s", bench.path);
    must(store_open(&(struct store_options){.url = url, .readers_max = 1, .sqlite_cache_bytes = 256 << 20},
                    &bench.store, err));
    must(store_writer(bench.store, &bench.db, err));
    prepare(&bench, (int64_t)(millions * 1e6));
    printf("%lld events of %lld emails stored\n", (long long)bench.stored, (long long)bench.emails);
    struct limit limit_a = limit(&bench);
    static const size_t groups[] = {500, 2000, 5000};
    if (argc > 5) measure(&bench, strtoull(argv[5], NULL, 10), seconds, limit_a);
    for (size_t i = 0; argc <= 5 && i < sizeof(groups) / sizeof(groups[0]); i++)
        measure(&bench, groups[i], seconds, limit_a);
    measure_timelines(&bench);
    traffic_release(&bench.traffic);
    store_writer_close(bench.store, bench.db);
    store_close(bench.store);
    arena_free(bench.arena);
    free(bench.times_us);
    return 0;
}
