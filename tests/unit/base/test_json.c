#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/strbuf.h"

#include "base/banned.h"

/* A reader and the text it was given, in a buffer that ends where the promised padding ends. */
struct parsed {
    struct json_reader *reader;
    char *text;
    struct json_value root;
    struct err err;
    int result;
};

static void parse(struct parsed *parsed, struct slice text) {
    if (!parsed->reader) parsed->reader = json_reader_new();
    free(parsed->text);
    parsed->text = memory_alloc(text.len + JSON_PADDING);
    if (text.len) memcpy(parsed->text, text.ptr, text.len);
    memset(parsed->text + text.len, ']', JSON_PADDING); /* must not count as part of the text */
    parsed->root = (struct json_value){0};
    parsed->err = (struct err){0};
    parsed->result = json_parse(parsed->reader, slice_of(parsed->text, text.len), &parsed->root, &parsed->err);
}

static struct json_value parse_good(struct parsed *parsed, struct slice text) {
    parse(parsed, text);
    if (parsed->result != 0) fail_msg("%.200s: %s", parsed->text, parsed->err.text);
    return parsed->root;
}

static void release(struct parsed *parsed) {
    json_reader_free(parsed->reader);
    free(parsed->text);
    *parsed = (struct parsed){0};
}

static void values_have_their_types(void **state) {
    struct parsed parsed = {0};
    static const struct {
        const char *text;
        enum json_kind type;
    } cases[] = {
        {"null", JSON_KIND_NULL},
        {"true", JSON_KIND_BOOL},
        {"false", JSON_KIND_BOOL},
        {"0", JSON_KIND_INTEGER},
        {"-9223372036854775808", JSON_KIND_INTEGER},
        {"9223372036854775807", JSON_KIND_INTEGER},
        {"9223372036854775808", JSON_KIND_UNSIGNED},
        {"18446744073709551615", JSON_KIND_UNSIGNED},
        {"1.0", JSON_KIND_REAL},
        {"1e3", JSON_KIND_REAL},
        {"\"\"", JSON_KIND_STRING},
        {"[]", JSON_KIND_ARRAY},
        {"{}", JSON_KIND_OBJECT},
        {" \t\r\n[1] \n", JSON_KIND_ARRAY},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(parse_good(&parsed, slice_cstr(cases[i].text)).type, cases[i].type);
    release(&parsed);
    assert_null(json_reader_free(NULL));
}

static void members_are_found(void **state) {
    struct parsed parsed = {0};
    struct json_value root = parse_good(&parsed, SLICE("{\"a\":1,\"b\":{\"c\":\"x\",\"d\":[1,{\"e\":2}]},\"a\":2,"
                                                       "\"\\u0061b\":3,\"n\\u0000n\":4,\"\":5,\"s\":null}"));
    int64_t number;
    assert_true(json_i64(json_get(root, SLICE("a")), &number) && number == 1);  /* the first of equal keys */
    assert_true(json_i64(json_get(root, SLICE("ab")), &number) && number == 3); /* the key was escaped */
    assert_true(json_i64(json_get(root, SLICE("n\0n")), &number) && number == 4);
    assert_true(json_i64(json_get(root, SLICE("")), &number) && number == 5);
    assert_true(slice_equal(json_get_string(json_get(root, SLICE("b")), SLICE("c")), SLICE("x")));
    assert_int_equal(json_get(root, SLICE("s")).type, JSON_KIND_NULL);
    assert_int_equal(json_get(root, SLICE("n")).type, JSON_KIND_NONE); /* not the beginning of "n\0n" */
    assert_int_equal(json_get(root, SLICE("c")).type, JSON_KIND_NONE); /* not the inner object's */
    assert_int_equal(json_get(root, SLICE("e")).type, JSON_KIND_NONE);
    assert_int_equal(json_get(json_get(root, SLICE("a")), SLICE("a")).type, JSON_KIND_NONE); /* no object */
    assert_int_equal(json_get(json_get(root, SLICE("no")), SLICE("a")).type, JSON_KIND_NONE);
    assert_int_equal(json_get_string(root, SLICE("a")).len, 0);
    assert_int_equal(json_get_string(root, SLICE("no")).len, 0);
    release(&parsed);
}

static void iterators_pass_over_what_is_inside(void **state) {
    struct parsed parsed = {0};
    struct json_value root =
        parse_good(&parsed, SLICE("[1,[2,[3,{}]],{\"k\":[4,5]},\"six\",7.5,18446744073709551615,null,[],{}]"));
    static const enum json_kind expected[] = {JSON_KIND_INTEGER, JSON_KIND_ARRAY, JSON_KIND_OBJECT,
                                              JSON_KIND_STRING,  JSON_KIND_REAL,  JSON_KIND_UNSIGNED,
                                              JSON_KIND_NULL,    JSON_KIND_ARRAY, JSON_KIND_OBJECT};
    struct json_iterator iterator = json_elements(root);
    struct json_value value;
    for (size_t i = 0; i < 9; i++) {
        assert_true(json_next(&iterator, &value));
        assert_int_equal(value.type, expected[i]);
    }
    assert_false(json_next(&iterator, &value));
    assert_false(json_next(&iterator, &value));
    assert_int_equal(value.type, JSON_KIND_OBJECT); /* left alone */
    assert_int_equal(json_count(root), 9);

    root = parse_good(&parsed, SLICE("{\"a\":[1,2],\"b\":{\"x\":{}},\"c\":1.5,\"d\":\"e\"}"));
    static const char *const keys[] = {"a", "b", "c", "d"};
    struct slice key;
    iterator = json_members(root);
    for (size_t i = 0; i < 4; i++) {
        assert_true(json_next_member(&iterator, &key, &value));
        assert_true(slice_equal(key, slice_cstr(keys[i])));
    }
    assert_false(json_next_member(&iterator, &key, &value));
    assert_int_equal(json_count(root), 4);
    release(&parsed);
}

static void iterating_over_something_else_ends_at_once(void **state) {
    struct parsed parsed = {0};
    struct json_value value;
    struct slice key;
    static const char *const texts[] = {"[]", "{}", "1", "\"a\"", "null", "1.5"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct json_value root = parse_good(&parsed, slice_cstr(texts[i]));
        struct json_iterator elements = json_elements(root), members = json_members(root);
        assert_false(json_next(&elements, &value));
        assert_false(json_next_member(&members, &key, &value));
        assert_int_equal(json_count(root), 0);
    }
    struct json_iterator elements = json_elements((struct json_value){0});
    assert_false(json_next(&elements, &value));
    assert_int_equal(json_elements(parse_good(&parsed, SLICE("{\"a\":1}"))).end, 0);
    assert_int_equal(json_members(parse_good(&parsed, SLICE("[1]"))).end, 0);
    release(&parsed);
}

static void integers_are_exact(void **state) {
    struct parsed parsed = {0};
    struct json_value root = parse_good(&parsed, SLICE("[9007199254740993,-9007199254740993,9223372036854775807,"
                                                       "-9223372036854775808,9223372036854775808,1.0,\"1\",true]"));
    static const int64_t expected[] = {9007199254740993, -9007199254740993, INT64_MAX, INT64_MIN};
    struct json_iterator iterator = json_elements(root);
    struct json_value value;
    int64_t number = 0;
    for (size_t i = 0; i < 4; i++) {
        assert_true(json_next(&iterator, &value) && json_i64(value, &number));
        assert_int_equal(number, expected[i]);
    }
    number = 42;
    uint64_t large = 0;
    assert_true(json_next(&iterator, &value));
    assert_false(json_i64(value, &number));
    assert_true(json_u64(value, &large) && large == 9223372036854775808ULL);
    while (json_next(&iterator, &value)) {
        assert_false(json_i64(value, &number));
        assert_false(json_u64(value, &large));
    }
    assert_int_equal(number, 42);
    assert_false(json_u64(parse_good(&parsed, SLICE("-1")), &large));
    assert_true(json_u64(parse_good(&parsed, SLICE("7")), &large) && large == 7);
    release(&parsed);
}

static void numbers_in_strings(void **state) {
    struct parsed parsed = {0};
    int64_t number = 42;
    assert_true(json_i64_lenient(parse_good(&parsed, SLICE("\"9007199254740993\"")), &number));
    assert_int_equal(number, 9007199254740993);
    assert_true(json_i64_lenient(parse_good(&parsed, SLICE("-5")), &number) && number == -5);
    static const char *const bad[] = {"\"\"", "\"1.5\"", "\" 1\"", "1.5",
                                      "null", "true",    "[1]",    "18446744073709551615"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(json_i64_lenient(parse_good(&parsed, slice_cstr(bad[i])), &number));
    assert_false(json_i64_lenient((struct json_value){0}, &number));
    assert_int_equal(number, -5);
    release(&parsed);
}

static void reals_and_booleans(void **state) {
    struct parsed parsed = {0};
    double real = 0;
    bool truth = false;
    assert_true(json_number(parse_good(&parsed, SLICE("-1.5e-3")), &real) && fabs(real + 0.0015) < 1e-18);
    assert_true(json_number(parse_good(&parsed, SLICE("-7")), &real) && fabs(real + 7) < 1e-18);
    assert_true(json_number(parse_good(&parsed, SLICE("18446744073709551615")), &real) && real > 1.8e19);
    assert_false(json_number(parse_good(&parsed, SLICE("\"1\"")), &real));
    assert_true(json_bool(parse_good(&parsed, SLICE("true")), &truth) && truth);
    assert_true(json_bool(parse_good(&parsed, SLICE("false")), &truth) && !truth);
    assert_false(json_bool(parse_good(&parsed, SLICE("1")), &truth));
    release(&parsed);
}

static void strings_are_unescaped(void **state) {
    struct parsed parsed = {0};
    struct slice text = SLICE("untouched");
    assert_true(json_text(parse_good(&parsed, SLICE("\"a\\u0000b\\n\\\"\\\\\\/\\u00e4\\ud83d\\ude00\"")), &text));
    assert_true(slice_equal(text, SLICE("a\0b\n\"\\/\xc3\xa4\xf0\x9f\x98\x80")));
    assert_true(json_text(parse_good(&parsed, SLICE("\"\"")), &text));
    assert_int_equal(text.len, 0);
    text = SLICE("untouched");
    assert_false(json_text(parse_good(&parsed, SLICE("1")), &text));
    assert_false(json_text((struct json_value){0}, &text));
    assert_true(slice_equal(text, SLICE("untouched")));
    release(&parsed);
}

static void expect_time(struct parsed *parsed, const char *text, int64_t expected) {
    int64_t ms = -1;
    if (!json_time(parse_good(parsed, slice_cstr(text)), &ms)) fail_msg("%s is no time", text);
    assert_int_equal(ms, expected);
}

static void times_in_every_spelling(void **state) {
    struct parsed parsed = {0};
    expect_time(&parsed, "1600112502", 1600112502000);        /* SendGrid */
    expect_time(&parsed, "1521472262.908181", 1521472262908); /* Mailgun */
    expect_time(&parsed, "1521472262.908", 1521472262908);    /* a double holds less than .908 */
    expect_time(&parsed, "1521472262.001", 1521472262001);
    expect_time(&parsed, "\"1521472262\"", 1521472262000); /* SparkPost */
    expect_time(&parsed, "\"1521472262.908181\"", 1521472262908);
    expect_time(&parsed, "\"2018-10-08T14:05:45 +0000\"", 1539007545000); /* Amazon SES */
    expect_time(&parsed, "\"2018-10-08T14:05:45.000Z\"", 1539007545000);
    expect_time(&parsed, "0", 0);
    static const char *const bad[] = {
        "-1", "1600112502000",        "1e300",     "-0.5", "\"\"", "\"soon\"", "null", "true", "[]",
        "{}", "18446744073709551615", "7289654400"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        int64_t ms = 42;
        if (json_time(parse_good(&parsed, slice_cstr(bad[i])), &ms)) fail_msg("%s is taken for a time", bad[i]);
        assert_int_equal(ms, 42);
    }
    release(&parsed);
}

static void times_in_milliseconds(void **state) {
    static const char *const good[] = {"1604937337001", "\"1604937337001\""}; /* Brevo */
    static const char *const bad[] = {
        "1604937337001.5",     "-1", "\"\"", "\"soon\"", "null", "[]", "7289654400000", "9223372036854775807",
        "18446744073709551615"};
    struct parsed parsed = {0};
    int64_t ms;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(json_time_ms(parse_good(&parsed, slice_cstr(good[i])), &ms));
        assert_int_equal(ms, 1604937337001);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ms = 42;
        if (json_time_ms(parse_good(&parsed, slice_cstr(bad[i])), &ms)) fail_msg("%s is taken for a time", bad[i]);
        assert_int_equal(ms, 42);
    }
    release(&parsed);
}

static void unreadable_texts_are_refused(void **state) {
    static const struct slice bad[] = {
        {"", 0},
        {" \n", 2},
        {"[1,2", 4},
        {"{\"a\":1", 6},
        {"{\"a\":", 5},
        {"{\"a\"", 4},
        {"\"abc", 4},
        {"\"abc\\", 5},
        {"\"\\u12", 5},
        {"tru", 3},
        {"-", 1},
        {"1.", 2},
        {"[1] x", 5},
        {"[1][2]", 6},
        {"[1,]", 4},
        {"{\"a\":1,}", 8},
        {"{a:1}", 5},
        {"{'a':1}", 7},
        {"[01]", 4},
        {"[+1]", 4},
        {"[.5]", 4},
        {"[NaN]", 5},
        {"[1 2]", 5},
        {"[\"a\tb\"]", 7},     /* a bare control character */
        {"[\"a\0b\"]", 7},     /* a bare NUL */
        {"[1]\0", 4},          /* NUL behind the document */
        {"[\"\\x41\"]", 8},    /* no such escape */
        {"[\"\\udc00\"]", 10}, /* half a surrogate pair */
        {"[\"\\ud800\"]", 10},
        {"[\"\\ud800\\u0041\"]", 16},
        {"[\"\xff\"]", 5},
        {"[\"\xc0\x80\"]", 6},
        {"[\"\xed\xa0\x80\"]", 7},
        {"[\"\xc3\"]", 5},
        {"[18446744073709551616]", 22},
        {"[-9223372036854775809]", 22},
        {"[1e400]", 7},
    };
    struct parsed parsed = {0};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        parse(&parsed, bad[i]);
        if (parsed.result != -ERR_UNREADABLE)
            fail_msg("case %zu, %.*s: result %d", i, SLICE_FMT(bad[i]), parsed.result);
        assert_int_equal(parsed.err.code, ERR_UNREADABLE);
        assert_true(slice_starts_with(slice_cstr(parsed.err.text), SLICE("the JSON text cannot be read: ")));
        assert_int_equal(parsed.root.type, JSON_KIND_NONE); /* set only on success */
        /* The reader is as good as new. */
        assert_int_equal(json_count(parse_good(&parsed, SLICE("[1,2,3]"))), 3);
    }
    release(&parsed);
}

