/* What happened on which day, against a recount that shares nothing with it: plain SQL over the events, the borders of
 * the days as moments. */
#include "tests/unit/store/history.h"

#include "base/timezone.h"
#include "ingest/verify.h"
#include "store/migrate.h"
#include "store/organizations.h"
#include "store/reports.h"
#include "store/users.h"
#include "tests/unit/store/undo.h"

#include "base/banned.h"

#define MAILS       200
#define EVENT_COUNT 1200

/* Emails whose first event of a kind lies between two moments, and events that do. Of one job ($4), or of all (0). */
#define OF_JOB                                                                                                         \
    " AND ($4 = 0 OR EXISTS (SELECT 1 FROM email_logs l, cohorts c WHERE l.organization_id = $1 AND l.id = "           \
    "e.email_log_id AND c.organization_id = $1 AND c.id = l.cohort_id AND c.job_id = $4))"
#define FIRST(group, condition)                                                                                        \
    {                                                                                                                  \
        .name = condition,                                                                                             \
        .sql = "SELECT COUNT(*) FROM (SELECT MIN(e.occurred_at) AS first FROM email_engagement_events e WHERE "        \
               "e.organization_id = $1 AND " condition OF_JOB " GROUP BY " group ") x WHERE first >= $2 AND first "    \
               "< $3",                                                                                                 \
    }
#define EACH(condition)                                                                                                \
    {                                                                                                                  \
        .name = condition,                                                                                             \
        .sql = "SELECT COUNT(*) FROM email_engagement_events e WHERE e.organization_id = $1 AND e.occurred_at >= $2 "  \
               "AND e.occurred_at < $3 AND " condition OF_JOB,                                                         \
    }
static const struct statement recounts[] = {
    FIRST("e.email_log_id", "e.event_type = 2"),
    FIRST("e.email_log_id", "e.event_type = 5 AND e.verdict <> 2"),
    FIRST("e.email_log_id", "e.event_type = 6 AND e.verdict <> 2"),
    FIRST("e.email_log_id", "e.event_type IN (5, 6) AND e.verdict <> 2"),
    FIRST("e.email_log_id", "e.event_type = 7"),
    FIRST("e.email_log_id", "e.event_type = 8"),
    FIRST("e.email_log_id", "e.event_type = 9"),
    FIRST("e.email_log_id", "e.event_type IN (10, 11)"),
    FIRST("e.email_log_id", "e.event_type = 4"),
    FIRST("e.email_log_id, e.link_id", "e.event_type = 6 AND e.verdict <> 2 AND e.link_id <> 0"),
    EACH("e.event_type = 5 AND e.verdict <> 2"),
    EACH("e.event_type = 6 AND e.verdict <> 2"),
    EACH("e.event_type = 5 AND e.verdict = 2"),
    EACH("e.event_type = 6 AND e.verdict = 2"),
};
#define RECOUNTS (sizeof(recounts) / sizeof(recounts[0]))

struct scene {
    struct history history;
    struct mail mails[MAILS];
    int64_t job; /* number 2 */
};

static void check_day(struct scene *scene, const char *zone, int32_t day, int64_t job_id,
                      const struct figures *figures) {
    const struct contribution *sums = &figures->sums;
    const int64_t stored[RECOUNTS] = {
        sums->delivered, sums->opened,       sums->clicked,       sums->opened_or_clicked, sums->replied,
        sums->bounced,   sums->complained,   sums->unsubscribed,  sums->dropped,           sums->clicks,
        sums->opens,     sums->total_clicks, sums->machine_opens, sums->machine_clicks};
    int64_t sent = 0;
    for (size_t i = 0; i < MAILS; i++)
        sent += timezone_day(slice_cstr(zone), scene->mails[i].sent_at) == day &&
                (job_id == REPORT_ANY || scene->mails[i].job == 2);
    assert_int_equal(sums->sent, sent);
    for (size_t i = 0; i < RECOUNTS; i++) {
        struct db_rows *rows = NULL;
        assert_int_equal(db_query_row(scene->history.db, &recounts[i],
                                      DB_VALUES(db_int(scene->history.organization_id),
                                                db_int(timezone_day_start(slice_cstr(zone), day)),
                                                db_int(timezone_day_start(slice_cstr(zone), day + 1)), db_int(job_id)),
                                      &rows, NULL),
                         1);
        int64_t counted = db_column_int(rows, 0);
        db_rows_free(rows);
        if (counted != stored[i])
            fail_msg("day %d, %s: %lld, the events give %lld", day, recounts[i].name, (long long)stored[i],
                     (long long)counted);
    }
}

