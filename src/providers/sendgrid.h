/* sendgrid: what sendgrid.c and sendgrid_inbound.c share. Internal to providers/. */
#ifndef INKLING_PROVIDERS_SENDGRID_H
#define INKLING_PROVIDERS_SENDGRID_H

#include "providers/provider.h"

/* struct provider's parse_inbound */
MUST_USE int sendgrid_parse_inbound(const struct provider_endpoint *endpoint, const struct delivery *delivery,
                                    struct json_reader *json, struct arena *arena, struct parsed_inbound *ret,
                                    struct err *err);

#endif
