/* Any bytes as the body of a SendGrid delivery. */
#include "tests/fuzz/provider_checks.h"

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct arena *arena = arena_new();
    const struct provider_endpoint endpoint = {.provider = &provider_sendgrid};
    struct delivery delivery = {.header = no_header};
    check_parse(&endpoint, &delivery, slice_of((const char *)data, size), arena);
    arena_free(arena);
    return 0;
}
