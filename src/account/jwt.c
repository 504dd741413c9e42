#include "account/jwt.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include "base/hash.h"

#include "base/banned.h"

#define HEADER_MAX   4096
#define P256_BYTES   32
#define P256_DER_MAX 72 /* two integers of up to 33 bytes and their headers */
#define EXPONENT_MAX 8

enum algorithm { RS256, ES256, UNKNOWN };

struct header {
    enum algorithm algorithm;
    struct slice key_id; /* ptr NULL: none was named */
};

struct slice jwt_keep_padded(struct arena *arena, struct slice text) {
    char *copy = arena_alloc(arena, text.len + JSON_PADDING);
    if (text.len > 0) memcpy(copy, text.ptr, text.len);
    return slice_of(copy, text.len);
}

static int refuse(struct err *err, const char *why) {
    return err_set(err, ERR_SIGNATURE, "the identity provider's token is not valid: %s", why);
}

/* ---- parts ---- */

static bool decode_part(struct slice text, size_t max, struct arena *arena, struct slice *ret) {
    size_t len;
    if (text.len > max * 4 / 3 + 4) return false;
    char *bytes = arena_alloc(arena, text.len + JSON_PADDING);
    if (!base64url_decode(text, (unsigned char *)bytes, text.len, &len)) return false;
    *ret = slice_of(bytes, len);
    return true;
}

static int read_header(struct json_reader *json, struct slice text, struct arena *arena, struct header *ret,
                       struct err *err) {
    struct json_value root, id;
    struct slice name;
    if (json_parse(json, text, &root, NULL) != 0 || root.type != JSON_KIND_OBJECT)
        return refuse(err, "its header is no JSON object");
    /* RFC 7515 section 4.1.11: what is critical has to be understood, and nothing is. */
    if (json_get(root, SLICE("crit")).type != JSON_KIND_NONE) return refuse(err, "it asks for an unknown extension");
    name = json_get_string(root, SLICE("alg"));
    *ret = (struct header){.algorithm = slice_equal(name, SLICE("RS256"))   ? RS256
                                        : slice_equal(name, SLICE("ES256")) ? ES256
                                                                            : UNKNOWN};
    if (ret->algorithm == UNKNOWN) return refuse(err, "it is signed neither with RS256 nor with ES256");
    id = json_get(root, SLICE("kid"));
    if (id.type != JSON_KIND_NONE) {
        if (!json_text(id, &name)) return refuse(err, "its key id is no text");
        ret->key_id = arena_copy(arena, name);
        if (!ret->key_id.ptr) ret->key_id = SLICE("");
    }
    return 0;
}

/* ---- keys ---- */

static bool member_bytes(struct json_value key, const char *name, unsigned char *out, size_t out_size,
                         size_t *ret_len) {
    return base64url_decode(json_get_string(key, slice_cstr(name)), out, out_size, ret_len) && *ret_len > 0;
}

static EVP_PKEY *make_key(const char *type, OSSL_PARAM_BLD *builder) {
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(builder);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    EVP_PKEY *key = NULL;
    if (!params || !context || EVP_PKEY_fromdata_init(context) != 1 ||
        EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
        key = NULL;
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_free(params);
    return key;
}

/* RFC 7518 section 6.3.1. */
static EVP_PKEY *rsa_key(struct json_value value) {
    unsigned char modulus[JWT_RSA_BYTES_MAX], exponent[EXPONENT_MAX];
    size_t modulus_len, exponent_len;
    if (!member_bytes(value, "n", modulus, sizeof(modulus), &modulus_len) ||
        !member_bytes(value, "e", exponent, sizeof(exponent), &exponent_len))
        return NULL;
    BIGNUM *n = BN_bin2bn(modulus, (int)modulus_len, NULL), *e = BN_bin2bn(exponent, (int)exponent_len, NULL);
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    EVP_PKEY *key = NULL;
    if (n && e && builder && BN_num_bits(n) >= JWT_RSA_BITS_MIN && BN_is_odd(n) && BN_is_odd(e) && !BN_is_one(e) &&
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e) == 1)
        key = make_key("RSA", builder);
    OSSL_PARAM_BLD_free(builder);
    BN_free(n);
    BN_free(e);
    return key;
}

/* RFC 7518 section 6.2.1. */
static EVP_PKEY *p256_key(struct json_value value) {
    unsigned char point[1 + 2 * P256_BYTES] = {POINT_CONVERSION_UNCOMPRESSED};
    size_t x_len, y_len;
    if (!slice_equal(json_get_string(value, SLICE("crv")), SLICE("P-256")) ||
        !member_bytes(value, "x", point + 1, P256_BYTES, &x_len) || x_len != P256_BYTES ||
        !member_bytes(value, "y", point + 1 + P256_BYTES, P256_BYTES, &y_len) || y_len != P256_BYTES)
        return NULL;
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    EVP_PKEY *key = NULL;
    /* A point that is not on the curve is refused when the key is made. */
    if (builder && OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0) == 1 &&
        OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point)) == 1)
        key = make_key("EC", builder);
    OSSL_PARAM_BLD_free(builder);
    return key;
}

