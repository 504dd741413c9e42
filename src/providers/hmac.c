#include "providers/hmac.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/memory.h"
#include "base/strbuf.h"

#include "base/banned.h"

#define MAC_BYTES 32

struct provider_secret {
    EVP_MAC_CTX *mac; /* HMAC-SHA256 with its key set; copied for each use */
};

void hmac_secret_free(struct provider_secret *secret) {
    if (!secret) return;
    EVP_MAC_CTX_free(secret->mac);
    free(secret);
}

static EVP_MAC_CTX *mac_new(struct slice key) {
    EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *context = hmac ? EVP_MAC_CTX_new(hmac) : NULL;
    EVP_MAC_free(hmac); /* the context holds on to it */
    char digest[] = "SHA256";
    const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                                 OSSL_PARAM_construct_end()};
    if (context && EVP_MAC_init(context, (const unsigned char *)key.ptr, key.len, params) == 1) return context;
    EVP_MAC_CTX_free(context);
    return NULL;
}

int hmac_secret_parse(struct slice text, struct provider_secret **ret, struct err *err) {
    struct slice key = slice_trim(text);
    if (key.len < HMAC_KEY_MIN_BYTES || key.len > HMAC_KEY_MAX_BYTES)
        return err_set(err, ERR_INVALID, "a signing key has %d to %d characters: copy it whole from the service",
                       HMAC_KEY_MIN_BYTES, HMAC_KEY_MAX_BYTES);
    EVP_MAC_CTX *mac = mac_new(key);
    if (!mac) return err_set(err, ERR_INTERNAL, "HMAC-SHA256 is not available");
    struct provider_secret *made = memory_alloc(sizeof(*made));
    made->mac = mac;
    *ret = made;
    return 0;
}

static bool mac_compute(const struct provider_secret *secret, struct slice first, struct slice second,
                        unsigned char out[MAC_BYTES]) {
    EVP_MAC_CTX *mac = EVP_MAC_CTX_dup(secret->mac);
    size_t len = 0;
    bool done = mac && EVP_MAC_update(mac, (const unsigned char *)first.ptr, first.len) &&
                EVP_MAC_update(mac, (const unsigned char *)second.ptr, second.len) &&
                EVP_MAC_final(mac, out, &len, MAC_BYTES) && len == MAC_BYTES;
    EVP_MAC_CTX_free(mac);
    return done;
}

bool hmac_matches(const struct provider_endpoint *endpoint, struct slice first, struct slice second, struct slice hex) {
    unsigned char sent[MAC_BYTES], ours[MAC_BYTES];
    size_t len;
    bool match = false;
    if (!hex_decode(hex, sent, sizeof(sent), &len) || len != MAC_BYTES) return false;
    for (size_t i = 0; i < endpoint->secret_count; i++) {
        if (mac_compute(endpoint->secrets[i], first, second, ours)) match |= CRYPTO_memcmp(sent, ours, MAC_BYTES) == 0;
    }
    return match;
}

int hmac_sign(struct slice signing, struct slice first, struct slice second, struct arena *arena, struct slice *ret_hex,
              struct err *err) {
    struct provider_secret *secret = NULL;
    unsigned char mac[MAC_BYTES];
    struct strbuf hex;
    int result = hmac_secret_parse(signing, &secret, err);
    if (result != 0) return result;
    strbuf_init(&hex, HMAC_HEX_CHARS);
    if (!mac_compute(secret, first, second, mac)) {
        result = err_set(err, ERR_INTERNAL, "HMAC-SHA256 is not available");
        goto out;
    }
    hex_encode(&hex, slice_of((const char *)mac, sizeof(mac)));
    *ret_hex = arena_copy(arena, strbuf_slice(&hex));
out:
    strbuf_release(&hex);
    hmac_secret_free(secret);
    return result;
}

int hmac_verify_header(const struct provider_endpoint *endpoint, const struct delivery *delivery, struct slice name,
                       struct err *err) {
    struct slice sent = slice_trim(delivery->header(delivery, name));
    if (!endpoint->require_signature && (endpoint->secret_count == 0 || slice_empty(sent))) return 0;
    if (endpoint->secret_count == 0) return err_set(err, ERR_SIGNATURE, "the endpoint has no secret to check with");
    if (slice_empty(sent))
        return err_set(err, ERR_SIGNATURE, "no signature: the header %.*s is absent", SLICE_FMT(name));
    if (slice_starts_with(sent, SLICE("sha256="))) sent = slice_from(sent, 7);
    if (sent.len != HMAC_HEX_CHARS)
        return err_set(err, ERR_SIGNATURE, "the header %.*s is not %d hex digits", SLICE_FMT(name), HMAC_HEX_CHARS);
    if (hmac_matches(endpoint, delivery->body, SLICE_NONE, sent)) return 0;
    return err_set(err, ERR_SIGNATURE, "the signature matches none of the endpoint's secrets");
}

int hmac_sign_header(struct slice signing, const char *name, struct arena *arena, struct composed_delivery *ret,
                     struct err *err) {
    struct slice hex;
    int result = hmac_sign(signing, ret->body, SLICE_NONE, arena, &hex, err);
    if (result != 0) return result;
    ret->headers[ret->header_count++] = (struct composed_header){name, hex};
    return 0;
}