/* Every beginning of a document is unreadable, whatever stands behind it. */
static void truncated_texts_are_refused(void **state) {
    struct slice whole =
        SLICE("{\"e\":[{\"email\":\"a@example.com\",\"n\":-12.5e3,\"t\":true,\"u\":\"\\u00e4\\\\\"},[null]]}");
    struct parsed parsed = {0};
    for (size_t len = 0; len < whole.len; len++) {
        parse(&parsed, slice_first(whole, len));
        assert_int_equal(parsed.result, -ERR_UNREADABLE);
    }
    parse(&parsed, whole);
    assert_int_equal(parsed.result, 0);
    release(&parsed);
}

static void nest(struct strbuf *out, size_t depth, char open, char close) {
    strbuf_clear(out);
    for (size_t i = 0; i < depth; i++)
        strbuf_printf(out, open == '{' ? "{\"a\":" : "[");
    strbuf_add_char(out, '1');
    for (size_t i = 0; i < depth; i++)
        strbuf_add_char(out, close);
}

static void depth_is_limited(void **state) {
    struct parsed parsed = {0};
    struct strbuf text;
    strbuf_init(&text, 64 << 20);
    for (int i = 0; i < 2; i++) {
        nest(&text, JSON_DEPTH_MAX, i ? '{' : '[', i ? '}' : ']');
        parse_good(&parsed, strbuf_slice(&text));
        nest(&text, JSON_DEPTH_MAX + 1, i ? '{' : '[', i ? '}' : ']');
        parse(&parsed, strbuf_slice(&text));
        assert_int_equal(parsed.result, -ERR_UNREADABLE);
        assert_string_equal(parsed.err.text, "the JSON text cannot be read: it is nested too deeply");
        nest(&text, 1000000, i ? '{' : '[', i ? '}' : ']'); /* also makes the parser grow: the limit must stay */
        parse(&parsed, strbuf_slice(&text));
        assert_int_equal(parsed.result, -ERR_UNREADABLE);
        nest(&text, JSON_DEPTH_MAX + 1, i ? '{' : '[', i ? '}' : ']');
        parse(&parsed, strbuf_slice(&text));
        assert_int_equal(parsed.result, -ERR_UNREADABLE);
    }
    strbuf_release(&text);
    release(&parsed);
}

