/* Any bytes as the body of a delivery of Mailgun: JSON and both kinds of form, events and received mail. Nothing is
 * ever signed by the key below. */
#include "providers/hmac.h"
#include "tests/fuzz/provider_checks.h"

#include "base/banned.h"

static struct slice urlencoded(const struct delivery *delivery, struct slice name) {
    return slice_equal_nocase(name, SLICE("Content-Type")) ? SLICE("application/x-www-form-urlencoded") : SLICE_NONE;
}

static struct slice multipart(const struct delivery *delivery, struct slice name) {
    return slice_equal_nocase(name, SLICE("Content-Type")) ? SLICE("multipart/form-data; boundary=b") : SLICE_NONE;
}

static void check_unsigned(struct slice body) {
    struct arena *arena = arena_new();
    struct provider_secret *secret = NULL;
    struct json_reader *json = json_reader_new();
    struct err err = {0};
    check(hmac_secret_parse(SLICE("no input is signed by this key"), &secret, &err) == 0);
    const struct provider_environment environment = {.now = 1795507200000};
    const struct provider_endpoint endpoint = {
        .provider = &provider_mailgun, .secrets = &secret, .secret_count = 1, .require_signature = true};
    const struct delivery delivery = {.header = urlencoded, .body = text_keep_padded(arena, body)};
    check(provider_mailgun.verify(&endpoint, &environment, &delivery, json, arena, &err) == -ERR_SIGNATURE);
    check(err.code == ERR_SIGNATURE && err.text[0]);
    hmac_secret_free(secret);
    json_reader_free(json);
    arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct slice body = slice_of((const char *)data, size);
    check_body(&provider_mailgun, body, urlencoded);
    check_body(&provider_mailgun, body, multipart);
    check_unsigned(body);
    return 0;
}
