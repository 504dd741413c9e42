/* confirm: the confirmation that a provider asks for before it sends (SNS SubscriptionConfirmation). */
#ifndef INKLING_API_CONFIRM_H
#define INKLING_API_CONFIRM_H

#include "api/app.h"

/* Requests `confirm_url`, which the provider's code built from checked parts (compliance C-94). Blocks.
 * ERR_CONFLICT: refused, with the status; ERR_UNAVAILABLE, ERR_DENIED as http/client.h says. */
MUST_USE int confirm_subscription(struct app *app, struct slice confirm_url, struct arena *arena, struct err *err);

#endif
