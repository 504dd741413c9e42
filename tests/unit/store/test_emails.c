/* Lists of emails and candidates: filters, order, pages; and what a change of consent does to emails sent before it. */
#include "tests/unit/store/history.h"

#include "base/timezone.h"
#include "store/candidates.h"
#include "store/consent.h"
#include "store/emails.h"
#include "store/users.h"

#include "base/banned.h"

/* ---- lists ---- */

#define MAILS 300

struct scene {
    struct history history;
    struct mail mails[MAILS];
    bool opened[MAILS], replied[MAILS];
};

/* Many emails of one moment, so that pages end between equals. */
static void scene_begin(struct scene *scene, struct fixture *fixture) {
    uint64_t dice = 4711;
    int64_t first = at("2026-02-01T00:00:00Z");
    struct happening happenings[2 * MAILS];
    size_t count = 0;
    history_begin(&scene->history, fixture, "America/New_York");
    for (int i = 0; i < MAILS; i++)
        scene->mails[i] = (struct mail){
            .sent_at = first + (int64_t)history_pick(&dice, 40) * 36 * HOUR_MS,
            .job = history_pick(&dice, 4),
            .template_ = history_pick(&dice, 3),
            .campaign = history_pick(&dice, 3),
            .sender = history_pick(&dice, 3),
            .candidate = history_pick(&dice, 5),
            .level = TRACKING_FULL,
            .subject = "Interview Invitation",
        };
    history_register(&scene->history, scene->mails, MAILS);
    for (int i = 0; i < MAILS; i++) {
        scene->opened[i] = history_pick(&dice, 3) == 0;
        scene->replied[i] = history_pick(&dice, 9) == 0;
        if (scene->opened[i])
            happenings[count++] =
                (struct happening){.mail = &scene->mails[i], .type = EVENT_OPEN, .at = scene->mails[i].sent_at + 5000};
        if (scene->replied[i])
            happenings[count++] =
                (struct happening){.mail = &scene->mails[i], .type = EVENT_REPLY, .at = scene->mails[i].sent_at + 9000};
    }
    history_apply(&scene->history, happenings, count);
}

/* A filter in numbers of the history; 0: any (there is no filter for "none"). */
struct wish {
    int job, template_, campaign, sender, candidate; /* candidate: number + 1 */
    enum email_status status;
    const char *from, *to;
    bool as_manager; /* who sees jobs 1 and 3 */
};
#define MANAGER 77

static bool is_wished(const struct scene *scene, int i, const struct wish *wish) {
    const struct mail *mail = &scene->mails[i];
    int32_t sent = timezone_day(SLICE("America/New_York"), mail->sent_at);
    return (!wish->job || mail->job == wish->job) && (!wish->template_ || mail->template_ == wish->template_) &&
           (!wish->campaign || mail->campaign == wish->campaign) && (!wish->sender || mail->sender == wish->sender) &&
           (!wish->candidate || mail->candidate == wish->candidate - 1) &&
           (wish->status != EMAIL_OPENED || scene->opened[i]) && (wish->status != EMAIL_REPLIED || scene->replied[i]) &&
           (!wish->from || (sent >= day(wish->from) && sent <= day(wish->to))) &&
           (!wish->as_manager || mail->job == 1 || mail->job == 3);
}

static int64_t id_of(struct scene *scene, struct arena *arena, enum report_reference reference, const char *kind,
                     int number) {
    int64_t id = REPORT_ANY;
    struct slice name =
        slice_cstr(arena_printf(arena, "%s-%d%s", kind, number, reference == REPORT_SENDER ? "@example.org" : ""));
    if (number == 0 && reference != REPORT_CANDIDATE) return id;
    assert_done(reports_find(scene->history.db, scene->history.organization_id, reference, name, &id, err));
    return id;
}

