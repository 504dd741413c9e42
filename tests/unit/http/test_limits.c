#include "http/limits.h"

#include <limits.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>

#include <cmocka.h>

#define SECOND 1000000LL

static void test_burst_then_empty(void **state) {
    struct limits *limits = limits_new(64);
    int wait = 0;
    for (int i = 0; i < 5; i++)
        assert_true(limits_take(limits, 7, 2, 5, SECOND, &wait));
    assert_int_equal(wait, 0);
    assert_false(limits_take(limits, 7, 2, 5, SECOND, &wait));
    assert_int_equal(wait, 1);
    assert_true(limits_take(limits, 8, 2, 5, SECOND, &wait));
    limits_free(limits);
}

static void test_refill(void **state) {
    struct limits *limits = limits_new(64);
    int wait = 0;
    assert_true(limits_take(limits, 7, 0.1, 1, SECOND, &wait));
    assert_false(limits_take(limits, 7, 0.1, 1, SECOND, &wait));
    assert_int_equal(wait, 10);
    assert_false(limits_take(limits, 7, 0.1, 1, 6 * SECOND, &wait));
    assert_int_equal(wait, 5);
    assert_true(limits_take(limits, 7, 0.1, 1, 11 * SECOND, &wait));
    assert_false(limits_take(limits, 7, 0.1, 1, 11 * SECOND, &wait));
    limits_free(limits);
}

static void test_refill_stops_at_burst(void **state) {
    struct limits *limits = limits_new(64);
    int wait = 0, taken = 0;
    for (int i = 0; i < 3; i++)
        assert_true(limits_take(limits, 7, 100, 3, SECOND, &wait));
    while (limits_take(limits, 7, 100, 3, 1000 * SECOND, &wait))
        taken++;
    assert_int_equal(taken, 3);
    limits_free(limits);
}

static void test_time_that_goes_back_takes_nothing(void **state) {
    struct limits *limits = limits_new(64);
    int wait = 0;
    assert_true(limits_take(limits, 7, 1, 2, 10 * SECOND, &wait));
    assert_true(limits_take(limits, 7, 1, 2, 9 * SECOND, &wait));
    assert_false(limits_take(limits, 7, 1, 2, 10 * SECOND, &wait));
    assert_true(limits_take(limits, 7, 1, 2, 11 * SECOND, &wait));
    limits_free(limits);
}

static void test_rate_zero_never_refills(void **state) {
    struct limits *limits = limits_new(64);
    int wait = 0;
    assert_true(limits_take(limits, 7, 0, 1, SECOND, &wait));
    assert_false(limits_take(limits, 7, 0, 1, 1000000 * SECOND, &wait));
    assert_int_equal(wait, INT_MAX);
    limits_free(limits);
}

static void test_full_table_gives_the_longest_idle_away(void **state) {
    struct limits *limits = limits_new(16); /* the smallest there is: one set, so the order is exact */
    int wait = 0;
    for (uint64_t key = 0; key < 16; key++)
        assert_true(limits_take(limits, key, 0, 1, SECOND + (int64_t)key, &wait));
    for (uint64_t key = 1; key < 16; key++) /* 0 is now idle for longest */
        assert_false(limits_take(limits, key, 0, 1, 2 * SECOND, &wait));
    assert_true(limits_take(limits, 99, 0, 1, 3 * SECOND, &wait));
    for (uint64_t key = 1; key < 16; key++)
        assert_false(limits_take(limits, key, 0, 1, 4 * SECOND, &wait));
    assert_true(limits_take(limits, 0, 0, 1, 5 * SECOND, &wait)); /* forgotten, so full again */
    limits_free(limits);
}

static void test_many_keys_do_not_grow_it(void **state) {
    struct limits *limits = limits_new(1000);
    int wait = 0;
    for (uint64_t key = 0; key < 200000; key++)
        assert_true(limits_take(limits, key << 40, 1, 1, SECOND + (int64_t)key, &wait));
    limits_free(limits);
}

struct taker {
    struct limits *limits;
    _Atomic int taken;
};

static void *take_many(void *taker_) {
    struct taker *taker = taker_;
    int wait;
    for (int i = 0; i < 5000; i++)
        if (limits_take(taker->limits, 7, 0, 1000, SECOND, &wait)) taker->taken++;
    return NULL;
}

static void test_threads_share_a_bucket(void **state) {
    struct taker taker = {.limits = limits_new(64)};
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, take_many, &taker), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(taker.taken, 1000);
    limits_free(taker.limits);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_burst_then_empty),         cmocka_unit_test(test_refill),
        cmocka_unit_test(test_refill_stops_at_burst),    cmocka_unit_test(test_time_that_goes_back_takes_nothing),
        cmocka_unit_test(test_rate_zero_never_refills),  cmocka_unit_test(test_full_table_gives_the_longest_idle_away),
        cmocka_unit_test(test_many_keys_do_not_grow_it), cmocka_unit_test(test_threads_share_a_bucket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
