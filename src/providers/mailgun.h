/* mailgun: what the files of Mailgun share. */
#ifndef INKLING_PROVIDERS_MAILGUN_H
#define INKLING_PROVIDERS_MAILGUN_H

#include "base/form.h"
#include "providers/reading.h"

/* JSON webhooks begin with a brace; legacy webhooks and routes are forms. The Content-Type is not asked for JSON,
 * because forms cannot begin so. */
bool mailgun_is_json(struct slice body);
/* The fields of a form post. */
MUST_USE int mailgun_form(const struct delivery *delivery, struct arena *arena, struct form_field **ret,
                          size_t *ret_count, struct err *err);

/* The last field of that name. The caller's variables come as fields beside Mailgun's own, and before the three of the
 * signature: a variable named "token" must not be taken for it. */
struct slice mailgun_last_value(const struct form_field *fields, size_t count, struct slice name);

/* A legacy event (before 2018), as fields. As reading_event_fn. */
int mailgun_read_legacy(const struct form_field *fields, size_t count, struct reading *reading, struct event *ret,
                        struct err *err);

MUST_USE int mailgun_compose(const struct provider_endpoint *endpoint, const struct event *events, size_t count,
                             struct slice signing, int64_t now, struct arena *arena, struct composed_delivery *ret,
                             struct err *err);
MUST_USE int mailgun_parse_inbound(const struct provider_endpoint *endpoint, const struct delivery *delivery,
                                   struct json_reader *json, struct arena *arena, struct parsed_inbound *ret,
                                   struct err *err);

#endif
