#include "account/jwt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/strbuf.h"

/* RFC 7515 appendix A.2 (RS256) and A.3 (ES256): the same payload, signed with one key each. */
#define PAYLOAD "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
#define RS_SIGNATURE                                                                                                   \
    "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t" \
    "1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12j" \
    "zDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQ" \
    "Ge77Rw"
#define ES_SIGNATURE "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
#define RS_HEADER    "eyJhbGciOiJSUzI1NiJ9"
#define ES_HEADER    "eyJhbGciOiJFUzI1NiJ9"
#define RS_MODULUS                                                                                                     \
    "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pC" \
    "gNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg6" \
    "65xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRW" \
    "yuXpoQ"
#define RS_KEY "{\"kty\":\"RSA\",\"n\":\"" RS_MODULUS "\",\"e\":\"AQAB\"}"
#define ES_KEY                                                                                                         \
    "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","                         \
    "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}"
#define BOTH     "{\"keys\":[" RS_KEY "," ES_KEY "]}"
#define RS_TOKEN RS_HEADER "." PAYLOAD "." RS_SIGNATURE
#define ES_TOKEN ES_HEADER "." PAYLOAD "." ES_SIGNATURE

struct scene {
    struct json_reader *json;
    struct arena *arena;
};

static int verify(struct scene *scene, const char *token, const char *keys, struct slice *ret_payload) {
    struct err err = {0};
    int result = jwt_verify(scene->json, slice_cstr(token), jwt_keep_padded(scene->arena, slice_cstr(keys)),
                            scene->arena, ret_payload, &err);
    if (result != 0) assert_true(err.text[0] != '\0' && -result == (int)err.code);
    return result;
}

static int set_up(void **state) {
    static struct scene scene;
    scene = (struct scene){.json = json_reader_new(), .arena = arena_new()};
    *state = &scene;
    return 0;
}

static int tear_down(void **state) {
    struct scene *scene = *state;
    json_reader_free(scene->json);
    arena_free(scene->arena);
    return 0;
}

static void tokens_of_the_rfc(void **state) {
    static const char *const tokens[] = {RS_TOKEN, ES_TOKEN};
    for (size_t i = 0; i < 2; i++) {
        struct slice payload = SLICE_NONE;
        assert_int_equal(verify(*state, tokens[i], BOTH, &payload), 0);
        assert_true(slice_starts_with(payload, SLICE("{\"iss\":\"joe\",")));
    }
}

static void changed_tokens(void **state) {
    static const char *const tokens[] = {
        "",
        ".",
        "..",
        "...",
        RS_HEADER "." PAYLOAD,
        RS_HEADER "." PAYLOAD ".",
        RS_TOKEN ".",
        RS_TOKEN "AA",
        RS_HEADER "." PAYLOAD "." ES_SIGNATURE,
        ES_HEADER "." PAYLOAD "." RS_SIGNATURE,
        RS_HEADER ".A" PAYLOAD "." RS_SIGNATURE,
        RS_HEADER ".eyJpc3MiOiJqb2UifQ." RS_SIGNATURE,
        RS_HEADER "==." PAYLOAD "." RS_SIGNATURE,
        "eyJhbGciOiJub25lIn0." PAYLOAD ".",                             /* {"alg":"none"} */
        "eyJhbGciOiJub25lIn0." PAYLOAD "." RS_SIGNATURE,                /* {"alg":"none"} */
        "eyJhbGciOiJIUzI1NiJ9." PAYLOAD "." RS_SIGNATURE,               /* {"alg":"HS256"} */
        "eyJhbGciOiJSUzI1NiIsImNyaXQiOltdfQ." PAYLOAD "." RS_SIGNATURE, /* {"alg":"RS256","crit":[]} */
        "W10." PAYLOAD "." RS_SIGNATURE,                                /* [] */
        "eyJhbGciOg." PAYLOAD "." RS_SIGNATURE,                         /* {"alg": */
        ES_HEADER "." PAYLOAD ".AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    };
    struct slice payload;
    for (size_t i = 0; i < sizeof(tokens) / sizeof(tokens[0]); i++)
        if (verify(*state, tokens[i], BOTH, &payload) != -ERR_SIGNATURE) fail_msg("%zu: %s", i, tokens[i]);
}

static void keys_that_may_not_have_signed(void **state) {
    static const char *const sets[] = {
        "{\"keys\":[]}",
        "{\"keys\":[" ES_KEY "]}",
        "{\"keys\":[{\"kty\":\"RSA\",\"use\":\"enc\",\"n\":\"" RS_MODULUS "\",\"e\":\"AQAB\"}]}",
        "{\"keys\":[{\"kty\":\"RSA\",\"alg\":\"PS256\",\"n\":\"" RS_MODULUS "\",\"e\":\"AQAB\"}]}",
        "{\"keys\":[{\"kty\":\"oct\",\"k\":\"" RS_MODULUS "\"}]}",
        "{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}]}",         /* too small */
        "{\"keys\":[{\"kty\":\"RSA\",\"n\":\"" RS_MODULUS "\",\"e\":\"AQ\"}]}", /* 1 */
        "{\"keys\":[{\"kty\":\"RSA\",\"n\":\"" RS_MODULUS "\"}, 1, null, \"x\"]}",
    };
    struct slice payload;
    for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
        if (verify(*state, RS_TOKEN, sets[i], &payload) != -ERR_NOT_FOUND) fail_msg("%s", sets[i]);
    /* A point that is not on the curve. */
    assert_int_equal(
        verify(*state, ES_TOKEN,
               "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvR"
               "VEU\",\"y\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\"}]}",
               &payload),
        -ERR_NOT_FOUND);
    /* {"alg":"RS256","kid":"a"}: only a key of that name counts, and then the signature is of another header. */
    assert_int_equal(verify(*state, "eyJhbGciOiJSUzI1NiIsImtpZCI6ImEifQ." PAYLOAD "." RS_SIGNATURE, BOTH, &payload),
                     -ERR_NOT_FOUND);
    assert_int_equal(verify(*state, "eyJhbGciOiJSUzI1NiIsImtpZCI6ImEifQ." PAYLOAD "." RS_SIGNATURE,
                            "{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"a\",\"n\":\"" RS_MODULUS "\",\"e\":\"AQAB\"}]}",
                            &payload),
                     -ERR_SIGNATURE);
    assert_int_equal(verify(*state, RS_TOKEN, "{\"keys\":1}", &payload), -ERR_UNREADABLE);
    assert_int_equal(verify(*state, RS_TOKEN, "nothing", &payload), -ERR_UNREADABLE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_of_the_rfc),
        cmocka_unit_test(changed_tokens),
        cmocka_unit_test(keys_that_may_not_have_signed),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
