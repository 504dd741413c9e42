#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/slice.h"

#include "base/banned.h"

static void set_gives_code_and_text(void **state) {
    struct err err = {0};
    assert_int_equal(err_set(&err, ERR_CONFLICT, "the user %d exists", 7), -ERR_CONFLICT);
    assert_int_equal(err.code, ERR_CONFLICT);
    assert_string_equal(err.text, "the user 7 exists");
    assert_int_equal(err_prefix(&err, "row %d", 3), -ERR_CONFLICT);
    assert_string_equal(err.text, "row 3: the user 7 exists");
    assert_int_equal(err_set(NULL, ERR_FULL, "full"), -ERR_FULL);
    assert_int_equal(err_prefix(NULL, "x"), -ERR_INTERNAL);
}

static void an_error_can_be_part_of_the_next(void **state) {
    struct err err = {0};
    err_set(&err, ERR_UNAVAILABLE, "disk full");
    err_set(&err, ERR_INTERNAL, "cannot write: %s", err.text);
    assert_string_equal(err.text, "cannot write: disk full");
}

static void long_texts_are_cut_between_characters(void **state) {
    struct err err = {0};
    char text[1000];
    for (size_t shift = 0; shift < 4; shift++) {
        memset(text, 'x', sizeof(text));
        for (size_t i = shift; i + 4 < sizeof(text); i += 4)
            memcpy(text + i, "\xf0\x9f\x98\x80", 4);
        text[sizeof(text) - 1] = '\0';
        err_set(&err, ERR_INVALID, "%s", text);
        assert_true(strlen(err.text) >= sizeof(err.text) - 4 && strlen(err.text) < sizeof(err.text));
        assert_true(slice_is_utf8(slice_cstr(err.text)));
        err_prefix(&err, "%s", text);
        assert_true(strlen(err.text) >= sizeof(err.text) - 4 && strlen(err.text) < sizeof(err.text));
        assert_true(slice_is_utf8(slice_cstr(err.text)));
    }
}

static void every_code_has_a_name_of_its_own(void **state) {
    for (int code = ERR_INVALID; code <= ERR_INTERNAL; code++) {
        assert_string_not_equal(err_code_name((enum err_code)code), "unknown");
        for (int other = ERR_INVALID; other < code; other++)
            assert_string_not_equal(err_code_name((enum err_code)code), err_code_name((enum err_code)other));
    }
    assert_string_equal(err_code_name(ERR_NOT_FOUND), "not_found");
    assert_string_equal(err_code_name((enum err_code)0), "unknown");
    assert_string_equal(err_code_name((enum err_code)99), "unknown");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(set_gives_code_and_text),
        cmocka_unit_test(an_error_can_be_part_of_the_next),
        cmocka_unit_test(long_texts_are_cut_between_characters),
        cmocka_unit_test(every_code_has_a_name_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