/* May this key have signed such a token? */
static bool may_sign(struct json_value key, const struct header *header) {
    struct slice type = json_get_string(key, SLICE("kty")), algorithm = json_get_string(key, SLICE("alg"));
    struct slice use = json_get_string(key, SLICE("use")), id = json_get_string(key, SLICE("kid"));
    if (!slice_equal(type, header->algorithm == RS256 ? SLICE("RSA") : SLICE("EC"))) return false;
    if (!slice_empty(algorithm) &&
        !slice_equal(algorithm, header->algorithm == RS256 ? SLICE("RS256") : SLICE("ES256")))
        return false;
    if (!slice_empty(use) && !slice_equal(use, SLICE("sig"))) return false;
    return !header->key_id.ptr || slice_equal(id, header->key_id);
}

/* ---- signatures ---- */

/* RFC 7518 section 3.4: r and s behind each other; OpenSSL wants them in DER. */
static bool to_der(struct slice raw, unsigned char der[P256_DER_MAX], size_t *ret_len) {
    if (raw.len != (size_t)2 * P256_BYTES) return false;
    const unsigned char *bytes = (const unsigned char *)raw.ptr;
    BIGNUM *r = BN_bin2bn(bytes, P256_BYTES, NULL), *s = BN_bin2bn(bytes + P256_BYTES, P256_BYTES, NULL);
    ECDSA_SIG *signature = ECDSA_SIG_new();
    bool done = false;
    if (r && s && signature && ECDSA_SIG_set0(signature, r, s) == 1) {
        r = s = NULL; /* the signature's now */
        unsigned char *end = der;
        int len = i2d_ECDSA_SIG(signature, NULL);
        done = len > 0 && len <= P256_DER_MAX && i2d_ECDSA_SIG(signature, &end) == len;
        if (done) *ret_len = (size_t)len;
    }
    ECDSA_SIG_free(signature);
    BN_free(r);
    BN_free(s);
    return done;
}

static bool is_signed_by(EVP_PKEY *key, enum algorithm algorithm, struct slice text, struct slice signature) {
    unsigned char der[P256_DER_MAX];
    const unsigned char *bytes = (const unsigned char *)signature.ptr;
    size_t len = signature.len;
    if (algorithm == ES256) {
        if (!to_der(signature, der, &len)) return false;
        bytes = der;
    }
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good = context && EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
                EVP_DigestVerify(context, bytes, len, (const unsigned char *)text.ptr, text.len) == 1;
    EVP_MD_CTX_free(context);
    return good;
}

static int verify(struct json_value keys, const struct header *header, struct slice text, struct slice signature,
                  struct err *err) {
    struct json_iterator elements = json_elements(keys);
    struct json_value value;
    bool found = false, good = false;
    while (!good && json_next(&elements, &value)) {
        if (!may_sign(value, header)) continue;
        EVP_PKEY *key = header->algorithm == RS256 ? rsa_key(value) : p256_key(value);
        if (!key) continue;
        found = true;
        good = is_signed_by(key, header->algorithm, text, signature);
        EVP_PKEY_free(key);
    }
    if (good) return 0;
    if (!found) return err_set(err, ERR_NOT_FOUND, "the identity provider's key set has no key for its token");
    return refuse(err, "the signature is not that of a key of the provider");
}

int jwt_verify(struct json_reader *json, struct slice token, struct slice key_set, struct arena *arena,
               struct slice *ret_payload, struct err *err) {
    struct slice rest = token, parts[3], header_text, payload, signature;
    struct json_value root, keys;
    struct header header;
    if (token.len == 0 || token.len > JWT_TEXT_MAX) return refuse(err, "it is empty or too long");
    for (int i = 0; i < 3; i++)
        if (!slice_split_next(&rest, '.', &parts[i])) return refuse(err, "it does not have three parts");
    if (rest.ptr) return refuse(err, "it has more than three parts");
    if (!decode_part(parts[0], HEADER_MAX, arena, &header_text) ||
        !decode_part(parts[1], JWT_TEXT_MAX, arena, &payload) ||
        !decode_part(parts[2], JWT_RSA_BYTES_MAX, arena, &signature))
        return refuse(err, "a part of it is not base64url");
    int r = read_header(json, header_text, arena, &header, err);
    if (r != 0) return r;
    r = json_parse(json, key_set, &root, err);
    if (r != 0) return err_prefix(err, "the identity provider's key set");
    keys = json_get(root, SLICE("keys"));
    if (keys.type != JSON_KIND_ARRAY || json_count(keys) > JWT_KEYS_MAX)
        return err_set(err, ERR_UNREADABLE, "the identity provider's key set has no list of at most %d keys",
                       JWT_KEYS_MAX);
    /* What was signed is the text as it was sent: RFC 7515 section 5.2, step 8. */
    struct slice text = slice_of(token.ptr, parts[0].len + 1 + parts[1].len);
    r = verify(keys, &header, text, signature, err);
    if (r != 0) return r;
    *ret_payload = payload;
    return 0;
}
