#include "api/page_texts.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/banned.h"

static void test_the_best_language_of_those_there_are(void **state) {
    static const struct {
        const char *asked, *expected;
    } cases[] = {
        {"", "en"},
        {"de", "de"},
        {"DE-at", "de"},
        {"zh, ja;q=0.9", "en"},
        {"zh, fr;q=0.2", "fr"},
        {"en;q=0.4, it;q=0.5", "it"},
        {"es;q=0.500, de;q=0.501", "de"},
        {"fr;q=1.000,de", "fr"},               /* equal: the first */
        {"de;q=0, fr;q=0.001", "fr"},          /* 0 is: not this one */
        {"de;q=0", "en"},                      /* none is left */
        {"de;q=, fr;q=0.1", "fr"},             /* unreadable is none */
        {"de;q=2, fr;q=0.1", "fr"},            /* so is a weight above 1 */
        {"de;q=-1, fr;q=0.1", "fr"},           //
        {"de; Q=0.3 , it ;q=0.2", "de"},       /* blanks and case */
        {"deutsch, de2, d, ,,;q=1,-", "en"},   /* no prefixes */
        {"*", "en"},                           //
        {"es;level=1;q=0.3, it;q=0.2", "es"},  /* other parameters */
        {"it;q=0.12345678901234567890", "it"}, /* as long as it likes */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct page_texts *texts = page_texts_for(slice_cstr(cases[i].asked));
        assert_string_equal(texts->language, cases[i].expected);
    }
}

static void test_every_language_says_everything(void **state) {
    static const char *const languages[] = {"en", "de", "fr", "es", "it"};
    for (size_t i = 0; i < sizeof(languages) / sizeof(languages[0]); i++) {
        const struct page_texts *texts = page_texts_for(slice_cstr(languages[i]));
        const char *const *all = (const char *const *)(const void *)texts;
        assert_string_equal(texts->language, languages[i]);
        for (size_t n = 0; n < sizeof(*texts) / sizeof(const char *); n++) {
            assert_non_null(all[n]);
            assert_true(slice_is_utf8(slice_cstr(all[n])) && *all[n]);
        }
        /* Where the organization is named. */
        assert_non_null(strchr(texts->unsubscribe_ask, '%'));
        assert_non_null(strchr(texts->unsubscribed, '%'));
        assert_non_null(strchr(texts->preferences_ask, '%'));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_best_language_of_those_there_are),
        cmocka_unit_test(test_every_language_says_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
