/* signature: the Standard Webhooks signature (standardwebhooks.com, also Svix), shared by every provider that uses it.
 * The functions fit the slots of struct provider as they are.
 *
 * A secret is "whsec_" and base64 of 24 … 64 bytes (the prefix may be missing), for `v1` HMAC-SHA256 signatures, or
 * "whpk_" and base64 of an Ed25519 public key, for `v1a` signatures. */
#ifndef INKLING_PROVIDERS_SIGNATURE_H
#define INKLING_PROVIDERS_SIGNATURE_H

#include "providers/provider.h"

#define STANDARD_WEBHOOKS_TOLERANCE_MS 300000 /* 5 minutes both ways, as the specification advises */

MUST_USE int standard_webhooks_secret_parse(struct slice text, struct provider_secret **ret, struct err *err);
void standard_webhooks_secret_free(struct provider_secret *secret);
MUST_USE int standard_webhooks_verify(const struct provider_endpoint *endpoint,
                                      const struct provider_environment *environment, const struct delivery *delivery,
                                      struct json_reader *json, struct arena *arena, struct err *err);
/* The message id of a delivery's signature headers, empty when there are none. Stable across the sender's retries. */
struct slice standard_webhooks_id(const struct delivery *delivery);
/* Adds the three headers for `ret->body`. `signing`: a "whsec_…" secret. */
MUST_USE int standard_webhooks_sign(struct slice signing, int64_t now, struct arena *arena,
                                    struct composed_delivery *ret, struct err *err);

#endif
