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
#define PAGE_MAX    65536

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

/* ---- the page ---- */

static const char style[] = "body{font:16px/1.5 system-ui,sans-serif;max-width:40em;margin:3em auto;padding:0 1em;"
                            "color:#1c1c28;background:#fff}h1{font-size:1.4em}table{border-collapse:collapse}"
                            "td{padding:.2em 1.5em .2em 0}td:last-child{text-align:right;"
                            "font-variant-numeric:tabular-nums}a{color:#2b4acb}"
                            "@media(prefers-color-scheme:dark){body{color:#e6e6ee;background:#16161d}a{color:#9db2ff}}";

static void set_policy(struct http_request *request) {
    unsigned char digest[crypto_hash_sha256_BYTES];
    struct strbuf policy;
    crypto_hash_sha256(digest, (const unsigned char *)style, sizeof(style) - 1);
    strbuf_init(&policy, 400);
    strbuf_add_cstr(&policy, "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
                             "style-src 'sha256-");
    base64_encode(&policy, slice_of((const char *)digest, sizeof(digest)));
    strbuf_add_char(&policy, '\'');
    http_set_header(request, "Content-Security-Policy", strbuf_slice(&policy));
    strbuf_release(&policy);
}

static void add_figures(struct strbuf *page, struct app *app) {
    static const struct {
        const char *name;
        enum metric metric;
    } figures[] = {
        {"Webhook requests", METRIC_WEBHOOK_DELIVERIES}, {"Refused: signature or source", METRIC_WEBHOOK_REJECTED},
        {"Refused: unreadable", METRIC_WEBHOOK_FAILED},  {"Events stored", METRIC_EVENTS_STORED},
        {"Events seen before", METRIC_EVENTS_DUPLICATE}, {"Events of unknown emails", METRIC_EVENTS_ORPHANED},
        {"Events by machines", METRIC_EVENTS_MACHINE},   {"Events waiting", METRIC_QUEUE_EVENTS},
        {"Emails registered", METRIC_EMAILS_REGISTERED},
    };
    strbuf_add_cstr(page, "<p>Since the service started:</p><table>");
    for (size_t i = 0; i < sizeof(figures) / sizeof(figures[0]); i++)
        strbuf_printf(page, "<tr><td>%s</td><td>%lld</td></tr>", figures[i].name,
                      (long long)metric_get(app->metrics, figures[i].metric));
    strbuf_add_cstr(page, "</table>");
}

void meta_page(struct http_request *request) {
    struct app *app = http_context(request);
    bool figures = may_see_figures(request, app_config(app));
    bool ready = atomic_load(&app->ready) && writer_healthy(app->writer);
    char since[TIME_TEXT_MAX];
    struct strbuf page;
    strbuf_init(&page, PAGE_MAX);
    strbuf_printf(&page,
                  "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>inkling</title>"
                  "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">%s<style>%s</style></head>"
                  "<body><h1>inkling</h1><p>Email engagement for recruiters. This service is <strong>%s</strong>.</p>",
                  figures ? "<meta http-equiv=\"refresh\" content=\"5\">" : "", style, ready ? "ready" : "not ready");
    if (figures) {
        add_figures(&page, app);
        strbuf_printf(&page, "<p>Version " INKLING_VERSION ", started %.*s.</p>",
                      SLICE_FMT(time_format(app->started_at, since)));
    }
    strbuf_add_cstr(&page, "<p><a href=\"/api/v1/openapi.json\">Reference of the API</a></p></body></html>\n");
    set_policy(request);
    http_answer_buffer(request, 200, "text/html; charset=utf-8", &page);
    strbuf_release(&page);
}
