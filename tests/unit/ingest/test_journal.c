/* The journal is cut, flipped, filled and opened again at every point: what was flushed comes back whole and in order,
 * and nothing else does. */
#include "ingest/journal.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "ingest/hit.h"

#include "base/banned.h"

static char directory[64];

static int setup(void **state) {
    snprintf(directory, sizeof(directory), "/tmp/inkling-journal-XXXXXX");
    return mkdtemp(directory) ? 0 : -1;
}

static void remove_files(void) {
    char path[400];
    DIR *folder = opendir(directory);
    for (const struct dirent *entry; (entry = readdir(folder));) {
        if (entry->d_name[0] == '.') continue;
        snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
        unlink(path);
    }
    closedir(folder);
}

static int teardown(void **state) {
    remove_files();
    return rmdir(directory);
}

static int count_files(char ret_path[400]) {
    int count = 0;
    DIR *folder = opendir(directory);
    for (const struct dirent *entry; (entry = readdir(folder));) {
        if (!strstr(entry->d_name, ".hits")) continue;
        if (ret_path) snprintf(ret_path, 400, "%s/%s", directory, entry->d_name);
        count++;
    }
    closedir(folder);
    return count;
}

static struct journal *open_journal(size_t bytes_max, size_t file_bytes, size_t *ret_lost) {
    const struct journal_options options = {.directory = directory, .bytes_max = bytes_max, .file_bytes = file_bytes};
    struct journal *journal = NULL;
    struct err err = {0};
    size_t lost;
    if (journal_open(&options, &journal, &lost, &err) != 0) fail_msg("%s", err.text);
    if (ret_lost) *ret_lost = lost;
    return journal;
}

static void add(struct journal *journal, int n) {
    char text[64];
    int len = snprintf(text, sizeof(text), "record %d %.*s", n, n % 20, "....................");
    assert_true(journal_add(journal, slice_of(text, (size_t)len), false));
}

static void flush(struct journal *journal) {
    struct err err = {0};
    if (journal_flush(journal, &err) != 0) fail_msg("%s", err.text);
}

struct seen {
    int first, count, stop_at;
    uint64_t numbers[64];
};

static bool see(void *context, uint64_t number, struct slice record) {
    struct seen *seen = context;
    char expected[64];
    if (seen->count == seen->stop_at) return false;
    int n = seen->first + seen->count,
        len = snprintf(expected, sizeof(expected), "record %d %.*s", n, n % 20, "....................");
    assert_int_equal(record.len, len);
    assert_memory_equal(record.ptr, expected, record.len);
    if (seen->count > 0 && seen->count < 64) assert_true(number > seen->numbers[seen->count - 1]);
    if (seen->count < 64) seen->numbers[seen->count] = number;
    seen->count++;
    return true;
}

/* How many records come, of which the first must be `first`. */
static int read_all(struct journal *journal, int first, size_t limit, struct seen *ret) {
    struct err err = {0};
    struct seen seen = {.first = first, .stop_at = -1};
    int count = journal_read(journal, limit, see, &seen, &err);
    assert_int_equal(count, seen.count);
    if (ret) *ret = seen;
    return count;
}

static void test_what_was_flushed_comes_back(void **state) {
    struct seen before, after;
    struct journal *journal = open_journal(64 << 20, 0, NULL);
    assert_int_equal(read_all(journal, 0, 100, NULL), 0);
    for (int i = 0; i < 50; i++)
        add(journal, i);
    assert_int_equal(read_all(journal, 0, 100, NULL), 0); /* not flushed: not to be relied on */
    flush(journal);
    assert_int_equal(read_all(journal, 0, 20, NULL), 20);
    assert_int_equal(read_all(journal, 0, 20, NULL), 20); /* again, since they are not done */
    journal_done(journal);
    assert_int_equal(read_all(journal, 20, 100, &before), 30);
    assert_int_equal(journal_added(journal) - journal_done_count(journal), 30);
    journal_close(journal);
    journal = open_journal(64 << 20, 0, NULL);
    assert_int_equal(read_all(journal, 0, 100, &after), 50); /* done before the end of the file, so once more */
    assert_int_equal(after.numbers[20], before.numbers[0]);  /* and known by their numbers */
    journal_done(journal);
    assert_int_equal(read_all(journal, 0, 100, NULL), 0);
    journal_close(journal);
    assert_int_equal(count_files(NULL), 0);
}

