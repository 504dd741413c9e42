/* Several writers at once: the same and overlapping batches in different orders. No deadlock, each event once, and
 * figures and totals as if one writer had stored each event once. */
#include "tests/unit/store/store_contract.h"

#include <pthread.h>

#include "base/banned.h"

#define ORGANIZATION 7
#define WRITERS      4
#define EMAILS       60
#define COHORTS      5
#define EVENTS       1500
#define BATCHES      40
#define BATCH_EVENTS 90
#define LINKS        12
#define TIME_0       1700000000000

/* An event of the world; the link's id is what the dictionary says. */
struct happening {
    struct event_key key;
    int link; /* -1: none */
};

struct world {
    struct store *store;
    int64_t emails[EMAILS];
    struct happening events[EVENTS];
    int batches[BATCHES][BATCH_EVENTS]; /* numbers of events */
    pthread_barrier_t start;
};

struct writer {
    pthread_t thread;
    struct world *world;
    struct db *db;
    uint64_t seed;
    int64_t inserted;
    int result;
    struct err err;
};

/* ---- a world of events ---- */

static uint64_t next_random(uint64_t *state) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

static int64_t add_emails(struct db *db, int64_t *ret_ids) {
    struct email_row rows[EMAILS];
    for (int i = 0; i < EMAILS; i++)
        rows[i] = (struct email_row){.organization_id = ORGANIZATION,
                                     .sent_at = TIME_0,
                                     .cohort_id = 1 + i % COHORTS,
                                     .sequence_step = -1,
                                     .tracking = TRACKING_FULL,
                                     .tracking_now = TRACKING_FULL,
                                     .keys = {{.hash = 1000 - i, .check = 5}},
                                     .key_count = 1};
    assert_done(db_begin(db, DB_WRITE, err));
    assert_done(engagement_insert_emails(db, rows, EMAILS, err));
    assert_done(db_commit(db, err));
    for (int i = 0; i < EMAILS; i++)
        ret_ids[i] = rows[i].id;
    return 0;
}

/* Two months, so that a partition is met for the first time under way. */
static void make_world(struct world *world, struct db *db) {
    uint64_t seed = 4711;
    add_emails(db, world->emails);
    for (int i = 0; i < EVENTS; i++) {
        int kind = (int)(next_random(&seed) % 3);
        world->events[i] = (struct happening){
            .key = {.organization_id = ORGANIZATION,
                    .occurred_at = TIME_0 + (int64_t)(next_random(&seed) % 3000) * 1000000 + i, /* each its own */
                    .email_log_id = world->emails[next_random(&seed) % EMAILS],
                    .event_type = kind == 0   ? EVENT_CLICK
                                  : kind == 1 ? EVENT_OPEN
                                              : EVENT_DELIVERED},
            .link = kind == 0 ? (int)(next_random(&seed) % LINKS) : -1,
        };
    }
    for (int b = 0; b < BATCHES; b++)
        for (int i = 0; i < BATCH_EVENTS; i++) /* the first ones take each event once, the rest repeats */
            world->batches[b][i] =
                b * BATCH_EVENTS + i < EVENTS ? b * BATCH_EVENTS + i : (int)(next_random(&seed) % EVENTS);
}

/* ---- one batch, as ingest does it ---- */

struct batch {
    struct writer *writer;
    struct arena *arena;
    struct event_row *rows;
    size_t count;
    struct email_stats *stats;
    size_t stats_count;
};

static int compare_rows(const void *left, const void *right) {
    return event_key_compare(&((const struct event_row *)left)->key, &((const struct event_row *)right)->key);
}

static int compare_links(const void *left, const void *right) {
    const struct link_stats *a = &((const struct link_row *)left)->stats, *b = &((const struct link_row *)right)->stats;
    if (a->email_log_id != b->email_log_id) return a->email_log_id < b->email_log_id ? -1 : 1;
    return (a->link_id > b->link_id) - (a->link_id < b->link_id);
}

