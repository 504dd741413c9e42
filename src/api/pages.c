#include "api/pages.h"

#include "api/app.h"
#include "api/period.h"
#include "base/clock.h"
#include "web/coding.h"
#include "web/web.h"

#include "base/banned.h"

#define PRELOADS_MAX  8
#define API_ROOT      "/api/v1"
#define PARAM_IN_PATH "{id}"
#define QUERY_IN_PATH "{query}"
#define QUERY_MAX     4096

/* As encodeURIComponent (ECMA-262, 19.2.6.4) does it, so that the browser finds the preload by its URL. */
static struct slice percent_encode(struct arena *arena, struct slice text) {
    static const char digits[] = "0123456789ABCDEF";
    char *encoded = arena_bytes(arena, 3 * text.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     (c != '\0' && strchr("-_.!~*'()", c) != NULL);
        if (plain) {
            encoded[len++] = (char)c;
        } else {
            encoded[len++] = '%';
            encoded[len++] = digits[c >> 4];
            encoded[len++] = digits[c & 15];
        }
    }
    return slice_of(encoded, len);
}

/* ---- the dashboard's query ---- */

/* What the page's address says, as web/src/dashboard.ts makes the request of it: same parameters, same order. What that
 * would take out of the address or correct makes a preload that is not used, so then there is none. */
enum asked { ASKED_RANGE, ASKED_FROM, ASKED_TO, ASKED_JOB, ASKED_BASIS, ASKED_SCOPE, ASKED_CMP, ASKED_COUNT };
static const char *const asked_names[ASKED_COUNT] = {"range", "from", "to", "job", "basis", "scope", "cmp"};
static const char *const only_shown[] = {"view", "table", "auto", "sort", "dir"}; /* nothing is asked for them */
#define JOB_BYTES_MAX 200

struct asked_query {
    struct slice values[ASKED_COUNT];
    bool other;
};

static void note_asked(struct slice name, struct slice value, void *context) {
    struct asked_query *query = context;
    for (size_t i = 0; i < sizeof(only_shown) / sizeof(only_shown[0]); i++)
        if (slice_equal(name, slice_cstr(only_shown[i]))) return;
    int at = 0;
    while (at < ASKED_COUNT && !slice_equal(name, slice_cstr(asked_names[at])))
        at++;
    if (at == ASKED_COUNT || slice_empty(value) || query->values[at].ptr)
        query->other = true;
    else
        query->values[at] = value;
}

static bool is_day(struct slice text) {
    int32_t day;
    return day_parse(text, &day);
}

/* Everything is as the page would ask it. */
static bool is_plain(const struct asked_query *query) {
    const struct slice *values = query->values;
    struct period period;
    bool custom = slice_equal(values[ASKED_RANGE], SLICE("custom"));
    if (query->other || values[ASKED_JOB].len > JOB_BYTES_MAX) return false;
    if (values[ASKED_CMP].ptr && !slice_equal(values[ASKED_CMP], SLICE("1"))) return false;
    if (values[ASKED_BASIS].ptr && !slice_equal(values[ASKED_BASIS], SLICE("activity"))) return false;
    if (values[ASKED_SCOPE].ptr && !slice_equal(values[ASKED_SCOPE], SLICE("mine"))) return false;
    if (!custom)
        return !values[ASKED_FROM].ptr && !values[ASKED_TO].ptr &&
               (!values[ASKED_RANGE].ptr || period_range(values[ASKED_RANGE], SLICE("UTC"), 0, &period, NULL) == 0);
    return is_day(values[ASKED_FROM]) && is_day(values[ASKED_TO]) &&
           slice_compare(values[ASKED_FROM], values[ASKED_TO]) <= 0;
}

static void add_asked(struct arena *arena, struct strbuf *out, const char *name, struct slice value) {
    if (!value.ptr) return;
    strbuf_printf(out, "%c%s=", out->len == 0 ? '?' : '&', name);
    strbuf_add_slice(out, percent_encode(arena, value));
}

