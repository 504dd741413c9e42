#include "account/oidc.h"

#include <sodium.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/random.h"
#include "base/strbuf.h"

#include "base/banned.h"

#define CLOCK_SKEW_S (2 * 60)
#define AGE_MAX_S    (15 * 60) /* a token is used within seconds; the attempt lives ten minutes */
#define EMAIL_MAX    254
#define NAME_MAX_    200
#define CLAIM_VALUES 500

/* ---- the provider ---- */

static int take_url(struct json_value root, const char *name, bool needed, struct arena *arena, struct slice *ret,
                    struct err *err) {
    struct slice url = json_get_string(root, slice_cstr(name));
    if (slice_empty(url) && !needed) return 0;
    if (slice_empty(url) || url.len > OIDC_URL_MAX)
        return err_set(err, ERR_INVALID, "the identity provider's configuration has no usable %s", name);
    for (size_t i = 0; i < url.len; i++)
        if ((unsigned char)url.ptr[i] <= ' ' || (unsigned char)url.ptr[i] >= 0x7f)
            return err_set(err, ERR_INVALID, "the identity provider's %s is no address", name);
    *ret = arena_copy(arena, url);
    return 0;
}

static bool lists(struct json_value array, struct slice wanted) {
    struct json_iterator elements = json_elements(array);
    struct json_value value;
    struct slice text;
    while (json_next(&elements, &value))
        if (json_text(value, &text) && slice_equal(text, wanted)) return true;
    return false;
}

int oidc_read_provider(struct json_value root, struct slice issuer, struct arena *arena, struct oidc_provider *ret,
                       struct err *err) {
    struct oidc_provider provider = {0};
    int r = take_url(root, "issuer", true, arena, &provider.issuer, err);
    if (r == 0) r = take_url(root, "authorization_endpoint", true, arena, &provider.authorization_endpoint, err);
    if (r == 0) r = take_url(root, "token_endpoint", true, arena, &provider.token_endpoint, err);
    if (r == 0) r = take_url(root, "jwks_uri", true, arena, &provider.jwks_uri, err);
    if (r == 0) r = take_url(root, "userinfo_endpoint", false, arena, &provider.userinfo_endpoint, err);
    if (r != 0) return r;
    if (!slice_equal(provider.issuer, issuer))
        return err_set(err, ERR_INVALID, "the identity provider calls itself by another name than oidc_issuer");
    struct json_value methods = json_get(root, SLICE("token_endpoint_auth_methods_supported"));
    provider.secret_in_body =
        lists(methods, SLICE("client_secret_post")) && !lists(methods, SLICE("client_secret_basic"));
    *ret = provider;
    return 0;
}

/* ---- what is said ---- */

void oidc_attempt_make(struct oidc_attempt *ret) {
    random_token(ret->state, OIDC_TOKEN_CHARS);
    random_token(ret->nonce, OIDC_TOKEN_CHARS);
    random_token(ret->verifier, OIDC_TOKEN_CHARS);
}

static void add_escaped(struct strbuf *out, struct slice text) {
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     (c != '\0' && strchr("-._~", c));
        strbuf_printf(out, plain ? "%c" : "%%%02X", c);
    }
}

static void add_pair(struct strbuf *out, const char *name, struct slice value) {
    strbuf_printf(out, "&%s=", name);
    add_escaped(out, value);
}

void oidc_write_authorization(struct strbuf *out, const struct oidc_provider *provider, struct slice client_id,
                              struct slice redirect_uri, const struct oidc_attempt *attempt) {
    unsigned char digest[crypto_hash_sha256_BYTES];
    strbuf_add_slice(out, provider->authorization_endpoint);
    strbuf_add_char(out, slice_find_char(provider->authorization_endpoint, '?') >= 0 ? '&' : '?');
    strbuf_add_cstr(out, "response_type=code&scope=openid%20email%20profile");
    add_pair(out, "client_id", client_id);
    add_pair(out, "redirect_uri", redirect_uri);
    add_pair(out, "state", slice_cstr(attempt->state));
    add_pair(out, "nonce", slice_cstr(attempt->nonce));
    /* RFC 7636 section 4.2. */
    crypto_hash_sha256(digest, (const unsigned char *)attempt->verifier, OIDC_TOKEN_CHARS);
    strbuf_add_cstr(out, "&code_challenge_method=S256&code_challenge=");
    base64url_encode(out, slice_of((const char *)digest, sizeof(digest)));
}

void oidc_write_exchange(struct strbuf *out, struct slice code, struct slice client_id, struct slice secret,
                         struct slice redirect_uri, const struct oidc_attempt *attempt) {
    strbuf_add_cstr(out, "grant_type=authorization_code");
    add_pair(out, "code", code);
    add_pair(out, "client_id", client_id);
    if (!slice_empty(secret)) add_pair(out, "client_secret", secret);
    add_pair(out, "redirect_uri", redirect_uri);
    add_pair(out, "code_verifier", slice_cstr(attempt->verifier));
}

void oidc_write_basic(struct strbuf *out, struct slice client_id, struct slice secret) {
    struct strbuf pair;
    strbuf_init(&pair, 16384);
    add_escaped(&pair, client_id);
    strbuf_add_char(&pair, ':');
    add_escaped(&pair, secret);
    strbuf_add_cstr(out, "Basic ");
    base64_encode(out, strbuf_slice(&pair));
    strbuf_release(&pair);
}

