#include "base/metrics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/strbuf.h"

#include "base/banned.h"

static struct metrics *metrics_new(void) {
    struct metrics *metrics = calloc(1, sizeof(*metrics));
    assert_non_null(metrics);
    return metrics;
}

static void expect_text(const struct strbuf *out, const char *text) {
    if (slice_find(strbuf_slice(out), slice_cstr(text)) < 0) fail_msg("%s\nis not in\n%s", text, out->ptr);
}

static void counters_and_gauges(void **state) {
    struct metrics *metrics = metrics_new();
    struct strbuf out;
    strbuf_init(&out, 1 << 20);
    metric_add(metrics, METRIC_EVENTS_STORED, 3);
    metric_add(metrics, METRIC_EVENTS_STORED, 4);
    metric_set(metrics, METRIC_QUEUE_EVENTS, 12);
    metric_add(metrics, METRIC_QUEUE_EVENTS, -2);
    assert_int_equal(metric_get(metrics, METRIC_EVENTS_STORED), 7);
    metrics_write(metrics, &out);
    expect_text(&out, "# HELP inkling_events_stored_total new events stored\n"
                      "# TYPE inkling_events_stored_total counter\n"
                      "inkling_events_stored_total 7\n");
    expect_text(&out, "# TYPE inkling_ingest_queue_events gauge\ninkling_ingest_queue_events 10\n");
    strbuf_release(&out);
    free(metrics);
}

static void histograms_add_up(void **state) {
    struct metrics *metrics = metrics_new();
    struct strbuf out;
    strbuf_init(&out, 1 << 20);
    static const int64_t observed[] = {0, 500, 501, 1000, 9999999, 10000000, 10000001, 60000000};
    for (size_t i = 0; i < sizeof(observed) / sizeof(observed[0]); i++)
        metric_observe_us(metrics, METRIC_COMMIT_SECONDS, observed[i]);
    metrics_write(metrics, &out);
    expect_text(&out, "# TYPE inkling_store_commit_seconds histogram\n"
                      "inkling_store_commit_seconds_bucket{le=\"0.0005\"} 2\n"
                      "inkling_store_commit_seconds_bucket{le=\"0.001\"} 4\n"
                      "inkling_store_commit_seconds_bucket{le=\"0.0025\"} 4\n"
                      "inkling_store_commit_seconds_bucket{le=\"0.005\"} 4\n"
                      "inkling_store_commit_seconds_bucket{le=\"0.01\"} 4\n"
                      "inkling_store_commit_seconds_bucket{le=\"0.025\"} 4\n"
                      "inkling_store_commit_seconds_bucket{le=\"0.05\"} 4\n"
                      "inkling_store_commit_seconds_bucket{le=\"0.1\"} 4\n"
                      "inkling_store_commit_seconds_bucket{le=\"0.25\"} 4\n"
                      "inkling_store_commit_seconds_bucket{le=\"0.5\"} 4\n"
                      "inkling_store_commit_seconds_bucket{le=\"1\"} 4\n"
                      "inkling_store_commit_seconds_bucket{le=\"2.5\"} 4\n"
                      "inkling_store_commit_seconds_bucket{le=\"10\"} 6\n"
                      "inkling_store_commit_seconds_bucket{le=\"+Inf\"} 8\n"
                      "inkling_store_commit_seconds_sum 90.002001\n"
                      "inkling_store_commit_seconds_count 8\n");
    assert_int_equal(metric_get(metrics, METRIC_COMMIT_SECONDS), 8);
    strbuf_release(&out);
    free(metrics);
}

static bool is_name_character(char c, bool first) {
    return (c >= 'a' && c <= 'z') || c == '_' || (!first && c >= '0' && c <= '9');
}

/* The rules of the text format 0.0.4: every line is HELP, TYPE or a sample; a sample's name was declared just before;
 * no name is declared twice; the value is a number. */
static void every_line_is_well_formed(void **state) {
    struct metrics *metrics = metrics_new();
    struct strbuf out;
    strbuf_init(&out, 1 << 20);
    metrics_write(metrics, &out);
    assert_false(out.overflow);
    assert_true(slice_ends_with(strbuf_slice(&out), SLICE("\n")));
    struct slice rest = slice_first(strbuf_slice(&out), out.len - 1), line, name = SLICE_NONE;
    struct slice names[100];
    size_t name_count = 0;
    while (slice_split_next(&rest, '\n', &line)) {
        if (slice_starts_with(line, SLICE("# HELP "))) {
            line = slice_from(line, 7);
            name = slice_first(line, (size_t)slice_find_char(line, ' '));
            for (size_t i = 0; i < name.len; i++)
                assert_true(is_name_character(name.ptr[i], i == 0));
            for (size_t i = 0; i < name_count; i++)
                assert_false(slice_equal(name, names[i]));
            assert_true(name_count < 100);
            names[name_count++] = name;
        } else if (slice_starts_with(line, SLICE("# TYPE "))) {
            assert_true(slice_starts_with(slice_from(line, 7), name));
        } else {
            assert_true(slice_starts_with(line, name));
            ptrdiff_t space = slice_find_char(line, ' ');
            assert_true(space > 0);
            char value[64], *end;
            snprintf(value, sizeof(value), "%.*s", SLICE_FMT(slice_from(line, (size_t)space + 1)));
            double number = strtod(value, &end);
            assert_true(end != value && *end == '\0' && number >= 0);
        }
    }
    assert_true(name_count >= METRIC_COUNT + 7);
    strbuf_release(&out);
    free(metrics);
}

static double sample(const struct strbuf *out, const char *name) {
    char line[100];
    snprintf(line, sizeof(line), "\n%s ", name);
    ptrdiff_t at = slice_find(strbuf_slice(out), slice_cstr(line));
    if (at < 0) fail_msg("%s is missing", name);
    return strtod(out->ptr + at + strlen(line), NULL);
}

static void the_process_describes_itself(void **state) {
    struct metrics *metrics = metrics_new();
    struct strbuf out;
    strbuf_init(&out, 1 << 20);
    metrics_write(metrics, &out);
    double before = sample(&out, "process_open_fds");
    FILE *file = fopen("/dev/null", "r");
    assert_non_null(file);
    strbuf_clear(&out);
    metrics_write(metrics, &out);
    assert_true(sample(&out, "process_open_fds") == before + 1);
    fclose(file);
    assert_true(sample(&out, "process_max_fds") > before);
    assert_true(sample(&out, "process_threads") >= 1);
    assert_true(sample(&out, "process_cpu_seconds_total") >= 0);
    assert_true(sample(&out, "process_resident_memory_bytes") > 100000);
    assert_true(sample(&out, "process_virtual_memory_bytes") >= sample(&out, "process_resident_memory_bytes"));
    double start = sample(&out, "process_start_time_seconds");
    assert_true(start > 1700000000 && start < 7289654400);
    strbuf_release(&out);
    free(metrics);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counters_and_gauges),
        cmocka_unit_test(histograms_add_up),
        cmocka_unit_test(every_line_is_well_formed),
        cmocka_unit_test(the_process_describes_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
