/* Every reading of semantics.md "Score", and every border to the millisecond. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "score/explain.h"
#include "score/score.h"

#include "base/banned.h"

#define NOW 1764000000000LL

/* An email sent `days` ago, tracked, to which nothing has happened. */
static struct email_stats email(int days) {
    struct email_stats stats;
    email_stats_init(&stats);
    stats.sent_at = NOW - days * DAY_MS;
    stats.tracking = stats.tracking_now = TRACKING_FULL;
    return stats;
}

static void happen(struct email_stats *stats, enum event_type type, bool machine, int64_t at) {
    struct link_stats link;
    link_stats_init(&link);
    counters_add(stats, type == EVENT_CLICK ? &link : NULL,
                 &(struct counted_event){.type = type,
                                         .verdict = machine ? VERDICT_MACHINE : VERDICT_HUMAN,
                                         .bounce = type == EVENT_BOUNCE ? BOUNCE_HARD : BOUNCE_NONE,
                                         .occurred_at = at});
}

static struct email_stats with(int days, enum event_type type, int64_t ago) {
    struct email_stats stats = email(days);
    happen(&stats, type, false, NOW - ago);
    return stats;
}

struct result {
    struct score_figures figures;
    struct score score;
};

static struct result score_at(const struct score_policy *policy, enum tracking_level organization,
                              const struct email_stats *emails, size_t count, int64_t now) {
    struct result result;
    score_figures_init(&result.figures);
    for (size_t i = 0; i < count; i++) {
        struct score_email one = score_email_of(&emails[i], organization);
        score_figures_add(&result.figures, &one, now);
    }
    result.score = score_of(policy, &result.figures, now);
    return result;
}

static struct result score_now(const struct email_stats *emails, size_t count) {
    const struct score_policy policy = score_policy_default();
    return score_at(&policy, TRACKING_FULL, emails, count, NOW);
}

static void assert_parts(const struct score *score, int recency, int opens, int clicks) {
    assert_int_equal(score->parts[SCORE_RECENCY].points, recency);
    assert_int_equal(score->parts[SCORE_OPENS].points, opens);
    assert_int_equal(score->parts[SCORE_CLICKS].points, clicks);
    assert_int_equal(score->value, recency + opens + clicks);
}

/* The specification's layout: 4 sent, 3 opened, 2 clicked two hours ago. */
static void the_example(void **state) {
    struct email_stats emails[] = {with(2, EVENT_OPEN, 2 * HOUR_MS), with(3, EVENT_OPEN, 2 * HOUR_MS),
                                   with(4, EVENT_OPEN, 3 * DAY_MS), email(5)};
    happen(&emails[0], EVENT_CLICK, false, NOW - 2 * HOUR_MS);
    happen(&emails[1], EVENT_CLICK, false, NOW - 2 * HOUR_MS);
    struct result result = score_now(emails, 4);
    assert_parts(&result.score, 30, 23, 20); /* 22.5 is rounded away from zero */
    assert_int_equal(result.score.level, SCORE_LEVEL_WARM);
    /* A reply counts its email as opened and clicked. */
    happen(&emails[3], EVENT_REPLY, false, NOW - HOUR_MS);
    result = score_now(emails, 4);
    assert_parts(&result.score, 30, 30, 30);
    assert_int_equal(result.score.level, SCORE_LEVEL_HOT);
    assert_int_equal(result.figures.replied, 1);
}

