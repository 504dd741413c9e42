/* verify finds nothing where nothing is wrong, and every single figure that is. */
#include "tests/unit/store/history.h"

#include "ingest/verify.h"
#include "ingest/verify_email.h"

#include "base/banned.h"

#define MAILS 120

struct scene {
    struct history history;
    struct mail mails[MAILS];
};

static void scene_begin(struct scene *scene, struct fixture *fixture, uint64_t seed) {
    static const enum event_type types[] = {EVENT_OPEN,      EVENT_OPEN,    EVENT_CLICK,     EVENT_CLICK,
                                            EVENT_CLICK,     EVENT_REPLY,   EVENT_SPAM,      EVENT_BOUNCE,
                                            EVENT_DELIVERED, EVENT_DROPPED, EVENT_PROCESSED, EVENT_UNSUBSCRIBE};
    static const char *const urls[] = {"https://a.example.org/", "https://b.example.org/", NULL};
    static const enum tracking_level levels[] = {TRACKING_FULL, TRACKING_FULL, TRACKING_CLICKS, TRACKING_AGGREGATE};
    uint64_t dice = seed;
    int64_t first = clock_now() - 20 * DAY_MS;
    history_begin(&scene->history, fixture, "UTC");
    for (int i = 0; i < MAILS; i++)
        scene->mails[i] = (struct mail){.sent_at = first + (int64_t)history_pick(&dice, 10) * 20 * HOUR_MS,
                                        .job = history_pick(&dice, 3),
                                        .template_ = history_pick(&dice, 3),
                                        .candidate = history_pick(&dice, 30),
                                        .level = levels[history_pick(&dice, 4)]};
    history_register(&scene->history, scene->mails, MAILS);
    for (int batch = 0; batch < 12; batch++) {
        struct happening happenings[80];
        for (int i = 0; i < 80; i++) {
            const struct mail *mail = &scene->mails[history_pick(&dice, MAILS)];
            enum event_type type = types[history_pick(&dice, 12)];
            happenings[i] = (struct happening){
                .mail = mail,
                .type = type,
                .machine = event_type_is_tracking(type) && history_pick(&dice, 3) == 0,
                .bounce = type == EVENT_BOUNCE ? (enum bounce_kind)(1 + history_pick(&dice, 3)) : BOUNCE_NONE,
                .at = mail->sent_at + (int64_t)(history_pick(&dice, 40) - 2) * SECOND_MS,
                .url = type == EVENT_CLICK ? urls[history_pick(&dice, 3)] : NULL,
                .position = 0,
            };
        }
        history_apply(&scene->history, happenings, 80);
        if (batch % 3 == 1) history_fold(&scene->history, 40);
    }
    assert_true(history_gather(&scene->history, 64) > 0);
}

struct told {
    int sentences, progress;
    char last[400];
};
static void on_difference(void *context, const char *sentence) {
    struct told *told = context;
    told->sentences++;
    snprintf(told->last, sizeof(told->last), "%s", sentence);
}
static void on_progress(void *context, const struct verify_report *so_far) {
    struct told *told = context;
    told->progress++;
}

static struct verify_report verify(struct fixture *fixture, struct told *told) {
    struct verify_report report = {0};
    *told = (struct told){0};
    const struct verify_observer observer = {.difference = on_difference, .progress = on_progress, .context = told};
    assert_done(verify_counters(fixture->store, &observer, &report, err));
    assert_int_equal(told->sentences,
                     report.differences < VERIFY_DIFFERENCES_TOLD ? report.differences : VERIFY_DIFFERENCES_TOLD);
    return report;
}

static void nothing_is_found_where_nothing_is_wrong(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct scene first, second;
    struct told told;
    struct verify_report report = verify(fixture, &told);
    assert_int_equal(report.emails, 0);
    scene_begin(&first, fixture, 1);
    scene_begin(&second, fixture, 2);
    report = verify(fixture, &told);
    if (report.differences > 0) fail_msg("%s", told.last);
    assert_int_equal(report.emails, 2 * MAILS);
    assert_int_equal(report.events, ask_int(fixture->db, "SELECT COUNT(*) FROM email_engagement_events"));
    assert_int_equal(report.cohorts, ask_int(fixture->db, "SELECT COUNT(*) FROM cohorts"));
    assert_int_equal(report.left_out, 0);
    assert_true(report.events > 1000);
    history_end(&first.history);
    history_end(&second.history);
}

