#include "tracking/siv.h"

#include <endian.h>
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
#define COUNTERS_MAX 8 /* blocks of the key stream that are made at once */

/* Keyed AES of single blocks; used by one thread at a time. */
struct contexts {
    _Alignas(CACHE_LINE) atomic_bool taken;
    EVP_CIPHER_CTX *mac, *counter;
};

struct siv {
    struct contexts keyed;         /* only ever copied from */
    unsigned char whole[BLOCK];    /* CMAC's K1, for a last block that is full */
    unsigned char part[BLOCK];     /* CMAC's K2, for one that is not */
    unsigned char chained[BLOCK];  /* S2V's D behind the associated string */
    unsigned char of_short[BLOCK]; /* what a text shorter than a block is mixed with: D doubled, and K1 */
    struct contexts sets[SETS];
};

static void check(int ok) {
    if (ok != 1) BUG("AES does not work with this OpenSSL");
}

/* ---- contexts ---- */

static EVP_CIPHER_CTX *context_new(const EVP_CIPHER *cipher, const unsigned char key[HALF]) {
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    if (!context) memory_exhausted();
    check(EVP_EncryptInit_ex2(context, cipher, key, NULL, NULL));
    check(EVP_CIPHER_CTX_set_padding(context, 0));
    return context;
}

static EVP_CIPHER_CTX *context_copy(const EVP_CIPHER_CTX *keyed) {
    EVP_CIPHER_CTX *copy = EVP_CIPHER_CTX_new();
    if (!copy) memory_exhausted();
    check(EVP_CIPHER_CTX_copy(copy, keyed));
    return copy;
}

static void contexts_copy(struct contexts *copy, const struct contexts *keyed) {
    copy->mac = context_copy(keyed->mac);
    copy->counter = context_copy(keyed->counter);
}