static struct email_filter filter_of(struct scene *scene, struct arena *arena, const struct wish *wish) {
    return (struct email_filter){
        .cohort = {.organization_id = scene->history.organization_id,
                   .from_day = wish->from ? day(wish->from) : EMAILS_FIRST_DAY,
                   .to_day = wish->to ? day(wish->to) : EMAILS_LAST_DAY,
                   .job_id = id_of(scene, arena, REPORT_JOB, "job", wish->job),
                   .template_id = id_of(scene, arena, REPORT_TEMPLATE, "template", wish->template_),
                   .campaign_id = id_of(scene, arena, REPORT_CAMPAIGN, "campaign", wish->campaign),
                   .sender_id = id_of(scene, arena, REPORT_SENDER, "sender", wish->sender),
                   .jobs_of = wish->as_manager ? MANAGER : 0},
        .candidate_id =
            wish->candidate ? id_of(scene, arena, REPORT_CANDIDATE, "candidate", wish->candidate - 1) : REPORT_ANY,
        .status = wish->status,
    };
}

static void give_jobs(struct history *history, struct arena *arena) {
    int64_t jobs[2];
    for (int i = 0; i < 2; i++)
        assert_done(reports_find(history->db, history->organization_id, REPORT_JOB,
                                 slice_cstr(arena_printf(arena, "job-%d", 1 + 2 * i)), &jobs[i], err));
    assert_done(db_begin(history->db, DB_WRITE, err));
    assert_done(user_jobs_set(history->db, history->organization_id, MANAGER, jobs, 2, err));
    assert_done(db_commit(history->db, err));
}

/* Walks all pages: each email of the wish exactly once, in order. */
static void walk(struct scene *scene, struct arena *arena, const struct wish *wish, size_t limit) {
    struct email_filter filter = filter_of(scene, arena, wish);
    struct email_page page = {.limit = limit};
    bool seen[MAILS] = {false};
    for (;;) {
        struct email_view *emails;
        size_t count;
        assert_done(emails_list(scene->history.db, &filter, &page, arena, &emails, &count, err));
        assert_true(count <= limit);
        for (size_t n = 0; n < count; n++) {
            const struct email_stats *stats = &emails[n].stats;
            int i = 0;
            while (i < MAILS && scene->mails[i].id != stats->email_log_id)
                i++;
            assert_true(i < MAILS && !seen[i] && is_wished(scene, i, wish));
            seen[i] = true;
            if (page.has_after)
                assert_true(stats->sent_at < page.after_sent_at ||
                            (stats->sent_at == page.after_sent_at && stats->email_log_id < page.after_id));
            page = (struct email_page){
                .limit = limit, .has_after = true, .after_sent_at = stats->sent_at, .after_id = stats->email_log_id};
        }
        if (count == 0) break;
    }
    for (int i = 0; i < MAILS; i++)
        if (is_wished(scene, i, wish)) assert_true(seen[i]);
}

static void pages_hold_every_email_once(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct scene *scene = arena_alloc(fixture->arena, sizeof(*scene));
    static const struct wish wishes[] = {
        {0},
        {.job = 1},
        {.job = 2, .template_ = 1},
        {.campaign = 2},
        {.sender = 1},
        {.sender = 2, .status = EMAIL_OPENED},
        {.status = EMAIL_OPENED},
        {.status = EMAIL_REPLIED},
        {.candidate = 3},
        {.candidate = 1, .job = 1, .status = EMAIL_OPENED},
        {.from = "2026-02-10", .to = "2026-02-20"},
        {.from = "2026-03-01", .to = "2026-03-01", .job = 3},
        {.candidate = 2, .from = "2026-02-01", .to = "2026-02-28"},
        {.as_manager = true},
        {.as_manager = true, .job = 2},
        {.as_manager = true, .candidate = 1, .status = EMAIL_OPENED},
    };
    scene_begin(scene, fixture);
    give_jobs(&scene->history, fixture->arena);
    for (size_t i = 0; i < sizeof(wishes) / sizeof(wishes[0]); i++) {
        walk(scene, fixture->arena, &wishes[i], 1 + i % 2 * 6);
        walk(scene, fixture->arena, &wishes[i], 1000);
    }
    history_end(&scene->history);
}

static void an_unknown_id_gives_no_emails(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct scene *scene = arena_alloc(fixture->arena, sizeof(*scene));
    struct email_view *emails;
    size_t count;
    scene_begin(scene, fixture);
    for (int i = 0; i < 3; i++) {
        struct email_filter filter = filter_of(scene, fixture->arena, &(struct wish){0});
        if (i == 0) filter.cohort.job_id = REPORT_UNKNOWN;
        if (i == 1) filter.candidate_id = REPORT_UNKNOWN;
        if (i == 2) filter.cohort.organization_id++;
        assert_done(
            emails_list(fixture->db, &filter, &(struct email_page){.limit = 5}, fixture->arena, &emails, &count, err));
        assert_int_equal(count, 0);
    }
    history_end(&scene->history);
}

