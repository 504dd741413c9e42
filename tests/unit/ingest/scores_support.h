/* scores_support: what the tests of stored scores share. */
#ifndef INKLING_TESTS_SCORES_SUPPORT_H
#define INKLING_TESTS_SCORES_SUPPORT_H

#include "tests/unit/store/history.h"

#include "ingest/scores.h"
#include "ingest/verify.h"
#include "store/candidates.h"

static inline int64_t refresh_some(struct db *db, size_t limit) {
    size_t looked = 0;
    assert_done(db_begin(db, DB_WRITE, err));
    assert_done(scores_refresh(db, NULL, clock_now(), limit, &looked, &(bool){false}, err));
    assert_done(db_commit(db, err));
    return (int64_t)looked;
}

static inline void refresh_all(struct db *db) {
    bool pending;
    for (int portions = 0; refresh_some(db, 7) > 0; portions++)
        assert_true(portions < 10000);
    assert_done(scores_pending(db, clock_now(), &pending, err));
    assert_false(pending);
}

static inline void shift_clock(int64_t ms) {
    char text[32];
    snprintf(text, sizeof(text), "%lld", (long long)ms);
    assert_int_equal(setenv("INKLING_CLOCK_OFFSET_MS", text, 1), 0);
    clock_init();
}

static inline void print_difference(void *context, const char *sentence) {
    fprintf(stderr, "%s\n", sentence);
}

/* *ret_scores (may be NULL): compared, which leaves out what is pending. */
static inline void assert_verified(struct store *store, const char *when, uint64_t seed, int64_t *ret_scores) {
    struct verify_report report = {0};
    const struct verify_observer observer = {.difference = print_difference};
    assert_done(verify_counters(store, &observer, &report, err));
    if (report.differences > 0) fail_msg("seed %llu, %s", (unsigned long long)seed, when);
    if (ret_scores) *ret_scores = report.scores;
}

static inline int64_t score_of_candidate(struct fixture *fixture, struct history *history, int number) {
    struct candidate_view candidate;
    char name[40];
    snprintf(name, sizeof(name), "candidate-%d", number);
    assert_done(
        candidates_get(fixture->db, history->organization_id, 0, slice_cstr(name), fixture->arena, &candidate, err));
    return candidate.score;
}

static inline void random_happenings(struct history *history, struct mail *mails, int registered, uint64_t *dice) {
    static const enum event_type types[] = {EVENT_OPEN,  EVENT_OPEN,   EVENT_CLICK,
                                            EVENT_REPLY, EVENT_BOUNCE, EVENT_DELIVERED};
    static const int64_t borders[] = {0, DAY_MS, 7 * DAY_MS, 30 * DAY_MS};
    struct happening happenings[12];
    int count = 1 + history_pick(dice, 12);
    for (int i = 0; i < count; i++) {
        enum event_type type = types[history_pick(dice, 6)];
        happenings[i] = (struct happening){
            .mail = &mails[history_pick(dice, registered)],
            .type = type,
            .machine = event_type_is_tracking(type) && history_pick(dice, 4) == 0,
            .bounce = type == EVENT_BOUNCE ? BOUNCE_HARD : BOUNCE_NONE,
            .at = clock_now() - borders[history_pick(dice, 4)] - (int64_t)history_pick(dice, 40) * HOUR_MS + HOUR_MS,
            .url = type == EVENT_CLICK ? "https://a.example/" : NULL,
        };
    }
    history_apply(history, happenings, (size_t)count);
}

#endif
