/* What routes are called in the audit log. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/audit.h"
#include "api/routes.h"
#include "store/audit.h"

#include "base/banned.h"

static void routes_have_words(void **state) {
    static const struct {
        const char *method, *pattern, *word;
    } cases[] = {
        {"POST", "/api/v1/users", "users.create"},
        {"PATCH", "/api/v1/users/{id}", "users.change"},
        {"DELETE", "/api/v1/users/{id}", "users.disable"},
        {"PUT", "/api/v1/settings", "settings.change"},
        {"POST", "/api/v1/orphan-events/{id}/match", "orphan-events.match"},
        {"POST", "/api/v1/endpoints/{id}/confirm", "endpoints.confirm"},
        {"POST", "/api/v1/session", "session.create"},
        {"DELETE", "/api/v1/things/{id}", "things.delete"},
        {"PUT", "/api/v1/things/{id}/parts", "things.parts.change"},
        {"GET", "/api/v1/users", NULL},
        {"POST", "/api/v1/emails", NULL},
        {"POST", "/webhooks/email/{endpoint}", NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char word[AUDIT_WORD_MAX] = "";
        assert_int_equal(audit_word(cases[i].method, cases[i].pattern, word), cases[i].word != NULL);
        if (cases[i].word) assert_string_equal(word, cases[i].word);
    }
}

/* A change that nobody thought of is noted: only those that somebody decided to leave out are. */
static void changes_are_noted_unless_listed(void **state) {
    struct arena *arena = arena_new();
    size_t left_out = 0;
    for (const struct http_route *route = routes_new(1, 1, arena); route->pattern; route++) {
        char word[AUDIT_WORD_MAX];
        bool change = route->method != HTTP_GET && route->method != HTTP_OPTIONS;
        if (!change || strncmp(route->pattern, "/api/v1/", 8) != 0) continue;
        if (!audit_word(http_method_name(route->method), route->pattern, word)) left_out++;
    }
    assert_int_equal(left_out, 9);
    arena_free(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(routes_have_words),
        cmocka_unit_test(changes_are_noted_unless_listed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
