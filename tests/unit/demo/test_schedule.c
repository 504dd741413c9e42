#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "demo/random.h"
#include "demo/schedule.h"

/* In order of time, and of those due at the same time in the order in which they were added. */
static void comes_in_order(void **state) {
    struct demo_schedule schedule;
    struct demo_random dice = {1};
    demo_schedule_init(&schedule);
    assert_null(demo_schedule_first(&schedule));
    for (int i = 0; i < 1000; i++)
        demo_schedule_add(&schedule, &(struct demo_action){.due_us = demo_random_below(&dice, 100)});
    struct demo_action last = {.due_us = -1};
    for (int i = 0; i < 1000; i++) {
        assert_non_null(demo_schedule_first(&schedule));
        struct demo_action next = demo_schedule_take(&schedule);
        assert_true(next.due_us > last.due_us || (next.due_us == last.due_us && next.order > last.order));
        last = next;
    }
    assert_null(demo_schedule_first(&schedule));
    demo_schedule_release(&schedule);
}

static void is_bounded(void **state) {
    struct demo_schedule schedule;
    demo_schedule_init(&schedule);
    for (int i = 0; i < DEMO_SCHEDULE_MAX + 100; i++)
        demo_schedule_add(&schedule, &(struct demo_action){.due_us = i});
    assert_int_equal(schedule.count, DEMO_SCHEDULE_MAX);
    assert_int_equal(demo_schedule_take(&schedule).due_us, 0);
    demo_schedule_release(&schedule);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(comes_in_order), cmocka_unit_test(is_bounded)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
