#include "base/form.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/strbuf.h"

#include "base/banned.h"

#define URLENCODED "application/x-www-form-urlencoded"
#define MULTIPART  "multipart/form-data; boundary=xYz"

struct form {
    struct form_field *fields;
    size_t count;
};

static int parse(const char *content_type, struct slice body, struct arena *arena, struct form *ret, struct err *err) {
    return form_parse(slice_cstr(content_type), body, arena, &ret->fields, &ret->count, err);
}

static struct form parsed(const char *content_type, struct slice body, struct arena *arena) {
    struct form form = {0};
    struct err err = {0};
    if (parse(content_type, body, arena, &form, &err) != 0) fail_msg("%s", err.text);
    return form;
}

static void assert_field(const struct form *form, size_t index, const char *name, const char *value) {
    assert_true(index < form->count);
    if (!slice_equal(form->fields[index].name, slice_cstr(name)) ||
        !slice_equal(form->fields[index].value, slice_cstr(value)))
        fail_msg("field %zu is %.*s=%.*s", index, SLICE_FMT(form->fields[index].name),
                 SLICE_FMT(form->fields[index].value));
}

static void assert_refused(const char *content_type, struct slice body, enum err_code code, const char *text) {
    struct arena *arena = arena_new();
    struct form form = {(struct form_field *)arena, 77};
    struct err err = {0};
    assert_int_equal(parse(content_type, body, arena, &form, &err), -(int)code);
    assert_string_equal(err.text, text);
    assert_true(form.fields == (void *)arena && form.count == 77); /* untouched */
    arena_free(arena);
}

static void url_encoded_pairs(void **state) {
    struct arena *arena = arena_new();
    struct form form =
        parsed(URLENCODED "; charset=utf-8", SLICE("a=1&b+c=d%20e%2b%C3%A9&&empty=&alone&=v&a=2=3"), arena);
    assert_int_equal(form.count, 6);
    assert_field(&form, 0, "a", "1");
    assert_field(&form, 1, "b c", "d e+\xc3\xa9");
    assert_field(&form, 2, "empty", "");
    assert_field(&form, 3, "alone", "");
    assert_field(&form, 4, "", "v");
    assert_field(&form, 5, "a", "2=3");
    assert_true(slice_equal(form_value(form.fields, form.count, SLICE("a")), SLICE("1"))); /* the first */
    assert_ptr_equal(form_find(form.fields, form.count, SLICE("alone")), &form.fields[3]);
    assert_null(form_find(form.fields, form.count, SLICE("A")));
    assert_true(slice_empty(form_value(form.fields, form.count, SLICE("A"))));
    assert_int_equal(parsed("Application/X-WWW-Form-URLencoded", SLICE_NONE, arena).count, 0);
    arena_free(arena);
}

static void escapes_that_are_none_stand_for_themselves(void **state) {
    struct arena *arena = arena_new();
    struct form form = parsed(URLENCODED, SLICE("a=100%&b=%4&c=%zz%4G&d=%41%"), arena);
    assert_field(&form, 0, "a", "100%");
    assert_field(&form, 1, "b", "%4");
    assert_field(&form, 2, "c", "%zz%4G");
    assert_field(&form, 3, "d", "A%");
    arena_free(arena);
}

static void multipart_parts(void **state) {
    struct arena *arena = arena_new();
    struct form form = parsed("Multipart/Form-Data; charset=utf-8; BOUNDARY=\"xYz\"",
                              SLICE("a preamble\r\n--xYz \t\r\n"
                                    "Content-Disposition: form-data; name=\"subject\"\r\n\r\n"
                                    "line 1\r\nline 2 --xYz\r\n--xYzz\r\n-- xYz\r\n\r\n--xYz\r\n"
                                    "content-type: message/rfc822; name=x\r\n"
                                    "CONTENT-DISPOSITION: form-data;NAME=file ; "
                                    "filename=\"C:\\tmp\\a;\\\"b\\\\\"\r\n\r\n\0\xff\r\n--xYz\r\n"
                                    "\r\nbare\r\n--xYz--\r\nan epilogue\r\n--xYz\r\n"),
                              arena);
    assert_int_equal(form.count, 3);
    assert_field(&form, 0, "subject", "line 1\r\nline 2 --xYz\r\n--xYzz\r\n-- xYz\r\n");
    assert_true(slice_empty(form.fields[0].filename) && slice_empty(form.fields[0].content_type));
    assert_true(slice_equal(form.fields[1].name, SLICE("file")));
    assert_true(slice_equal(form.fields[1].filename, SLICE("C:\\tmp\\a;\"b\\")));
    assert_true(slice_equal(form.fields[1].content_type, SLICE("message/rfc822; name=x")));
    assert_true(slice_equal(form.fields[1].value, SLICE("\0\xff")));
    assert_field(&form, 2, "", "bare");
    arena_free(arena);
}

