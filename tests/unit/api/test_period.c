#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "api/period.h"
#include "base/clock.h"

#include "base/banned.h"

#define BERLIN SLICE("Europe/Berlin")

static int64_t at(const char *time) {
    int64_t ms = 0;
    assert_true(time_parse(slice_cstr(time), &ms));
    return ms;
}

static void assert_day(int32_t day, const char *date) {
    char text[TIME_TEXT_MAX];
    struct slice is = day_format(day, text);
    if (!slice_equal(is, slice_cstr(date))) fail_msg("%.*s instead of %s", SLICE_FMT(is), date);
}

static void assert_period(const char *from, const char *to, const char *now, const char *first, const char *last) {
    struct period period;
    struct err err = {0};
    if (period_parse(slice_cstr(from), slice_cstr(to), BERLIN, at(now), &period, &err) < 0) fail_msg("%s", err.text);
    assert_day(period.from_day, first);
    assert_day(period.to_day, last);
}

static void assert_refused(const char *from, const char *to, const char *word) {
    struct period period;
    struct err err = {0};
    assert_int_equal(period_parse(slice_cstr(from), slice_cstr(to), BERLIN, at("2026-06-15T12:00:00Z"), &period, &err),
                     -ERR_INVALID);
    if (!strstr(err.text, word)) fail_msg("\"%s\" does not speak of %s", err.text, word);
}

static void by_default_the_30_days_that_end_today(void **state) {
    assert_period(NULL, NULL, "2026-01-30T12:00:00Z", "2026-01-01", "2026-01-30");
    assert_period(NULL, "2026-03-01", "2026-06-15T12:00:00Z", "2026-01-31", "2026-03-01");
    assert_period("2026-06-01", NULL, "2026-06-15T12:00:00Z", "2026-06-01", "2026-06-15");
    /* Today is a local day. */
    assert_period("2026-06-01", NULL, "2026-06-14T22:30:00Z", "2026-06-01", "2026-06-15");
}

static void days_and_moments(void **state) {
    const char *now = "2026-12-01T12:00:00Z";
    assert_period("2026-01-01", "2026-01-01", now, "2026-01-01", "2026-01-01");
    assert_period("2024-02-29", "2026-02-28", now, "2024-02-29", "2026-02-28");
    assert_period("2026-01-01T22:59:59Z", "2026-01-01T23:00:00Z", now, "2026-01-01", "2026-01-02");
    assert_period("2026-01-01T00:30:00+02:00", "2026-01-05", now, "2025-12-31", "2026-01-05");
    /* The nights in which clocks change. */
    assert_period("2026-03-28T22:59:59Z", "2026-03-28T23:00:00Z", now, "2026-03-28", "2026-03-29");
    assert_period("2026-03-29T21:59:59Z", "2026-03-29T22:00:00Z", now, "2026-03-29", "2026-03-30");
    assert_period("2026-10-24T22:00:00Z", "2026-10-25T22:59:59Z", now, "2026-10-25", "2026-10-25");
    assert_period("2026-10-25T23:00:00Z", "2026-10-25T23:00:00Z", now, "2026-10-26", "2026-10-26");
}

static void what_is_wrong_is_said(void **state) {
    assert_refused("yesterday", NULL, "from");
    assert_refused(NULL, "2026-13-01", "to");
    assert_refused("2026-02-30", NULL, "from");
    assert_refused("2026-1-1", NULL, "2026-01-31");
    assert_refused("20260101", NULL, "from");
    assert_refused("2026-05-02", "2026-05-01", "before it begins on 2026-05-02");
    assert_refused("2026-07-01", NULL, "before it begins"); /* tomorrow */
    assert_refused("2010-01-01", NULL, "10 years");
}

static void the_period_before_is_as_long(void **state) {
    struct period period = {.from_day = day_from_date(2026, 3, 1), .to_day = day_from_date(2026, 3, 31)};
    struct period before = period_before(period);
    assert_day(before.from_day, "2026-01-29");
    assert_day(before.to_day, "2026-02-28");
    period.to_day = period.from_day;
    assert_day(period_before(period).from_day, "2026-02-28");
    assert_day(period_before(period).to_day, "2026-02-28");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_default_the_30_days_that_end_today),
        cmocka_unit_test(days_and_moments),
        cmocka_unit_test(what_is_wrong_is_said),
        cmocka_unit_test(the_period_before_is_as_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
