#include "api/browser.h"

#include "base/banned.h"

#define COOKIE_MAX 4096

static struct slice host_of(struct api_call *call) {
    return http_header(call->request, SLICE("Host"));
}

/* "localhost", "127.0.0.1", "[::1]", with or without a port. */
static bool is_loopback(struct slice host) {
    struct slice name = host;
    if (!slice_starts_with(host, SLICE("[")) && !slice_split_next(&host, ':', &name)) return false;
    return slice_equal_nocase(name, SLICE("localhost")) || slice_equal(name, SLICE("127.0.0.1")) ||
           slice_equal(name, SLICE("[::1]")) || slice_starts_with(name, SLICE("[::1]:"));
}

static bool public_is_https(struct api_call *call) {
    return slice_starts_with(slice_cstr(app_public_url(call->app)), SLICE("https://"));
}

bool browser_is_secure(struct api_call *call) {
    return http_is_secure(call->request) || public_is_https(call) || is_loopback(host_of(call));
}

static struct slice cookie_name(struct api_call *call, const char *name) {
    return slice_cstr(arena_printf(call->arena, "%s%s", browser_is_secure(call) ? "__Host-" : "", name));
}

struct slice browser_cookie(struct api_call *call, const char *name) {
    return http_cookie(call->request, cookie_name(call, name));
}

void browser_set_cookie(struct api_call *call, const char *name, struct slice value, int64_t seconds) {
    struct strbuf text;
    strbuf_init(&text, COOKIE_MAX);
    strbuf_printf(&text, "%.*s=%.*s; Path=/; HttpOnly; SameSite=Lax", SLICE_FMT(cookie_name(call, name)),
                  SLICE_FMT(value));
    if (browser_is_secure(call)) strbuf_add_cstr(&text, "; Secure");
    if (seconds != 0) strbuf_printf(&text, "; Max-Age=%lld", (long long)(seconds > 0 ? seconds : 0));
    http_set_header(call->request, "Set-Cookie", strbuf_slice(&text));
    strbuf_release(&text);
}

/* Without "http://" or "https://"; NULL ptr when it is neither, as "null" is. */
static struct slice authority_of(struct slice origin) {
    if (slice_starts_with(origin, SLICE("https://"))) return slice_from(origin, 8);
    if (slice_starts_with(origin, SLICE("http://"))) return slice_from(origin, 7);
    return SLICE_NONE;
}

/* The Host that the browser meant, or the public address where a proxy in front changes it. */
static bool is_own(struct api_call *call, struct slice origin) {
    struct slice authority = authority_of(origin), ours = authority_of(slice_cstr(app_public_url(call->app))), part;
    if (slice_empty(authority)) return false;
    if (slice_equal_nocase(authority, host_of(call))) return true;
    return slice_split_next(&ours, '/', &part) && slice_equal_nocase(authority, part);
}

int browser_check_change(struct api_call *call, struct err *err) {
    struct slice site = http_header(call->request, SLICE("Sec-Fetch-Site"));
    struct slice origin = http_header(call->request, SLICE("Origin"));
    if (!slice_equal(http_header(call->request, SLICE("X-Inkling-Request")), SLICE("1")))
        return err_set(err, ERR_DENIED, "send the header X-Inkling-Request: 1 with a change that a session makes");
    if (slice_empty(site) && slice_empty(origin))
        return err_set(err, ERR_DENIED, "send the header Origin with a change that a session makes, as browsers do");
    if (slice_empty(site) ? !is_own(call, origin) : !slice_equal(site, SLICE("same-origin")))
        return err_set(err, ERR_DENIED, "this change was asked for by another site");
    return 0;
}

int browser_check_origin(struct api_call *call, struct err *err) {
    struct slice site = http_header(call->request, SLICE("Sec-Fetch-Site"));
    struct slice origin = http_header(call->request, SLICE("Origin"));
    if ((slice_empty(site) || slice_equal(site, SLICE("same-origin"))) && (slice_empty(origin) || is_own(call, origin)))
        return 0;
    return err_set(err, ERR_DENIED, "this stream was asked for by another site");
}
