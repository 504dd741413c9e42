#include "account/embed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/strbuf.h"

static void what_was_written_is_read(void **state) {
    static const struct slice candidates[] = {{"a b 3 c", 7}, {"1", 1}, {"\xc3\xa9,\n ", 5}};
    static const int64_t emails[] = {1, INT64_MAX};
    const struct embed_grant grant = {.organization_id = 7,
                                      .api_key_id = 9,
                                      .expires_at = 1764000000000,
                                      .origin = SLICE("https://ats.example.org:8443"),
                                      .candidates = candidates,
                                      .candidate_count = 3,
                                      .emails = emails,
                                      .email_count = 2,
                                      .scores = true};
    struct arena *arena = arena_new();
    struct embed_grant read;
    struct strbuf text;
    strbuf_init(&text, EMBED_TEXT_MAX);
    embed_write(&text, &grant);
    assert_true(embed_read(strbuf_slice(&text), arena, &read));
    assert_true(read.organization_id == 7 && read.api_key_id == 9 && read.expires_at == grant.expires_at);
    assert_true(slice_equal(read.origin, grant.origin) && read.scores);
    assert_int_equal(read.candidate_count, 3);
    for (int i = 0; i < 3; i++)
        assert_true(slice_equal(read.candidates[i], candidates[i]) && embed_allows_candidate(&read, candidates[i]));
    assert_true(read.email_count == 2 && read.emails[1] == INT64_MAX);
    assert_true(embed_allows_email(&read, 1, SLICE_NONE) && embed_allows_email(&read, 5, SLICE("1")));
    assert_false(embed_allows_email(&read, 2, SLICE("2")) || embed_allows_email(&read, 2, SLICE_NONE));
    assert_false(embed_allows_candidate(&read, SLICE("a b")));
    for (size_t len = 0; len < text.len; len++) /* cut off anywhere */
        assert_false(embed_read(slice_first(strbuf_slice(&text), len), arena, &read));
    strbuf_add_char(&text, ' ');
    assert_false(embed_read(strbuf_slice(&text), arena, &read) && read.candidate_count != 3);
    strbuf_release(&text);
    arena_free(arena);
}

static void scores_can_be_kept_back(void **state) {
    const struct embed_grant grant = {.organization_id = 7, .origin = SLICE("https://ats.example.org")};
    struct arena *arena = arena_new();
    struct embed_grant read = {.scores = true};
    struct strbuf text;
    strbuf_init(&text, EMBED_TEXT_MAX);
    embed_write(&text, &grant);
    assert_true(embed_read(strbuf_slice(&text), arena, &read));
    assert_false(read.scores);
    strbuf_release(&text);
    arena_free(arena);
}

static void origins(void **state) {
    static const char *const good[] = {"https://ats.example.org", "https://a:8443", "http://localhost:3000",
                                       "http://127.0.0.1:1"};
    static const char *const bad[] = {"",
                                      "*",
                                      "null",
                                      "https://",
                                      "http://ats.example.org",
                                      "https://a/",
                                      "https://A.example",
                                      "https://a:443",
                                      "https://a:",
                                      "https://a:0",
                                      "https://a:70000",
                                      "https://u@a",
                                      "https://a, https://b",
                                      "ftp://a",
                                      "http://localhost.evil.example"};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        if (!embed_origin_is_valid(slice_cstr(good[i]))) fail_msg("%s", good[i]);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (embed_origin_is_valid(slice_cstr(bad[i]))) fail_msg("%s", bad[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_read),
        cmocka_unit_test(scores_can_be_kept_back),
        cmocka_unit_test(origins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
