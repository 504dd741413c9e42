#include "providers/mail_json.h"

#include "base/hash.h"
#include "model/event.h"
#include "providers/text.h"

#include "base/banned.h"

#define HEADER_KEPT_MAX 32768

static void add_header(struct received_header *headers, size_t *count, struct slice name, struct slice value,
                       struct arena *arena) {
    if (*count == RECEIVED_MAIL_HEADERS_MAX || slice_empty(name)) return;
    headers[(*count)++] = (struct received_header){
        .name = text_keep(arena, name, 200),
        .value = text_keep(arena, value, HEADER_KEPT_MAX),
    };
}

static struct slice text_or_none(struct json_value value, struct arena *arena) {
    struct slice text;
    return text_of_value(value, arena, &text) ? text : SLICE_NONE;
}

/* A pair as an object or as an array of two. */
static void add_pair(struct json_value pair, struct received_header *headers, size_t *count, struct arena *arena) {
    struct json_value name, value;
    if (pair.type == JSON_KIND_ARRAY) {
        struct json_iterator elements = json_elements(pair);
        if (json_next(&elements, &name) && json_next(&elements, &value))
            add_header(headers, count, text_or_none(name, arena), text_or_none(value, arena), arena);
        return;
    }
    name = json_get(pair, SLICE("name"));
    value = json_get(pair, SLICE("value"));
    if (name.type == JSON_KIND_NONE) name = json_get(pair, SLICE("Name"));
    if (value.type == JSON_KIND_NONE) value = json_get(pair, SLICE("Value"));
    add_header(headers, count, text_or_none(name, arena), text_or_none(value, arena), arena);
}

bool mail_json_headers(struct json_value value, struct arena *arena, struct received_mail *mail) {
    if (value.type != JSON_KIND_OBJECT && value.type != JSON_KIND_ARRAY) return false;
    struct received_header *headers = arena_alloc_array(arena, RECEIVED_MAIL_HEADERS_MAX, sizeof(*headers));
    size_t count = 0;
    struct json_value element, item;
    struct slice name;
    struct json_iterator elements = json_elements(value), members = json_members(value);
    while (json_next(&elements, &element))
        add_pair(element, headers, &count, arena);
    while (json_next_member(&members, &name, &element)) {
        if (element.type != JSON_KIND_ARRAY) {
            add_header(headers, &count, name, text_or_none(element, arena), arena);
            continue;
        }
        for (struct json_iterator items = json_elements(element); json_next(&items, &item);)
            add_header(headers, &count, name, text_or_none(item, arena), arena);
    }
    mail->headers = headers;
    mail->header_count = count;
    return true;
}

static void add_recipient(struct slice text, struct slice *recipients, size_t *count, struct arena *arena) {
    struct slice recipient = text_keep_recipient(arena, text);
    if (recipient.len > 0) recipients[(*count)++] = recipient;
}

void mail_json_recipients(struct json_value value, struct arena *arena, struct received_mail *mail) {
    struct slice text;
    struct json_value element;
    bool single = json_text(value, &text);
    size_t max = single ? 1 : json_count(value), count = 0;
    if (!single && value.type != JSON_KIND_ARRAY) return;
    if (max > RECEIVED_MAIL_RECIPIENTS_MAX) max = RECEIVED_MAIL_RECIPIENTS_MAX;
    struct slice *recipients = arena_alloc_array(arena, max, sizeof(*recipients));
    if (single) add_recipient(text, recipients, &count, arena);
    for (struct json_iterator elements = json_elements(value); count < max && json_next(&elements, &element);)
        if (json_text(element, &text)) add_recipient(text, recipients, &count, arena);
    mail->recipients = recipients;
    mail->recipient_count = count;
}

void mail_json_sender(struct json_value value, struct arena *arena, struct received_mail *mail) {
    struct slice text;
    if (!json_text(value, &text)) return;
    mail->has_sender = true;
    mail->sender = text_keep(arena, recipient_address(text), EVENT_RECIPIENT_MAX_BYTES);
}

bool mail_json_base64(struct slice text, struct arena *arena, struct slice *ret) {
    char *packed = arena_bytes(arena, text.len);
    size_t packed_len = 0, len;
    for (size_t i = 0; i < text.len; i++)
        if (!strchr(" \t\r\n", text.ptr[i])) packed[packed_len++] = text.ptr[i];
    unsigned char *bytes = arena_alloc(arena, packed_len / 4 * 3 + 3);
    if (!base64_decode(slice_of(packed, packed_len), bytes, packed_len / 4 * 3 + 3, &len)) return false;
    *ret = slice_of((const char *)bytes, len);
    return true;
}
