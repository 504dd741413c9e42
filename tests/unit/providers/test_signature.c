#include "providers/signature.h"

#include <openssl/evp.h>

#include "base/hash.h"
#include "base/strbuf.h"
#include "tests/unit/providers/support.h"

#include "base/banned.h"

/* The vector of the Standard Webhooks libraries. */
#define VECTOR_SECRET    "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define VECTOR_ID        "msg_p5jXN8AQM9LWM0D4loKWxJek"
#define VECTOR_TIMESTAMP "1614265330"
#define VECTOR_BODY      "{\"test\": 2432232314}"
#define VECTOR_SIGNATURE "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
#define OTHER_SIGNATURE  "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc="
#define VECTOR_TIME_MS   1614265330000

struct attempt {
    const char *secret, *id, *timestamp, *signature;
    const char *prefix;
    int64_t late_ms, tolerance_ms;
};

static void add_header(struct request *request, struct arena *arena, const char *prefix, const char *name,
                       const char *value) {
    if (!value) return;
    request_add_header(request, slice_cstr(arena_printf(arena, "%s%s", prefix, name)), slice_cstr(value));
}

static int try(const struct attempt *attempt, struct err *err) {
    struct arena *arena = arena_new();
    struct request request;
    struct test_endpoint endpoint;
    const char *prefix = attempt->prefix ? attempt->prefix : "webhook-";
    endpoint_init(&endpoint, &provider_generic);
    endpoint.endpoint.timestamp_tolerance_ms = attempt->tolerance_ms;
    if (attempt->secret) endpoint_add_secret(&endpoint, slice_cstr(attempt->secret));
    request_init(&request, arena, SLICE(VECTOR_BODY));
    request.delivery.received_at = VECTOR_TIME_MS + attempt->late_ms;
    add_header(&request, arena, prefix, "id", attempt->id);
    add_header(&request, arena, prefix, "timestamp", attempt->timestamp);
    add_header(&request, arena, prefix, "signature", attempt->signature);
    int result = request_verify(&request, &endpoint, NULL, arena, err);
    endpoint_release(&endpoint);
    arena_free(arena);
    return result;
}

static const struct attempt vector = {
    .secret = "whsec_" VECTOR_SECRET,
    .id = VECTOR_ID,
    .timestamp = VECTOR_TIMESTAMP,
    .signature = VECTOR_SIGNATURE,
    .tolerance_ms = STANDARD_WEBHOOKS_TOLERANCE_MS,
};

static void assert_passes(struct attempt attempt) {
    struct err err = {0};
    if (try(&attempt, &err) < 0) fail_msg("%s: %s", attempt.signature, err.text);
}

static void assert_refused(struct attempt attempt) {
    struct err err = {0};
    assert_int_equal(try(&attempt, &err), -ERR_SIGNATURE);
    assert_int_equal(err.code, ERR_SIGNATURE);
    assert_true(strlen(err.text) > 0);
}

static void test_published_vector(void **state) {
    assert_passes(vector);
    struct attempt attempt = vector;
    attempt.secret = VECTOR_SECRET; /* without the prefix */
    assert_passes(attempt);
    attempt = vector;
    attempt.prefix = "svix-";
    assert_passes(attempt);
    attempt = vector;
    attempt.prefix = "Webhook-";
    assert_passes(attempt);
    attempt = vector;
    attempt.signature = OTHER_SIGNATURE " v2,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc= " VECTOR_SIGNATURE;
    assert_passes(attempt);
}

static void test_wrong_signatures(void **state) {
    static const char *const wrong[] = {
        "v1,",
        "v1",
        "v1,dawfeoifkpqwoekfpqoekf",
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1O",
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE",
        "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        "v2,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        "v1a,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        "v1, g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        OTHER_SIGNATURE,
        " ",
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct attempt attempt = vector;
        attempt.signature = wrong[i];
        assert_refused(attempt);
    }
    struct attempt attempt = vector;
    attempt.id = "msg_p5jXN8AQM9LWM0D4loKWxJel";
    assert_refused(attempt);
    attempt = vector;
    attempt.secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSx";
    assert_refused(attempt);
    attempt = vector;
    attempt.secret = NULL; /* an endpoint without secrets */
    assert_refused(attempt);
}

static void test_missing_headers(void **state) {
    struct attempt attempt = vector;
    attempt.id = NULL;
    assert_refused(attempt);
    attempt = vector;
    attempt.timestamp = NULL;
    assert_refused(attempt);
    attempt = vector;
    attempt.signature = NULL;
    assert_refused(attempt);
}

