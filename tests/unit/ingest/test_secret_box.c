#include "ingest/secret_box.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[64], path[96];

static int set_up(void **state) {
    snprintf(directory, sizeof(directory), "/tmp/inkling-key-XXXXXX");
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof(path), "%s/secret.key", directory);
    return 0;
}

static int tear_down(void **state) {
    unlink(path);
    return rmdir(directory); /* nothing else was left in it */
}

static void key_is_made_once(void **state) {
    struct secret_box first, second;
    struct stat about;
    struct err err = {0};
    assert_int_equal(secret_box_load(path, &first, &err), 0);
    assert_int_equal(stat(path, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0600);
    assert_int_equal(secret_box_load(path, &second, &err), 0);
    assert_memory_equal(first.key, second.key, sizeof(first.key));
}

static void key_that_others_can_read(void **state) {
    struct secret_box box;
    struct err err = {0};
    assert_int_equal(secret_box_load(path, &box, &err), 0);
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(secret_box_load(path, &box, &err), -ERR_DENIED);
    assert_non_null(strstr(err.text, "chmod 600"));
}

static void damaged_key(void **state) {
    struct secret_box box;
    struct err err = {0};
    FILE *file = fopen(path, "w");
    fputs("c2hvcnQ=\n", file);
    fclose(file);
    chmod(path, 0600);
    assert_int_equal(secret_box_load(path, &box, &err), -ERR_INVALID);
}

static void place_that_does_not_exist(void **state) {
    struct secret_box box;
    struct err err = {0};
    assert_int_equal(secret_box_load("/nonexistent/secret.key", &box, &err), -ERR_UNAVAILABLE);
}

static void seals_and_opens(void **state) {
    struct secret_box box, other;
    struct strbuf sealed, again, plain;
    struct err err = {0};
    assert_int_equal(secret_box_load(path, &box, &err), 0);
    other = box;
    other.key[0] ^= 1;
    strbuf_init(&sealed, 1000);
    strbuf_init(&again, 1000);
    strbuf_init(&plain, 1000);
    for (size_t len = 0; len < 70; len += 23) {
        char text[70];
        memset(text, 'x', sizeof(text));
        strbuf_clear(&sealed);
        strbuf_clear(&again);
        strbuf_clear(&plain);
        assert_int_equal(secret_box_seal(&box, slice_of(text, len), &sealed), 0);
        assert_int_equal(secret_box_seal(&box, slice_of(text, len), &again), 0);
        assert_false(slice_equal(strbuf_slice(&sealed), strbuf_slice(&again))); /* a nonce of its own */
        assert_int_equal(secret_box_open(&box, strbuf_slice(&sealed), &plain, &err), 0);
        assert_true(slice_equal(strbuf_slice(&plain), slice_of(text, len)));
        assert_int_equal(secret_box_open(&other, strbuf_slice(&sealed), &plain, &err), -ERR_UNREADABLE);
        for (size_t i = 0; i < sealed.len; i++) {
            sealed.ptr[i] ^= 0x40;
            assert_int_equal(secret_box_open(&box, strbuf_slice(&sealed), &plain, &err), -ERR_UNREADABLE);
            sealed.ptr[i] ^= 0x40;
            assert_int_equal(secret_box_open(&box, slice_first(strbuf_slice(&sealed), i), &plain, &err),
                             -ERR_UNREADABLE);
        }
        assert_true(slice_equal(strbuf_slice(&plain), slice_of(text, len))); /* failures added nothing */
    }
    strbuf_release(&sealed);
    strbuf_release(&again);
    strbuf_release(&plain);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(key_is_made_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(key_that_others_can_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(damaged_key, set_up, tear_down),
        cmocka_unit_test_setup_teardown(place_that_does_not_exist, set_up, tear_down),
        cmocka_unit_test_setup_teardown(seals_and_opens, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
