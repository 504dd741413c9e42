/* generic: the parts of the generic provider. Internal to providers/. */
#ifndef INKLING_PROVIDERS_GENERIC_H
#define INKLING_PROVIDERS_GENERIC_H

#include "providers/provider.h"

/* struct provider's parse_inbound */
MUST_USE int generic_parse_inbound(const struct provider_endpoint *endpoint, const struct delivery *delivery,
                                   struct json_reader *json, struct arena *arena, struct parsed_inbound *ret,
                                   struct err *err);

#endif