static void one_email_comes_with_all_that_belongs_to_it(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct history history;
    struct email_view email;
    struct email_link *links;
    size_t count;
    history_begin(&history, fixture, "UTC");
    struct mail mail = {.sent_at = at("2026-02-01T08:00:00Z"),
                        .job = 1,
                        .template_ = 2,
                        .sender = 3,
                        .candidate = 7,
                        .level = TRACKING_FULL,
                        .subject = "Interview Invitation"};
    history_register(&history, &mail, 1);
    const struct happening happenings[] = {
        {.mail = &mail,
         .type = EVENT_CLICK,
         .at = mail.sent_at + 60000,
         .url = "https://a.example.org/",
         .position = 1},
        {.mail = &mail,
         .type = EVENT_CLICK,
         .at = mail.sent_at + 61000,
         .url = "https://a.example.org/",
         .position = 1},
        {.mail = &mail,
         .type = EVENT_CLICK,
         .at = mail.sent_at + 2000,
         .machine = true,
         .url = "https://b.example.org/"},
    };
    history_apply(&history, happenings, 3);
    assert_done(emails_get(fixture->db, history.organization_id, 0, mail.id, fixture->arena, &email, err));
    assert_true(slice_equal(email.subject, SLICE("Interview Invitation")));
    assert_true(slice_equal(email.candidate.external_id, SLICE("candidate-7")));
    assert_true(slice_equal(email.job.external_id, SLICE("job-1")) && slice_equal(email.job.name, SLICE("Job-1")));
    assert_true(slice_equal(email.template_.name, SLICE("Template-2")));
    assert_true(slice_equal(email.sender.email, SLICE("sender-3@example.org")));
    assert_null(email.campaign.external_id.ptr);
    assert_null(email.sequence.external_id.ptr);
    assert_int_equal(email.sequence_step, -1);
    assert_int_equal(email.day, day("2026-02-01"));
    assert_int_equal(email.stats.total_click_count, 2);
    assert_int_equal(email.stats.click_count, 1);
    assert_int_equal(email.stats.machine_click_count, 1);
    assert_fails(ERR_NOT_FOUND,
                 emails_get(fixture->db, history.organization_id + 1, 0, mail.id, fixture->arena, &email, err));
    assert_done(emails_links(fixture->db, history.organization_id, mail.id, 10, fixture->arena, &links, &count, err));
    assert_int_equal(count, 2);
    assert_true(slice_equal(links[0].url, SLICE("https://b.example.org/")));
    assert_int_equal(links[0].stats.machine_click_count, 1);
    assert_true(links[0].stats.clicked_at == TIME_UNSET);
    assert_int_equal(links[1].stats.click_count, 2);
    assert_true(links[1].stats.clicked_at == mail.sent_at + 60000);
    history_end(&history);
}

/* ---- candidates ---- */

