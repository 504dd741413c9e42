#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "api/metrics_fields.h"

#include "base/banned.h"

static const struct metric_field *field_of(const struct figures *figures, const char *name) {
    static struct metric_field fields[METRIC_FIELDS_MAX];
    size_t count = metrics_compute(figures, fields);
    for (size_t i = 0; i < count; i++)
        if (strcmp(fields[i].name, name) == 0) return &fields[i];
    fail_msg("no figure %s", name);
    abort();
}

static void assert_figure(const struct figures *figures, const char *name, int64_t value) {
    const struct metric_field *field = field_of(figures, name);
    assert_true(field->known);
    assert_int_equal(field->value, value);
}

static void assert_unknown(const struct figures *figures, const char *name) {
    assert_false(field_of(figures, name)->known);
}

static const struct figures nothing = {.median_open_delay_s = MEDIAN_NONE};

/* UC-558, "Engagement by Template": all tracked, clicks only of those who opened. */
static struct figures all_tracked(int64_t sent, int64_t opened, int64_t clicked) {
    return (struct figures){.sums = {.sent = sent,
                                     .open_base = sent,
                                     .click_base = sent,
                                     .opened = opened,
                                     .clicked = clicked,
                                     .opened_or_clicked = opened},
                            .median_open_delay_s = MEDIAN_NONE};
}

static void figures_of_the_specification(void **state) {
    struct figures invite = all_tracked(245, 167, 59), confirm = all_tracked(512, 282, 41),
                   nurture = all_tracked(189, 85, 28), dashboard = all_tracked(1000, 425, 128);
    assert_figure(&invite, "open_rate", 6816);  /* 68 % */
    assert_figure(&invite, "click_rate", 2408); /* 24 % */
    assert_figure(&confirm, "open_rate", 5508);
    assert_figure(&confirm, "click_rate", 801);
    assert_figure(&nurture, "open_rate", 4497);
    assert_figure(&nurture, "click_rate", 1481);
    assert_figure(&dashboard, "open_rate", 4250);
    assert_figure(&dashboard, "click_rate", 1280);
    assert_figure(&dashboard, "click_to_open_rate", 3012); /* 30.1 % */
}

static void without_a_base_a_rate_is_unknown_and_never_0(void **state) {
    static const char *const rates[] = {"open_rate",  "click_rate",       "click_to_open_rate",
                                        "reply_rate", "bounce_rate",      "unsubscribe_rate",
                                        "spam_rate",  "avg_time_to_open", "median_time_to_open"};
    for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++)
        assert_unknown(&nothing, rates[i]);
    assert_figure(&nothing, "sent", 0);
    /* Sent, but opens could not be measured; clicks could. */
    struct figures clicks_only = {.sums = {.sent = 10, .click_base = 10, .clicked = 4, .opened_or_clicked = 4},
                                  .median_open_delay_s = MEDIAN_NONE};
    assert_unknown(&clicks_only, "open_rate");
    assert_figure(&clicks_only, "click_rate", 4000);
    assert_figure(&clicks_only, "click_to_open_rate", 10000);
    assert_figure(&clicks_only, "reply_rate", 0);
    assert_unknown(&clicks_only, "avg_time_to_open");
}

static void what_was_not_asked_for_is_no_field(void **state) {
    struct figures figures = all_tracked(10, 5, 1);
    struct metric_field fields[METRIC_FIELDS_MAX];
    size_t with = metrics_compute(&figures, fields);
    figures.median_open_delay_s = MEDIAN_LEFT_OUT;
    size_t without = metrics_compute(&figures, fields);
    assert_int_equal(with, without + 1);
    for (size_t i = 0; i < without; i++)
        assert_string_not_equal(fields[i].name, "median_time_to_open");
}

/* Two opened, three clicked, one of them without the image being loaded: not 150 %. */
static void clicks_to_opens_never_pass_100(void **state) {
    struct figures figures = {
        .sums = {.sent = 10, .open_base = 10, .click_base = 10, .opened = 2, .clicked = 3, .opened_or_clicked = 4},
        .median_open_delay_s = MEDIAN_NONE};
    assert_figure(&figures, "click_to_open_rate", 7500);
}

