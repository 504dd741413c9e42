/* oidc_provider: what is fetched from the identity provider: its configuration and key set, kept for an hour, and the
 * exchange of a code. All of it blocks. */
#ifndef INKLING_API_OIDC_PROVIDER_H
#define INKLING_API_OIDC_PROVIDER_H

#include "account/oidc.h"
#include "api/api.h"

/* Thread-safe. */
struct oidc_cache *oidc_cache_new(void);
struct oidc_cache *oidc_cache_free(struct oidc_cache *cache); /* NULL accepted */

/* ERR_UNAVAILABLE, ERR_DENIED as http/client.h says; ERR_INVALID, ERR_UNREADABLE for what makes no sense. */
MUST_USE int oidc_discover(struct api_call *call, struct oidc_provider *ret, struct err *err);
/* Exchanges the code, verifies the ID token and asks the userinfo endpoint for what it does not say. *ret_payload: the
 * ID token's payload (account/jwt.h). ERR_SIGNATURE when it is not valid. */
MUST_USE int oidc_redeem(struct api_call *call, const struct oidc_provider *provider, struct slice code,
                         struct slice redirect_uri, const struct oidc_attempt *attempt, struct oidc_identity *ret,
                         struct slice *ret_payload, struct err *err);

#endif