static void test_age(void **state) {
    struct attempt attempt = vector;
    attempt.late_ms = STANDARD_WEBHOOKS_TOLERANCE_MS;
    assert_passes(attempt);
    attempt.late_ms = -STANDARD_WEBHOOKS_TOLERANCE_MS;
    assert_passes(attempt);
    attempt.late_ms = STANDARD_WEBHOOKS_TOLERANCE_MS + 1;
    assert_refused(attempt);
    attempt.late_ms = -STANDARD_WEBHOOKS_TOLERANCE_MS - 1;
    assert_refused(attempt);
    attempt.late_ms = INT64_MAX / 2;
    attempt.tolerance_ms = 0; /* not checked */
    assert_passes(attempt);
    static const char *const no_time[] = {"1614265330.0", "", " 1614265330", "-1", "x", "9999999999999", "0x60"};
    for (size_t i = 0; i < sizeof(no_time) / sizeof(no_time[0]); i++) {
        attempt = vector;
        attempt.timestamp = no_time[i];
        attempt.tolerance_ms = 0;
        assert_refused(attempt);
    }
}

static void test_unsigned_where_no_signature_is_required(void **state) {
    struct arena *arena = arena_new();
    struct request request;
    struct test_endpoint endpoint;
    struct err err;
    endpoint_init(&endpoint, &provider_generic);
    endpoint.endpoint.require_signature = false;
    request_init(&request, arena, SLICE(VECTOR_BODY));
    assert_int_equal(request_verify(&request, &endpoint, NULL, arena, &err), 0);
    endpoint_add_secret(&endpoint, SLICE(VECTOR_SECRET));
    assert_int_equal(request_verify(&request, &endpoint, NULL, arena, &err), 0);
    /* A signature that is there is checked. */
    add_header(&request, arena, "webhook-", "id", VECTOR_ID);
    add_header(&request, arena, "webhook-", "timestamp", VECTOR_TIMESTAMP);
    add_header(&request, arena, "webhook-", "signature", OTHER_SIGNATURE);
    assert_int_equal(request_verify(&request, &endpoint, NULL, arena, &err), -ERR_SIGNATURE);
    endpoint_release(&endpoint);
    arena_free(arena);
}

static void test_secrets(void **state) {
    static const char *const bad[] = {
        "",
        "whsec_",
        "whpk_",
        "whpk_AAAA",
        "whsec_MfKQ9r8GKYqrTwjU" /* 12 bytes */,
        "whsec_****",
        "MfKQ9r8G",
        "whsk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS",
        "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=" /* 65 */,
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct provider_secret *secret = NULL;
        struct err err = {0};
        if (standard_webhooks_secret_parse(slice_cstr(bad[i]), &secret, &err) != -ERR_INVALID)
            fail_msg("\"%s\" was taken", bad[i]);
        assert_null(secret);
        assert_true(strlen(err.text) > 0);
    }
    struct provider_secret *secret = NULL;
    assert_int_equal(standard_webhooks_secret_parse(SLICE(" whsec_" VECTOR_SECRET "\n"), &secret, NULL), 0);
    standard_webhooks_secret_free(secret);
    standard_webhooks_secret_free(NULL);
}

/* No library publishes a v1a vector with its key, so the key is made here. */
static void test_ed25519(void **state) {
    static const char content[] = VECTOR_ID "." VECTOR_TIMESTAMP "." VECTOR_BODY;
    unsigned char raw[32], signature[64];
    size_t raw_len = sizeof(raw), len = sizeof(signature);
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    assert_int_equal(EVP_PKEY_get_raw_public_key(key, raw, &raw_len), 1);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestSignInit(context, NULL, NULL, NULL, key), 1);
    assert_int_equal(EVP_DigestSign(context, signature, &len, (const unsigned char *)content, sizeof(content) - 1), 1);
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    struct strbuf secret, header, altered;
    strbuf_init(&secret, 200);
    strbuf_init(&header, 200);
    strbuf_init(&altered, 200);
    strbuf_add_cstr(&secret, "whpk_");
    base64_encode(&secret, slice_of((const char *)raw, sizeof(raw)));
    strbuf_add_cstr(&header, OTHER_SIGNATURE " v1a,");
    base64_encode(&header, slice_of((const char *)signature, sizeof(signature)));
    signature[7] ^= 1;
    strbuf_add_cstr(&altered, "v1a,");
    base64_encode(&altered, slice_of((const char *)signature, sizeof(signature)));
    struct attempt attempt = vector;
    attempt.secret = secret.ptr;
    attempt.signature = header.ptr;
    assert_passes(attempt);
    attempt.id = "msg_other";
    assert_refused(attempt);
    attempt = vector;
    attempt.secret = secret.ptr;
    attempt.signature = altered.ptr;
    assert_refused(attempt);
    attempt.signature = VECTOR_SIGNATURE; /* a v1 signature says nothing about a public key */
    assert_refused(attempt);
    strbuf_release(&secret);
    strbuf_release(&header);
    strbuf_release(&altered);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published_vector),
        cmocka_unit_test(test_wrong_signatures),
        cmocka_unit_test(test_missing_headers),
        cmocka_unit_test(test_age),
        cmocka_unit_test(test_unsigned_where_no_signature_is_required),
        cmocka_unit_test(test_secrets),
        cmocka_unit_test(test_ed25519),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