static int find_links(struct batch *batch, int64_t ids[LINKS], struct err *err) {
    struct dictionary_row links[LINKS];
    static const char *const urls[LINKS] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"};
    for (int i = 0; i < LINKS; i++)
        links[i] = (struct dictionary_row){.organization_id = ORGANIZATION,
                                           .key = {.hash = i - 5, .check = 1},
                                           .text = slice_cstr(urls[i]),
                                           .position = i};
    int r = engagement_dictionary(batch->writer->db, DICTIONARY_LINKS, links, LINKS, err);
    for (int i = 0; i < LINKS; i++)
        ids[i] = links[i].id;
    return r;
}

static int lock_emails(struct batch *batch, struct err *err) {
    for (size_t i = 0; i < batch->count; i++) {
        struct event_row *row = &batch->rows[i];
        if (batch->stats_count == 0 || batch->stats[batch->stats_count - 1].email_log_id != row->key.email_log_id) {
            struct email_stats *stats = &batch->stats[batch->stats_count++];
            email_stats_init(stats);
            stats->organization_id = ORGANIZATION;
            stats->email_log_id = row->key.email_log_id;
        }
        row->stats = &batch->stats[batch->stats_count - 1];
    }
    return engagement_lock_stats(batch->writer->db, batch->stats, batch->stats_count, err);
}

static int count_events(struct batch *batch, struct err *err) {
    struct db *db = batch->writer->db;
    struct link_row *links = arena_alloc_array(batch->arena, batch->count, sizeof(*links));
    struct cohort_delta *deltas = arena_alloc_array(batch->arena, batch->stats_count, sizeof(*deltas));
    struct breakdown_delta *parts = arena_alloc_array(batch->arena, batch->count, sizeof(*parts));
    const struct email_stats **changed = arena_alloc_array(batch->arena, batch->stats_count, sizeof(*changed));
    size_t link_count = 0, unique = 0, part_count = 0;
    for (size_t i = 0; i < batch->count; i++)
        if (batch->rows[i].inserted && batch->rows[i].key.link_id != 0)
            links[link_count++] = (struct link_row){
                .organization_id = ORGANIZATION,
                .stats = {.email_log_id = batch->rows[i].key.email_log_id, .link_id = batch->rows[i].key.link_id}};
    qsort(links, link_count, sizeof(*links), compare_links);
    for (size_t i = 0; i < link_count; i++)
        if (unique == 0 || compare_links(&links[unique - 1], &links[i]) != 0) links[unique++] = links[i];
    int r = engagement_load_links(db, links, unique, err);
    if (r < 0) return r;
    for (size_t s = 0; s < batch->stats_count; s++) {
        struct contribution before = counters_contribution(&batch->stats[s]);
        for (size_t i = 0; i < batch->count; i++) {
            const struct event_row *row = &batch->rows[i];
            if (row->stats != &batch->stats[s] || !row->inserted) continue;
            struct link_row wanted = {.stats = {.email_log_id = row->key.email_log_id, .link_id = row->key.link_id}};
            struct link_row *link = bsearch(&wanted, links, unique, sizeof(*links), compare_links);
            counters_add(&batch->stats[s], link ? &link->stats : NULL,
                         &(struct counted_event){.type = (enum event_type)row->key.event_type,
                                                 .occurred_at = row->key.occurred_at});
            parts[part_count++] = (struct breakdown_delta){.organization_id = ORGANIZATION,
                                                           .cohort_id = row->stats->cohort_id,
                                                           .kind = BREAKDOWN_AGGREGATE,
                                                           .item = row->key.event_type,
                                                           .n = 1};
        }
        struct contribution after = counters_contribution(&batch->stats[s]);
        deltas[s] = (struct cohort_delta){.organization_id = ORGANIZATION,
                                          .cohort_id = batch->stats[s].cohort_id,
                                          .change = contribution_difference(&after, &before)};
        changed[s] = &batch->stats[s];
    }
    r = engagement_save_stats(db, changed, batch->stats_count, err);
    if (r == 0) r = engagement_save_links(db, links, unique, err);
    if (r == 0) r = engagement_append_deltas(db, deltas, batch->stats_count, parts, part_count, err);
    return r;
}

