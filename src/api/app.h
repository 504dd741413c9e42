/* app: what a running service consists of. Made by cmd/serve.c in visible order, passed down; there is no other state.
 */
#ifndef INKLING_API_APP_H
#define INKLING_API_APP_H

#include <stdatomic.h>

#include "base/json_readers.h"
#include "base/metrics.h"
#include "config/config.h"
#include "http/limits.h"
#include "http/server.h"
#include "ingest/endpoints.h"
#include "ingest/hits.h"
#include "ingest/mail.h"
#include "ingest/organization_cache.h"
#include "ingest/receive.h"
#include "ingest/secret_box.h"
#include "ingest/token_keys.h"
#include "ingest/writer.h"
#include "notify/notifier.h"
#include "store/store.h"
#include "subscription/sender.h"
#include "web/web.h"

struct app {
    _Atomic(const struct config *) config; /* replaced as a whole on SIGHUP: read through app_config() */
    struct store *store;
    struct writer *writer;
    struct hub *hub;
    struct notifier *notifier;
    struct wishes *wishes; /* of webhook subscriptions */
    struct sender *sender; /* of what they are told */
    struct endpoints *endpoints;
    struct token_keys *token_keys;
    struct organization_cache *organizations;
    struct hits *hits;
    struct tracking_answers *tracking_answers;
    struct certificates *certificates;
    struct oidc_cache *oidc; /* api/oidc_provider.h */
    struct limits *limits;
    struct web *web;
    struct json_readers *json_readers; /* for bodies */
    struct secret_box secret_box;
    struct metrics *metrics;
    char listen_url[128];     /* "http://127.0.0.1:8558": what is listened on */
    char setup_token[40];     /* what opens the first-run set-up; empty: there are accounts */
    _Atomic bool setup_taken; /* it is being used, or was */
    int64_t started_at;
    _Atomic bool ready;               /* /readyz */
    _Atomic int64_t refresh_asked_us; /* when an unknown endpoint last caused a look into the database */
};

/* A config that was replaced lives on until the program ends, so what is got here stays valid. */
static inline const struct config *app_config(struct app *app) {
    return atomic_load(&app->config);
}
/* How received mail is to be understood, as configured now. */
struct mail_intake app_mail_intake(struct app *app);
/* How the outside reaches the service, without '/' at the end. */
const char *app_public_url(struct app *app);
/* The same for our own pixels, links and pages, where the organization has no domain of its own. */
const char *app_tracking_url(struct app *app);

/* May webhook subscriptions lead to internal addresses? */
bool app_webhooks_allow_internal(struct app *app);

#endif