static void large_arrays(void **state) {
    enum { COUNT = 1000000 };
    struct parsed parsed = {0};
    struct strbuf text;
    strbuf_init(&text, 64 << 20);
    strbuf_add_char(&text, '[');
    for (int i = 0; i < COUNT; i++)
        strbuf_printf(&text, "%s%d", i ? "," : "", i);
    strbuf_add_char(&text, ']');
    struct json_value root = parse_good(&parsed, strbuf_slice(&text));
    assert_int_equal(json_count(root), COUNT);
    struct json_iterator iterator = json_elements(root);
    struct json_value value;
    int64_t number, expected = 0;
    for (; json_next(&iterator, &value); expected++) {
        if (!json_i64(value, &number) || number != expected) fail_msg("element %ld is wrong", (long)expected);
    }
    assert_int_equal(expected, COUNT);
    strbuf_release(&text);
    release(&parsed);
}

/* The tape counts elements in 24 bits; beyond that json_count has to do it itself. */
static void more_elements_than_the_tape_can_count(void **state) {
    const size_t count = (1 << 24) + 5;
    struct parsed parsed = {.reader = json_reader_new()};
    char *text = memory_alloc(2 * count + 1 + JSON_PADDING);
    for (size_t i = 0; i < count; i++)
        memcpy(text + 2 * i, ",1", 2);
    text[0] = '[';
    text[2 * count] = ']';
    assert_int_equal(json_parse(parsed.reader, slice_of(text, 2 * count + 1), &parsed.root, NULL), 0);
    assert_int_equal(json_count(parsed.root), count);
    free(text);
    release(&parsed);
}