/* ---- what comes back ---- */

static int refuse(struct err *err, const char *why) {
    return err_set(err, ERR_SIGNATURE, "the identity provider's token is not valid: %s", why);
}

static bool is_for(struct json_value payload, struct slice client_id) {
    struct json_value audience = json_get(payload, SLICE("aud"));
    struct slice text;
    if (json_text(audience, &text)) return slice_equal(text, client_id);
    if (!lists(audience, client_id)) return false;
    return json_count(audience) == 1 || slice_equal(json_get_string(payload, SLICE("azp")), client_id);
}

/* Times are seconds, which may have a fraction (RFC 7519 section 2). */
static bool number_of(struct json_value payload, const char *name, int64_t *ret) {
    double number;
    if (!json_number(json_get(payload, slice_cstr(name)), &number) || number < 0 || number > 1e11) return false;
    *ret = (int64_t)number;
    return true;
}

static struct slice take_text(struct json_value object, const char *name, size_t max, struct arena *arena) {
    struct slice text = slice_trim(json_get_string(object, slice_cstr(name)));
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] < ' ' || text.ptr[i] == 0x7f) return SLICE("");
    return text.len > max ? SLICE("") : arena_copy(arena, text);
}

/* Some providers write the truth as a text. */
static bool is_true(struct json_value value) {
    bool flag;
    struct slice text;
    if (json_bool(value, &flag)) return flag;
    return json_text(value, &text) && slice_equal(text, SLICE("true"));
}

int oidc_read_identity(struct json_value payload, struct slice issuer, struct slice client_id, struct slice nonce,
                       int64_t now, struct arena *arena, struct oidc_identity *ret, struct err *err) {
    int64_t expires, issued, seconds = now / SECOND_MS;
    struct slice subject = json_get_string(payload, SLICE("sub"));
    if (!slice_equal(json_get_string(payload, SLICE("iss")), issuer)) return refuse(err, "another issuer made it");
    if (!is_for(payload, client_id)) return refuse(err, "it was made for somebody else");
    if (!slice_equal_secret(json_get_string(payload, SLICE("nonce")), nonce))
        return refuse(err, "it belongs to another attempt");
    if (!number_of(payload, "exp", &expires) || expires + CLOCK_SKEW_S <= seconds)
        return refuse(err, "its time is over");
    if (!number_of(payload, "iat", &issued) || issued > seconds + CLOCK_SKEW_S || issued < seconds - AGE_MAX_S)
        return refuse(err, "it was not made just now; compare the clocks");
    if (slice_empty(subject) || subject.len > OIDC_SUBJECT_MAX) return refuse(err, "it names nobody");
    *ret = (struct oidc_identity){
        .subject = arena_copy(arena, subject),
        .email = take_text(payload, "email", EMAIL_MAX, arena),
        .name = take_text(payload, "name", NAME_MAX_, arena),
        .email_verified = is_true(json_get(payload, SLICE("email_verified"))),
    };
    return 0;
}

int oidc_add_userinfo(struct json_value userinfo, struct arena *arena, struct oidc_identity *identity,
                      struct err *err) {
    if (!slice_equal(json_get_string(userinfo, SLICE("sub")), identity->subject))
        return refuse(err, "its userinfo is of somebody else");
    if (slice_empty(identity->email)) {
        identity->email = take_text(userinfo, "email", EMAIL_MAX, arena);
        identity->email_verified = is_true(json_get(userinfo, SLICE("email_verified")));
    }
    if (slice_empty(identity->name)) identity->name = take_text(userinfo, "name", NAME_MAX_, arena);
    return 0;
}

/* ---- who that is here ---- */

/* One "value=role" of the mapping; the value may hold '=' (a distinguished name), so the last one counts. */
static bool split_pair(struct slice pair, struct slice *ret_value, enum user_role *ret_role) {
    size_t at = pair.len;
    while (at > 0 && pair.ptr[at - 1] != '=')
        at--;
    if (at == 0) return false;
    *ret_value = slice_trim(slice_first(pair, at - 1));
    return !slice_empty(*ret_value) && user_role_parse(slice_trim(slice_from(pair, at)), ret_role);
}

bool oidc_mapping_is_valid(struct slice mapping) {
    struct slice pair, value;
    enum user_role role;
    if (slice_empty(slice_trim(mapping))) return true;
    while (slice_split_next(&mapping, ',', &pair))
        if (!split_pair(pair, &value, &role)) return false;
    return true;
}

bool oidc_role(struct json_value payload, struct slice claim, struct slice mapping, enum user_role *ret) {
    struct json_value has = json_get(payload, claim);
    struct slice pair, value, text;
    enum user_role role;
    if (slice_empty(claim) || json_count(has) > CLAIM_VALUES) return false;
    while (slice_split_next(&mapping, ',', &pair)) {
        if (!split_pair(pair, &value, &role)) continue;
        if (!(json_text(has, &text) && slice_equal(text, value)) && !lists(has, value)) continue;
        *ret = role;
        return true;
    }
    return false;
}

bool oidc_domain_is_listed(struct slice email, struct slice domains) {
    ptrdiff_t at = slice_find_char(email, '@');
    struct slice listed;
    if (at < 0) return false;
    struct slice domain = slice_from(email, (size_t)at + 1);
    while (slice_split_next(&domains, ',', &listed))
        if (!slice_empty(domain) && slice_equal_nocase(domain, slice_trim(listed))) return true;
    return false;
}