static void test_done_records_leave_the_disk(void **state) {
    char path[400];
    struct stat about;
    struct journal *journal = open_journal(64 << 20, 0, NULL);
    add(journal, 0);
    flush(journal);
    assert_int_equal(read_all(journal, 0, 10, NULL), 1);
    journal_done(journal);
    journal_tidy(journal);
    assert_int_equal(count_files(path), 1);
    assert_int_equal(stat(path, &about), 0);
    assert_int_equal(about.st_size, 8);
    add(journal, 1); /* and it goes on in the same file */
    flush(journal);
    assert_int_equal(read_all(journal, 1, 10, NULL), 1);
    journal_close(journal);
    journal = open_journal(64 << 20, 0, NULL);
    assert_int_equal(read_all(journal, 1, 10, NULL), 1);
    journal_close(journal);
}

static void test_files_come_and_go(void **state) {
    struct journal *journal = open_journal(64 << 20, 200, NULL);
    for (int i = 0; i < 60; i++) {
        add(journal, i);
        flush(journal);
    }
    assert_true(count_files(NULL) > 5);
    for (int at = 0; at < 60;) {
        int count = read_all(journal, at, 7, NULL); /* never across a file */
        assert_true(count > 0);
        journal_done(journal);
        at += count;
    }
    assert_true(count_files(NULL) <= 1);
    assert_int_equal(journal_added(journal), journal_done_count(journal));
    journal_close(journal);
}

static void test_a_visitor_may_stop(void **state) {
    struct err err = {0};
    struct seen seen = {.first = 0, .stop_at = 3};
    struct journal *journal = open_journal(64 << 20, 0, NULL);
    for (int i = 0; i < 10; i++)
        add(journal, i);
    flush(journal);
    assert_int_equal(journal_read(journal, 100, see, &seen, &err), 3);
    journal_done(journal);
    assert_int_equal(read_all(journal, 3, 100, NULL), 7);
    journal_close(journal);
}

static void write_bytes(const char *path, const char *bytes, size_t len) {
    int fd = open(path, O_WRONLY | O_TRUNC | O_CREAT, 0600);
    assert_int_equal(write(fd, bytes, len), len);
    close(fd);
}

/* A file that ends anywhere, or with a changed byte: the whole records before that place, and what is added later. */
static void test_torn_and_changed_files(void **state) {
    char path[400], bytes[4096];
    struct journal *journal = open_journal(64 << 20, 0, NULL);
    for (int i = 0; i < 12; i++)
        add(journal, i);
    flush(journal);
    journal_close(journal);
    assert_int_equal(count_files(path), 1);
    int fd = open(path, O_RDONLY);
    size_t len = (size_t)read(fd, bytes, sizeof(bytes));
    close(fd);
    for (size_t cut = 0; cut < 2 * len; cut++) {
        bool changes = cut >= len;
        size_t at = changes ? cut - len : cut, lost;
        remove_files();
        if (changes) bytes[at] ^= 0x20;
        write_bytes(path, bytes, changes ? len : at);
        if (changes) bytes[at] ^= 0x20;
        journal = open_journal(64 << 20, 0, &lost);
        int count = read_all(journal, 0, 100, NULL);
        assert_true(count < 12 && (changes || at < 8 || lost < 64));
        journal_done(journal);
        add(journal, count);
        flush(journal);
        assert_int_equal(read_all(journal, count, 100, NULL), 1);
        journal_close(journal);
    }
}

static void test_the_bound_keeps_room_for_what_must(void **state) {
    struct journal *journal = open_journal(3 << 20, 64 << 10, NULL);
    char record[1000] = {1};
    int taken = 0, must = 0;
    while (journal_add(journal, slice_of(record, sizeof(record)), false)) {
        taken++;
        flush(journal);
    }
    assert_in_range(taken, 1900, 2100); /* 2 of 3 MiB */
    while (journal_add(journal, slice_of(record, sizeof(record)), true)) {
        must++;
        flush(journal);
    }
    assert_in_range(must, 900, 1100);
    journal_close(journal);
    journal = open_journal(3 << 20, 64 << 10, NULL); /* what is there counts after a restart too */
    assert_false(journal_add(journal, slice_of(record, sizeof(record)), false));
    journal_close(journal);
}

