#include "providers/signature.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/sha.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/strbuf.h"
#include "providers/text.h"

#include "base/banned.h"

#define MAC_BYTES            SHA256_DIGEST_LENGTH
#define SECRET_MIN_BYTES     24
#define SECRET_MAX_BYTES     64
#define ED25519_KEY_BYTES    32
#define ED25519_SIGN_BYTES   64
#define SIGNATURES_MAX       16 /* in one header: rotation needs two */
#define TIMESTAMP_MAX_DIGITS 12

/* One of the two is set. */
struct provider_secret {
    EVP_MAC_CTX *mac;     /* HMAC-SHA256 with its key set; copied for each use */
    EVP_PKEY *public_key; /* Ed25519 */
};

void standard_webhooks_secret_free(struct provider_secret *secret) {
    if (!secret) return;
    EVP_MAC_CTX_free(secret->mac);
    EVP_PKEY_free(secret->public_key);
    free(secret);
}

static EVP_MAC_CTX *mac_new(const unsigned char *key, size_t len) {
    EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *context = hmac ? EVP_MAC_CTX_new(hmac) : NULL;
    EVP_MAC_free(hmac); /* the context holds on to it */
    char digest[] = "SHA256";
    const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                                 OSSL_PARAM_construct_end()};
    if (context && EVP_MAC_init(context, key, len, params) == 1) return context;
    EVP_MAC_CTX_free(context);
    return NULL;
}

static int parse_shared_secret(struct slice base64, EVP_MAC_CTX **ret, struct err *err) {
    unsigned char key[SECRET_MAX_BYTES];
    size_t len;
    if (!base64_decode(base64, key, sizeof(key), &len) || len < SECRET_MIN_BYTES)
        return err_set(err, ERR_INVALID,
                       "the secret must be whsec_ followed by the base64 of 24 to 64 bytes, as the sender shows it");
    EVP_MAC_CTX *mac = mac_new(key, len);
    OPENSSL_cleanse(key, sizeof(key));
    if (!mac) return err_set(err, ERR_INTERNAL, "HMAC-SHA256 is not available");
    *ret = mac;
    return 0;
}

static int parse_public_key(struct slice base64, EVP_PKEY **ret, struct err *err) {
    unsigned char key[ED25519_KEY_BYTES];
    size_t len;
    if (base64_decode(base64, key, sizeof(key), &len) && len == sizeof(key)) {
        *ret = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key, sizeof(key));
        if (*ret) return 0;
    }
    return err_set(err, ERR_INVALID, "the public key must be whpk_ followed by the base64 of its 32 bytes");
}

int standard_webhooks_secret_parse(struct slice text, struct provider_secret **ret, struct err *err) {
    struct provider_secret parsed = {0};
    struct slice secret = slice_trim(text);
    int result;
    if (slice_starts_with(secret, SLICE("whpk_"))) {
        result = parse_public_key(slice_from(secret, 5), &parsed.public_key, err);
    } else if (slice_starts_with(secret, SLICE("whsec_"))) {
        result = parse_shared_secret(slice_from(secret, 6), &parsed.mac, err);
    } else if (slice_starts_with(secret, SLICE("whsk_"))) {
        return err_set(err, ERR_INVALID, "this is the sender's private key; give the public one, whpk_…");
    } else {
        result = parse_shared_secret(secret, &parsed.mac, err);
    }
    if (result < 0) return result;
    struct provider_secret *made = memory_alloc(sizeof(*made));
    *made = parsed;
    *ret = made;
    return 0;
}

/* ---- headers ---- */

struct signature_headers {
    struct slice id, timestamp, signatures;
};

/* All three of one family; Svix' names are older, the two are never mixed. */
static bool find_headers(const struct delivery *delivery, bool svix, struct signature_headers *ret) {
    struct signature_headers found = {
        .id = delivery->header(delivery, svix ? SLICE("svix-id") : SLICE("webhook-id")),
        .timestamp = delivery->header(delivery, svix ? SLICE("svix-timestamp") : SLICE("webhook-timestamp")),
        .signatures = delivery->header(delivery, svix ? SLICE("svix-signature") : SLICE("webhook-signature")),
    };
    if (slice_empty(found.id) || slice_empty(found.timestamp) || slice_empty(found.signatures)) return false;
    *ret = found;
    return true;
}

