/* hash: keyed SipHash for table keys, and the encodings of bytes as text. */
#ifndef INKLING_BASE_HASH_H
#define INKLING_BASE_HASH_H

#include "base/slice.h"

struct strbuf;

#define HASH_KEY_SIZE 16

struct hash128 {
    uint64_t high, low;
};

/* SipHash-2-4 with 128 bits of output (libsodium crypto_shorthash_siphashx24). */
struct hash128 hash128(const unsigned char key[HASH_KEY_SIZE], struct slice data);
/* Not keyed, for in-memory tables of trusted data. */
uint64_t hash_fnv1a(struct slice data);

/* Hex: lower case out; both cases in, strict (even length, no other characters). */
int hex_encode(struct strbuf *out, struct slice bytes);
bool hex_decode(struct slice text, unsigned char *out, size_t out_size, size_t *ret_len);
/* Base64. Decoding is strict: right padding (standard) or none (url), zero trailing bits, no white space. */
int base64_encode(struct strbuf *out, struct slice bytes);
bool base64_decode(struct slice text, unsigned char *out, size_t out_size, size_t *ret_len);
int base64url_encode(struct strbuf *out, struct slice bytes);
bool base64url_decode(struct slice text, unsigned char *out, size_t out_size, size_t *ret_len);

#endif
