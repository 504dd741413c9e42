#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "mail/subject.h"

static void test_normalize(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"Backend engineer", "backend engineer"},
        {"Re: Backend engineer", "backend engineer"},
        {"RE[2]: re (3): Re^4: Backend engineer", "backend engineer"},
        {"AW: WG: [EXTERNAL] Backend\t engineer ", "backend engineer"},
        {"Réponse automatique : Ingénieur", "ingénieur"},
        {"R\xc3\xa9ponse automatique\xc2\xa0: Ing\xc3\xa9nieur", "ingénieur"},
        {"回复：Backend", "backend"},
        {"Antw.: x", "antw.: x"},
        {"Research: protein", "research: protein"},
        {"Refund", "refund"},
        {"[only a tag]", "[only a tag]"},
        {"Re:", ""},
        {"", ""},
        {"re", "re"},
    };
    struct arena *arena = arena_new();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct slice got = subject_normalize(slice_cstr(cases[i][0]), arena);
        if (!slice_equal(got, slice_cstr(cases[i][1]))) fail_msg("%s gives %.*s", cases[i][0], SLICE_FMT(got));
    }
    arena_free(arena);
}

static void test_kinds(void **state) {
    (void)state;
    assert_true(subject_is_answer(SLICE("[list] Re: x")));
    assert_true(subject_is_answer(SLICE("SV: x")));
    assert_false(subject_is_answer(SLICE("Fwd: x")));
    assert_false(subject_is_answer(SLICE("Regarding: x")));
    assert_false(subject_is_answer(SLICE("")));
    assert_true(subject_is_automatic(SLICE("Automatic reply: x")));
    assert_false(subject_is_automatic(SLICE("Automatic reply machines")));
    assert_false(subject_is_automatic(SLICE("Re: Automatic reply: x")));
    assert_true(subject_speaks_of_absence(SLICE("Urlaub bis Montag")));
    assert_false(subject_speaks_of_absence(SLICE("Re: Urlaub bis Montag")));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_normalize), cmocka_unit_test(test_kinds)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
