#include "web/web.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/memory.h"
#include "web/assets.h"
#include "web/coding.h"

#include "base/banned.h"

#define ROOT_MAX      3000
#define FILE_MAX      (8L << 20)
#define SHELL_MAX     (64UL << 10)
#define NAME_MAX_LEN  200
#define ETAG_MAX      64
#define HTML          "text/html; charset=utf-8"
#define KEPT          "public, max-age=31536000, immutable"
#define KEPT_SHORTLY  "public, max-age=600"
#define EMBED_NAME    "inkling.js"
#define MARK_ROOT     "data-mark=\"root\"" /* in the shell's html element */
#define MARK_PRELOADS "<!--preloads-->"

/* Trusted Types without any policy: no text ever becomes HTML or script (C-113). */
static const char policy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'";

struct web {
    char *root; /* NULL: what is compiled in */
};

/* ---- files of the development directory ---- */

/* One segment of letters, digits, dots, dashes and underscores that does not begin with a dot. */
static bool is_plain_name(struct slice name) {
    if (slice_empty(name) || name.len > NAME_MAX_LEN || name.ptr[0] == '.') return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
                     c == '-' || c == '_';
        if (!plain) return false;
    }
    return true;
}

/* A regular file of a bounded size, appended to `out`. */
static bool read_file(const char *root, const char *folder, struct slice name, struct strbuf *out) {
    char path[ROOT_MAX + NAME_MAX_LEN + 32];
    struct stat status;
    if (!is_plain_name(name)) return false;
    snprintf(path, sizeof(path), "%s/%s%.*s", root, folder, SLICE_FMT(name));
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (file < 0) return false;
    bool good = fstat(file, &status) == 0 && S_ISREG(status.st_mode) && status.st_size <= FILE_MAX;
    while (good) {
        char *room = strbuf_reserve(out, 65536);
        ssize_t count = room ? read(file, room, 65536) : -1;
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) {
            good = count == 0;
            break;
        }
        strbuf_grew(out, (size_t)count);
    }
    close(file);
    return good;
}

static const char *type_of(struct slice name) {
    static const struct {
        struct slice end;
        const char *type;
    } types[] = {
        {{".js", 3}, "text/javascript; charset=utf-8"},
        {{".css", 4}, "text/css; charset=utf-8"},
        {{".svg", 4}, "image/svg+xml"},
        {{".map", 4}, "application/json"},
    };
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (slice_ends_with(name, types[i].end)) return types[i].type;
    return "application/octet-stream";
}

int web_new(const char *root, struct web **ret, struct err *err) {
    struct strbuf shell;
    struct web *web = memory_alloc(sizeof(*web));
    if (root && *root) {
        bool fits = strlen(root) < ROOT_MAX;
        strbuf_init(&shell, FILE_MAX);
        bool found = fits && read_file(root, "", SLICE("index.html"), &shell);
        strbuf_release(&shell);
        if (!found) {
            free(web);
            return err_set(err, ERR_NOT_FOUND,
                           "web_root: %.200s has no index.html; node web/build.mjs --dir writes one", root);
        }
        web->root = memory_cstr(root, strlen(root));
    }
    *ret = web;
    return 0;
}

struct web *web_free(struct web *web) {
    if (web) free(web->root);
    free(web);
    return NULL;
}

/* ---- the page ---- */

static void set_policy(struct http_request *request, const struct web_page *page) {
    http_set_header(request, "Content-Security-Policy", slice_cstr(policy));
    http_set_header(request, "Cross-Origin-Opener-Policy", SLICE("same-origin"));
    http_set_header(request, "Permissions-Policy", SLICE("camera=(), microphone=(), geolocation=()"));
    http_set_header(request, "Cache-Control", SLICE("no-cache"));
    http_set_header(request, "Vary", SLICE("Cookie"));
    if (page->https)
        http_set_header(request, "Strict-Transport-Security", SLICE("max-age=31536000; includeSubDomains"));
}

/* Attributes of the html element: the theme before anything is painted, and whether there is a session to ask for. */
static void add_root_attributes(struct strbuf *html, const struct http_request *request, const struct web_page *page) {
    struct slice theme = cookie_value(http_header(request, SLICE("Cookie")), SLICE("theme"));
    if (slice_equal(theme, SLICE("light")) || slice_equal(theme, SLICE("dark")))
        strbuf_printf(html, "data-theme=\"%.*s\" ", SLICE_FMT(theme));
    strbuf_printf(html, "data-session=\"%s\"", page->session ? "yes" : "no");
}

/* Their URLs are percent-encoded, so of the characters that mean something in HTML only & may be in them. */
static void add_preloads(struct strbuf *html, const struct web_page *page) {
    for (size_t i = 0; i < page->preload_count; i++) {
        struct slice rest = page->preloads[i], part;
        strbuf_add_cstr(html, "<link rel=\"preload\" as=\"fetch\" crossorigin href=\"");
        for (bool first = true; slice_split_next(&rest, '&', &part); first = false) {
            if (!first) strbuf_add_cstr(html, "&amp;");
            strbuf_add_slice(html, part);
        }
        strbuf_add_cstr(html, "\">");
    }
}

