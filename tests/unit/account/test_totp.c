#include "account/totp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/strbuf.h"

static const unsigned char *secret(void) {
    return (const unsigned char *)"12345678901234567890";
}

/* RFC 6238 appendix B, SHA-1; the last six digits of its eight. */
static const struct {
    int64_t seconds;
    const char *code;
} vectors[] = {
    {59, "287082"},         {1111111109, "081804"}, {1111111111, "050471"},
    {1234567890, "005924"}, {2000000000, "279037"}, {20000000000, "353130"},
};

static void codes_of_the_rfc(void **state) {
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        char code[TOTP_DIGITS + 1];
        int64_t step = 0;
        totp_code(secret(), vectors[i].seconds / 30, code);
        assert_string_equal(code, vectors[i].code);
        assert_true(totp_check(secret(), slice_cstr(vectors[i].code), vectors[i].seconds * 1000, 0, &step));
        assert_true(step == vectors[i].seconds / 30);
    }
}

static void each_code_is_good_once_and_for_a_minute(void **state) {
    int64_t now = 1234567890LL * 1000, step = 0, again = -5;
    struct slice code = SLICE("005924");
    for (int64_t late = -1; late <= 1; late++)
        assert_true(totp_check(secret(), code, now + late * TOTP_STEP_MS, 0, &step));
    assert_false(totp_check(secret(), code, now - 2 * TOTP_STEP_MS, 0, &again));
    assert_false(totp_check(secret(), code, now + 2 * TOTP_STEP_MS, 0, &again));
    assert_false(totp_check(secret(), code, now, step, &again));
    assert_false(totp_check(secret(), code, now, step + 1, &again));
    assert_true(totp_check(secret(), code, now, step - 1, &again));
    assert_true(again == step);
}

static void what_is_no_code(void **state) {
    static const char *const texts[] = {"", "00592", "0059244", "00592a", "005925", "-05924", "005924\n", "          "};
    int64_t step;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (totp_check(secret(), slice_cstr(texts[i]), 1234567890000, 0, &step)) fail_msg("\"%s\"", texts[i]);
    assert_false(totp_check(secret(), SLICE("00592\0"), 1234567890000, 0, &step));
    assert_true(totp_check(secret(), SLICE("005 924"), 1234567890000, 0, &step));
}

static void secrets_as_authenticators_read_them(void **state) {
    struct strbuf text;
    strbuf_init(&text, 1000);
    totp_write_secret(&text, secret());
    assert_true(slice_equal(strbuf_slice(&text), SLICE("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")));
    strbuf_clear(&text);
    totp_write_uri(&text, secret(), SLICE("Acme & Co"), SLICE("a+b@x.example"));
    assert_true(
        slice_equal(strbuf_slice(&text), SLICE("otpauth://totp/Acme%20%26%20Co:a%2Bb@x.example"
                                               "?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Acme%20%26%20Co")));
    strbuf_release(&text);
}

static void recovery_codes(void **state) {
    char code[RECOVERY_CODE_CHARS + 1], other[RECOVERY_CODE_CHARS + 1];
    unsigned char hash[RECOVERY_HASH_SIZE], again[RECOVERY_HASH_SIZE];
    recovery_code_make(code);
    recovery_code_make(other);
    assert_int_equal(strlen(code), RECOVERY_CODE_CHARS);
    assert_string_not_equal(code, other);
    assert_true(recovery_code_hash(SLICE("abcd-2fgh-ijkl-mnop"), hash));
    assert_true(recovery_code_hash(SLICE(" ABCD 2FGHijklmnop "), again));
    assert_memory_equal(hash, again, sizeof(hash));
    assert_true(recovery_code_hash(SLICE("abcd-2fgh-ijkl-mnoq"), again));
    assert_memory_not_equal(hash, again, sizeof(hash));
    assert_false(recovery_code_hash(SLICE("abcd-2fgh-ijkl-mno"), hash));
    assert_false(recovery_code_hash(SLICE("abcd-2fgh-ijkl-mnopq"), hash));
    assert_false(recovery_code_hash(SLICE_NONE, hash));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes_of_the_rfc), cmocka_unit_test(each_code_is_good_once_and_for_a_minute),
        cmocka_unit_test(what_is_no_code),  cmocka_unit_test(secrets_as_authenticators_read_them),
        cmocka_unit_test(recovery_codes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