/* "" or "?…"; NULL ptr: what the page will ask for is not known here. */
static struct slice dashboard_query(struct http_request *request) {
    struct arena *arena = http_arena(request);
    struct asked_query query = {0};
    http_each_query(request, note_asked, &query);
    if (!is_plain(&query)) return SLICE_NONE;
    struct slice *values = query.values;
    /* Its own standard is left out, and "custom" is told by its days. */
    if (slice_equal(values[ASKED_RANGE], SLICE("30d")) || slice_equal(values[ASKED_RANGE], SLICE("custom")))
        values[ASKED_RANGE] = SLICE_NONE;
    struct strbuf out;
    strbuf_init(&out, QUERY_MAX);
    add_asked(arena, &out, "range", values[ASKED_RANGE]);
    add_asked(arena, &out, "from", values[ASKED_FROM]);
    add_asked(arena, &out, "to", values[ASKED_TO]);
    add_asked(arena, &out, "job", values[ASKED_JOB]);
    add_asked(arena, &out, "basis", values[ASKED_BASIS]);
    add_asked(arena, &out, "sender", values[ASKED_SCOPE].ptr ? SLICE("me") : SLICE_NONE);
    add_asked(arena, &out, "compare", values[ASKED_CMP]);
    struct slice text = out.overflow ? SLICE_NONE : out.len == 0 ? SLICE("") : arena_copy(arena, strbuf_slice(&out));
    strbuf_release(&out);
    return text;
}

/* ---- the page ---- */

/* NULL ptr: none. */
static struct slice preload_url(struct http_request *request, const char *path) {
    struct arena *arena = http_arena(request);
    struct slice whole = slice_cstr(path), put;
    const char *mark = PARAM_IN_PATH;
    ptrdiff_t at = slice_find(whole, SLICE(PARAM_IN_PATH));
    if (at >= 0) {
        put = percent_encode(arena, http_param(request, "id"));
    } else {
        mark = QUERY_IN_PATH;
        at = slice_find(whole, SLICE(QUERY_IN_PATH));
        if (at < 0) return slice_cstr(arena_printf(arena, API_ROOT "%s", path));
        put = dashboard_query(request);
        if (!put.ptr) return SLICE_NONE;
    }
    return slice_cstr(
        arena_printf(arena, API_ROOT "%.*s%.*s%s", (int)at, path, SLICE_FMT(put), path + at + strlen(mark)));
}

static void note_query(struct slice name, struct slice value, void *context) {
    *(bool *)context = true;
}

static bool has_session(const struct http_request *request) {
    struct slice cookies = http_header(request, SLICE("Cookie"));
    return !slice_empty(cookie_value(cookies, SLICE("__Host-inkling"))) ||
           !slice_empty(cookie_value(cookies, SLICE("inkling")));
}

/* With a query most pages compute their requests themselves (a range of days depends on today and the time zone), so
 * then only what they ask for whatever it says is preloaded: asking twice would be dearer than asking late. */
void pages_show(struct http_request *request) {
    struct app *app = http_context(request);
    struct slice preloads[PRELOADS_MAX];
    bool has_query = false;
    struct web_page page = {.status = 200,
                            .preloads = preloads,
                            .session = has_session(request),
                            .https = slice_starts_with(slice_cstr(app_public_url(app)), SLICE("https://"))};
    http_each_query(request, note_query, &has_query);
    const char *const *paths = http_matched_route(request)->data;
    for (size_t i = 0; page.session && paths[i] && page.preload_count < PRELOADS_MAX && !(has_query && i > 0); i++) {
        struct slice url = preload_url(request, paths[i]);
        if (url.ptr) preloads[page.preload_count++] = url;
    }
    web_answer_page(app->web, request, &page);
}

void pages_asset(struct http_request *request) {
    struct app *app = http_context(request);
    web_answer_asset(app->web, request, http_param(request, "name"));
}

void pages_embed(struct http_request *request) {
    struct app *app = http_context(request);
    web_answer_embed(app->web, request);
}
