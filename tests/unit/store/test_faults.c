/* Each call of the driver fails in turn: what was not committed leaves no trace, nothing leaks, the connection goes on.
 */
#include "tests/unit/store/store_contract.h"

#include "tests/unit/store/fault_driver.h"

#include "base/banned.h"

#define ORGANIZATION 7
#define MANY         1000

/* Of an email with one event a call; the work of a batch. */
struct work {
    int64_t email_log_id;
    int64_t occurred_at;
};

static int add_email(struct fixture *fixture, const char *message_id, int64_t *ret_id, struct err *err) {
    struct email_row row = {
        .organization_id = ORGANIZATION,
        .message_id = slice_cstr(message_id),
        .sent_at = 1000,
        .recipient_id = 1,
        .cohort_id = 1,
        .sequence_step = -1,
        .tracking = TRACKING_FULL,
        .tracking_now = TRACKING_FULL,
        .keys = {message_key(store_hash_key(fixture->store), slice_cstr(message_id))},
        .key_count = 1,
    };
    struct db *db = fixture->db;
    int rc = db_begin(db, DB_WRITE, err);
    if (rc == 0) rc = engagement_registration_lock(db, ORGANIZATION, REGISTRATION_EMAILS, err);
    if (rc == 0) rc = engagement_insert_emails(db, &row, 1, err);
    if (rc == 0) rc = db_commit(db, err);
    if (rc < 0) db_rollback(db);
    if (rc == 0) *ret_id = row.id;
    return rc;
}

static int store_event(struct db *db, const struct work *work, struct err *err) {
    struct email_stats stats = {.organization_id = ORGANIZATION, .email_log_id = work->email_log_id};
    const struct email_stats *changed = &stats;
    struct dictionary_row link = {.organization_id = ORGANIZATION, .key = {work->occurred_at, 1}, .text = SLICE("u")};
    struct link_row link_row = {.organization_id = ORGANIZATION, .stats = {.email_log_id = work->email_log_id}};
    struct event_row event = {.key = {.organization_id = ORGANIZATION,
                                      .occurred_at = work->occurred_at,
                                      .email_log_id = work->email_log_id,
                                      .event_type = EVENT_CLICK},
                              .stats = &stats};
    struct cohort_delta delta = {.organization_id = ORGANIZATION, .cohort_id = 1, .change = {.clicks = 1}};
    struct breakdown_delta breakdown = {
        .organization_id = ORGANIZATION, .cohort_id = 1, .kind = BREAKDOWN_LINK_CLICKS, .item = 1, .n = 1};
    int rc = engagement_lock_stats(db, &stats, 1, err);
    if (rc == 0) rc = engagement_dictionary(db, DICTIONARY_LINKS, &link, 1, err);
    link_row.stats.link_id = event.key.link_id = link.id;
    if (rc == 0) rc = engagement_insert_events(db, &event, 1, err);
    if (rc == 0) rc = engagement_load_links(db, &link_row, 1, err);
    if (rc == 0 && event.inserted)
        counters_add(&stats, &link_row.stats,
                     &(struct counted_event){.type = EVENT_CLICK, .occurred_at = work->occurred_at});
    if (rc == 0) rc = engagement_save_links(db, &link_row, 1, err);
    if (rc == 0) rc = engagement_save_stats(db, &changed, 1, err);
    if (rc == 0) rc = engagement_append_deltas(db, &delta, 1, &breakdown, 1, err);
    return rc;
}

/* As the writer does: a savepoint around one part, which alone is undone when it fails. */
static int store_two_events(struct db *db, const struct work *first, const struct work *second, struct err *err) {
    int rc = db_begin(db, DB_WRITE, err);
    if (rc == 0) rc = store_event(db, first, err);
    if (rc == 0) rc = db_savepoint(db, err);
    if (rc == 0) rc = store_event(db, second, err);
    if (rc == 0) rc = db_savepoint_release(db, err);
    if (rc == 0) rc = db_commit(db, err);
    if (rc < 0) db_rollback(db);
    return rc;
}

