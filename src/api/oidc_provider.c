#include "api/oidc_provider.h"

#include <pthread.h>
#include <stdlib.h>

#include "account/jwt.h"
#include "base/clock.h"
#include "base/memory.h"
#include "http/client.h"

#include "base/banned.h"

#define CONFIGURATION_PATH "/.well-known/openid-configuration"
#define CONFIGURATION_MAX  (64 * 1024)
#define ANSWER_MAX         (128 * 1024)
#define KEPT_US            (3600 * 1000000LL)
#define FRESH_US           (60 * 1000000LL) /* keys are not fetched anew more often, whatever tokens name */
#define TIMEOUT_MS         8000

struct document {
    char *text; /* NULL: none */
    size_t len;
    int64_t fetched_us;
};

struct oidc_cache {
    pthread_mutex_t mutex;
    char *url; /* of the configuration that both are of */
    struct document configuration, keys;
};

struct oidc_cache *oidc_cache_new(void) {
    struct oidc_cache *cache = memory_alloc(sizeof(*cache));
    pthread_mutex_init(&cache->mutex, NULL);
    return cache;
}

struct oidc_cache *oidc_cache_free(struct oidc_cache *cache) {
    if (!cache) return NULL;
    pthread_mutex_destroy(&cache->mutex);
    free(cache->url);
    free(cache->configuration.text);
    free(cache->keys.text);
    free(cache);
    return NULL;
}

/* ---- documents ---- */

enum which { CONFIGURATION, KEYS };

static struct document *document_of(struct oidc_cache *cache, enum which which) {
    return which == CONFIGURATION ? &cache->configuration : &cache->keys;
}

/* A copy, if there is one of that provider that is younger than `kept_us`. */
static bool look_up(struct api_call *call, const char *url, enum which which, int64_t kept_us, struct slice *ret) {
    struct oidc_cache *cache = call->app->oidc;
    const struct document *document = document_of(cache, which);
    pthread_mutex_lock(&cache->mutex);
    bool found = cache->url && strcmp(cache->url, url) == 0 && document->text &&
                 clock_monotonic_us() - document->fetched_us < kept_us;
    if (found) *ret = jwt_keep_padded(call->arena, slice_of(document->text, document->len));
    pthread_mutex_unlock(&cache->mutex);
    return found;
}

static char *copy_of(const char *text, size_t len) {
    char *copy = memory_alloc(len + 1);
    memcpy(copy, text, len);
    copy[len] = '\0';
    return copy;
}

static void keep(struct oidc_cache *cache, const char *url, enum which which, struct slice text) {
    pthread_mutex_lock(&cache->mutex);
    if (!cache->url || strcmp(cache->url, url) != 0) {
        free(cache->url);
        cache->url = copy_of(url, strlen(url));
        for (int i = CONFIGURATION; i <= KEYS; i++) {
            free(document_of(cache, (enum which)i)->text);
            document_of(cache, (enum which)i)->text = NULL;
        }
    }
    struct document *document = document_of(cache, which);
    free(document->text);
    *document = (struct document){
        .text = copy_of(text.ptr ? text.ptr : "", text.len), .len = text.len, .fetched_us = clock_monotonic_us()};
    pthread_mutex_unlock(&cache->mutex);
}

static int send(struct api_call *call, struct slice url, const char *type, struct slice body,
                struct slice authorization, size_t max, const char *what, struct slice *ret, struct err *err) {
    const struct http_client_options options = {.allow_internal = app_config(call->app)->outgoing_allow_internal,
                                                .timeout_ms = TIMEOUT_MS};
    const struct http_client_header headers[] = {{"Accept", SLICE("application/json")},
                                                 {"Authorization", authorization}};
    struct strbuf answer;
    int status = 0;
    strbuf_init(&answer, max);
    int r = http_client_send(&options, arena_cstr(call->arena, url), type, body, headers,
                             slice_empty(authorization) ? 1 : 2, &status, &answer, err);
    if (r != 0)
        (void)err_prefix(err, "%s of the identity provider", what);
    else if (status != 200)
        r = err_set(err, ERR_UNAVAILABLE, "%s of the identity provider answered with status %d", what, status);
    else
        *ret = jwt_keep_padded(call->arena, strbuf_slice(&answer));
    strbuf_release(&answer);
    return r;
}

static const char *configuration_url(struct api_call *call) {
    struct slice issuer = slice_cstr(app_config(call->app)->oidc_issuer);
    while (slice_ends_with(issuer, SLICE("/")))
        issuer.len--;
    return arena_printf(call->arena, "%.*s" CONFIGURATION_PATH, SLICE_FMT(issuer));
}

static int parse(struct api_call *call, struct slice text, const char *what, struct json_value *ret, struct err *err) {
    if (!call->json) call->json = json_readers_take(call->app->json_readers);
    int r = json_parse(call->json, text, ret, err);
    if (r != 0) (void)err_prefix(err, "%s of the identity provider", what);
    return r;
}

