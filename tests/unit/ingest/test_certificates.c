#include "ingest/certificates.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define URL "https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-1.pem"

struct world {
    atomic_int fetches;
    atomic_bool hold; /* the fetch waits */
    bool failing;
    size_t size; /* of what is fetched; 0: the url itself */
};

static int fetch(void *context, const char *url, struct strbuf *ret_pem, struct err *err) {
    struct world *world = context;
    atomic_fetch_add(&world->fetches, 1);
    while (atomic_load(&world->hold))
        sched_yield();
    if (world->failing) return err_set(err, ERR_DENIED, "the world says no");
    if (world->size == 0) return strbuf_add_cstr(ret_pem, url);
    for (size_t i = 0; i < world->size; i++)
        strbuf_add_char(ret_pem, 'x');
    return 0;
}

static void fetched_once(void **state) {
    struct world world = {0};
    struct certificates *certificates = certificates_new(NULL, fetch, &world);
    struct arena *arena = arena_new();
    struct slice pem;
    struct err err = {0};
    assert_int_equal(certificates_find(certificates, SLICE(URL), false, arena, &pem, &err), -ERR_UNAVAILABLE);
    assert_int_equal(world.fetches, 0); /* an event thread must not wait */
    assert_int_equal(certificates_find(certificates, SLICE(URL), true, arena, &pem, &err), 0);
    assert_true(slice_equal(pem, SLICE(URL)));
    assert_int_equal(certificates_find(certificates, SLICE(URL), false, arena, &pem, &err), 0);
    assert_int_equal(certificates_find(certificates, SLICE(URL), true, arena, &pem, &err), 0);
    assert_int_equal(world.fetches, 1);
    arena_free(arena);
    certificates_free(certificates);
}

static void failures_are_remembered(void **state) {
    struct world world = {.failing = true};
    struct certificates *certificates = certificates_new(NULL, fetch, &world);
    struct arena *arena = arena_new();
    struct slice pem;
    struct err err = {0};
    for (int i = 0; i < 5; i++) {
        err = (struct err){0};
        assert_int_equal(certificates_find(certificates, SLICE(URL), true, arena, &pem, &err), -ERR_UNAVAILABLE);
        assert_string_equal(err.text, "the world says no");
    }
    assert_int_equal(world.fetches, 1);
    arena_free(arena);
    certificates_free(certificates);
}

static void only_so_large(void **state) {
    struct world world = {.size = CERTIFICATE_PEM_MAX + 1};
    struct certificates *certificates = certificates_new(NULL, fetch, &world);
    struct arena *arena = arena_new();
    struct slice pem;
    struct err err = {0};
    assert_int_equal(certificates_find(certificates, SLICE(URL), true, arena, &pem, &err), -ERR_UNAVAILABLE);
    arena_free(arena);
    certificates_free(certificates);
}

static void only_so_many(void **state) {
    struct world world = {0};
    struct certificates *certificates = certificates_new(NULL, fetch, &world);
    struct arena *arena = arena_new();
    struct slice pem;
    struct err err = {0};
    for (int i = 0; i < 3 * CERTIFICATES_MAX; i++) {
        struct slice url = slice_cstr(arena_printf(arena, "%s?%d", URL, i));
        assert_int_equal(certificates_find(certificates, url, true, arena, &pem, &err), 0);
        assert_true(slice_equal(pem, url));
    }
    struct slice latest = slice_cstr(arena_printf(arena, "%s?%d", URL, 3 * CERTIFICATES_MAX - 1));
    assert_int_equal(certificates_find(certificates, latest, false, arena, &pem, &err), 0);
    assert_int_equal(
        certificates_find(certificates, slice_cstr(arena_printf(arena, "%s?0", URL)), false, arena, &pem, &err),
        -ERR_UNAVAILABLE);
    arena_free(arena);
    certificates_free(certificates);
}

static void pinned_ones_come_first(void **state) {
    char directory[] = "/tmp/inkling-pinned-XXXXXX", path[200];
    struct world world = {0};
    struct arena *arena = arena_new();
    struct slice pem;
    struct err err = {0};
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof(path), "%s/SimpleNotificationService-1.pem", directory);
    FILE *file = fopen(path, "w");
    fputs("pinned", file);
    fclose(file);
    struct certificates *certificates = certificates_new(directory, fetch, &world);
    assert_int_equal(certificates_find(certificates, SLICE(URL), true, arena, &pem, &err), 0);
    assert_true(slice_equal(pem, SLICE("pinned")));
    assert_int_equal(world.fetches, 0);
    /* No way out of the directory. */
    assert_int_equal(certificates_find(certificates, SLICE("https://x/..%2f..%2fetc.pem"), true, arena, &pem, &err), 0);
    assert_int_equal(certificates_find(certificates, SLICE("https://x/.pem"), true, arena, &pem, &err), 0);
    assert_int_equal(world.fetches, 2);
    certificates_free(certificates);
    certificates = certificates_new(directory, NULL, NULL);
    assert_int_equal(certificates_find(certificates, SLICE("https://x/other.pem"), true, arena, &pem, &err),
                     -ERR_UNAVAILABLE);
    certificates_free(certificates);
    arena_free(arena);
    unlink(path);
    rmdir(directory);
}

struct caller {
    struct certificates *certificates;
    int result;
};

static void *find_in_thread(void *argument) {
    struct caller *caller = argument;
    struct arena *arena = arena_new();
    struct slice pem;
    caller->result = certificates_find(caller->certificates, SLICE(URL), true, arena, &pem, NULL);
    arena_free(arena);
    return NULL;
}

static void many_at_once_fetch_once(void **state) {
    struct world world = {.hold = true};
    struct certificates *certificates = certificates_new(NULL, fetch, &world);
    struct caller callers[8];
    pthread_t threads[8];
    for (int i = 0; i < 8; i++) {
        callers[i] = (struct caller){.certificates = certificates, .result = 1};
        assert_int_equal(pthread_create(&threads[i], NULL, find_in_thread, &callers[i]), 0);
    }
    while (atomic_load(&world.fetches) == 0)
        sched_yield();
    atomic_store(&world.hold, false);
    for (int i = 0; i < 8; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(callers[i].result, 0);
    }
    assert_int_equal(world.fetches, 1);
    certificates_free(certificates);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fetched_once),           cmocka_unit_test(failures_are_remembered),
        cmocka_unit_test(only_so_large),          cmocka_unit_test(only_so_many),
        cmocka_unit_test(pinned_ones_come_first), cmocka_unit_test(many_at_once_fetch_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