static void scene_begin(struct scene *scene, struct fixture *fixture, const char *zone, uint64_t seed) {
    static const enum event_type types[] = {EVENT_OPEN,    EVENT_OPEN,      EVENT_OPEN,        EVENT_CLICK,
                                            EVENT_CLICK,   EVENT_REPLY,     EVENT_BOUNCE,      EVENT_SPAM,
                                            EVENT_DROPPED, EVENT_DELIVERED, EVENT_UNSUBSCRIBE, EVENT_GROUP_UNSUBSCRIBE};
    static const char *const urls[] = {"https://jobs.example.org/a", "https://jobs.example.org/b", NULL};
    uint64_t dice = seed;
    *scene = (struct scene){.job = 0};
    history_begin(&scene->history, fixture, zone);
    for (int i = 0; i < MAILS; i++)
        scene->mails[i] = (struct mail){.sent_at = at("2026-03-20T00:00:00Z") +
                                                   (int64_t)history_pick(&dice, 14 * 24 * 3600) * SECOND_MS,
                                        .job = history_pick(&dice, 4),
                                        .template_ = history_pick(&dice, 3),
                                        .sender = history_pick(&dice, 3),
                                        .candidate = history_pick(&dice, 40),
                                        .level = TRACKING_FULL};
    history_register(&scene->history, scene->mails, MAILS);
    struct happening *happenings = arena_alloc_array(fixture->arena, EVENT_COUNT, sizeof(*happenings));
    for (int i = 0; i < EVENT_COUNT; i++) {
        const struct mail *mail = &scene->mails[history_pick(&dice, MAILS)];
        enum event_type type = types[history_pick(&dice, 12)];
        happenings[i] = (struct happening){
            .mail = mail,
            .type = type,
            .machine = event_type_is_tracking(type) && history_pick(&dice, 4) == 0,
            .bounce = type == EVENT_BOUNCE ? (enum bounce_kind)(1 + history_pick(&dice, 3)) : BOUNCE_NONE,
            .at = mail->sent_at + (int64_t)history_pick(&dice, 10 * 24 * 3600) * SECOND_MS,
            .url = type == EVENT_CLICK ? urls[history_pick(&dice, 3)] : NULL,
            .position = history_pick(&dice, 2),
        };
    }
    for (int done = 0; done < EVENT_COUNT;) {
        int portion = 1 + history_pick(&dice, 200);
        if (portion > EVENT_COUNT - done) portion = EVENT_COUNT - done;
        history_apply(&scene->history, happenings + done, (size_t)portion);
        done += portion;
        if (history_pick(&dice, 3) == 0) history_fold(&scene->history, 1 + history_pick(&dice, 300));
    }
    assert_done(
        reports_find(fixture->db, scene->history.organization_id, REPORT_JOB, SLICE("job-2"), &scene->job, err));
}

static void assert_nothing_differs(struct fixture *fixture) {
    struct verify_report report = {0};
    assert_done(verify_counters(fixture->store, NULL, &report, err));
    assert_int_equal(report.differences, 0);
}

