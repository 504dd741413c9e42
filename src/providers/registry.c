#include "providers/providers.h"

#include "base/banned.h"

/* clang-format off */
const struct provider *const providers[] = {
    &provider_azure,
    &provider_brevo,
    &provider_generic,
    &provider_mailersend,
    &provider_mailgun,
    &provider_mailjet,
    &provider_mailtrap,
    &provider_mandrill,
    &provider_postal,
    &provider_postmark,
    &provider_resend,
    &provider_scaleway,
    &provider_sendgrid,
    &provider_ses,
    &provider_sparkpost,
    &provider_unisender,
    NULL,
};
/* clang-format on */

const struct provider *provider_find(struct slice name) {
    for (size_t i = 0; providers[i]; i++) {
        if (slice_equal(name, slice_cstr(providers[i]->name))) return providers[i];
    }
    return NULL;
}
