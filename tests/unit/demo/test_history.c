/* The demo's history: the same seed gives the same one, its figures look like life, and consent holds in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/memory.h"
#include "demo/history.h"
#include "demo/plan.h"
#include "store/db.h"
#include "store/organizations.h"
#include "store/store.h"

#define NOW 1764000000000LL /* a Monday */

struct fixture {
    char directory[64], url[128];
    struct store *store;
    struct db *db;
    struct demo_world *world;
    struct demo_history history;
    int64_t organization_id;
};

static void must(int result, const struct err *err) {
    if (result < 0) fail_msg("%s", err->text);
}

static int go_on(void *context, size_t emails, size_t events, struct err *err) {
    return 0;
}

static int set_up(void **state) {
    struct fixture *f = memory_alloc(sizeof(*f));
    struct err err = {0};
    struct organization organization;
    *state = f;
    snprintf(f->directory, sizeof(f->directory), "/tmp/inkling-test-XXXXXX");
    assert_non_null(mkdtemp(f->directory));
    snprintf(f->url, sizeof(f->url), "sqlite:%s/inkling.db", f->directory);
    must(store_open(&(struct store_options){.url = f->url, .readers_max = 1, .sqlite_cache_bytes = 16 << 20}, &f->store,
                    &err),
         &err);
    must(store_writer(f->store, &f->db, &err), &err);
    organization_init(&organization);
    organization.name = SLICE(DEMO_ORGANIZATION);
    organization.time_zone = SLICE(DEMO_TIME_ZONE);
    must(db_begin(f->db, DB_WRITE, &err), &err);
    must(organization_insert(f->db, &organization, NOW, &err), &err);
    must(db_commit(f->db, &err), &err);
    store_writer_close(f->store, f->db);
    f->organization_id = organization.id;
    f->world = memory_alloc(sizeof(*f->world));
    demo_world_init(f->world, 1, NOW);
    must(demo_history_write(
             &(struct demo_history_options){
                 .store = f->store, .organization_id = organization.id, .endpoint_ids = {1, 2, 3}, .progress = go_on},
             f->world, &f->history, &err),
         &err);
    must(store_reader(f->store, &f->db, &err), &err);
    return 0;
}

static int tear_down(void **state) {
    static const char *const endings[] = {"", "-wal", "-shm"};
    struct fixture *f = *state;
    char path[160];
    demo_history_release(&f->history);
    free(f->world);
    store_reader_return(f->store, f->db);
    store_close(f->store);
    for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
        snprintf(path, sizeof(path), "%s/inkling.db%s", f->directory, endings[i]);
        unlink(path);
    }
    assert_int_equal(rmdir(f->directory), 0);
    free(f);
    return 0;
}

/* The one number that a query gives. */
static double number(struct fixture *f, const struct statement *statement, struct slice text, int64_t since) {
    struct err err = {0};
    struct db_rows *rows;
    int found = db_query_row(f->db, statement, DB_VALUES(db_int(f->organization_id), db_text(text), db_int(since)),
                             &rows, &err);
    must(found, &err);
    assert_int_equal(found, 1);
    double value = db_column_real(rows, 0);
    db_rows_free(rows);
    return value;
}

/* ---- tests ---- */

static void is_repeatable(void **state) {
    struct demo_world *a = memory_alloc(sizeof(*a)), *b = memory_alloc(sizeof(*b)), *c = memory_alloc(sizeof(*c));
    struct demo_plan first, second, other;
    demo_world_init(a, 7, NOW);
    demo_world_init(b, 7, NOW);
    demo_world_init(c, 8, NOW);
    demo_plan_make(&first, a);
    demo_plan_make(&second, b);
    demo_plan_make(&other, c);
    assert_memory_equal(a, b, sizeof(*a));
    assert_int_equal(first.count, second.count);
    for (size_t i = 0; i < first.count; i++) {
        assert_int_equal(first.emails[i].sent_at, second.emails[i].sent_at);
        assert_int_equal(first.emails[i].candidate, second.emails[i].candidate);
        assert_true(i == 0 || first.emails[i].sent_at >= first.emails[i - 1].sent_at);
        assert_true(first.emails[i].sent_at < NOW);
    }
    assert_true(other.count != first.count || other.emails[0].candidate != first.emails[0].candidate);
    demo_plan_release(&first);
    demo_plan_release(&second);
    demo_plan_release(&other);
    free(a);
    free(b);
    free(c);
}

static void candidates_differ(void **state) {
    struct fixture *f = *state;
    for (int i = 0; i < DEMO_CANDIDATES; i++)
        for (int n = 0; n < i; n++)
            assert_string_not_equal(f->world->candidates[i].email, f->world->candidates[n].email);
}

