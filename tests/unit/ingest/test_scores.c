/* The stored scores: whatever happens in whatever order, and however time passes, a score is what its emails give, or a
 * mark or its next look says that it is about to be. */
#include "tests/unit/ingest/scores_support.h"

#include <pthread.h>

#include "base/timezone.h"
#include "ingest/writer.h"
#include "store/consent.h"
#include "store/organizations.h"
#include "store/purge.h"

static void set_consent(struct history *history, int number, bool known, enum tracking_level level) {
    char name[40];
    int64_t candidate_id;
    size_t emails;
    snprintf(name, sizeof(name), "candidate-%d", number);
    assert_done(db_begin(history->db, DB_WRITE, err));
    assert_done(consent_set_candidate(history->db, history->organization_id, slice_cstr(name),
                                      (struct consent){.known = known, .level = level}, clock_now(), &candidate_id,
                                      &emails, err));
    assert_done(db_commit(history->db, err));
}

static void change_organization(struct history *history, struct arena *arena, enum tracking_level tracking,
                                const struct score_policy *policy) {
    struct organization organization;
    assert_done(db_begin(history->db, DB_WRITE, err));
    assert_done(organization_load(history->db, history->organization_id, arena, &organization, err));
    organization.tracking = tracking;
    organization.score = *policy;
    assert_done(organization_update(history->db, &organization, clock_now(), err));
    assert_done(db_commit(history->db, err));
}

/* ---- one after the other ---- */

