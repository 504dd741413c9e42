/* providers: the providers by name, for registry.c and tests; everybody else asks provider_find. */
#ifndef INKLING_PROVIDERS_PROVIDERS_H
#define INKLING_PROVIDERS_PROVIDERS_H

#include "providers/provider.h"

extern const struct provider provider_azure;
extern const struct provider provider_brevo;
extern const struct provider provider_generic;
extern const struct provider provider_mailersend;
extern const struct provider provider_mailgun;
extern const struct provider provider_mailjet;
extern const struct provider provider_mailtrap;
extern const struct provider provider_mandrill;
extern const struct provider provider_postal;
extern const struct provider provider_postmark;
extern const struct provider provider_resend;
extern const struct provider provider_scaleway;
extern const struct provider provider_sendgrid;
extern const struct provider provider_ses;
extern const struct provider provider_sparkpost;
extern const struct provider provider_unisender;

#endif
