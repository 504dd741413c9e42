#include "providers/ecdsa.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <openssl/x509.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/strbuf.h"
#include "providers/keys.h"

#include "base/banned.h"

#define KEY_TEXT_MAX_BYTES  4096
#define KEY_DER_MAX_BYTES   512
#define SIGNATURE_MAX_BYTES 72 /* DER: two integers of up to 33 bytes and their headers */
#define TIMESTAMP_MAX_BYTES 32

static const char signature_header[] = "X-Twilio-Email-Event-Webhook-Signature";
static const char timestamp_header[] = "X-Twilio-Email-Event-Webhook-Timestamp";

struct provider_secret {
    EVP_PKEY *key;
};

void ecdsa_secret_free(struct provider_secret *secret) {
    if (!secret) return;
    EVP_PKEY_free(secret->key);
    free(secret);
}

static bool is_p256(const EVP_PKEY *key) {
    char group[32];
    size_t len;
    return EVP_PKEY_is_a(key, "EC") &&
           EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof(group), &len) == 1 &&
           strcmp(group, SN_X9_62_prime256v1) == 0;
}

static bool is_valid_point(EVP_PKEY *key) {
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    bool valid = context && EVP_PKEY_public_check(context) == 1;
    EVP_PKEY_CTX_free(context);
    return valid;
}

/* The base64 between PEM's armour lines, or the whole text when there are none; without white space. */
static int bare_base64(struct slice text, struct strbuf *ret, struct err *err) {
    static const struct slice begin = {"-----BEGIN PUBLIC KEY-----", 26}, end = {"-----END PUBLIC KEY-----", 24};
    struct slice base64 = slice_trim(text);
    if (slice_find(base64, SLICE("PRIVATE KEY")) >= 0)
        return err_set(err, ERR_INVALID, "this is a private key; give the verification key that SendGrid shows");
    if (slice_starts_with(base64, begin)) {
        /* One after the other: the dashes of the two lines must not be the same ones. */
        base64 = slice_from(base64, begin.len);
        if (!slice_ends_with(base64, end)) return err_set(err, ERR_INVALID, "the PEM key has no END line");
        base64 = slice_first(base64, base64.len - end.len);
    }
    for (size_t i = 0; i < base64.len; i++) {
        char c = base64.ptr[i];
        if (c != ' ' && c != '\t' && c != '\r' && c != '\n') strbuf_add_char(ret, c);
    }
    return 0;
}

static EVP_PKEY *decode_key(struct slice base64) {
    unsigned char der[KEY_DER_MAX_BYTES];
    size_t len;
    if (!base64_decode(base64, der, sizeof(der), &len)) return NULL;
    const unsigned char *at = der;
    EVP_PKEY *key = d2i_PUBKEY(NULL, &at, (long)len);
    if (key && at == der + len) return key;
    EVP_PKEY_free(key);
    ERR_clear_error();
    return NULL;
}

int ecdsa_secret_parse(struct slice text, struct provider_secret **ret, struct err *err) {
    if (text.len > KEY_TEXT_MAX_BYTES) return err_set(err, ERR_INVALID, "the key is too long to be one");
    struct strbuf base64;
    strbuf_init(&base64, KEY_TEXT_MAX_BYTES);
    EVP_PKEY *key = NULL;
    int result = bare_base64(text, &base64, err);
    if (result < 0) goto out;
    key = decode_key(strbuf_slice(&base64));
    if (!key) {
        result = err_set(err, ERR_INVALID,
                         "the key is not one: copy the whole verification key from SendGrid's Signed Event Webhook "
                         "settings, it begins with MFkw");
        goto out;
    }
    if (!is_p256(key) || !is_valid_point(key)) {
        result = err_set(err, ERR_INVALID, "the key is of another kind: SendGrid signs with ECDSA on P-256");
        goto out;
    }
    struct provider_secret *made = memory_alloc(sizeof(*made));
    made->key = key;
    key = NULL;
    *ret = made;
out:
    EVP_PKEY_free(key);
    strbuf_release(&base64);
    return result;
}

/* ---- verify ---- */

/* Strict DER: decoding and encoding again gives the same bytes. */
static bool is_der_signature(const unsigned char *bytes, size_t len) {
    const unsigned char *at = bytes;
    unsigned char *again = NULL;
    ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &at, (long)len);
    int again_len = signature ? i2d_ECDSA_SIG(signature, &again) : -1;
    bool same = again_len > 0 && (size_t)again_len == len && memcmp(again, bytes, len) == 0;
    OPENSSL_free(again);
    ECDSA_SIG_free(signature);
    if (!same) ERR_clear_error();
    return same;
}