static void recency_borders(void **state) {
    static const struct {
        int64_t ago;
        int points;
    } cases[] = {
        {-HOUR_MS, 30},        {0, 30},          {DAY_MS - 1, 30}, {DAY_MS, 20}, {7 * DAY_MS - 1, 20}, {7 * DAY_MS, 10},
        {30 * DAY_MS - 1, 10}, {30 * DAY_MS, 0}, {60 * DAY_MS, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct email_stats opened = with(80, EVENT_OPEN, cases[i].ago);
        struct result result = score_now(&opened, 1);
        assert_parts(&result.score, cases[i].points, 30, 0);
    }
    struct email_stats replied = with(80, EVENT_REPLY, DAY_MS - 1), clicked = with(80, EVENT_CLICK, DAY_MS);
    struct result reply = score_now(&replied, 1), click = score_now(&clicked, 1);
    assert_parts(&reply.score, 30, 30, 40);
    assert_parts(&click.score, 20, 0, 40); /* a click is no open, as in the specification's SQL */
}

static void recency_looks_at_people_only(void **state) {
    static const enum event_type others[] = {
        EVENT_PROCESSED, EVENT_DELIVERED,   EVENT_DEFERRED,          EVENT_DROPPED,          EVENT_BOUNCE,
        EVENT_SPAM,      EVENT_UNSUBSCRIBE, EVENT_GROUP_UNSUBSCRIBE, EVENT_GROUP_RESUBSCRIBE};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        struct email_stats stats = with(3, others[i], HOUR_MS);
        struct result result = score_now(&stats, 1);
        assert_parts(&result.score, 0, 0, 0);
        assert_int_equal(result.score.level, SCORE_LEVEL_COLD);
    }
    /* The latest counts, whatever came first; a machine's later click does not. */
    struct email_stats stats = with(20, EVENT_OPEN, 2 * DAY_MS);
    happen(&stats, EVENT_OPEN, false, NOW - 9 * DAY_MS);
    happen(&stats, EVENT_CLICK, true, NOW - HOUR_MS);
    struct result result = score_now(&stats, 1);
    assert_parts(&result.score, 20, 30, 0);
}

static void the_window(void **state) {
    struct email_stats inside = with(0, EVENT_OPEN, HOUR_MS), outside = inside;
    inside.sent_at = NOW - SCORE_WINDOW_MS + 1;
    outside.sent_at = NOW - SCORE_WINDOW_MS;
    struct result in = score_now(&inside, 1), out = score_now(&outside, 1), none = score_now(NULL, 0);
    assert_parts(&in.score, 30, 30, 0);
    assert_int_equal(out.score.value, SCORE_UNKNOWN);
    assert_int_equal(out.score.level, SCORE_LEVEL_UNKNOWN);
    assert_int_equal(none.score.value, SCORE_UNKNOWN);
}

static void levels(void **state) {
    const struct score_policy policy = score_policy_default();
    static const enum score_level expected[] = {SCORE_LEVEL_COLD, SCORE_LEVEL_COLD, SCORE_LEVEL_WARM,
                                                SCORE_LEVEL_WARM, SCORE_LEVEL_HOT,  SCORE_LEVEL_HOT};
    static const int values[] = {0, 39, 40, 74, 75, 100};
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
        assert_int_equal(score_level_of(&policy, values[i]), expected[i]);
    assert_int_equal(score_level_of(&policy, SCORE_UNKNOWN), SCORE_LEVEL_UNKNOWN);
    for (int value = SCORE_UNKNOWN; value <= 100; value++) {
        int32_t low, high;
        enum score_level level = score_level_of(&policy, value), parsed;
        score_level_range(&policy, level, &low, &high);
        assert_true(low <= value && value <= high);
        assert_true(score_level_parse(slice_cstr(score_level_name(level)), &parsed));
        assert_int_equal(parsed, level);
    }
}

/* Real scores on both sides of the levels' borders. */
static void level_borders_by_emails(void **state) {
    static const struct {
        int emails, opened, clicked, value;
        enum score_level level;
    } cases[] = {
        {30, 9, 0, 39, SCORE_LEVEL_COLD},   /* 30 + 9 */
        {30, 10, 0, 40, SCORE_LEVEL_WARM},  /* 30 + 10 */
        {40, 40, 14, 74, SCORE_LEVEL_WARM}, /* 30 + 30 + 14 */
        {40, 40, 15, 75, SCORE_LEVEL_HOT},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct email_stats emails[40];
        for (int n = 0; n < cases[i].emails; n++) {
            emails[n] = email(1);
            if (n < cases[i].opened) happen(&emails[n], EVENT_OPEN, false, NOW - HOUR_MS);
            if (n < cases[i].clicked) happen(&emails[n], EVENT_CLICK, false, NOW - HOUR_MS);
        }
        struct result result = score_now(emails, (size_t)cases[i].emails);
        assert_int_equal(result.score.value, cases[i].value);
        assert_int_equal(result.score.level, cases[i].level);
    }
}

