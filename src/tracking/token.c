#include "tracking/token.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/strbuf.h"
#include "model/event.h"
#include "tracking/siv.h"

#include "base/banned.h"

#define HEAD_BYTES    (1 + SIV_TAG_BYTES)
#define NUMBERS_BYTES 40 /* four varints of at most 10 bytes */
#define PLAIN_MAX     (1 + NUMBERS_BYTES + TOKEN_URL_MAX_BYTES)

struct ring_key {
    uint8_t id;
    struct siv *siv;
};

struct token_ring {
    size_t count;
    struct ring_key keys[TOKEN_KEYS_MAX];
};

struct token_ring *token_ring_new(const struct token_key *keys, size_t count) {
    if (count == 0 || count > TOKEN_KEYS_MAX) BUG("a ring of %zu keys", count);
    struct token_ring *ring = memory_alloc(sizeof(*ring));
    for (size_t i = 0; i < count; i++)
        ring->keys[ring->count++] =
            (struct ring_key){.id = keys[i].id, .siv = siv_new(keys[i].bytes, &keys[i].id, sizeof(keys[i].id))};
    return ring;
}

struct token_ring *token_ring_free(struct token_ring *ring) {
    if (!ring) return NULL;
    for (size_t i = 0; i < ring->count; i++)
        siv_free(ring->keys[i].siv);
    free(ring);
    return NULL;
}

static const struct ring_key *find_key(const struct token_ring *ring, uint8_t id) {
    for (size_t i = 0; i < ring->count; i++)
        if (ring->keys[i].id == id) return &ring->keys[i];
    return NULL;
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
    size_t len = write_content(token, plain);
    sealed[0] = key->id;
    siv_seal(key->siv, plain, len, sealed + 1, sealed + HEAD_BYTES);
    base64url_encode(out, slice_of((const char *)sealed, HEAD_BYTES + len));
}

bool token_read(const struct token_ring *ring, struct slice text, enum token_purpose purpose, struct arena *arena,
                struct token *ret) {
    return token_read_any(ring, text, 1U << purpose, arena, ret);
}

bool token_read_any(const struct token_ring *ring, struct slice text, unsigned purposes, struct arena *arena,
                    struct token *ret) {
    unsigned char sealed[HEAD_BYTES + PLAIN_MAX], plain[PLAIN_MAX];
    size_t sealed_len;
    struct token token;
    if (text.len > TOKEN_MAX_CHARS || !base64url_decode(text, sealed, sizeof(sealed), &sealed_len) ||
        sealed_len <= HEAD_BYTES)
        return false;
    const struct ring_key *key = find_key(ring, sealed[0]);
    /* An unknown key id is tried too, with a key that cannot fit, so that it costs the same. */
    size_t len = sealed_len - HEAD_BYTES;
    bool opened = siv_open(key ? key->siv : ring->keys[0].siv, sealed + 1, sealed + HEAD_BYTES, len, plain);
    if (!opened || !key || plain[0] > 31 || (purposes >> plain[0] & 1) == 0) return false;
    if (!read_content(plain, len, arena, &token)) return false;
    memcpy(&token.hash, sealed + 1, sizeof(token.hash));
    *ret = token;
    return true;
}
