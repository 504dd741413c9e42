#include "import/json_split.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/strbuf.h"

#include "base/banned.h"

static void on_piece(void *context, const struct json_piece *piece) {
    struct strbuf *out = context;
    strbuf_printf(out, "%d%s%.*s ", (int)piece->line, piece->broken ? "!" : ":", SLICE_FMT(piece->text));
}

static void check(const char *text, const char *expected) {
    for (size_t step = 1; step < 9; step++) {
        struct strbuf out;
        strbuf_init(&out, 65536);
        struct json_split *split = json_split_new(on_piece, &out);
        struct slice rest = slice_cstr(text);
        for (; rest.len > 0; rest = slice_from(rest, step))
            json_split_feed(split, slice_first(rest, step));
        json_split_finish(split);
        json_split_free(split);
        assert_string_equal(out.ptr, expected);
        strbuf_release(&out);
    }
}

static void test_objects(void **state) {
    check("{\"a\":1}{\"b\":\"}\\\"{\"}\n{\"c\":[{}]}", "1:{\"a\":1} 1:{\"b\":\"}\\\"{\"} 2:{\"c\":[{}]} ");
    check("[{\"a\":1},\n{\"b\":2}]\n", "1:{\"a\":1} 2:{\"b\":2} ");
    check("{\n\"items\":[\n{\"a\":1},\n{}]\n}", "1:{\n\"items\":[\n{\"a\":1},\n{}]\n} ");
    check("", "");
    check(" \r\n[]\n", "");
}

/* What is broken costs itself, not what stands behind it. */
static void test_broken(void **state) {
    check("{\"a\":1}\n{\"b\":\n{\"c\":3}\n", "1:{\"a\":1} 2!{\"b\":\n 3:{\"c\":3} ");
    check("{\"a\":\"x\n{\"c\":3}", "1!{\"a\":\"x\n 2:{\"c\":3} ");
    check("{\"a\":1\n{\"c\":3}", "1!{\"a\":1\n 2:{\"c\":3} ");
    check("words\n{\"c\":3}\n{", "1!words 2:{\"c\":3} 3!{ ");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_objects), cmocka_unit_test(test_broken)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
