/* Monthly partitions of the events: made when needed, beside others, without stopping anyone. */
#include "tests/unit/store/store_contract.h"

#include <pthread.h>

#include "base/clock.h"

#include "base/banned.h"

#define ORGANIZATION 7

static int64_t at(int year, int month, int day) {
    return day_from_date(year, month, day) * DAY_MS;
}

static struct event_row event(int64_t occurred_at) {
    return (struct event_row){.key = {.organization_id = ORGANIZATION,
                                      .occurred_at = occurred_at,
                                      .email_log_id = 1,
                                      .event_type = EVENT_OPEN},
                              .received_at = occurred_at};
}

static int insert_at(struct db *db, int64_t occurred_at, struct err *err) {
    struct event_row row = event(occurred_at);
    return engagement_insert_events(db, &row, 1, err);
}

static void store_at(struct db *db, int64_t occurred_at) {
    assert_done(db_begin(db, DB_WRITE, err));
    assert_done(insert_at(db, occurred_at, err));
    assert_done(db_commit(db, err));
}

static void assert_place(struct db *db, int64_t occurred_at, const char *expected) {
    static const struct statement place = {
        .name = "place",
        .sql = "SELECT CAST(CAST(tableoid AS regclass) AS TEXT) FROM email_engagement_events WHERE occurred_at = $1"};
    struct db_rows *rows = NULL;
    char name[100];
    assert_int_equal(db_query_row(db, &place, DB_VALUES(db_int(occurred_at)), &rows, NULL), 1);
    snprintf(name, sizeof(name), "%.*s", SLICE_FMT(db_column_text(rows, 0)));
    db_rows_free(rows);
    assert_string_equal(name, expected);
}

static int64_t partitions(struct db *db) {
    return ask_int(db, "SELECT count(*) FROM pg_inherits WHERE inhparent = 'email_engagement_events'::regclass");
}

static void this_month_and_the_next_are_there(void **state) {
    struct fixture *fixture = fixture_of(state);
    int year, month, day;
    char name[64], next[64];
    day_to_date((int32_t)(clock_now() / DAY_MS), &year, &month, &day);
    assert_int_equal(partitions(fixture->db), 4); /* with the two that catch what lies outside */
    snprintf(name, sizeof(name), "email_engagement_events_%04d_%02d", year, month);
    snprintf(next, sizeof(next), "email_engagement_events_%04d_%02d", month < 12 ? year : year + 1, month % 12 + 1);
    store_at(fixture->db, clock_now());
    store_at(fixture->db, at(month < 12 ? year : year + 1, month % 12 + 1, 1));
    assert_place(fixture->db, at(month < 12 ? year : year + 1, month % 12 + 1, 1), next);
    assert_int_equal(partitions(fixture->db), 4);
}