/* Halves go away from zero. Where the fraction does not end, PostgreSQL's decimal decides, as in the specification. */
static void rounding(void **state) {
    assert_int_equal(score_share(30, 1, 4), 8);   /* 7.5 */
    assert_int_equal(score_share(30, 1, 20), 2);  /* 1.5 */
    assert_int_equal(score_share(40, 1, 16), 3);  /* 2.5 */
    assert_int_equal(score_share(40, 1, 3), 13);  /* 13.33 */
    assert_int_equal(score_share(30, 1, 3), 10);  /* 9.99…90 */
    assert_int_equal(score_share(30, 1, 12), 2);  /* 2.4999… */
    assert_int_equal(score_share(30, 5, 12), 13); /* 12.5000…1 */
    assert_int_equal(score_share(30, 7, 12), 17);
    assert_int_equal(score_share(30, 11, 60), 5);
    assert_int_equal(score_share(30, 0, 5), 0);
    assert_int_equal(score_share(30, 5, 5), 30);
    assert_int_equal(score_share(30, 0, 0), 0);
    assert_int_equal(score_share(100, INT32_MAX, INT32_MAX), 100);
    for (int base = 1; base <= 200; base++) /* wherever it is not a half, it is the nearest */
        for (int part = 0; part <= base; part++)
            if (2 * 30 * part % base != 0 || 2 * 30 * part / base % 2 == 0)
                assert_int_equal(score_share(30, part, base), (2 * 30 * part + base) / (2 * base));
}

static void unmeasurable_emails_leave_the_base(void **state) {
    const struct score_policy policy = score_policy_default();
    struct email_stats opened = with(1, EVENT_OPEN, HOUR_MS), machine = email(1), clicks_only = email(1),
                       none = email(1);
    happen(&machine, EVENT_OPEN, true, NOW - HOUR_MS);
    clicks_only.tracking = TRACKING_CLICKS;
    none.tracking = TRACKING_AGGREGATE;
    /* Only machine opens: out of the opens, not out of the clicks. A person's open brings it back. */
    struct email_stats two[] = {opened, machine};
    struct result result = score_now(two, 2);
    assert_parts(&result.score, 30, 30, 0);
    assert_int_equal(result.figures.open_base, 1);
    assert_int_equal(result.figures.click_base, 2);
    assert_int_equal(result.figures.open_gaps[SCORE_GAP_MACHINE_OPENS], 1);
    happen(&two[1], EVENT_OPEN, false, NOW);
    assert_int_equal(score_now(two, 2).figures.open_base, 2);
    /* Sent with clicks only, or without. */
    struct email_stats three[] = {opened, clicks_only, none};
    result = score_now(three, 3);
    assert_int_equal(result.figures.open_base, 1);
    assert_int_equal(result.figures.click_base, 2);
    assert_int_equal(result.figures.open_gaps[SCORE_GAP_NOT_TRACKED], 2);
    assert_int_equal(result.figures.click_gaps[SCORE_GAP_NOT_TRACKED], 1);
    /* Today's word of the person or the organization counts too, for emails that were opened before as well: an
     * objection must not leave only the successes. */
    struct email_stats objected[] = {opened, email(1)};
    objected[0].tracking_now = objected[1].tracking_now = TRACKING_NONE;
    result = score_now(objected, 2);
    assert_int_equal(result.score.value, SCORE_UNKNOWN);
    assert_int_equal(result.figures.open_gaps[SCORE_GAP_NO_CONSENT], 2);
    struct email_stats private[] = {opened, email(1)};
    result = score_at(&policy, TRACKING_AGGREGATE, private, 2, NOW);
    assert_int_equal(result.score.value, SCORE_UNKNOWN);
    assert_int_equal(result.score.level, SCORE_LEVEL_UNKNOWN); /* never cold (C-102) */
    assert_int_equal(result.figures.click_gaps[SCORE_GAP_PRIVACY_MODE], 2);
    /* What cannot be measured says nothing about recency either. */
    assert_int_equal(result.figures.last_human_at, TIME_UNSET);
    /* A reply is always recorded: it feeds both parts of its email. */
    struct email_stats replied[] = {none, none};
    happen(&replied[0], EVENT_REPLY, false, NOW - HOUR_MS);
    result = score_now(replied, 2);
    assert_parts(&result.score, 30, 30, 40);
    assert_int_equal(result.figures.open_base, 1);
}

