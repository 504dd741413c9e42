#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/banned.h"

static void memory_is_zeroed_and_copied(void **state) {
    char *bytes = memory_alloc_array(100, 10);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(bytes[i], 0);
    bytes[999] = 'x';
    bytes = memory_grow(bytes, 200, 10);
    assert_int_equal(bytes[999], 'x');
    free(bytes);
    bytes = memory_cstr("abcdef", 3);
    assert_string_equal(bytes, "abc");
    free(bytes);
    bytes = memory_alloc(0);
    assert_non_null(bytes);
    free(bytes);
    bytes = memory_grow(NULL, 0, 8);
    assert_non_null(bytes);
    free(bytes);
}

static void capacity_doubles_from_16(void **state) {
    assert_int_equal(memory_next_capacity(0, 1), 16);
    assert_int_equal(memory_next_capacity(16, 17), 32);
    assert_int_equal(memory_next_capacity(16, 100), 128);
    assert_int_equal(memory_next_capacity(64, 10), 64);
    assert_int_equal(memory_next_capacity(16, SIZE_MAX), SIZE_MAX);
    assert_int_equal(memory_next_capacity(SIZE_MAX / 2 + 1, SIZE_MAX / 2 + 2), SIZE_MAX / 2 + 2);
}

/* Runs `call` in a process of its own and returns what it said on standard error; it must have aborted. */
static void expect_abort(void (*call)(void), char *said, size_t size) {
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        signal(SIGABRT, SIG_DFL); /* cmocka's handler would jump back into the test */
        dup2(ends[1], STDERR_FILENO);
        call();
        _exit(0);
    }
    close(ends[1]);
    ssize_t len = read(ends[0], said, size - 1);
    said[len > 0 ? len : 0] = '\0';
    close(ends[0]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static void overflow_in_grow(void) {
    volatile size_t count = SIZE_MAX / 4;
    free(memory_grow(NULL, count, 8));
}

static void overflow_in_cstr(void) {
    volatile size_t len = SIZE_MAX;
    free(memory_cstr("", len));
}

static void exhausted(void) {
    memory_exhausted();
}

static void no_memory_ends_the_process_with_a_message(void **state) {
    char said[200];
    expect_abort(exhausted, said, sizeof(said));
    assert_string_equal(said, "inkling: out of memory\n");
    expect_abort(overflow_in_grow, said, sizeof(said));
    assert_string_equal(said, "inkling: out of memory\n");
    expect_abort(overflow_in_cstr, said, sizeof(said));
    assert_string_equal(said, "inkling: out of memory\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_zeroed_and_copied),
        cmocka_unit_test(capacity_doubles_from_16),
        cmocka_unit_test(no_memory_ends_the_process_with_a_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
