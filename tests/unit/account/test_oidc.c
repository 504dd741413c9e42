#include "account/oidc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "account/jwt.h"
#include "base/strbuf.h"

#define NOW 1764000000000LL

struct scene {
    struct json_reader *json;
    struct arena *arena;
};

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

static struct json_value parse(struct scene *scene, const char *text) {
    struct json_value root;
    struct err err = {0};
    if (json_parse(scene->json, jwt_keep_padded(scene->arena, slice_cstr(text)), &root, &err) != 0)
        fail_msg("%s: %s", text, err.text);
    return root;
}

/* ---- the provider ---- */

#define ISSUER "https://id.example.org/realm"
#define ENDPOINTS                                                                                                      \
    "\"authorization_endpoint\":\"https://id.example.org/a?x=1\",\"token_endpoint\":\"https://id.example.org/t\","     \
    "\"jwks_uri\":\"https://id.example.org/k\""

static void configurations(void **state) {
    struct scene *scene = *state;
    struct oidc_provider provider;
    struct slice issuer = SLICE(ISSUER);
    assert_int_equal(oidc_read_provider(parse(scene, "{\"issuer\":\"" ISSUER "\"," ENDPOINTS "}"), issuer, scene->arena,
                                        &provider, NULL),
                     0);
    assert_true(slice_equal(provider.jwks_uri, SLICE("https://id.example.org/k")));
    assert_true(slice_empty(provider.userinfo_endpoint) && !provider.secret_in_body);
    assert_int_equal(
        oidc_read_provider(parse(scene, "{\"issuer\":\"" ISSUER "\"," ENDPOINTS
                                        ",\"token_endpoint_auth_methods_supported\":[\"client_secret_post\"]}"),
                           issuer, scene->arena, &provider, NULL),
        0);
    assert_true(provider.secret_in_body);
    static const char *const bad[] = {"{}",
                                      "[]",
                                      "{\"issuer\":\"https://evil.example\"," ENDPOINTS "}",
                                      "{\"issuer\":\"" ISSUER "\"}",
                                      "{\"issuer\":\"" ISSUER "/\"," ENDPOINTS "}",
                                      "{" ENDPOINTS "}",
                                      "{\"issuer\":\"" ISSUER "\"," ENDPOINTS
                                      ",\"userinfo_endpoint\":\"https://x.example/\\r\\nX: y\"}"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (oidc_read_provider(parse(scene, bad[i]), issuer, scene->arena, &provider, NULL) != -ERR_INVALID)
            fail_msg("%s", bad[i]);
}

static void what_is_said(void **state) {
    const struct oidc_provider provider = {.authorization_endpoint = SLICE("https://id.example.org/a?x=1")};
    struct oidc_attempt attempt = {.state = "s", .nonce = "n"}, other;
    struct strbuf text;
    memset(attempt.verifier, 'a', OIDC_TOKEN_CHARS);
    strbuf_init(&text, 10000);
    oidc_write_authorization(&text, &provider, SLICE("in kling"), SLICE("https://x.example/cb"), &attempt);
    assert_true(slice_equal(
        strbuf_slice(&text),
        SLICE("https://id.example.org/a?x=1&response_type=code&scope=openid%20email%20profile&client_id=in%20kling"
              "&redirect_uri=https%3A%2F%2Fx.example%2Fcb&state=s&nonce=n&code_challenge_method=S256&code_challenge="
              "bBs9x6cGudyBNSpnFrnGZsYI2GJicsZLkUqwVXL8boQ")));
    strbuf_clear(&text);
    oidc_write_basic(&text, SLICE("a:b"), SLICE("s&t"));
    assert_true(slice_equal(strbuf_slice(&text), SLICE("Basic YSUzQWI6cyUyNnQ="))); /* a%3Ab:s%26t */
    strbuf_release(&text);
    oidc_attempt_make(&attempt);
    oidc_attempt_make(&other);
    assert_int_equal(strlen(attempt.verifier), OIDC_TOKEN_CHARS);
    assert_string_not_equal(attempt.verifier, other.verifier);
    assert_string_not_equal(attempt.state, attempt.nonce);
}

/* ---- tokens ---- */

static int read(struct scene *scene, const char *text, struct oidc_identity *ret) {
    return oidc_read_identity(parse(scene, text), SLICE(ISSUER), SLICE("us"), SLICE("nonce"), NOW, scene->arena, ret,
                              NULL);
}

#define GOOD_BUT_FOR_IT "\"iss\":\"" ISSUER "\",\"sub\":\"s1\",\"nonce\":\"nonce\",\"iat\":1763999990"
#define GOOD            GOOD_BUT_FOR_IT ",\"exp\":1764000300"

static void identities(void **state) {
    struct scene *scene = *state;
    struct oidc_identity identity;
    static const char *const good[] = {
        "{" GOOD ",\"aud\":\"us\",\"email\":\"a@x.example\",\"email_verified\":true,\"name\":\" A \"}",
        "{" GOOD ",\"aud\":[\"us\"],\"email\":\"a@x.example\",\"email_verified\":\"true\",\"name\":\"A\"}",
        "{" GOOD
        ",\"aud\":[\"other\",\"us\"],\"azp\":\"us\",\"email\":\"a@x.example\",\"email_verified\":true,\"name\":\"A\"}",
        "{" GOOD_BUT_FOR_IT
        ",\"exp\":1763999999.5,\"aud\":\"us\",\"email\":\"a@x.example\",\"email_verified\":true,\"name\":\"A\"}",
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        if (read(scene, good[i], &identity) != 0) fail_msg("%s", good[i]);
        assert_true(slice_equal(identity.subject, SLICE("s1")) && slice_equal(identity.email, SLICE("a@x.example")));
        assert_true(identity.email_verified && slice_equal(identity.name, SLICE("A")));
    }
    assert_int_equal(read(scene, "{" GOOD ",\"aud\":\"us\",\"email\":\"a@x.example\"}", &identity), 0);
    assert_false(identity.email_verified);
    static const char *const bad[] = {
        "{}",
        "{" GOOD "}",
        "{" GOOD ",\"aud\":\"them\"}",
        "{" GOOD ",\"aud\":[]}",
        "{" GOOD ",\"aud\":[\"us\",\"them\"]}",
        "{" GOOD ",\"aud\":[\"us\",\"them\"],\"azp\":\"them\"}",
        "{" GOOD_BUT_FOR_IT ",\"aud\":\"us\"}",
        "{" GOOD_BUT_FOR_IT ",\"aud\":\"us\",\"exp\":1763999000}",
        "{" GOOD_BUT_FOR_IT ",\"aud\":\"us\",\"exp\":\"1764000300\"}",
        "{\"iss\":\"https://"
        "evil.example\",\"sub\":\"s1\",\"nonce\":\"nonce\",\"iat\":1763999990,\"exp\":1764000300,\"aud\":\"us\"}",
        "{\"iss\":\"" ISSUER
        "\",\"sub\":\"s1\",\"nonce\":\"other\",\"iat\":1763999990,\"exp\":1764000300,\"aud\":\"us\"}",
        "{\"iss\":\"" ISSUER "\",\"sub\":\"s1\",\"iat\":1763999990,\"exp\":1764000300,\"aud\":\"us\"}",
        "{\"iss\":\"" ISSUER
        "\",\"sub\":\"\",\"nonce\":\"nonce\",\"iat\":1763999990,\"exp\":1764000300,\"aud\":\"us\"}",
        "{\"iss\":\"" ISSUER
        "\",\"sub\":\"s1\",\"nonce\":\"nonce\",\"iat\":1763990000,\"exp\":1764000300,\"aud\":\"us\"}",
        "{\"iss\":\"" ISSUER
        "\",\"sub\":\"s1\",\"nonce\":\"nonce\",\"iat\":1764009000,\"exp\":1764009300,\"aud\":\"us\"}",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (read(scene, bad[i], &identity) != -ERR_SIGNATURE) fail_msg("%s", bad[i]);
}

static void userinfo_of_the_same_person(void **state) {
    struct scene *scene = *state;
    struct oidc_identity identity;
    assert_int_equal(read(scene, "{" GOOD ",\"aud\":\"us\"}", &identity), 0);
    assert_int_equal(
        oidc_add_userinfo(parse(scene, "{\"sub\":\"s2\",\"email\":\"b@x.example\",\"email_verified\":true}"),
                          scene->arena, &identity, NULL),
        -ERR_SIGNATURE);
    assert_true(slice_empty(identity.email));
    assert_int_equal(
        oidc_add_userinfo(parse(scene, "{\"sub\":\"s1\",\"email\":\"a@x.example\",\"email_verified\":true}"),
                          scene->arena, &identity, NULL),
        0);
    assert_true(slice_equal(identity.email, SLICE("a@x.example")) && identity.email_verified);
}

static void roles_and_domains(void **state) {
    struct scene *scene = *state;
    struct slice mapping = SLICE("cn=admins,hr-admins=admin, hr = recruiter,managers=hiring_manager");
    enum user_role role = USER_RECRUITER;
    struct json_value payload = parse(scene, "{\"groups\":[\"x\",\"managers\",\"hr\"],\"one\":\"hr-admins\",\"n\":1}");
    assert_true(oidc_role(payload, SLICE("groups"), mapping, &role) && role == USER_RECRUITER);
    assert_true(oidc_role(payload, SLICE("one"), mapping, &role) && role == USER_ADMIN);
    assert_false(oidc_role(payload, SLICE("n"), mapping, &role));
    assert_false(oidc_role(payload, SLICE("absent"), mapping, &role));
    assert_false(oidc_role(payload, SLICE(""), mapping, &role));
    assert_false(oidc_role(payload, SLICE("groups"), SLICE(""), &role));
    assert_true(oidc_mapping_is_valid(SLICE("")) && oidc_mapping_is_valid(SLICE("a=admin, cn=b=recruiter")));
    assert_false(oidc_mapping_is_valid(SLICE("a=emperor")) || oidc_mapping_is_valid(SLICE("admin")) ||
                 oidc_mapping_is_valid(SLICE("=admin")));
    assert_true(oidc_domain_is_listed(SLICE("a@X.example"), SLICE("y.example, x.example")));
    assert_false(oidc_domain_is_listed(SLICE("a@sub.x.example"), SLICE("x.example")));
    assert_false(oidc_domain_is_listed(SLICE("a@evilx.example"), SLICE("x.example")));
    assert_false(oidc_domain_is_listed(SLICE("a@"), SLICE("")) || oidc_domain_is_listed(SLICE("a"), SLICE("a")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(configurations),    cmocka_unit_test(what_is_said),
        cmocka_unit_test(identities),        cmocka_unit_test(userinfo_of_the_same_person),
        cmocka_unit_test(roles_and_domains),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
