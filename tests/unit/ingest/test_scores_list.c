/* Lists of candidates by score against a naive sort, and scores of a database from before there were any. */
#include "tests/unit/ingest/scores_support.h"

#include "store/users.h"
#include "tests/unit/store/undo.h"

/* ---- lists ---- */

struct listed {
    int64_t id, job, score, sender, recency, replied;
};

static int compare_best(const void *left, const void *right) {
    const struct listed *a = left, *b = right;
    if (a->score != b->score) return a->score > b->score ? -1 : 1;
    return (a->id < b->id) - (a->id > b->id);
}

static int compare_newest(const void *left, const void *right) {
    const struct listed *a = left, *b = right;
    return (a->id < b->id) - (a->id > b->id);
}

static void check_list(struct fixture *fixture, struct candidate_filter filter, const struct listed *all,
                       size_t count) {
    struct listed expected[100];
    size_t wanted = 0, seen = 0;
    for (size_t i = 0; i < count; i++)
        if (all[i].score >= filter.low && all[i].score <= filter.high &&
            (filter.job_id == REPORT_ANY || all[i].job == filter.job_id) &&
            (filter.sender_id == REPORT_ANY || all[i].sender == filter.sender_id) &&
            (filter.recency_below == 0 || all[i].recency < filter.recency_below) &&
            (filter.reply == CANDIDATE_REPLY_ANY || all[i].replied == (filter.reply == CANDIDATE_REPLIED)))
            expected[wanted++] = all[i];
    qsort(expected, wanted, sizeof(*expected), filter.sort == CANDIDATES_NEWEST ? compare_newest : compare_best);
    for (size_t page = 1;; page = page % 4 + 1) {
        struct candidate_view *candidates;
        size_t found;
        assert_done(candidates_list(fixture->db, &filter, page, fixture->arena, &candidates, &found, err));
        for (size_t i = 0; i < found; i++, seen++) {
            assert_true(seen < wanted);
            const struct listed *want = &expected[filter.sort == CANDIDATES_WORST_SCORE ? wanted - 1 - seen : seen];
            assert_int_equal(candidates[i].id, want->id);
            assert_int_equal(candidates[i].score, want->score);
        }
        if (found < page) break;
        filter.has_after = true;
        filter.after_id = candidates[found - 1].id;
        filter.after_score = candidates[found - 1].score;
    }
    assert_int_equal(seen, wanted);
}