static void a_part_without_base_is_rescaled(void **state) {
    struct score_policy policy = score_policy_default();
    struct email_stats emails[3];
    for (int i = 0; i < 3; i++) {
        emails[i] = email(1);
        emails[i].tracking = TRACKING_CLICKS;
    }
    happen(&emails[0], EVENT_CLICK, false, NOW - 2 * DAY_MS);
    struct result result = score_now(emails, 3); /* 20 + 13 of 70: 47.1 of 100 */
    assert_false(result.score.parts[SCORE_OPENS].measured);
    assert_parts(&result.score, 20, 14, 13);
    happen(&emails[1], EVENT_CLICK, false, NOW);
    happen(&emails[2], EVENT_CLICK, false, NOW);
    result = score_now(emails, 3);
    assert_parts(&result.score, 30, 30, 40);
    /* Nothing that weighs can be measured. */
    policy.recency[0] = policy.recency[1] = policy.recency[2] = policy.clicks = 0;
    policy.opens = 100;
    result = score_at(&policy, TRACKING_FULL, emails, 3, NOW);
    assert_int_equal(result.score.value, SCORE_UNKNOWN);
    assert_parts(&(struct score){.value = 0}, 0, 0, 0);
}

static void policies(void **state) {
    struct score_policy policy = score_policy_default();
    struct err err = {0};
    assert_int_equal(score_policy_check(&policy, &err), 0);
    struct score_policy sum = policy, grows = policy, order = policy, negative = policy;
    sum.opens = 31;
    grows.recency[RECENCY_WEEK] = 5;
    order.warm = 75;
    negative.opens = -10;
    negative.clicks = 80;
    assert_int_equal(score_policy_check(&sum, &err), -ERR_INVALID);
    assert_int_equal(score_policy_check(&grows, &err), -ERR_INVALID);
    assert_int_equal(score_policy_check(&order, &err), -ERR_INVALID);
    assert_int_equal(score_policy_check(&negative, &err), -ERR_INVALID);
    /* Weights of one's own. */
    policy =
        (struct score_policy){.enabled = true, .recency = {50, 5, 0}, .opens = 10, .clicks = 40, .hot = 60, .warm = 55};
    struct email_stats opened = with(1, EVENT_OPEN, HOUR_MS);
    struct result result = score_at(&policy, TRACKING_FULL, &opened, 1, NOW);
    assert_parts(&result.score, 50, 10, 0);
    assert_int_equal(result.score.level, SCORE_LEVEL_HOT);
}

/* ---- time ---- */

static uint64_t next_random(uint64_t *state) {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 2685821657736338717ULL >> 33;
}

static int64_t random_ago(uint64_t *seed) {
    static const int64_t borders[] = {DAY_MS, 7 * DAY_MS, 30 * DAY_MS, SCORE_WINDOW_MS};
    if (next_random(seed) % 4 == 0) return borders[next_random(seed) % 4] + (int64_t)(next_random(seed) % 5) - 2;
    return (int64_t)(next_random(seed) % 100) * DAY_MS + (int64_t)(next_random(seed) % 1000);
}

static size_t random_emails(uint64_t *seed, struct email_stats *emails, size_t max) {
    size_t count = next_random(seed) % (max + 1);
    for (size_t i = 0; i < count; i++) {
        emails[i] = email(0);
        emails[i].sent_at = NOW - random_ago(seed);
        if (next_random(seed) % 4 == 0) emails[i].tracking = (enum tracking_level)(next_random(seed) % 4);
        if (next_random(seed) % 4 == 0) emails[i].tracking_now = (enum tracking_level)(next_random(seed) % 4);
        for (uint64_t n = next_random(seed) % 4; n > 0; n--) {
            static const enum event_type types[] = {EVENT_OPEN, EVENT_CLICK, EVENT_REPLY, EVENT_BOUNCE};
            happen(&emails[i], types[next_random(seed) % 4], next_random(seed) % 4 == 0, NOW - random_ago(seed));
        }
    }
    return count;
}

