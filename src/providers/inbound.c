#include "providers/inbound.h"

#include "base/hash.h"
#include "base/memory.h"
#include "model/event.h"

#include "base/banned.h"

void inbound_init(struct inbound_builder *builder, struct arena *arena, int64_t received_at) {
    *builder = (struct inbound_builder){.arena = arena, .mail = {.received_at = received_at}};
}

/* Room for one more element in `list`, which moves when it is full. */
static void *grown(struct arena *arena, void *list, size_t count, size_t *capacity, size_t size) {
    if (count < *capacity) return list;
    *capacity = memory_next_capacity(*capacity, count + 1);
    void *larger = arena_alloc_array(arena, *capacity, size);
    if (count) memcpy(larger, list, count * size);
    return larger;
}

static const struct received_header *find_header(const struct inbound_builder *builder, struct slice name) {
    for (size_t i = 0; i < builder->mail.header_count; i++) {
        if (slice_equal_nocase(builder->headers[i].name, name)) return &builder->headers[i];
    }
    return NULL;
}

void inbound_add_header(struct inbound_builder *builder, struct slice name, struct slice value) {
    struct received_mail *mail = &builder->mail;
    name = slice_trim(name);
    if (slice_empty(name) || mail->header_count == RECEIVED_MAIL_HEADERS_MAX) return;
    builder->headers = grown(builder->arena, builder->headers, mail->header_count, &builder->header_capacity,
                             sizeof(builder->headers[0]));
    builder->headers[mail->header_count++] = (struct received_header){
        .name = arena_copy(builder->arena, name),
        .value = arena_copy(builder->arena, slice_trim(value)),
    };
}

void inbound_add_header_object(struct inbound_builder *builder, struct json_value headers) {
    struct json_iterator members = json_members(headers);
    struct json_value value, element;
    struct slice name, text;
    while (json_next_member(&members, &name, &value)) {
        if (json_text(value, &text)) inbound_add_header(builder, name, text);
        for (struct json_iterator elements = json_elements(value); json_next(&elements, &element);) {
            if (json_text(element, &text)) inbound_add_header(builder, name, text);
        }
    }
}

void inbound_add_missing_header(struct inbound_builder *builder, const char *name, struct slice value) {
    if (slice_empty(slice_trim(value))) return;
    if (!find_header(builder, slice_cstr(name))) inbound_add_header(builder, slice_cstr(name), value);
}

void inbound_add_recipients(struct inbound_builder *builder, struct slice text) {
    struct slice rest = text, part;
    while (slice_split_next(&rest, ',', &part)) {
        struct slice address = recipient_address(part);
        if (slice_empty(address) || builder->mail.recipient_count == RECEIVED_MAIL_RECIPIENTS_MAX) continue;
        builder->recipients = grown(builder->arena, builder->recipients, builder->mail.recipient_count,
                                    &builder->recipient_capacity, sizeof(builder->recipients[0]));
        builder->recipients[builder->mail.recipient_count++] = arena_copy(builder->arena, address);
    }
}

void inbound_set_sender(struct inbound_builder *builder, struct slice text) {
    struct slice address = recipient_address(text);
    builder->mail.has_sender = true;
    builder->mail.sender = slice_empty(address) ? SLICE_NONE : arena_copy(builder->arena, address);
}

void inbound_envelope_of_headers(struct inbound_builder *builder) {
    const struct received_header *sender = find_header(builder, SLICE("Return-Path"));
    const struct received_header *recipient = find_header(builder, SLICE("Delivered-To"));
    if (sender && !builder->mail.has_sender) inbound_set_sender(builder, sender->value);
    if (recipient && builder->mail.recipient_count == 0) inbound_add_recipients(builder, recipient->value);
}

struct slice inbound_text(struct inbound_builder *builder, struct slice text) {
    if (slice_empty(text)) return SLICE_NONE;
    char *copy = arena_bytes(builder->arena, text.len);
    memcpy(copy, text.ptr, text.len);
    struct slice rest = slice_of(copy, text.len);
    if (slice_is_utf8(rest)) return rest;
    for (size_t at = 0; at < text.len;) {
        size_t len = slice_utf8_char(slice_from(rest, at));
        if (len == 0) copy[at] = '?';
        at += len ? len : 1;
    }
    return rest;
}

static struct slice without_parameters(struct slice content_type) {
    ptrdiff_t semicolon = slice_find_char(content_type, ';');
    return slice_trim(semicolon < 0 ? content_type : slice_first(content_type, (size_t)semicolon));
}

bool inbound_is_report(struct slice content_type) {
    struct slice type = without_parameters(content_type);
    return slice_equal_nocase(type, SLICE("message/delivery-status")) ||
           slice_equal_nocase(type, SLICE("message/feedback-report")) ||
           slice_equal_nocase(type, SLICE("message/rfc822")) || slice_equal_nocase(type, SLICE("text/rfc822-headers"));
}

void inbound_add_part(struct inbound_builder *builder, struct slice content_type, struct slice body) {
    if (!inbound_is_report(content_type) || builder->mail.part_count == RECEIVED_MAIL_PARTS_MAX) return;
    builder->parts = grown(builder->arena, builder->parts, builder->mail.part_count, &builder->part_capacity,
                           sizeof(builder->parts[0]));
    builder->parts[builder->mail.part_count++] = (struct received_part){
        .content_type = arena_copy(builder->arena, without_parameters(content_type)),
        .body = arena_copy(builder->arena, body),
    };
}

bool inbound_base64(struct arena *arena, struct slice text, struct slice *ret) {
    char *plain = arena_bytes(arena, text.len + 1), *decoded = arena_bytes(arena, text.len + 1);
    size_t len = 0, decoded_len;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c != '\r' && c != '\n' && c != ' ' && c != '\t') plain[len++] = c;
    }
    if (!base64_decode(slice_of(plain, len), (unsigned char *)decoded, text.len + 1, &decoded_len)) return false;
    *ret = slice_of(decoded, decoded_len);
    return true;
}

struct received_mail inbound_finish(struct inbound_builder *builder) {
    struct received_mail mail = builder->mail;
    mail.headers = builder->headers;
    mail.recipients = builder->recipients;
    mail.parts = builder->parts;
    return mail;
}
