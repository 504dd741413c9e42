#include "tracking/siv.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/memory.h"

#include "base/banned.h"

#define BLOCK        16
#define HALF         (SIV_KEY_BYTES / 2)
#define SETS         16
#define STACK_SHIFT  23 /* stacks of threads lie this far apart, or further */
#define CACHE_LINE   64
#define CIPHER_NAME  "AES-256-CBC" /* of the CMAC */
#define COUNTER_NAME "AES-256-CTR"

/* Keyed; used by one thread at a time. */
struct contexts {
    _Alignas(CACHE_LINE) atomic_bool taken;
    EVP_MAC_CTX *mac;
    EVP_CIPHER_CTX *counter;
};

struct siv {
    struct contexts keyed;        /* only ever copied from */
    unsigned char chained[BLOCK]; /* S2V's D behind the associated string */
    struct contexts sets[SETS];
};

static void check(int ok) {
    if (ok != 1) BUG("AES-CMAC and AES-CTR do not work with this OpenSSL");
}

/* ---- contexts ---- */

static void contexts_copy(struct contexts *copy, const struct contexts *keyed) {
    copy->mac = EVP_MAC_CTX_dup(keyed->mac);
    copy->counter = EVP_CIPHER_CTX_new();
    if (!copy->mac || !copy->counter) memory_exhausted();
    check(EVP_CIPHER_CTX_copy(copy->counter, keyed->counter));
}

static void contexts_release(struct contexts *contexts) {
    EVP_MAC_CTX_free(contexts->mac);
    EVP_CIPHER_CTX_free(contexts->counter);
}

/* Threads begin their search at different sets, so they seldom meet. `own`: used when none is free. */
static struct contexts *contexts_take(struct siv *siv, struct contexts *own) {
    size_t first = (uintptr_t)own >> STACK_SHIFT;
    for (size_t i = 0; i < SETS; i++) {
        struct contexts *set = &siv->sets[(first + i) % SETS];
        if (!atomic_exchange_explicit(&set->taken, true, memory_order_acquire)) return set;
    }
    contexts_copy(own, &siv->keyed);
    return own;
}

static void contexts_give(struct contexts *contexts, struct contexts *own) {
    if (contexts == own)
        contexts_release(own);
    else
        atomic_store_explicit(&contexts->taken, false, memory_order_release);
}

/* ---- S2V (RFC 5297 section 2.4) ---- */

/* The CMAC of two strings, one behind the other. */
static void cmac(EVP_MAC_CTX *mac, const unsigned char *first, size_t first_len, const unsigned char *second,
                 size_t second_len, unsigned char out[BLOCK]) {
    size_t len;
    check(EVP_MAC_init(mac, NULL, 0, NULL));
    if (first_len > 0) check(EVP_MAC_update(mac, first, first_len));
    check(EVP_MAC_update(mac, second, second_len));
    check(EVP_MAC_final(mac, out, &len, BLOCK));
}

/* Section 2.3; without a branch, since the bits are secret. */
static void double_block(unsigned char block[BLOCK]) {
    unsigned char carry = (unsigned char)(block[0] >> 7);
    for (size_t i = 0; i + 1 < BLOCK; i++)
        block[i] = (unsigned char)(block[i] << 1 | block[i + 1] >> 7);
    block[BLOCK - 1] = (unsigned char)(block[BLOCK - 1] << 1 ^ (carry * 0x87));
}

static void xor_block(unsigned char block[BLOCK], const unsigned char *other) {
    for (size_t i = 0; i < BLOCK; i++)
        block[i] ^= other[i];
}

static void synthetic_iv(const struct siv *siv, EVP_MAC_CTX *mac, const unsigned char *plain, size_t len,
                         unsigned char out[BLOCK]) {
    unsigned char block[BLOCK];
    memcpy(block, siv->chained, BLOCK);
    if (len >= BLOCK) {
        xor_block(block, plain + len - BLOCK);
        cmac(mac, plain, len - BLOCK, block, BLOCK, out);
        return;
    }
    double_block(block);
    for (size_t i = 0; i < len; i++)
        block[i] ^= plain[i];
    block[len] ^= 0x80;
    cmac(mac, NULL, 0, block, BLOCK, out);
}

