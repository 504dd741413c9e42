/* ses: what ses.c, ses_inbound.c and ses_compose.c share. */
#ifndef INKLING_PROVIDERS_SES_H
#define INKLING_PROVIDERS_SES_H

#include "providers/provider.h"

/* A type of event as both dialects name it. */
struct ses_type {
    const char *name;
    const char *object;     /* the member that tells about it */
    const char *recipients; /* its list of recipients; NULL: mail.destination */
    enum event_type type;
};
#define SES_TYPE_COUNT 10
extern const struct ses_type ses_types[SES_TYPE_COUNT];

/* A delivery out of its envelope, if it has one. */
enum ses_content {
    SES_MESSAGE, /* `root` is Amazon SES' own */
    SES_SETUP,   /* `handshake` */
    SES_NOTHING, /* tests of the topic, the end of a subscription */
};
struct ses_envelope {
    enum ses_content content;
    struct json_value root; /* the reader's */
    struct provider_handshake handshake;
    struct slice sns_timestamp; /* empty in raw deliveries */
    struct slice event_id;
};
/* The envelope's own strings are in `arena`. */
MUST_USE int ses_open(const struct delivery *delivery, struct json_reader *json, struct arena *arena,
                      struct ses_envelope *ret, struct err *err);

/* struct provider's parse_inbound */
MUST_USE int ses_parse_inbound(const struct provider_endpoint *endpoint, const struct delivery *delivery,
                               struct json_reader *json, struct arena *arena, struct parsed_inbound *ret,
                               struct err *err);

MUST_USE int ses_compose(const struct provider_endpoint *endpoint, const struct event *events, size_t count,
                         struct slice signing, int64_t now, struct arena *arena, struct composed_delivery *ret,
                         struct err *err);

#endif
