/* Any bytes as a delivery of Scaleway: bare, or in an envelope of SNS. */
#include "tests/fuzz/service_checks.h"

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const struct service_input input = {
        .provider = &provider_scaleway, .header = no_header, .topic = "arn:scw:sns:fr-par:project-1:tem"};
    check_service(&input, slice_of((const char *)data, size));
    return 0;
}
