#include "api/confirm.h"

#include "http/client.h"

#include "base/banned.h"

#define BODY_MAX 65536

int confirm_subscription(struct app *app, struct slice confirm_url, struct arena *arena, struct err *err) {
    struct http_client_options options = {.allow_internal = app_config(app)->outgoing_allow_internal};
    struct strbuf body;
    int status = 0;
    strbuf_init(&body, BODY_MAX);
    int r = http_client_send(&options, arena_cstr(arena, confirm_url), NULL, SLICE_NONE, NULL, 0, &status, &body, err);
    strbuf_release(&body);
    if (r != 0) return r;
    if (status == 200) return 0;
    return err_set(err, ERR_CONFLICT,
                   "the subscription was not confirmed: the answer was %d; let the provider send its request again",
                   status);
}