static void what_changes_a_score(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct history history;
    struct score_policy policy = score_policy_default();
    int64_t now = clock_now();
    history_begin(&history, fixture, "Europe/Berlin");
    struct mail mails[] = {
        {.sent_at = now - 2 * DAY_MS, .candidate = 1, .job = 1, .level = TRACKING_FULL},
        {.sent_at = now - 3 * DAY_MS, .candidate = 1, .job = 2, .campaign = 1, .level = TRACKING_FULL},
        {.sent_at = now - 100 * DAY_MS, .candidate = 2, .job = 1, .level = TRACKING_FULL},
        {.sent_at = now - 1 * DAY_MS, .candidate = 3, .job = 1, .level = TRACKING_NONE},
    };
    history_register(&history, mails, 4);
    refresh_all(fixture->db);
    assert_int_equal(score_of_candidate(fixture, &history, 1), 0);
    assert_int_equal(score_of_candidate(fixture, &history, 2), SCORE_UNKNOWN);
    assert_int_equal(score_of_candidate(fixture, &history, 3), SCORE_UNKNOWN);

    /* Events, early and late; of old emails they count for nothing. */
    const struct happening opened = {.mail = &mails[0], .type = EVENT_OPEN, .at = now - HOUR_MS};
    const struct happening clicked = {
        .mail = &mails[1], .type = EVENT_CLICK, .at = now - 2 * DAY_MS, .url = "https://a.example/"};
    const struct happening old = {
        .mail = &mails[2], .type = EVENT_CLICK, .at = now - HOUR_MS, .url = "https://a.example/"};
    const struct happening answered = {.mail = &mails[3], .type = EVENT_REPLY, .at = now - HOUR_MS};
    history_apply(&history, &opened, 1);
    assert_int_equal(score_of_candidate(fixture, &history, 1), 0); /* until somebody looks */
    assert_int_equal(refresh_some(fixture->db, 10), 1);
    assert_int_equal(score_of_candidate(fixture, &history, 1), 45);
    history_apply(&history, &clicked, 1);
    history_apply(&history, &old, 1);
    history_apply(&history, &answered, 1);
    refresh_all(fixture->db);
    assert_int_equal(score_of_candidate(fixture, &history, 1), 65);
    assert_int_equal(score_of_candidate(fixture, &history, 2), SCORE_UNKNOWN);
    assert_int_equal(score_of_candidate(fixture, &history, 3), 100);

    /* Consent: of the person, of the campaign; and taken back. */
    set_consent(&history, 1, true, TRACKING_CLICKS);
    refresh_all(fixture->db);
    assert_int_equal(score_of_candidate(fixture, &history, 1), 71); /* (30 + 20) of 70 */
    set_consent(&history, 1, false, TRACKING_NONE);
    int64_t campaign_id;
    struct consent_position position = {0};
    size_t carried;
    assert_done(db_begin(fixture->db, DB_WRITE, err));
    assert_done(consent_set_campaign(fixture->db, history.organization_id, SLICE("campaign-1"),
                                     (struct consent){.known = true, .level = TRACKING_NONE}, now, &campaign_id, err));
    assert_done(
        consent_carry_campaign(fixture->db, history.organization_id, campaign_id, 10, &position, &carried, err));
    assert_done(db_commit(fixture->db, err));
    assert_int_equal(carried, 1);
    refresh_all(fixture->db);
    assert_int_equal(score_of_candidate(fixture, &history, 1), 60); /* one email, opened */
    /* Somebody who objects before the first email has no score, but is listed. */
    set_consent(&history, 9, true, TRACKING_NONE);
    refresh_all(fixture->db);
    assert_int_equal(ask_int(fixture->db, "SELECT count(*) FROM candidate_scores"), 4);

    /* Settings: the organization's level, weights, off and on. */
    change_organization(&history, fixture->arena, TRACKING_CLICKS, &policy);
    refresh_all(fixture->db);
    assert_int_equal(score_of_candidate(fixture, &history, 1), 43); /* 30 of 70 */
    policy.recency[RECENCY_DAY] = 60;
    policy.opens = 0;
    change_organization(&history, fixture->arena, TRACKING_FULL, &policy);
    refresh_all(fixture->db);
    assert_int_equal(score_of_candidate(fixture, &history, 1), 60);
    assert_verified(fixture->store, "before scores are off", 0, NULL);
    policy.enabled = false;
    change_organization(&history, fixture->arena, TRACKING_FULL, &policy);
    refresh_all(fixture->db);
    assert_int_equal(ask_int(fixture->db, "SELECT count(*) FROM candidate_scores"), 0);
    assert_int_equal(ask_int(fixture->db, "SELECT count(*) FROM candidate_score_days"), 0);
    assert_int_equal(ask_int(fixture->db, "SELECT count(*) FROM candidate_jobs WHERE score = -1"), 4);
    assert_verified(fixture->store, "scores are off", 0, NULL);
    policy.enabled = true;
    change_organization(&history, fixture->arena, TRACKING_FULL, &policy);
    refresh_all(fixture->db);
    assert_int_equal(score_of_candidate(fixture, &history, 1), 60);
    assert_verified(fixture->store, "scores are on again", 0, NULL);
    history_end(&history);
}

/* ---- time ---- */