/* Clocks change in Berlin on 29 March 2026; India is half an hour off, Nepal a quarter. */
static void each_day_equals_a_recount(void **state) {
    static const char *const zones[] = {"Europe/Berlin", "Asia/Kolkata", "Asia/Kathmandu"};
    struct fixture *fixture = fixture_of(state);
    for (uint64_t i = 0; i < 3; i++) {
        struct scene scene;
        struct report_series series;
        scene_begin(&scene, fixture, zones[i], 31 + i);
        for (int of_job = 0; of_job < 2; of_job++) {
            struct report_filter filter = {.organization_id = scene.history.organization_id,
                                           .from_day = day("2026-03-15"),
                                           .to_day = day("2026-04-20"),
                                           .basis = REPORT_ACTIVITY,
                                           .job_id = of_job ? scene.job : REPORT_ANY};
            struct contribution sums = {0};
            struct figures total;
            assert_done(reports_series(fixture->db, &filter, REPORT_BY_DAY, fixture->arena, &series, err));
            const struct report_point *points = series.points;
            assert_int_equal(series.count, 37);
            for (size_t n = 0; n < series.count; n++) {
                check_day(&scene, zones[i], points[n].from_day, filter.job_id, &points[n].figures);
                assert_true(points[n].figures.median_open_delay_s == MEDIAN_NONE);
                contribution_add(&sums, &points[n].figures.sums);
            }
            assert_done(reports_totals(fixture->db, &filter, &total, err));
            assert_memory_equal(&total.sums, &sums, sizeof(sums));
            /* Over all days both bases tell of the same. */
            filter.basis = REPORT_COHORT;
            assert_done(reports_totals(fixture->db, &filter, &total, err));
            assert_memory_equal(&total.sums, &sums, sizeof(sums));
        }
        history_end(&scene.history);
    }
    assert_nothing_differs(fixture);
}

static void groups_add_up(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct scene scene;
    scene_begin(&scene, fixture, "Europe/Berlin", 41);
    struct report_filter filter = {.organization_id = scene.history.organization_id,
                                   .from_day = day("2026-04-06"), /* after the last email */
                                   .to_day = day("2026-04-08"),
                                   .basis = REPORT_ACTIVITY};
    struct figures total;
    assert_done(reports_totals(fixture->db, &filter, &total, err));
    assert_int_equal(total.sums.sent, 0);
    assert_true(total.sums.opened > 0);
    for (int dimension = 0; dimension < 3; dimension++) {
        struct contribution sums = {0};
        struct report_page page = {.limit = 1};
        struct report_row *rows;
        size_t count;
        for (int64_t before = INT64_MAX;; before = page.after_count) {
            assert_done(reports_groups(fixture->db, &filter, (enum report_dimension)dimension, &page, fixture->arena,
                                       &rows, &count, err));
            if (count == 0) break;
            assert_true(rows[0].rank <= before);
            contribution_add(&sums, &rows[0].figures.sums);
            page = (struct report_page){
                .limit = 1, .has_after = true, .after_count = rows[0].rank, .after_id = rows[0].id};
        }
        assert_memory_equal(&total.sums, &sums, sizeof(sums));
    }
    struct report_row *rows;
    size_t count;
    assert_done(reports_top(fixture->db, &filter, REPORT_RANK_OPENED, 20, 5, fixture->arena, &rows, &count, err));
    assert_int_equal(count, 2);
    assert_true(rows[0].figures.sums.opened >= rows[1].figures.sums.opened && rows[1].figures.sums.opened > 0);
    struct report_link *links;
    struct err refused = {0};
    assert_int_equal(reports_links(fixture->db, &filter, &(struct report_page){.limit = 5}, fixture->arena, &links,
                                   &count, &refused),
                     -ERR_INVALID);
    history_end(&scene.history);
}

