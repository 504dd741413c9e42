#include "base/strbuf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "base/banned.h"

static void grows_and_stays_nul_ended(void **state) {
    struct strbuf buf;
    strbuf_init(&buf, 1 << 20);
    assert_string_equal(buf.ptr, "");
    for (int i = 0; i < 1000; i++)
        assert_int_equal(strbuf_add_cstr(&buf, "abc"), 0);
    assert_int_equal(buf.len, 3000);
    assert_int_equal(strlen(buf.ptr), 3000);
    assert_true(slice_ends_with(strbuf_slice(&buf), SLICE("cabc")));
    strbuf_release(&buf);
    assert_string_equal(buf.ptr, "");
    assert_int_equal(strbuf_add_char(&buf, 'x'), 0); /* usable again */
    assert_string_equal(buf.ptr, "x");
    strbuf_release(&buf);
}

static void takes_every_kind(void **state) {
    struct strbuf buf;
    strbuf_init(&buf, 1000);
    strbuf_add_i64(&buf, INT64_MIN);
    strbuf_add_char(&buf, ' ');
    strbuf_add_slice(&buf, SLICE("a\0b"));
    strbuf_add_slice(&buf, SLICE_NONE);
    strbuf_printf(&buf, " %d-%s", 7, "seven");
    strbuf_printf(&buf, "%s", "");
    assert_true(slice_equal(strbuf_slice(&buf), SLICE("-9223372036854775808 a\0b 7-seven")));
    char *room = strbuf_reserve(&buf, 10);
    assert_non_null(room);
    memcpy(room, "xyz", 3);
    strbuf_grew(&buf, 3);
    assert_true(slice_ends_with(strbuf_slice(&buf), SLICE("sevenxyz")));
    assert_int_equal(buf.ptr[buf.len], '\0');
    strbuf_release(&buf);
}

static void an_append_past_the_cap_changes_nothing(void **state) {
    struct strbuf buf;
    strbuf_init(&buf, 5);
    assert_int_equal(strbuf_add_cstr(&buf, "abc"), 0);
    assert_int_equal(strbuf_add_cstr(&buf, "def"), -1);
    assert_true(buf.overflow);
    assert_string_equal(buf.ptr, "abc");
    assert_int_equal(strbuf_add_char(&buf, 'd'), -1); /* would fit, but the text would have a hole */
    assert_int_equal(strbuf_printf(&buf, "d"), -1);
    assert_int_equal(strbuf_add_slice(&buf, SLICE_NONE), -1);
    assert_null(strbuf_reserve(&buf, 1));
    assert_string_equal(buf.ptr, "abc");
    strbuf_clear(&buf);
    assert_false(buf.overflow);
    assert_string_equal(buf.ptr, "");
    assert_int_equal(strbuf_add_cstr(&buf, "12345"), 0); /* exactly the cap */
    assert_int_equal(strbuf_add_char(&buf, '6'), -1);
    assert_string_equal(buf.ptr, "12345");
    strbuf_release(&buf);
}

static void printing_past_the_cap_changes_nothing(void **state) {
    struct strbuf buf;
    strbuf_init(&buf, 20);
    strbuf_add_cstr(&buf, "0123456789");
    assert_int_equal(strbuf_printf(&buf, "%s", "0123456789X"), -1);
    assert_string_equal(buf.ptr, "0123456789");
    strbuf_clear(&buf);
    strbuf_add_cstr(&buf, "0123456789");
    assert_int_equal(strbuf_printf(&buf, "%s", "0123456789"), 0);
    assert_string_equal(buf.ptr, "01234567890123456789");
    strbuf_release(&buf);
}

static void a_cap_of_nothing(void **state) {
    struct strbuf buf;
    strbuf_init(&buf, 0);
    assert_int_equal(strbuf_add(&buf, NULL, 0), 0);
    assert_int_equal(strbuf_printf(&buf, "%s", ""), 0);
    assert_int_equal(strbuf_add_char(&buf, 'a'), -1);
    assert_string_equal(buf.ptr, "");
    strbuf_clear(&buf);
    strbuf_release(&buf);
}

static void huge_lengths_do_not_wrap(void **state) {
    struct strbuf buf;
    strbuf_init(&buf, 100);
    strbuf_add_cstr(&buf, "abc");
    assert_null(strbuf_reserve(&buf, SIZE_MAX));
    assert_null(strbuf_reserve(&buf, SIZE_MAX - 2));
    assert_string_equal(buf.ptr, "abc");
    strbuf_release(&buf);
}

static void detach_hands_over(void **state) {
    struct strbuf buf;
    size_t len = 99;
    strbuf_init(&buf, 100);
    char *bytes = strbuf_detach(&buf, &len);
    assert_string_equal(bytes, "");
    assert_int_equal(len, 0);
    free(bytes);
    strbuf_add_cstr(&buf, "abc");
    bytes = strbuf_detach(&buf, &len);
    assert_string_equal(bytes, "abc");
    assert_int_equal(len, 3);
    assert_int_equal(buf.len, 0);
    free(bytes);
    strbuf_release(&buf);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows_and_stays_nul_ended),
        cmocka_unit_test(takes_every_kind),
        cmocka_unit_test(an_append_past_the_cap_changes_nothing),
        cmocka_unit_test(printing_past_the_cap_changes_nothing),
        cmocka_unit_test(a_cap_of_nothing),
        cmocka_unit_test(huge_lengths_do_not_wrap),
        cmocka_unit_test(detach_hands_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