static void time_alone_changes_scores(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct history history;
    int64_t now = clock_now();
    struct score_day *days;
    size_t count;
    static const struct {
        int64_t after;
        int score;
    } steps[] = {{0, 60},           {DAY_MS - MINUTE_MS, 60},    {DAY_MS, 50}, {7 * DAY_MS, 40}, {30 * DAY_MS, 30},
                 {89 * DAY_MS, 30}, {90 * DAY_MS, SCORE_UNKNOWN}};
    history_begin(&history, fixture, "UTC");
    struct mail mail = {.sent_at = now, .candidate = 1, .job = 1, .level = TRACKING_FULL};
    history_register(&history, &mail, 1);
    history_apply(&history, &(struct happening){.mail = &mail, .type = EVENT_OPEN, .at = now}, 1);
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        bool pending;
        shift_clock(steps[i].after);
        assert_done(scores_pending(fixture->db, clock_now(), &pending, err));
        assert_int_equal(pending, i != 1 && i != 5);
        refresh_all(fixture->db);
        assert_int_equal(score_of_candidate(fixture, &history, 1), steps[i].score);
        assert_int_equal(ask_int(fixture->db, "SELECT score FROM candidate_jobs"), steps[i].score);
        assert_verified(fixture->store, "after time has passed", i, NULL);
    }
    shift_clock(0);
    int64_t candidate_id = ask_int(fixture->db, "SELECT candidate_id FROM candidate_scores");
    assert_done(
        scores_days(fixture->db, history.organization_id, candidate_id, 0, 100, fixture->arena, &days, &count, err));
    static const int expected[][2] = {{-1, 60}, {60, 50}, {50, 40}, {40, 30}, {30, -1}};
    assert_int_equal(count, 5);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(days[i].former, expected[i][0]);
        assert_int_equal(days[i].score, expected[i][1]);
    }
    assert_int_equal(days[1].day, now / DAY_MS + 1);
    /* Old days go, at most as many as asked for. */
    int64_t removed;
    assert_done(db_begin(fixture->db, DB_WRITE, err));
    assert_done(purge(fixture->db, PURGE_SCORE_DAYS, history.organization_id, now + 8 * DAY_MS, 2, &removed, err));
    assert_int_equal(removed, 2);
    assert_done(purge(fixture->db, PURGE_SCORE_DAYS, history.organization_id, now + 8 * DAY_MS, 2, &removed, err));
    assert_int_equal(removed, 1);
    assert_done(db_commit(fixture->db, err));
    assert_int_equal(ask_int(fixture->db, "SELECT count(*) FROM candidate_score_days"), 2);
    history_end(&history);
}

/* A day is one row, however often the score changes on it. */
static void one_row_a_day(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct history history;
    int64_t now = clock_now();
    history_begin(&history, fixture, "UTC");
    struct mail mail = {.sent_at = now - HOUR_MS, .candidate = 1, .level = TRACKING_FULL};
    history_register(&history, &mail, 1);
    refresh_all(fixture->db);
    history_apply(&history, &(struct happening){.mail = &mail, .type = EVENT_OPEN, .at = now}, 1);
    refresh_all(fixture->db);
    history_apply(&history, &(struct happening){.mail = &mail, .type = EVENT_REPLY, .at = now}, 1);
    refresh_all(fixture->db);
    int64_t rows = ask_int(fixture->db, "SELECT count(*) FROM candidate_score_days");
    if (timezone_day(SLICE("UTC"), now) == timezone_day(SLICE("UTC"), clock_now())) assert_int_equal(rows, 1);
    assert_int_equal(ask_int(fixture->db, "SELECT max(score) FROM candidate_score_days"), 100);
    assert_int_equal(ask_int(fixture->db, "SELECT min(former) FROM candidate_score_days"), -1);
    history_end(&history);
}

/* ---- own tracking ---- */

static void set_consent_by_email(struct history *history, const struct mail *mail, enum tracking_level level,
                                 enum consent_channel channel, int64_t recorded_at) {
    assert_done(db_begin(history->db, DB_WRITE, err));
    assert_done(consent_set_by_email(history->db, history->organization_id, mail->id,
                                     (struct consent){.known = true, .level = level}, channel, recorded_at, err));
    assert_done(db_commit(history->db, err));
}

/* What a provider tells of an email that we track ourselves is evidence, which is worth no point; and what a person
 * says on our pages holds for the score too. */
