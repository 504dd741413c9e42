#include "subscription/signing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/hash.h"

#include "base/banned.h"

/* The sample of the reference libraries of Standard Webhooks. */
static void test_reference_sample(void **state) {
    struct strbuf out;
    strbuf_init(&out, 200);
    assert_int_equal(signing_sign(SLICE("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
                                  SLICE("msg_p5jXN8AQM9LWM0D4loKWxJek"), 1614265330, SLICE("{\"test\": 2432232314}"),
                                  &out, NULL),
                     0);
    assert_string_equal(out.ptr, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    strbuf_release(&out);
}

static void test_made_secrets(void **state) {
    char one[SIGNING_SECRET_MAX], other[SIGNING_SECRET_MAX];
    unsigned char key[64];
    struct strbuf out;
    size_t len;
    signing_secret_make(one);
    signing_secret_make(other);
    assert_string_not_equal(one, other);
    assert_true(slice_starts_with(slice_cstr(one), SLICE("whsec_")));
    assert_true(base64_decode(slice_from(slice_cstr(one), 6), key, sizeof(key), &len) && len == 32);
    strbuf_init(&out, 200);
    assert_int_equal(signing_sign(slice_cstr(one), SLICE("a"), 1, SLICE(""), &out, NULL), 0);
    assert_int_equal(signing_sign(slice_cstr(other), SLICE("a"), 1, SLICE(""), &out, NULL), 0);
    assert_int_equal(out.len, 2 * (3 + 44));
    assert_memory_not_equal(out.ptr, out.ptr + 47, 47);
    strbuf_release(&out);
}

static void test_what_is_no_secret(void **state) {
    static const char *const texts[] = {"", "whsec_", "whsec_AAAA", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_!!!!"};
    struct strbuf out;
    struct err err;
    strbuf_init(&out, 200);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_int_equal(signing_sign(slice_cstr(texts[i]), SLICE("a"), 1, SLICE("b"), &out, &err), -ERR_INVALID);
    assert_int_equal(out.len, 0);
    strbuf_release(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reference_sample),
        cmocka_unit_test(test_made_secrets),
        cmocka_unit_test(test_what_is_no_secret),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
