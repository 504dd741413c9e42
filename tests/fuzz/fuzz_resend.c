/* Any bytes as the body of a delivery of Resend: events, and received mail where it sends any. */
#include "tests/fuzz/provider_checks.h"

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    check_body(&provider_resend, slice_of((const char *)data, size), no_header);
    return 0;
}