static void own_tracking_and_its_pages(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct history history;
    int64_t now = clock_now();
    history_begin(&history, fixture, "UTC");
    struct mail mails[] = {
        {.sent_at = now - 2 * DAY_MS, .candidate = 1, .job = 1, .level = TRACKING_FULL},
        {.sent_at = now - 3 * DAY_MS, .candidate = 1, .job = 1, .level = TRACKING_FULL},
    };
    history_register(&history, mails, 2);
    refresh_all(fixture->db);
    run_sql(fixture->db, "UPDATE email_stats SET own_tracking = 3");
    const struct happening told[] = {
        {.mail = &mails[0], .type = EVENT_OPEN, .at = now - HOUR_MS},
        {.mail = &mails[0], .type = EVENT_CLICK, .at = now - HOUR_MS, .url = "https://a.example/"},
        {.mail = &mails[1], .type = EVENT_OPEN, .at = now - HOUR_MS, .machine = true},
    };
    history_apply(&history, told, 3);
    assert_int_equal(ask_int(fixture->db, "SELECT count(*) FROM email_engagement_events WHERE verdict = 3"), 3);
    assert_int_equal(ask_int(fixture->db, "SELECT count(*) FROM score_marks"), 0);
    refresh_all(fixture->db);
    assert_int_equal(score_of_candidate(fixture, &history, 1), 0);
    assert_verified(fixture->store, "evidence", 0, NULL);

    history_apply(&history, &(struct happening){.mail = &mails[0], .type = EVENT_REPLY, .at = now - HOUR_MS}, 1);
    refresh_all(fixture->db);
    assert_int_equal(score_of_candidate(fixture, &history, 1), 65);
    set_consent_by_email(&history, &mails[1], TRACKING_NONE, CONSENT_UNSUBSCRIBE, now + 1);
    assert_verified(fixture->store, "unsubscribed", 0, NULL);
    refresh_all(fixture->db);
    assert_int_equal(score_of_candidate(fixture, &history, 1), 100); /* of the reply alone */
    set_consent_by_email(&history, &mails[1], TRACKING_CLICKS, CONSENT_PREFERENCE_PAGE, now + 2);
    refresh_all(fixture->db);
    assert_int_equal(score_of_candidate(fixture, &history, 1), 80);
    assert_verified(fixture->store, "a choice on the page", 0, NULL);
    history_end(&history);
}

/* ---- in any order ---- */

#define RANDOM_MAILS 40

static void random_step(struct fixture *fixture, struct history *history, struct mail *mails, int *registered,
                        int64_t *clock, uint64_t *dice) {
    struct score_policy policy = score_policy_default();
    switch (history_pick(dice, 9)) {
    case 0:
    case 1:
        if (*registered == RANDOM_MAILS) break;
        mails[*registered] = (struct mail){.sent_at = clock_now() - (int64_t)history_pick(dice, 95) * DAY_MS,
                                           .candidate = history_pick(dice, 8),
                                           .job = history_pick(dice, 3),
                                           .level = (enum tracking_level)(3 - history_pick(dice, 5) / 2)};
        history_register(history, &mails[(*registered)++], 1);
        break;
    case 2:
    case 3:
    case 4:
        if (*registered > 0) random_happenings(history, mails, *registered, dice);
        break;
    case 5:
        set_consent(history, history_pick(dice, 9), history_pick(dice, 2), (enum tracking_level)history_pick(dice, 4));
        break;
    case 6:
        if (history_pick(dice, 3) > 0) break;
        policy.enabled = history_pick(dice, 4) > 0;
        if (history_pick(dice, 2)) policy.opens = 40, policy.clicks = 30;
        change_organization(history, fixture->arena, history_pick(dice, 4) ? TRACKING_FULL : TRACKING_CLICKS, &policy);
        break;
    case 7:
        *clock += (int64_t)history_pick(dice, 40) * 12 * HOUR_MS;
        shift_clock(*clock);
        break;
    default:
        refresh_some(fixture->db, 1 + (size_t)history_pick(dice, 5));
    }
}