static int find_emails(struct batch *batch, const struct happening *const *events, struct err *err) {
    struct email_lookup lookups[BATCH_EVENTS];
    for (size_t i = 0; i < batch->count; i++)
        for (int e = 0; e < EMAILS; e++)
            if (batch->writer->world->emails[e] == events[i]->key.email_log_id)
                lookups[i] =
                    (struct email_lookup){.organization_id = ORGANIZATION, .key = {.hash = 1000 - e, .check = 5}};
    int r = engagement_find_emails(batch->writer->db, lookups, batch->count, err);
    if (r < 0) return r;
    for (size_t i = 0; i < batch->count; i++) {
        batch->rows[i].key = events[i]->key;
        batch->rows[i].key.email_log_id = lookups[i].email_log_id;
    }
    return 0;
}

static int apply(struct batch *batch, const int *numbers, struct err *err) {
    const struct happening *events[BATCH_EVENTS];
    int64_t link_ids[LINKS];
    size_t unique = 0;
    for (size_t i = 0; i < batch->count; i++)
        events[i] = &batch->writer->world->events[numbers[i]];
    int r = find_emails(batch, events, err);
    if (r < 0) return r;
    /* Links before the figures here, in ingest after them: all writers must only do it alike. */
    r = find_links(batch, link_ids, err);
    if (r < 0) return r;
    for (size_t i = 0; i < batch->count; i++)
        if (events[i]->link >= 0) batch->rows[i].key.link_id = link_ids[events[i]->link];
    qsort(batch->rows, batch->count, sizeof(*batch->rows), compare_rows);
    for (size_t i = 0; i < batch->count; i++)
        if (unique == 0 || compare_rows(&batch->rows[unique - 1], &batch->rows[i]) != 0)
            batch->rows[unique++] = batch->rows[i];
    batch->count = unique;
    r = lock_emails(batch, err);
    if (r == 0) r = engagement_insert_events(batch->writer->db, batch->rows, batch->count, err);
    if (r == 0) r = count_events(batch, err);
    return r;
}

static int write_batch(struct writer *writer, const int *numbers) {
    struct batch batch = {.writer = writer, .arena = arena_new(), .count = BATCH_EVENTS};
    int64_t inserted = 0;
    batch.rows = arena_alloc_array(batch.arena, BATCH_EVENTS, sizeof(*batch.rows));
    batch.stats = arena_alloc_array(batch.arena, BATCH_EVENTS, sizeof(*batch.stats));
    int r = db_begin(writer->db, DB_WRITE, &writer->err);
    if (r == 0) r = apply(&batch, numbers, &writer->err);
    for (size_t i = 0; i < batch.count; i++)
        inserted += batch.rows[i].inserted;
    if (r == 0) r = db_commit(writer->db, &writer->err);
    if (r == 0) writer->inserted += inserted;
    arena_free(batch.arena);
    return r;
}

static void *write_all(void *argument) {
    struct writer *writer = argument;
    int order[BATCHES];
    for (int i = 0; i < BATCHES; i++) {
        int at = (int)(next_random(&writer->seed) % (uint64_t)(i + 1));
        order[i] = order[at];
        order[at] = i;
    }
    pthread_barrier_wait(&writer->world->start);
    for (int i = 0; i < BATCHES && writer->result == 0; i++)
        writer->result = write_batch(writer, writer->world->batches[order[i]]);
    return NULL;
}

/* ---- what must be true afterwards ---- */