static void halves_are_rounded_away_from_0(void **state) {
    assert_int_equal(api_rate_hundredths(1, 3), 3333);
    assert_int_equal(api_rate_hundredths(2, 3), 6667);
    assert_int_equal(api_rate_hundredths(1, 20000), 1); /* 0.005 % */
    assert_int_equal(api_rate_hundredths(1, 20001), 0);
    assert_int_equal(api_rate_hundredths(INT64_MAX / 2, INT64_MAX), 5000);
}

static void times_are_in_seconds(void **state) {
    struct figures figures = {.sums = {.sent = 3, .opened = 3, .open_delay_ms = 10000}, .median_open_delay_s = 12.25};
    assert_figure(&figures, "avg_time_to_open", 33);     /* 3.3 s */
    assert_figure(&figures, "median_time_to_open", 123); /* 12.3 s */
}

static void machines_stand_beside_and_enter_no_rate(void **state) {
    struct figures figures = {.sums = {.sent = 10,
                                       .open_base = 10,
                                       .click_base = 10,
                                       .opened = 1,
                                       .opens = 2,
                                       .machine_opens = 30,
                                       .clicks = 3,
                                       .total_clicks = 5,
                                       .machine_clicks = 40,
                                       .opened_or_clicked = 1},
                              .median_open_delay_s = MEDIAN_NONE};
    assert_figure(&figures, "open_rate", 1000);
    assert_figure(&figures, "click_rate", 0);
    assert_figure(&figures, "opens", 2);
    assert_figure(&figures, "machine_opens", 30);
    assert_figure(&figures, "recorded_opens", 32);
    assert_figure(&figures, "clicks", 5);
    assert_figure(&figures, "distinct_clicks", 3);
    assert_figure(&figures, "recorded_clicks", 45);
}

static void one_writing_serves_json_and_csv(void **state) {
    static const char *const names[] = {"sent", "open_rate", "click_rate", "avg_time_to_open", NULL};
    struct figures figures = all_tracked(245, 167, 0);
    figures.sums.click_base = 0;
    figures.sums.open_delay_ms = 167 * 61500;
    struct api_table *json = api_table_new(API_TABLE_OBJECT, 1 << 16), *csv = api_table_new(API_TABLE_CSV, 1 << 16);
    metrics_write_some(json, &figures, names);
    assert_string_equal(api_table_finish(json, NULL)->ptr,
                        "{\"sent\":245,\"open_rate\":68.16,\"click_rate\":null,\"avg_time_to_open\":61.5}");
    api_table_row(csv);
    metrics_write_some(csv, &figures, names);
    assert_string_equal(api_table_finish(csv, NULL)->ptr,
                        "sent,open_rate,click_rate,avg_time_to_open\r\n245,68.16,,61.5\r\n");
    api_table_free(json);
    api_table_free(csv);
}

/* UC-558: 42.5 % "▲ 3.2 %", in percentage points of what is shown. */
static void changes_are_percentage_points(void **state) {
    struct figures now = all_tracked(1000, 425, 128), before = all_tracked(1000, 393, 117);
    struct api_table *object = api_table_new(API_TABLE_OBJECT, 1 << 16);
    metrics_write_change(object, &now, &before);
    const char *text = api_table_finish(object, NULL)->ptr;
    assert_non_null(strstr(text, "\"open_rate\":3.20,"));
    assert_non_null(strstr(text, "\"click_rate\":1.10,"));
    assert_non_null(strstr(text, "\"sent\":0,"));
    assert_non_null(strstr(text, "\"median_time_to_open\":null"));
    api_table_free(object);
    object = api_table_new(API_TABLE_OBJECT, 1 << 16);
    metrics_write_change(object, &now, &nothing);
    text = api_table_finish(object, NULL)->ptr;
    assert_non_null(strstr(text, "\"open_rate\":null")); /* nothing to compare with */
    assert_non_null(strstr(text, "\"sent\":1000,"));
    api_table_free(object);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(figures_of_the_specification),
        cmocka_unit_test(without_a_base_a_rate_is_unknown_and_never_0),
        cmocka_unit_test(what_was_not_asked_for_is_no_field),
        cmocka_unit_test(clicks_to_opens_never_pass_100),
        cmocka_unit_test(halves_are_rounded_away_from_0),
        cmocka_unit_test(times_are_in_seconds),
        cmocka_unit_test(machines_stand_beside_and_enter_no_rate),
        cmocka_unit_test(one_writing_serves_json_and_csv),
        cmocka_unit_test(changes_are_percentage_points),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
