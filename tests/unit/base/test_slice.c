#include "base/slice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "base/banned.h"

static void compare_orders_by_bytes_then_length(void **state) {
    assert_int_equal(slice_compare(SLICE("abc"), SLICE("abc")), 0);
    assert_true(slice_compare(SLICE("abc"), SLICE("abd")) < 0);
    assert_true(slice_compare(SLICE("ab"), SLICE("abc")) < 0);
    assert_true(slice_compare(SLICE("abc"), SLICE("ab")) > 0);
    assert_true(slice_compare(SLICE("\x7f"), SLICE("\xff")) < 0); /* unsigned */
    assert_int_equal(slice_compare(SLICE_NONE, SLICE("")), 0);
    assert_true(slice_compare(SLICE_NONE, SLICE("a")) < 0);
}

static void equality(void **state) {
    assert_true(slice_equal(SLICE_NONE, SLICE("")));
    assert_false(slice_equal(SLICE("a"), SLICE("A")));
    assert_true(slice_equal(SLICE("a\0b"), SLICE("a\0b")));
    assert_false(slice_equal(SLICE("a\0b"), SLICE("a\0c")));
    assert_true(slice_equal_nocase(SLICE("Content-TYPE"), SLICE("content-type")));
    assert_false(slice_equal_nocase(SLICE("a"), SLICE("ab")));
    assert_false(slice_equal_nocase(SLICE("@"), SLICE("`"))); /* 32 apart, but no letters */
    assert_false(slice_equal_nocase(SLICE("["), SLICE("{")));
    assert_true(slice_equal_secret(SLICE("secret"), SLICE("secret")));
    assert_false(slice_equal_secret(SLICE("secret"), SLICE("secreT")));
    assert_false(slice_equal_secret(SLICE("secret"), SLICE("secre")));
    assert_true(slice_equal_secret(SLICE_NONE, SLICE("")));
}

static void prefixes_and_suffixes(void **state) {
    assert_true(slice_starts_with(SLICE("whsec_abc"), SLICE("whsec_")));
    assert_true(slice_starts_with(SLICE("x"), SLICE("")));
    assert_true(slice_starts_with(SLICE_NONE, SLICE_NONE));
    assert_false(slice_starts_with(SLICE("wh"), SLICE("whsec_")));
    assert_true(slice_ends_with(SLICE("cert.pem"), SLICE(".pem")));
    assert_true(slice_ends_with(SLICE("cert.pem"), SLICE("")));
    assert_false(slice_ends_with(SLICE("pem"), SLICE(".pem")));
    assert_int_equal(slice_from(SLICE("abc"), 1).len, 2);
    assert_null(slice_from(SLICE("abc"), 3).ptr);
    assert_int_equal(slice_first(SLICE("abc"), 9).len, 3);
}

static void trim_takes_white_space_at_both_ends(void **state) {
    assert_true(slice_equal(slice_trim(SLICE(" \t\r\n\v\fa b \n")), SLICE("a b")));
    assert_int_equal(slice_trim(SLICE("  ")).len, 0);
    assert_int_equal(slice_trim(SLICE_NONE).len, 0);
    assert_int_equal(slice_trim(SLICE("\xc2\xa0")).len, 2); /* ASCII only */
}

static void find(void **state) {
    assert_int_equal(slice_find(SLICE("abcabc"), SLICE("ca")), 2);
    assert_int_equal(slice_find(SLICE("abc"), SLICE("")), 0);
    assert_int_equal(slice_find(SLICE_NONE, SLICE("")), 0);
    assert_int_equal(slice_find(SLICE("ab"), SLICE("abc")), -1);
    assert_int_equal(slice_find(SLICE("a\0b"), SLICE("\0b")), 1);
    assert_int_equal(slice_find_char(SLICE("a=b=c"), '='), 1);
    assert_int_equal(slice_find_char(SLICE("abc"), 'd'), -1);
    assert_int_equal(slice_find_char(SLICE_NONE, 'd'), -1);
}

static void expect_parts(struct slice text, const char *const *parts, size_t count) {
    struct slice part;
    for (size_t i = 0; i < count; i++) {
        assert_true(slice_split_next(&text, ',', &part));
        assert_true(slice_equal(part, slice_cstr(parts[i])));
    }
    assert_false(slice_split_next(&text, ',', &part));
    assert_null(text.ptr);
}

