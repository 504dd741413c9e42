/* oidc: signing in at an identity provider: OpenID Connect Core 1.0, authorization code flow, with PKCE (RFC 7636).
 * What is said and checked, without saying it: pure. */
#ifndef INKLING_ACCOUNT_OIDC_H
#define INKLING_ACCOUNT_OIDC_H

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "model/roles.h"

struct strbuf;

#define OIDC_SUBJECT_MAX 255 /* OpenID Connect Core section 2 */
#define OIDC_URL_MAX     2048

/* What the provider says of itself (OpenID Connect Discovery section 3). */
struct oidc_provider {
    struct slice issuer, authorization_endpoint, token_endpoint, jwks_uri,
        userinfo_endpoint; /* the last may be empty */
    bool secret_in_body;   /* the client's secret is taken in the body only, not as basic credentials */
};
/* ERR_INVALID when it is of another issuer (section 4.3), or something needed is missing. Strings in `arena`. */
MUST_USE int oidc_read_provider(struct json_value root, struct slice issuer, struct arena *arena,
                                struct oidc_provider *ret, struct err *err);

/* What one attempt to sign in must remember until the browser comes back. */
#define OIDC_TOKEN_CHARS 52
struct oidc_attempt {
    char state[OIDC_TOKEN_CHARS + 1], nonce[OIDC_TOKEN_CHARS + 1], verifier[OIDC_TOKEN_CHARS + 1];
};
void oidc_attempt_make(struct oidc_attempt *ret);

/* The address to which the browser is sent. */
void oidc_write_authorization(struct strbuf *out, const struct oidc_provider *provider, struct slice client_id,
                              struct slice redirect_uri, const struct oidc_attempt *attempt);
/* The form that the code is exchanged with. `secret` empty, or sent as basic credentials: it is left out. */
void oidc_write_exchange(struct strbuf *out, struct slice code, struct slice client_id, struct slice secret,
                         struct slice redirect_uri, const struct oidc_attempt *attempt);
/* "Basic …" (RFC 6749 section 2.3.1: both are form-encoded first). */
void oidc_write_basic(struct strbuf *out, struct slice client_id, struct slice secret);

/* Who signed in. */
struct oidc_identity {
    struct slice subject, email, name; /* email and name may be empty */
    bool email_verified;
};
/* The payload of an ID token whose signature was verified: is it of this issuer, for us, for this attempt, and of now?
 * (OpenID Connect Core section 3.1.3.7.) ERR_SIGNATURE says what is not. Strings in `arena`. */
MUST_USE int oidc_read_identity(struct json_value payload, struct slice issuer, struct slice client_id,
                                struct slice nonce, int64_t now, struct arena *arena, struct oidc_identity *ret,
                                struct err *err);
/* Adds what the answer of the userinfo endpoint says, if it is of the same subject (section 5.3.2): ERR_SIGNATURE. */
MUST_USE int oidc_add_userinfo(struct json_value userinfo, struct arena *arena, struct oidc_identity *identity,
                               struct err *err);

/* "value=role, …": the role of the first pair whose value the claim has, a text or a list of texts; false: none. */
bool oidc_role(struct json_value payload, struct slice claim, struct slice mapping, enum user_role *ret);
/* Is the mapping well-formed? */
bool oidc_mapping_is_valid(struct slice mapping);
/* Is the address in one of the domains, separated by commas? */
bool oidc_domain_is_listed(struct slice email, struct slice domains);

#endif
