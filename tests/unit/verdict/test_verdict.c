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

/* What a request to our own pixel or link says of itself (bots.md bits METHOD, PREFETCH, HONEYPOT). */
static void test_our_own_endpoints_tell_why(void **state) {
    static const struct {
        enum machine_hint hint;
        enum verdict_reason reason;
    } cases[] = {{MACHINE_HINT_METHOD, REASON_METHOD},
                 {MACHINE_HINT_PREFETCH, REASON_PREFETCH},
                 {MACHINE_HINT_HONEYPOT, REASON_HONEYPOT}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct event event = {.type = EVENT_CLICK, .machine = cases[i].hint};
        assert_int_equal(verdict_judge(&event).verdict, VERDICT_MACHINE);
        assert_int_equal(verdict_judge(&event).reasons, 1 << cases[i].reason);
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
        cmocka_unit_test(test_our_own_endpoints_tell_why),
        cmocka_unit_test(test_without_a_hint_it_was_a_human),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