static void empty_multiparts(void **state) {
    struct arena *arena = arena_new();
    assert_int_equal(parsed(MULTIPART, SLICE("--xYz--"), arena).count, 0);
    struct form form = parsed(
        MULTIPART, SLICE("--xYz\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n--xYz\r\n\r\n\r\n--xYz--"), arena);
    assert_int_equal(form.count, 2);
    assert_field(&form, 0, "a", "");
    assert_field(&form, 1, "", "");
    arena_free(arena);
}

/* Every prefix of a body lacks its end: none is taken for a whole one. */
static void a_body_that_is_cut_off_is_refused(void **state) {
    static const char whole[] = "--xYz\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--xYz\r\n"
                                "Content-Disposition: form-data; name=\"b\"\r\n\r\n2\r\n--xYz--";
    struct arena *arena = arena_new();
    struct form form;
    for (size_t len = 0; len < sizeof(whole) - 1; len++)
        assert_int_equal(parse(MULTIPART, slice_of(whole, len), arena, &form, NULL), -ERR_UNREADABLE);
    assert_int_equal(parsed(MULTIPART, slice_cstr(whole), arena).count, 2);
    arena_free(arena);
}

static void what_is_no_form_is_refused(void **state) {
    static const char neither[] = "the body is no form: its Content-Type is neither application/x-www-form-urlencoded "
                                  "nor multipart/form-data";
    static const char no_boundary[] = "the form's Content-Type names no boundary of 1 to 70 characters";
    assert_refused("application/json", SLICE("a=1"), ERR_UNREADABLE, neither);
    assert_refused("", SLICE("a=1"), ERR_UNREADABLE, neither);
    assert_refused("multipart/form-data", SLICE("--xYz--"), ERR_UNREADABLE, no_boundary);
    assert_refused("multipart/form-data; boundary=", SLICE("--xYz--"), ERR_UNREADABLE, no_boundary);
    assert_refused("multipart/form-data; boundary=\"xYz", SLICE("--xYz--"), ERR_UNREADABLE, no_boundary);
    assert_refused(
        "multipart/form-data; boundary=1234567890123456789012345678901234567890123456789012345678901234567890x",
        SLICE("--xYz--"), ERR_UNREADABLE, no_boundary);
    assert_refused(MULTIPART, SLICE("a=1"), ERR_UNREADABLE, "the form's boundary is not in its body");
    assert_refused(MULTIPART, SLICE("x--xYz--"), ERR_UNREADABLE, "the form's boundary is not in its body");
    assert_refused(MULTIPART, SLICE("--xYz\r\n\r\n1"), ERR_UNREADABLE, "the form ends in the middle of a part");
    assert_refused(MULTIPART, SLICE("--xYz\r\nname: a\r\n--xYz--"), ERR_UNREADABLE,
                   "part 0 of the form has no end of its headers");
}

static void bounds(void **state) {
    struct arena *arena = arena_new();
    struct strbuf body;
    strbuf_init(&body, 1 << 20);
    for (int i = 0; i < FORM_FIELDS_MAX; i++)
        strbuf_add_cstr(&body, "a=1&");
    assert_int_equal(parsed(URLENCODED, strbuf_slice(&body), arena).count, FORM_FIELDS_MAX);
    strbuf_add_cstr(&body, "a");
    assert_refused(URLENCODED, strbuf_slice(&body), ERR_TOO_LARGE, "a form holds at most 1000 fields");

    strbuf_clear(&body);
    strbuf_add_cstr(&body, "--xYz\r\nX: ");
    while (body.len < FORM_HEAD_MAX_BYTES + 7 - 4) /* up to the last head that fits */
        strbuf_add_char(&body, 'x');
    size_t fits = body.len;
    strbuf_add_cstr(&body, "\r\n\r\nvalue\r\n--xYz--");
    struct form form = parsed(MULTIPART, strbuf_slice(&body), arena);
    assert_field(&form, 0, "", "value");
    body.len = fits;
    strbuf_add_cstr(&body, "x\r\n\r\nvalue\r\n--xYz--");
    assert_refused(MULTIPART, strbuf_slice(&body), ERR_TOO_LARGE,
                   "part 0 of the form: its headers are longer than 8192 bytes");
    strbuf_release(&body);
    arena_free(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(url_encoded_pairs),
        cmocka_unit_test(escapes_that_are_none_stand_for_themselves),
        cmocka_unit_test(multipart_parts),
        cmocka_unit_test(empty_multiparts),
        cmocka_unit_test(a_body_that_is_cut_off_is_refused),
        cmocka_unit_test(what_is_no_form_is_refused),
        cmocka_unit_test(bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
