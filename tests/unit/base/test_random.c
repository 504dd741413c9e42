#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/banned.h"

static void bytes_differ_from_call_to_call(void **state) {
    unsigned char first[32] = {0}, second[32] = {0};
    random_bytes(first, sizeof(first));
    random_bytes(second, sizeof(second));
    assert_memory_not_equal(first, second, sizeof(first));
    random_bytes(NULL, 0);
}

static void tokens_have_32_characters_to_choose_from(void **state) {
    char token[4001];
    bool seen[256] = {false};
    int different = 0;
    random_token(token, 4000);
    assert_int_equal(strlen(token), 4000);
    for (size_t i = 0; i < 4000; i++) {
        unsigned char c = (unsigned char)token[i];
        assert_true((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z'));
        different += !seen[c];
        seen[c] = true;
    }
    assert_int_equal(different, 32); /* that one is missing has a chance of 32 * (31/32)^4000, below 10^-53 */
    random_token(token, 0);
    assert_string_equal(token, "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_differ_from_call_to_call),
        cmocka_unit_test(tokens_have_32_characters_to_choose_from),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