static void assert_nothing_is_stored(struct db *db) {
    assert_int_equal(
        ask_int(db, "SELECT (SELECT count(*) FROM email_engagement_events) + (SELECT count(*) FROM links) + "
                    "(SELECT count(*) FROM email_links) + (SELECT count(*) FROM cohort_deltas) + "
                    "(SELECT count(*) FROM breakdown_deltas) + (SELECT sum(total_click_count) FROM email_stats)"),
        0);
}

static void a_failed_batch_leaves_nothing(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct fault_driver faults;
    struct work first = {.occurred_at = 5000}, second = {.occurred_at = 4000};
    struct err fault = {0};
    assert_int_equal(add_email(fixture, "a", &first.email_log_id, &fault), 0);
    second.email_log_id = first.email_log_id;
    fault_install(&faults, fixture->db);
    int64_t n = 1;
    for (; n < MANY; n++) {
        fault_arm(&faults, n, n % 2 ? ERR_UNAVAILABLE : ERR_INTERNAL);
        int rc = store_two_events(fixture->db, &first, &second, &fault);
        if (!faults.hit) {
            assert_int_equal(rc, 0);
            break;
        }
        assert_int_equal(rc, -(int)faults.code);
        assert_string_equal(fault.text, "failed on purpose");
        assert_int_equal(fixture->db->failed, faults.code == ERR_UNAVAILABLE);
        assert_false(fixture->db->in_transaction);
        assert_done(store_writer_repair(fixture->store, fixture->db, err));
        assert_false(fixture->db->failed);
        assert_nothing_is_stored(fixture->db);
    }
    assert_int_equal(n,
                     1 + 2 + 2 * 7 + 1 + 1); /* begin, savepoint and release, the verbs, commit; one more: none fails */
    fault_remove(&faults, fixture->db);
    assert_int_equal(ask_int(fixture->db, "SELECT count(*) FROM email_engagement_events"), 2);
    assert_int_equal(ask_int(fixture->db, "SELECT sum(total_click_count) FROM email_stats"), 2);
}

static void a_failed_part_leaves_the_others(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct db *db = fixture->db;
    struct fault_driver faults;
    struct work kept = {0}, lost = {.occurred_at = -1};
    struct err fault = {0};
    assert_int_equal(add_email(fixture, "a", &kept.email_log_id, &fault), 0);
    lost.email_log_id = kept.email_log_id;
    fault_install(&faults, db);
    for (int64_t n = 1; n <= 7; n++) {
        kept.occurred_at = 1000 * n;
        assert_done(db_begin(db, DB_WRITE, err));
        assert_done(db_savepoint(db, err));
        fault_arm(&faults, n, ERR_INTERNAL);
        assert_int_equal(store_event(db, &lost, &fault), -ERR_INTERNAL);
        assert_done(db_savepoint_rollback(db, err));
        assert_done(db_savepoint(db, err));
        assert_done(store_event(db, &kept, err));
        assert_done(db_savepoint_release(db, err));
        assert_done(db_commit(db, err));
        assert_int_equal(ask_int(db, "SELECT count(*) FROM email_engagement_events"), n);
        assert_int_equal(ask_int(db, "SELECT sum(total_click_count) FROM email_stats"), n);
    }
    fault_remove(&faults, db);
    struct stored_event *events = NULL;
    size_t count = 0;
    assert_done(engagement_timeline(db, ORGANIZATION, kept.email_log_id, MANY, fixture->arena, &events, &count, err));
    assert_int_equal(count, 7); /* the chain has no gap where a part was undone */
}

static void a_failed_registration_leaves_nothing(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct fault_driver faults;
    struct err fault = {0};
    int64_t id = 0, n = 1;
    fault_install(&faults, fixture->db);
    for (; n < MANY; n++) {
        fault_arm(&faults, n, ERR_UNAVAILABLE);
        if (add_email(fixture, "a", &id, &fault) == 0) break;
        assert_true(faults.hit);
        assert_int_equal(ask_int(fixture->db, "SELECT (SELECT count(*) FROM email_logs) + (SELECT count(*) FROM "
                                              "email_keys) + (SELECT count(*) FROM email_stats)"),
                         0);
    }
    assert_int_equal(n, 5);
    fault_remove(&faults, fixture->db);
}

