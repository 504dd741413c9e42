/* Any bytes as a delivery of Postal: an event, a received mail as JSON or, when the input begins like neither, as a
 * form; and as the text of a key. */
#include "tests/fuzz/service_checks.h"

#include "base/banned.h"

static struct slice json_header(const struct delivery *delivery, struct slice name) {
    return slice_equal(name, SLICE("X-Postal-Signature-256")) ? SLICE("AAAA") : SLICE_NONE;
}

static struct slice form_header(const struct delivery *delivery, struct slice name) {
    return slice_equal(name, SLICE("Content-Type")) ? SLICE("application/x-www-form-urlencoded") : SLICE_NONE;
}

static void check_key(struct slice text) {
    struct provider_secret *secret = NULL;
    struct err err = {0};
    int result = provider_postal.secret_parse(text, &secret, &err);
    check(result == 0 ? secret != NULL : result == -ERR_INVALID && !secret && err.text[0]);
    provider_postal.secret_free(secret);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct slice body = slice_of((const char *)data, size);
    bool form = size > 0 && data[0] != '{' && data[0] != '[';
    const struct service_input input = {.provider = &provider_postal, .header = form ? form_header : json_header};
    check_service(&input, body);
    check_key(body);
    return 0;
}
