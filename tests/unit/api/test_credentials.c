#include "api/credentials.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void keys_name_their_organization(void **state) {
    static const int64_t organizations[] = {1, 42, INT64_MAX};
    for (size_t i = 0; i < 3; i++) {
        char text[API_KEY_TEXT_MAX], other[API_KEY_TEXT_MAX];
        unsigned char hash[API_KEY_HASH_SIZE], read_hash[API_KEY_HASH_SIZE];
        struct slice prefix, other_prefix;
        int64_t organization = 0;
        struct slice key = api_key_make(organizations[i], text, &prefix, hash);
        assert_true(api_key_read(key, &organization, read_hash));
        assert_true(organization == organizations[i]);
        assert_memory_equal(hash, read_hash, sizeof(hash));
        assert_true(slice_starts_with(key, prefix));
        assert_true(key.len - prefix.len > 40);
        assert_false(slice_equal(key, api_key_make(organizations[i], other, &other_prefix, hash)));
        assert_memory_not_equal(hash, read_hash, sizeof(hash));
    }
}

static void what_is_no_key(void **state) {
#define SECRET "0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdef"
    static const char *const texts[] = {"",
                                        "ink_",
                                        "ink_1",
                                        "ink_1_",
                                        "ink__" SECRET,
                                        "ink_0_" SECRET,
                                        "ink_-1_" SECRET,
                                        "ink_99999999999999999999_" SECRET,
                                        "ink_1x_" SECRET,
                                        "ink_1_" SECRET "0",
                                        "Ink_1_" SECRET,
                                        "sk_1_" SECRET};
    unsigned char hash[API_KEY_HASH_SIZE];
    int64_t organization;
    assert_true(api_key_read(SLICE("ink_1_" SECRET), &organization, hash));
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (api_key_read(slice_cstr(texts[i]), &organization, hash)) fail_msg("%s", texts[i]);
}

static void passwords(void **state) {
    char hash[PASSWORD_HASH_MAX], made[PASSWORD_MADE_MAX];
    struct err err = {0};
    assert_int_equal(password_hash(SLICE("elevenchars"), hash, &err), -ERR_INVALID);
    assert_int_equal(password_hash(SLICE("twelve chars"), hash, &err), 0);
    assert_non_null(strstr(hash, "$argon2id$"));
    assert_true(password_matches(SLICE("twelve chars"), hash));
    assert_false(password_matches(SLICE("Twelve chars"), hash));
    assert_false(password_matches(SLICE(""), hash));
    password_make(made);
    assert_int_equal(strlen(made), PASSWORD_MADE_MAX - 1);
    assert_int_equal(password_hash(slice_cstr(made), hash, &err), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_name_their_organization),
        cmocka_unit_test(what_is_no_key),
        cmocka_unit_test(passwords),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
