#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <time.h>

/* No banned.h: the test of clock_init has to set a variable of the environment. */

struct time_case {
    const char *text;
    int64_t ms;
};

static void times_as_providers_write_them(void **state) {
    static const struct time_case cases[] = {
        {"2018-10-08T14:05:45 +0000", 1539007545000}, /* Amazon SES, mail.timestamp */
        {"2018-10-08T14:05:45Z", 1539007545000},
        {"2018-10-08t14:05:45z", 1539007545000},
        {"2018-10-08 14:05:45", 1539007545000}, /* Unisender Go: UTC */
        {"2018-10-08T14:05:45", 1539007545000},
        {"2018-10-08T14:05:45 Z", 1539007545000},
        {"2018-10-08T14:05:45.1Z", 1539007545100},
        {"2018-10-08T14:05:45.12Z", 1539007545120},
        {"2018-10-08T14:05:45.123Z", 1539007545123},
        {"2018-10-08T14:05:45.1239Z", 1539007545123}, /* cut, not rounded */
        {"2018-10-08T14:05:45.123456Z", 1539007545123},
        {"2018-10-08T16:05:45.1234567+02:00", 1539007545123}, /* Postmark: 100 ns and offset */
        {"2018-10-08T14:05:45.999999999Z", 1539007545999},
        {"2018-10-08T14:05:45,5Z", 1539007545500},
        {"2018-10-08T16:05:45+02:00", 1539007545000},
        {"2018-10-08T16:05:45+0200", 1539007545000},
        {"2018-10-08T16:05:45 +02:00", 1539007545000},
        {"2018-10-08T16:05:45+02", 1539007545000},
        {"2018-10-08T08:35:45-05:30", 1539007545000},
        {"2018-10-08T14:05:45-00:00", 1539007545000},
        {"1970-01-01T00:00:00Z", 0},
        {"1970-01-01T02:00:00+02:00", 0},
        {"1969-12-31T23:00:00-01:00", 0},
        {"2000-02-29T00:00:00Z", 951782400000},
        {"2024-02-29T23:59:59.999Z", 1709251199999},
        {"2016-12-31T23:59:60Z", 1483228800000}, /* a leap second */
        {"2200-12-31T23:59:59.999Z", 7289654399999},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t ms = -1;
        if (!time_parse(slice_cstr(cases[i].text), &ms)) fail_msg("%s is not understood", cases[i].text);
        assert_int_equal(ms, cases[i].ms);
    }
}

static void other_texts_are_no_times(void **state) {
    static const char *const bad[] = {
        "",
        "now",
        "2018-10-08",
        "2018-10-08T14:05",
        "2018-10-08T14:05Z",
        "2018-10-08T14:05:45.Z",
        "2018-10-08T14:05:45.1234567890Z",
        "2018-10-08T14:05:45  +0000",
        "2018-10-08T14:05:45 ",
        " 2018-10-08T14:05:45",
        "2018-10-08T14:05:45Zx",
        "2018-10-08T14:05:45ZZ",
        "2018-10-08T14:05:45+",
        "2018-10-08T14:05:45+2",
        "2018-10-08T14:05:45+02:",
        "2018-10-08T14:05:45+02:0",
        "2018-10-08T14:05:45+02:000",
        "2018-10-08T14:05:45+24:00",
        "2018-10-08T14:05:45+02:60",
        "2018-10-08T14:05:45 CET",
        "2018-10-08X14:05:45",
        "2018-10-0814:05:45",
        "2018/10/08T14:05:45",
        "2018-1-08T14:05:45",
        "18-10-08T14:05:45",
        "2018-00-08T14:05:45",
        "2018-13-08T14:05:45",
        "2018-10-00T14:05:45",
        "2018-10-32T14:05:45",
        "2018-02-29T14:05:45",
        "2100-02-29T14:05:45",
        "2018-04-31T14:05:45",
        "2018-10-08T24:00:00",
        "2018-10-08T14:60:00",
        "2018-10-08T14:05:61",
        "2018-10-08T-1:05:45",
        "2018-10-08T14:05:4a",
        "0000-10-08T14:05:45",
        "1969-12-31T23:59:59Z",
        "1970-01-01T00:00:00+00:01",
        "2201-01-01T00:00:00Z",
        "2200-12-31T23:59:59-01:00",
        "9999-12-31T23:59:59Z",
        "1539007545",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        int64_t ms = 42;
        if (time_parse(slice_cstr(bad[i]), &ms)) fail_msg("%s is taken for a time", bad[i]);
        assert_int_equal(ms, 42);
    }
    int64_t ms;
    assert_false(time_parse(SLICE("2018-10-08T14:05:45\0"), &ms));
    assert_false(time_parse(SLICE("2018-10-08\0"
                                  "14:05:45"),
                            &ms));
    assert_false(time_parse(SLICE_NONE, &ms));
}

