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

/* A letter's value + 1; 0: no letter. */
static const unsigned char url_letters[256] = {
    ['A'] = 1,  ['B'] = 2,  ['C'] = 3,  ['D'] = 4,  ['E'] = 5,  ['F'] = 6,  ['G'] = 7,  ['H'] = 8,
    ['I'] = 9,  ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16,
    ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24,
    ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32,
    ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40,
    ['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48,
    ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56,
    ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['-'] = 63, ['_'] = 64};

/* Appends the bits of `count` letters to `*bits`. */
static bool take_letters(const char *text, size_t count, uint32_t *bits) {
    for (size_t i = 0; i < count; i++) {
        uint32_t value = url_letters[(unsigned char)text[i]];
        if (value == 0) return false;
        *bits = *bits << 6 | (value - 1);
    }
    return true;
}

/* libsodium takes the same time whatever the text, at 50 instructions a letter; every hit of a tracked link would pay
 * for that. What we write in this alphabet is sealed or public, and so is what others do (JWT). */
bool base64url_decode(struct slice text, unsigned char *out, size_t out_size, size_t *ret_len) {
    size_t rest = text.len % 4, len = text.len / 4 * 3 + (rest > 0 ? rest - 1 : 0);
    unsigned char *end = out;
    if (rest == 1 || len > out_size) return false;
    for (size_t at = 0; at + 4 <= text.len; at += 4) {
        uint32_t bits = 0;
        if (!take_letters(text.ptr + at, 4, &bits)) return false;
        *end++ = (unsigned char)(bits >> 16);
        *end++ = (unsigned char)(bits >> 8);
        *end++ = (unsigned char)bits;
    }
    if (rest > 0) {
        uint32_t bits = 0;
        unsigned spare = rest == 2 ? 4 : 2; /* bits that must be zero: there is one spelling only */
        if (!take_letters(text.ptr + text.len - rest, rest, &bits) || (bits & ((1U << spare) - 1)) != 0) return false;
        if (rest == 3) *end++ = (unsigned char)(bits >> 10);
        *end = (unsigned char)(bits >> spare);
    }
    *ret_len = len;
    return true;
}
