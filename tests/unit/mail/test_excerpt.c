#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "mail/excerpt.h"

static void test_excerpt(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t characters;
        const char *excerpt;
    } cases[] = {
        {"Yes.\r\n\r\nOn Monday, Acme wrote:\r\n> Dear", 50, "Yes."},
        {"Yes.\nMy  phone\n> quoted\nmore", 50, "Yes. My phone"},
        {"Ja, gerne\n\nVon: Acme <a@b>\nGesendet: x", 50, "Ja, gerne"},
        {"Yes\n-- \nJane", 50, "Yes"},
        {"\xc3\xa4\xc3\xb6\xc3\xbc \xc3\x9f!", 3, "äöü"},
        {"\xc3\xa4\xc3\xb6\xc3\xbc \xc3\x9f!", 4, "äöü"},
        {"\xc3\xa4\xc3\xb6\xc3\xbc \xc3\x9f!", 5, "äöü ß"},
        {"bad \xff byte", 20, "bad byte"},
        {"", 10, ""},
        {"x", 0, ""},
    };
    struct arena *arena = arena_new();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct slice got = excerpt_of(slice_cstr(cases[i].text), cases[i].characters, arena);
        if (!slice_equal(got, slice_cstr(cases[i].excerpt))) fail_msg("case %zu gives \"%.*s\"", i, SLICE_FMT(got));
    }
    arena_free(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_excerpt)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