/* ---- the mode ---- */

struct siv *siv_new(const unsigned char key[SIV_KEY_BYTES], const unsigned char *associated, size_t associated_len) {
    static const unsigned char zero[BLOCK];
    struct siv *siv = aligned_alloc(CACHE_LINE, sizeof(*siv));
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "CMAC", NULL);
    EVP_CIPHER *counter = EVP_CIPHER_fetch(NULL, COUNTER_NAME, NULL);
    char name[] = CIPHER_NAME;
    OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_CIPHER, name, 0),
                               OSSL_PARAM_construct_end()};
    unsigned char of_associated[BLOCK];
    if (!mac || !counter) BUG("this OpenSSL has no CMAC or no AES-CTR");
    if (!siv) memory_exhausted();
    memset(siv, 0, sizeof(*siv));
    siv->keyed.mac = EVP_MAC_CTX_new(mac);
    siv->keyed.counter = EVP_CIPHER_CTX_new();
    if (!siv->keyed.mac || !siv->keyed.counter) memory_exhausted();
    check(EVP_MAC_init(siv->keyed.mac, key, HALF, parameters));
    check(EVP_EncryptInit_ex2(siv->keyed.counter, counter, key + HALF, zero, NULL));
    for (size_t i = 0; i < SETS; i++)
        contexts_copy(&siv->sets[i], &siv->keyed);
    cmac(siv->sets[0].mac, NULL, 0, zero, BLOCK, siv->chained);
    double_block(siv->chained);
    cmac(siv->sets[0].mac, NULL, 0, associated, associated_len, of_associated);
    xor_block(siv->chained, of_associated);
    EVP_CIPHER_free(counter);
    EVP_MAC_free(mac);
    return siv;
}

struct siv *siv_free(struct siv *siv) {
    if (!siv) return NULL;
    contexts_release(&siv->keyed);
    for (size_t i = 0; i < SETS; i++)
        contexts_release(&siv->sets[i]);
    OPENSSL_cleanse(siv, sizeof(*siv));
    free(siv);
    return NULL;
}

/* CTR encrypts as it decrypts. Two bits of the counter are cleared (section 2.5). */
static void run_counter(EVP_CIPHER_CTX *counter, const unsigned char tag[SIV_TAG_BYTES], const unsigned char *in,
                        size_t len, unsigned char *out) {
    unsigned char start[BLOCK];
    int written;
    memcpy(start, tag, BLOCK);
    start[8] &= 0x7f;
    start[12] &= 0x7f;
    if (len == 0) return;
    check(EVP_EncryptInit_ex2(counter, NULL, NULL, start, NULL));
    check(EVP_EncryptUpdate(counter, out, &written, in, (int)len));
}

void siv_seal(struct siv *siv, const unsigned char *plain, size_t len, unsigned char tag[SIV_TAG_BYTES],
              unsigned char *out) {
    struct contexts own = {0}, *contexts = contexts_take(siv, &own);
    synthetic_iv(siv, contexts->mac, plain, len, tag);
    run_counter(contexts->counter, tag, plain, len, out);
    contexts_give(contexts, &own);
}

bool siv_open(struct siv *siv, const unsigned char tag[SIV_TAG_BYTES], const unsigned char *sealed, size_t len,
              unsigned char *out) {
    struct contexts own = {0}, *contexts = contexts_take(siv, &own);
    unsigned char expected[SIV_TAG_BYTES];
    run_counter(contexts->counter, tag, sealed, len, out);
    synthetic_iv(siv, contexts->mac, out, len, expected);
    contexts_give(contexts, &own);
    if (CRYPTO_memcmp(expected, tag, SIV_TAG_BYTES) == 0) return true;
    OPENSSL_cleanse(out, len);
    return false;
}
