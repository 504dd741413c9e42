/* keys: the keys with which the simulated providers sign, made anew for each demo. */
#ifndef INKLING_DEMO_KEYS_H
#define INKLING_DEMO_KEYS_H

#include "base/err.h"
#include "base/strbuf.h"

struct demo_keys {
    struct strbuf sendgrid_private; /* PEM, P-256 */
    struct strbuf sendgrid_public;  /* base64 of the SubjectPublicKeyInfo, as SendGrid's settings show it */
    struct strbuf sns_private;      /* PEM, RSA */
    struct strbuf sns_certificate;  /* PEM, signed by itself */
    struct strbuf generic_secret;   /* "whsec_…" (Standard Webhooks) */
    struct strbuf stranger_private; /* PEM, P-256: of somebody who forges deliveries */
};

/* demo_keys_release in any case. */
MUST_USE int demo_keys_make(struct demo_keys *keys, struct err *err);
void demo_keys_release(struct demo_keys *keys);

#endif