static void assert_figures(struct db *db) {
    /* Recounted from the events, in SQL. */
    assert_int_equal(
        ask_int(db, "SELECT count(*) FROM email_stats s JOIN (SELECT email_log_id, "
                    "count(*) FILTER (WHERE event_type = 5) opens, count(*) FILTER (WHERE event_type = 6) clicks, "
                    "count(DISTINCT link_id) FILTER (WHERE event_type = 6) links, "
                    "min(occurred_at) FILTER (WHERE event_type = 5) opened, "
                    "min(occurred_at) FILTER (WHERE event_type = 6) clicked, "
                    "min(occurred_at) FILTER (WHERE event_type = 2) delivered, max(occurred_at) latest "
                    "FROM email_engagement_events GROUP BY email_log_id) e USING (email_log_id) "
                    "WHERE s.open_count = opens AND s.total_click_count = clicks AND s.click_count = links "
                    "AND s.opened_at IS NOT DISTINCT FROM opened AND s.clicked_at IS NOT DISTINCT FROM clicked "
                    "AND s.delivered_at IS NOT DISTINCT FROM delivered AND s.last_event_at = latest"),
        EMAILS);
    assert_int_equal(ask_int(db, "SELECT count(*) FROM (SELECT email_log_id, link_id, count(*) n, min(occurred_at) "
                                 "first FROM email_engagement_events WHERE event_type = 6 GROUP BY 1, 2) e "
                                 "FULL JOIN email_links l USING (email_log_id, link_id) "
                                 "WHERE l.click_count IS DISTINCT FROM e.n OR l.clicked_at IS DISTINCT FROM e.first"),
                     0);
    assert_int_equal(ask_int(db, "SELECT count(*) FROM links"), LINKS);
    assert_int_equal(ask_int(db, "SELECT sum(n) FROM breakdown_deltas"), EVENTS);
    assert_int_equal(ask_int(db, "SELECT (SELECT sum(opens) FROM cohort_deltas) - (SELECT sum(open_count) FROM "
                                 "email_stats)"),
                     0);
    assert_int_equal(ask_int(db, "SELECT (SELECT sum(clicks) FROM cohort_deltas) - (SELECT sum(click_count) FROM "
                                 "email_stats)"),
                     0);
    assert_int_equal(ask_int(db, "SELECT (SELECT sum(opened) FROM cohort_deltas) - (SELECT count(opened_at) FROM "
                                 "email_stats)"),
                     0);
}

static void writers_store_each_event_once(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct world *world = arena_alloc(fixture->arena, sizeof(*world));
    struct writer writers[WRITERS];
    int64_t inserted = 0;
    world->store = fixture->store;
    make_world(world, fixture->db);
    pthread_barrier_init(&world->start, NULL, WRITERS);
    for (int i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){.world = world, .seed = 1000u + (uint64_t)i};
        assert_done(store_writer(fixture->store, &writers[i].db, err));
        run_sql(writers[i].db, "SET deadlock_timeout = '100ms'");
    }
    for (int i = 0; i < WRITERS; i++)
        assert_int_equal(pthread_create(&writers[i].thread, NULL, write_all, &writers[i]), 0);
    for (int i = 0; i < WRITERS; i++)
        pthread_join(writers[i].thread, NULL);
    for (int i = 0; i < WRITERS; i++) {
        if (writers[i].result < 0) fail_msg("%s", writers[i].err.text);
        inserted += writers[i].inserted;
        store_writer_close(fixture->store, writers[i].db);
    }
    pthread_barrier_destroy(&world->start);
    assert_int_equal(inserted, EVENTS);
    assert_int_equal(ask_int(fixture->db, "SELECT count(*) FROM email_engagement_events"), EVENTS);
    assert_figures(fixture->db);
}

/* ---- folding beside writers and other folders ---- */

static void *fold_all(void *argument) {
    struct writer *writer = argument;
    pthread_barrier_wait(&writer->world->start);
    for (int i = 0; i < 60 && writer->result == 0; i++) {
        int64_t folded = 0;
        struct cohort_delta delta = {
            .organization_id = ORGANIZATION, .cohort_id = 1 + i % COHORTS, .change = {.opens = 1}};
        struct breakdown_delta part = {.organization_id = ORGANIZATION, .cohort_id = 1, .kind = 5, .item = 2, .n = 1};
        writer->result = db_begin(writer->db, DB_WRITE, &writer->err);
        if (writer->result == 0)
            writer->result = engagement_append_deltas(writer->db, &delta, 1, &part, 1, &writer->err);
        if (writer->result == 0) writer->result = db_commit(writer->db, &writer->err);
        if (writer->result == 0) writer->result = db_begin(writer->db, DB_WRITE, &writer->err);
        if (writer->result == 0) writer->result = engagement_fold(writer->db, 7, &folded, &writer->err);
        if (writer->result == 0) writer->result = db_commit(writer->db, &writer->err);
        writer->inserted += folded;
    }
    return NULL;
}

