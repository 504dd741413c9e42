#include "base/hash.h"

#include <sodium.h>

#include "base/err.h"
#include "base/strbuf.h"

#include "base/banned.h"

_Static_assert(HASH_KEY_SIZE == crypto_shorthash_siphashx24_KEYBYTES, "the key of SipHash");

static uint64_t load_little_endian(const unsigned char bytes[8]) {
    uint64_t value = 0;
    for (int i = 7; i >= 0; i--)
        value = value << 8 | bytes[i];
    return value;
}

struct hash128 hash128(const unsigned char key[HASH_KEY_SIZE], struct slice data) {
    unsigned char out[crypto_shorthash_siphashx24_BYTES];
    crypto_shorthash_siphashx24(out, (const unsigned char *)data.ptr, data.len, key);
    return (struct hash128){.high = load_little_endian(out), .low = load_little_endian(out + 8)};
}

uint64_t hash_fnv1a(struct slice data) {
    /* Offset basis and prime of the 64-bit FNV-1a: draft-eastlake-fnv. */
    uint64_t hash = 0xcbf29ce484222325ULL;
    for (size_t i = 0; i < data.len; i++)
        hash = (hash ^ (unsigned char)data.ptr[i]) * 0x100000001b3ULL;
    return hash;
}

int hex_encode(struct strbuf *out, struct slice bytes) {
    if (bytes.len > SIZE_MAX / 4) BUG("too much to encode");
    /* libsodium wants room for a final NUL, which every strbuf has behind its reserved bytes. */
    char *text = strbuf_reserve(out, bytes.len * 2);
    if (!text) return -1;
    if (bytes.len) sodium_bin2hex(text, bytes.len * 2 + 1, (const unsigned char *)bytes.ptr, bytes.len);
    strbuf_grew(out, bytes.len * 2);
    return 0;
}

bool hex_decode(struct slice text, unsigned char *out, size_t out_size, size_t *ret_len) {
    size_t len = 0;
    /* The end pointer is NULL, so anything that is not a pair of digits fails. */
    if (text.len && sodium_hex2bin(out, out_size, text.ptr, text.len, NULL, &len, NULL) != 0) return false;
    *ret_len = len;
    return true;
}

static int encode(struct strbuf *out, struct slice bytes, int variant) {
    if (bytes.len > SIZE_MAX / 4) BUG("too much to encode");
    size_t len = sodium_base64_encoded_len(bytes.len, variant) - 1; /* without the NUL */
    char *text = strbuf_reserve(out, len);
    if (!text) return -1;
    if (len) sodium_bin2base64(text, len + 1, (const unsigned char *)bytes.ptr, bytes.len, variant);
    strbuf_grew(out, len);
    return 0;
}

static bool is_ascii(struct slice text) {
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.ptr[i] >= 0x80) return false;
    }
    return true;
}

/* libsodium 1.0.18 takes every byte from 0x80 for the last letter of the alphabet. */
static bool decode(struct slice text, unsigned char *out, size_t out_size, size_t *ret_len, int variant) {
    size_t len = 0;
    if (!is_ascii(text)) return false;
    if (text.len && sodium_base642bin(out, out_size, text.ptr, text.len, NULL, &len, NULL, variant) != 0) return false;
    *ret_len = len;
    return true;
}

int base64_encode(struct strbuf *out, struct slice bytes) {
    return encode(out, bytes, sodium_base64_VARIANT_ORIGINAL);
}

bool base64_decode(struct slice text, unsigned char *out, size_t out_size, size_t *ret_len) {
    return decode(text, out, out_size, ret_len, sodium_base64_VARIANT_ORIGINAL);
}

int base64url_encode(struct strbuf *out, struct slice bytes) {
    return encode(out, bytes, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

bool base64url_decode(struct slice text, unsigned char *out, size_t out_size, size_t *ret_len) {
    return decode(text, out, out_size, ret_len, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}
