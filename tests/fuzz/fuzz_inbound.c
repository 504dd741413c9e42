/* Any bytes as received mail from the generic provider, Amazon SES or SendGrid. The first byte chooses. */
#include "tests/fuzz/provider_checks.h"

#include "base/banned.h"

static struct slice content_type(const struct delivery *delivery, struct slice name) {
    const char *const *type = delivery->headers;
    return slice_equal_nocase(name, SLICE("Content-Type")) ? slice_cstr(*type) : SLICE_NONE;
}

static void check_mail(const struct received_mail *mail) {
    check(mail->raw.len > 0 || mail->header_count > 0 || mail->headers);
    check(mail->header_count <= RECEIVED_MAIL_HEADERS_MAX && mail->part_count <= RECEIVED_MAIL_PARTS_MAX);
    check(mail->recipient_count <= RECEIVED_MAIL_RECIPIENTS_MAX);
    for (size_t i = 0; i < mail->header_count; i++)
        check(mail->headers[i].name.len > 0);
    check(slice_is_utf8(mail->text) && slice_is_utf8(mail->html));
    check(mail->sender.len <= EVENT_RECIPIENT_MAX_BYTES && mail->provider_id.len <= EVENT_PROVIDER_ID_MAX_BYTES);
    check(mail->has_sender || slice_empty(mail->sender));
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
    struct json_reader *json = json_reader_new();
    const struct provider_endpoint endpoint = {.provider = ways[way].provider};
    struct delivery delivery = {
        .header = content_type, .headers = &ways[way].content_type, .received_at = 1795521600000, .inbound = true};
    struct parsed_inbound parsed = {0};
    struct err err = {0};
    delivery.body = text_keep_padded(arena, slice_of((const char *)data + 1, size - 1));
    int result = ways[way].provider->parse_inbound(&endpoint, &delivery, json, arena, &parsed, &err);
    if (result < 0) {
        check(err.code == ERR_UNREADABLE || err.code == ERR_INVALID || err.code == ERR_TOO_LARGE);
        check(!parsed.mails && parsed.mail_count == 0);
    }
    check(parsed.mail_count <= PROVIDER_MAILS_MAX);
    for (size_t i = 0; i < parsed.mail_count; i++)
        check_mail(&parsed.mails[i]);
    json_reader_free(json);
    arena_free(arena);
    return 0;
}