/* Between two looks the score stands still; score_next tells the first moment at which it differs, and to what. */
static void time_alone(void **state) {
    uint64_t seed = 88172645463325252ULL;
    const struct score_policy policy = score_policy_default();
    int changes = 0;
    for (int round = 0; round < 4000; round++) {
        struct email_stats emails[6];
        struct score_email sorted[6];
        size_t count = random_emails(&seed, emails, 6);
        for (size_t i = 0; i < count; i++) /* insertion sort by time sent */
            for (size_t n = i; n > 0 && emails[n].sent_at < emails[n - 1].sent_at; n--) {
                struct email_stats swap = emails[n];
                emails[n] = emails[n - 1];
                emails[n - 1] = swap;
            }
        for (size_t i = 0; i < count; i++)
            sorted[i] = score_email_of(&emails[i], TRACKING_FULL);
        struct result result = score_at(&policy, TRACKING_FULL, emails, count, NOW);
        struct score_change change = {0};
        bool changes_once = score_next(&policy, sorted, count, NOW, &change);
        int64_t now = NOW;
        const int32_t value = result.score.value;
        for (int looks = 0;; looks++) {
            assert_true(looks < 40);
            int64_t look = score_look_at(&result.figures, now);
            if (look == TIME_UNSET) {
                assert_int_equal(result.score.value, SCORE_UNKNOWN); /* every email leaves in the end */
                assert_false(changes_once && value == SCORE_UNKNOWN);
                break;
            }
            assert_true(look > now);
            assert_int_equal(score_at(&policy, TRACKING_FULL, emails, count, look - 1).score.value, result.score.value);
            now = look;
            result = score_at(&policy, TRACKING_FULL, emails, count, now);
            if (result.score.value == value) continue;
            assert_true(changes_once);
            assert_int_equal(change.at, now);
            assert_int_equal(change.value, result.score.value);
            assert_int_equal(change.level, score_level_of(&policy, result.score.value));
            changes++;
            break;
        }
    }
    assert_true(changes > 1000);
}

/* What score_affected lets pass neither changes the score nor brings a change nearer. */
static void events_that_do_not_matter(void **state) {
    uint64_t seed = 4101842887655102017ULL;
    const struct score_policy policy = score_policy_default();
    int passed = 0;
    for (int round = 0; round < 20000; round++) {
        struct email_stats emails[3];
        size_t count = random_emails(&seed, emails, 3);
        if (count == 0) continue;
        struct result before = score_at(&policy, TRACKING_FULL, emails, count, NOW);
        struct email_stats was = emails[0];
        static const enum event_type types[] = {EVENT_OPEN, EVENT_CLICK, EVENT_REPLY, EVENT_BOUNCE, EVENT_DELIVERED};
        happen(&emails[0], types[next_random(&seed) % 5], next_random(&seed) % 3 == 0, NOW - random_ago(&seed));
        if (score_affected(&was, &emails[0], NOW)) continue;
        passed++;
        struct result after = score_at(&policy, TRACKING_FULL, emails, count, NOW);
        assert_int_equal(after.score.value, before.score.value);
        int64_t look_before = score_look_at(&before.figures, NOW), look_after = score_look_at(&after.figures, NOW);
        assert_true(look_after == TIME_UNSET || (look_before != TIME_UNSET && look_before <= look_after));
    }
    assert_true(passed > 5000);
}

static void next_falls(void **state) {
    const struct score_policy policy = score_policy_default();
    struct email_stats opened = with(10, EVENT_OPEN, 2 * HOUR_MS);
    struct score_email one = score_email_of(&opened, TRACKING_FULL);
    struct score_change change;
    assert_true(score_next(&policy, &one, 1, NOW, &change));
    assert_int_equal(change.at, NOW - 2 * HOUR_MS + DAY_MS);
    assert_int_equal(change.value, 50);
    assert_true(score_next(&policy, &one, 1, change.at, &change));
    assert_int_equal(change.at, NOW - 2 * HOUR_MS + 7 * DAY_MS);
    assert_int_equal(change.value, 40);
    assert_true(score_next(&policy, &one, 1, change.at, &change));
    assert_int_equal(change.value, 30);
    assert_true(score_next(&policy, &one, 1, change.at, &change));
    assert_int_equal(change.at, NOW + 80 * DAY_MS);
    assert_int_equal(change.value, SCORE_UNKNOWN);
    assert_int_equal(change.level, SCORE_LEVEL_UNKNOWN);
    assert_false(score_next(&policy, &one, 1, change.at, &change));
    assert_false(score_next(&policy, NULL, 0, NOW, &change));
}

