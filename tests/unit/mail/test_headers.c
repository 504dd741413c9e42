#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "mail/headers.h"

#define NOON      1795521600000LL /* 2026-11-24T12:00:00Z */
#define NOON_TEXT "Tue, 24 Nov 2026 12:00:00 +0000"

static struct arena *arena;

static void test_ids(void **state) {
    (void)state;
    struct slice ids[3];
    assert_int_equal(header_ids(SLICE("<a@b> (comment)\r\n\t<c\r\n d@e>"), arena, ids, 3), 2);
    assert_true(slice_equal(ids[1], SLICE("cd@e")));
    assert_int_equal(header_ids(SLICE("a@b"), arena, ids, 3), 1);
    assert_int_equal(header_ids(SLICE("your message of Monday"), arena, ids, 3), 0);
    assert_int_equal(header_ids(SLICE("<><a@b><c@d><e@f><g@h>"), arena, ids, 3), 3);
    assert_int_equal(header_ids(SLICE("<never closed"), arena, ids, 3), 0);
}

static void test_addresses(void **state) {
    (void)state;
    struct slice found[4];
    assert_int_equal(
        header_addresses(SLICE("\"Doe, Jane\" <jane@x.org>, team: a@x.org, b@x.org;, c@x.org"), arena, found, 4), 4);
    assert_true(slice_equal(found[0], SLICE("jane@x.org")));
    assert_true(slice_equal(found[3], SLICE("c@x.org")));
    assert_int_equal(header_addresses(SLICE("undisclosed-recipients:;"), arena, found, 4), 0);
    assert_int_equal(header_addresses(SLICE_NONE, arena, found, 4), 0);
}

static void test_date(void **state) {
    (void)state;
    int64_t ms = 0;
    assert_true(header_date(SLICE("Tue, 24 Nov 2026 10:15:10 +0100 (CET)"), arena, &ms));
    assert_true(ms == NOON - 2 * 3600 * 1000LL - (44 * 60 + 50) * 1000LL);
    assert_false(header_date(SLICE("yesterday"), arena, &ms));
    assert_false(header_date(SLICE("Tue, 24 Nov 1926 10:15:10 +0100"), arena, &ms));
    assert_false(header_date(SLICE_NONE, arena, &ms));
}

static int64_t time_of(const char *date, const char *received, int64_t received_at) {
    struct received_header headers[] = {{SLICE("Date"), slice_cstr(date)}, {SLICE("Received"), slice_cstr(received)}};
    struct received_mail mail = {.headers = headers, .header_count = received ? 2 : 1, .received_at = received_at};
    return mail_time(&mail, arena);
}

/* The same mail has the same time whichever way and whenever it came in. */
static void test_mail_time(void **state) {
    (void)state;
    static const char hop[] = "from a by b; Tue, 24 Nov 2026 12:00:30 +0000";
    const int64_t day = 24 * 3600 * 1000LL;
    assert_true(time_of(NOON_TEXT, hop, NOON + 60000) == NOON);
    assert_true(time_of(NOON_TEXT, hop, NOON + 400 * day) == NOON);
    assert_true(time_of(NOON_TEXT, NULL, NOON + 29 * day) == NOON);
    assert_true(time_of("Tue, 24 Nov 2020 12:00:00 +0000", hop, NOON + 60000) == NOON + 30000);
    assert_true(time_of("Tue, 24 Nov 2030 12:00:00 +0000", hop, NOON + 60000) == NOON + 30000);
    assert_true(time_of("Tue, 24 Nov 2030 12:00:00 +0000", NULL, NOON) == NOON);
    assert_true(time_of("nonsense", "from a by b", NOON) == NOON);
    /* A server's time in the future is a lie. */
    assert_true(time_of("nonsense", "x; Tue, 24 Nov 2030 12:00:00 +0000", NOON) == NOON);
}

static void test_fields(void **state) {
    (void)state;
    struct slice rest = SLICE("\n\nA: one\r\n folded\r\nbroken line\r\n lost\nB:two\n\nC: three");
    struct received_header fields[4];
    assert_int_equal(received_headers_read(&rest, fields, 4), 2);
    assert_true(slice_equal(field_value(fields, 2, SLICE("a")), SLICE("one\r\n folded")));
    assert_true(slice_equal(field_value(fields, 2, SLICE("b")), SLICE("two")));
    assert_int_equal(received_headers_read(&rest, fields, 4), 1);
    assert_null(rest.ptr);
    assert_int_equal(received_headers_read(&rest, fields, 4), 0);
}

static void test_parameter(void **state) {
    (void)state;
    struct slice value = SLICE("multipart/report; Report-Type=\"delivery-status\";\r\n\tboundary=x");
    assert_true(slice_equal(header_parameter(value, SLICE("report-type")), SLICE("delivery-status")));
    assert_true(slice_equal(header_parameter(value, SLICE("boundary")), SLICE("x")));
    assert_true(slice_empty(header_parameter(value, SLICE("charset"))));
}

int main(void) {
    mail_global_init();
    arena = arena_new();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ids),       cmocka_unit_test(test_addresses), cmocka_unit_test(test_date),
        cmocka_unit_test(test_mail_time), cmocka_unit_test(test_fields),    cmocka_unit_test(test_parameter),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_free(arena);
    return failed;
}