static void any_order(void **state) {
    struct fixture *fixture = fixture_of(state);
    int64_t clock = 0, compared = 0;
    for (uint64_t seed = 1; seed <= 25; seed++) {
        struct history history;
        struct mail mails[RANDOM_MAILS];
        uint64_t dice = seed * 0x9E3779B97F4A7C15ULL + 1;
        int registered = 0;
        int64_t scores;
        history_begin(&history, fixture, "UTC");
        for (int step = 0; step < 60; step++) {
            random_step(fixture, &history, mails, &registered, &clock, &dice);
            if (step % 20 == 10) assert_verified(fixture->store, "in between", seed, NULL);
        }
        refresh_all(fixture->db);
        assert_verified(fixture->store, "in the end", seed, &scores);
        assert_true(scores >= ask_int(fixture->db, "SELECT count(*) FROM candidate_scores"));
        compared += scores;
        history_end(&history);
        clock += 20 * DAY_MS;
        shift_clock(clock); /* also for the organizations before */
    }
    assert_true(compared > 1000);
    shift_clock(0);
}

/* Each kind of wrong figure is found. */
static void what_is_wrong_is_found(void **state) {
    static const char *const faults[] = {
        "UPDATE candidate_scores SET score = 99 WHERE score = 0",
        "DELETE FROM candidate_scores WHERE score = 0",
        "UPDATE candidate_scores SET next_look_at = NULL",
        "UPDATE candidate_jobs SET score = 50",
        "DELETE FROM candidate_jobs",
        "UPDATE email_stats SET last_human_at = 5",
    };
    struct fixture *fixture = fixture_of(state);
    struct history history;
    history_begin(&history, fixture, "UTC");
    struct mail mail = {.sent_at = clock_now() - DAY_MS, .candidate = 1, .job = 1, .level = TRACKING_FULL};
    history_register(&history, &mail, 1);
    refresh_all(fixture->db);
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        struct verify_report report = {0};
        assert_verified(fixture->store, "before the fault", i, NULL);
        run_sql(fixture->db, faults[i]);
        assert_done(verify_counters(fixture->store, NULL, &report, err));
        assert_true(report.differences > 0);
        if (i == 5) break;
        /* A mark makes it right again, as every change does. */
        assert_done(db_begin(fixture->db, DB_WRITE, err));
        assert_done(scores_mark_emails(fixture->db, history.organization_id, &mail.id, 1, err));
        if (i == 3) run_sql(fixture->db, "DELETE FROM candidate_jobs");
        assert_done(db_commit(fixture->db, err));
        assert_verified(fixture->store, "marked", i, NULL);
        refresh_all(fixture->db);
    }
    history_end(&history);
}

/* ---- many at once ---- */

#define CROWD_MAILS   300
#define CROWD_BATCHES 60

struct crowd {
    struct writer *writer;
    struct fixture *fixture;
    struct history *history;
    struct mail *mails;
    uint64_t seed;
    _Atomic int done;
    _Atomic int current; /* refreshes that were completed */
};

static void batch_done(struct event_batch *batch, int result, const struct err *err) {
    struct crowd *crowd = batch->context;
    if (result < 0) fprintf(stderr, "%s\n", err->text);
    if (result == 0) atomic_fetch_add(&crowd->done, 1);
    event_batch_free(batch);
}

static void *send_batches(void *argument) {
    struct crowd *crowd = argument;
    uint64_t dice = crowd->seed;
    for (int n = 0; n < CROWD_BATCHES; n++) {
        struct arena *arena = arena_new();
        struct event *events = arena_alloc_array(arena, 20, sizeof(*events));
        for (int i = 0; i < 20; i++) {
            static const enum event_type types[] = {EVENT_OPEN, EVENT_CLICK, EVENT_REPLY};
            events[i] = (struct event){
                .type = types[history_pick(&dice, 3)],
                .occurred_at = clock_now() - (int64_t)history_pick(&dice, 40 * 24) * HOUR_MS,
                .email_log_id = crowd->mails[history_pick(&dice, CROWD_MAILS)].id,
                .link_position = LINK_POSITION_NONE,
            };
        }
        struct event_batch *batch = event_batch_new(arena, events, 20, crowd->history->organization_id, 0, clock_now(),
                                                    crowd->history->hash_key);
        batch->done = batch_done;
        batch->context = crowd;
        struct err err = {0};
        if (writer_submit(crowd->writer, batch, &err) < 0) BUG("%s", err.text);
        if (n % 10 == 5 && writer_refresh_scores(crowd->writer, 20000)) atomic_fetch_add(&crowd->current, 1);
    }
    return NULL;
}

