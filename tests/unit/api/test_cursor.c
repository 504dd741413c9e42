#include "api/cursor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void gives_back_what_was_put_in(void **state) {
    const int64_t values[] = {0, INT64_MAX, INT64_MIN, -1};
    int64_t read[4];
    char text[CURSOR_TEXT_MAX];
    for (size_t count = 0; count <= 4; count++) {
        struct slice cursor = cursor_format(SLICE("emails"), values, count, text);
        assert_true(cursor.len < CURSOR_TEXT_MAX);
        assert_true(cursor_parse(cursor, SLICE("emails"), read, count));
        assert_memory_equal(read, values, count * sizeof(*values));
    }
}

static void belongs_to_one_list(void **state) {
    int64_t value = 42, read = 7;
    char text[CURSOR_TEXT_MAX];
    struct slice cursor = cursor_format(SLICE("emails"), &value, 1, text);
    assert_false(cursor_parse(cursor, SLICE("users"), &read, 1));
    assert_false(cursor_parse(cursor, SLICE("emails"), &read, 0));
    int64_t two[2];
    assert_false(cursor_parse(cursor, SLICE("emails"), two, 2));
    assert_int_equal(read, 7);
}

static void every_changed_character_is_noticed(void **state) {
    const int64_t values[] = {1700000000000, 123456};
    int64_t read[2];
    char text[CURSOR_TEXT_MAX], changed[CURSOR_TEXT_MAX];
    struct slice cursor = cursor_format(SLICE("emails"), values, 2, text);
    for (size_t i = 0; i < cursor.len; i++) {
        memcpy(changed, text, cursor.len);
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        assert_false(cursor_parse(slice_of(changed, cursor.len), SLICE("emails"), read, 2));
        assert_false(cursor_parse(slice_first(cursor, i), SLICE("emails"), read, 2));
    }
    assert_false(cursor_parse(SLICE("not a cursor"), SLICE("emails"), read, 2));
    assert_false(cursor_parse(SLICE(""), SLICE("emails"), read, 0));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_back_what_was_put_in),
        cmocka_unit_test(belongs_to_one_list),
        cmocka_unit_test(every_changed_character_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