static void contexts_release(struct contexts *contexts) {
    EVP_CIPHER_CTX_free(contexts->mac);
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

/* ---- blocks ---- */

/* Each block for itself, in place. */
static void encrypt(EVP_CIPHER_CTX *aes, unsigned char *blocks, size_t count) {
    int written;
    check(EVP_EncryptUpdate(aes, blocks, &written, blocks, (int)(count * BLOCK)));
}

static void xor_block(unsigned char block[BLOCK], const unsigned char *other) {
    uint64_t a[2], b[2];
    memcpy(a, block, BLOCK);
    memcpy(b, other, BLOCK);
    a[0] ^= b[0];
    a[1] ^= b[1];
    memcpy(block, a, BLOCK);
}

/* RFC 5297 section 2.3; without a branch, since the bits are secret. */
static void double_block(unsigned char block[BLOCK]) {
    unsigned char carry = (unsigned char)(block[0] >> 7);
    for (size_t i = 0; i + 1 < BLOCK; i++)
        block[i] = (unsigned char)(block[i] << 1 | block[i + 1] >> 7);
    block[BLOCK - 1] = (unsigned char)(block[BLOCK - 1] << 1 ^ (carry * 0x87));
}

/* ---- S2V (RFC 5297 section 2.4), of which CMAC (RFC 4493) is part ---- */

/* At least a block long: the end is mixed with D, and of all of it the CMAC is taken. */
static void long_iv(const struct siv *siv, EVP_CIPHER_CTX *mac, const unsigned char *plain, size_t len,
                    unsigned char out[BLOCK]) {
    unsigned char tail[2 * BLOCK] = {0};
    size_t before = (len - BLOCK) / BLOCK * BLOCK, rest = len - before;
    memset(out, 0, BLOCK);
    for (size_t at = 0; at < before; at += BLOCK) {
        xor_block(out, plain + at);
        encrypt(mac, out, 1);
    }
    memcpy(tail, plain + before, rest);
    xor_block(tail + rest - BLOCK, siv->chained);
    xor_block(out, tail);
    if (rest == BLOCK) {
        xor_block(out, siv->whole);
    } else {
        encrypt(mac, out, 1);
        tail[rest] = 0x80;
        xor_block(out, tail + BLOCK);
        xor_block(out, siv->part);
    }
    encrypt(mac, out, 1);
}

static void synthetic_iv(const struct siv *siv, EVP_CIPHER_CTX *mac, const unsigned char *plain, size_t len,
                         unsigned char out[BLOCK]) {
    if (len >= BLOCK) {
        long_iv(siv, mac, plain, len, out);
        return;
    }
    memset(out, 0, BLOCK);
    memcpy(out, plain, len);
    out[len] = 0x80;
    xor_block(out, siv->of_short);
    encrypt(mac, out, 1);
}

/* ---- the mode ---- */

/* All that does not depend on the message. */
static void prepare(struct siv *siv, const unsigned char *key, const unsigned char *associated, size_t associated_len) {
    unsigned char mac[BLOCK];
    size_t len;
    memset(siv->whole, 0, BLOCK);
    encrypt(siv->keyed.mac, siv->whole, 1);
    double_block(siv->whole);
    memcpy(siv->part, siv->whole, BLOCK);
    double_block(siv->part);

    /* The CMAC of a block of zeros, doubled and mixed with that of the associated string. */
    memcpy(siv->chained, siv->whole, BLOCK);
    encrypt(siv->keyed.mac, siv->chained, 1);
    double_block(siv->chained);
    if (!EVP_Q_mac(NULL, "CMAC", NULL, "AES-256-CBC", NULL, key, HALF, associated, associated_len, mac, BLOCK, &len))
        BUG("CMAC does not work with this OpenSSL");
    xor_block(siv->chained, mac);

    memcpy(siv->of_short, siv->chained, BLOCK);
    double_block(siv->of_short);
    xor_block(siv->of_short, siv->whole);
}

struct siv *siv_new(const unsigned char key[SIV_KEY_BYTES], const unsigned char *associated, size_t associated_len) {
    struct siv *siv = aligned_alloc(CACHE_LINE, sizeof(*siv));
    EVP_CIPHER *aes = EVP_CIPHER_fetch(NULL, "AES-256-ECB", NULL);
    if (!aes) BUG("this OpenSSL has no AES");
    if (!siv) memory_exhausted();
    memset(siv, 0, sizeof(*siv));
    siv->keyed.mac = context_new(aes, key);
    siv->keyed.counter = context_new(aes, key + HALF);
    prepare(siv, key, associated, associated_len);
    for (size_t i = 0; i < SETS; i++)
        contexts_copy(&siv->sets[i], &siv->keyed);
    EVP_CIPHER_free(aes);
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

/* CTR encrypts as it decrypts. Two bits of the counter are cleared (section 2.5), so its lower half counts without a
 * carry, whatever the length. */
static void run_counter(EVP_CIPHER_CTX *counter, const unsigned char tag[SIV_TAG_BYTES], const unsigned char *in,
                        size_t len, unsigned char *out) {
    unsigned char stream[COUNTERS_MAX * BLOCK] = {0};
    uint64_t high, low;
    memcpy(&high, tag, sizeof(high));
    memcpy(&low, tag + 8, sizeof(low));
    low = be64toh(low) & 0x7fffffff7fffffffULL;
    for (size_t at = 0; at < len; at += sizeof(stream)) {
        size_t part = len - at < sizeof(stream) ? len - at : sizeof(stream), blocks = (part + BLOCK - 1) / BLOCK;
        for (size_t i = 0; i < blocks; i++, low++) {
            uint64_t wire = htobe64(low);
            memcpy(stream + i * BLOCK, &high, sizeof(high));
            memcpy(stream + i * BLOCK + 8, &wire, sizeof(wire));
        }
        encrypt(counter, stream, blocks);
        for (size_t i = 0; i < part; i++)
            out[at + i] = in[at + i] ^ stream[i];
    }
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