static void candidates_come_with_their_figures(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct history history;
    struct candidate_view *candidates, candidate;
    struct candidate_figures figures;
    size_t count, seen = 0;
    int64_t after = 0;
    history_begin(&history, fixture, "UTC");
    struct mail mails[12];
    for (int i = 0; i < 12; i++)
        mails[i] = (struct mail){.sent_at = at("2026-02-01T08:00:00Z") + i * HOUR_MS,
                                 .candidate = i % 3,
                                 .level = i == 3 ? TRACKING_CLICKS : TRACKING_FULL};
    history_register(&history, mails, 12);
    /* candidate-0 has emails 0, 3, 6, 9. */
    const struct happening happenings[] = {
        {.mail = &mails[0], .type = EVENT_OPEN, .at = mails[0].sent_at + 10000},
        {.mail = &mails[6], .type = EVENT_OPEN, .at = mails[6].sent_at + 30000},
        {.mail = &mails[9], .type = EVENT_OPEN, .at = mails[9].sent_at + 1000, .machine = true},
        {.mail = &mails[3], .type = EVENT_CLICK, .at = mails[3].sent_at + 1000, .url = "https://a.example.org/"},
        {.mail = &mails[1], .type = EVENT_OPEN, .at = mails[1].sent_at + 1000},
    };
    history_apply(&history, happenings, 5);
    do { /* one a page */
        assert_done(candidates_list(fixture->db,
                                    &(struct candidate_filter){.organization_id = history.organization_id,
                                                               .low = SCORE_UNKNOWN,
                                                               .high = 100,
                                                               .has_after = after != 0,
                                                               .after_id = after},
                                    1, fixture->arena, &candidates, &count, err));
        if (count == 0) break;
        if (after != 0) assert_true(candidates[0].id < after);
        after = candidates[0].id;
        seen++;
    } while (seen < 10);
    assert_int_equal(seen, 3);
    assert_done(
        candidates_get(fixture->db, history.organization_id, 0, SLICE("candidate-0"), fixture->arena, &candidate, err));
    assert_false(candidate.has_tracking);
    assert_done(candidates_figures(fixture->db, history.organization_id, 0, &candidate.id, 1, &figures, err));
    assert_int_equal(figures.figures.sums.sent, 4);
    assert_int_equal(figures.figures.sums.open_base, 3);
    assert_int_equal(figures.figures.sums.click_base, 4);
    assert_int_equal(figures.figures.sums.opened, 2);
    assert_int_equal(figures.figures.sums.clicked, 1);
    assert_int_equal(figures.figures.sums.opened_or_clicked, 3);
    assert_int_equal(figures.figures.sums.machine_opens, 1);
    assert_true(figures.figures.median_open_delay_s == 20);
    assert_true(figures.last_sent_at == mails[9].sent_at);
    assert_fails(ERR_NOT_FOUND, candidates_get(fixture->db, history.organization_id, 0, SLICE("candidate-9"),
                                               fixture->arena, &candidate, err));
    history_end(&history);
}

/* The figures of a page are those of each of its candidates alone, in the order asked for. */
static void figures_of_a_page_are_those_of_each(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct history history;
    struct candidate_view *candidates;
    size_t count;
    history_begin(&history, fixture, "UTC");
    struct mail mails[9];
    for (int i = 0; i < 9; i++)
        mails[i] = (struct mail){.sent_at = at("2026-02-01T08:00:00Z") + i * HOUR_MS,
                                 .candidate = i % 3,
                                 .job = 1 + i % 2,
                                 .level = TRACKING_FULL};
    history_register(&history, mails, 9);
    struct happening happenings[9];
    for (int i = 0; i < 9; i++)
        happenings[i] = (struct happening){
            .mail = &mails[i], .type = EVENT_OPEN, .at = mails[i].sent_at + (i % 3 + 1) * 10000, .machine = i == 4};
    history_apply(&history, happenings, 9);
    give_jobs(&history, fixture->arena);
    struct candidate_filter filter = {.organization_id = history.organization_id, .low = SCORE_UNKNOWN, .high = 100};
    assert_done(candidates_list(fixture->db, &filter, 10, fixture->arena, &candidates, &count, err));
    assert_int_equal(count, 3);
    const int64_t ids[] = {candidates[1].id, INT64_MAX, candidates[2].id, candidates[0].id};
    for (int64_t jobs_of = 0; jobs_of <= MANAGER; jobs_of += MANAGER) {
        struct candidate_figures page[4], alone;
        assert_done(candidates_figures(fixture->db, history.organization_id, jobs_of, ids, 4, page, err));
        for (int i = 0; i < 4; i++) {
            assert_done(candidates_figures(fixture->db, history.organization_id, jobs_of, &ids[i], 1, &alone, err));
            assert_memory_equal(&page[i].figures.sums, &alone.figures.sums, sizeof(alone.figures.sums));
            assert_true(page[i].figures.median_open_delay_s == alone.figures.median_open_delay_s);
            assert_true(page[i].last_sent_at == alone.last_sent_at);
            assert_true((page[i].figures.sums.sent == 0) == (i == 1));
        }
        if (jobs_of == 0) {
            assert_true(page[2].figures.median_open_delay_s == 10);
            assert_true(page[0].figures.median_open_delay_s == 20);
            assert_true(page[3].figures.median_open_delay_s == 30);
            assert_int_equal(page[0].figures.sums.machine_opens, 1);
        }
    }
    history_end(&history);
}

