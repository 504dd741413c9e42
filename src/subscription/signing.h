/* signing: what tells a subscriber that a request is ours and was not changed: the headers of Standard Webhooks
 * (standardwebhooks.com, version 1.0, "Signature scheme"): HMAC-SHA256 of id.timestamp.body. Pure. */
#ifndef INKLING_SUBSCRIPTION_SIGNING_H
#define INKLING_SUBSCRIPTION_SIGNING_H

#include "base/err.h"
#include "base/strbuf.h"

#define SIGNING_SECRET_MAX 64 /* "whsec_" and base64 of 32 bytes, NUL */

/* A new random secret. */
void signing_secret_make(char out[SIGNING_SECRET_MAX]);

/* Appends "v1,<base64>". `seconds`: of the header webhook-timestamp. ERR_INVALID: the text is no secret. */
MUST_USE int signing_sign(struct slice secret, struct slice id, int64_t seconds, struct slice body, struct strbuf *out,
                          struct err *err);

#endif