static void test_one_process_at_a_time(void **state) {
    const struct journal_options options = {.directory = directory, .bytes_max = 64 << 20};
    struct journal *journal = open_journal(64 << 20, 0, NULL), *second;
    struct err err = {0};
    size_t lost;
    assert_int_equal(journal_open(&options, &second, &lost, &err), -ERR_CONFLICT);
    journal_close(journal);
    assert_int_equal(journal_open(&options, &second, &lost, &err), 0);
    journal_close(second);
    const struct journal_options nowhere = {.directory = "/nonexistent/journal", .bytes_max = 64 << 20};
    assert_int_equal(journal_open(&nowhere, &second, &lost, &err), -ERR_UNAVAILABLE);
}

/* A directory that takes nothing: the records wait in memory, and are written when it does. */
static void test_a_failed_flush_loses_nothing(void **state) {
    struct err err = {0};
    if (geteuid() == 0) { /* root may write anywhere: a file in the way of the next name does it */
        struct journal *journal = open_journal(64 << 20, 0, NULL);
        char path[400];
        snprintf(path, sizeof(path), "%s/%016x.hits", directory, 1);
        assert_int_equal(mkdir(path, 0700), 0);
        add(journal, 0);
        assert_int_equal(journal_flush(journal, &err), -ERR_UNAVAILABLE);
        add(journal, 1);
        assert_int_equal(journal_flush(journal, &err), 0); /* under the next name */
        assert_int_equal(read_all(journal, 0, 10, NULL), 2);
        assert_int_equal(rmdir(path), 0);
        journal_close(journal);
    }
}

static void test_hits_are_read_as_written(void **state) {
    unsigned char bytes[HIT_BYTES_MAX];
    char url[EVENT_URL_MAX_BYTES + 10], agent[EVENT_AGENT_MAX_BYTES + 10];
    memset(url, 'u', sizeof(url));
    memset(agent, 'a', sizeof(agent));
    const struct hit hits[] = {
        {.kind = HIT_OPEN,
         .occurred_at = 1,
         .organization_id = 2,
         .email_log_id = 3,
         .link_position = LINK_POSITION_NONE},
        {.kind = HIT_CLICK,
         .machine = MACHINE_HINT_HONEYPOT,
         .occurred_at = INT64_MAX,
         .organization_id = 1LL << 40,
         .cohort_id = 5,
         .link_position = 1999,
         .has_address = true,
         .address = {{1, 2, 3}},
         .url = SLICE("https://a.example/ä"),
         .agent = SLICE("Mozilla/5.0")},
        {.kind = HIT_CONSENT,
         .level = TRACKING_CLICKS,
         .url = slice_of(url, sizeof(url)),
         .agent = slice_of(agent, sizeof(agent))},
    };
    for (size_t i = 0; i < 3; i++) {
        struct hit back;
        size_t len = hit_encode(&hits[i], bytes);
        assert_true(len <= sizeof(bytes) && len <= JOURNAL_RECORD_MAX);
        assert_true(hit_decode(slice_of((char *)bytes, len), &back));
        assert_int_equal(back.kind, hits[i].kind);
        assert_int_equal(back.machine, hits[i].machine);
        assert_int_equal(back.level, hits[i].level);
        assert_int_equal(back.occurred_at, hits[i].occurred_at);
        assert_int_equal(back.organization_id, hits[i].organization_id);
        assert_int_equal(back.email_log_id, hits[i].email_log_id);
        assert_int_equal(back.cohort_id, hits[i].cohort_id);
        assert_int_equal(back.link_position, hits[i].link_position);
        assert_int_equal(back.has_address, hits[i].has_address);
        assert_memory_equal(&back.address, &hits[i].address, sizeof(back.address));
        assert_true(slice_equal(back.url, slice_first(hits[i].url, EVENT_URL_MAX_BYTES)));
        assert_true(slice_equal(back.agent, slice_first(hits[i].agent, EVENT_AGENT_MAX_BYTES)));
        for (size_t cut = 0; cut < len; cut++)
            assert_false(hit_decode(slice_of((char *)bytes, cut), &back));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_was_flushed_comes_back, setup, teardown),
        cmocka_unit_test_setup_teardown(test_done_records_leave_the_disk, setup, teardown),
        cmocka_unit_test_setup_teardown(test_files_come_and_go, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_visitor_may_stop, setup, teardown),
        cmocka_unit_test_setup_teardown(test_torn_and_changed_files, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_bound_keeps_room_for_what_must, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_process_at_a_time, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_failed_flush_loses_nothing, setup, teardown),
        cmocka_unit_test(test_hits_are_read_as_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
