#include "base/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/banned.h"

static bool is_aligned(const void *memory) {
    return (uintptr_t)memory % _Alignof(max_align_t) == 0;
}

static bool is_zero(const char *bytes, size_t len) {
    for (size_t i = 0; i < len; i++) {
        if (bytes[i]) return false;
    }
    return true;
}

static void allocations_are_aligned_zeroed_and_apart(void **state) {
    struct arena *arena = arena_new();
    enum { COUNT = 2000 };
    static char *taken[COUNT];
    static size_t sizes[COUNT];
    for (int round = 0; round < 3; round++) { /* the later rounds reuse a dirty block */
        for (size_t i = 0; i < COUNT; i++) {
            sizes[i] = i % 97 == 0 ? i * 40 : i % 61;
            taken[i] = arena_alloc(arena, sizes[i]);
            assert_true(is_aligned(taken[i]));
            assert_true(is_zero(taken[i], sizes[i]));
            memset(taken[i], (int)(i % 255) + 1, sizes[i]);
            arena_bytes(arena, i % 3); /* knocks the alignment off */
        }
        for (size_t i = 0; i < COUNT; i++) {
            for (size_t at = 0; at < sizes[i]; at++)
                assert_int_equal((unsigned char)taken[i][at], i % 255 + 1);
        }
        arena_reset(arena);
        assert_int_equal(arena_used(arena), 0);
    }
    arena_free(arena);
}

static void large_and_empty_allocations(void **state) {
    struct arena *arena = arena_new();
    assert_non_null(arena_alloc(arena, 0));
    char *first = arena_alloc(arena, 3 << 20);
    char *small = arena_alloc(arena, 10);
    char *second = arena_alloc_array(arena, 1 << 10, 5 << 10);
    memset(first, 1, 3 << 20);
    memset(second, 2, 5 << 20);
    assert_true(is_zero(small, 10));
    assert_int_equal(arena_used(arena), (8 << 20) + 10);
    arena_reset(arena);
    arena_reset(arena);
    assert_non_null(arena_alloc(arena, 1));
    assert_null(arena_free(arena));
    assert_null(arena_free(NULL));
}

static void copies_of_text(void **state) {
    struct arena *arena = arena_new();
    assert_string_equal(arena_cstr(arena, SLICE("text")), "text");
    assert_string_equal(arena_cstr(arena, SLICE_NONE), "");
    assert_true(slice_equal(arena_copy(arena, SLICE("a\0b")), SLICE("a\0b")));
    assert_int_equal(arena_copy(arena, SLICE_NONE).len, 0);
    assert_string_equal(arena_printf(arena, "%05d|%s", 42, "x"), "00042|x");
    char *longer = arena_printf(arena, "%*d", 20000, 1);
    assert_int_equal(strlen(longer), 20000);
    arena_free(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(allocations_are_aligned_zeroed_and_apart),
        cmocka_unit_test(large_and_empty_allocations),
        cmocka_unit_test(copies_of_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