static void split_keeps_empty_parts(void **state) {
    expect_parts(SLICE("a,,b"), (const char *const[]){"a", "", "b"}, 3);
    expect_parts(SLICE("a,"), (const char *const[]){"a", ""}, 2);
    expect_parts(SLICE(","), (const char *const[]){"", ""}, 2);
    expect_parts(SLICE(""), (const char *const[]){""}, 1);
    expect_parts(SLICE_NONE, NULL, 0);
}

static void parse_i64_is_strict(void **state) {
    static const struct {
        struct slice text;
        int64_t value;
    } good[] = {
        {{"0", 1}, 0},
        {{"-0", 2}, 0},
        {{"007", 3}, 7},
        {{"9223372036854775807", 19}, INT64_MAX},
        {{"-9223372036854775808", 20}, INT64_MIN},
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        int64_t value = 1;
        assert_true(slice_parse_i64(good[i].text, &value));
        assert_int_equal(value, good[i].value);
    }
    static const char *const bad[] = {"",
                                      "-",
                                      "+1",
                                      " 1",
                                      "1 ",
                                      "1.0",
                                      "0x1",
                                      "--1",
                                      "9223372036854775808",
                                      "-9223372036854775809",
                                      "99999999999999999999999",
                                      "1e3"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        int64_t value = 42;
        assert_false(slice_parse_i64(slice_cstr(bad[i]), &value));
        assert_int_equal(value, 42);
    }
    int64_t value;
    assert_false(slice_parse_i64(SLICE("1\0002"), &value));
}

static void utf8(void **state) {
    static const char *const good[] = {"",
                                       "plain",
                                       "\xc2\x80",
                                       "\xdf\xbf",
                                       "\xe0\xa0\x80",
                                       "\xed\x9f\xbf",
                                       "\xee\x80\x80",
                                       "\xf0\x90\x80\x80",
                                       "\xf4\x8f\xbf\xbf",
                                       "eight bytes of ASCII and then \xe2\x82\xac, and more of it"};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_true(slice_is_utf8(slice_cstr(good[i])));
    static const char *const bad[] = {
        "\x80",             /* continuation alone */
        "\xc0\x80",         /* overlong NUL */
        "\xc1\xbf",         /* overlong */
        "\xe0\x9f\xbf",     /* overlong */
        "\xf0\x8f\xbf\xbf", /* overlong */
        "\xed\xa0\x80",     /* surrogate */
        "\xed\xbf\xbf",     /* surrogate */
        "\xf4\x90\x80\x80", /* above U+10FFFF */
        "\xf5\x80\x80\x80",
        "\xff",
        "\xc2",         /* cut */
        "\xe2\x82",     /* cut */
        "\xf0\x90\x80", /* cut */
        "\xe2\x28\xa1", /* second byte is none */
        "12345678\377 12345678",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(slice_is_utf8(slice_cstr(bad[i])));
    assert_true(slice_is_utf8(SLICE("a\0b")));
    assert_int_equal(slice_utf8_char(SLICE("\xe2\x82\xacx")), 3);
    assert_int_equal(slice_utf8_char(SLICE_NONE), 0);
}

static void cutting_keeps_characters_whole(void **state) {
    struct slice text = SLICE("a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"); /* lengths 1, 2, 3, 4 */
    static const size_t expected[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 10};
    for (size_t len = 0; len < sizeof(expected) / sizeof(expected[0]); len++)
        assert_int_equal(slice_first_utf8(text, len).len, expected[len]);
    assert_int_equal(slice_first_utf8(SLICE("\x80\x80\x80\x80\x80\x80"), 5).len, 5); /* no text at all: just cut */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compare_orders_by_bytes_then_length),
        cmocka_unit_test(equality),
        cmocka_unit_test(prefixes_and_suffixes),
        cmocka_unit_test(trim_takes_white_space_at_both_ends),
        cmocka_unit_test(find),
        cmocka_unit_test(split_keeps_empty_parts),
        cmocka_unit_test(parse_i64_is_strict),
        cmocka_unit_test(utf8),
        cmocka_unit_test(cutting_keeps_characters_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
