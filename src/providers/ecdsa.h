/* ecdsa: SendGrid's signature, ECDSA on P-256 with SHA-256 over the timestamp header and the raw body (SendGrid "Event
 * Webhook security features"); the same for its event and its inbound webhooks. The functions fit the slots of struct
 * provider as they are.
 *
 * A secret is the public key as SendGrid's settings show it: base64 of a DER SubjectPublicKeyInfo, line-wrapped or not;
 * PEM is taken too. */
#ifndef INKLING_PROVIDERS_ECDSA_H
#define INKLING_PROVIDERS_ECDSA_H

#include "providers/provider.h"

MUST_USE int ecdsa_secret_parse(struct slice text, struct provider_secret **ret, struct err *err);
void ecdsa_secret_free(struct provider_secret *secret);
MUST_USE int ecdsa_verify(const struct provider_endpoint *endpoint, const struct provider_environment *environment,
                          const struct delivery *delivery, struct json_reader *json, struct arena *arena,
                          struct err *err);
/* Adds the two headers for `ret->body`. `signing`: a P-256 private key in PEM. */
MUST_USE int ecdsa_sign(struct slice signing, int64_t now, struct arena *arena, struct composed_delivery *ret,
                        struct err *err);

#endif
