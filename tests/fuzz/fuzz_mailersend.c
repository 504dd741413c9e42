/* Any bytes as a delivery of MailerSend: an event, and a received mail. */
#include "tests/fuzz/service_checks.h"

#include "base/banned.h"

static struct slice header(const struct delivery *delivery, struct slice name) {
    if (slice_equal_nocase(name, SLICE("Signature")))
        return SLICE("0000000000000000000000000000000000000000000000000000000000000000");
    return SLICE_NONE;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const struct service_input input = {.provider = &provider_mailersend, .secret = "signing-secret", .header = header};
    check_service(&input, slice_of((const char *)data, size));
    return 0;
}