static bool any_header(const struct delivery *delivery) {
    return !slice_empty(delivery->header(delivery, SLICE("webhook-signature"))) ||
           !slice_empty(delivery->header(delivery, SLICE("svix-signature")));
}

struct slice standard_webhooks_id(const struct delivery *delivery) {
    struct signature_headers headers;
    if (find_headers(delivery, false, &headers) || find_headers(delivery, true, &headers)) return headers.id;
    return SLICE_NONE;
}

static int check_age(const struct signature_headers *headers, const struct provider_endpoint *endpoint,
                     const struct delivery *delivery, struct err *err) {
    int64_t seconds;
    if (headers->timestamp.len > TIMESTAMP_MAX_DIGITS || !slice_parse_i64(headers->timestamp, &seconds) || seconds < 0)
        return err_set(err, ERR_SIGNATURE, "the timestamp header is not a whole number of seconds");
    int64_t age = delivery->received_at - seconds * SECOND_MS;
    if (endpoint->timestamp_tolerance_ms > 0 &&
        (age > endpoint->timestamp_tolerance_ms || age < -endpoint->timestamp_tolerance_ms))
        return err_set(err, ERR_SIGNATURE, "the signature is %lld s %s: more than the endpoint tolerates",
                       (long long)(age < 0 ? -age : age) / SECOND_MS, age < 0 ? "ahead of our clock" : "old");
    return 0;
}

/* ---- signatures ---- */

/* id '.' timestamp '.' body */
static bool mac_compute(const EVP_MAC_CTX *key, const struct signature_headers *headers, struct slice body,
                        unsigned char out[MAC_BYTES]) {
    EVP_MAC_CTX *mac = EVP_MAC_CTX_dup(key);
    size_t len = 0;
    bool done = mac && EVP_MAC_update(mac, (const unsigned char *)headers->id.ptr, headers->id.len) &&
                EVP_MAC_update(mac, (const unsigned char *)".", 1) &&
                EVP_MAC_update(mac, (const unsigned char *)headers->timestamp.ptr, headers->timestamp.len) &&
                EVP_MAC_update(mac, (const unsigned char *)".", 1) &&
                EVP_MAC_update(mac, (const unsigned char *)body.ptr, body.len) &&
                EVP_MAC_final(mac, out, &len, MAC_BYTES) && len == MAC_BYTES;
    EVP_MAC_CTX_free(mac);
    return done;
}

static struct slice signed_content(const struct signature_headers *headers, struct slice body, struct arena *arena) {
    size_t len = headers->id.len + 1 + headers->timestamp.len + 1 + body.len;
    char *content = arena_bytes(arena, len), *at = content;
    memcpy(at, headers->id.ptr, headers->id.len);
    at += headers->id.len;
    *at++ = '.';
    memcpy(at, headers->timestamp.ptr, headers->timestamp.len);
    at += headers->timestamp.len;
    *at++ = '.';
    if (body.len) memcpy(at, body.ptr, body.len);
    return slice_of(content, len);
}

struct candidates {
    unsigned char macs[SIGNATURES_MAX][MAC_BYTES];
    size_t mac_count;
    unsigned char ed25519[SIGNATURES_MAX][ED25519_SIGN_BYTES];
    size_t ed25519_count;
};

/* Versions we do not know, and texts that cannot be right, are passed over. */
static void read_candidates(struct slice header, struct candidates *ret) {
    struct slice part;
    size_t len;
    ret->mac_count = ret->ed25519_count = 0;
    while (slice_split_next(&header, ' ', &part)) {
        if (slice_starts_with(part, SLICE("v1,")) && ret->mac_count < SIGNATURES_MAX) {
            if (base64_decode(slice_from(part, 3), ret->macs[ret->mac_count], MAC_BYTES, &len) && len == MAC_BYTES)
                ret->mac_count++;
        } else if (slice_starts_with(part, SLICE("v1a,")) && ret->ed25519_count < SIGNATURES_MAX) {
            if (base64_decode(slice_from(part, 4), ret->ed25519[ret->ed25519_count], ED25519_SIGN_BYTES, &len) &&
                len == ED25519_SIGN_BYTES)
                ret->ed25519_count++;
        }
    }
}

