#include "http/target.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct arena *arena;

static bool parse(const char *raw, struct http_target *ret) {
    return target_parse(arena, slice_cstr(raw), ret);
}

#define ASSERT_SLICE(slice_, text) assert_true(slice_equal((slice_), SLICE(text)))

static void test_path_and_query(void **state) {
    struct http_target target;
    assert_true(parse("/a/b%20c/?x=1&y", &target));
    ASSERT_SLICE(target.path, "/a/b c/");
    ASSERT_SLICE(target.query, "x=1&y");
    assert_int_equal(target.segment_count, 3);
    ASSERT_SLICE(target.segments[0], "a");
    ASSERT_SLICE(target.segments[1], "b c");
    ASSERT_SLICE(target.segments[2], "");
}

static void test_escaped_slash_separates_nothing(void **state) {
    struct http_target target;
    assert_true(parse("/a%2Fb/c", &target));
    ASSERT_SLICE(target.path, "/a/b/c");
    assert_int_equal(target.segment_count, 2);
    ASSERT_SLICE(target.segments[0], "a/b");
}

static void test_absolute_form(void **state) {
    struct http_target target;
    assert_true(parse("http://example.org/a", &target));
    ASSERT_SLICE(target.path, "/a");
    assert_true(parse("HTTPS://example.org", &target));
    ASSERT_SLICE(target.path, "/");
    assert_false(parse("http://example.org?x", &target));
    assert_false(parse("ftp://example.org/a", &target));
}

static void test_refused(void **state) {
    static const char *const bad[] = {"",       "*",    "a",     "/%",     "/%2",     "/%zz", "/%0g",
                                      "/a%00b", "/a b", "/a\tb", "/a\x7f", "/a\x01b", "?a=b", "/%%41"};
    struct http_target target;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(parse(bad[i], &target));
}

static void test_too_many_segments_are_said(void **state) {
    char path[2 * TARGET_SEGMENTS_MAX + 3] = "";
    for (size_t i = 0; i <= TARGET_SEGMENTS_MAX; i++)
        memcpy(path + 2 * i, "/a", 3);
    struct http_target target;
    assert_true(parse(path, &target));
    assert_int_equal(target.segment_count, TARGET_SEGMENTS_MAX + 1);
}

static void test_query_pieces(void **state) {
    struct slice rest = SLICE("a=1&&b&c=&d=x%3dy+z&=v"), name, value;
    assert_true(query_next(&rest, &name, &value));
    ASSERT_SLICE(name, "a");
    ASSERT_SLICE(value, "1");
    assert_true(query_next(&rest, &name, &value));
    ASSERT_SLICE(name, "b");
    assert_int_equal(value.len, 0);
    assert_true(query_next(&rest, &name, &value));
    ASSERT_SLICE(name, "c");
    assert_int_equal(value.len, 0);
    assert_true(query_next(&rest, &name, &value));
    ASSERT_SLICE(query_decode(arena, value), "x=y z");
    assert_true(query_next(&rest, &name, &value));
    assert_int_equal(name.len, 0);
    assert_false(query_next(&rest, &name, &value));
    rest = SLICE_NONE;
    assert_false(query_next(&rest, &name, &value));
    rest = SLICE("&&");
    assert_false(query_next(&rest, &name, &value));
}

static void test_query_takes_odd_escapes_as_they_are(void **state) {
    ASSERT_SLICE(query_decode(arena, SLICE("100%")), "100%");
    ASSERT_SLICE(query_decode(arena, SLICE("%4")), "%4");
    ASSERT_SLICE(query_decode(arena, SLICE("%zz%41")), "%zzA");
    assert_true(slice_equal(query_decode(arena, SLICE("a%00b")), slice_of("a\0b", 3)));
}

static int set_up(void **state) {
    arena = arena_new();
    return 0;
}

static int tear_down(void **state) {
    arena = arena_free(arena);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_path_and_query),
        cmocka_unit_test(test_escaped_slash_separates_nothing),
        cmocka_unit_test(test_absolute_form),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_too_many_segments_are_said),
        cmocka_unit_test(test_query_pieces),
        cmocka_unit_test(test_query_takes_odd_escapes_as_they_are),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
