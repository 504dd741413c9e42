/* tracking_pages: /u/{token} and /p/{token}, for recipients. GET shows and changes nothing, since scanners follow
 * links; POST changes (compliance C-08, C-61 … C-63). Plain HTML without script, cookies or anything from elsewhere.
 * What is acknowledged is on disk; the database is needed only to show what a person chose before. */
#include <math.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/page_texts.h"
#include "api/resources.h"
#include "api/tracking.h"
#include "base/log.h"
#include "http/target.h"
#include "store/consent.h"

#include "base/banned.h"

#define PAGE_MAX 65536

/* ---- looks ---- */

#define STYLE                                                                                                          \
    "body{font:1.125rem/1.5 system-ui,sans-serif;margin:0;color:#1c1c28;background:#fff}"                              \
    "header{padding:1rem;background:%s;color:%s;font-weight:600}main{max-width:36rem;margin:2rem auto;padding:0 1rem}" \
    "h1{font-size:1.5rem;line-height:1.25}fieldset{border:1px solid #767684;border-radius:.375rem;margin:0 0 1rem;"    \
    "padding:.5rem 1rem}label{display:block;padding:.375rem 0}input{width:1.1rem;height:1.1rem;margin-right:.5rem}"    \
    "button{font:inherit;font-weight:600;padding:.625rem 1.25rem;border:1px solid #1c1c28;border-radius:.375rem;"      \
    "background:%s;color:%s;cursor:pointer}a{color:#1a4fa3}:focus-visible{outline:3px solid #1a4fa3;"                  \
    "outline-offset:2px}"

static int hex_of(char c) {
    return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}

/* Relative luminance (WCAG 2.2) of "#rrggbb". */
static double luminance(struct slice color) {
    static const double weights[3] = {0.2126, 0.7152, 0.0722};
    double sum = 0;
    for (size_t i = 0; i < 3; i++) {
        double level = (hex_of(color.ptr[1 + 2 * i]) * 16 + hex_of(color.ptr[2 + 2 * i])) / 255.0;
        sum += weights[i] * (level <= 0.04045 ? level / 12.92 : pow((level + 0.055) / 1.055, 2.4));
    }
    return sum;
}

static void write_style(const struct cached_organization *organization, struct strbuf *out) {
    struct slice color =
        organization && !slice_empty(organization->brand_color) ? organization->brand_color : SLICE("#1c1c28");
    char text[8];
    snprintf(text, sizeof(text), "%.*s", SLICE_FMT(color));
    /* Contrast to white is (1.05) / (L + 0.05), to black (L + 0.05) / 0.05: they meet at L = 0.179. */
    const char *on = luminance(color) > 0.179 ? "#000" : "#fff";
    strbuf_printf(out, STYLE, text, on, text, on);
}

/* ---- text ---- */

static void add_escaped(struct strbuf *page, struct slice text) {
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        const char *entity = c == '<' ? "&lt;" : c == '>' ? "&gt;" : c == '&' ? "&amp;" : c == '"' ? "&quot;" : NULL;
        if (entity)
            strbuf_add_cstr(page, entity);
        else
            strbuf_add_char(page, c);
    }
}

/* What all parts of a page are written from. */
struct page {
    struct http_request *request;
    const struct tracked *tracked;
    const struct page_texts *texts;
    struct strbuf *body;
};

static struct slice name_of(const struct page *page) {
    const struct cached_organization *organization = page->tracked->organization;
    return organization ? organization->name : slice_cstr(page->texts->somebody);
}

/* "%" is the organization's name. */
static void add_text(const struct page *page, const char *text) {
    struct slice rest = slice_cstr(text), part;
    for (bool first = true; slice_split_next(&rest, '%', &part); first = false) {
        if (!first) add_escaped(page->body, name_of(page));
        add_escaped(page->body, part);
    }
}

static void add_element(const struct page *page, const char *element, const char *text) {
    strbuf_printf(page->body, "<%s>", element);
    add_text(page, text);
    strbuf_printf(page->body, "</%s>", element);
}

static const struct page_texts *texts_for(struct http_request *request) {
    return page_texts_for(http_header(request, SLICE("Accept-Language")));
}

/* The same recipient's page for another purpose. */
static void add_link(const struct page *page, const char *prefix, enum token_purpose purpose, const char *text) {
    struct app *app = http_context(page->request);
    const struct token_keyset *keys = token_keys_acquire(app->token_keys);
    if (!keys) return;
    struct token token = page->tracked->token;
    token.purpose = purpose;
    strbuf_printf(page->body, "<p><a href=\"%s", prefix);
    token_write(keys->ring, &token, page->body);
    token_keys_release(keys);
    strbuf_add_cstr(page->body, "\">");
    add_text(page, text);
    strbuf_add_cstr(page->body, "</a></p>");
}