static bool matches_shared_secret(const EVP_MAC_CTX *key, const struct signature_headers *headers, struct slice body,
                                  const struct candidates *candidates) {
    unsigned char expected[MAC_BYTES];
    bool match = false;
    if (candidates->mac_count == 0 || !mac_compute(key, headers, body, expected)) return false;
    for (size_t i = 0; i < candidates->mac_count; i++)
        match |= CRYPTO_memcmp(expected, candidates->macs[i], MAC_BYTES) == 0;
    return match;
}

static bool matches_public_key(EVP_PKEY *key, struct slice content, const struct candidates *candidates) {
    bool match = false;
    for (size_t i = 0; i < candidates->ed25519_count && !match; i++) {
        EVP_MD_CTX *context = EVP_MD_CTX_new();
        match = context && EVP_DigestVerifyInit(context, NULL, NULL, NULL, key) == 1 &&
                EVP_DigestVerify(context, candidates->ed25519[i], ED25519_SIGN_BYTES,
                                 (const unsigned char *)content.ptr, content.len) == 1;
        EVP_MD_CTX_free(context);
    }
    return match;
}

static bool matches_any_secret(const struct provider_endpoint *endpoint, const struct signature_headers *headers,
                               struct slice body, struct arena *arena) {
    struct candidates candidates;
    struct slice content = SLICE_NONE;
    read_candidates(headers->signatures, &candidates);
    for (size_t i = 0; i < endpoint->secret_count; i++) {
        const struct provider_secret *secret = endpoint->secrets[i];
        if (secret->mac) {
            if (matches_shared_secret(secret->mac, headers, body, &candidates)) return true;
        } else if (candidates.ed25519_count > 0) {
            if (slice_empty(content)) content = signed_content(headers, body, arena);
            if (matches_public_key(secret->public_key, content, &candidates)) return true;
        }
    }
    return false;
}

int standard_webhooks_verify(const struct provider_endpoint *endpoint, const struct provider_environment *environment,
                             const struct delivery *delivery, struct json_reader *json, struct arena *arena,
                             struct err *err) {
    (void)environment;
    (void)json;
    if (!endpoint->require_signature && (endpoint->secret_count == 0 || !any_header(delivery))) return 0;
    if (endpoint->secret_count == 0) return err_set(err, ERR_SIGNATURE, "the endpoint has no secret to check with");
    struct err reason = {.code = ERR_SIGNATURE,
                         .text = "no signature: the webhook-id, webhook-timestamp and "
                                 "webhook-signature headers must all be there"};
    for (int svix = 0; svix <= 1; svix++) {
        struct signature_headers headers;
        if (!find_headers(delivery, svix, &headers)) continue;
        if (check_age(&headers, endpoint, delivery, &reason) < 0) continue;
        if (matches_any_secret(endpoint, &headers, delivery->body, arena)) return 0;
        err_set(&reason, ERR_SIGNATURE, "the signature matches none of the endpoint's secrets");
    }
    return err_set(err, ERR_SIGNATURE, "%s", reason.text);
}

int standard_webhooks_sign(struct slice signing, int64_t now, struct arena *arena, struct composed_delivery *ret,
                           struct err *err) {
    struct provider_secret *secret = NULL;
    int result = standard_webhooks_secret_parse(signing, &secret, err);
    if (result < 0) return result;
    struct slice id = text_uuid_of(ret->body, arena);
    struct signature_headers headers = {
        .id = slice_cstr(arena_printf(arena, "msg_%.*s", SLICE_FMT(id))),
        .timestamp = slice_cstr(arena_printf(arena, "%lld", (long long)(now / SECOND_MS))),
    };
    unsigned char mac[MAC_BYTES];
    if (!secret || !secret->mac || !mac_compute(secret->mac, &headers, ret->body, mac)) {
        result = err_set(err, ERR_INVALID, "only a whsec_ secret can sign");
        goto out;
    }
    struct strbuf text;
    strbuf_init(&text, 128);
    strbuf_add_cstr(&text, "v1,");
    base64_encode(&text, slice_of((const char *)mac, sizeof(mac)));
    headers.signatures = arena_copy(arena, strbuf_slice(&text));
    strbuf_release(&text);
    ret->headers[ret->header_count++] = (struct composed_header){"webhook-id", headers.id};
    ret->headers[ret->header_count++] = (struct composed_header){"webhook-timestamp", headers.timestamp};
    ret->headers[ret->header_count++] = (struct composed_header){"webhook-signature", headers.signatures};
out:
    standard_webhooks_secret_free(secret);
    return result;
}
