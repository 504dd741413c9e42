/* meta: what the service says of itself, to monitors and to people. */
#include <sodium.h>
#include <stdio.h>

#include "api/endpoint_health.h"
#include "api/openapi.h"
#include "api/resources.h"
#include "base/clock.h"
#include "base/hash.h"
#include "build_config.h"

#include "base/banned.h"

#define METRICS_MAX (1UL << 20)

void meta_health(struct http_request *request) {
    http_answer(request, 200, "text/plain; charset=utf-8", SLICE("ok\n"));
}

void meta_ready(struct http_request *request) {
    struct app *app = http_context(request);
    bool ready = atomic_load(&app->ready) && writer_healthy(app->writer);
    if (ready)
        http_answer(request, 200, "text/plain; charset=utf-8", SLICE("ready\n"));
    else
        http_problem(request, 503, "Not ready", "the service starts, stops, or cannot write to its database");
}

void meta_openapi(struct http_request *request) {
    http_answer(request, 200, "application/json", openapi_json);
}

/* ---- who may see figures ---- */

static bool is_loopback(struct address address) {
    static const char *const blocks[] = {"127.0.0.0/8", "::1/128"};
    struct cidr cidr;
    for (size_t i = 0; i < 2; i++)
        if (cidr_parse(slice_cstr(blocks[i]), &cidr, NULL) == 0 && cidr_contains(cidr, address)) return true;
    return false;
}

/* A proxy's requests count as their client's, so a proxy of ours does not open the door for everybody. */
static bool may_see_figures(struct http_request *request, const struct config *config) {
    struct address client = http_client_address(request);
    if (*config->metrics_token) {
        struct slice header = http_header(request, SLICE("Authorization")), scheme;
        return slice_split_next(&header, ' ', &scheme) && slice_equal_nocase(scheme, SLICE("bearer")) &&
               slice_equal_secret(slice_trim(header), slice_cstr(config->metrics_token));
    }
    return is_loopback(client) || cidr_any_contains(config->trusted_proxies, config->trusted_proxy_count, client);
}

void meta_metrics(struct http_request *request) {
    struct app *app = http_context(request);
    struct strbuf text;
    if (!may_see_figures(request, app_config(app))) {
        http_problem(request, 403, "Forbidden",
                     "metrics are for loopback and trusted proxies, or for who shows the metrics token");
        return;
    }
    strbuf_init(&text, METRICS_MAX);
    metrics_write(app->metrics, &text);
    endpoint_metrics_write(app, &text);
    http_answer_buffer(request, 200, "text/plain; version=0.0.4; charset=utf-8", &text);
    strbuf_release(&text);
}
