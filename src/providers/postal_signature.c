#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>

#include "base/hash.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/strbuf.h"
#include "providers/keys.h"
#include "providers/postal.h"
#include "providers/text.h"

#include "base/banned.h"

#define KEYS_MAX            8    /* of one JWKS document */
#define RSA_MIN_BITS        1024 /* what Postal's installation made for years */
#define KEY_DER_MAX_BYTES   2048
#define MODULUS_MAX_BYTES   1024
#define EXPONENT_MAX_BYTES  8
#define SIGNATURE_MAX_BYTES 1024
#define SIGNATURE_MAX_CHARS 2048

static const char header_sha256[] = "X-Postal-Signature-256";
static const char header_sha1[] = "X-Postal-Signature";

struct provider_secret {
    EVP_PKEY *keys[KEYS_MAX];
    size_t count;
};

void postal_secret_free(struct provider_secret *secret) {
    if (!secret) return;
    for (size_t i = 0; i < secret->count; i++)
        EVP_PKEY_free(secret->keys[i]);
    free(secret);
}

/* ---- the forms of a key ---- */

/* RFC 7518, section 6.3.1: modulus and exponent as base64url of big-endian numbers. NULL when they are none. */
static EVP_PKEY *key_of_jwk(struct json_value jwk) {
    unsigned char modulus[MODULUS_MAX_BYTES], exponent[EXPONENT_MAX_BYTES];
    size_t modulus_len, exponent_len;
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *context = NULL;
    OSSL_PARAM *params = NULL;
    if (!slice_equal(json_get_string(jwk, SLICE("kty")), SLICE("RSA")) ||
        !base64url_decode(json_get_string(jwk, SLICE("n")), modulus, sizeof(modulus), &modulus_len) ||
        !base64url_decode(json_get_string(jwk, SLICE("e")), exponent, sizeof(exponent), &exponent_len))
        return NULL;
    BIGNUM *n = BN_bin2bn(modulus, (int)modulus_len, NULL), *e = BN_bin2bn(exponent, (int)exponent_len, NULL);
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    if (n && e && builder && OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e) == 1)
        params = OSSL_PARAM_BLD_to_param(builder);
    context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    if (!params || !context || EVP_PKEY_fromdata_init(context) != 1 ||
        EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params) != 1) {
        ERR_clear_error();
        key = NULL;
    }
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(builder);
    BN_free(e);
    BN_free(n);
    return key;
}