static int fold_all(struct db *db, int64_t *ret_folded, struct err *err) {
    int64_t folded = 0;
    int rc = db_begin(db, DB_WRITE, err);
    if (rc == 0) rc = engagement_fold(db, MANY, &folded, err);
    if (rc == 0) rc = db_commit(db, err);
    if (rc < 0) db_rollback(db);
    if (rc == 0) *ret_folded = folded;
    return rc;
}

static void append_to_fold(struct db *db) {
    run_sql(db, "INSERT INTO cohorts (organization_id, id, day) VALUES (7, 1, 10)");
    struct cohort_delta cohorts[] = {{.organization_id = 7, .cohort_id = 1, .day = 12, .change = {.opens = 1}},
                                     {.organization_id = 7, .cohort_id = 1, .day = 12, .change = {.opens = 2}}};
    struct breakdown_delta breakdown = {
        .organization_id = 7, .cohort_id = 1, .kind = BREAKDOWN_OPEN_DELAY, .item = 1, .n = 5};
    assert_done(engagement_append_deltas(db, cohorts, 2, &breakdown, 1, err));
}

static void assert_nothing_folded(struct db *db) {
    assert_int_equal(ask_int(db, "SELECT opens FROM cohorts"), 0);
    assert_int_equal(
        ask_int(db, "SELECT (SELECT count(*) FROM cohort_deltas) + (SELECT count(*) FROM breakdown_deltas)"), 3);
    assert_int_equal(ask_int(db, "SELECT (SELECT count(*) FROM day_totals) + (SELECT count(*) FROM activity) + "
                                 "(SELECT count(*) FROM activity_days) + (SELECT count(*) FROM breakdowns) + "
                                 "(SELECT count(*) FROM day_breakdowns)"),
                     0);
}

static void assert_all_folded(struct db *db) {
    assert_int_equal(ask_int(db, "SELECT opens FROM cohorts"), 3);
    assert_int_equal(ask_int(db, "SELECT opens FROM day_totals WHERE day = 10"), 3);
    assert_int_equal(ask_int(db, "SELECT opens FROM activity WHERE day = 12 AND cohort_id = 1"), 3);
    assert_int_equal(ask_int(db, "SELECT opens FROM activity_days WHERE day = 12"), 3);
    assert_int_equal(ask_int(db, "SELECT n FROM breakdowns"), 5);
    assert_int_equal(ask_int(db, "SELECT n FROM day_breakdowns WHERE day = 10"), 5);
    assert_int_equal(
        ask_int(db, "SELECT (SELECT count(*) FROM cohort_deltas) + (SELECT count(*) FROM breakdown_deltas)"), 0);
}

static void a_failed_fold_counts_nothing_twice(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct db *db = fixture->db;
    struct fault_driver faults;
    struct err fault = {0};
    append_to_fold(db);
    fault_install(&faults, db);
    int64_t n = 1, folded = -1;
    for (; n < MANY; n++) {
        fault_arm(&faults, n, ERR_UNAVAILABLE);
        if (fold_all(db, &folded, &fault) == 0) break;
        assert_true(faults.hit);
        assert_int_equal(folded, -1);
        assert_nothing_folded(db);
    }
    assert_true(n > (fixture->postgres ? 9 : 5)); /* SQLite's statements are the next test's */
    fault_remove(&faults, db);
    assert_int_equal(folded, 3);
    assert_all_folded(db);
}

