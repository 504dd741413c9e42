/* Any bytes as tokens of ours, in links and in addresses of answers: none is taken that we did not make, and one that
 * we made is not with a character changed. Credentials name the organization that they were made for. */
#include <stdint.h>
#include <stdlib.h>

#include "api/credentials.h"
#include "base/strbuf.h"
#include "mail/reply_token.h"
#include "tracking/token.h"

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds) {
    if (!holds) abort();
}

static const unsigned char hash_key[HASH_KEY_SIZE] = "0123456789abcdef";
#define ALL_PURPOSES                                                                                                   \
    (1U << TOKEN_OPEN | 1U << TOKEN_CLICK | 1U << TOKEN_UNSUBSCRIBE | 1U << TOKEN_PREFERENCES | 1U << TOKEN_HONEYPOT)

/* A 128-bit MAC is not guessed. */
static void check_strangers(const struct token_ring *ring, struct slice text, struct arena *arena) {
    struct token token;
    int64_t organization, email;
    unsigned char hash[CREDENTIAL_HASH_SIZE];
    check(!token_read_any(ring, text, ALL_PURPOSES, arena, &token));
    check(!reply_token_read(hash_key, text, &organization, &email));
    check(!reply_token_find(hash_key, text, &organization, &email));
    if (credential_read(CREDENTIAL_KEY, text, &organization, hash)) {
        check(organization > 0 && slice_starts_with(text, SLICE("ink_")));
        check(!credential_read(CREDENTIAL_SESSION, text, &organization, hash));
        check(!credential_read(CREDENTIAL_LINK, text, &organization, hash));
    }
}

/* A click on the rest of the input, of an email numbered by its first bytes. */
static void check_own(const struct token_ring *ring, const uint8_t *data, size_t size, struct arena *arena) {
    uint32_t numbers[3];
    if (size <= sizeof(numbers) || size - sizeof(numbers) > TOKEN_URL_MAX_BYTES) return;
    memcpy(numbers, data, sizeof(numbers));
    struct slice url = slice_of((const char *)data + sizeof(numbers), size - sizeof(numbers));
    const struct token token = {.purpose = TOKEN_CLICK,
                                .organization_id = (int64_t)numbers[0] + 1,
                                .email_log_id = (int64_t)numbers[1] + 1,
                                .link_position = (int32_t)(numbers[2] % 1000),
                                .url = url};
    struct token read;
    struct strbuf text;
    strbuf_init(&text, 4 * TOKEN_URL_MAX_BYTES + 1000);
    token_write(ring, &token, &text);
    check(!text.overflow && token_read(ring, strbuf_slice(&text), TOKEN_CLICK, arena, &read));
    check(read.organization_id == token.organization_id && read.email_log_id == token.email_log_id);
    check(read.link_position == token.link_position && slice_equal(read.url, url));
    check(!token_read(ring, strbuf_slice(&text), TOKEN_OPEN, arena, &read));
    text.ptr[numbers[2] % (text.len - 1)] ^= 1; /* the last character may hold bits that stand for nothing */
    check(!token_read(ring, strbuf_slice(&text), TOKEN_CLICK, arena, &read));
    strbuf_release(&text);

    char reply[REPLY_TOKEN_CHARS + 1] = "";
    int64_t organization, email;
    reply_token_write(hash_key, token.organization_id, token.email_log_id, reply);
    struct slice address = slice_cstr(arena_printf(arena, "reply+%.*s@example.org", REPLY_TOKEN_CHARS, reply));
    check(reply_token_find(hash_key, address, &organization, &email));
    check(organization == token.organization_id && email == token.email_log_id);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const struct token_key key = {.id = 1, .bytes = "a key for tests, of any bytes"};
    struct token_ring *ring = token_ring_new(&key, 1);
    struct arena *arena = arena_new();
    check_strangers(ring, slice_of((const char *)data, size), arena);
    check_own(ring, data, size, arena);
    arena_free(arena);
    token_ring_free(ring);
    return 0;
}
