/* Any bytes as received mail from the generic provider, Amazon SES or SendGrid. The first byte chooses. */
#include "tests/fuzz/provider_checks.h"

#include "base/banned.h"

static struct slice content_type(const struct delivery *delivery, struct slice name) {
    const char *const *type = delivery->headers;
    return slice_equal_nocase(name, SLICE("Content-Type")) ? slice_cstr(*type) : SLICE_NONE;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const struct {
        const struct provider *provider;
        const char *content_type;
    } ways[] = {{&provider_generic, "application/json"},
                {&provider_generic, "message/rfc822"},
                {&provider_ses, "text/plain"},
                {&provider_sendgrid, "multipart/form-data; boundary=xYzZY"},
                {&provider_sendgrid, "application/x-www-form-urlencoded"}};
    if (size == 0) return 0;
    size_t way = data[0] % (sizeof(ways) / sizeof(ways[0]));
    struct arena *arena = arena_new();
    const struct provider_endpoint endpoint = {.provider = ways[way].provider};
    struct delivery delivery = {
        .header = content_type, .headers = &ways[way].content_type, .received_at = 1795521600000};
    check_parse_inbound(&endpoint, &delivery, slice_of((const char *)data + 1, size - 1), arena);
    arena_free(arena);
    return 0;
}