static void set_policy(struct http_request *request, struct slice style) {
    unsigned char digest[crypto_hash_sha256_BYTES];
    struct strbuf policy;
    crypto_hash_sha256(digest, (const unsigned char *)style.ptr, style.len);
    strbuf_init(&policy, 400);
    strbuf_add_cstr(&policy, "default-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
                             "style-src 'sha256-");
    base64_encode(&policy, slice_of((const char *)digest, sizeof(digest)));
    strbuf_add_char(&policy, '\'');
    http_set_header(request, "Content-Security-Policy", strbuf_slice(&policy));
    strbuf_release(&policy);
}

/* Answers with a page whose middle `write` fills. */
static void answer_page(struct http_request *request, const struct tracked *tracked, int status, const char *title,
                        void (*write)(const struct page *page, const void *what), const void *what) {
    struct strbuf body, style;
    strbuf_init(&body, PAGE_MAX);
    strbuf_init(&style, PAGE_MAX);
    struct page page = {.request = request, .tracked = tracked, .texts = texts_for(request), .body = &body};
    write_style(tracked->organization, &style);
    strbuf_printf(&body, "<!doctype html>\n<html lang=\"%s\"><head><meta charset=\"utf-8\"><title>",
                  page.texts->language);
    add_text(&page, title);
    strbuf_printf(&body,
                  "</title><meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><meta "
                  "name=\"robots\" content=\"noindex\"><style>%s</style></head><body>",
                  style.ptr);
    if (tracked->organization) {
        strbuf_add_cstr(&body, "<header>");
        add_escaped(&body, tracked->organization->name);
        strbuf_add_cstr(&body, "</header>");
    }
    strbuf_add_cstr(&body, "<main>");
    add_element(&page, "h1", title);
    write(&page, what);
    strbuf_add_cstr(&body, "</main></body></html>\n");
    set_policy(request, strbuf_slice(&style));
    http_set_header(request, "Cache-Control", SLICE("no-store, private"));
    http_set_header(request, "Content-Language", slice_cstr(page.texts->language));
    http_set_header(request, "Vary", SLICE("Accept-Language"));
    if (body.overflow)
        http_problem(request, 500, "Internal error", "the page is too large");
    else
        http_answer_buffer(request, status, "text/html; charset=utf-8", &body);
    strbuf_release(&body);
    strbuf_release(&style);
}

static void write_failed(const struct page *page, const void *what) {
    add_element(page, "p", page->texts->failed);
}

static void answer_failed(struct http_request *request, const struct tracked *tracked) {
    http_set_header(request, "Retry-After", SLICE("60"));
    answer_page(request, tracked, 503, texts_for(request)->failed_title, write_failed, NULL);
}

/* Pages are for one person; a token of a cohort names none. */
static bool read_personal(struct http_request *request, enum token_purpose purpose, struct tracked *ret) {
    if (!tracked_read(request, 1U << purpose, ret)) return false;
    if (ret->token.email_log_id != 0) return true;
    tracked_release(ret);
    tracking_refuse(request);
    return false;
}

/* ---- changes: answered when they are on disk ---- */

struct changing {
    struct http_request *request;
    struct tracked tracked;
    void (*answer)(struct http_request *request, const struct changing *changing);
    enum tracking_level level;
};

/* On the thread of hits. */
static void changed(void *context, int result) {
    struct changing *changing = context;
    struct http_request *request = changing->request;
    if (result == 0) {
        changing->answer(request, changing);
    } else {
        log_error("a recipient's choice was not recorded", LOG_SLICE("request", http_request_id(request)),
                  LOG_INT("organization", changing->tracked.token.organization_id));
        answer_failed(request, &changing->tracked);
    }
    tracked_release(&changing->tracked);
    http_finish(request);
}

/* Takes `tracked` over. */
static void change(struct http_request *request, const struct tracked *tracked, enum hit_kind kind,
                   enum tracking_level level,
                   void (*answer)(struct http_request *request, const struct changing *changing)) {
    struct app *app = http_context(request);
    struct hit hit = tracked_hit(request, tracked);
    if (!tracked_admit(request, tracked, &hit)) {
        http_set_header(request, "Retry-After", SLICE("60"));
        http_problem(request, 429, "Too many requests", "this was sent too often within a minute");
        tracked_release(tracked);
        return;
    }
    struct changing *changing = arena_alloc(http_arena(request), sizeof(*changing));
    *changing = (struct changing){.request = request, .tracked = *tracked, .answer = answer, .level = level};
    hit.kind = kind;
    hit.level = level;
    hit.machine = MACHINE_HINT_NONE; /* an unsubscribe is never discounted (C-63) */
    hit.link_position = LINK_POSITION_NONE;
    http_defer(request);
    hits_add_acknowledged(app->hits, &hit, changed, changing);
}

/* ---- unsubscribe ---- */

static void write_unsubscribe(const struct page *page, const void *what) {
    add_element(page, "p", page->texts->unsubscribe_ask);
    /* To its own address, so the token is not written once more. */
    strbuf_add_cstr(page->body, "<form method=\"post\"><button>");
    add_text(page, page->texts->unsubscribe_button);
    strbuf_add_cstr(page->body, "</button></form>");
    add_link(page, "/p/", TOKEN_PREFERENCES, page->texts->to_preferences);
}

