#include "base/cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/banned.h"

static struct hash128 key(uint64_t n) {
    return (struct hash128){.high = n * 0x9e3779b97f4a7c15ULL, .low = n * 0xc2b2ae3d27d4eb4fULL};
}

static bool has(const struct cache *cache, uint64_t n, int64_t expected) {
    int64_t value = -1;
    if (!cache_get(cache, key(n), &value)) {
        assert_int_equal(value, -1); /* left alone */
        return false;
    }
    assert_int_equal(value, expected);
    return true;
}

static void what_was_put_is_found(void **state) {
    struct cache *cache = cache_new(20000);
    int64_t value;
    assert_false(cache_get(cache, key(1), &value));
    for (uint64_t n = 0; n < 10000; n++)
        cache_put(cache, key(n), (int64_t)n * 3);
    for (uint64_t n = 0; n < 10000; n++)
        assert_true(has(cache, n, (int64_t)n * 3));
    assert_false(has(cache, 10000, 0));
    cache_put(cache, key(5), 77);
    assert_true(has(cache, 5, 77));
    cache_clear(cache);
    assert_false(has(cache, 5, 0));
    cache_put(cache, key(5), 78);
    assert_true(has(cache, 5, 78));
    assert_null(cache_free(cache));
    assert_null(cache_free(NULL));
}

static void both_halves_of_the_key_count(void **state) {
    struct cache *cache = cache_new(100);
    int64_t value;
    cache_put(cache, (struct hash128){0, 0}, 1); /* all zero is a key like any other */
    cache_put(cache, (struct hash128){0, 16}, 2);
    cache_put(cache, (struct hash128){1, 0}, 3);
    assert_true(cache_get(cache, (struct hash128){0, 0}, &value) && value == 1);
    assert_true(cache_get(cache, (struct hash128){0, 16}, &value) && value == 2);
    assert_true(cache_get(cache, (struct hash128){1, 0}, &value) && value == 3);
    assert_false(cache_get(cache, (struct hash128){2, 0}, &value));
    cache_free(cache);
}

static void the_oldest_half_goes_when_it_is_full(void **state) {
    struct cache *cache = cache_new(100);
    for (uint64_t n = 0; n < 100; n++)
        cache_put(cache, key(n), (int64_t)n);
    for (uint64_t n = 0; n < 100; n++)
        assert_true(has(cache, n, (int64_t)n));
    cache_put(cache, key(100), 100);
    for (uint64_t n = 0; n < 50; n++)
        assert_false(has(cache, n, 0));
    for (uint64_t n = 50; n <= 100; n++)
        assert_true(has(cache, n, (int64_t)n));
    cache_free(cache);
}

static void it_never_holds_more_than_its_bound(void **state) {
    static const size_t bounds[] = {0, 1, 2, 3, 64, 1000};
    for (size_t b = 0; b < sizeof(bounds) / sizeof(bounds[0]); b++) {
        struct cache *cache = cache_new(bounds[b]);
        size_t found = 0;
        for (uint64_t n = 0; n < 5000; n++) {
            cache_put(cache, key(n), (int64_t)n);
            assert_true(has(cache, n, (int64_t)n));
        }
        for (uint64_t n = 0; n < 5000; n++)
            found += has(cache, n, (int64_t)n);
        assert_true(found >= bounds[b] / 2 && found <= (bounds[b] < 2 ? 2 : bounds[b]));
        cache_free(cache);
    }
}

static void a_newer_value_hides_the_older_generation(void **state) {
    struct cache *cache = cache_new(4);
    cache_put(cache, key(1), 10);
    cache_put(cache, key(2), 20);
    cache_put(cache, key(3), 30); /* 1 and 2 are now the old half */
    cache_put(cache, key(1), 11);
    assert_true(has(cache, 1, 11));
    cache_put(cache, key(4), 40); /* the old half goes, the new value of 1 stays */
    assert_true(has(cache, 1, 11));
    assert_false(has(cache, 2, 0));
    cache_free(cache);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_put_is_found),
        cmocka_unit_test(both_halves_of_the_key_count),
        cmocka_unit_test(the_oldest_half_goes_when_it_is_full),
        cmocka_unit_test(it_never_holds_more_than_its_bound),
        cmocka_unit_test(a_newer_value_hides_the_older_generation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
