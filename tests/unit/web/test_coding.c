#include "web/coding.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static bool takes(const char *header, const char *coding) {
    return coding_accepted(slice_cstr(header), slice_cstr(coding));
}

static void a_coding_is_taken_when_it_is_named_and_not_refused(void **state) {
    assert_true(takes("br", "br"));
    assert_true(takes("gzip, deflate, br", "br"));
    assert_true(takes("gzip;q=0.1,BR ; q=1", "br"));
    assert_true(takes("br;q=0.001", "br"));
    assert_false(takes("", "br"));
    assert_false(takes("gzip", "br"));
    assert_false(takes("brotli", "br"));
    assert_false(takes("br;q=0", "br"));
    assert_false(takes("br; Q=0.000", "br"));
    assert_false(coding_accepted(slice_of(NULL, 0), SLICE("br")));
}

static void the_star_stands_for_what_is_not_named(void **state) {
    assert_true(takes("*", "gzip"));
    assert_true(takes("br;q=0, *", "gzip"));
    assert_false(takes("*, gzip;q=0", "gzip"));
    assert_false(takes("*;q=0", "gzip"));
    assert_true(takes("*;q=0, gzip", "gzip"));
}

static bool matches(const char *header, const char *etag) {
    return etag_matches(slice_cstr(header), slice_cstr(etag));
}

static void tags_match_whole_and_weakly(void **state) {
    assert_true(matches("\"a-br\"", "\"a-br\""));
    assert_true(matches("\"x\" , W/\"a\"", "\"a\""));
    assert_true(matches("*", "\"a\""));
    assert_false(matches("\"a-br\"", "\"a\""));
    assert_false(matches("a", "\"a\""));
    assert_false(matches("", "\"a\""));
    assert_false(matches("w/\"a\"", "\"a\""));
}

static struct slice cookie(const char *header) {
    return cookie_value(slice_cstr(header), SLICE("theme"));
}

static void a_cookie_is_found_by_its_whole_name(void **state) {
    assert_true(slice_equal(cookie("theme=dark"), SLICE("dark")));
    assert_true(slice_equal(cookie("a=b;theme=dark; c=d"), SLICE("dark")));
    assert_true(slice_equal(cookie("theme=a=b"), SLICE("a=b")));
    assert_true(slice_equal(cookie("theme=first; theme=second"), SLICE("first")));
    assert_true(slice_empty(cookie("mytheme=dark; themes=dark; theme")));
    assert_true(slice_empty(cookie("Theme=dark")));
    assert_true(slice_empty(cookie("")));
    assert_true(slice_empty(cookie_value(slice_of(NULL, 0), SLICE("theme"))));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_coding_is_taken_when_it_is_named_and_not_refused),
        cmocka_unit_test(the_star_stands_for_what_is_not_named),
        cmocka_unit_test(tags_match_whole_and_weakly),
        cmocka_unit_test(a_cookie_is_found_by_its_whole_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