static void many_at_once(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct history history;
    struct mail mails[CROWD_MAILS];
    struct metrics metrics = {0};
    history_begin(&history, fixture, "UTC");
    for (int i = 0; i < CROWD_MAILS; i++)
        mails[i] = (struct mail){
            .sent_at = clock_now() - i % 80 * DAY_MS, .candidate = i % 40, .job = i % 3, .level = TRACKING_FULL};
    history_register(&history, mails, CROWD_MAILS);
    struct writer_options options = {.store = fixture->store,
                                     .threads = 3,
                                     .queue_events_max = 100000,
                                     .queue_jobs_max = 100,
                                     .group_events_max = 100,
                                     .metrics = &metrics};
    struct crowd crowds[4];
    pthread_t threads[4];
    struct writer *writer;
    assert_done(writer_start(&options, &writer, err));
    for (int i = 0; i < 4; i++) {
        crowds[i] = (struct crowd){
            .writer = writer, .fixture = fixture, .history = &history, .mails = mails, .seed = 77 + (uint64_t)i};
        assert_int_equal(pthread_create(&threads[i], NULL, send_batches, &crowds[i]), 0);
    }
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    writer_stop(writer); /* writes what waits */
    writer_free(writer);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(crowds[i].done, CROWD_BATCHES);
        assert_int_equal(crowds[i].current, CROWD_BATCHES / 10);
    }
    assert_verified(fixture->store, "many at once", 0, NULL);
    refresh_all(fixture->db);
    int64_t scores;
    assert_verified(fixture->store, "many at once, looked at", 0, &scores);
    assert_int_equal(scores, 40);
    history_end(&history);
}

/* The writer brings scores up to date by itself, and at once for who asks. */
static void the_writer_looks_by_itself(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct history history;
    struct metrics metrics = {0};
    struct writer *writer;
    struct writer_options options = {.store = fixture->store,
                                     .threads = 2,
                                     .queue_events_max = 1000,
                                     .queue_jobs_max = 10,
                                     .group_events_max = 100,
                                     .metrics = &metrics};
    history_begin(&history, fixture, "UTC");
    struct mail mail = {.sent_at = clock_now(), .candidate = 1, .level = TRACKING_FULL};
    history_register(&history, &mail, 1);
    history_apply(&history, &(struct happening){.mail = &mail, .type = EVENT_OPEN, .at = clock_now()}, 1);
    assert_int_equal(score_of_candidate(fixture, &history, 1), SCORE_UNKNOWN);
    assert_done(writer_start(&options, &writer, err));
    assert_true(writer_refresh_scores(writer, 20000));
    assert_int_equal(score_of_candidate(fixture, &history, 1), 60);
    shift_clock(DAY_MS + HOUR_MS);
    bool pending = true;
    for (int64_t until = clock_monotonic_us() + 20000000; pending && clock_monotonic_us() < until;)
        assert_done(scores_pending(fixture->db, clock_now(), &pending, err));
    assert_false(pending);
    assert_int_equal(score_of_candidate(fixture, &history, 1), 50);
    shift_clock(0);
    writer_free(writer);
    history_end(&history);
}

int main(void) {
    struct CMUnitTest tests[] = {
        contract_test(what_changes_a_score),
        contract_test(time_alone_changes_scores),
        contract_test(one_row_a_day),
        contract_test(own_tracking_and_its_pages),
        contract_test(any_order),
        contract_test(what_is_wrong_is_found),
        contract_test(many_at_once),
        contract_test(the_writer_looks_by_itself),
    };
    return run_contract(tests, sizeof(tests) / sizeof(tests[0]));
}
