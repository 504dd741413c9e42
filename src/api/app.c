#include "api/app.h"

#include "base/banned.h"

struct mail_intake app_mail_intake(struct app *app) {
    const struct config *config = app_config(app);
    return (struct mail_intake){
        .store = app->store,
        .match_days = config->mail_match_days,
        .excerpt_max = (size_t)config->mail_excerpt_max,
    };
}

const char *app_public_url(struct app *app) {
    const char *configured = app_config(app)->public_url;
    return *configured ? configured : app->listen_url;
}

const char *app_tracking_url(struct app *app) {
    const char *configured = app_config(app)->tracking_url;
    return *configured ? configured : app_public_url(app);
}

bool app_webhooks_allow_internal(struct app *app) {
    const struct config *config = app_config(app);
    return config->outgoing_webhooks_allow_private || config->outgoing_allow_internal;
}