/* Candidates 0 and 1 have emails about job 1 or 3, candidate 0 another one too; candidate 2 has none of these. */
static void a_manager_sees_candidates_of_own_jobs(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct history history;
    struct candidate_view *candidates, candidate;
    struct candidate_figures figures;
    struct email_view email;
    size_t count;
    history_begin(&history, fixture, "UTC");
    int64_t organization = history.organization_id, sent = at("2026-02-01T08:00:00Z");
    struct mail mails[] = {
        {.sent_at = sent, .candidate = 0, .job = 1, .level = TRACKING_FULL},
        {.sent_at = sent, .candidate = 0, .job = 2, .level = TRACKING_FULL},
        {.sent_at = sent, .candidate = 1, .job = 3, .level = TRACKING_FULL},
        {.sent_at = sent, .candidate = 2, .job = 2, .level = TRACKING_FULL},
        {.sent_at = sent, .candidate = 2, .job = 0, .level = TRACKING_FULL},
    };
    history_register(&history, mails, 5);
    give_jobs(&history, fixture->arena);
    struct candidate_filter filter = {
        .organization_id = organization, .jobs_of = MANAGER, .low = SCORE_UNKNOWN, .high = 100};
    assert_done(candidates_list(fixture->db, &filter, 10, fixture->arena, &candidates, &count, err));
    assert_int_equal(count, 2);
    assert_true(slice_equal(candidates[0].external_id, SLICE("candidate-1")));
    assert_true(slice_equal(candidates[1].external_id, SLICE("candidate-0")));
    assert_done(candidates_figures(fixture->db, organization, MANAGER, &candidates[1].id, 1, &figures, err));
    assert_int_equal(figures.figures.sums.sent, 1);
    assert_done(
        candidates_get(fixture->db, organization, MANAGER, SLICE("candidate-0"), fixture->arena, &candidate, err));
    assert_fails(ERR_NOT_FOUND, candidates_get(fixture->db, organization, MANAGER, SLICE("candidate-2"), fixture->arena,
                                               &candidate, err));
    for (int i = 0; i < 5; i++) {
        int result = emails_get(fixture->db, organization, MANAGER, mails[i].id, fixture->arena, &email, NULL);
        assert_int_equal(result, mails[i].job % 2 ? 0 : -ERR_NOT_FOUND);
    }
    /* Somebody without jobs sees nothing, rather than everything. */
    filter.jobs_of = MANAGER + 1;
    assert_done(candidates_list(fixture->db, &filter, 10, fixture->arena, &candidates, &count, err));
    assert_int_equal(count, 0);
    history_end(&history);
}

/* ---- consent ---- */

static enum tracking_level level_now(struct history *history, const struct mail *mail) {
    struct arena *arena = arena_new();
    struct email_view email;
    assert_done(emails_get(history->db, history->organization_id, 0, mail->id, arena, &email, err));
    arena_free(arena);
    return email.stats.tracking_now;
}

static void set_candidate(struct history *history, const char *candidate, bool known, enum tracking_level level,
                          size_t expected) {
    int64_t candidate_id;
    size_t emails = 0;
    assert_done(db_begin(history->db, DB_WRITE, err));
    assert_done(consent_set_candidate(history->db, history->organization_id, slice_cstr(candidate),
                                      (struct consent){.known = known, .level = level}, clock_now(), &candidate_id,
                                      &emails, err));
    assert_done(db_commit(history->db, err));
    assert_int_equal(emails, expected);
}

static void set_campaign(struct history *history, const char *campaign, bool known, enum tracking_level level,
                         size_t portion, size_t expected) {
    struct consent_position position = {0};
    int64_t id = 0;
    size_t emails = 0, part = portion;
    assert_done(db_begin(history->db, DB_WRITE, err));
    assert_done(consent_set_campaign(history->db, history->organization_id, slice_cstr(campaign),
                                     (struct consent){.known = known, .level = level}, clock_now(), &id, err));
    assert_done(db_commit(history->db, err));
    while (part == portion) {
        assert_done(db_begin(history->db, DB_WRITE, err));
        assert_done(consent_carry_campaign(history->db, history->organization_id, id, portion, &position, &part, err));
        assert_done(db_commit(history->db, err));
        emails += part;
    }
    assert_int_equal(emails, expected);
}

