#include "base/timezone.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>

#include "base/clock.h"

#include "base/banned.h"

static int64_t at(const char *text) {
    int64_t ms;
    if (!time_parse(slice_cstr(text), &ms)) fail_msg("%s is no time", text);
    return ms;
}

static int32_t day(const char *text) {
    int32_t day;
    if (!day_parse(slice_cstr(text), &day)) fail_msg("%s is no day", text);
    return day;
}

static void only_names_of_the_database_are_known(void **state) {
    static const char *const good[] = {"UTC",          "Europe/Berlin", "America/Argentina/Buenos_Aires",
                                       "Asia/Kolkata", "Etc/GMT+5",     "America/Port-au-Prince"};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_true(timezone_known(slice_cstr(good[i])));
    static const char *const bad[] = {"",
                                      "utc",
                                      "Europe",
                                      "Europe/",
                                      "Europe/Nowhere",
                                      "../../etc/passwd",
                                      "/usr/share/zoneinfo/Europe/Berlin",
                                      ":Europe/Berlin",
                                      "Europe/Berlin ",
                                      "Europe/../Europe/Berlin",
                                      "leapseconds",
                                      "zone.tab",
                                      "+02:00",
                                      "Z",
                                      "CET-1CEST,M3.5.0,M10.5.0/3",
                                      "XYZ5",
                                      "A/Name/Longer/Than/Any/In/The/Database/Which/Must/Not/Be/Looked/Up/At/All"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (timezone_known(slice_cstr(bad[i]))) fail_msg("%s is taken for a zone", bad[i]);
    }
    assert_false(timezone_known(SLICE("Europe/Berlin\0")));
}

static void local_days(void **state) {
    struct slice berlin = SLICE("Europe/Berlin"), kolkata = SLICE("Asia/Kolkata"), honolulu = SLICE("Pacific/Honolulu");
    assert_int_equal(timezone_day(berlin, at("2026-11-23T22:59:59.999Z")), day("2026-11-23"));
    assert_int_equal(timezone_day(berlin, at("2026-11-23T23:00:00Z")), day("2026-11-24"));
    assert_int_equal(timezone_day(berlin, at("2026-07-01T21:59:59.999Z")), day("2026-07-01")); /* summer time */
    assert_int_equal(timezone_day(berlin, at("2026-07-01T22:00:00Z")), day("2026-07-02"));
    assert_int_equal(timezone_day(kolkata, at("2026-11-23T18:29:59Z")), day("2026-11-23"));
    assert_int_equal(timezone_day(kolkata, at("2026-11-23T18:30:00Z")), day("2026-11-24"));
    assert_int_equal(timezone_day(honolulu, 0), -1);
    assert_int_equal(timezone_day(SLICE("UTC"), -1), -1);
    assert_int_equal(timezone_day(SLICE("UTC"), at("2026-11-23T23:59:59.999Z")), day("2026-11-23"));
    assert_int_equal(timezone_day(SLICE("No/Where"), at("2026-11-23T23:59:59.999Z")), day("2026-11-23"));
}

static void days_begin(void **state) {
    static const struct {
        const char *zone, *day, *start;
    } cases[] = {
        {"UTC", "2026-11-24", "2026-11-24T00:00:00Z"},
        {"No/Where", "2026-11-24", "2026-11-24T00:00:00Z"},
        {"Europe/Berlin", "2026-11-24", "2026-11-23T23:00:00Z"},
        {"Europe/Berlin", "2026-07-01", "2026-06-30T22:00:00Z"},
        {"Europe/Berlin", "2026-03-29", "2026-03-28T23:00:00Z"}, /* the day with 23 hours, and the next */
        {"Europe/Berlin", "2026-03-30", "2026-03-29T22:00:00Z"},
        {"Europe/Berlin", "2026-10-25", "2026-10-24T22:00:00Z"}, /* the day with 25 hours, and the next */
        {"Europe/Berlin", "2026-10-26", "2026-10-25T23:00:00Z"},
        {"America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00:00Z"}, /* 00:00 to 00:59 did not exist */
        {"America/Sao_Paulo", "2018-02-18", "2018-02-18T03:00:00Z"}, /* 23:00 to 23:59 came twice the evening before */
        {"America/Havana", "2018-11-04", "2018-11-04T04:00:00Z"},    /* 00:00 to 00:59 came twice */
        {"Pacific/Kiritimati", "2026-11-24", "2026-11-23T10:00:00Z"},
        {"Pacific/Apia", "2011-12-29", "2011-12-29T10:00:00Z"},
        {"Pacific/Apia", "2011-12-30", "2011-12-30T10:00:00Z"}, /* skipped: begins where the next one does */
        {"Pacific/Apia", "2011-12-31", "2011-12-30T10:00:00Z"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char out[TIME_TEXT_MAX];
        time_format(timezone_day_start(slice_cstr(cases[i].zone), day(cases[i].day)), out);
        if (!slice_equal(slice_cstr(out), slice_cstr(cases[i].start)))
            fail_msg("%s in %s begins at %s, not %s", cases[i].day, cases[i].zone, out, cases[i].start);
    }
}

/* The days of a zone cover all time without a gap. */
static void days_follow_each_other(void **state) {
    static const char *const zones[] = {"Europe/Berlin",    "America/New_York", "Australia/Lord_Howe", "America/Havana",
                                        "Africa/Cairo",     "Asia/Beirut",      "America/Santiago",    "Asia/Tehran",
                                        "America/Asuncion", "Atlantic/Azores"};
    for (size_t z = 0; z < sizeof(zones) / sizeof(zones[0]); z++) {
        struct slice zone = slice_cstr(zones[z]);
        assert_true(timezone_known(zone));
        for (int32_t d = day("2010-01-01"); d < day("2030-01-01"); d++) {
            int64_t start = timezone_day_start(zone, d);
            assert_int_equal(timezone_day(zone, start), d);
            assert_int_equal(timezone_day(zone, start - 1), d - 1);
        }
    }
}

static void *use_many_zones(void *failed) {
    static const char *const zones[] = {"Europe/Berlin",    "Europe/Paris",     "Europe/London", "Asia/Tokyo",
                                        "America/New_York", "America/Chicago",  "Asia/Kolkata",  "Asia/Dubai",
                                        "Africa/Lagos",     "Australia/Sydney", "No/Where",      "UTC"};
    for (int i = 0; i < 3000; i++) {
        struct slice zone = slice_cstr(zones[(size_t)i % (sizeof(zones) / sizeof(zones[0]))]);
        int32_t d = 15000 + i;
        if (timezone_day(zone, timezone_day_start(zone, d)) != d) *(bool *)failed = true;
    }
    return NULL;
}

static void threads_do_not_disturb_each_other(void **state) {
    pthread_t threads[4];
    bool failed[4] = {false};
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, use_many_zones, &failed[i]), 0);
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        assert_false(failed[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_names_of_the_database_are_known),
        cmocka_unit_test(local_days),
        cmocka_unit_test(days_begin),
        cmocka_unit_test(days_follow_each_other),
        cmocka_unit_test(threads_do_not_disturb_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