/* ---- words ---- */

static bool has_note(const struct score_reason *notes, size_t count, const char *code, const char *text) {
    for (size_t i = 0; i < count; i++)
        if (slice_equal(slice_cstr(notes[i].code), slice_cstr(code)) && slice_equal(notes[i].text, slice_cstr(text)))
            return true;
    return false;
}

static void assert_reason(const struct result *result, enum score_part_name part, struct arena *arena, const char *code,
                          const char *text) {
    struct score_reason reason = score_part_reason(&result->score, &result->figures, part, arena);
    assert_string_equal(reason.code, code);
    assert_string_equal(reason.text.ptr, text);
}

static void explanations(void **state) {
    struct arena *arena = arena_new();
    struct score_reason notes[SCORE_NOTES_MAX];
    size_t count;
    struct email_stats emails[] = {with(2, EVENT_OPEN, 2 * HOUR_MS), with(3, EVENT_REPLY, 2 * DAY_MS), email(5),
                                   email(6)};
    happen(&emails[2], EVENT_OPEN, true, NOW);
    happen(&emails[3], EVENT_BOUNCE, false, NOW);
    emails[3].tracking = TRACKING_NONE;
    struct result result = score_now(emails, 4);
    assert_reason(&result, SCORE_RECENCY, arena, "within_24_hours",
                  "The last open, click or reply is less than 24 hours old: 30 of 30 points.");
    assert_reason(&result, SCORE_OPENS, arena, "share", "2 of 2 emails opened: 30 of 30 points.");
    assert_reason(&result, SCORE_CLICKS, arena, "share", "1 of 3 emails clicked: 13 of 40 points.");
    score_notes(&result.score, &result.figures, arena, notes, &count);
    assert_true(has_note(notes, count, "replied", "1 email was answered: it counts as opened and clicked."));
    assert_true(
        has_note(notes, count, "bounced", "1 email came back; a bounce is neither interest nor the lack of it."));
    assert_true(has_note(notes, count, "machine_opens",
                         "1 email left out of the opens: only a machine opened it, which hides whether a person did."));
    assert_true(has_note(notes, count, "not_tracked", "1 email left out of the clicks: sent without tracking."));
    assert_int_equal(count, 5);

    result = score_now(NULL, 0);
    score_notes(&result.score, &result.figures, arena, notes, &count);
    assert_int_equal(count, 1);
    assert_string_equal(notes[0].code, "no_emails");
    assert_reason(&result, SCORE_OPENS, arena, "not_measurable", "Nothing can be measured, so there are no points.");

    struct email_stats clicks = email(1);
    clicks.tracking = TRACKING_CLICKS;
    result = score_now(&clicks, 1);
    assert_reason(&result, SCORE_RECENCY, arena, "none",
                  "None of these emails was opened, clicked or answered yet: 0 of 30 points.");
    assert_reason(&result, SCORE_OPENS, arena, "rescaled",
                  "Opens cannot be measured: the 0 of 30 points follow the other parts.");
    arena_free(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example),
        cmocka_unit_test(recency_borders),
        cmocka_unit_test(recency_looks_at_people_only),
        cmocka_unit_test(the_window),
        cmocka_unit_test(levels),
        cmocka_unit_test(level_borders_by_emails),
        cmocka_unit_test(rounding),
        cmocka_unit_test(unmeasurable_emails_leave_the_base),
        cmocka_unit_test(a_part_without_base_is_rescaled),
        cmocka_unit_test(policies),
        cmocka_unit_test(time_alone),
        cmocka_unit_test(events_that_do_not_matter),
        cmocka_unit_test(next_falls),
        cmocka_unit_test(explanations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