static void lists_by_score(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct history history, other;
    struct mail mails[90];
    struct listed all[100];
    size_t count = 0;
    uint64_t dice = 99;
    history_begin(&other, fixture, "UTC"); /* another organization's candidates are never among them */
    history_begin(&history, fixture, "UTC");
    for (int i = 0; i < 90; i++)
        mails[i] = (struct mail){.sent_at = clock_now() - 3 * DAY_MS,
                                 .candidate = i / 3,
                                 .job = 1 + i / 3 % 3,
                                 .sender = 1 + i / 3 % 4,
                                 .level = i % 17 ? TRACKING_FULL : TRACKING_NONE};
    history_register(&history, mails, 90);
    history_register(&other, &(struct mail){.sent_at = clock_now(), .candidate = 1, .job = 1, .level = TRACKING_FULL},
                     1);
    for (int i = 0; i < 20; i++)
        random_happenings(&history, mails, 90, &dice);
    refresh_all(fixture->db);
    static const struct statement select = {
        .name = "all",
        .sql = "SELECT k.candidate_id, j.job_id, k.score, s.sender_id, k.recency, k.replied FROM candidate_scores k"
               " JOIN candidate_jobs j ON j.candidate_id = k.candidate_id AND j.organization_id = k.organization_id"
               " JOIN candidate_senders s ON s.candidate_id = k.candidate_id AND s.organization_id = k.organization_id"
               " WHERE k.organization_id = $1"};
    struct db_rows *rows;
    assert_done(db_query(fixture->db, &select, DB_VALUES(db_int(history.organization_id)), &rows, err));
    for (int more; (more = db_next(rows, NULL)) != 0; count++) {
        assert_int_equal(more, 1);
        all[count] = (struct listed){db_column_int(rows, 0), db_column_int(rows, 1), db_column_int(rows, 2),
                                     db_column_int(rows, 3), db_column_int(rows, 4), db_column_int(rows, 5)};
    }
    db_rows_free(rows);
    assert_int_equal(count, 30);
    static const int ranges[][2] = {{-1, 100}, {-1, -1}, {0, 39}, {40, 74}, {75, 100}};
    for (enum candidate_sort sort = CANDIDATES_NEWEST; sort <= CANDIDATES_WORST_SCORE; sort++)
        for (size_t range = 0; range < 5; range++)
            for (int job = 0; job < 4; job++)
                check_list(fixture,
                           (struct candidate_filter){.organization_id = history.organization_id,
                                                     .sort = sort,
                                                     .job_id = job == 0 ? REPORT_ANY : all[job - 1].job,
                                                     .low = ranges[range][0],
                                                     .high = ranges[range][1]},
                           all, count);
    for (enum candidate_sort sort = CANDIDATES_NEWEST; sort <= CANDIDATES_WORST_SCORE; sort++)
        for (int choice = 0; choice < 3 * 4 * 3 * 2; choice++)
            check_list(
                fixture,
                (struct candidate_filter){.organization_id = history.organization_id,
                                          .sort = sort,
                                          .reply = (enum candidate_reply)(choice % 3),
                                          .recency_below = choice / 3 % 4,
                                          .sender_id = choice / 12 % 3 == 0 ? REPORT_ANY : all[choice / 12 % 3].sender,
                                          .job_id = choice / 36 == 0 ? REPORT_ANY : all[1].job,
                                          .low = SCORE_UNKNOWN,
                                          .high = 100},
                all, count);
    history_end(&history);
    history_end(&other);
}

/* ---- of a hiring manager's jobs ---- */

#define MANAGER 77

static void job_ids(struct history *history, int64_t jobs[4], struct arena *arena) {
    for (int i = 1; i < 4; i++)
        assert_done(reports_find(history->db, history->organization_id, REPORT_JOB,
                                 slice_cstr(arena_printf(arena, "job-%d", i)), &jobs[i], err));
}

/* `expected`: the numbers of the candidates in their order, ended by -1. One a page. */
static void assert_listed(struct fixture *fixture, struct candidate_filter filter, const int *expected) {
    for (int n = 0;; n++) {
        struct candidate_view *candidates;
        size_t count;
        char name[40];
        assert_done(candidates_list(fixture->db, &filter, 1, fixture->arena, &candidates, &count, err));
        assert_int_equal(count, expected[n] >= 0);
        if (count == 0) break;
        snprintf(name, sizeof(name), "candidate-%d", expected[n]);
        assert_true(slice_equal(candidates[0].external_id, slice_cstr(name)));
        filter.has_after = true;
        filter.after_id = candidates[0].id;
        filter.after_score = candidates[0].score;
    }
}

