#include "api/app.h"

#include "base/banned.h"

const char *app_public_url(struct app *app) {
    const char *configured = app_config(app)->public_url;
    return *configured ? configured : app->listen_url;
}

const char *app_tracking_url(struct app *app) {
    const char *configured = app_config(app)->tracking_url;
    return *configured ? configured : app_public_url(app);
}