static void seconds_as_text(void **state) {
    static const struct time_case cases[] = {
        {"0", 0},
        {"1600112502", 1600112502000},
        {"1521472262.908181", 1521472262908}, /* Mailgun */
        {"1521472262.9", 1521472262900},
        {"1521472262.0009", 1521472262000},
        {"1521472262.90818100000000000000000000", 1521472262908},
        {"7289654399.999", 7289654399999},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t ms = -1;
        assert_true(time_parse_seconds(slice_cstr(cases[i].text), &ms));
        assert_int_equal(ms, cases[i].ms);
    }
    static const char *const bad[] = {"",
                                      "-1",
                                      "-0",
                                      "+1",
                                      ".5",
                                      "1.",
                                      "1.x",
                                      "1e9",
                                      "1..2",
                                      "1521472262 ",
                                      "1,5",
                                      "7289654400",
                                      "1600112502000",
                                      "9223372036854775807",
                                      "99999999999999999999"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        int64_t ms = 42;
        if (time_parse_seconds(slice_cstr(bad[i]), &ms)) fail_msg("%s is taken for a time", bad[i]);
        assert_int_equal(ms, 42);
    }
}

static void times_are_written(void **state) {
    static const struct time_case cases[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"1969-12-31T23:59:59.999Z", -1},
        {"2026-11-24T07:02:12.345Z", 1795503732345},
        {"2026-11-24T07:02:12.005Z", 1795503732005},
        {"2026-11-24T07:02:12Z", 1795503732000},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char out[TIME_TEXT_MAX];
        struct slice text = time_format(cases[i].ms, out);
        assert_string_equal(out, cases[i].text);
        assert_int_equal(text.len, strlen(cases[i].text));
    }
}

/* Against the C library's calendar, for every day of the years that times may have. */
static void days_agree_with_the_c_library(void **state) {
    for (int32_t day = 0; day < 84371; day++) {
        time_t seconds = (time_t)day * 86400;
        struct tm tm;
        gmtime_r(&seconds, &tm);
        int year, month, day_of_month;
        day_to_date(day, &year, &month, &day_of_month);
        assert_int_equal(year, tm.tm_year + 1900);
        assert_int_equal(month, tm.tm_mon + 1);
        assert_int_equal(day_of_month, tm.tm_mday);
        assert_int_equal(day_from_date(year, month, day_of_month), day);
    }
}

static void days_far_away(void **state) {
    int year, month, day;
    day_to_date(-719162, &year, &month, &day);
    assert_true(year == 1 && month == 1 && day == 1);
    assert_int_equal(day_from_date(1, 1, 1), -719162);
    day_to_date(2932896, &year, &month, &day);
    assert_true(year == 9999 && month == 12 && day == 31);
    for (int32_t i = -719162; i <= 2932896; i += 97) {
        day_to_date(i, &year, &month, &day);
        assert_int_equal(day_from_date(year, month, day), i);
    }
}

static void days_as_text(void **state) {
    int32_t day = -1;
    char out[TIME_TEXT_MAX];
    assert_true(day_parse(SLICE("2026-11-24"), &day));
    assert_int_equal(day, 20781);
    assert_true(slice_equal(day_format(20781, out), SLICE("2026-11-24")));
    assert_true(day_parse(SLICE("1970-01-01"), &day));
    assert_int_equal(day, 0);
    static const char *const bad[] = {"",           "2026-11-2",  "2026-11-24 ", "2026-11-31", "2026-11-24T00:00:00Z",
                                      "1969-12-31", "2201-01-01", "26-11-24"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        day = 42;
        assert_false(day_parse(slice_cstr(bad[i]), &day));
        assert_int_equal(day, 42);
    }
}

static void the_clock_can_be_shifted(void **state) {
    int64_t before = clock_now();
    assert_true(before > 1700000000000 && before < 7289654400000);
    assert_int_equal(setenv("INKLING_CLOCK_OFFSET_MS", "86400000", 1), 0);
    clock_init();
    int64_t shifted = clock_now();
    assert_true(shifted - before >= DAY_MS && shifted - before < DAY_MS + HOUR_MS);
    setenv("INKLING_CLOCK_OFFSET_MS", "-3600000", 1);
    clock_init();
    assert_true(clock_now() < before);
    setenv("INKLING_CLOCK_OFFSET_MS", "nonsense", 1);
    clock_init();
    setenv("INKLING_CLOCK_OFFSET_MS", "0", 1);
    clock_init();
    assert_true(clock_now() >= before);
    int64_t first = clock_monotonic_us();
    assert_true(clock_monotonic_us() >= first);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_as_providers_write_them),
        cmocka_unit_test(other_texts_are_no_times),
        cmocka_unit_test(seconds_as_text),
        cmocka_unit_test(times_are_written),
        cmocka_unit_test(days_agree_with_the_c_library),
        cmocka_unit_test(days_far_away),
        cmocka_unit_test(days_as_text),
        cmocka_unit_test(the_clock_can_be_shifted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
