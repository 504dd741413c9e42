#include "cmd/relay_options.h"

#include "cmd/command.h"
#include "cmd/session.h"

#include "base/banned.h"

#define API_KEY_MAX    200
#define TIMEOUT_MAX_MS 60000

static const char *service_url(const struct config *config, const char *given) {
    if (given) return given;
    return *config->public_url ? config->public_url : arena_printf(config->arena, "http://%s", config->listen);
}

static int read_timeout(const char *text, int standard, int *ret, struct err *err) {
    int64_t ms = standard;
    if (text) {
        int r = session_id("--timeout-ms", text, &ms, err);
        if (r != 0) return r;
    }
    if (ms > TIMEOUT_MAX_MS) return err_set(err, ERR_INVALID, "--timeout-ms must be at most %d", TIMEOUT_MAX_MS);
    *ret = (int)ms;
    return 0;
}

int relay_options_read(struct config *config, const char *const *values, int timeout_default_ms, struct relay *ret,
                       struct err *err) {
    struct relay relay;
    relay_init(&relay);
    struct slice url = slice_cstr(service_url(config, values[RELAY_URL]));
    while (slice_ends_with(url, SLICE("/")))
        url.len--;
    relay.url = arena_cstr(config->arena, url);
    if (values[RELAY_CANDIDATE_HEADER]) relay.candidate_header = values[RELAY_CANDIDATE_HEADER];
    if (values[RELAY_JOB_HEADER]) relay.job_header = values[RELAY_JOB_HEADER];
    if (values[RELAY_TEMPLATE_HEADER]) relay.template_header = values[RELAY_TEMPLATE_HEADER];
    if (values[RELAY_CAMPAIGN_HEADER]) relay.campaign_header = values[RELAY_CAMPAIGN_HEADER];
    if (values[RELAY_TRACKING_HEADER]) relay.tracking_header = values[RELAY_TRACKING_HEADER];
    if (values[RELAY_LANGUAGE]) relay.language = slice_cstr(values[RELAY_LANGUAGE]);
    relay.footer = !values[RELAY_NO_FOOTER];
    relay.unsubscribe = !values[RELAY_NO_UNSUBSCRIBE];
    relay.honeypot = values[RELAY_HONEYPOT] != NULL;
    relay.rewrite_text = values[RELAY_REWRITE_TEXT] != NULL;
    int r = read_timeout(values[RELAY_TIMEOUT], timeout_default_ms, &relay.timeout_ms, err);
    if (r == 0 && !values[RELAY_API_KEY_FILE])
        r = err_set(err, ERR_INVALID, "--api-key-file must name a file with an API key, see inkling key add");
    if (r == 0) r = command_read_line(values[RELAY_API_KEY_FILE], API_KEY_MAX, config->arena, &relay.api_key, err);
    if (r == 0) *ret = relay;
    return r;
}