#define OF_TEMPLATE                                                                                                    \
    " FROM email_stats s JOIN cohorts k ON k.id = s.cohort_id JOIN templates t ON t.id = k.template_id"                \
    " WHERE s.organization_id = $1 AND t.external_id = $2 AND s.sent_at >= $3 AND s.tracking = 3"
static const struct statement opened = {"opened", "SELECT 100.0 * avg(s.opened_at IS NOT NULL)" OF_TEMPLATE, NULL,
                                        false};
static const struct statement clicked = {"clicked", "SELECT 100.0 * avg(s.clicked_at IS NOT NULL)" OF_TEMPLATE, NULL,
                                         false};
static const struct statement sent = {"sent", "SELECT count(*)" OF_TEMPLATE, NULL, false};

/* Near what each template aims at, as far as its number of emails lets chance decide. */
static void figures_look_true(void **state) {
    struct fixture *f = *state;
    for (int i = 0; i < DEMO_TEMPLATE_COUNT; i++) {
        struct slice id = slice_cstr(demo_templates[i].id);
        double margin = 7 + 150 / (number(f, &sent, id, 0) + 1);
        assert_true(number(f, &sent, id, 0) >= 10);
        assert_float_equal(number(f, &opened, id, 0), 100 * demo_templates[i].open, margin + 3);
        assert_float_equal(number(f, &clicked, id, 0), 100 * demo_templates[i].click, margin);
    }
}

static const struct statement events_of_type = {
    "events of a type",
    "SELECT count(*) FROM email_engagement_events WHERE organization_id = $1 AND event_type = CAST($2 AS INTEGER)"
    " AND occurred_at >= $3",
    NULL, false};

static void everything_happens(void **state) {
    static const int types[] = {EVENT_DELIVERED, EVENT_DEFERRED, EVENT_OPEN, EVENT_CLICK, EVENT_REPLY, EVENT_BOUNCE};
    struct fixture *f = *state;
    char text[8];
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        snprintf(text, sizeof(text), "%d", types[i]);
        assert_true(number(f, &events_of_type, slice_cstr(text), 0) > 0);
    }
    assert_true(f->history.emails > 2000);
    assert_true(f->history.events > 2 * f->history.emails);
    assert_true(f->history.opened_count > 50);
}

static const struct statement objector_events = {
    "events of a candidate",
    "SELECT count(*) FROM email_engagement_events e JOIN email_logs l ON l.id = e.email_log_id"
    " JOIN candidates c ON c.id = l.recipient_id"
    " WHERE e.organization_id = $1 AND c.external_id = $2 AND e.event_type IN (5, 6) AND e.occurred_at >= $3",
    NULL, false};
static const struct statement campaign_events = {
    "events of a campaign",
    "SELECT count(*) FROM email_engagement_events e JOIN email_stats s ON s.email_log_id = e.email_log_id"
    " JOIN cohorts k ON k.id = s.cohort_id JOIN campaigns c ON c.id = k.campaign_id"
    " WHERE e.organization_id = $1 AND c.external_id = $2 AND e.event_type IN (5, 6) AND e.occurred_at >= $3",
    NULL, false};
static const struct statement campaign_total = {
    "anonymous total of a campaign",
    "SELECT sum(b.n) FROM breakdowns b JOIN cohorts k ON k.id = b.cohort_id JOIN campaigns c ON c.id = k.campaign_id"
    " WHERE b.organization_id = $1 AND c.external_id = $2 AND b.kind = 5 AND k.day >= $3",
    NULL, false};

/* BR-558.1, BR-558.8. */
static void consent_holds(void **state) {
    struct fixture *f = *state;
    struct slice objector = slice_cstr(f->world->candidates[DEMO_OBJECTOR].id);
    assert_true(number(f, &objector_events, objector, 0) > 0);
    assert_int_equal((int)number(f, &objector_events, objector, NOW - DEMO_OBJECTED_DAYS * DAY_MS), 0);
    for (size_t i = 0; i < demo_campaign_count; i++) {
        struct slice id = slice_cstr(demo_campaigns[i].id);
        bool is_private = demo_campaigns[i].tracking == TRACKING_AGGREGATE;
        assert_int_equal(number(f, &campaign_events, id, 0) > 0, !is_private);
        assert_int_equal(number(f, &campaign_total, id, 0) > 0, is_private);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_repeatable),      cmocka_unit_test(candidates_differ), cmocka_unit_test(figures_look_true),
        cmocka_unit_test(everything_happens), cmocka_unit_test(consent_holds),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