static void every_time_has_a_place(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct db *db = fixture->db;
    static const struct {
        int year, month, day;
        int64_t before; /* ms */
        const char *place;
    } cases[] = {
        {2019, 2, 28, 0, "email_engagement_events_2019_02"},
        {2019, 3, 1, 1, "email_engagement_events_2019_02"},
        {2019, 3, 1, 0, "email_engagement_events_2019_03"},
        {2019, 12, 31, -DAY_MS + 1, "email_engagement_events_2019_12"},
        {2000, 1, 1, 0, "email_engagement_events_2000_01"},
        {2000, 1, 1, 1, "email_engagement_events_early"},
        {1970, 1, 1, 0, "email_engagement_events_early"},
        {1970, 1, 1, 5000, "email_engagement_events_early"}, /* before 1970 */
        {2200, 1, 1, 1, "email_engagement_events_2199"},
        {2200, 1, 1, 0, "email_engagement_events_late"},
        {2100, 6, 15, 0, "email_engagement_events_2100"}, /* far years as a whole */
        {2100, 1, 1, 0, "email_engagement_events_2100"},
        {2100, 12, 31, 0, "email_engagement_events_2100"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t time = at(cases[i].year, cases[i].month, cases[i].day) - cases[i].before;
        store_at(db, time);
        assert_place(db, time, cases[i].place);
    }
    assert_int_equal(partitions(db), 4 + 6);
}

/* A batch may bring several months at once; all in one transaction that is rolled back: the partitions stay. */
static void many_months_at_once(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct event_row rows[36];
    for (int i = 0; i < 36; i++)
        rows[i] = event(at(2015 + i / 12, i % 12 + 1, 3));
    assert_done(db_begin(fixture->db, DB_WRITE, err));
    assert_done(engagement_insert_events(fixture->db, rows, 36, err));
    db_rollback(fixture->db);
    assert_int_equal(ask_int(fixture->db, "SELECT count(*) FROM email_engagement_events"), 0);
    assert_int_equal(partitions(fixture->db), 40);
    assert_done(db_begin(fixture->db, DB_WRITE, err));
    assert_done(engagement_insert_events(fixture->db, rows, 36, err));
    assert_done(db_commit(fixture->db, err));
    assert_int_equal(ask_int(fixture->db, "SELECT count(*) FROM email_engagement_events"), 36);
}

/* Neither a transaction that has inserted events nor one that reads all of them is in the way of a new month. */
static void a_new_month_waits_for_nobody(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct db *writer = NULL, *reader = NULL;
    assert_done(store_writer(fixture->store, &writer, err));
    assert_done(store_reader(fixture->store, &reader, err));
    assert_done(db_begin(writer, DB_WRITE, err));
    assert_done(insert_at(writer, at(2019, 1, 1), err));
    assert_done(db_begin(reader, DB_READ, err));
    assert_int_equal(ask_int(reader, "SELECT count(*) FROM email_engagement_events"), 0);
    store_at(fixture->db, at(2018, 1, 1));
    /* In the midst of their transactions they see it and use it. */
    assert_done(insert_at(writer, at(2018, 1, 2), err));
    assert_int_equal(ask_int(reader, "SELECT count(*) FROM email_engagement_events"), 0);
    assert_done(db_commit(writer, err));
    store_reader_return(fixture->store, reader);
    assert_int_equal(ask_int(fixture->db, "SELECT count(*) FROM email_engagement_events"), 3);
    store_writer_close(fixture->store, writer);
}

/* Retention drops a month that another process believes to be there. */
static void a_month_that_has_gone_is_made_again(void **state) {
    struct fixture *fixture = fixture_of(state);
    store_at(fixture->db, at(2018, 1, 1));
    run_sql(fixture->db, "ALTER TABLE email_engagement_events DETACH PARTITION email_engagement_events_2018_01; "
                         "DROP TABLE email_engagement_events_2018_01");
    assert_done(db_begin(fixture->db, DB_WRITE, err));
    assert_fails(ERR_UNAVAILABLE, insert_at(fixture->db, at(2018, 1, 2), err));
    db_rollback(fixture->db);
    store_at(fixture->db, at(2018, 1, 2)); /* when the delivery comes again */
    assert_int_equal(ask_int(fixture->db, "SELECT count(*) FROM email_engagement_events"), 1);
}

#define THREADS 4
struct newcomer {
    pthread_t thread;
    pthread_barrier_t *start;
    struct store *store;
    int number, result;
    struct err err;
};

static int insert_new_month(struct newcomer *newcomer, struct db *db, int round) {
    struct event_row rows[] = {event(at(2010 + round, 4, 1 + newcomer->number)),
                               event(at(2010 + round, 5, 1 + newcomer->number))};
    struct err *err = &newcomer->err;
    int r = db_begin(db, DB_WRITE, err);
    if (r == 0) r = engagement_insert_events(db, rows, 2, err);
    if (r == 0) r = db_commit(db, err);
    return r;
}

static void *meet_new_months(void *argument) {
    struct newcomer *newcomer = argument;
    struct db *db = NULL;
    newcomer->result = store_writer(newcomer->store, &db, &newcomer->err);
    for (int round = 0; round < 5; round++) {
        pthread_barrier_wait(newcomer->start);
        if (newcomer->result == 0) newcomer->result = insert_new_month(newcomer, db, round);
    }
    store_writer_close(newcomer->store, db);
    return NULL;
}

static void writers_meet_a_new_month_together(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct newcomer newcomers[THREADS];
    pthread_barrier_t start;
    pthread_barrier_init(&start, NULL, THREADS);
    for (int i = 0; i < THREADS; i++) {
        newcomers[i] = (struct newcomer){.start = &start, .store = fixture->store, .number = i};
        assert_int_equal(pthread_create(&newcomers[i].thread, NULL, meet_new_months, &newcomers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(newcomers[i].thread, NULL);
    pthread_barrier_destroy(&start);
    for (int i = 0; i < THREADS; i++)
        if (newcomers[i].result < 0) fail_msg("%s", newcomers[i].err.text);
    assert_int_equal(ask_int(fixture->db, "SELECT count(*) FROM email_engagement_events"), 2 * 5 * THREADS);
    assert_int_equal(partitions(fixture->db), 4 + 2 * 5);
}

int main(void) {
    struct CMUnitTest tests[] = {
        contract_test(this_month_and_the_next_are_there),
        contract_test(every_time_has_a_place),
        contract_test(many_months_at_once),
        contract_test(a_new_month_waits_for_nobody),
        contract_test(a_month_that_has_gone_is_made_again),
        contract_test(writers_meet_a_new_month_together),
    };
    clock_init();
    return run_on_postgres(tests, sizeof(tests) / sizeof(tests[0]));
}
