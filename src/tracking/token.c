#include "tracking/token.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/strbuf.h"
#include "model/event.h"

#include "base/banned.h"

#define TAG_BYTES     16
#define HEAD_BYTES    (1 + TAG_BYTES)
#define NUMBERS_BYTES 40 /* four varints of at most 10 bytes */
#define PLAIN_MAX     (1 + NUMBERS_BYTES + TOKEN_URL_MAX_BYTES)

/* A SIV context cannot be used twice, but it can be copied with the key in it. */
struct ring_key {
    uint8_t id;
    EVP_CIPHER_CTX *seal, *open;
};

struct token_ring {
    size_t count;
    struct ring_key keys[TOKEN_KEYS_MAX];
};

static void check(int ok) {
    if (ok != 1) BUG("AES-SIV does not work with this OpenSSL");
}

struct token_ring *token_ring_new(const struct token_key *keys, size_t count) {
    if (count == 0 || count > TOKEN_KEYS_MAX) BUG("a ring of %zu keys", count);
    struct token_ring *ring = memory_alloc(sizeof(*ring));
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, "AES-256-SIV", NULL);
    if (!cipher) BUG("this OpenSSL has no AES-SIV");
    for (size_t i = 0; i < count; i++) {
        struct ring_key *key = &ring->keys[ring->count++];
        *key = (struct ring_key){.id = keys[i].id, .seal = EVP_CIPHER_CTX_new(), .open = EVP_CIPHER_CTX_new()};
        if (!key->seal || !key->open) memory_exhausted();
        check(EVP_EncryptInit_ex2(key->seal, cipher, keys[i].bytes, NULL, NULL));
        check(EVP_DecryptInit_ex2(key->open, cipher, keys[i].bytes, NULL, NULL));
    }
    EVP_CIPHER_free(cipher);
    return ring;
}

struct token_ring *token_ring_free(struct token_ring *ring) {
    if (!ring) return NULL;
    for (size_t i = 0; i < ring->count; i++) {
        EVP_CIPHER_CTX_free(ring->keys[i].seal); /* cleanses the key */
        EVP_CIPHER_CTX_free(ring->keys[i].open);
    }
    free(ring);
    return NULL;
}

static const struct ring_key *find_key(const struct token_ring *ring, uint8_t id) {
    for (size_t i = 0; i < ring->count; i++)
        if (ring->keys[i].id == id) return &ring->keys[i];
    return NULL;
}

static EVP_CIPHER_CTX *context_copy(const EVP_CIPHER_CTX *keyed) {
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    if (!context) memory_exhausted();
    check(EVP_CIPHER_CTX_copy(context, keyed));
    return context;
}

/* ---- content: purpose, organization, email or cohort, link position + 1, url ---- */

/* Little endian base 128. */
static size_t put_number(unsigned char *out, uint64_t value) {
    size_t len = 0;
    for (; value >= 0x80; value >>= 7)
        out[len++] = (unsigned char)(value | 0x80);
    out[len++] = (unsigned char)value;
    return len;
}

static bool take_number(const unsigned char *bytes, size_t len, size_t *at, uint64_t *ret) {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && *at < len; shift += 7) {
        unsigned char byte = bytes[(*at)++];
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *ret = value;
            return true;
        }
    }
    return false;
}

static size_t write_content(const struct token *token, unsigned char *out) {
    size_t len = 0;
    if (token->url.len > TOKEN_URL_MAX_BYTES) BUG("a destination of %zu bytes", token->url.len);
    out[len++] = (unsigned char)token->purpose;
    len += put_number(out + len, (uint64_t)token->organization_id);
    len += put_number(out + len, (uint64_t)token->email_log_id);
    len += put_number(out + len, (uint64_t)token->cohort_id);
    len += put_number(out + len, (uint64_t)((int64_t)token->link_position - LINK_POSITION_NONE));
    if (token->url.len > 0) memcpy(out + len, token->url.ptr, token->url.len);
    return len + token->url.len;
}

static bool read_content(const unsigned char *bytes, size_t len, struct arena *arena, struct token *ret) {
    uint64_t organization_id, email_log_id, cohort_id, position;
    size_t at = 1;
    if (!take_number(bytes, len, &at, &organization_id) || !take_number(bytes, len, &at, &email_log_id) ||
        !take_number(bytes, len, &at, &cohort_id) || !take_number(bytes, len, &at, &position))
        return false;
    *ret = (struct token){
        .purpose = (enum token_purpose)bytes[0],
        .organization_id = (int64_t)organization_id,
        .email_log_id = (int64_t)email_log_id,
        .cohort_id = (int64_t)cohort_id,
        .link_position = (int32_t)((int64_t)position + LINK_POSITION_NONE),
        .url = arena_copy(arena, slice_of((const char *)bytes + at, len - at)),
    };
    return true;
}

/* ---- text ---- */

void token_write(const struct token_ring *ring, const struct token *token, struct strbuf *out) {
    unsigned char plain[PLAIN_MAX], sealed[HEAD_BYTES + PLAIN_MAX];
    const struct ring_key *key = &ring->keys[0];
    int len = 0, plain_len = (int)write_content(token, plain);
    EVP_CIPHER_CTX *context = context_copy(key->seal);
    sealed[0] = key->id;
    check(EVP_EncryptUpdate(context, NULL, &len, sealed, 1));
    check(EVP_EncryptUpdate(context, sealed + HEAD_BYTES, &len, plain, plain_len));
    check(EVP_EncryptFinal_ex(context, sealed + HEAD_BYTES + len, &len));
    check(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, TAG_BYTES, sealed + 1));
    EVP_CIPHER_CTX_free(context);
    base64url_encode(out, slice_of((const char *)sealed, HEAD_BYTES + (size_t)plain_len));
}

bool token_read(const struct token_ring *ring, struct slice text, enum token_purpose purpose, struct arena *arena,
                struct token *ret) {
    return token_read_any(ring, text, 1U << purpose, arena, ret);
}

bool token_read_any(const struct token_ring *ring, struct slice text, unsigned purposes, struct arena *arena,
                    struct token *ret) {
    unsigned char sealed[HEAD_BYTES + PLAIN_MAX], plain[PLAIN_MAX];
    size_t sealed_len;
    int len = 0;
    struct token token;
    if (text.len > TOKEN_MAX_CHARS || !base64url_decode(text, sealed, sizeof(sealed), &sealed_len) ||
        sealed_len <= HEAD_BYTES)
        return false;
    const struct ring_key *key = find_key(ring, sealed[0]);
    /* An unknown key id is tried too, with a key that cannot fit, so that it costs the same. */
    EVP_CIPHER_CTX *context = context_copy(key ? key->open : ring->keys[0].open);
    check(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, TAG_BYTES, sealed + 1));
    check(EVP_DecryptUpdate(context, NULL, &len, sealed, 1));
    /* In SIV mode this compares the tag, with CRYPTO_memcmp, and fails when it differs. */
    int opened = EVP_DecryptUpdate(context, plain, &len, sealed + HEAD_BYTES, (int)(sealed_len - HEAD_BYTES));
    EVP_CIPHER_CTX_free(context);
    if (opened != 1 || !key || len < 1 || plain[0] > 31 || (purposes >> plain[0] & 1) == 0) return false;
    if (!read_content(plain, (size_t)len, arena, &token)) return false;
    *ret = token;
    return true;
}
