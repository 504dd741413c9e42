#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "mail/report.h"

static void test_status_in(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"5.1.1", "5.1.1"},
        {"smtp; 550 5.7.26 no", "5.7.26"},
        {"550-5.1.1 unknown", "5.1.1"},
        {"host 5.1.1.7 said 450 4.2.0 busy", "4.2.0"},
        {"192.5.1.1", ""},
        {"5.1234.1", ""},
        {"5.1.", ""},
        {"5.1", ""},
        {"", ""},
        {"version 3.1.1", ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct slice got = report_status_in(slice_cstr(cases[i][0]));
        if (!slice_equal(got, slice_cstr(cases[i][1]))) fail_msg("%s gives %.*s", cases[i][0], SLICE_FMT(got));
    }
}

static void test_bounce_kind(void **state) {
    (void)state;
    static const struct {
        const char *status, *diagnostic;
        enum bounce_kind kind;
    } cases[] = {
        {"5.1.1", "", BOUNCE_HARD},
        {"4.4.1", "", BOUNCE_SOFT},
        {"5.7.1", "", BOUNCE_BLOCK},
        {"4.7.0", "", BOUNCE_BLOCK},
        {"5.2.2", "", BOUNCE_SOFT},
        {"5.4.7", "", BOUNCE_SOFT},
        {"5.0.0", "smtp; 550 5.7.1 spam", BOUNCE_BLOCK},
        {"5.0.0", "smtp; 451 4.3.0 later", BOUNCE_SOFT},
        {"", "smtp; 550 no such user", BOUNCE_HARD},
        {"", "smtp; 421 come back", BOUNCE_SOFT},
        {"", "", BOUNCE_SOFT},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (report_bounce_kind(slice_cstr(cases[i].status), slice_cstr(cases[i].diagnostic)) != cases[i].kind)
            fail_msg("%s %s", cases[i].status, cases[i].diagnostic);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_status_in), cmocka_unit_test(test_bounce_kind)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
