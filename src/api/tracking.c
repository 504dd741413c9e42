/* tracking: GET and HEAD of /o/{token} (pixel) and /c/{token} (link), on event threads. The token holds all that is
 * needed, so that they are answered without the database; what was seen goes to ingest/hits.h. */
#include "api/tracking.h"

#include <stdlib.h>

#include "api/resources.h"
#include "base/clock.h"
#include "base/memory.h"

#include "base/banned.h"

#define PRIVATE    "no-store, private" /* compliance C-31 */
#define NO_CONTENT "default-src 'none'"

struct tracking_answers {
    struct http_prepared *pixel;
    struct http_prepared *refused; /* every wrong token, whatever is wrong with it */
    struct http_prepared
        *honeypot; /* nothing to see, and no refusal: a refused scanner may judge the mail worse for it */
    struct http_prepared *redirect;
};

struct tracking_answers *tracking_answers_new(void) {
    /* 1 × 1, transparent: GIF89a, one colour, 43 bytes. */
    static const char gif[] = "GIF89a\1\0\1\0\200\0\0\0\0\0\377\377\377!\371\4\1\0\0\0\0,\0\0\0\0\1\0\1\0\0\2\2D\1\0;";
    static const struct http_fixed_header headers[] = {
        {"Cache-Control", PRIVATE}, {"Content-Security-Policy", NO_CONTENT}, {0}};
    struct tracking_answers *answers = memory_alloc(sizeof(*answers));
    answers->pixel = http_prepared_new(200, "image/gif", slice_of(gif, 43), headers);
    answers->refused = http_prepared_new(404, "text/plain; charset=utf-8", SLICE("not found\n"), headers);
    answers->honeypot = http_prepared_new(204, NULL, SLICE(""), headers);
    answers->redirect = http_prepared_new(302, NULL, SLICE_NONE, headers);
    return answers;
}

struct tracking_answers *tracking_answers_free(struct tracking_answers *answers) {
    if (!answers) return NULL;
    http_prepared_free(answers->pixel);
    http_prepared_free(answers->refused);
    http_prepared_free(answers->honeypot);
    http_prepared_free(answers->redirect);
    free(answers);
    return NULL;
}

/* ---- hosts ---- */

/* "links.example.org:8443" of "https://links.example.org:8443/x". */
static struct slice host_of(const char *url) {
    const char *host = strstr(url, "://");
    struct slice rest = slice_cstr(host ? host + 3 : url), name;
    slice_split_next(&rest, '/', &name);
    return name;
}

bool tracking_admits(struct http_request *request) {
    struct app *app = http_context(request);
    const struct config *config = app_config(app);
    struct slice host = http_header(request, SLICE("Host"));
    if (*config->public_url && slice_equal_nocase(host, host_of(config->public_url))) return true;
    bool tracks = *config->tracking_url && slice_equal_nocase(host, host_of(config->tracking_url));
    if (!tracks) {
        const struct organization_set *organizations = organization_cache_acquire(app->organizations);
        tracks = organization_set_by_domain(organizations, host) != NULL;
        organization_set_release(organizations);
    }
    if (!tracks) return true;
    http_answer_prepared(request, app->tracking_answers->refused);
    return false;
}

/* ---- tokens ---- */

void tracking_refuse(struct http_request *request) {
    struct app *app = http_context(request);
    metric_add(app->metrics, METRIC_TOKENS_REFUSED, 1);
    http_answer_prepared(request, app->tracking_answers->refused);
}

static bool read_token(struct http_request *request, unsigned purposes, struct slice text, struct token *ret) {
    struct app *app = http_context(request);
    const struct token_keyset *keys = token_keys_acquire(app->token_keys);
    bool known = keys && token_read_any(keys->ring, text, purposes, http_arena(request), ret);
    token_keys_release(keys);
    return known;
}

bool tracked_read(struct http_request *request, unsigned purposes, struct tracked *ret) {
    struct app *app = http_context(request);
    struct tracked tracked = {.text = http_first_param(request)};
    if (!read_token(request, purposes, tracked.text, &tracked.token)) {
        tracking_refuse(request);
        return false;
    }
    hits_prepare(app->hits, tracked.token.hash);
    tracked.organizations = organization_cache_acquire(app->organizations);
    tracked.organization = organization_set_find(tracked.organizations, tracked.token.organization_id);
    const struct cached_organization *owner =
        organization_set_by_domain(tracked.organizations, http_header(request, SLICE("Host")));
    if (owner && owner != tracked.organization) {
        organization_set_release(tracked.organizations);
        tracking_refuse(request);
        return false;
    }
    *ret = tracked;
    return true;
}

void tracked_release(const struct tracked *tracked) {
    organization_set_release(tracked->organizations);
}

static bool says_prefetch(struct http_request *request) {
    static const struct slice names[] = {{"Sec-Purpose", 11}, {"Purpose", 7}, {"X-Purpose", 9}, {"X-Moz", 5}};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct slice value = http_header(request, names[i]), part;
        while (slice_split_next(&value, ';', &part)) {
            part = slice_trim(part);
            if (slice_equal_nocase(part, SLICE("prefetch")) || slice_equal_nocase(part, SLICE("prerender")) ||
                slice_equal_nocase(part, SLICE("preview")))
                return true;
        }
    }
    return false;
}

