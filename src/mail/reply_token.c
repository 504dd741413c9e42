#include "mail/reply_token.h"

#include <sodium.h>

#include "base/banned.h"

#define MAC_BYTES          8
#define ORGANIZATION_BYTES 6
#define CONTENT_BYTES      (ORGANIZATION_BYTES + 8)
#define TOKEN_BYTES        (MAC_BYTES + CONTENT_BYTES)
#define BITS_A_CHARACTER   5
#define PIECES_MAX         8

/* Set before what is hashed, so that no other hash under the same key is ever a token's. */
static const char mac_purpose[] = "inkling reply token";
static const char stream_purpose[] = "inkling reply stream";
#define PURPOSE_MAX sizeof(stream_purpose)

static void put_u64(uint64_t value, size_t bytes, unsigned char *out) {
    for (size_t i = 0; i < bytes; i++)
        out[i] = (unsigned char)(value >> (8 * (bytes - 1 - i)));
}

static uint64_t get_u64(const unsigned char *bytes, size_t count) {
    uint64_t value = 0;
    for (size_t i = 0; i < count; i++)
        value = value << 8 | bytes[i];
    return value;
}

static struct hash128 hash_for(const unsigned char hash_key[HASH_KEY_SIZE], const char *purpose, size_t purpose_size,
                               const unsigned char *bytes, size_t len) {
    char text[PURPOSE_MAX + CONTENT_BYTES];
    memcpy(text, purpose, purpose_size);
    memcpy(text + purpose_size, bytes, len);
    return hash128(hash_key, slice_of(text, purpose_size + len));
}

static void mac_of(const unsigned char hash_key[HASH_KEY_SIZE], const unsigned char content[CONTENT_BYTES],
                   unsigned char out[MAC_BYTES]) {
    put_u64(hash_for(hash_key, mac_purpose, sizeof(mac_purpose), content, CONTENT_BYTES).high, MAC_BYTES, out);
}

/* Encrypts and decrypts. */
static void apply_stream(const unsigned char hash_key[HASH_KEY_SIZE], const unsigned char mac[MAC_BYTES],
                         unsigned char content[CONTENT_BYTES]) {
    struct hash128 hash = hash_for(hash_key, stream_purpose, sizeof(stream_purpose), mac, MAC_BYTES);
    unsigned char stream[16];
    put_u64(hash.high, 8, stream);
    put_u64(hash.low, 8, stream + 8);
    for (size_t i = 0; i < CONTENT_BYTES; i++)
        content[i] ^= stream[i];
}

/* ---- base32, Crockford's alphabet in lower case: without i, l, o and u ---- */

static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";

static void base32_encode(const unsigned char bytes[TOKEN_BYTES], char out[REPLY_TOKEN_CHARS]) {
    unsigned bits = 0, pending = 0;
    size_t at = 0;
    for (size_t i = 0; i < TOKEN_BYTES; i++) {
        pending = pending << 8 | bytes[i];
        for (bits += 8; bits >= BITS_A_CHARACTER; bits -= BITS_A_CHARACTER)
            out[at++] = alphabet[pending >> (bits - BITS_A_CHARACTER) & 31];
        pending &= 31;
    }
    out[at] = alphabet[pending << (BITS_A_CHARACTER - bits) & 31];
}

static bool base32_decode(struct slice text, unsigned char out[TOKEN_BYTES]) {
    unsigned bits = 0, pending = 0;
    size_t at = 0;
    if (text.len != REPLY_TOKEN_CHARS) return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c >= 'A' && c <= 'Z') c = (char)(c - 'A' + 'a');
        const char *found = c != '\0' ? strchr(alphabet, c) : NULL;
        if (!found) return false;
        pending = (pending << BITS_A_CHARACTER | (unsigned)(found - alphabet)) & 0xfff;
        bits += BITS_A_CHARACTER;
        if (bits >= 8) {
            bits -= 8;
            out[at++] = (unsigned char)(pending >> bits);
        }
    }
    return (pending & ((1U << bits) - 1)) == 0; /* one token has one text */
}

/* ---- */

void reply_token_write(const unsigned char hash_key[HASH_KEY_SIZE], int64_t organization_id, int64_t email_log_id,
                       char out[REPLY_TOKEN_CHARS]) {
    unsigned char bytes[TOKEN_BYTES], *content = bytes + MAC_BYTES;
    put_u64((uint64_t)organization_id, ORGANIZATION_BYTES, content);
    put_u64((uint64_t)email_log_id, 8, content + ORGANIZATION_BYTES);
    mac_of(hash_key, content, bytes);
    apply_stream(hash_key, bytes, content);
    base32_encode(bytes, out);
}

bool reply_token_read(const unsigned char hash_key[HASH_KEY_SIZE], struct slice text, int64_t *ret_organization_id,
                      int64_t *ret_email_log_id) {
    unsigned char bytes[TOKEN_BYTES], mac[MAC_BYTES], *content = bytes + MAC_BYTES;
    if (!base32_decode(text, bytes)) return false;
    apply_stream(hash_key, bytes, content);
    mac_of(hash_key, content, mac);
    if (sodium_memcmp(mac, bytes, MAC_BYTES) != 0) return false;
    *ret_organization_id = (int64_t)get_u64(content, ORGANIZATION_BYTES);
    *ret_email_log_id = (int64_t)get_u64(content + ORGANIZATION_BYTES, 8);
    return true;
}

bool reply_token_find(const unsigned char hash_key[HASH_KEY_SIZE], struct slice address, int64_t *ret_organization_id,
                      int64_t *ret_email_log_id) {
    ptrdiff_t at = slice_find_char(address, '@');
    struct slice local = at >= 0 ? slice_first(address, (size_t)at) : address;
    size_t begin = 0, pieces = 0;
    for (size_t i = 0; i <= local.len && pieces < PIECES_MAX; i++) {
        if (i < local.len && local.ptr[i] != '+' && local.ptr[i] != '-' && local.ptr[i] != '=') continue;
        if (reply_token_read(hash_key, slice_of(local.ptr + begin, i - begin), ret_organization_id, ret_email_log_id))
            return true;
        begin = i + 1;
        pieces++;
    }
    return false;
}