static void one_reader_takes_texts_of_every_size(void **state) {
    static const size_t sizes[] = {10, 5000, 100, 300000, 300001, 4096, 1, 2000000, 65536};
    struct parsed parsed = {0};
    struct strbuf text;
    strbuf_init(&text, 8 << 20);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        strbuf_clear(&text);
        strbuf_add_char(&text, '"');
        for (size_t n = 0; n < sizes[i]; n++)
            strbuf_add_char(&text, (char)('a' + n % 26));
        strbuf_add_char(&text, '"');
        struct slice got = SLICE_NONE;
        assert_true(json_text(parse_good(&parsed, strbuf_slice(&text)), &got));
        assert_true(slice_equal(got, slice_of(text.ptr + 1, sizes[i])));
    }
    strbuf_release(&text);
    release(&parsed);
}

static void values_are_written_compactly(void **state) {
    static const char *const pairs[][2] = {
        {" { \"a\" : [ 1 , -2 , 3.5 ] , \"b\" : { } , \"c\" : [ ] } ", "{\"a\":[1,-2,3.5],\"b\":{},\"c\":[]}"},
        {"[true,false,null,18446744073709551615,-9223372036854775808]",
         "[true,false,null,18446744073709551615,-9223372036854775808]"},
        {"\"\\u0000\\u001f\\n\\\"\\\\\\/\\u00e4\\ud83d\\ude00\"",
         "\"\\u0000\\u001f\\u000a\\\"\\\\/\xc3\xa4\xf0\x9f\x98\x80\""},
        {"{\"k\\\"\":1}", "{\"k\\\"\":1}"},
        {"[0.1,1.0,1e3,1e22,1.7976931348623157e308,5e-324,-0.0,0.30000000000000004]",
         "[0.1,1.0,1000.0,1e+22,1.7976931348623157e+308,4.94065645841247e-324,-0.0,0.30000000000000004]"},
    };
    struct parsed parsed = {0};
    struct strbuf out;
    strbuf_init(&out, 1000);
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        strbuf_clear(&out);
        assert_int_equal(json_write_value(parse_good(&parsed, slice_cstr(pairs[i][0])), &out), 0);
        assert_string_equal(out.ptr, pairs[i][1]);
    }
    strbuf_clear(&out);
    assert_int_equal(json_write_value((struct json_value){0}, &out), 0);
    assert_string_equal(out.ptr, "null");
    strbuf_release(&out);
    strbuf_init(&out, 5);
    assert_int_equal(json_write_value(parse_good(&parsed, SLICE("[1,2,[3,{\"a\":4}]]")), &out), -1);
    assert_true(out.overflow);
    strbuf_release(&out);
    release(&parsed);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_have_their_types),
        cmocka_unit_test(members_are_found),
        cmocka_unit_test(iterators_pass_over_what_is_inside),
        cmocka_unit_test(iterating_over_something_else_ends_at_once),
        cmocka_unit_test(integers_are_exact),
        cmocka_unit_test(numbers_in_strings),
        cmocka_unit_test(reals_and_booleans),
        cmocka_unit_test(strings_are_unescaped),
        cmocka_unit_test(times_in_every_spelling),
        cmocka_unit_test(times_in_milliseconds),
        cmocka_unit_test(unreadable_texts_are_refused),
        cmocka_unit_test(truncated_texts_are_refused),
        cmocka_unit_test(depth_is_limited),
        cmocka_unit_test(large_arrays),
        cmocka_unit_test(more_elements_than_the_tape_can_count),
        cmocka_unit_test(one_reader_takes_texts_of_every_size),
        cmocka_unit_test(values_are_written_compactly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
