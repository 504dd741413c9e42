#include "base/metrics.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/strbuf.h"

#include "base/banned.h"

enum kind { counter, gauge, histogram };

static const char *const kind_names[] = {"counter", "gauge", "histogram"};

static const struct row {
    const char *name;
    enum kind kind;
    const char *help;
} rows[METRIC_COUNT] = {
#define METRIC_ROW(symbol, name, kind, help) [METRIC_##symbol] = {name, kind, help},
    METRICS_TABLE(METRIC_ROW)
#undef METRIC_ROW
};

/* Upper bounds; the last bucket is +Inf. */
static const struct bound {
    int64_t us;
    const char *seconds;
} bounds[METRIC_BUCKETS - 1] = {
    {500, "0.0005"},  {1000, "0.001"},  {2500, "0.0025"}, {5000, "0.005"},  {10000, "0.01"},
    {25000, "0.025"}, {50000, "0.05"},  {100000, "0.1"},  {250000, "0.25"}, {500000, "0.5"},
    {1000000, "1"},   {2500000, "2.5"}, {10000000, "10"},
};

void metric_observe_us(struct metrics *metrics, enum metric metric, int64_t microseconds) {
    metric_observe_many_us(metrics, metric, microseconds, 1);
}

void metric_observe_many_us(struct metrics *metrics, enum metric metric, int64_t microseconds, int64_t count) {
    size_t bucket = 0;
    while (bucket < METRIC_BUCKETS - 1 && microseconds > bounds[bucket].us)
        bucket++;
    atomic_fetch_add_explicit(&metrics->bucket[metric][bucket], count, memory_order_relaxed);
    atomic_fetch_add_explicit(&metrics->sum_us[metric], microseconds * count, memory_order_relaxed);
    atomic_fetch_add_explicit(&metrics->value[metric], count, memory_order_relaxed);
}

static void write_head(struct strbuf *out, const char *name, const char *kind, const char *help) {
    strbuf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind);
}

static void write_histogram(const struct metrics *metrics, enum metric metric, struct strbuf *out) {
    const char *name = rows[metric].name;
    int64_t count = 0;
    for (size_t i = 0; i < METRIC_BUCKETS; i++) {
        count += atomic_load_explicit(&metrics->bucket[metric][i], memory_order_relaxed);
        const char *bound = i < METRIC_BUCKETS - 1 ? bounds[i].seconds : "+Inf";
        strbuf_printf(out, "%s_bucket{le=\"%s\"} %" PRId64 "\n", name, bound, count);
    }
    int64_t sum = atomic_load_explicit(&metrics->sum_us[metric], memory_order_relaxed);
    strbuf_printf(out, "%s_sum %" PRId64 ".%06" PRId64 "\n", name, sum / 1000000, sum % 1000000);
    /* The sum of the buckets, not the stored count: a reader sees the two agree even while others count. */
    strbuf_printf(out, "%s_count %" PRId64 "\n", name, count);
}

/* The process' own figures, by the names that Prometheus' client libraries use. What /proc does not give is left out.
 */

static size_t read_file(const char *path, char *out, size_t size) {
    FILE *file = fopen(path, "re");
    if (!file) return 0;
    size_t len = fread(out, 1, size - 1, file);
    fclose(file);
    out[len] = '\0';
    return len;
}

static int64_t boot_time_seconds(void) {
    int64_t seconds = 0;
    char line[256];
    FILE *file = fopen("/proc/stat", "re");
    if (!file) return 0;
    while (fgets(line, sizeof(line), file)) {
        // NOLINTNEXTLINE(cert-err34-c): the kernel's own numbers
        if (sscanf(line, "btime %" SCNd64, &seconds) == 1) break;
    }
    fclose(file);
    return seconds;
}

static int64_t open_descriptors(void) {
    DIR *folder = opendir("/proc/self/fd");
    if (!folder) return -1;
    int64_t count = -1; /* the one that reads the folder is not counted */
    for (const struct dirent *entry; (entry = readdir(folder));)
        count += entry->d_name[0] != '.';
    closedir(folder);
    return count;
}

static void write_seconds(struct strbuf *out, const char *name, const char *kind, const char *help, int64_t ticks,
                          int64_t whole_seconds) {
    int64_t per_second = sysconf(_SC_CLK_TCK);
    write_head(out, name, kind, help);
    strbuf_printf(out, "%s %" PRId64 ".%02" PRId64 "\n", name, whole_seconds + ticks / per_second,
                  ticks % per_second * 100 / per_second);
}

static void write_integer(struct strbuf *out, const char *name, const char *help, int64_t value) {
    write_head(out, name, "gauge", help);
    strbuf_printf(out, "%s %" PRId64 "\n", name, value);
}

static void write_process(struct strbuf *out) {
    char stat[1024];
    uint64_t user = 0, system_ticks = 0, start = 0, virtual_bytes = 0;
    int64_t threads = 0, resident_pages = 0;
    /* proc(5): the name in parentheses may hold anything, so the fields are counted from its end: 14 utime, 15 stime,
     * 20 num_threads, 22 starttime, 23 vsize, 24 rss. */
    const char *fields = read_file("/proc/self/stat", stat, sizeof(stat)) ? strrchr(stat, ')') : NULL;
    // NOLINTNEXTLINE(cert-err34-c): the kernel's own numbers
    if (fields && sscanf(fields,
                         ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64
                         " %*d %*d %*d %*d %" SCNd64 " %*d %" SCNu64 " %" SCNu64 " %" SCNd64,
                         &user, &system_ticks, &threads, &start, &virtual_bytes, &resident_pages) == 6) {
        write_seconds(out, "process_cpu_seconds_total", "counter", "user and system CPU time",
                      (int64_t)(user + system_ticks), 0);
        write_seconds(out, "process_start_time_seconds", "gauge", "start of the process since the Unix epoch",
                      (int64_t)start, boot_time_seconds());
        write_integer(out, "process_virtual_memory_bytes", "virtual memory", (int64_t)virtual_bytes);
        write_integer(out, "process_resident_memory_bytes", "resident memory", resident_pages * sysconf(_SC_PAGESIZE));
        write_integer(out, "process_threads", "threads", threads);
    }
    int64_t descriptors = open_descriptors();
    if (descriptors >= 0) write_integer(out, "process_open_fds", "open file descriptors", descriptors);
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
        write_integer(out, "process_max_fds", "most file descriptors that may be open", (int64_t)limit.rlim_cur);
}

void metrics_write(const struct metrics *metrics, struct strbuf *out) {
    for (enum metric metric = 0; metric < METRIC_COUNT; metric++) {
        const struct row *row = &rows[metric];
        write_head(out, row->name, kind_names[row->kind], row->help);
        if (row->kind == histogram)
            write_histogram(metrics, metric, out);
        else
            strbuf_printf(out, "%s %" PRId64 "\n", row->name, metric_get(metrics, metric));
    }
    write_process(out);
}
