#include "account/totp.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sodium.h>
#include <stdio.h>

#include "base/err.h"
#include "base/random.h"
#include "base/strbuf.h"

#include "base/banned.h"

#define MAC_BYTES     20
#define CODE_MODULUS  1000000
#define WINDOW        1  /* steps to either side */
#define RECOVERY_CHAR 16 /* of a code, without hyphens */

/* RFC 4226 section 5.3. */
static uint32_t code_of(const unsigned char secret[TOTP_SECRET_BYTES], int64_t step) {
    unsigned char counter[8], mac[EVP_MAX_MD_SIZE];
    unsigned int len = 0;
    for (int i = 0; i < 8; i++)
        counter[i] = (unsigned char)((uint64_t)step >> (56 - 8 * i));
    if (!HMAC(EVP_sha1(), secret, TOTP_SECRET_BYTES, counter, sizeof(counter), mac, &len) || len != MAC_BYTES)
        BUG("HMAC-SHA1 cannot fail");
    const unsigned char *at = mac + (mac[MAC_BYTES - 1] & 15);
    return ((uint32_t)(at[0] & 0x7f) << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3]) % CODE_MODULUS;
}

void totp_code(const unsigned char secret[TOTP_SECRET_BYTES], int64_t step, char out[TOTP_DIGITS + 1]) {
    snprintf(out, TOTP_DIGITS + 1, "%06u", code_of(secret, step));
}

/* The characters that count; false when they are not `want`. */
static bool take_characters(struct slice text, const char *ignored, char *out, size_t want) {
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] != '\0' && strchr(ignored, text.ptr[i])) continue;
        if (len == want) return false;
        char c = text.ptr[i];
        out[len++] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    return len == want;
}

bool totp_check(const unsigned char secret[TOTP_SECRET_BYTES], struct slice code, int64_t now, int64_t last_step,
                int64_t *ret_step) {
    char digits[TOTP_DIGITS], expected[TOTP_DIGITS + 1];
    int64_t step = now / TOTP_STEP_MS, found = -1;
    if (!take_characters(code, " ", digits, TOTP_DIGITS)) return false;
    for (int64_t at = step - WINDOW; at <= step + WINDOW; at++) {
        totp_code(secret, at, expected);
        if (sodium_memcmp(digits, expected, TOTP_DIGITS) == 0 && at > last_step) found = at;
    }
    if (found < 0) return false;
    *ret_step = found;
    return true;
}

void totp_write_secret(struct strbuf *out, const unsigned char secret[TOTP_SECRET_BYTES]) {
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    _Static_assert(TOTP_SECRET_BYTES % 5 == 0, "whole groups of base32");
    for (int i = 0; i < TOTP_SECRET_BYTES * 8; i += 5) {
        unsigned pair = (unsigned)secret[i / 8] << 8 | (i / 8 + 1 < TOTP_SECRET_BYTES ? secret[i / 8 + 1] : 0);
        strbuf_add_char(out, alphabet[pair >> (11 - i % 8) & 31]);
    }
}

static void add_escaped(struct strbuf *out, struct slice text) {
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     (c != '\0' && strchr("-._~@", c));
        strbuf_printf(out, plain ? "%c" : "%%%02X", c);
    }
}

void totp_write_uri(struct strbuf *out, const unsigned char secret[TOTP_SECRET_BYTES], struct slice issuer,
                    struct slice account) {
    strbuf_add_cstr(out, "otpauth://totp/");
    add_escaped(out, issuer);
    strbuf_add_char(out, ':');
    add_escaped(out, account);
    strbuf_add_cstr(out, "?secret=");
    totp_write_secret(out, secret);
    strbuf_add_cstr(out, "&issuer=");
    add_escaped(out, issuer);
}

/* ---- recovery codes ---- */

void recovery_code_make(char out[RECOVERY_CODE_CHARS + 1]) {
    char chars[RECOVERY_CHAR + 1];
    random_token(chars, RECOVERY_CHAR);
    snprintf(out, RECOVERY_CODE_CHARS + 1, "%.4s-%.4s-%.4s-%.4s", chars, chars + 4, chars + 8, chars + 12);
    sodium_memzero(chars, sizeof(chars));
}

bool recovery_code_hash(struct slice code, unsigned char ret_hash[RECOVERY_HASH_SIZE]) {
    char text[RECOVERY_CHAR];
    if (!take_characters(code, " -", text, sizeof(text))) return false;
    /* A plain hash is enough for 80 random bits. */
    crypto_hash_sha256(ret_hash, (const unsigned char *)text, sizeof(text));
    return true;
}
