#include "model/counters.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/banned.h"

/* ---- a small generator of event sets: the same seed gives the same set ---- */

#define LINKS      4
#define EVENTS_MAX 64

struct sample {
    struct counted_event event;
    int link; /* of a click */
};

static uint64_t next_number(uint64_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static size_t make_set(uint64_t *state, struct sample *set) {
    size_t count = next_number(state) % EVENTS_MAX + 1;
    for (size_t i = 0; i < count; i++) {
        set[i].event = (struct counted_event){
            .type = (enum event_type)(next_number(state) % EVENT_TYPE_MAX + 1),
            .bounce = (enum bounce_kind)(next_number(state) % 4),
            .verdict = (enum verdict)(next_number(state) % 3),
            .occurred_at = (int64_t)(next_number(state) % 1000) + 1000,
        };
        set[i].link = (int)(next_number(state) % LINKS);
    }
    return count;
}

static void shuffle(uint64_t *state, struct sample *set, size_t count) {
    for (size_t i = count; i > 1; i--) {
        size_t other = next_number(state) % i;
        struct sample kept = set[i - 1];
        set[i - 1] = set[other];
        set[other] = kept;
    }
}

struct figures {
    struct email_stats email;
    struct link_stats links[LINKS];
};

static struct figures apply(const struct sample *set, size_t count) {
    struct figures figures;
    email_stats_init(&figures.email);
    figures.email.sent_at = 500;
    figures.email.tracking = TRACKING_FULL;
    for (size_t i = 0; i < LINKS; i++)
        link_stats_init(&figures.links[i]);
    for (size_t i = 0; i < count; i++) {
        bool click = set[i].event.type == EVENT_CLICK;
        counters_add(&figures.email, click ? &figures.links[set[i].link] : NULL, &set[i].event);
    }
    return figures;
}

static void assert_same_email(const struct email_stats *a, const struct email_stats *b) {
#define SAME(field) assert_int_equal(a->field, b->field)
    SAME(sent_at);
    SAME(delivered_at);
    SAME(opened_at);
    SAME(clicked_at);
    SAME(replied_at);
    SAME(bounced_at);
    SAME(dropped_at);
    SAME(complained_at);
    SAME(unsubscribed_at);
    SAME(open_count);
    SAME(machine_open_count);
    SAME(click_count);
    SAME(total_click_count);
    SAME(machine_click_count);
    SAME(bounce_type);
    SAME(last_event_at);
#undef SAME
}

static void test_order_of_arrival_does_not_matter(void **state) {
    uint64_t seed = 0x9e3779b97f4a7c15;
    struct sample set[EVENTS_MAX];
    for (int round = 0; round < 500; round++) {
        size_t count = make_set(&seed, set);
        struct figures first = apply(set, count);
        for (int permutation = 0; permutation < 8; permutation++) {
            shuffle(&seed, set, count);
            struct figures other = apply(set, count);
            assert_same_email(&first.email, &other.email);
            for (size_t i = 0; i < LINKS; i++) {
                assert_int_equal(first.links[i].clicked_at, other.links[i].clicked_at);
                assert_int_equal(first.links[i].click_count, other.links[i].click_count);
                assert_int_equal(first.links[i].machine_click_count, other.links[i].machine_click_count);
            }
            struct contribution a = counters_contribution(&first.email), b = counters_contribution(&other.email);
            struct contribution difference = contribution_difference(&a, &b);
            assert_true(contribution_is_zero(&difference));
        }
    }
}

/* The figures written out a second way: by asking the whole set. */
static void test_figures_equal_a_recount(void **state) {
    uint64_t seed = 88172645463325252ULL;
    struct sample set[EVENTS_MAX];
    for (int round = 0; round < 500; round++) {
        size_t count = make_set(&seed, set);
        struct figures figures = apply(set, count);
        int64_t opens = 0, clicks = 0, machine_opens = 0, machine_clicks = 0, different = 0;
        int64_t opened_at = TIME_UNSET, unsubscribed_at = TIME_UNSET;
        enum bounce_kind gravest = BOUNCE_NONE;
        bool link_clicked[LINKS] = {false};
        for (size_t i = 0; i < count; i++) {
            const struct counted_event *event = &set[i].event;
            bool human = event->verdict != VERDICT_MACHINE;
            opens += event->type == EVENT_OPEN && human;
            machine_opens += event->type == EVENT_OPEN && !human;
            clicks += event->type == EVENT_CLICK && human;
            machine_clicks += event->type == EVENT_CLICK && !human;
            if (event->type == EVENT_CLICK && human) link_clicked[set[i].link] = true;
            if (event->type == EVENT_OPEN && human && (opened_at == TIME_UNSET || event->occurred_at < opened_at))
                opened_at = event->occurred_at;
            bool leaves = event->type == EVENT_UNSUBSCRIBE || event->type == EVENT_GROUP_UNSUBSCRIBE;
            if (leaves && (unsubscribed_at == TIME_UNSET || event->occurred_at < unsubscribed_at))
                unsubscribed_at = event->occurred_at;
            if (event->type == EVENT_BOUNCE && event->bounce > gravest) gravest = event->bounce;
        }
        for (size_t i = 0; i < LINKS; i++)
            different += link_clicked[i];
        assert_int_equal(figures.email.open_count, opens);
        assert_int_equal(figures.email.machine_open_count, machine_opens);
        assert_int_equal(figures.email.total_click_count, clicks);
        assert_int_equal(figures.email.machine_click_count, machine_clicks);
        assert_int_equal(figures.email.click_count, different);
        assert_int_equal(figures.email.opened_at, opened_at);
        assert_int_equal(figures.email.unsubscribed_at, unsubscribed_at);
        assert_int_equal(figures.email.bounce_type, gravest);
    }
}

static struct email_stats stats_after(enum event_type type, enum verdict verdict, struct link_stats *link) {
    struct email_stats stats;
    email_stats_init(&stats);
    const struct counted_event event = {.type = type, .bounce = BOUNCE_SOFT, .verdict = verdict, .occurred_at = 7};
    counters_add(&stats, link, &event);
    return stats;
}

static void test_each_type_touches_its_own_figure(void **state) {
    struct email_stats untouched;
    email_stats_init(&untouched);
    assert_int_equal(stats_after(EVENT_DELIVERED, VERDICT_HUMAN, NULL).delivered_at, 7);
    assert_int_equal(stats_after(EVENT_DROPPED, VERDICT_HUMAN, NULL).dropped_at, 7);
    assert_int_equal(stats_after(EVENT_REPLY, VERDICT_HUMAN, NULL).replied_at, 7);
    assert_int_equal(stats_after(EVENT_SPAM, VERDICT_HUMAN, NULL).complained_at, 7);
    assert_int_equal(stats_after(EVENT_UNSUBSCRIBE, VERDICT_HUMAN, NULL).unsubscribed_at, 7);
    assert_int_equal(stats_after(EVENT_GROUP_UNSUBSCRIBE, VERDICT_HUMAN, NULL).unsubscribed_at, 7);
    struct email_stats bounced = stats_after(EVENT_BOUNCE, VERDICT_HUMAN, NULL);
    assert_int_equal(bounced.bounced_at, 7);
    assert_int_equal(bounced.bounce_type, BOUNCE_SOFT);
    for (enum event_type type = EVENT_PROCESSED; type <= EVENT_TYPE_MAX; type++) {
        if (type != EVENT_PROCESSED && type != EVENT_DEFERRED && type != EVENT_GROUP_RESUBSCRIBE &&
            type != EVENT_AUTO_REPLY)
            continue;
        struct email_stats stats = stats_after(type, VERDICT_HUMAN, NULL);
        assert_same_email(&stats, &untouched);
    }
}

static void test_a_verdict_discounts_opens_and_clicks_only(void **state) {
    struct link_stats link;
    link_stats_init(&link);
    struct email_stats clicked = stats_after(EVENT_CLICK, VERDICT_MACHINE, &link);
    assert_int_equal(clicked.machine_click_count, 1);
    assert_int_equal(clicked.click_count, 0);
    assert_int_equal(clicked.total_click_count, 0);
    assert_true(clicked.clicked_at == TIME_UNSET);
    assert_int_equal(link.machine_click_count, 1);
    assert_int_equal(link.click_count, 0);
    assert_true(link.clicked_at == TIME_UNSET);
    struct email_stats opened = stats_after(EVENT_OPEN, VERDICT_MACHINE, NULL);
    assert_int_equal(opened.machine_open_count, 1);
    assert_true(opened.opened_at == TIME_UNSET);
    struct email_stats proxied = stats_after(EVENT_OPEN, VERDICT_PROXIED, NULL);
    assert_int_equal(proxied.open_count, 1);
    assert_int_equal(proxied.opened_at, 7);
    struct link_stats beside;
    link_stats_init(&beside);
    for (enum event_type type = EVENT_OPEN; type <= EVENT_CLICK; type++) {
        struct email_stats evidence = stats_after(type, VERDICT_EVIDENCE, &beside);
        struct email_stats nothing = stats_after(EVENT_PROCESSED, VERDICT_HUMAN, NULL);
        struct contribution a = counters_contribution(&evidence), b = counters_contribution(&nothing);
        a = contribution_difference(&a, &b);
        assert_true(contribution_is_zero(&a));
        assert_int_equal(beside.click_count + beside.machine_click_count, 0);
    }
    assert_int_equal(stats_after(EVENT_BOUNCE, VERDICT_MACHINE, NULL).bounced_at, 7);
    assert_int_equal(stats_after(EVENT_SPAM, VERDICT_MACHINE, NULL).complained_at, 7);
    assert_int_equal(stats_after(EVENT_UNSUBSCRIBE, VERDICT_MACHINE, NULL).unsubscribed_at, 7);
}

static void test_contribution(void **state) {
    struct email_stats stats;
    email_stats_init(&stats);
    stats.sent_at = 10000;
    stats.tracking = TRACKING_FULL;
    stats.tracking_now = TRACKING_NONE; /* a later objection does not move the base */
    struct contribution fresh = counters_contribution(&stats);
    assert_int_equal(fresh.sent, 1);
    assert_int_equal(fresh.open_base, 1);
    assert_int_equal(fresh.click_base, 1);
    assert_int_equal(fresh.opened + fresh.clicked + fresh.opened_or_clicked + fresh.bounced + fresh.open_delay_ms, 0);
    stats.tracking = TRACKING_CLICKS;
    assert_int_equal(counters_contribution(&stats).open_base, 0);
    assert_int_equal(counters_contribution(&stats).click_base, 1);
    stats.tracking = TRACKING_AGGREGATE;
    assert_int_equal(counters_contribution(&stats).click_base, 0);

    struct link_stats link;
    link_stats_init(&link);
    counters_add(&stats, &link, &(struct counted_event){.type = EVENT_CLICK, .occurred_at = 20000});
    counters_add(&stats, &link, &(struct counted_event){.type = EVENT_CLICK, .occurred_at = 21000});
    struct contribution clicked = counters_contribution(&stats);
    assert_int_equal(clicked.opened, 0);
    assert_int_equal(clicked.clicked, 1);
    assert_int_equal(clicked.opened_or_clicked, 1);
    assert_int_equal(clicked.clicks, 1);
    assert_int_equal(clicked.total_clicks, 2);
    assert_int_equal(clicked.open_delay_ms, 0);

    counters_add(&stats, NULL, &(struct counted_event){.type = EVENT_OPEN, .occurred_at = 12500});
    counters_add(&stats, NULL,
                 &(struct counted_event){.type = EVENT_BOUNCE, .bounce = BOUNCE_HARD, .occurred_at = 13000});
    struct contribution all = counters_contribution(&stats);
    assert_int_equal(all.opened, 1);
    assert_int_equal(all.opens, 1);
    assert_int_equal(all.open_delay_ms, 2500);
    assert_int_equal(all.bounced, 1);
    assert_int_equal(all.bounced_hard, 1);

    struct contribution sum = clicked, difference = contribution_difference(&all, &clicked);
    contribution_add(&sum, &difference);
    struct contribution rest = contribution_difference(&sum, &all);
    assert_true(contribution_is_zero(&rest));
    assert_false(contribution_is_zero(&difference));
}

static void test_open_delay(void **state) {
    struct email_stats stats;
    email_stats_init(&stats);
    stats.sent_at = 5000;
    stats.opened_at = 4000; /* a skewed clock */
    assert_int_equal(open_delay_ms(&stats), 0);
    stats.opened_at = 65000;
    assert_int_equal(open_delay_ms(&stats), 60000);
}

static void test_open_delay_buckets(void **state) {
    assert_int_equal(open_delay_bucket(-1), 0);
    assert_int_equal(open_delay_bucket(999), 0);
    assert_int_equal(open_delay_bucket(1000), 1);
    assert_int_equal(open_delay_bucket(63999), 63);
    assert_int_equal(open_delay_bucket(64000), 64);
    assert_int_equal(open_delay_bucket(65999), 64);
    assert_int_equal(open_delay_bucket(66000), 65);
    assert_int_equal(open_delay_bucket(128000), 96);
    for (int64_t seconds = 0; seconds < 64; seconds++)
        assert_true(open_delay_bucket_middle(open_delay_bucket(seconds * 1000)) == (double)seconds);
    int32_t before = 0;
    for (int64_t seconds = 1; seconds < 10000000; seconds += 1 + seconds / 50) {
        int32_t bucket = open_delay_bucket(seconds * 1000);
        assert_true(bucket >= before);
        before = bucket;
        assert_true(fabs(open_delay_bucket_middle(bucket) - (double)seconds) <= 0.016 * (double)seconds);
    }
    assert_true(open_delay_bucket(INT64_MAX) < 1600);
    assert_true(open_delay_bucket_middle(open_delay_bucket(INT64_MAX)) > 9e15);
    assert_true(open_delay_bucket_middle(-5) == 0);
    assert_true(isfinite(open_delay_bucket_middle(INT32_MAX)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_of_arrival_does_not_matter),
        cmocka_unit_test(test_figures_equal_a_recount),
        cmocka_unit_test(test_each_type_touches_its_own_figure),
        cmocka_unit_test(test_a_verdict_discounts_opens_and_clicks_only),
        cmocka_unit_test(test_contribution),
        cmocka_unit_test(test_open_delay),
        cmocka_unit_test(test_open_delay_buckets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
