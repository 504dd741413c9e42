/* brevo: what the files of Brevo share. */
#ifndef INKLING_PROVIDERS_BREVO_H
#define INKLING_PROVIDERS_BREVO_H

#include "providers/provider.h"

MUST_USE int brevo_parse_inbound(const struct provider_endpoint *endpoint, const struct delivery *delivery,
                                 struct json_reader *json, struct arena *arena, struct parsed_inbound *ret,
                                 struct err *err);

#endif