/* Copies `shell` up to the mark and moves it behind. */
static void copy_to_mark(struct strbuf *html, struct slice *shell, struct slice mark) {
    ptrdiff_t at = slice_find(*shell, mark);
    if (at < 0) BUG("the web shell has lost a mark");
    strbuf_add(html, shell->ptr, (size_t)at);
    *shell = slice_of(shell->ptr + at + mark.len, shell->len - (size_t)at - mark.len);
}

void web_answer_page(const struct web *web, struct http_request *request, const struct web_page *page) {
    struct strbuf html, file;
    struct slice shell = web_shell;
    char etag[ETAG_MAX];
    strbuf_init(&html, SHELL_MAX);
    strbuf_init(&file, FILE_MAX);
    if (web->root) {
        shell = read_file(web->root, "", SLICE("index.html"), &file) ? strbuf_slice(&file) : slice_of("", 0);
        if (slice_find(shell, SLICE(MARK_ROOT)) < 0 || slice_find(shell, SLICE(MARK_PRELOADS)) < 0) {
            strbuf_release(&file);
            http_problem(request, 503, "Not built",
                         "index.html cannot be read or is not the shell: build the pages again");
            return;
        }
    }
    copy_to_mark(&html, &shell, SLICE(MARK_ROOT));
    add_root_attributes(&html, request, page);
    copy_to_mark(&html, &shell, SLICE(MARK_PRELOADS));
    add_preloads(&html, page);
    strbuf_add_slice(&html, shell);
    strbuf_release(&file);

    set_policy(request, page);
    snprintf(etag, sizeof(etag), "\"%016" PRIx64 "\"", hash_fnv1a(strbuf_slice(&html)));
    http_set_header(request, "ETag", slice_cstr(etag));
    if (page->status == 200 && etag_matches(http_header(request, SLICE("If-None-Match")), slice_cstr(etag)))
        http_answer(request, 304, HTML, slice_of("", 0));
    else
        http_answer_buffer(request, page->status, HTML, &html);
    strbuf_release(&html);
}

/* ---- assets ---- */

static void no_such_asset(struct http_request *request) {
    http_problem(request, 404, "Not found",
                 "there is no such file; after an update of the service, load the page again");
}

static void answer_from_root(const struct web *web, struct http_request *request, const char *folder,
                             struct slice name) {
    struct strbuf file;
    strbuf_init(&file, FILE_MAX);
    if (read_file(web->root, folder, name, &file)) {
        http_set_header(request, "Cache-Control", SLICE("no-store"));
        http_answer_buffer(request, 200, type_of(name), &file);
    } else {
        no_such_asset(request);
    }
    strbuf_release(&file);
}

static enum web_coding choose_coding(const struct http_request *request, const struct web_asset *asset) {
    struct slice accepted = http_header(request, SLICE("Accept-Encoding"));
    if (asset->bytes[WEB_BROTLI].len > 0 && coding_accepted(accepted, SLICE("br"))) return WEB_BROTLI;
    if (asset->bytes[WEB_GZIP].len > 0 && coding_accepted(accepted, SLICE("gzip"))) return WEB_GZIP;
    return WEB_IDENTITY;
}

static void answer_asset(struct http_request *request, const struct web_asset *asset, const char *kept) {
    static const char *const names[WEB_CODING_COUNT] = {"", "gzip", "br"};
    static const char *const marks[WEB_CODING_COUNT] = {"", "-gz", "-br"};
    enum web_coding coding = choose_coding(request, asset);
    char etag[ETAG_MAX];
    snprintf(etag, sizeof(etag), "\"%.40s%s\"", asset->hash, marks[coding]);
    http_set_header(request, "Cache-Control", slice_cstr(kept));
    http_set_header(request, "Vary", SLICE("Accept-Encoding"));
    http_set_header(request, "ETag", slice_cstr(etag));
    if (etag_matches(http_header(request, SLICE("If-None-Match")), slice_cstr(etag))) {
        http_answer(request, 304, asset->type, slice_of("", 0));
        return;
    }
    http_set_header(request, "Content-Encoding", slice_cstr(names[coding]));
    http_answer(request, 200, asset->type, asset->bytes[coding]);
}

void web_answer_asset(const struct web *web, struct http_request *request, struct slice name) {
    if (web->root) {
        answer_from_root(web, request, "assets/", name);
        return;
    }
    for (size_t i = 0; i < web_assets_count; i++) {
        if (!slice_equal(name, slice_cstr(web_assets[i].name))) continue;
        answer_asset(request, &web_assets[i], KEPT);
        return;
    }
    no_such_asset(request);
}

/* Cross-Origin-Resource-Policy is for pages that demand it of what they load (Fetch standard, "Cross-Origin-Resource-
 * Policy header"); Access-Control-Allow-Origin for those that load the script as a module or check its hash. */
void web_answer_embed(const struct web *web, struct http_request *request) {
    http_set_header(request, "Cross-Origin-Resource-Policy", SLICE("cross-origin"));
    http_set_header(request, "Access-Control-Allow-Origin", SLICE("*"));
    if (web->root)
        answer_from_root(web, request, "embed/", SLICE(EMBED_NAME));
    else
        answer_asset(request, &web_embed, KEPT_SHORTLY);
}
