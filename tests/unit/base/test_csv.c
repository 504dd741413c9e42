#include "base/csv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdlib.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/strbuf.h"

#include "base/banned.h"

/* Rows as text: line, fields between bars. */
static void on_row(void *context, const struct csv_row *row) {
    struct strbuf *out = context;
    strbuf_printf(out, "%d%s", (int)row->line, row->too_large ? "!" : "");
    for (size_t i = 0; i < row->count && !row->too_large; i++)
        strbuf_printf(out, "|%.*s", SLICE_FMT(row->fields[i]));
    strbuf_add_char(out, '/');
}

static void check(const char *text, size_t piece, const char *expected) {
    struct strbuf out;
    strbuf_init(&out, 65536);
    struct csv_reader *reader = csv_reader_new(on_row, &out);
    struct slice rest = slice_cstr(text);
    for (; rest.len > 0; rest = slice_from(rest, piece))
        csv_reader_feed(reader, slice_first(rest, piece));
    csv_reader_finish(reader);
    csv_reader_free(reader);
    assert_string_equal(out.ptr, expected);
    strbuf_release(&out);
}

static void test_rows(void **state) {
    for (size_t piece = 1; piece < 12; piece++) {
        check("a,b\r\n1,\"two, \"\"x\"\"\nlines\",\n\n3,4", piece, "1|a|b/2|1|two, \"x\"\nlines|/5|3|4/");
        check("\xef\xbb\xbf"
              "a;\"b,c,d\";e\n1;2,5;3\n",
              piece, "1|a|b,c,d|e/2|1|2,5|3/");
        check("a\tb\n\t\n", piece, "1|a|b/2||/");
        check("", piece, "");
        check("alone", piece, "1|alone/");
    }
}

/* A quotation mark that is never closed costs the row that it is in, and a bounded part of the file. */
static void test_bounds(void **state) {
    size_t size = 3 * CSV_ROW_MAX_BYTES;
    char *text = memory_alloc(size);
    struct strbuf out;
    strbuf_init(&out, 65536);
    memset(text, 'x', size);
    struct csv_reader *reader = csv_reader_new(on_row, &out);
    csv_reader_feed(reader, SLICE("a,b\n1,\""));
    csv_reader_feed(reader, slice_of(text, size));
    csv_reader_feed(reader, SLICE("\n2,3\n"));
    for (int i = 0; i < CSV_FIELDS_MAX; i++)
        csv_reader_feed(reader, SLICE("f,"));
    csv_reader_feed(reader, SLICE("\n4,5\n"));
    csv_reader_finish(reader);
    assert_string_equal(out.ptr, "1|a|b/2!/3|2|3/4!/5|4|5/");
    csv_reader_free(reader);
    strbuf_release(&out);
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows), cmocka_unit_test(test_bounds)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