/* Each table that is written refuses in turn. */
static void a_fold_that_one_table_refuses_changes_nothing(void **state) {
    static const char *const refusals[] = {
        "UPDATE ON cohorts",    "INSERT ON day_totals",     "INSERT ON activity",      "INSERT ON activity_days",
        "INSERT ON breakdowns", "INSERT ON day_breakdowns", "DELETE ON cohort_deltas", "DELETE ON breakdown_deltas"};
    struct fixture *fixture = fixture_of(state);
    struct db *db = fixture->db;
    struct err fault = {0};
    int64_t folded = -1;
    if (fixture->postgres) skip(); /* the same by faults of the driver, above */
    append_to_fold(db);
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        char sql[200];
        assert_true(snprintf(sql, sizeof(sql), "CREATE TRIGGER refusal BEFORE %s BEGIN SELECT RAISE(ABORT, 'no'); END",
                             refusals[i]) < (int)sizeof(sql));
        run_sql(db, sql);
        assert_true(fold_all(db, &folded, &fault) < 0);
        assert_int_equal(folded, -1);
        run_sql(db, "DROP TRIGGER refusal");
        assert_nothing_folded(db);
    }
    assert_int_equal(fold_all(db, &folded, &fault), 0);
    assert_int_equal(folded, 3);
    assert_all_folded(db);
}

static void failed_reading_sets_nothing_and_ends_its_transaction(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct db *db = fixture->db;
    struct fault_driver faults;
    struct work work = {.occurred_at = 5000};
    struct err fault = {0};
    assert_int_equal(add_email(fixture, "a", &work.email_log_id, &fault), 0);
    assert_done(store_event(db, &work, err));
    struct orphan_row orphan = {.organization_id = ORGANIZATION,
                                .event = {.type = EVENT_OPEN, .keys = {SLICE("b")}, .link_position = -1},
                                .keys = {message_key(store_hash_key(fixture->store), SLICE("b"))},
                                .key_count = 1};
    assert_done(engagement_insert_orphans(db, &orphan, 1, err));
    fault_install(&faults, db);
    int64_t n = 1;
    for (int what = 0; what < 3; what++) {
        for (n = 1; n < MANY; n++) {
            struct stored_event *events = NULL;
            struct orphan_row *orphans = NULL;
            size_t count = MANY;
            int rc;
            fault_arm(&faults, n, ERR_UNAVAILABLE);
            if (what == 0)
                rc = engagement_timeline(db, ORGANIZATION, work.email_log_id, MANY, fixture->arena, &events, &count,
                                         &fault);
            else if (what == 1)
                rc = engagement_take_orphans(db, ORGANIZATION, orphan.keys, 1, MANY, fixture->arena, &orphans, &count,
                                             &fault);
            else
                rc = engagement_list_orphans(db, ORGANIZATION, 0, MANY, fixture->arena, &orphans, &count, &fault);
            assert_false(db->in_transaction);
            if (!faults.hit) {
                assert_int_equal(rc, 0);
                assert_int_equal(count, 1);
                break;
            }
            assert_int_equal(rc, -ERR_UNAVAILABLE);
            assert_int_equal(count, MANY);
            assert_null(events);
            assert_null(orphans);
            assert_true(db->failed);
            db->failed = false;
        }
        assert_true(n > 3);
    }
    fault_remove(&faults, db);
}

/* The pool repairs what failed before it lends it again. */
static void the_pool_repairs_what_failed(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct fault_driver faults;
    struct db *db = NULL, *again = NULL;
    assert_done(store_reader(fixture->store, &db, err));
    fault_install(&faults, db);
    fault_arm(&faults, 1, ERR_UNAVAILABLE);
    assert_fails(ERR_UNAVAILABLE, db_begin(db, DB_READ, err));
    fault_remove(&faults, db);
    assert_true(db->failed);
    store_reader_return(fixture->store, db);
    assert_done(store_reader(fixture->store, &again, err));
    assert_false(again->failed);
    assert_int_equal(ask_int(again, "SELECT count(*) FROM users"), 0);
    store_reader_return(fixture->store, again);
}

int main(void) {
    struct CMUnitTest tests[] = {
        contract_test(a_failed_batch_leaves_nothing),
        contract_test(a_failed_part_leaves_the_others),
        contract_test(a_failed_registration_leaves_nothing),
        contract_test(a_failed_fold_counts_nothing_twice),
        contract_test(a_fold_that_one_table_refuses_changes_nothing),
        contract_test(failed_reading_sets_nothing_and_ends_its_transaction),
        contract_test(the_pool_repairs_what_failed),
    };
    return run_contract(tests, sizeof(tests) / sizeof(tests[0]));
}
