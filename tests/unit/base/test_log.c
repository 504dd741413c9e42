#include "base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/strbuf.h"

#include "base/banned.h"

/* Standard error goes into memory while a test writes its lines. */
struct capture {
    int file, stderr_copy;
};

static void capture_begin(struct capture *capture) {
    capture->file = memfd_create("log", 0);
    assert_true(capture->file >= 0);
    fcntl(capture->file, F_SETFL, O_APPEND);
    capture->stderr_copy = dup(STDERR_FILENO);
    dup2(capture->file, STDERR_FILENO);
}

static void capture_end(struct capture *capture, struct strbuf *out) {
    dup2(capture->stderr_copy, STDERR_FILENO);
    close(capture->stderr_copy);
    strbuf_init(out, 64 << 20);
    off_t size = lseek(capture->file, 0, SEEK_END);
    char *room = strbuf_reserve(out, (size_t)size + JSON_PADDING);
    assert_non_null(room);
    assert_int_equal(pread(capture->file, room, (size_t)size, 0), size);
    strbuf_grew(out, (size_t)size);
    close(capture->file);
}

/* Takes the time off the front, which must be one, and gives the rest. */
static struct slice without_time(struct slice line) {
    int64_t ms;
    ptrdiff_t space = slice_find_char(line, ' ');
    assert_true(space > 0);
    assert_true(time_parse(slice_first(line, (size_t)space), &ms));
    return slice_from(line, (size_t)space + 1);
}

static void text_lines(void **state) {
    struct capture capture;
    struct strbuf out;
    struct slice line;
    log_configure(LOG_INFO, LOG_FORMAT_TEXT);
    capture_begin(&capture);
    log_debug("not shown", LOG_INT("n", 1));
    log_info("delivery accepted", LOG_TEXT("request", "r-1"), LOG_INT("events", -12), LOG_SLICE("none", SLICE_NONE));
    log_warning("no fields");
    log_error("odd values", LOG_TEXT("a", "two words"), LOG_TEXT("b", "x=\"y\\\""), LOG_TEXT("null", NULL));
    log_info("controls", LOG_SLICE("v", SLICE("\n\r\t\x1b[31m\0\x7f\xc2\x9b\xff\xe2\x82\xac")));
    capture_end(&capture, &out);
    struct slice rest = strbuf_slice(&out);
    static const char *const expected[] = {
        "info delivery accepted request=r-1 events=-12 none=\"\"",
        "warning no fields",
        "error odd values a=\"two words\" b=\"x=\\\"y\\\\\\\"\" null=\"\"",
        "info controls v=\"\\n\\u000d\\u0009\\u001b[31m\\u0000\\u007f\\u009b\\ufffd\xe2\x82\xac\"",
    };
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        assert_true(slice_split_next(&rest, '\n', &line));
        line = without_time(line);
        if (!slice_equal(line, slice_cstr(expected[i]))) fail_msg("%.*s\n%s", SLICE_FMT(line), expected[i]);
    }
    assert_int_equal(rest.len, 0);
    strbuf_release(&out);
}

static void json_lines_are_json(void **state) {
    struct capture capture;
    struct strbuf out;
    struct slice line, text;
    struct json_value root;
    struct json_reader *reader = json_reader_new();
    int64_t number, ms;
    log_configure(LOG_DEBUG, LOG_FORMAT_JSON);
    capture_begin(&capture);
    log_debug("all \"kinds\"", LOG_SLICE("v", SLICE("\n\x1b\0\xff\xe2\x82\xac\"\\")), LOG_INT("n", INT64_MIN));
    capture_end(&capture, &out);
    struct slice rest = strbuf_slice(&out);
    assert_true(slice_split_next(&rest, '\n', &line));
    assert_int_equal(rest.len, 0);
    assert_int_equal(json_parse(reader, line, &root, NULL), 0);
    assert_true(time_parse(json_get_string(root, SLICE("time")), &ms));
    assert_true(slice_equal(json_get_string(root, SLICE("level")), SLICE("debug")));
    assert_true(slice_equal(json_get_string(root, SLICE("message")), SLICE("all \"kinds\"")));
    text = json_get_string(root, SLICE("v"));
    assert_true(slice_equal(text, SLICE("\n\x1b\0\xef\xbf\xbd\xe2\x82\xac\"\\")));
    assert_true(json_i64(json_get(root, SLICE("n")), &number) && number == INT64_MIN);
    json_reader_free(reader);
    strbuf_release(&out);
}