static EVP_PKEY *key_of_base64(struct slice base64) {
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

/* What stands between PEM's armour lines, or behind "p=" of a DKIM record (RFC 6376, section 3.6.1), which DNS tools
 * show in quoted pieces; else the whole text. Quotes and white space are left out. */
static void bare_base64(struct slice text, struct strbuf *ret) {
    static const struct slice begin = {"-----BEGIN PUBLIC KEY-----", 26}, end = {"-----END PUBLIC KEY-----", 24};
    struct slice base64 = text;
    ptrdiff_t tag = slice_find(text, SLICE("p="));
    if (slice_starts_with(text, begin)) {
        base64 = slice_from(text, begin.len);
        ptrdiff_t tail = slice_find(base64, end);
        base64 = slice_first(base64, tail < 0 ? 0 : (size_t)tail);
    } else if (tag >= 0 && (slice_find(text, SLICE("v=DKIM1")) >= 0 || tag == 0)) {
        base64 = slice_from(text, (size_t)tag + 2);
        ptrdiff_t tail = slice_find_char(base64, ';');
        if (tail >= 0) base64 = slice_first(base64, (size_t)tail);
    }
    for (size_t i = 0; i < base64.len; i++) {
        char c = base64.ptr[i];
        if (c != ' ' && c != '\t' && c != '\r' && c != '\n' && c != '"') strbuf_add_char(ret, c);
    }
}

static bool take_key(struct provider_secret *secret, EVP_PKEY *key) {
    if (!key || secret->count == KEYS_MAX || !EVP_PKEY_is_a(key, "RSA") || EVP_PKEY_get_bits(key) < RSA_MIN_BITS) {
        EVP_PKEY_free(key);
        return false;
    }
    secret->keys[secret->count++] = key;
    return true;
}

/* A JWKS document (RFC 7517, section 5) or one key. Keys for other purposes are passed over. */
static int read_jwks(struct slice text, struct provider_secret *secret, struct err *err) {
    struct arena *arena = arena_new();
    struct json_reader *json = json_reader_new();
    struct json_value root, key;
    int result = json_parse(json, text_keep_padded(arena, text), &root, err);
    if (result == 0) {
        struct json_value list = json_get(root, SLICE("keys"));
        struct json_iterator iterator = json_elements(list);
        if (list.type != JSON_KIND_ARRAY) take_key(secret, key_of_jwk(root));
        while (json_next(&iterator, &key))
            take_key(secret, key_of_jwk(key));
    }
    json_reader_free(json);
    arena_free(arena);
    return result;
}

int postal_secret_parse(struct slice text, struct provider_secret **ret, struct err *err) {
    struct slice trimmed = slice_trim(text);
    struct err reason = {0};
    if (trimmed.len > KEY_PEM_MAX_BYTES) return err_set(err, ERR_INVALID, "the key is too long to be one");
    if (slice_find(trimmed, SLICE("PRIVATE KEY")) >= 0)
        return err_set(err, ERR_INVALID,
                       "this is a private key, which never leaves the Postal server: give the public "
                       "key from its address /.well-known/jwks.json");
    struct provider_secret *secret = memory_alloc(sizeof(*secret));
    *secret = (struct provider_secret){0};
    if (slice_starts_with(trimmed, SLICE("{"))) {
        if (read_jwks(trimmed, secret, &reason) < 0) {
            postal_secret_free(secret);
            return err_set(err, ERR_INVALID, "the key document cannot be read: %s", reason.text);
        }
    } else {
        struct strbuf base64;
        strbuf_init(&base64, KEY_PEM_MAX_BYTES);
        bare_base64(trimmed, &base64);
        take_key(secret, key_of_base64(strbuf_slice(&base64)));
        strbuf_release(&base64);
    }
    if (secret->count == 0) {
        postal_secret_free(secret);
        return err_set(err, ERR_INVALID,
                       "there is no RSA key of at least %d bits in this: copy the whole answer of the Postal server's "
                       "address /.well-known/jwks.json, or the record that postal default-dkim-record prints",
                       RSA_MIN_BITS);
    }
    *ret = secret;
    return 0;
}

/* ---- verify ---- */

static bool verifies(EVP_PKEY *key, const EVP_MD *digest, const unsigned char *signature, size_t len,
                     struct slice body) {
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool match =
        context && EVP_DigestVerifyInit(context, NULL, digest, NULL, key) == 1 &&
        EVP_DigestVerify(context, signature, len, (const unsigned char *)(body.ptr ? body.ptr : ""), body.len) == 1;
    EVP_MD_CTX_free(context);
    if (!match) ERR_clear_error();
    return match;
}

/* SHA-256 wherever it is sent: servers of old send SHA-1 alone. */
int postal_verify(const struct provider_endpoint *endpoint, const struct provider_environment *environment,
                  const struct delivery *delivery, struct json_reader *json, struct arena *arena, struct err *err) {
    (void)environment;
    (void)json;
    (void)arena;
    struct slice text = delivery->header(delivery, slice_cstr(header_sha256));
    const EVP_MD *digest = EVP_sha256();
    if (slice_empty(text)) {
        text = delivery->header(delivery, slice_cstr(header_sha1));
        digest = EVP_sha1();
    }
    if (!endpoint->require_signature && (endpoint->secret_count == 0 || slice_empty(text))) return 0;
    if (endpoint->secret_count == 0) return err_set(err, ERR_SIGNATURE, "the endpoint has no key to check with");
    if (slice_empty(text))
        return err_set(err, ERR_SIGNATURE, "no signature: the headers %s and %s are missing", header_sha256,
                       header_sha1);
    unsigned char signature[SIGNATURE_MAX_BYTES];
    size_t len;
    if (!base64_decode(slice_trim(text), signature, sizeof(signature), &len) || len == 0)
        return err_set(err, ERR_SIGNATURE, "the signature is malformed");
    for (size_t i = 0; i < endpoint->secret_count; i++) {
        const struct provider_secret *secret = endpoint->secrets[i];
        for (size_t k = 0; k < secret->count; k++)
            if (verifies(secret->keys[k], digest, signature, len, delivery->body)) return 0;
    }
    return err_set(err, ERR_SIGNATURE, "the signature matches none of the endpoint's keys");
}

/* ---- sign ---- */

static int sign_with(EVP_PKEY *key, const EVP_MD *digest, const char *header, struct arena *arena,
                     struct composed_delivery *ret, struct err *err) {
    unsigned char signature[SIGNATURE_MAX_BYTES];
    size_t len = sizeof(signature);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool done = context && EVP_DigestSignInit(context, NULL, digest, NULL, key) == 1 &&
                EVP_DigestSign(context, signature, &len, (const unsigned char *)ret->body.ptr, ret->body.len) == 1;
    EVP_MD_CTX_free(context);
    if (!done) return err_set(err, ERR_INTERNAL, "signing failed");
    struct strbuf text;
    strbuf_init(&text, SIGNATURE_MAX_CHARS);
    base64_encode(&text, slice_of((const char *)signature, len));
    ret->headers[ret->header_count++] = (struct composed_header){header, arena_copy(arena, strbuf_slice(&text))};
    strbuf_release(&text);
    return 0;
}

int postal_sign(struct slice signing, struct arena *arena, struct composed_delivery *ret, struct err *err) {
    EVP_PKEY *key = key_read_private(signing);
    int result = 0;
    if (!key || !EVP_PKEY_is_a(key, "RSA") || EVP_PKEY_get_size(key) > SIGNATURE_MAX_BYTES)
        result = err_set(err, ERR_INVALID, "the private key must be an RSA key in PEM");
    if (result == 0) result = sign_with(key, EVP_sha256(), header_sha256, arena, ret, err);
    if (result == 0) result = sign_with(key, EVP_sha1(), header_sha1, arena, ret, err);
    EVP_PKEY_free(key);
    return result;
}