static void each_change_is_folded_once(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct world *world = arena_alloc(fixture->arena, sizeof(*world));
    struct writer writers[WRITERS];
    int64_t folded = 0, last = 1;
    run_sql(fixture->db, "INSERT INTO cohorts (organization_id, id, day) SELECT 7, n, n FROM generate_series(1, 5) n");
    pthread_barrier_init(&world->start, NULL, WRITERS);
    for (int i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){.world = world};
        assert_done(store_writer(fixture->store, &writers[i].db, err));
    }
    for (int i = 0; i < WRITERS; i++)
        assert_int_equal(pthread_create(&writers[i].thread, NULL, fold_all, &writers[i]), 0);
    for (int i = 0; i < WRITERS; i++)
        pthread_join(writers[i].thread, NULL);
    for (int i = 0; i < WRITERS; i++) {
        if (writers[i].result < 0) fail_msg("%s", writers[i].err.text);
        folded += writers[i].inserted;
        store_writer_close(fixture->store, writers[i].db);
    }
    pthread_barrier_destroy(&world->start);
    while (last > 0) {
        assert_done(db_begin(fixture->db, DB_WRITE, err));
        assert_done(engagement_fold(fixture->db, 1000, &last, err));
        assert_done(db_commit(fixture->db, err));
        folded += last;
    }
    assert_int_equal(folded, 2 * 60 * WRITERS);
    assert_int_equal(ask_int(fixture->db, "SELECT sum(opens) FROM cohorts"), 60 * WRITERS);
    assert_int_equal(ask_int(fixture->db, "SELECT sum(n) FROM breakdowns"), 60 * WRITERS);
}

/* ---- repetitions and late events ---- */

static void late_and_repeated_events_are_told_apart(void **state) {
    struct fixture *fixture = fixture_of(state);
    int64_t emails[EMAILS];
    static const struct {
        int time;
        bool is_new;
    } batches[][4] = {
        {{100, true}, {200, true}, {0, false}},
        {{50, true}, {100, false}, {150, true}, {300, true}}, /* late, repeated, late, later */
        {{300, false}, {50, false}, {200, false}, {250, true}},
    };
    add_emails(fixture->db, emails);
    for (size_t b = 0; b < 3; b++) {
        struct email_stats stats = {.organization_id = ORGANIZATION, .email_log_id = emails[0]};
        const struct email_stats *changed = &stats;
        struct event_row rows[4];
        size_t count = 0;
        for (; count < 4 && batches[b][count].time > 0; count++)
            rows[count] = (struct event_row){.key = {.organization_id = ORGANIZATION,
                                                     .email_log_id = emails[0],
                                                     .event_type = EVENT_OPEN,
                                                     .occurred_at = TIME_0 + batches[b][count].time},
                                             .stats = &stats};
        assert_done(db_begin(fixture->db, DB_WRITE, err));
        assert_done(engagement_lock_stats(fixture->db, &stats, 1, err));
        assert_done(engagement_insert_events(fixture->db, rows, count, err));
        assert_done(engagement_save_stats(fixture->db, &changed, 1, err));
        assert_done(db_commit(fixture->db, err));
        for (size_t i = 0; i < count; i++)
            assert_int_equal(rows[i].inserted, batches[b][i].is_new);
    }
    /* Figures that know less never take the mark back. */
    struct email_stats forgetful = {.organization_id = ORGANIZATION, .email_log_id = emails[0]};
    const struct email_stats *changed = &forgetful;
    assert_done(db_begin(fixture->db, DB_WRITE, err));
    assert_done(engagement_lock_stats(fixture->db, &forgetful, 1, err));
    assert_int_equal(forgetful.last_event_at, TIME_0 + 300);
    forgetful.last_event_at = TIME_UNSET;
    assert_done(engagement_save_stats(fixture->db, &changed, 1, err));
    assert_done(engagement_lock_stats(fixture->db, &forgetful, 1, err));
    assert_int_equal(forgetful.last_event_at, TIME_0 + 300);
    assert_done(db_commit(fixture->db, err));
}

int main(void) {
    struct CMUnitTest tests[] = {
        contract_test(writers_store_each_event_once),
        contract_test(each_change_is_folded_once),
        contract_test(late_and_repeated_events_are_told_apart),
    };
    return run_on_postgres(tests, sizeof(tests) / sizeof(tests[0]));
}