static void a_new_zone_moves_nothing(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct history history;
    struct organization organization;
    struct figures figures;
    int64_t now = clock_now();
    history_begin(&history, fixture, "Pacific/Auckland");
    /* Nobody's day was counted yet: the zone is simply another one. */
    assert_done(organization_load(fixture->db, history.organization_id, fixture->arena, &organization, err));
    assert_done(db_begin(fixture->db, DB_WRITE, err));
    organization.time_zone = SLICE("Asia/Kolkata");
    assert_done(organization_update(fixture->db, &organization, now, err));
    assert_done(db_commit(fixture->db, err));
    assert_int_equal(ask_int(fixture->db, "SELECT COUNT(*) FROM organizations WHERE former_zones <> ''"), 0);
    struct mail mail = {.sent_at = at("2026-03-10T08:00:00Z"), .level = TRACKING_FULL};
    history_register(&history, &mail, 1);
    const struct happening late = {.mail = &mail, .type = EVENT_OPEN, .at = at("2026-03-12T19:00:00Z")};
    history_apply(&history, &late, 1); /* 00:30 on the 13th in India */
    assert_done(db_begin(fixture->db, DB_WRITE, err));
    organization.time_zone = SLICE("America/New_York");
    assert_done(organization_update(fixture->db, &organization, now, err));
    organization.name = SLICE("Renamed");
    assert_done(organization_update(fixture->db, &organization, now, err));
    assert_done(db_commit(fixture->db, err));
    /* Earlier ones that arrive later: the first open moves, by days of India. */
    const struct happening early = {.mail = &mail, .type = EVENT_OPEN, .at = at("2026-03-11T18:40:00Z")};
    history_apply(&history, &early, 1);
    for (int32_t date = day("2026-03-09"); date <= day("2026-03-14"); date++) {
        struct report_filter filter = {
            .organization_id = history.organization_id, .from_day = date, .to_day = date, .basis = REPORT_ACTIVITY};
        assert_done(reports_totals(fixture->db, &filter, &figures, err));
        assert_int_equal(figures.sums.opened, date == day("2026-03-12"));
        assert_int_equal(figures.sums.opens, date == day("2026-03-12") || date == day("2026-03-13"));
    }
    /* And what happens from now on by days of New York. */
    int64_t later = timezone_day_start(SLICE("America/New_York"), timezone_day(SLICE("UTC"), now) + 3) - 1;
    const struct happening fresh = {.mail = &mail, .type = EVENT_OPEN, .at = later};
    history_apply(&history, &fresh, 1);
    struct report_filter filter = {.organization_id = history.organization_id, .basis = REPORT_ACTIVITY};
    filter.from_day = filter.to_day = timezone_day(SLICE("America/New_York"), later);
    assert_done(reports_totals(fixture->db, &filter, &figures, err));
    assert_int_equal(figures.sums.opens, 1);
    assert_nothing_differs(fixture);
    /* A zone may be changed many times, but not for ever: each change is remembered. */
    int changes = 0, result = 0;
    for (; changes < 60 && result == 0; changes++) {
        struct err refused = {0};
        organization.time_zone = changes % 2 ? SLICE("Asia/Kolkata") : SLICE("UTC");
        assert_done(db_begin(fixture->db, DB_WRITE, err));
        result = organization_update(fixture->db, &organization, later + (changes + 1) * HOUR_MS, &refused);
        if (result == 0)
            assert_done(db_commit(fixture->db, err));
        else
            db_rollback(fixture->db);
    }
    assert_int_equal(result, -ERR_CONFLICT);
    assert_in_range(changes, 40, 55);
    assert_nothing_differs(fixture);
    history_end(&history);
}

/* A database of before: what there is is counted by days of UTC. */
static void a_database_of_before_is_carried_forward(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct scene scene;
    scene_begin(&scene, fixture, "Asia/Kolkata", 51);
    undo_migrations(fixture->db, 12);
    assert_done(migrate(fixture->db, err));
    assert_nothing_differs(fixture);
    struct report_filter filter = {.organization_id = scene.history.organization_id,
                                   .from_day = day("2026-03-25"),
                                   .to_day = day("2026-03-25"),
                                   .basis = REPORT_ACTIVITY};
    struct figures figures;
    assert_done(reports_totals(fixture->db, &filter, &figures, err));
    figures.sums.sent = 0; /* emails keep the day of India */
    for (size_t i = 0; i < MAILS; i++)
        figures.sums.sent += timezone_day(SLICE("UTC"), scene.mails[i].sent_at) == filter.from_day;
    check_day(&scene, "UTC", filter.from_day, REPORT_ANY, &figures);
    history_fold(&scene.history, 100000);
    assert_nothing_differs(fixture);
    history_end(&scene.history);
}

int main(void) {
    struct CMUnitTest tests[] = {
        contract_test(each_day_equals_a_recount),
        contract_test(groups_add_up),
        contract_test(a_new_zone_moves_nothing),
        contract_test(a_database_of_before_is_carried_forward),
    };
    return run_contract(tests, sizeof(tests) / sizeof(tests[0]));
}
