/* Reports against a recount that shares nothing with them: plain SQL over the events, as an analyst would write it. */
#include "tests/unit/store/history.h"

#include <math.h>

#include "base/memory.h"
#include "base/timezone.h"
#include "store/reports.h"
#include "store/users.h"

#include "base/banned.h"

#define ZONE "Europe/Berlin"

/* ---- the recount ---- */

#define OF_EMAILS(list) " FROM email_engagement_events e WHERE e.organization_id = $1 AND e.email_log_id IN " list("$2")
#define DISTINCT(condition)                                                                                            \
    {                                                                                                                  \
        .name = "recount", .sql = "SELECT COUNT(DISTINCT e.email_log_id)" OF_EMAILS(DB_LIST) " AND " condition,        \
        .sql_postgres = "SELECT COUNT(DISTINCT e.email_log_id)" OF_EMAILS(DB_LIST_POSTGRES) " AND " condition,         \
    }
#define EVENTS(condition)                                                                                              \
    {                                                                                                                  \
        .name = "recount", .sql = "SELECT COUNT(*)" OF_EMAILS(DB_LIST) " AND " condition,                              \
        .sql_postgres = "SELECT COUNT(*)" OF_EMAILS(DB_LIST_POSTGRES) " AND " condition,                               \
    }
#define LINKS_CLICKED(list)                                                                                            \
    "SELECT COUNT(*) FROM (SELECT e.email_log_id, e.link_id" OF_EMAILS(                                                \
        list) " AND e.event_type = 6 AND e.verdict <> 2 AND e.link_id <> 0 GROUP BY e.email_log_id, e.link_id) links"

enum {
    DELIVERED,
    OPENED,
    CLICKED,
    EITHER,
    REPLIED,
    BOUNCED,
    HARD,
    SPAM,
    UNSUBSCRIBED,
    DROPPED,
    OPENS,
    LINKS,
    CLICKS,
    MACHINE_OPENS,
    MACHINE_CLICKS,
    RECOUNTS
};
static const struct statement recounts[RECOUNTS] = {
    [DELIVERED] = DISTINCT("e.event_type = 2"),
    [OPENED] = DISTINCT("e.event_type = 5 AND e.verdict <> 2"),
    [CLICKED] = DISTINCT("e.event_type = 6 AND e.verdict <> 2"),
    [EITHER] = DISTINCT("e.event_type IN (5, 6) AND e.verdict <> 2"),
    [REPLIED] = DISTINCT("e.event_type = 7"),
    [BOUNCED] = DISTINCT("e.event_type = 8"),
    [HARD] = DISTINCT("e.event_type = 8 AND e.bounce = 3"),
    [SPAM] = DISTINCT("e.event_type = 9"),
    [UNSUBSCRIBED] = DISTINCT("e.event_type IN (10, 11)"),
    [DROPPED] = DISTINCT("e.event_type = 4"),
    [OPENS] = EVENTS("e.event_type = 5 AND e.verdict <> 2"),
    [LINKS] = {.name = "recount", .sql = LINKS_CLICKED(DB_LIST), .sql_postgres = LINKS_CLICKED(DB_LIST_POSTGRES)},
    [CLICKS] = EVENTS("e.event_type = 6 AND e.verdict <> 2"),
    [MACHINE_OPENS] = EVENTS("e.event_type = 5 AND e.verdict = 2"),
    [MACHINE_CLICKS] = EVENTS("e.event_type = 6 AND e.verdict = 2"),
};
#define FIRST_OPENS(list)                                                                                              \
    "SELECT l.sent_at, MIN(e.occurred_at) FROM email_logs l, email_engagement_events e WHERE l.organization_id = $1"   \
    " AND e.organization_id = $1 AND l.id = e.email_log_id AND e.event_type = 5 AND e.verdict <> 2 AND l.id IN " list( \
        "$2") " GROUP BY l.id, l.sent_at"
static const struct statement first_opens = {
    .name = "first opens", .sql = FIRST_OPENS(DB_LIST), .sql_postgres = FIRST_OPENS(DB_LIST_POSTGRES)};

static int64_t recount(struct db *db, int what, int64_t organization_id, struct db_value list) {
    struct db_rows *rows = NULL;
    struct err err = {0};
    if (db_query_row(db, &recounts[what], DB_VALUES(db_int(organization_id), list), &rows, &err) != 1)
        fail_msg("%s", err.text);
    int64_t value = db_column_int(rows, 0);
    db_rows_free(rows);
    return value;
}

