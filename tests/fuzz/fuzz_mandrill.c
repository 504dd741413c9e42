/* Any bytes as a form of Mandrill: events, and received mail. */
#include "tests/fuzz/service_checks.h"

#include "base/banned.h"

static struct slice header(const struct delivery *delivery, struct slice name) {
    if (slice_equal_nocase(name, SLICE("Content-Type"))) return SLICE("application/x-www-form-urlencoded");
    if (slice_equal_nocase(name, SLICE("X-Mandrill-Signature"))) return SLICE("X3MR4Y1hQC37CbY+BoucTJBq0y8=");
    return SLICE_NONE;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const struct service_input input = {.provider = &provider_mandrill, .secret = "webhook-key", .header = header};
    check_service(&input, slice_of((const char *)data, size));
    return 0;
}
