#include "api/pages.h"

#include "api/app.h"
#include "web/coding.h"
#include "web/web.h"

#include "base/banned.h"

#define PRELOADS_MAX  8
#define API_ROOT      "/api/v1"
#define PARAM_IN_PATH "{id}"

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

static struct slice preload_url(struct http_request *request, const char *path) {
    struct arena *arena = http_arena(request);
    struct slice whole = slice_cstr(path);
    ptrdiff_t at = slice_find(whole, SLICE(PARAM_IN_PATH));
    if (at < 0) return slice_cstr(arena_printf(arena, API_ROOT "%s", path));
    struct slice id = percent_encode(arena, http_param(request, "id"));
    return slice_cstr(
        arena_printf(arena, API_ROOT "%.*s%.*s%s", (int)at, path, SLICE_FMT(id), path + at + strlen(PARAM_IN_PATH)));
}

static void note_query(struct slice name, struct slice value, void *context) {
    *(bool *)context = true;
}

static bool has_session(const struct http_request *request) {
    struct slice cookies = http_header(request, SLICE("Cookie"));
    return !slice_empty(cookie_value(cookies, SLICE("__Host-inkling"))) ||
           !slice_empty(cookie_value(cookies, SLICE("inkling")));
}

/* With a query the page computes its requests itself (a range of days depends on today and the time zone), so then only
 * what every screen asks for is preloaded: asking twice would be dearer than asking late. */
void pages_show(struct http_request *request) {
    struct app *app = http_context(request);
    struct slice preloads[PRELOADS_MAX];
    bool has_query = false;
    struct web_page page = {.status = 200,
                            .preloads = preloads,
                            .session = has_session(request),
                            .https = slice_starts_with(slice_cstr(app_public_url(app)), SLICE("https://"))};
    http_each_query(request, note_query, &has_query);
    if (page.session) {
        const char *const *paths = http_matched_route(request)->data;
        preloads[page.preload_count++] = preload_url(request, "/me");
        for (size_t i = 0; paths && !has_query && paths[i] && page.preload_count < PRELOADS_MAX; i++)
            preloads[page.preload_count++] = preload_url(request, paths[i]);
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
