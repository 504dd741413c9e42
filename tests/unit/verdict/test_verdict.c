#include "verdict/verdict.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/banned.h"

static void test_only_opens_and_clicks_can_be_a_machines(void **state) {
    for (enum event_type type = EVENT_PROCESSED; type <= EVENT_TYPE_MAX; type++) {
        const struct event event = {.type = type, .machine = MACHINE_HINT_MACHINE};
        struct judgement judgement = verdict_judge(&event);
        bool machine = type == EVENT_OPEN || type == EVENT_CLICK;
        assert_int_equal(judgement.verdict, machine ? VERDICT_MACHINE : VERDICT_HUMAN);
        assert_int_equal(judgement.reasons, machine ? 1 << REASON_PROVIDER_MACHINE : 0);
    }
}

static void test_without_a_hint_it_was_a_human(void **state) {
    for (enum event_type type = EVENT_PROCESSED; type <= EVENT_TYPE_MAX; type++) {
        const struct event event = {.type = type};
        struct judgement judgement = verdict_judge(&event);
        assert_int_equal(judgement.verdict, VERDICT_HUMAN);
        assert_int_equal(judgement.reasons, 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_opens_and_clicks_can_be_a_machines),
        cmocka_unit_test(test_without_a_hint_it_was_a_human),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