static void an_objection_reaches_emails_sent_before(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct history history;
    history_begin(&history, fixture, "UTC");
    struct mail mails[20];
    for (int i = 0; i < 20; i++)
        mails[i] = (struct mail){.sent_at = at("2026-02-01T08:00:00Z") + i % 4 * DAY_MS,
                                 .candidate = i % 2,
                                 .campaign = i % 3,
                                 .level = TRACKING_FULL};
    history_register(&history, mails, 20);
    set_campaign(&history, "campaign-1", true, TRACKING_CLICKS, 3, 7);
    for (int i = 0; i < 20; i++)
        assert_int_equal(level_now(&history, &mails[i]), i % 3 == 1 ? TRACKING_CLICKS : TRACKING_FULL);
    set_candidate(&history, "candidate-1", true, TRACKING_NONE, 10);
    for (int i = 0; i < 20; i++)
        assert_int_equal(level_now(&history, &mails[i]), i % 2 == 1   ? TRACKING_NONE
                                                         : i % 3 == 1 ? TRACKING_CLICKS
                                                                      : TRACKING_FULL);
    /* Opens that come now leave no trace; taking the answer back gives the campaign's level again. */
    const struct happening open = {.mail = &mails[1], .type = EVENT_OPEN, .at = mails[1].sent_at + 1000};
    history_apply(&history, &open, 1);
    assert_int_equal(ask_int(fixture->db, "SELECT COUNT(*) FROM email_engagement_events"), 0);
    set_candidate(&history, "candidate-1", false, TRACKING_NONE, 10);
    set_campaign(&history, "campaign-1", false, TRACKING_NONE, 1000, 7);
    for (int i = 0; i < 20; i++)
        assert_int_equal(level_now(&history, &mails[i]), TRACKING_FULL);
    history_apply(&history, &open, 1);
    assert_int_equal(ask_int(fixture->db, "SELECT COUNT(*) FROM email_engagement_events"), 1);
    history_end(&history);
}

static void an_objection_may_come_before_the_first_email(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct history history;
    history_begin(&history, fixture, "UTC");
    set_candidate(&history, "candidate-5", true, TRACKING_NONE, 0);
    set_campaign(&history, "campaign-5", true, TRACKING_CLICKS, 10, 0);
    struct mail mails[] = {
        {.sent_at = at("2026-02-01T08:00:00Z"), .candidate = 5, .level = TRACKING_FULL},
        {.sent_at = at("2026-02-01T08:00:00Z"), .candidate = 6, .campaign = 5, .level = TRACKING_FULL},
    };
    history_register(&history, mails, 2);
    assert_int_equal(level_now(&history, &mails[0]), TRACKING_NONE);
    assert_int_equal(level_now(&history, &mails[1]), TRACKING_CLICKS);
    history_end(&history);
}

static void without_an_answer_opt_in_records_nothing(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct history history;
    history_begin(&history, fixture, "UTC");
    run_sql(fixture->db, "UPDATE organizations SET consent_mode = 1");
    set_candidate(&history, "candidate-1", true, TRACKING_FULL, 0);
    struct mail mail = {.sent_at = at("2026-02-01T08:00:00Z"), .candidate = 1, .level = TRACKING_FULL};
    history_register(&history, &mail, 1);
    assert_int_equal(level_now(&history, &mail), TRACKING_FULL);
    set_candidate(&history, "candidate-1", false, TRACKING_NONE, 1);
    assert_int_equal(level_now(&history, &mail), TRACKING_NONE);
    history_end(&history);
}

int main(void) {
    struct CMUnitTest tests[] = {
        contract_test(pages_hold_every_email_once),
        contract_test(an_unknown_id_gives_no_emails),
        contract_test(one_email_comes_with_all_that_belongs_to_it),
        contract_test(candidates_come_with_their_figures),
        contract_test(figures_of_a_page_are_those_of_each),
        contract_test(a_manager_sees_candidates_of_own_jobs),
        contract_test(an_objection_reaches_emails_sent_before),
        contract_test(an_objection_may_come_before_the_first_email),
        contract_test(without_an_answer_opt_in_records_nothing),
    };
    return run_contract(tests, sizeof(tests) / sizeof(tests[0]));
}
