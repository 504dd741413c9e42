/* Any bytes as an SNS envelope, as the message inside one, or as a raw delivery. The first byte chooses. */
#include "base/strbuf.h"
#include "providers/sns.h"
#include "tests/fuzz/provider_checks.h"

#include "base/banned.h"

#define TOPIC "arn:aws:sns:eu-central-1:123456789012:t"

static struct slice raw_header(const struct delivery *delivery, struct slice name) {
    return slice_equal(name, SLICE("x-amz-sns-rawdelivery")) ? SLICE("true") : SLICE_NONE;
}

/* Nobody is asked for anything but Amazon's certificates, and there are none. */
static int find_certificate(void *context, struct slice url, struct arena *arena, struct slice *ret_pem,
                            struct err *err) {
    check(sns_certificate_url_allowed(url));
    *ret_pem = SLICE("-----BEGIN CERTIFICATE-----\n");
    return 0;
}

static struct slice wrapped(struct slice message, struct arena *arena) {
    struct strbuf text;
    strbuf_init(&text, message.len * 6 + 1024);
    strbuf_add_cstr(&text, "{\"Type\":\"Notification\",\"MessageId\":\"1\",\"TopicArn\":\"" TOPIC
                           "\",\"Timestamp\":\"2026-11-24T08:00:00Z\",\"Message\":");
    text_write_json(&text, message);
    strbuf_add_char(&text, '}');
    struct slice copy = arena_copy(arena, strbuf_slice(&text));
    strbuf_release(&text);
    return copy;
}

static void check_verify(const struct provider_endpoint *endpoint, const struct delivery *delivery,
                         struct arena *arena) {
    const struct provider_environment environment = {.find_certificate = find_certificate, .now = 1795507200000};
    struct json_reader *json = json_reader_new();
    struct err err = {0};
    int result = endpoint->provider->verify(endpoint, &environment, delivery, json, arena, &err);
    check(result == -ERR_SIGNATURE || result == -ERR_UNAVAILABLE);
    check(err.text[0] && slice_is_utf8(slice_cstr(err.text)));
    json_reader_free(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    struct arena *arena = arena_new();
    const struct slice topic = SLICE(TOPIC);
    const struct provider_endpoint endpoint = {.provider = &provider_ses,
                                               .topic_arns = &topic,
                                               .topic_arn_count = 1,
                                               .require_signature = true,
                                               .sns_allow_version_1 = true};
    struct slice body = slice_of((const char *)data + 1, size - 1);
    struct delivery delivery = {.header = data[0] % 3 == 0 ? raw_header : no_header};
    if (data[0] % 3 == 2) body = wrapped(body, arena);
    check_parse(&endpoint, &delivery, body, arena);
    check_verify(&endpoint, &delivery, arena);
    arena_free(arena);
    return 0;
}