/* What spoils a figure, what mends it again, and a word of the sentence that must tell of it. */
struct spoiling {
    const char *spoil, *mend, *said;
};
#define FIRST(table, column) "(SELECT MIN(" column ") FROM " table ")"
#define IN_EMAIL             " WHERE email_log_id = " FIRST("email_stats", "email_log_id")
#define IN_COHORT            " WHERE id = " FIRST("cohorts", "id")
#define IN_DELTA             " WHERE id = " FIRST("cohort_deltas", "id")
#define COUNT(table, field, where, said)                                                                               \
    {"UPDATE " table " SET " #field " = " #field " + 1" where,                                                         \
     "UPDATE " table " SET " #field " = " #field " - 1" where, said},
#define STAT(field)         COUNT("email_stats", field, IN_EMAIL, #field)
#define SUM(field)          COUNT("cohorts", field, IN_COHORT, #field " is")
#define DELTA(field)        COUNT("cohort_deltas", field, IN_DELTA, #field " is")
#define DAY(field)          COUNT("day_totals", field, " WHERE day = " FIRST("day_totals", "day"), #field " is")
#define GROUP(field)        COUNT("day_groups", field, " WHERE kind = 1", #field " is")
#define HAPPENED(field)     COUNT("activity", field, " WHERE day = " FIRST("activity", "day"), #field " is")
#define HAPPENED_DAY(field) COUNT("activity_days", field, " WHERE day = " FIRST("activity_days", "day"), #field " is")
#define TIME(field)                                                                                                    \
    {"UPDATE email_stats SET " #field " = COALESCE(" #field ", 0) + 7" IN_EMAIL,                                       \
     "UPDATE email_stats SET " #field " = CASE WHEN " #field " = 7 THEN NULL ELSE " #field " - 7 END" IN_EMAIL,        \
     #field},

/* clang-format off */
static const struct spoiling spoilings[] = {
    STAT(open_count)
    STAT(machine_open_count)
    STAT(click_count)
    STAT(total_click_count)
    STAT(machine_click_count)
    STAT(bounce_type)
    TIME(delivered_at)
    TIME(opened_at)
    TIME(clicked_at)
    TIME(replied_at)
    TIME(bounced_at)
    TIME(dropped_at)
    TIME(complained_at)
    TIME(unsubscribed_at)
    CONTRIBUTION_FIELDS(SUM)
    CONTRIBUTION_FIELDS(DELTA)
    COUNT("email_links", click_count, "", "link")
    COUNT("email_links", machine_click_count, "", "link")
    COUNT("email_links", clicked_at, " WHERE click_count > 0", "link")
    CONTRIBUTION_FIELDS(DAY)
    CONTRIBUTION_FIELDS(HAPPENED)
    CONTRIBUTION_FIELDS(HAPPENED_DAY)
    COUNT("cohort_deltas", day, IN_DELTA, "")
    COUNT("day_breakdowns", n, " WHERE kind = 1", "breakdown 1")
    COUNT("day_breakdowns", n, " WHERE kind = 5", "breakdown 5")
    CONTRIBUTION_FIELDS(GROUP)
    COUNT("day_groups", sent, " WHERE kind = 2", "template")
    COUNT("day_groups", sent, " WHERE kind = 3", "campaign")
    {"INSERT INTO day_totals (organization_id, day, sent) SELECT organization_id, 5, 3 FROM organizations",
     "DELETE FROM day_totals WHERE day = 5", "day 1970-01-06: sent"},
    COUNT("breakdowns", n, " WHERE kind = 1", "breakdown 1")
    COUNT("breakdown_deltas", n, " WHERE kind = 2", "breakdown 2")
    {"INSERT INTO email_links (organization_id, email_log_id, link_id, click_count)"
     " SELECT organization_id, email_log_id, 999999, 1 FROM email_stats" IN_EMAIL,
     "DELETE FROM email_links WHERE link_id = 999999", "link 999999"},
    {"INSERT INTO breakdowns (organization_id, cohort_id, kind, item, n)"
     " SELECT organization_id, id, 3, 888888, 5 FROM cohorts" IN_COHORT,
     "DELETE FROM breakdowns WHERE item = 888888", "breakdown 3 of 888888"},
    {"UPDATE email_engagement_events SET email_log_id = 777777 + email_log_id WHERE event_type = 7",
     "UPDATE email_engagement_events SET email_log_id = email_log_id - 777777 WHERE event_type = 7", ""},
};
/* clang-format on */

static void every_wrong_figure_is_found(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct scene scene;
    struct told told;
    scene_begin(&scene, fixture, 3);
    for (size_t i = 0; i < sizeof(spoilings) / sizeof(spoilings[0]); i++) {
        run_sql(fixture->db, spoilings[i].spoil);
        struct verify_report report = verify(fixture, &told);
        if (report.differences == 0 || (!strstr(told.last, spoilings[i].said)))
            fail_msg("%s: %lld differences, the last: %s", spoilings[i].spoil, (long long)report.differences,
                     told.last);
        run_sql(fixture->db, spoilings[i].mend);
    }
    struct verify_report report = verify(fixture, &told);
    if (report.differences > 0) fail_msg("%s", told.last);
    history_end(&scene.history);
}

static void what_is_not_recountable_is_left_alone(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct scene scene;
    struct told told;
    scene_begin(&scene, fixture, 4);
    assert_true(ask_int(fixture->db, "SELECT COUNT(*) FROM breakdown_deltas WHERE kind = 5") +
                    ask_int(fixture->db, "SELECT COUNT(*) FROM breakdowns WHERE kind = 5") >
                0);
    assert_int_equal(verify(fixture, &told).differences, 0);
    history_end(&scene.history);
}

static void emails_that_lost_events_to_retention_are_left_out(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct scene scene;
    struct told told;
    scene_begin(&scene, fixture, 5);
    /* The scene is 12 to 20 days old. */
    run_sql(fixture->db, "UPDATE organizations SET retention_days = 16");
    run_sql(fixture->db, "DELETE FROM email_engagement_events WHERE occurred_at <"
                         " (SELECT MIN(sent_at) FROM email_stats) + 3 * 86400000");
    struct verify_report report = verify(fixture, &told);
    if (report.differences > 0) fail_msg("%s", told.last);
    assert_true(report.left_out > 0 && report.emails > 0);
    assert_int_equal(report.left_out + report.emails, MAILS);
    run_sql(fixture->db, "UPDATE organizations SET retention_days = 730");
    assert_true(verify(fixture, &told).differences > 0);
    history_end(&scene.history);
}

static void a_broken_timeline_is_found(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct scene scene;
    struct told told;
    scene_begin(&scene, fixture, 6);
    run_sql(fixture->db, "UPDATE email_stats SET last_event_at = NULL WHERE last_event_at IS NOT NULL");
    assert_true(verify(fixture, &told).differences > 0);
    assert_non_null(strstr(told.last, "timeline"));
    history_end(&scene.history);
}

static void ignore_happening(void *context, int64_t at, const struct contribution *change) {
    (void)context;
    (void)at;
    (void)change;
}

static void a_walk_reaches_what_the_chain_holds(void **state) {
    struct email_recount recount;
    struct email_stats stats;
    email_recount_init(&recount, ignore_happening, NULL);
    email_stats_init(&stats);
    email_recount_begin(&recount, &stats);
    assert_int_equal(email_recount_reached(&recount, TIME_UNSET), 0);
    assert_int_equal(email_recount_reached(&recount, 5), 0);
    /* Arrived as 20, 10, 30, 30 again (another type), 25. */
    const struct recount_event events[] = {
        {.key = {.occurred_at = 10, .event_type = EVENT_OPEN}, .has_former = true, .former_at = 20},
        {.key = {.occurred_at = 20, .event_type = EVENT_OPEN}},
        {.key = {.occurred_at = 25, .event_type = EVENT_OPEN}, .has_former = true, .former_at = 30},
        {.key = {.occurred_at = 30, .event_type = EVENT_OPEN}, .has_former = true, .former_at = 10},
        {.key = {.occurred_at = 30, .event_type = EVENT_REPLY}, .has_former = true, .former_at = 30},
    };
    for (size_t i = 0; i < 5; i++)
        email_recount_add(&recount, &events[i]);
    assert_int_equal(email_recount_reached(&recount, 25), 5);
    assert_int_equal(email_recount_reached(&recount, 30), 4);
    assert_int_equal(email_recount_reached(&recount, 20), 1);
    assert_int_equal(email_recount_reached(&recount, 26), 0);
    assert_int_equal(email_recount_reached(&recount, TIME_UNSET), 0);
    email_recount_release(&recount);
}

int main(void) {
    struct CMUnitTest tests[] = {
        contract_test(nothing_is_found_where_nothing_is_wrong),
        contract_test(every_wrong_figure_is_found),
        contract_test(what_is_not_recountable_is_left_alone),
        contract_test(emails_that_lost_events_to_retention_are_left_out),
        contract_test(a_broken_timeline_is_found),
    };
    const struct CMUnitTest pure[] = {cmocka_unit_test(a_walk_reaches_what_the_chain_holds)};
    int failed = cmocka_run_group_tests(pure, NULL, NULL);
    return failed + run_contract(tests, sizeof(tests) / sizeof(tests[0]));
}
