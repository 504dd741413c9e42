#include "tracking/token.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/random.h"
#include "base/strbuf.h"
#include "model/event.h"

#include "base/banned.h"

static const char long_url[] = "https://jobs.example.org/apply/42?utm_source=mail&x=%20%C3%A4#here";

static struct token_key key_of(uint8_t id) {
    struct token_key key = {.id = id};
    memset(key.bytes, id + 1, sizeof(key.bytes));
    for (size_t i = 0; i < sizeof(key.bytes); i++)
        key.bytes[i] ^= (unsigned char)(i * 37);
    return key;
}

static struct token a_click(void) {
    return (struct token){.purpose = TOKEN_CLICK,
                          .organization_id = 3,
                          .email_log_id = 9007199254740993,
                          .link_position = 17,
                          .url = slice_cstr(long_url)};
}

static void what_is_written_is_read(void **state) {
    (void)state;
    struct token_key key = key_of(1);
    struct token_ring *ring = token_ring_new(&key, 1);
    struct arena *arena = arena_new();
    struct strbuf text;
    struct token click = a_click(), read;
    strbuf_init(&text, 1 << 16);
    token_write(ring, &click, &text);
    assert_true(token_read(ring, strbuf_slice(&text), TOKEN_CLICK, arena, &read));
    assert_int_equal(read.organization_id, 3);
    assert_int_equal(read.email_log_id, 9007199254740993);
    assert_int_equal(read.cohort_id, 0);
    assert_int_equal(read.link_position, 17);
    assert_true(slice_equal(read.url, slice_cstr(long_url)));
    size_t first = text.len;
    token_write(ring, &click, &text); /* the same again */
    assert_int_equal(text.len, 2 * first);
    assert_memory_equal(text.ptr, text.ptr + first, first);
    /* An open of a whole cohort, without a link. */
    strbuf_clear(&text);
    struct token open = {
        .purpose = TOKEN_OPEN, .organization_id = 1, .cohort_id = 12, .link_position = LINK_POSITION_NONE};
    token_write(ring, &open, &text);
    assert_true(text.len < 40);
    assert_true(token_read(ring, strbuf_slice(&text), TOKEN_OPEN, arena, &read));
    assert_int_equal(read.cohort_id, 12);
    assert_int_equal(read.link_position, LINK_POSITION_NONE);
    assert_int_equal(read.url.len, 0);
    strbuf_release(&text);
    arena_free(arena);
    token_ring_free(ring);
}

static void the_longest_destination_fits(void **state) {
    (void)state;
    char url[TOKEN_URL_MAX_BYTES];
    memset(url, 'x', sizeof(url));
    struct token_key key = key_of(1);
    struct token_ring *ring = token_ring_new(&key, 1);
    struct arena *arena = arena_new();
    struct strbuf text;
    struct token token = {.purpose = TOKEN_CLICK,
                          .organization_id = INT64_MAX,
                          .email_log_id = INT64_MAX,
                          .cohort_id = INT64_MAX,
                          .link_position = INT32_MAX,
                          .url = slice_of(url, sizeof(url))},
                 read;
    strbuf_init(&text, 1 << 16);
    token_write(ring, &token, &text);
    assert_true(text.len <= TOKEN_MAX_CHARS);
    assert_true(token_read(ring, strbuf_slice(&text), TOKEN_CLICK, arena, &read));
    assert_int_equal(read.organization_id, INT64_MAX);
    assert_int_equal(read.link_position, INT32_MAX);
    assert_int_equal(read.url.len, sizeof(url));
    strbuf_release(&text);
    arena_free(arena);
    token_ring_free(ring);
}

static void any_changed_bit_is_refused(void **state) {
    (void)state;
    struct token_key keys[] = {key_of(1), key_of(2)};
    struct token_ring *ring = token_ring_new(keys, 2);
    struct arena *arena = arena_new();
    struct strbuf text;
    struct token click = a_click(), read;
    strbuf_init(&text, 1 << 16);
    token_write(ring, &click, &text);
    for (size_t i = 0; i < text.len; i++)
        for (int bit = 0; bit < 8; bit++) {
            text.ptr[i] = (char)(text.ptr[i] ^ (1 << bit));
            assert_false(token_read(ring, strbuf_slice(&text), TOKEN_CLICK, arena, &read));
            text.ptr[i] = (char)(text.ptr[i] ^ (1 << bit));
        }
    for (size_t len = 0; len < text.len; len++)
        assert_false(token_read(ring, slice_of(text.ptr, len), TOKEN_CLICK, arena, &read));
    assert_true(token_read(ring, strbuf_slice(&text), TOKEN_CLICK, arena, &read));
    strbuf_add_char(&text, 'A');
    assert_false(token_read(ring, strbuf_slice(&text), TOKEN_CLICK, arena, &read));
    strbuf_release(&text);
    arena_free(arena);
    token_ring_free(ring);
}

static void each_purpose_has_its_own_tokens(void **state) {
    (void)state;
    struct token_key key = key_of(1);
    struct token_ring *ring = token_ring_new(&key, 1);
    struct arena *arena = arena_new();
    struct strbuf text;
    struct token token = a_click(), read;
    strbuf_init(&text, 1 << 16);
    for (int made = TOKEN_OPEN; made <= TOKEN_HONEYPOT; made++) {
        strbuf_clear(&text);
        token.purpose = (enum token_purpose)made;
        token_write(ring, &token, &text);
        for (int asked = TOKEN_OPEN; asked <= TOKEN_HONEYPOT; asked++)
            assert_int_equal(token_read(ring, strbuf_slice(&text), (enum token_purpose)asked, arena, &read),
                             made == asked);
    }
    strbuf_release(&text);
    arena_free(arena);
    token_ring_free(ring);
}

static void old_keys_verify_until_they_are_taken_out(void **state) {
    (void)state;
    struct token_key old_key = key_of(1), keys[] = {key_of(2), old_key}, stranger = key_of(3);
    struct token_ring *before = token_ring_new(&old_key, 1), *after = token_ring_new(keys, 2),
                      *later = token_ring_new(keys, 1);
    stranger.id = 1; /* the same id, another key: another instance */
    struct token_ring *foreign = token_ring_new(&stranger, 1);
    struct arena *arena = arena_new();
    struct strbuf text;
    struct token click = a_click(), read;
    strbuf_init(&text, 1 << 16);
    token_write(before, &click, &text);
    assert_true(token_read(after, strbuf_slice(&text), TOKEN_CLICK, arena, &read));
    assert_false(token_read(later, strbuf_slice(&text), TOKEN_CLICK, arena, &read));
    assert_false(token_read(foreign, strbuf_slice(&text), TOKEN_CLICK, arena, &read));
    strbuf_clear(&text);
    token_write(after, &click, &text);
    assert_true(token_read(later, strbuf_slice(&text), TOKEN_CLICK, arena, &read));
    assert_false(token_read(before, strbuf_slice(&text), TOKEN_CLICK, arena, &read));
    strbuf_release(&text);
    arena_free(arena);
    token_ring_free(before);
    token_ring_free(after);
    token_ring_free(later);
    token_ring_free(foreign);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(the_longest_destination_fits),
        cmocka_unit_test(any_changed_bit_is_refused),
        cmocka_unit_test(each_purpose_has_its_own_tokens),
        cmocka_unit_test(old_keys_verify_until_they_are_taken_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