/* A manager of jobs 1 and 3. Candidate 0 has emails about jobs 1 and 2, 1 about job 3, 2 about job 2 and none. */
static void a_manager_lists_own_jobs_only(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct history history;
    int64_t now = clock_now(), jobs[4] = {REPORT_ANY};
    history_begin(&history, fixture, "UTC");
    struct mail mails[] = {
        {.sent_at = now - DAY_MS, .candidate = 0, .job = 1, .level = TRACKING_FULL},
        {.sent_at = now - DAY_MS, .candidate = 0, .job = 2, .level = TRACKING_FULL},
        {.sent_at = now - DAY_MS, .candidate = 1, .job = 3, .level = TRACKING_FULL},
        {.sent_at = now - DAY_MS, .candidate = 2, .job = 2, .level = TRACKING_FULL},
        {.sent_at = now - DAY_MS, .candidate = 2, .job = 0, .level = TRACKING_FULL},
    };
    history_register(&history, mails, 5);
    const struct happening happenings[] = {
        {.mail = &mails[2], .type = EVENT_REPLY, .at = now - HOUR_MS},
        {.mail = &mails[3], .type = EVENT_OPEN, .at = now - HOUR_MS},
    };
    history_apply(&history, happenings, 2); /* 0: 0, 1: 100, 2: 45 */
    refresh_all(fixture->db);
    job_ids(&history, jobs, fixture->arena);
    assert_done(db_begin(history.db, DB_WRITE, err));
    assert_done(user_jobs_set(history.db, history.organization_id, MANAGER, (int64_t[]){jobs[1], jobs[3]}, 2, err));
    assert_done(db_commit(history.db, err));
    static const struct {
        int job;
        enum candidate_sort sort;
        int32_t low;
        int manager[4], all[4];
    } cases[] = {
        {0, CANDIDATES_NEWEST, -1, {1, 0, -1}, {2, 1, 0, -1}},
        {0, CANDIDATES_BEST_SCORE, -1, {1, 0, -1}, {1, 2, 0, -1}},
        {0, CANDIDATES_WORST_SCORE, -1, {0, 1, -1}, {0, 2, 1, -1}},
        {0, CANDIDATES_NEWEST, 40, {1, -1}, {2, 1, -1}},
        {0, CANDIDATES_BEST_SCORE, 40, {1, -1}, {1, 2, -1}},
        {1, CANDIDATES_BEST_SCORE, -1, {0, -1}, {0, -1}},
        {2, CANDIDATES_NEWEST, -1, {-1}, {2, 0, -1}}, /* that candidate 0 has it too is not the manager's to know */
        {2, CANDIDATES_BEST_SCORE, -1, {-1}, {2, 0, -1}},
        {2, CANDIDATES_WORST_SCORE, -1, {-1}, {0, 2, -1}},
        {3, CANDIDATES_WORST_SCORE, -1, {1, -1}, {1, -1}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct candidate_filter filter = {.organization_id = history.organization_id,
                                          .sort = cases[i].sort,
                                          .job_id = jobs[cases[i].job],
                                          .low = cases[i].low,
                                          .high = 100};
        assert_listed(fixture, filter, cases[i].all);
        filter.jobs_of = MANAGER;
        assert_listed(fixture, filter, cases[i].manager);
        filter.jobs_of = MANAGER + 1; /* without jobs */
        assert_listed(fixture, filter, (const int[]){-1});
    }
    history_end(&history);
}

/* ---- a database from before ---- */

static void an_older_database(void **state) {
    struct fixture *fixture = fixture_of(state);
    struct history history;
    struct mail mails[30];
    uint64_t dice = 7;
    history_begin(&history, fixture, "UTC");
    for (int i = 0; i < 30; i++)
        mails[i] = (struct mail){
            .sent_at = clock_now() - i * DAY_MS, .candidate = i % 7, .job = i % 3, .level = TRACKING_FULL};
    history_register(&history, mails, 30);
    for (int i = 0; i < 10; i++)
        random_happenings(&history, mails, 30, &dice);
    refresh_all(fixture->db);
    int64_t sum = ask_int(fixture->db, "SELECT sum(score * candidate_id) FROM candidate_scores");
    undo_migrations(fixture->db, 6);
    history_end(&history);
    fixture->db = store_writer_close(fixture->store, fixture->db);
    fixture->store = store_close(fixture->store);
    assert_done(open_store(fixture->url, &fixture->store, err));
    assert_done(store_writer(fixture->store, &fixture->db, err));
    assert_verified(fixture->store, "just migrated", 0, NULL);
    refresh_all(fixture->db);
    assert_verified(fixture->store, "migrated and looked at", 0, NULL);
    assert_true(sum != 0);
    assert_int_equal(ask_int(fixture->db, "SELECT sum(score * candidate_id) FROM candidate_scores"), sum);
}

int main(void) {
    struct CMUnitTest tests[] = {contract_test(lists_by_score), contract_test(a_manager_lists_own_jobs_only),
                                 contract_test(an_older_database)};
    return run_contract(tests, sizeof(tests) / sizeof(tests[0]));
}
