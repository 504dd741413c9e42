#include "subscription/schedule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/clock.h"

#include "base/banned.h"

static void test_waits(void **state) {
    static const int64_t seconds[SCHEDULE_STEPS] = {5, 300, 1800, 7200, 18000, 36000, 36000};
    int64_t sum = 0, wait;
    for (int64_t step = 0; step < SCHEDULE_STEPS; step++) {
        int64_t least = INT64_MAX, most = 0;
        for (uint32_t chance = 0; chance < 10000000; chance += 997) {
            assert_true(schedule_wait(step, chance, 0, &wait));
            least = wait < least ? wait : least;
            most = wait > most ? wait : most;
        }
        assert_true(least >= seconds[step] * 900 && least < seconds[step] * 910);
        assert_true(most <= seconds[step] * 1100 && most > seconds[step] * 1090);
        sum += most;
    }
    assert_true(sum > 27 * HOUR_MS && sum < 33 * HOUR_MS);
    wait = 7;
    assert_false(schedule_wait(SCHEDULE_STEPS, 0, 0, &wait));
    assert_false(schedule_wait(-1, 0, 0, &wait));
    assert_int_equal(wait, 7);
}

static void test_retry_after_only_makes_it_longer(void **state) {
    int64_t wait;
    assert_true(schedule_wait(0, 0, 60, &wait));
    assert_int_equal(wait, 60 * SECOND_MS);
    assert_true(schedule_wait(1, 0, 60, &wait));
    assert_int_equal(wait, 270 * SECOND_MS);
    assert_true(schedule_wait(0, 0, INT64_MAX, &wait));
    assert_int_equal(wait, HOUR_MS);
    assert_true(schedule_wait(0, 0, -5, &wait));
    assert_int_equal(wait, 4500);
}

static void test_rests(void **state) {
    assert_int_equal(schedule_rest(0), 0);
    assert_int_equal(schedule_rest(1), 1000);
    assert_int_equal(schedule_rest(6), 32000);
    assert_int_equal(schedule_rest(7), 60000);
    assert_int_equal(schedule_rest(INT64_MAX), 60000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_waits),
        cmocka_unit_test(test_retry_after_only_makes_it_longer),
        cmocka_unit_test(test_rests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
