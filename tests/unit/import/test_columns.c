#include "import/format.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/banned.h"

static struct csv_row row_of(const struct slice *fields, size_t count) {
    return (struct csv_row){.fields = fields, .count = count, .line = 1};
}

static void written(const struct columns *columns, const struct slice *fields, size_t count, const char *expected) {
    struct csv_row row = row_of(fields, count);
    struct strbuf out;
    struct err err = {0};
    strbuf_init(&out, 4096);
    if (columns_write(columns, &row, &out, &err) != 0) fail_msg("%s", err.text);
    assert_string_equal(out.ptr, expected);
    strbuf_release(&out);
}

static void test_email(void **state) {
    const struct slice headings[] = {SLICE("Message ID"),    SLICE("To"),   SLICE("candidate_name"), SLICE("Sent At"),
                                     SLICE("Sequence.Step"), SLICE("Other")};
    const struct slice fields[] = {SLICE("m\"1"), SLICE("a@b.c"), SLICE(" Jane "), SLICE("2026-01-02 03:04:05 UTC"),
                                   SLICE("3"),    SLICE("x")};
    struct csv_row row = row_of(headings, 6);
    struct columns columns;
    struct err err = {0};
    assert_null(import_format_of_row(&row));
    assert_int_equal(
        columns_read(import_format_find(SLICE("emails-csv")), SLICE("to=candidate.email"), &row, &columns, &err), 0);
    written(&columns, fields, 6,
            "{\"message_id\":\"m\\\"1\",\"sent_at\":\"2026-01-02 03:04:05\",\"candidate\":{\"name\":\"Jane\","
            "\"email\":\"a@b.c\"},\"sequence\":{\"step\":3}}");
    written(&columns, fields, 1, "{\"message_id\":\"m\\\"1\"}");
    assert_int_equal(
        columns_read(import_format_find(SLICE("emails-csv")), SLICE("Nobody=subject"), &row, &columns, &err),
        -ERR_INVALID);
    assert_int_equal(columns_read(import_format_find(SLICE("emails-csv")), SLICE("To=nothing"), &row, &columns, &err),
                     -ERR_INVALID);
    assert_int_equal(columns_read(import_format_find(SLICE("emails-csv")), SLICE("To"), &row, &columns, &err),
                     -ERR_INVALID);
}

static void test_activity(void **state) {
    const struct slice headings[] = {SLICE("processed"), SLICE("message_id"), SLICE("event"), SLICE("unique_args")};
    const struct slice fields[] = {SLICE("2026-01-02T03:04:05Z"), SLICE("m"), SLICE("opened"), SLICE("{\"k\":\"v\"}")};
    struct csv_row row = row_of(headings, 4);
    struct columns columns;
    const struct import_format *format = import_format_of_row(&row);
    assert_non_null(format);
    assert_string_equal(format->name, "sendgrid-csv");
    assert_int_equal(columns_read(format, SLICE_NONE, &row, &columns, NULL), 0);
    written(&columns, fields, 4,
            "{\"event\":\"open\",\"timestamp\":\"2026-01-02T03:04:05Z\",\"sg_message_id\":\"m\",\"k\":\"v\"}");
}

static void test_none(void **state) {
    const struct slice headings[] = {SLICE("a"), SLICE("b")};
    struct csv_row row = row_of(headings, 2);
    struct columns columns;
    assert_int_equal(columns_read(import_format_find(SLICE("events-csv")), SLICE_NONE, &row, &columns, NULL),
                     -ERR_INVALID);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_email), cmocka_unit_test(test_activity),
                                       cmocka_unit_test(test_none)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
