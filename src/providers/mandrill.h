/* mandrill: what the files of Mandrill share: the form that its webhooks post, and the signature over it
 * ("Authenticating webhook requests", mailchimp.com/developer/transactional). */
#ifndef INKLING_PROVIDERS_MANDRILL_H
#define INKLING_PROVIDERS_MANDRILL_H

#include "providers/provider.h"

/* ---- mandrill_form.c ---- */

/* A secret is the webhook's key as Mandrill shows it. */
MUST_USE int mandrill_secret_parse(struct slice text, struct provider_secret **ret, struct err *err);
void mandrill_secret_free(struct provider_secret *secret);
/* Base64 of HMAC-SHA1 over the address that an admin entered at Mandrill and the form's fields, sorted by name. A list
 * of no events passes whatever it is signed with: Mandrill probes an address with one before it tells the key. */
MUST_USE int mandrill_verify(const struct provider_endpoint *endpoint, const struct provider_environment *environment,
                             const struct delivery *delivery, struct json_reader *json, struct arena *arena,
                             struct err *err);
/* The events in the form, as an array in `json`. ERR_UNREADABLE. */
MUST_USE int mandrill_read_form(const struct delivery *delivery, struct json_reader *json, struct arena *arena,
                                struct json_value *ret_events, struct err *err);
/* Makes the form of the JSON array `events` and signs it. */
MUST_USE int mandrill_compose_form(const struct provider_endpoint *endpoint, struct slice events, struct slice signing,
                                   struct arena *arena, struct composed_delivery *ret, struct err *err);

#endif