static int compare_doubles(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

/* Sum of the delays in ms, and the exact median in seconds. */
static int64_t recount_delays(struct db *db, int64_t organization_id, struct db_value list, double *ret_median) {
    struct db_rows *rows = NULL;
    double delays[4096];
    size_t count = 0;
    int64_t sum = 0;
    assert_done(db_query(db, &first_opens, DB_VALUES(db_int(organization_id), list), &rows, err));
    while (db_next(rows, NULL) == 1) {
        int64_t delay = db_column_int(rows, 1) - db_column_int(rows, 0);
        if (delay < 0) delay = 0;
        sum += delay;
        delays[count++] = (double)delay / 1000;
    }
    db_rows_free(rows);
    qsort(delays, count, sizeof(delays[0]), compare_doubles);
    *ret_median = count == 0 ? MEDIAN_NONE : (delays[(count - 1) / 2] + delays[count / 2]) / 2;
    return sum;
}

/* ---- random history ---- */

#define MANAGER 77 /* a user who sees jobs 1 and 3 */

#define MAILS       500
#define EVENT_COUNT 3000

static bool matches(const struct mail *mail, const struct report_filter *filter, const int64_t ids[4][8]) {
    int32_t sent = timezone_day(SLICE(ZONE), mail->sent_at);
    const int own[4] = {mail->job, mail->template_, mail->campaign, mail->sender};
    const int64_t wanted[4] = {filter->job_id, filter->template_id, filter->campaign_id, filter->sender_id};
    if (sent < filter->from_day || sent > filter->to_day) return false;
    for (int i = 0; i < 4; i++)
        if (wanted[i] != REPORT_ANY && ids[i][own[i]] != wanted[i]) return false;
    return filter->jobs_of == 0 || mail->job == 1 || mail->job == 3;
}

struct scene {
    struct history history;
    struct mail *mails;
    int64_t ids[4][8]; /* of job, template, campaign, sender 0 … 5 in the database; 0: none */
    struct arena *arena;
};

static void find_ids(struct scene *scene) {
    static const enum report_reference kinds[4] = {REPORT_JOB, REPORT_TEMPLATE, REPORT_CAMPAIGN, REPORT_SENDER};
    for (int kind = 0; kind < 4; kind++) {
        for (int number = 1; number < 6; number++) {
            char name[64];
            snprintf(name, sizeof(name),
                     kind == 0   ? "job-%d"
                     : kind == 1 ? "template-%d"
                     : kind == 2 ? "campaign-%d"
                                 : "Sender-%d@Example.org",
                     number);
            assert_done(reports_find(scene->history.db, scene->history.organization_id, kinds[kind], slice_cstr(name),
                                     &scene->ids[kind][number], err));
            assert_true(scene->ids[kind][number] > 0);
        }
    }
}

static void make_mails(struct scene *scene, uint64_t *dice) {
    static const enum tracking_level levels[] = {TRACKING_FULL,   TRACKING_FULL,      TRACKING_FULL, TRACKING_FULL,
                                                 TRACKING_CLICKS, TRACKING_AGGREGATE, TRACKING_NONE};
    int64_t first = at("2026-03-01T00:00:00Z");
    scene->mails = arena_alloc_array(scene->arena, MAILS, sizeof(*scene->mails));
    for (int i = 0; i < MAILS; i++)
        scene->mails[i] = (struct mail){
            .sent_at = first + (int64_t)history_pick(dice, 60 * 24 * 3600) * SECOND_MS,
            .job = i < 6 ? i : history_pick(dice, 6),
            .template_ = i < 6 ? i : history_pick(dice, 6),
            .campaign = i < 6 ? i : history_pick(dice, 6),
            .sender = i < 6 ? i : history_pick(dice, 6),
            .candidate = history_pick(dice, 50),
            .level = levels[history_pick(dice, 7)],
        };
    history_register(&scene->history, scene->mails, MAILS);
}

static void make_events(struct scene *scene, uint64_t *dice) {
    static const enum event_type types[] = {
        EVENT_OPEN,      EVENT_OPEN,    EVENT_OPEN,    EVENT_CLICK,     EVENT_CLICK,       EVENT_REPLY,
        EVENT_BOUNCE,    EVENT_SPAM,    EVENT_DROPPED, EVENT_DELIVERED, EVENT_UNSUBSCRIBE, EVENT_GROUP_UNSUBSCRIBE,
        EVENT_PROCESSED, EVENT_DEFERRED};
    static const char *const urls[] = {"https://jobs.example.org/a", "https://jobs.example.org/b", NULL};
    struct happening *happenings = arena_alloc_array(scene->arena, EVENT_COUNT, sizeof(*happenings));
    for (int i = 0; i < EVENT_COUNT; i++) {
        const struct mail *mail = &scene->mails[history_pick(dice, MAILS)];
        enum event_type type = types[history_pick(dice, 14)];
        int64_t spread = history_pick(dice, 3) == 0 ? 90 : 3 * 24 * 3600;
        happenings[i] = (struct happening){
            .mail = mail,
            .type = type,
            .machine = event_type_is_tracking(type) && history_pick(dice, 4) == 0,
            .bounce = type == EVENT_BOUNCE ? (enum bounce_kind)(1 + history_pick(dice, 3)) : BOUNCE_NONE,
            .at = mail->sent_at + (int64_t)(history_pick(dice, (int)spread) - 5) * SECOND_MS,
            .url = type == EVENT_CLICK ? urls[history_pick(dice, 3)] : NULL,
            .position = history_pick(dice, 2),
        };
    }
    for (int done = 0; done < EVENT_COUNT;) {
        int portion = 1 + history_pick(dice, 400);
        if (portion > EVENT_COUNT - done) portion = EVENT_COUNT - done;
        history_apply(&scene->history, happenings + done, (size_t)portion);
        done += portion;
        if (history_pick(dice, 3) == 0) history_fold(&scene->history, 1 + history_pick(dice, 300));
    }
}

static void scene_begin(struct scene *scene, struct fixture *fixture, uint64_t seed) {
    uint64_t dice = seed;
    *scene = (struct scene){.arena = fixture->arena};
    history_begin(&scene->history, fixture, ZONE);
    make_mails(scene, &dice);
    make_events(scene, &dice);
    find_ids(scene);
    const int64_t jobs[] = {scene->ids[0][1], scene->ids[0][3]};
    assert_done(db_begin(scene->history.db, DB_WRITE, err));
    assert_done(user_jobs_set(scene->history.db, scene->history.organization_id, MANAGER, jobs, 2, err));
    /* The same user of another organization is somebody else. */
    const int64_t other = scene->ids[0][2];
    assert_done(user_jobs_set(scene->history.db, scene->history.organization_id + 1, MANAGER, &other, 1, err));
    assert_done(db_commit(scene->history.db, err));
}

static struct db_value list_matching(struct scene *scene, const struct report_filter *filter, int64_t *ret_count) {
    int64_t ids[MAILS];
    size_t count = 0;
    for (int i = 0; i < MAILS; i++)
        if (matches(&scene->mails[i], filter, (const int64_t(*)[8])scene->ids)) ids[count++] = scene->mails[i].id;
    *ret_count = (int64_t)count;
    return db_list(scene->arena, ids, count);
}

static void check_figures(struct scene *scene, const struct report_filter *filter, const struct figures *figures) {
    int64_t organization_id = filter->organization_id, sent, open_base = 0, click_base = 0;
    struct db *db = scene->history.db;
    struct db_value list = list_matching(scene, filter, &sent);
    const struct contribution *sums = &figures->sums;
    for (int i = 0; i < MAILS; i++) {
        if (!matches(&scene->mails[i], filter, (const int64_t(*)[8])scene->ids)) continue;
        open_base += scene->mails[i].level == TRACKING_FULL;
        click_base += scene->mails[i].level == TRACKING_FULL || scene->mails[i].level == TRACKING_CLICKS;
    }
    assert_int_equal(sums->sent, sent);
    assert_int_equal(sums->open_base, open_base);
    assert_int_equal(sums->click_base, click_base);
    const int64_t stored[RECOUNTS] = {
        sums->delivered, sums->opened,       sums->clicked,      sums->opened_or_clicked, sums->replied,
        sums->bounced,   sums->bounced_hard, sums->complained,   sums->unsubscribed,      sums->dropped,
        sums->opens,     sums->clicks,       sums->total_clicks, sums->machine_opens,     sums->machine_clicks};
    for (int what = 0; what < RECOUNTS; what++)
        assert_int_equal(stored[what], recount(db, what, organization_id, list));
    double median;
    assert_int_equal(sums->open_delay_ms, recount_delays(db, organization_id, list, &median));
    /* A bucket is a second wide, or 3.2 % of the value; of two middle values the mean is taken. */
    if (figures->median_open_delay_s == MEDIAN_LEFT_OUT) return;
    if (median < 0)
        assert_true(figures->median_open_delay_s == MEDIAN_NONE);
    else
        assert_true(fabs(figures->median_open_delay_s - median) <= 1 + median * 0.032);
}

static struct report_filter random_filter(const struct scene *scene, uint64_t *dice) {
    int32_t first = day("2026-02-25") + history_pick(dice, 60);
    return (struct report_filter){
        .organization_id = scene->history.organization_id,
        .from_day = first,
        .to_day = first + history_pick(dice, 40),
        .job_id = history_pick(dice, 3) == 0 ? scene->ids[0][1 + history_pick(dice, 5)] : REPORT_ANY,
        .template_id = history_pick(dice, 3) == 0 ? scene->ids[1][1 + history_pick(dice, 5)] : REPORT_ANY,
        .campaign_id = history_pick(dice, 4) == 0 ? scene->ids[2][1 + history_pick(dice, 5)] : REPORT_ANY,
        .sender_id = history_pick(dice, 4) == 0 ? scene->ids[3][1 + history_pick(dice, 5)] : REPORT_ANY,
        .jobs_of = history_pick(dice, 3) == 0 ? MANAGER : 0,
    };
}

static struct report_filter all_of(const struct scene *scene) {
    return (struct report_filter){
        .organization_id = scene->history.organization_id, .from_day = day("2026-01-01"), .to_day = day("2026-12-31")};
}

static void totals_equal_a_recount(void **state) {
    struct scene other, scene;
    uint64_t dice = 77;
    scene_begin(&other, fixture_of(state), 5); /* another organization, whose figures must not mix in */
    scene_begin(&scene, fixture_of(state), 6);
    for (int round = 0; round < 60; round++) {
        struct report_filter filter = round == 0 ? all_of(&scene) : random_filter(&scene, &dice);
        struct figures figures;
        assert_done(reports_totals(scene.history.db, &filter, &figures, err));
        check_figures(&scene, &filter, &figures);
    }
    history_end(&scene.history);
    history_end(&other.history);
}

static void series_equal_a_recount(void **state) {
    struct scene scene;
    uint64_t dice = 99;
    scene_begin(&scene, fixture_of(state), 9);
    for (int round = 0; round < 12; round++) {
        struct report_filter filter = random_filter(&scene, &dice);
        enum report_step step = (enum report_step)(round % 3);
        struct report_series series;
        assert_done(reports_series(scene.history.db, &filter, step, scene.arena, &series, err));
        const struct report_point *points = series.points;
        size_t count = series.count;
        check_figures(&scene, &filter, &series.total);
        int32_t next = filter.from_day;
        for (size_t i = 0; i < count; i++) {
            struct report_filter part = filter;
            assert_int_equal(points[i].from_day, next);
            part.from_day = points[i].from_day;
            part.to_day = points[i].to_day;
            check_figures(&scene, &part, &points[i].figures);
            next = points[i].to_day + 1;
            if (i + 1 == count) continue;
            int year, month, day_of_month;
            day_to_date(next, &year, &month, &day_of_month);
            if (step == REPORT_BY_MONTH) assert_int_equal(day_of_month, 1);
            if (step == REPORT_BY_WEEK) assert_int_equal((next - day("2026-03-02")) % 7, 0); /* a Monday */
            if (step == REPORT_BY_DAY) assert_int_equal(next, points[i].from_day + 1);
        }
        assert_int_equal(next, filter.to_day + 1);
    }
    history_end(&scene.history);
}

static int64_t *dimension_of(struct report_filter *filter, enum report_dimension dimension) {
    return dimension == REPORT_BY_JOB        ? &filter->job_id
           : dimension == REPORT_BY_TEMPLATE ? &filter->template_id
                                             : &filter->campaign_id;
}

/* Walks a list in pages of `limit` and returns all rows. */
static size_t walk_groups(struct scene *scene, const struct report_filter *filter, enum report_dimension dimension,
                          size_t limit, struct report_row *out) {
    struct report_page page = {.limit = limit};
    size_t all = 0;
    for (;;) {
        struct report_row *rows;
        size_t count;
        assert_done(reports_groups(scene->history.db, filter, dimension, &page, scene->arena, &rows, &count, err));
        if (count == 0) return all;
        memcpy(out + all, rows, count * sizeof(*rows));
        all += count;
        page.has_after = true;
        page.after_count = rows[count - 1].rank;
        page.after_id = rows[count - 1].id;
    }
}

static void groups_equal_a_recount(void **state) {
    struct scene scene;
    uint64_t dice = 11;
    scene_begin(&scene, fixture_of(state), 12);
    for (int round = 0; round < 21; round++) {
        enum report_dimension dimension = (enum report_dimension)(round % 3);
        struct report_filter filter = round < 15 ? all_of(&scene) : random_filter(&scene, &dice);
        /* From cohorts alone, from some gathered days, from all of them, and after more was folded into these. */
        if (round == 3) assert_int_equal(history_gather(&scene.history, 2), 2);
        if (round == 6) assert_true(history_gather(&scene.history, 64) > 2);
        if (round == 6) assert_int_equal(history_gather(&scene.history, 64), 0);
        if (round == 9) history_fold(&scene.history, 1000000);
        if (round == 12) assert_true(history_gather(&scene.history, 64) > 0);
        struct report_row rows[32];
        struct figures total;
        int64_t sent = 0;
        size_t count = walk_groups(&scene, &filter, dimension, 1 + (size_t)history_pick(&dice, 4), rows);
        for (size_t i = 0; i < count; i++) {
            struct report_filter part = filter;
            sent += rows[i].figures.sums.sent;
            if (i > 0) assert_true(rows[i - 1].figures.sums.sent >= rows[i].figures.sums.sent);
            if (rows[i].id == 0) {
                assert_null(rows[i].external_id.ptr);
                continue;
            }
            assert_true(rows[i].external_id.len > 0);
            *dimension_of(&part, dimension) = rows[i].id;
            check_figures(&scene, &part, &rows[i].figures);
        }
        assert_done(reports_totals(scene.history.db, &filter, &total, err));
        assert_int_equal(sent, total.sums.sent);
    }
    history_end(&scene.history);
}

static void links_equal_a_recount(void **state) {
    static const struct statement naive = {
        .name = "recount of links",
        .sql = "SELECT COUNT(DISTINCT CASE WHEN e.verdict <> 2 THEN e.email_log_id END),"
               " SUM(CASE WHEN e.verdict <> 2 THEN 1 ELSE 0 END), SUM(CASE WHEN e.verdict = 2 THEN 1 ELSE 0 END)"
               " FROM email_engagement_events e, links l WHERE e.organization_id = $1 AND l.organization_id = $1"
               " AND l.id = e.link_id AND l.url = $2 AND l.position = $3",
    };
    struct scene scene;
    scene_begin(&scene, fixture_of(state), 21);
    struct report_filter filter = all_of(&scene);
    struct report_link seen[16];
    struct report_page page = {.limit = 1};
    size_t all = 0;
    for (;;) { /* page by page */
        struct report_link *links;
        size_t count;
        assert_done(reports_links(scene.history.db, &filter, &page, scene.arena, &links, &count, err));
        if (count == 0) break;
        seen[all++] = links[0];
        page.has_after = true;
        page.after_count = links[0].emails;
        page.after_id = links[0].id;
    }
    assert_int_equal(all, 4); /* two urls at two positions */
    for (size_t i = 0; i < all; i++) {
        struct db_rows *rows = NULL;
        if (i > 0) assert_true(seen[i - 1].emails >= seen[i].emails && seen[i - 1].id != seen[i].id);
        assert_int_equal(
            db_query_row(scene.history.db, &naive,
                         DB_VALUES(db_int(filter.organization_id), db_text(seen[i].url), db_int(seen[i].position)),
                         &rows, NULL),
            1);
        assert_int_equal(seen[i].emails, db_column_int(rows, 0));
        assert_int_equal(seen[i].clicks, db_column_int(rows, 1));
        assert_int_equal(seen[i].machine_clicks, db_column_int(rows, 2));
        db_rows_free(rows);
    }
    filter.template_id = REPORT_UNKNOWN;
    struct report_link *links;
    size_t count;
    assert_done(
        reports_links(scene.history.db, &filter, &(struct report_page){.limit = 5}, scene.arena, &links, &count, err));
    assert_int_equal(count, 0);
    history_end(&scene.history);
}

/* ---- the specification's own figures ---- */

/* `sent` emails of a template, of which the first ones are opened, and the first of those clicked. */
static void send_many(struct history *history, struct arena *arena, const char *time, int template_, int sent,
                      int opened, int clicked) {
    struct mail *mails = arena_alloc_array(arena, (size_t)sent, sizeof(*mails));
    struct happening *happenings = arena_alloc_array(arena, (size_t)(opened + clicked), sizeof(*happenings));
    size_t count = 0;
    for (int i = 0; i < sent; i++)
        mails[i] = (struct mail){.sent_at = at(time), .template_ = template_, .level = TRACKING_FULL};
    history_register(history, mails, (size_t)sent);
    for (int i = 0; i < opened; i++)
        happenings[count++] =
            (struct happening){.mail = &mails[i], .type = EVENT_OPEN, .at = mails[i].sent_at + 60 * SECOND_MS};
    for (int i = 0; i < clicked; i++)
        happenings[count++] = (struct happening){.mail = &mails[i],
                                                 .type = EVENT_CLICK,
                                                 .at = mails[i].sent_at + 90 * SECOND_MS,
                                                 .url = "https://jobs.example.org/schedule",
                                                 .position = 0};
    if (count > 0) history_apply(history, happenings, count);
}

static void the_best_templates_come_first(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct history history;
    struct report_row *rows;
    size_t count;
    history_begin(&history, fixture, "UTC");
    send_many(&history, fixture->arena, "2026-01-10T10:00:00Z", 3, 189, 85, 28);
    send_many(&history, fixture->arena, "2026-01-11T10:00:00Z", 1, 245, 167, 59);
    send_many(&history, fixture->arena, "2026-01-12T10:00:00Z", 2, 512, 282, 41);
    send_many(&history, fixture->arena, "2026-01-12T10:00:00Z", 4, 1, 1, 1); /* 1 of 1 is no 100 % */
    struct report_filter filter = {
        .organization_id = history.organization_id, .from_day = day("2026-01-01"), .to_day = day("2026-01-31")};
    assert_done(reports_top(fixture->db, &filter, REPORT_RANK_OPENED, REPORT_TOP_BASE_MIN, 5, fixture->arena, &rows,
                            &count, err));
    assert_int_equal(count, 3);
    assert_true(slice_equal(rows[0].name, SLICE("Template-1")) && slice_equal(rows[1].name, SLICE("Template-2")) &&
                slice_equal(rows[2].name, SLICE("Template-3")));
    assert_int_equal(rows[0].figures.sums.sent, 245);
    assert_int_equal(rows[0].figures.sums.opened, 167);
    assert_int_equal(rows[0].figures.sums.clicked, 59);
    assert_int_equal(rows[0].figures.sums.open_delay_ms, 167 * 60000);
    /* By clicks the order is another: 24.1, 14.8, 8.0 %. */
    assert_done(reports_top(fixture->db, &filter, REPORT_RANK_CLICKED, 1, 2, fixture->arena, &rows, &count, err));
    assert_int_equal(count, 2);
    assert_true(slice_equal(rows[0].name, SLICE("Template-4")) && slice_equal(rows[1].name, SLICE("Template-1")));
    assert_done(reports_top(fixture->db, &filter, REPORT_RANK_REPLIED, 200, 5, fixture->arena, &rows, &count, err));
    assert_int_equal(count, 2); /* nobody replied: those with more emails first */
    assert_true(slice_equal(rows[0].name, SLICE("Template-2")));
    history_end(&history);
}

/* ---- days ---- */

static void an_email_belongs_to_its_local_day(void **state) {
    struct fixture *fixture = fixture_of(state);
    /* Around both changes of the clock in Berlin, and a zone far away. */
    static const struct {
        const char *zone, *sent_at, *day;
    } cases[] = {
        {ZONE, "2026-03-28T22:59:59Z", "2026-03-28"},
        {ZONE, "2026-03-28T23:00:00Z", "2026-03-29"},
        {ZONE, "2026-03-29T21:59:59Z", "2026-03-29"},
        {ZONE, "2026-03-29T22:00:00Z", "2026-03-30"},
        {ZONE, "2026-10-24T21:59:59Z", "2026-10-24"},
        {ZONE, "2026-10-24T22:00:00Z", "2026-10-25"},
        {ZONE, "2026-10-25T22:59:59Z", "2026-10-25"},
        {ZONE, "2026-10-25T23:00:00Z", "2026-10-26"},
        {"Pacific/Kiritimati", "2025-12-31T09:59:59Z", "2025-12-31"},
        {"Pacific/Kiritimati", "2025-12-31T10:00:00Z", "2026-01-01"},
        {"UTC", "2026-01-31T23:59:59.999Z", "2026-01-31"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct history history;
        history_begin(&history, fixture, cases[i].zone);
        struct mail mail = {.sent_at = at(cases[i].sent_at), .level = TRACKING_FULL};
        history_register(&history, &mail, 1);
        for (int32_t offset = -1; offset <= 1; offset++) {
            int32_t asked = day(cases[i].day) + offset;
            struct figures figures;
            struct report_filter filter = {
                .organization_id = history.organization_id, .from_day = asked, .to_day = asked};
            assert_done(reports_totals(fixture->db, &filter, &figures, err));
            assert_int_equal(figures.sums.sent, offset == 0);
        }
        history_end(&history);
    }
}

static void what_is_only_counted_is_shown_apart(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct history history;
    struct figures figures;
    history_begin(&history, fixture, "UTC");
    struct mail mail = {.sent_at = at("2026-01-10T10:00:00Z"), .level = TRACKING_AGGREGATE};
    history_register(&history, &mail, 1);
    const struct happening happenings[] = {
        {.mail = &mail, .type = EVENT_OPEN, .at = mail.sent_at + 1000},
        {.mail = &mail, .type = EVENT_OPEN, .at = mail.sent_at + 2000},
        {.mail = &mail, .type = EVENT_CLICK, .at = mail.sent_at + 3000, .url = "https://a.example.org/"},
    };
    history_apply(&history, happenings, 3);
    history_apply(&history, happenings, 3); /* resent */
    struct report_filter filter = {
        .organization_id = history.organization_id, .from_day = day("2026-01-10"), .to_day = day("2026-01-10")};
    assert_done(reports_totals(fixture->db, &filter, &figures, err));
    assert_int_equal(figures.sums.sent, 1);
    assert_int_equal(figures.sums.open_base, 0);
    assert_int_equal(figures.sums.opened, 0);
    assert_int_equal(figures.sums.opens, 0);
    assert_int_equal(figures.anonymous_opens, 2);
    assert_int_equal(figures.anonymous_clicks, 1);
    assert_true(figures.median_open_delay_s < 0);
    history_end(&history);
}

static void unknown_ids_match_nothing(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct history history;
    int64_t id = 0;
    history_begin(&history, fixture, "UTC");
    struct mail mail = {.sent_at = at("2026-01-10T10:00:00Z"), .job = 1, .level = TRACKING_FULL};
    history_register(&history, &mail, 1);
    assert_done(reports_find(fixture->db, history.organization_id, REPORT_JOB, SLICE("no such job"), &id, err));
    assert_int_equal(id, REPORT_UNKNOWN);
    assert_done(reports_find(fixture->db, history.organization_id + 1, REPORT_JOB, SLICE("job-1"), &id, err));
    assert_int_equal(id, REPORT_UNKNOWN);
    struct figures figures;
    struct report_filter filter = {.organization_id = history.organization_id,
                                   .from_day = day("2026-01-10"),
                                   .to_day = day("2026-01-10"),
                                   .job_id = REPORT_UNKNOWN};
    assert_done(reports_totals(fixture->db, &filter, &figures, err));
    assert_int_equal(figures.sums.sent, 0);
    history_end(&history);
}

int main(void) {
    struct CMUnitTest tests[] = {
        contract_test(totals_equal_a_recount),
        contract_test(series_equal_a_recount),
        contract_test(groups_equal_a_recount),
        contract_test(links_equal_a_recount),
        contract_test(the_best_templates_come_first),
        contract_test(an_email_belongs_to_its_local_day),
        contract_test(what_is_only_counted_is_shown_apart),
        contract_test(unknown_ids_match_nothing),
    };
    return run_contract(tests, sizeof(tests) / sizeof(tests[0]));
}
