/* hmac: secrets that are keys of HMAC-SHA256 as they stand (no encoding), and signatures in hex: Mailgun over two
 * fields, MailerSend and Mailtrap in a header over the raw body. hmac_secret_parse and hmac_secret_free fit the slots
 * of struct provider as they are. */
#ifndef INKLING_PROVIDERS_HMAC_H
#define INKLING_PROVIDERS_HMAC_H

#include "providers/provider.h"

#define HMAC_KEY_MIN_BYTES 6 /* shorter ones are slips of the hand */
#define HMAC_KEY_MAX_BYTES 256
#define HMAC_HEX_CHARS     64

/* White space around the key is taken off: it comes from copying. */
MUST_USE int hmac_secret_parse(struct slice text, struct provider_secret **ret, struct err *err);
void hmac_secret_free(struct provider_secret *secret);

/* Is `hex` (either case) the MAC of `first` and `second`, one behind the other, by one of the endpoint's secrets? In
 * constant time. */
bool hmac_matches(const struct provider_endpoint *endpoint, struct slice first, struct slice second, struct slice hex);
/* The MAC of `first` and `second` in lower-case hex, in `arena`. `signing`: the secret itself. */
MUST_USE int hmac_sign(struct slice signing, struct slice first, struct slice second, struct arena *arena,
                       struct slice *ret_hex, struct err *err);

/* The `verify` of a service that puts the raw body's signature into the header `name`, with or without a "sha256=" in
 * front. ERR_SIGNATURE with the reason. An absent header passes when the endpoint does not require a signature. */
MUST_USE int hmac_verify_header(const struct provider_endpoint *endpoint, const struct delivery *delivery,
                                struct slice name, struct err *err);
/* Adds that header for `ret->body`. */
MUST_USE int hmac_sign_header(struct slice signing, const char *name, struct arena *arena,
                              struct composed_delivery *ret, struct err *err);

#endif