struct hit tracked_hit(struct http_request *request, const struct tracked *tracked) {
    const struct cached_organization *organization = tracked->organization;
    enum address_policy policy = organization ? organization->address_policy : ADDRESS_TRUNCATE;
    struct hit hit = {
        .occurred_at = clock_now(),
        .organization_id = tracked->token.organization_id,
        .email_log_id = tracked->token.email_log_id,
        .cohort_id = tracked->token.cohort_id,
        .link_position = tracked->token.link_position,
        .machine = http_request_is_head(request) ? MACHINE_HINT_METHOD
                   : says_prefetch(request)      ? MACHINE_HINT_PREFETCH
                                                 : MACHINE_HINT_NONE,
    };
    /* Of no single email: nothing that could tell people apart is kept even on the way (C-03). */
    if (hit.cohort_id != 0) return hit;
    hit.agent = http_header(request, SLICE("User-Agent"));
    if (policy == ADDRESS_DROP) return hit;
    hit.has_address = true;
    hit.address = http_client_address(request);
    if (policy == ADDRESS_TRUNCATE) hit.address = address_truncate(hit.address);
    return hit;
}

bool tracked_admit(struct http_request *request, const struct tracked *tracked, struct hit *hit) {
    struct app *app = http_context(request);
    uint64_t hash = tracked->token.hash;
    /* All recipients of a cohort share its token: there the share is each address'. */
    if (tracked->token.cohort_id != 0) {
        struct address client = http_client_address(request);
        hash ^= hash_fnv1a(slice_of((const char *)client.bytes, sizeof(client.bytes))) * 31;
    }
    int ordinal = hits_admit(app->hits, hash, hit->occurred_at);
    if (ordinal == 0) metric_add(app->metrics, METRIC_HITS_REPEATED, 1);
    hit->occurred_at += ordinal > 0 ? ordinal - 1 : 0;
    return ordinal > 0;
}

/* ---- pixel and link ---- */

/* Sec-GPC and DNT are "1" when they mean anything (W3C Global Privacy Control). */
static bool wants_privacy(struct http_request *request, const struct tracked *tracked) {
    if (tracked->organization && !tracked->organization->honor_privacy_signals) return false;
    return slice_equal(http_header(request, SLICE("Sec-GPC")), SLICE("1")) ||
           slice_equal(http_header(request, SLICE("DNT")), SLICE("1"));
}

static void record(struct http_request *request, const struct tracked *tracked, enum hit_kind kind) {
    struct app *app = http_context(request);
    if (wants_privacy(request, tracked)) return;
    struct hit hit = tracked_hit(request, tracked);
    if (!tracked_admit(request, tracked, &hit)) return;
    hit.kind = kind;
    hit.url = tracked->token.url;
    if (tracked->token.purpose == TOKEN_HONEYPOT) hit.machine = MACHINE_HINT_HONEYPOT;
    hits_add(app->hits, &hit);
}

void tracking_open(struct http_request *request) {
    struct app *app = http_context(request);
    struct tracked tracked;
    if (!tracked_read(request, 1U << TOKEN_OPEN, &tracked)) return;
    record(request, &tracked, HIT_OPEN);
    tracked_release(&tracked);
    http_answer_prepared(request, app->tracking_answers->pixel);
}

/* The registered address as a header may hold it: what is not ASCII is percent-encoded. Empty for what is no address to
 * be led to; whoever registers links leaves such out, so this is a second lock (compliance C-71). */
static struct slice location_of(struct slice url, struct arena *arena) {
    static const char digits[] = "0123456789ABCDEF";
    unsigned char refused = 0, foreign = 0;
    if (!slice_starts_with(url, SLICE("https://")) && !slice_starts_with(url, SLICE("http://"))) return SLICE_NONE;
    for (size_t i = 0; i < url.len; i++) {
        unsigned char c = (unsigned char)url.ptr[i];
        refused |= (unsigned char)((c <= ' ') | (c == 0x7f) | (c == '\\'));
        foreign |= c;
    }
    if (refused) return SLICE_NONE;
    if (foreign < 0x80) return url;
    char *out = arena_bytes(arena, 3 * url.len);
    size_t len = 0;
    for (size_t i = 0; i < url.len; i++) {
        unsigned char c = (unsigned char)url.ptr[i];
        if (c < 0x80) {
            out[len++] = (char)c;
            continue;
        }
        out[len++] = '%';
        out[len++] = digits[c >> 4];
        out[len++] = digits[c & 15];
    }
    return slice_of(out, len);
}

void tracking_click(struct http_request *request) {
    struct app *app = http_context(request);
    struct tracked tracked;
    if (!tracked_read(request, 1U << TOKEN_CLICK | 1U << TOKEN_HONEYPOT, &tracked)) return;
    struct slice url = tracked.token.url, location = location_of(url, http_arena(request));
    bool nowhere = tracked.token.purpose == TOKEN_HONEYPOT && slice_empty(url);
    if (nowhere) {
        record(request, &tracked, HIT_CLICK);
        http_answer_prepared(request, app->tracking_answers->honeypot);
    } else if (!slice_empty(location)) {
        record(request, &tracked, HIT_CLICK);
        http_answer_prepared_with(request, app->tracking_answers->redirect, "Location", location);
    } else {
        tracking_refuse(request);
    }
    tracked_release(&tracked);
}
