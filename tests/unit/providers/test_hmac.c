/* HMAC-SHA256 in hex: vectors, rotation, and what must not pass. */
#include "providers/hmac.h"
#include "tests/unit/providers/support.h"

#include "base/banned.h"

#define BODY "{\"type\":\"activity.sent\",\"data\":{\"id\":\"1\"}}"
#define MAC  "f21c4fd90001203f61f63e279293175b6a470d5d2cfe8991873ae64fc06e817c" /* by openssl dgst -hmac secret */

static const struct provider provider = {
    .name = "test", .secret_parse = hmac_secret_parse, .secret_free = hmac_secret_free};

static int verify(const struct test_endpoint *endpoint, struct slice body, const char *signature, struct err *err) {
    struct arena *arena = arena_new();
    struct request request;
    request_init(&request, arena, body);
    if (signature) request_add_header(&request, SLICE("SIGNATURE"), slice_cstr(signature));
    int result = hmac_verify_header(&endpoint->endpoint, &request.delivery, SLICE("Signature"), err);
    arena_free(arena);
    return result;
}

static void assert_refused(const struct test_endpoint *endpoint, struct slice body, const char *signature,
                           const char *text) {
    struct err err = {0};
    assert_int_equal(verify(endpoint, body, signature, &err), -ERR_SIGNATURE);
    assert_string_equal(err.text, text);
}

static void test_header(void **state) {
    static const char no_match[] = "the signature matches none of the endpoint's secrets";
    static const char no_hex[] = "the header Signature is not 64 hex digits";
    struct test_endpoint endpoint;
    endpoint_init(&endpoint, &provider);
    assert_refused(&endpoint, SLICE(BODY), MAC, "the endpoint has no secret to check with");
    endpoint_add_secret(&endpoint, SLICE("another key"));
    assert_refused(&endpoint, SLICE(BODY), MAC, no_match);
    endpoint_add_secret(&endpoint, SLICE(" secret\n")); /* rotation: any may match */
    assert_int_equal(verify(&endpoint, SLICE(BODY), MAC, NULL), 0);
    assert_int_equal(verify(&endpoint, SLICE(BODY), "sha256=" MAC, NULL), 0);
    assert_int_equal(
        verify(&endpoint, SLICE(BODY), "F21C4FD90001203F61F63E279293175B6A470D5D2CFE8991873AE64FC06E817C", NULL), 0);
    assert_refused(&endpoint, SLICE(BODY " "), MAC, no_match);
    assert_refused(&endpoint, SLICE(BODY), NULL, "no signature: the header Signature is absent");
    assert_refused(&endpoint, SLICE(BODY), "f21c4fd90001203f61f63e279293175b6a470d5d2cfe8991873ae64fc06e817", no_hex);
    assert_refused(&endpoint, SLICE(BODY), MAC "00", no_hex);
    assert_refused(&endpoint, SLICE(BODY), "g21c4fd90001203f61f63e279293175b6a470d5d2cfe8991873ae64fc06e817c",
                   no_match);
    endpoint.endpoint.require_signature = false;
    assert_int_equal(verify(&endpoint, SLICE(BODY), NULL, NULL), 0);
    assert_refused(&endpoint, SLICE(BODY " "), MAC, no_match); /* one that is there is checked all the same */
    endpoint_release(&endpoint);
}

/* The vector of mailgun-go's tests: two fields without a separator. */
static void test_two_parts(void **state) {
    struct arena *arena = arena_new();
    struct test_endpoint endpoint;
    struct slice hex;
    struct err err;
    endpoint_init(&endpoint, &provider);
    endpoint_add_secret(&endpoint, SLICE("WEBHOOK_SIGNING_KEY"));
    assert_int_equal(hmac_sign(SLICE("WEBHOOK_SIGNING_KEY"), SLICE("123456789"), SLICE("token"), arena, &hex, &err), 0);
    assert_text(hex, "be636525fcbffba547491ce8a6ff04cbfbf0811aa7031db14147de41be62ffe0");
    assert_true(hmac_matches(&endpoint.endpoint, SLICE("123456789"), SLICE("token"), hex));
    assert_true(hmac_matches(&endpoint.endpoint, SLICE("123456789token"), SLICE_NONE, hex));
    assert_false(hmac_matches(&endpoint.endpoint, SLICE("123456788"), SLICE("token"), hex));
    assert_false(hmac_matches(&endpoint.endpoint, SLICE("123456789"), SLICE("token"), slice_first(hex, 62)));
    assert_false(hmac_matches(&endpoint.endpoint, SLICE("123456789"), SLICE("token"), SLICE_NONE));
    endpoint_release(&endpoint);
    arena_free(arena);
}

static void test_keys(void **state) {
    struct arena *arena = arena_new();
    struct provider_secret *secret = NULL;
    struct composed_delivery composed = {.body = SLICE(BODY)};
    struct err err = {0};
    char long_key[HMAC_KEY_MAX_BYTES + 1];
    memset(long_key, 'k', sizeof(long_key));
    assert_int_equal(hmac_secret_parse(SLICE("  short \n"), &secret, &err), -ERR_INVALID);
    assert_string_equal(err.text, "a signing key has 6 to 256 characters: copy it whole from the service");
    assert_int_equal(hmac_secret_parse(slice_of(long_key, sizeof(long_key)), &secret, &err), -ERR_INVALID);
    assert_null(secret);
    assert_int_equal(hmac_secret_parse(slice_of(long_key, sizeof(long_key) - 1), &secret, &err), 0);
    hmac_secret_free(secret);
    hmac_secret_free(NULL);
    assert_int_equal(hmac_sign_header(SLICE(""), "Signature", arena, &composed, &err), -ERR_INVALID);
    assert_int_equal(hmac_sign_header(SLICE("secret"), "Signature", arena, &composed, &err), 0);
    assert_int_equal(composed.header_count, 1);
    assert_text(composed.headers[0].value, MAC);
    arena_free(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_header),
        cmocka_unit_test(test_two_parts),
        cmocka_unit_test(test_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
