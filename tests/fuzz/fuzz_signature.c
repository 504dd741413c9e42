/* Any bytes as headers, secrets and names of hosts. The input is split at line feeds: the first lines are header values
 * and a secret, the rest is the body. No input is ever signed by the keys below. */
#include "providers/ecdsa.h"
#include "providers/signature.h"
#include "providers/sns.h"
#include "tests/fuzz/provider_checks.h"

#include "base/banned.h"

struct lines {
    struct slice id, timestamp, signature, secret;
};

static struct slice header(const struct delivery *delivery, struct slice name) {
    const struct lines *lines = delivery->headers;
    if (slice_ends_with(name, SLICE("-id"))) return lines->id;
    if (slice_ends_with(name, SLICE("imestamp"))) return lines->timestamp;
    return lines->signature;
}

/* The keys are parsed once and live as long as the process. */
static struct provider_secret *key_of(const struct provider *provider, struct slice text) {
    struct provider_secret *secret = NULL;
    check(provider->secret_parse(text, &secret, NULL) == 0);
    return secret;
}

static void check_refused(const struct provider *provider, struct provider_secret *secret,
                          const struct delivery *delivery, struct arena *arena) {
    struct err err = {0};
    const struct provider_environment environment = {.now = 1795507200000};
    struct provider_secret *const secrets[] = {secret, secret};
    struct provider_endpoint endpoint = {
        .provider = provider, .secrets = secrets, .secret_count = 2, .require_signature = true};
    check(provider->verify(&endpoint, &environment, delivery, NULL, arena, &err) == -ERR_SIGNATURE);
    endpoint.timestamp_tolerance_ms = 300000;
    check(provider->verify(&endpoint, &environment, delivery, NULL, arena, &err) == -ERR_SIGNATURE);
    check(err.code == ERR_SIGNATURE && err.text[0]);
}

static void check_secret(const struct provider *provider, struct slice text) {
    struct provider_secret *secret = NULL;
    struct err err = {0};
    if (!provider->secret_parse) return; /* signs nothing */
    int result = provider->secret_parse(text, &secret, &err);
    check((result == 0) == (secret != NULL));
    check(result == 0 || (result == -ERR_INVALID && err.text[0]));
    provider->secret_free(secret);
}

/* An address that is allowed has nothing in it that a client could read in another way. */
static void check_url(struct slice url) {
    if (!sns_certificate_url_allowed(url)) return;
    check(slice_starts_with(url, SLICE("https://sns.")) && slice_ends_with(url, SLICE(".pem")));
    ptrdiff_t host_len = slice_find_char(slice_from(url, 8), '/');
    struct slice host = slice_first(slice_from(url, 8), (size_t)host_len);
    check(host_len > 0);
    check(slice_ends_with(host, SLICE(".amazonaws.com")) || slice_ends_with(host, SLICE(".amazonaws.com.cn")));
    for (size_t i = 0; i < url.len; i++)
        check(url.ptr[i] > ' ' && url.ptr[i] < 0x7f && !strchr("@?#%\\\"", url.ptr[i]));
    check(slice_find_char(slice_from(url, 8), ':') < 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct arena *arena = arena_new();
    struct slice rest = slice_of((const char *)data, size);
    struct lines lines = {0};
    slice_split_next(&rest, '\n', &lines.id);
    slice_split_next(&rest, '\n', &lines.timestamp);
    slice_split_next(&rest, '\n', &lines.signature);
    slice_split_next(&rest, '\n', &lines.secret);
    struct delivery delivery = {
        .header = header, .headers = &lines, .body = text_keep_padded(arena, rest), .received_at = 1795507200000};
    static struct provider_secret *shared, *ed25519, *p256;
    if (!shared) {
        shared = key_of(&provider_generic, SLICE("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"));
        ed25519 = key_of(&provider_generic, SLICE("whpk_AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="));
        p256 =
            key_of(&provider_sendgrid,
                   SLICE("MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEqTxd43gyp8IOEto2LdIfjRQrIbsd4SXZkLW6jDutdhXSJCWHw8REntlo"
                         "7aNDthvj+y7GjUuFDb/R1NGe1OPzpA=="));
    }
    check_refused(&provider_generic, shared, &delivery, arena);
    check_refused(&provider_generic, ed25519, &delivery, arena);
    check_refused(&provider_sendgrid, p256, &delivery, arena);
    for (size_t i = 0; providers[i]; i++) {
        if (!providers[i]->secret_parse) continue; /* signs nothing */
        check_secret(providers[i], lines.secret);
        check_secret(providers[i], slice_of((const char *)data, size));
    }
    check_url(lines.id);
    check_url(slice_of((const char *)data, size));
    arena_free(arena);
    return 0;
}
