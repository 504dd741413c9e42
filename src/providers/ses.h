/* ses: what ses.c and ses_compose.c share. */
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

MUST_USE int ses_compose(const struct provider_endpoint *endpoint, const struct event *events, size_t count,
                         struct slice signing, int64_t now, struct arena *arena, struct composed_delivery *ret,
                         struct err *err);

#endif
