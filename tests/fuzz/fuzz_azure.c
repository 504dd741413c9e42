/* Any bytes as a delivery of Event Grid. */
#include "tests/fuzz/service_checks.h"

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const struct service_input input = {.provider = &provider_azure, .header = no_header};
    check_service(&input, slice_of((const char *)data, size));
    return 0;
}
