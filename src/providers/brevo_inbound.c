/* Brevo's inbound parsing (developers.brevo.com/docs/inbound-parse-webhooks): {"items": [mail, …]}. */
#include "base/clock.h"
#include "base/strbuf.h"
#include "model/event.h"
#include "providers/brevo.h"
#include "providers/inbound.h"
#include "providers/text.h"

#include "base/banned.h"

#define ADDRESS_MAX_BYTES 2048

/* {"Name", "Address"} as a header has it. */
static void add_address_header(struct inbound_builder *builder, const char *name, struct json_value full) {
    struct slice display = json_get_string(full, SLICE("Name")), address = json_get_string(full, SLICE("Address"));
    struct strbuf text;
    strbuf_init(&text, ADDRESS_MAX_BYTES);
    if (display.len) {
        text_write_json(&text, display); /* a quoted string of RFC 5322 escapes the same two characters */
        strbuf_add_char(&text, ' ');
    }
    strbuf_add_char(&text, '<');
    strbuf_add_slice(&text, address);
    strbuf_add_char(&text, '>');
    if (address.len) inbound_add_missing_header(builder, name, text.overflow ? address : strbuf_slice(&text));
    strbuf_release(&text);
}

static struct slice first_text(struct json_value array) {
    struct json_iterator elements = json_elements(array);
    struct json_value element;
    struct slice text;
    return json_next(&elements, &element) && json_text(element, &text) ? text : SLICE_NONE;
}

static int read_mail(struct json_value item, size_t index, const struct delivery *delivery, struct arena *arena,
                     struct received_mail *ret, struct err *err) {
    struct inbound_builder builder;
    struct json_value to, headers = json_get(item, SLICE("Headers"));
    struct slice message_id = json_get_string(item, SLICE("MessageId"));
    if (headers.type != JSON_KIND_OBJECT && slice_empty(message_id))
        return err_set(err, ERR_INVALID, "mail %zu has neither Headers nor a MessageId", index);
    inbound_init(&builder, arena, delivery->received_at);
    inbound_add_header_object(&builder, headers);
    inbound_envelope_of_headers(&builder);
    inbound_add_missing_header(&builder, "Message-ID", message_id);
    inbound_add_missing_header(&builder, "In-Reply-To", json_get_string(item, SLICE("InReplyTo")));
    add_address_header(&builder, "From", json_get(item, SLICE("From")));
    add_address_header(&builder, "Reply-To", json_get(item, SLICE("ReplyTo")));
    struct json_iterator recipients = json_elements(json_get(item, SLICE("To")));
    if (json_next(&recipients, &to)) add_address_header(&builder, "To", to);
    inbound_add_missing_header(&builder, "Subject", json_get_string(item, SLICE("Subject")));
    inbound_add_missing_header(&builder, "Date", json_get_string(item, SLICE("SentAtDate")));
    builder.mail.text = inbound_text(&builder, json_get_string(item, SLICE("RawTextBody")));
    builder.mail.html = inbound_text(&builder, json_get_string(item, SLICE("RawHtmlBody")));
    if (slice_empty(builder.mail.text) && slice_empty(builder.mail.html))
        builder.mail.text = inbound_text(&builder, json_get_string(item, SLICE("ExtractedMarkdownMessage")));
    builder.mail.provider_id = text_keep(arena, first_text(json_get(item, SLICE("Uuid"))), EVENT_PROVIDER_ID_MAX_BYTES);
    *ret = inbound_finish(&builder);
    return 0;
}

int brevo_parse_inbound(const struct provider_endpoint *endpoint, const struct delivery *delivery,
                        struct json_reader *json, struct arena *arena, struct parsed_inbound *ret, struct err *err) {
    struct parsed_inbound parsed = {.outcome = PROVIDER_EVENTS};
    struct json_value root, item;
    (void)endpoint;
    int result = json_parse(json, delivery->body, &root, err);
    if (result != 0) return result;
    struct json_value items = json_get(root, SLICE("items"));
    if (items.type != JSON_KIND_ARRAY) return err_set(err, ERR_UNREADABLE, "the body has no list of items");
    size_t count = json_count(items), index = 0;
    if (count > PROVIDER_MAILS_MAX)
        return err_set(err, ERR_TOO_LARGE, "a delivery holds at most %d mails", PROVIDER_MAILS_MAX);
    struct received_mail *mails = arena_alloc_array(arena, count, sizeof(mails[0]));
    for (struct json_iterator iterator = json_elements(items); json_next(&iterator, &item); index++) {
        result = read_mail(item, index, delivery, arena, &mails[parsed.mail_count], err);
        if (result != 0) return result;
        parsed.mail_count++;
    }
    parsed.mails = mails;
    *ret = parsed;
    return 0;
}
