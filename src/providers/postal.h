/* postal: what the files of Postal share. docs.postalserver.io "Webhooks" and "Receiving e-mail by HTTP". */
#ifndef INKLING_PROVIDERS_POSTAL_H
#define INKLING_PROVIDERS_POSTAL_H

#include "providers/batch.h"

#define POSTAL_NAME_COUNT 7
extern const struct event_name postal_names[POSTAL_NAME_COUNT];

/* ---- postal_signature.c: RSA, PKCS #1 v1.5, over the raw body; webhooks and received mail alike ---- */

/* A secret is the server's public key: its JWKS document or one key of it, the record that `postal default-dkim-record`
 * prints, base64 of a SubjectPublicKeyInfo, or PEM. */
MUST_USE int postal_secret_parse(struct slice text, struct provider_secret **ret, struct err *err);
void postal_secret_free(struct provider_secret *secret);
MUST_USE int postal_verify(const struct provider_endpoint *endpoint, const struct provider_environment *environment,
                           const struct delivery *delivery, struct json_reader *json, struct arena *arena,
                           struct err *err);
/* Adds both signature headers for `ret->body`. `signing`: an RSA private key in PEM. */
MUST_USE int postal_sign(struct slice signing, struct arena *arena, struct composed_delivery *ret, struct err *err);

/* ---- the others ---- */

MUST_USE int postal_compose(const struct provider_endpoint *endpoint, const struct event *events, size_t count,
                            struct slice signing, int64_t now, struct arena *arena, struct composed_delivery *ret,
                            struct err *err);
MUST_USE int postal_parse_inbound(const struct provider_endpoint *endpoint, const struct delivery *delivery,
                                  struct json_reader *json, struct arena *arena, struct parsed_inbound *ret,
                                  struct err *err);

#endif