static bool digest_content(struct slice timestamp, struct slice body, unsigned char out[SHA256_DIGEST_LENGTH]) {
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool done = context && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1 &&
                EVP_DigestUpdate(context, timestamp.ptr, timestamp.len) == 1 &&
                EVP_DigestUpdate(context, body.ptr, body.len) == 1 && EVP_DigestFinal_ex(context, out, NULL) == 1;
    EVP_MD_CTX_free(context);
    return done;
}

static bool verifies(EVP_PKEY *key, const unsigned char *signature, size_t len,
                     const unsigned char digest[SHA256_DIGEST_LENGTH]) {
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    bool match = context && EVP_PKEY_verify_init(context) == 1 &&
                 EVP_PKEY_verify(context, signature, len, digest, SHA256_DIGEST_LENGTH) == 1;
    EVP_PKEY_CTX_free(context);
    return match;
}

static int check_age(struct slice timestamp, const struct provider_endpoint *endpoint, const struct delivery *delivery,
                     struct err *err) {
    if (endpoint->timestamp_tolerance_ms <= 0) return 0;
    int64_t signed_at;
    if (!time_parse_seconds(timestamp, &signed_at))
        return err_set(err, ERR_SIGNATURE, "the %s header is no time", timestamp_header);
    int64_t age = delivery->received_at - signed_at;
    if (age <= endpoint->timestamp_tolerance_ms && age >= -endpoint->timestamp_tolerance_ms) return 0;
    return err_set(err, ERR_SIGNATURE, "the signature is %lld s %s: more than the endpoint tolerates",
                   (long long)(age < 0 ? -age : age) / SECOND_MS, age < 0 ? "ahead of our clock" : "old");
}

int ecdsa_verify(const struct provider_endpoint *endpoint, const struct provider_environment *environment,
                 const struct delivery *delivery, struct json_reader *json, struct arena *arena, struct err *err) {
    (void)environment;
    (void)json;
    (void)arena;
    struct slice text = delivery->header(delivery, slice_cstr(signature_header));
    struct slice timestamp = delivery->header(delivery, slice_cstr(timestamp_header));
    if (!endpoint->require_signature && (endpoint->secret_count == 0 || slice_empty(text))) return 0;
    if (endpoint->secret_count == 0) return err_set(err, ERR_SIGNATURE, "the endpoint has no key to check with");
    if (slice_empty(text))
        return err_set(err, ERR_SIGNATURE, "no signature: the %s header is missing", signature_header);
    if (slice_empty(timestamp) || timestamp.len > TIMESTAMP_MAX_BYTES)
        return err_set(err, ERR_SIGNATURE, "the %s header is missing or too long", timestamp_header);
    unsigned char signature[SIGNATURE_MAX_BYTES], digest[SHA256_DIGEST_LENGTH];
    size_t len;
    if (!base64_decode(text, signature, sizeof(signature), &len) || !is_der_signature(signature, len))
        return err_set(err, ERR_SIGNATURE, "the signature is malformed");
    int result = check_age(timestamp, endpoint, delivery, err);
    if (result < 0) return result;
    if (!digest_content(timestamp, delivery->body, digest))
        return err_set(err, ERR_SIGNATURE, "SHA-256 is not available");
    for (size_t i = 0; i < endpoint->secret_count; i++) {
        if (verifies(endpoint->secrets[i]->key, signature, len, digest)) return 0;
    }
    return err_set(err, ERR_SIGNATURE, "the signature matches none of the endpoint's keys");
}

/* ---- sign ---- */

int ecdsa_sign(struct slice signing, int64_t now, struct arena *arena, struct composed_delivery *ret, struct err *err) {
    EVP_PKEY *key = key_read_private(signing);
    if (!key || !is_p256(key)) {
        EVP_PKEY_free(key);
        return err_set(err, ERR_INVALID, "the private key must be a P-256 key in PEM");
    }
    struct slice timestamp = slice_cstr(arena_printf(arena, "%lld", (long long)(now / SECOND_MS)));
    unsigned char signature[SIGNATURE_MAX_BYTES], digest[SHA256_DIGEST_LENGTH];
    size_t len = sizeof(signature);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    bool done = context && digest_content(timestamp, ret->body, digest) && EVP_PKEY_sign_init(context) == 1 &&
                EVP_PKEY_sign(context, signature, &len, digest, sizeof(digest)) == 1;
    EVP_PKEY_CTX_free(context);
    EVP_PKEY_free(key);
    if (!done) return err_set(err, ERR_INTERNAL, "signing failed");
    struct strbuf text;
    strbuf_init(&text, 128);
    base64_encode(&text, slice_of((const char *)signature, len));
    ret->headers[ret->header_count++] =
        (struct composed_header){signature_header, arena_copy(arena, strbuf_slice(&text))};
    strbuf_release(&text);
    ret->headers[ret->header_count++] = (struct composed_header){timestamp_header, timestamp};
    return 0;
}
