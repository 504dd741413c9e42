/* webhooks: the simulated providers. What happened to an email waits in its provider's outbox and is then sent to
 * the service as that provider sends it: signed, over HTTP. */
#ifndef INKLING_DEMO_WEBHOOKS_H
#define INKLING_DEMO_WEBHOOKS_H

#include "demo/api.h"
#include "demo/history.h"
#include "demo/keys.h"

#define DEMO_OUTBOX_MAX 64

struct demo_outbox {
    const struct provider *provider;
    const char *title; /* in few letters */
    char path[DEMO_URL_MAX];
    int64_t endpoint_id;
    struct slice signing;
    struct demo_prospect waiting[DEMO_OUTBOX_MAX];
    size_t count;
};

struct demo_webhooks {
    const struct demo_api *api;
    const struct demo_keys *keys;
    struct demo_outbox outboxes[DEMO_PROVIDER_COUNT];
};

/* Creates an endpoint a provider through the API. `keys` and `api` are kept. */
MUST_USE int demo_webhooks_create(struct demo_webhooks *webhooks, const struct demo_api *api,
                                  const struct demo_keys *keys, struct err *err);
/* The name under which the certificate of the simulated SNS is looked for. */
const char *demo_certificate_name(void);

/* False: the outbox is full. */
bool demo_webhooks_add(struct demo_webhooks *webhooks, const struct demo_prospect *prospect);

/* How a delivery went; what was in it is in `sent`. */
struct demo_delivery {
    struct demo_prospect sent[DEMO_OUTBOX_MAX];
    size_t count;
    int status, status_again; /* 0: not sent a second time */
};
enum demo_manner { DEMO_ONCE, DEMO_TWICE /* the same bytes again */, DEMO_FORGED /* signed by a stranger */ };
/* Sends what waits, as much as the provider puts into one delivery. It stays in the outbox unless the service took it
 * (or will never take it); a forged one stays always. ERR_UNAVAILABLE when the service does not answer. */
MUST_USE int demo_webhooks_send(struct demo_webhooks *webhooks, enum demo_provider provider, struct demo_world *world,
                                enum demo_manner manner, struct demo_delivery *ret, struct err *err);

#endif
