#include "account/passwords.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void those_that_are_guessed_first(void **state) {
    static const char *const texts[] = {
        "aaaaaaaaaaaaaa",
        "121212121212",
        "123456789012",
        "12345678901234567890",
        "987654321098",
        "123451234512345",
        "qwertyuiop12",
        "QWERTYuiop",
        "qwertzuiopas",
        "asdfghjklasdfghjkl",
        "1qaz2wsx3edc",
        "1q2w3e4r5t6y",
        "abcdefghijklmn",
        "Password1234",
        "P@ssw0rd1234",
        "passw0rd!!!!",
        "2024Summer2024",
        "!Welcome12345!",
        "administrator1",
        "changeme1234",
        "iloveyou2025",
        "inkling12345",
        "CorrectHorseBatteryStaple",
        "Recruiter2026!",
        "0000000000000",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (!password_is_common(slice_cstr(texts[i]))) fail_msg("%s", texts[i]);
}

static void others(void **state) {
    static const char *const texts[] = {
        "correct horse battery staple",   "passwort vergessen am montag", "k9x2mfq7w1zd",
        "\xc3\xa9t\xc3\xa9 sur la plage", "password of my grandmother",   "12 green bottles hanging",
        "qwerty is not my style",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (password_is_common(slice_cstr(texts[i]))) fail_msg("%s", texts[i]);
    assert_false(password_is_common(SLICE("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdefghij")));
    assert_false(password_is_common(SLICE("nul\0in\0the\0middle")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(those_that_are_guessed_first),
        cmocka_unit_test(others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
