/* payload: the body of a delivery: {"type", "timestamp", "data"} (Standard Webhooks, "Payload structure"). Shows no
 * more than the API shows to a key that may read; the names of members are the API's. Pure. */
#ifndef INKLING_SUBSCRIPTION_PAYLOAD_H
#define INKLING_SUBSCRIPTION_PAYLOAD_H

#include "base/strbuf.h"
#include "store/webhook_deliveries.h"

#define PAYLOAD_MAX (64UL << 10)

/* May it be told now? Not when its email or person has gone, nor when the person, the campaign or the organization does
 * not allow it any more. */
bool payload_allowed(const struct webhook_delivery *delivery);
/* Appends. */
void payload_write(struct strbuf *out, const struct webhook_delivery *delivery);

#endif