static void long_lines_are_cut_but_stay_whole(void **state) {
    struct capture capture;
    struct strbuf out;
    struct slice line;
    struct json_value root;
    struct json_reader *reader = json_reader_new();
    static char large[3000];
    memset(large, '\x01', sizeof(large)); /* six characters each when escaped */
    struct log_field fields[30];
    for (size_t i = 0; i < 30; i++)
        fields[i] = LOG_SLICE("name", slice_of(large, i * 100));
    for (int format = LOG_FORMAT_TEXT; format <= LOG_FORMAT_JSON; format++) {
        log_configure(LOG_INFO, (enum log_format)format);
        capture_begin(&capture);
        log_write(LOG_INFO, "long", fields, 30);
        log_write(LOG_INFO, "long", fields + 29, 1);
        log_write(LOG_INFO, "long", (const struct log_field[]){LOG_TEXT("v", "ok")}, 1);
        capture_end(&capture, &out);
        struct slice rest = strbuf_slice(&out);
        for (int i = 0; i < 3; i++) {
            assert_true(slice_split_next(&rest, '\n', &line));
            assert_true(line.len < 4096); /* PIPE_BUF: up to that, a write to a pipe is one piece */
            bool cut = i < 2;
            if (format == LOG_FORMAT_JSON) {
                bool marked = false;
                assert_int_equal(json_parse(reader, line, &root, NULL), 0);
                json_bool(json_get(root, SLICE("cut")), &marked);
                assert_int_equal(marked, cut);
            } else {
                assert_int_equal(slice_ends_with(line, SLICE(" cut=true")), cut);
            }
        }
        assert_int_equal(rest.len, 0);
        strbuf_release(&out);
    }
    json_reader_free(reader);
}

static void *write_lines(void *unused) {
    (void)unused;
    for (int i = 0; i < 500; i++)
        log_info("line of a thread", LOG_TEXT("padding", "0123456789012345678901234567890123456789"), LOG_INT("n", i));
    return NULL;
}

static void lines_of_threads_do_not_mix(void **state) {
    struct capture capture;
    struct strbuf out;
    struct slice line;
    pthread_t threads[4];
    int lines = 0;
    log_configure(LOG_INFO, LOG_FORMAT_TEXT);
    capture_begin(&capture);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, write_lines, NULL), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    capture_end(&capture, &out);
    struct slice rest = slice_first(strbuf_slice(&out), out.len - 1);
    for (; slice_split_next(&rest, '\n', &line); lines++) {
        line = without_time(line);
        assert_true(slice_starts_with(line, SLICE("info line of a thread padding=0123456789")));
        assert_int_equal(slice_find(slice_from(line, 1), SLICE("info")), -1);
    }
    assert_int_equal(lines, 2000);
    strbuf_release(&out);
}

static void levels(void **state) {
    log_configure(LOG_WARNING, LOG_FORMAT_TEXT);
    assert_false(log_enabled(LOG_INFO));
    assert_true(log_enabled(LOG_WARNING));
    log_configure(LOG_DEBUG, LOG_FORMAT_TEXT);
    assert_true(log_enabled(LOG_DEBUG));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_lines),
        cmocka_unit_test(json_lines_are_json),
        cmocka_unit_test(long_lines_are_cut_but_stay_whole),
        cmocka_unit_test(lines_of_threads_do_not_mix),
        cmocka_unit_test(levels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
