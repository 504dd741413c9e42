#include "providers/receiving.h"

#include "base/hash.h"

#include "base/banned.h"

void receiving_init(struct receiving *receiving, struct arena *arena) {
    *receiving = (struct receiving){.arena = arena};
}

void receiving_header(struct receiving *receiving, struct slice name, struct slice value) {
    struct received_mail *mail = &receiving->mail;
    if (slice_empty(slice_trim(value)) || mail->header_count == RECEIVED_MAIL_HEADERS_MAX) return;
    if (!receiving->headers) {
        receiving->headers =
            arena_alloc_array(receiving->arena, RECEIVED_MAIL_HEADERS_MAX, sizeof(*receiving->headers));
        mail->headers = receiving->headers;
    }
    receiving->headers[mail->header_count++] = (struct received_header){
        .name = arena_copy(receiving->arena, name),
        .value = arena_copy(receiving->arena, value),
    };
}

void receiving_headers(struct receiving *receiving, struct json_value object) {
    struct json_iterator iterator = json_members(object);
    struct slice name, text;
    struct json_value value, element;
    while (json_next_member(&iterator, &name, &value)) {
        struct json_iterator elements = json_elements(value);
        if (json_text(value, &text)) receiving_header(receiving, name, text);
        while (json_next(&elements, &element)) {
            if (json_text(element, &text)) receiving_header(receiving, name, text);
        }
    }
}

void receiving_recipient(struct receiving *receiving, struct slice address) {
    struct received_mail *mail = &receiving->mail;
    struct slice trimmed = slice_trim(address);
    if (slice_empty(trimmed) || !slice_is_utf8(trimmed) || mail->recipient_count == RECEIVED_MAIL_RECIPIENTS_MAX)
        return;
    if (!receiving->recipients) {
        receiving->recipients =
            arena_alloc_array(receiving->arena, RECEIVED_MAIL_RECIPIENTS_MAX, sizeof(*receiving->recipients));
        mail->recipients = receiving->recipients;
    }
    receiving->recipients[mail->recipient_count++] = arena_copy(receiving->arena, trimmed);
}

void receiving_sender(struct receiving *receiving, struct slice address) {
    struct slice trimmed = slice_trim(address);
    if (slice_starts_with(trimmed, SLICE("<")) && slice_ends_with(trimmed, SLICE(">")))
        trimmed = slice_trim(slice_first(slice_from(trimmed, 1), trimmed.len - 2));
    if (!slice_is_utf8(trimmed)) return;
    receiving->mail.has_sender = true;
    receiving->mail.sender = slice_empty(trimmed) ? SLICE_NONE : arena_copy(receiving->arena, trimmed);
}

bool receiving_decode(struct arena *arena, struct slice base64, struct slice *ret) {
    char *compact = arena_bytes(arena, base64.len + 1);
    size_t len = 0, decoded_len;
    for (size_t i = 0; i < base64.len; i++) {
        char c = base64.ptr[i];
        if (c != ' ' && c != '\t' && c != '\r' && c != '\n') compact[len++] = c;
    }
    char *decoded = arena_bytes(arena, len / 4 * 3 + 3);
    if (!base64_decode(slice_of(compact, len), (unsigned char *)decoded, len / 4 * 3 + 3, &decoded_len)) return false;
    *ret = slice_of(decoded, decoded_len);
    return true;
}

/* Reports (RFC 6522), the mails they are about, and their headers. */
static bool is_report(struct slice content_type) {
    return slice_equal_nocase(content_type, SLICE("message/delivery-status")) ||
           slice_equal_nocase(content_type, SLICE("message/feedback-report")) ||
           slice_equal_nocase(content_type, SLICE("message/rfc822")) ||
           slice_equal_nocase(content_type, SLICE("text/rfc822-headers"));
}

void receiving_part(struct receiving *receiving, struct slice content_type, struct slice base64) {
    struct received_mail *mail = &receiving->mail;
    struct slice rest = content_type, bare, body;
    if (mail->part_count == RECEIVED_MAIL_PARTS_MAX || !slice_split_next(&rest, ';', &bare)) return;
    bare = slice_trim(bare);
    if (!is_report(bare) || !receiving_decode(receiving->arena, base64, &body)) return;
    if (!receiving->parts) {
        receiving->parts = arena_alloc_array(receiving->arena, RECEIVED_MAIL_PARTS_MAX, sizeof(*receiving->parts));
        mail->parts = receiving->parts;
    }
    receiving->parts[mail->part_count++] = (struct received_part){
        .content_type = arena_copy(receiving->arena, bare),
        .body = body,
    };
}

struct slice receiving_text(struct arena *arena, struct slice text) {
    return slice_empty(text) || !slice_is_utf8(text) ? SLICE_NONE : arena_copy(arena, text);
}
