/* api: the demo as a client of the service it has started. */
#ifndef INKLING_DEMO_API_H
#define INKLING_DEMO_API_H

#include <jansson.h>

#include "base/err.h"
#include "providers/provider.h"

#define DEMO_URL_MAX 400

struct demo_api {
    char base[DEMO_URL_MAX]; /* "http://127.0.0.1:8558" */
    const char *key;
};

/* GET, or POST when there is a body (taken over). A status other than 2xx is an error with the problem's own words:
 * ERR_UNAVAILABLE when it may pass, else ERR_INVALID.
 * *ret_answer (may be NULL): json_decref it. */
MUST_USE int demo_api_call(const struct demo_api *api, const char *path, json_t *body, json_t **ret_answer,
                           struct err *err);
/* POST of a provider's delivery to `path`; any status is a success here. */
MUST_USE int demo_api_deliver(const struct demo_api *api, const char *path, const struct composed_delivery *delivery,
                              int *ret_status, struct err *err);
/* Does /readyz answer 200? */
bool demo_api_ready(const struct demo_api *api);

#endif
