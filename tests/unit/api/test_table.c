#include "api/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "model/counters.h"

static void fill(struct api_table *table) {
    api_table_row(table);
    api_table_int(table, "id", 1);
    api_table_text(table, "name", SLICE("Jane \"JJ\", Doe\n\x01"));
    api_table_bool(table, "active", true);
    api_table_time(table, "opened_at", 1500);
    api_table_rate(table, "open_rate", 167, 245);
    api_table_object(table, "job");
    api_table_int(table, "id", 5);
    api_table_array(table, "tags");
    api_table_text(table, NULL, SLICE("a"));
    api_table_text(table, NULL, SLICE("b"));
    api_table_close(table);
    api_table_close(table);
    api_table_row(table);
    api_table_int_or_null(table, "id", -1, -1);
    api_table_text(table, "name", SLICE_NONE);
    api_table_bool(table, "active", false);
    api_table_time(table, "opened_at", TIME_UNSET);
    api_table_rate(table, "open_rate", 0, 0);
    api_table_null(table, "job");
}

static void rows_as_json(void **state) {
    struct api_table *table = api_table_new(API_TABLE_JSON, 10000);
    fill(table);
    api_table_extras(table);
    api_table_int(table, "total", 2);
    assert_string_equal(api_table_finish(table, "next")->ptr,
                        "{\"data\":[{\"id\":1,\"name\":\"Jane \\\"JJ\\\", Doe\\n\\u0001\",\"active\":true,"
                        "\"opened_at\":\"1970-01-01T00:00:01.500Z\",\"open_rate\":68.16,"
                        "\"job\":{\"id\":5,\"tags\":[\"a\",\"b\"]}},"
                        "{\"id\":null,\"name\":null,\"active\":false,\"opened_at\":null,\"open_rate\":null,"
                        "\"job\":null}],\"total\":2,\"next_cursor\":\"next\"}");
    api_table_free(table);
}

static void rows_as_csv(void **state) {
    struct api_table *table = api_table_new(API_TABLE_CSV, 10000);
    fill(table);
    api_table_extras(table);
    api_table_int(table, "total", 2);
    assert_string_equal(api_table_finish(table, "next")->ptr,
                        "id,name,active,opened_at,open_rate,job\r\n"
                        "1,\"Jane \"\"JJ\"\", Doe\n\x01\",true,1970-01-01T00:00:01.500Z,68.16,"
                        "\"{\"\"id\"\":5,\"\"tags\"\":[\"\"a\"\",\"\"b\"\"]}\"\r\n"
                        ",,false,,,\r\n");
    api_table_free(table);
}

static void one_object(void **state) {
    struct api_table *table = api_table_new(API_TABLE_OBJECT, 10000);
    for (int round = 0; round < 2; round++) {
        api_table_int(table, "id", 7);
        api_table_array(table, "list");
        api_table_object(table, NULL);
        api_table_json(table, "raw", SLICE("{\"a\":1}"));
        api_table_close(table);
        api_table_close(table);
        if (round == 0) api_table_reset(table);
    }
    assert_string_equal(api_table_finish(table, NULL)->ptr, "{\"id\":7,\"list\":[{\"raw\":{\"a\":1}}]}");
    api_table_free(table);
}

static void nothing_found(void **state) {
    struct api_table *table = api_table_new(API_TABLE_JSON, 100);
    assert_string_equal(api_table_finish(table, NULL)->ptr, "{\"data\":[],\"next_cursor\":null}");
    api_table_free(table);
    table = api_table_new(API_TABLE_CSV, 100);
    assert_string_equal(api_table_finish(table, NULL)->ptr, "");
    api_table_free(table);
}

static const char *cell(struct api_table *table, struct slice value) {
    api_table_reset(table);
    api_table_row(table);
    api_table_text(table, "c", value);
    return api_table_finish(table, NULL)->ptr;
}

/* Compliance C-117: a spreadsheet must not run what a candidate wrote. */
static void formulas_are_text(void **state) {
    struct api_table *table = api_table_new(API_TABLE_CSV, 1000);
    assert_string_equal(cell(table, SLICE("=cmd|' /C calc'!A0")), "c\r\n\"'=cmd|' /C calc'!A0\"\r\n");
    assert_string_equal(cell(table, SLICE("+1")), "c\r\n\"'+1\"\r\n");
    assert_string_equal(cell(table, SLICE("-1")), "c\r\n\"'-1\"\r\n");
    assert_string_equal(cell(table, SLICE("@x")), "c\r\n\"'@x\"\r\n");
    assert_string_equal(cell(table, SLICE("\tx")), "c\r\n\"'\tx\"\r\n");
    assert_string_equal(cell(table, SLICE("a=b")), "c\r\na=b\r\n");
    api_table_free(table);
}

static void text_that_is_no_utf8(void **state) {
    struct api_table *table = api_table_new(API_TABLE_OBJECT, 1000);
    api_table_text(table, "broken", SLICE("a\xff\x7f"));
    api_table_text(table, "good", SLICE("\xc3\xa4"));
    api_table_text(table, "zero", slice_of("a\0b", 3));
    assert_string_equal(api_table_finish(table, NULL)->ptr,
                        "{\"broken\":\"a\xef\xbf\xbd\x7f\",\"good\":\"\xc3\xa4\",\"zero\":\"a\\u0000b\"}");
    api_table_free(table);
}

static void rates(void **state) {
    assert_int_equal(api_rate_hundredths(167, 245), 6816);
    assert_int_equal(api_rate_hundredths(59, 245), 2408);
    assert_int_equal(api_rate_hundredths(1, 3), 3333);
    assert_int_equal(api_rate_hundredths(2, 3), 6667);
    assert_int_equal(api_rate_hundredths(1, 20000), 1); /* half a hundredth goes up */
    assert_int_equal(api_rate_hundredths(-1, 20000), -1);
    assert_int_equal(api_rate_hundredths(INT64_MAX / 2, INT64_MAX / 2), 10000);
    assert_int_equal(api_rate_hundredths(5, 5), 10000);
}

static void numbers(void **state) {
    struct api_table *table = api_table_new(API_TABLE_OBJECT, 1000);
    api_table_real(table, "a", 3661.25, 1);
    api_table_real(table, "b", 0.0 / 0.0, 1);
    api_table_rate(table, "c", -1, 3);
    api_table_rate(table, "d", 3, 3);
    assert_string_equal(api_table_finish(table, NULL)->ptr, "{\"a\":3661.2,\"b\":null,\"c\":-33.33,\"d\":100.00}");
    api_table_free(table);
}

static void too_much_is_told(void **state) {
    struct api_table *table = api_table_new(API_TABLE_JSON, 50);
    for (int i = 0; i < 20; i++) {
        api_table_row(table);
        api_table_int(table, "id", i);
    }
    assert_true(api_table_finish(table, NULL)->overflow);
    api_table_free(table);
    table = api_table_new(API_TABLE_CSV, 20);
    api_table_row(table);
    api_table_array(table, "a");
    for (int i = 0; i < 20; i++)
        api_table_int(table, NULL, i);
    api_table_close(table);
    assert_true(api_table_finish(table, NULL)->overflow);
    api_table_free(table);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_as_json),  cmocka_unit_test(rows_as_csv),       cmocka_unit_test(one_object),
        cmocka_unit_test(nothing_found), cmocka_unit_test(formulas_are_text), cmocka_unit_test(text_that_is_no_utf8),
        cmocka_unit_test(rates),         cmocka_unit_test(numbers),           cmocka_unit_test(too_much_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
