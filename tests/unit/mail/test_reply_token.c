#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "mail/reply_token.h"

static const unsigned char key[HASH_KEY_SIZE] = {1, 2, 3};
static const unsigned char other_key[HASH_KEY_SIZE] = {1, 2, 4};

static void test_round_trip(void **state) {
    (void)state;
    const struct { int64_t organization, email; } cases[] = {{1, 1}, {7, 4711}, {(1LL << 48) - 1, INT64_MAX}, {0, 0}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[REPLY_TOKEN_CHARS];
        int64_t organization = -1, email = -1;
        reply_token_write(key, cases[i].organization, cases[i].email, text);
        assert_true(reply_token_read(key, slice_of(text, sizeof(text)), &organization, &email));
        assert_true(organization == cases[i].organization && email == cases[i].email);
        assert_false(reply_token_read(other_key, slice_of(text, sizeof(text)), &organization, &email));
    }
}

/* Every change of every character is noticed, but for case. */
static void test_changes_are_noticed(void **state) {
    (void)state;
    char text[REPLY_TOKEN_CHARS];
    int64_t organization, email;
    reply_token_write(key, 7, 4711, text);
    for (size_t i = 0; i < sizeof(text); i++) {
        char was = text[i];
        for (int c = 0; c < 256; c++) {
            bool same = (char)c == was || (was >= 'a' && was <= 'z' && c == was - 'a' + 'A');
            text[i] = (char)c;
            if (reply_token_read(key, slice_of(text, sizeof(text)), &organization, &email) != same)
                fail_msg("character %zu as %d", i, c);
        }
        text[i] = was;
    }
    assert_false(reply_token_read(key, slice_of(text, sizeof(text) - 1), &organization, &email));
}

static void test_found_in_addresses(void **state) {
    (void)state;
    char text[REPLY_TOKEN_CHARS];
    const struct {
        const char *before, *behind;
        bool found;
    } cases[] = {{"reply+", "@example.org", true},
                 {"", "@example.org", true},
                 {"bounce-", "=jane=example.net@example.org", true},
                 {"a+b+", "+c@example.org", true},
                 {"reply", "@example.org", false},
                 {"reply@", "", false},
                 {"a+b+c+d+e+f+g+h+i+", "@example.org", false}};
    reply_token_write(key, 7, 4711, text);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char address[256];
        size_t before = strlen(cases[i].before), behind = strlen(cases[i].behind);
        int64_t organization, email;
        memcpy(address, cases[i].before, before);
        memcpy(address + before, text, sizeof(text));
        memcpy(address + before + sizeof(text), cases[i].behind, behind);
        bool found = reply_token_find(key, slice_of(address, before + sizeof(text) + behind), &organization, &email);
        if (found != cases[i].found) fail_msg("%s…%s", cases[i].before, cases[i].behind);
        if (found) assert_true(organization == 7 && email == 4711);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_changes_are_noticed),
        cmocka_unit_test(test_found_in_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