void unsubscribe_show(struct http_request *request) {
    struct tracked tracked;
    if (!read_personal(request, TOKEN_UNSUBSCRIBE, &tracked)) return;
    answer_page(request, &tracked, 200, texts_for(request)->unsubscribe_title, write_unsubscribe, NULL);
    tracked_release(&tracked);
}

static void write_unsubscribed(const struct page *page, const void *what) {
    add_element(page, "p", page->texts->unsubscribed);
}

static void answer_unsubscribed(struct http_request *request, const struct changing *changing) {
    answer_page(request, &changing->tracked, 200, texts_for(request)->unsubscribed_title, write_unsubscribed, NULL);
}

/* One-click (RFC 8058 section 3.1: 200 without redirect, whatever cookies and context are there) and the button of the
 * page alike. The body says the same in either encoding and needs no reading: a POST to this address has one meaning.
 */
void unsubscribe_take(struct http_request *request) {
    struct tracked tracked;
    if (!read_personal(request, TOKEN_UNSUBSCRIBE, &tracked)) return;
    change(request, &tracked, HIT_UNSUBSCRIBE, TRACKING_NONE, answer_unsubscribed);
}

/* ---- preferences ---- */

struct choice {
    struct consent consent;
    bool just_saved;
};

static void add_option(const struct page *page, const struct choice *choice, enum tracking_level level,
                       const char *text) {
    bool chosen = choice->consent.known && choice->consent.level == level;
    strbuf_printf(page->body, "<label><input type=\"radio\" name=\"tracking\" value=\"%s\" required%s>",
                  tracking_level_name(level), chosen ? " checked" : "");
    add_text(page, text);
    strbuf_add_cstr(page->body, "</label>");
}

static void write_preferences(const struct page *page, const void *what) {
    const struct choice *choice = what;
    if (choice->just_saved) {
        strbuf_add_cstr(page->body, "<p role=\"status\"><strong>");
        add_text(page, page->texts->saved);
        strbuf_add_cstr(page->body, "</strong></p>");
    }
    add_element(page, "p", page->texts->preferences_why);
    if (!choice->consent.known) add_element(page, "p", page->texts->unanswered);
    strbuf_add_cstr(page->body, "<form method=\"post\"><fieldset><legend>");
    add_text(page, page->texts->preferences_ask);
    strbuf_add_cstr(page->body, "</legend>");
    add_option(page, choice, TRACKING_FULL, page->texts->level_full);
    add_option(page, choice, TRACKING_CLICKS, page->texts->level_clicks);
    add_option(page, choice, TRACKING_NONE, page->texts->level_none);
    strbuf_add_cstr(page->body, "</fieldset><button>");
    add_text(page, page->texts->save_button);
    strbuf_add_cstr(page->body, "</button></form>");
    add_link(page, "/u/", TOKEN_UNSUBSCRIBE, page->texts->to_unsubscribe);
}

static void answer_preferences(struct http_request *request, const struct tracked *tracked,
                               const struct choice *choice) {
    answer_page(request, tracked, 200, texts_for(request)->preferences_title, write_preferences, choice);
}

/* On a worker: it asks the database. */
void preferences_show(struct http_request *request) {
    struct app *app = http_context(request);
    struct tracked tracked;
    struct choice choice = {0};
    struct db *db = NULL;
    struct err err = {0};
    if (!read_personal(request, TOKEN_PREFERENCES, &tracked)) return;
    int r = store_reader(app->store, &db, &err);
    if (r == 0)
        r = consent_of_email(db, tracked.token.organization_id, tracked.token.email_log_id, &choice.consent, &err);
    store_reader_return(app->store, db);
    if (r == 0 || r == -ERR_NOT_FOUND) { /* erased: the page looks as it did, and nothing can be changed any more */
        answer_preferences(request, &tracked, &choice);
    } else {
        log_warning("preferences cannot be shown", LOG_SLICE("request", http_request_id(request)),
                    LOG_TEXT("error", err.text));
        answer_failed(request, &tracked);
    }
    tracked_release(&tracked);
}

static void answer_saved(struct http_request *request, const struct changing *changing) {
    const struct choice choice = {.consent = {.known = true, .level = changing->level}, .just_saved = true};
    answer_preferences(request, &changing->tracked, &choice);
}

/* "tracking=none" as browsers send a form (application/x-www-form-urlencoded). */
static bool read_choice(struct http_request *request, enum tracking_level *ret) {
    struct slice rest = http_body(request), name, value;
    while (query_next(&rest, &name, &value))
        if (slice_equal(name, SLICE("tracking")) && tracking_level_parse(query_decode(http_arena(request), value), ret))
            return *ret != TRACKING_AGGREGATE;
    return false;
}

void preferences_take(struct http_request *request) {
    struct tracked tracked;
    enum tracking_level level;
    if (!read_personal(request, TOKEN_PREFERENCES, &tracked)) return;
    if (read_choice(request, &level)) {
        change(request, &tracked, HIT_CONSENT, level, answer_saved);
        return;
    }
    http_problem(request, 400, "Bad request", "the form has a field tracking with the value full, clicks or none");
    tracked_release(&tracked);
}