int oidc_discover(struct api_call *call, struct oidc_provider *ret, struct err *err) {
    const char *url = configuration_url(call);
    struct slice text;
    struct json_value root;
    bool kept = look_up(call, url, CONFIGURATION, KEPT_US, &text);
    int r = 0;
    if (!kept)
        r = send(call, slice_cstr(url), NULL, SLICE_NONE, SLICE_NONE, CONFIGURATION_MAX, "the configuration", &text,
                 err);
    if (r == 0) r = parse(call, text, "the configuration", &root, err);
    if (r == 0) r = oidc_read_provider(root, slice_cstr(app_config(call->app)->oidc_issuer), call->arena, ret, err);
    if (r == 0 && !kept) keep(call->app->oidc, url, CONFIGURATION, text);
    return r;
}

static int load_keys(struct api_call *call, const struct oidc_provider *provider, int64_t kept_us, struct slice *ret,
                     struct err *err) {
    const char *url = configuration_url(call);
    if (look_up(call, url, KEYS, kept_us, ret)) return 0;
    int r = send(call, provider->jwks_uri, NULL, SLICE_NONE, SLICE_NONE, JWT_KEY_SET_MAX, "the key set", ret, err);
    if (r == 0) keep(call->app->oidc, url, KEYS, *ret);
    return r;
}

/* ---- the exchange ---- */

/* A key that is not known may be a new one: then the set is fetched again. */
static int verify(struct api_call *call, const struct oidc_provider *provider, struct slice token,
                  struct slice *ret_payload, struct err *err) {
    struct slice keys;
    int r = load_keys(call, provider, KEPT_US, &keys, err);
    if (r == 0) r = jwt_verify(call->json, token, keys, call->arena, ret_payload, err);
    if (r != -ERR_NOT_FOUND) return r;
    r = load_keys(call, provider, FRESH_US, &keys, err);
    if (r == 0) r = jwt_verify(call->json, token, keys, call->arena, ret_payload, err);
    return r;
}

static int exchange(struct api_call *call, const struct oidc_provider *provider, struct slice code,
                    struct slice redirect_uri, const struct oidc_attempt *attempt, struct slice *ret_id_token,
                    struct slice *ret_access_token, struct err *err) {
    const struct config *config = app_config(call->app);
    struct slice secret = slice_cstr(config->oidc_client_secret), id = slice_cstr(config->oidc_client_id), text;
    bool basic = !slice_empty(secret) && !provider->secret_in_body;
    struct strbuf form, authorization;
    struct json_value root;
    strbuf_init(&form, ANSWER_MAX);
    strbuf_init(&authorization, ANSWER_MAX);
    oidc_write_exchange(&form, code, id, basic ? SLICE_NONE : secret, redirect_uri, attempt);
    if (basic) oidc_write_basic(&authorization, id, secret);
    int r = send(call, provider->token_endpoint, "application/x-www-form-urlencoded", strbuf_slice(&form),
                 strbuf_slice(&authorization), ANSWER_MAX, "the token endpoint", &text, err);
    strbuf_release(&form);
    strbuf_release(&authorization);
    if (r == 0) r = parse(call, text, "the token endpoint", &root, err);
    if (r != 0) return r;
    *ret_id_token = arena_copy(call->arena, json_get_string(root, SLICE("id_token")));
    *ret_access_token = arena_copy(call->arena, json_get_string(root, SLICE("access_token")));
    return 0;
}

static int ask_userinfo(struct api_call *call, const struct oidc_provider *provider, struct slice access_token,
                        struct oidc_identity *identity, struct err *err) {
    struct json_value root;
    struct slice text;
    if (slice_empty(provider->userinfo_endpoint) || slice_empty(access_token)) return 0;
    struct slice authorization = slice_cstr(arena_printf(call->arena, "Bearer %.*s", SLICE_FMT(access_token)));
    int r = send(call, provider->userinfo_endpoint, NULL, SLICE_NONE, authorization, ANSWER_MAX,
                 "the userinfo endpoint", &text, err);
    if (r == 0) r = parse(call, text, "the userinfo endpoint", &root, err);
    return r != 0 ? r : oidc_add_userinfo(root, call->arena, identity, err);
}

int oidc_redeem(struct api_call *call, const struct oidc_provider *provider, struct slice code,
                struct slice redirect_uri, const struct oidc_attempt *attempt, struct oidc_identity *ret,
                struct slice *ret_payload, struct err *err) {
    const struct config *config = app_config(call->app);
    struct slice id_token, access_token, payload;
    struct oidc_identity identity;
    struct json_value root;
    int r = exchange(call, provider, code, redirect_uri, attempt, &id_token, &access_token, err);
    if (r == 0) r = verify(call, provider, id_token, &payload, err);
    if (r == 0) r = parse(call, payload, "the token", &root, err);
    if (r == 0)
        r = oidc_read_identity(root, provider->issuer, slice_cstr(config->oidc_client_id), slice_cstr(attempt->nonce),
                               call->now, call->arena, &identity, err);
    if (r == 0 && (slice_empty(identity.email) || slice_empty(identity.name)))
        r = ask_userinfo(call, provider, access_token, &identity, err);
    if (r != 0) return r;
    *ret = identity;
    *ret_payload = payload;
    return 0;
}
