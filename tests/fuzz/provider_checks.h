/* provider_checks: what every provider promises of what it returns, for the fuzz targets. */
#ifndef INKLING_TESTS_FUZZ_PROVIDER_CHECKS_H
#define INKLING_TESTS_FUZZ_PROVIDER_CHECKS_H

#include <stdlib.h>

#include "base/arena.h"
#include "base/json.h"
#include "providers/providers.h"
#include "providers/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void check(bool holds) {
    if (!holds) abort();
}

static inline struct slice no_header(const struct delivery *delivery, struct slice name) {
    return SLICE_NONE;
}

static inline void check_text(struct slice text, size_t max) {
    check(text.len <= max && slice_is_utf8(text) && slice_find_char(text, '\0') < 0);
}

static inline void check_event(const struct event *event, struct arena *arena) {
    struct json_value metadata;
    check(event->type >= EVENT_PROCESSED && event->type <= EVENT_TYPE_MAX);
    check(event->bounce == BOUNCE_NONE || event->type == EVENT_BOUNCE);
    check(event->machine == MACHINE_HINT_NONE || event_type_is_tracking(event->type));
    check(event->occurred_at >= 0 && event->email_log_id >= 0 && event->link_position >= LINK_POSITION_NONE);
    check(event->keys[0].len > 0);
    for (size_t i = 0; i < EVENT_KEYS_MAX; i++) {
        check_text(event->keys[i], EVENT_KEY_MAX_BYTES);
        struct slice normal = message_id_normalize(event->keys[i]);
        check(normal.len <= event->keys[i].len);
    }
    check_text(event->recipient, EVENT_RECIPIENT_MAX_BYTES);
    check_text(event->url, EVENT_URL_MAX_BYTES);
    check(slice_empty(event->url) || event->type == EVENT_CLICK);
    check_text(event->ip_address, 64);
    check_text(event->user_agent, EVENT_AGENT_MAX_BYTES);
    check_text(event->provider_event_id, EVENT_PROVIDER_ID_MAX_BYTES);
    check_text(event->metadata, EVENT_METADATA_MAX_BYTES);
    if (slice_empty(event->metadata)) return;
    struct json_reader *reader = json_reader_new();
    check(json_parse(reader, text_keep_padded(arena, event->metadata), &metadata, NULL) == 0);
    check(metadata.type == JSON_KIND_OBJECT && json_count(metadata) > 0);
    json_reader_free(reader);
}

/* Parses `body` and checks all that comes out; false when it was refused. */
static inline bool check_parse(const struct provider_endpoint *endpoint, struct delivery *delivery, struct slice body,
                               struct arena *arena) {
    struct json_reader *json = json_reader_new();
    struct parsed_delivery parsed = {0};
    struct err err = {0};
    delivery->body = text_keep_padded(arena, body);
    int result = endpoint->provider->parse(endpoint, delivery, json, arena, &parsed, &err);
    json_reader_free(json);
    if (result < 0) {
        check(result == -(int)err.code && err.text[0]);
        check(err.code == ERR_UNREADABLE || err.code == ERR_INVALID || err.code == ERR_TOO_LARGE);
        check(!parsed.events && parsed.event_count == 0);
        return false;
    }
    check(parsed.event_count <= PROVIDER_EVENTS_MAX && parsed.ignored <= PROVIDER_EVENTS_MAX);
    for (size_t i = 0; i < parsed.event_count; i++)
        check_event(&parsed.events[i], arena);
    if (parsed.outcome == PROVIDER_HANDSHAKE) {
        check(parsed.event_count == 0);
        if (slice_empty(parsed.handshake.answer))
            check(slice_starts_with(parsed.handshake.confirm_url, SLICE("https://sns.")));
        check_text(parsed.handshake.confirm_url, 8192);
        check_text(parsed.handshake.answer, 8192);
    }
    return true;
}

/* Received mail: within its bounds, and either whole or in parts. */
static inline void check_mail(const struct received_mail *mail) {
    check(mail->header_count <= RECEIVED_MAIL_HEADERS_MAX && mail->part_count <= RECEIVED_MAIL_PARTS_MAX);
    check(mail->recipient_count <= RECEIVED_MAIL_RECIPIENTS_MAX && mail->received_at >= 0);
    check(slice_empty(mail->raw) || (mail->header_count == 0 && mail->part_count == 0));
    check(slice_is_utf8(mail->text) && slice_is_utf8(mail->html) && slice_is_utf8(mail->provider_id));
    check(mail->has_sender || slice_empty(mail->sender));
    for (size_t i = 0; i < mail->header_count; i++)
        check(mail->headers[i].name.len > 0);
    for (size_t i = 0; i < mail->recipient_count; i++)
        check(mail->recipients[i].len > 0);
    for (size_t i = 0; i < mail->part_count; i++)
        check(mail->parts[i].content_type.len > 0 && slice_find_char(mail->parts[i].content_type, ';') < 0);
}

static inline bool check_parse_inbound(const struct provider_endpoint *endpoint, struct delivery *delivery,
                                       struct slice body, struct arena *arena) {
    struct json_reader *json = json_reader_new();
    struct parsed_inbound parsed = {0};
    struct err err = {0};
    delivery->body = text_keep_padded(arena, body);
    delivery->inbound = true;
    int result = endpoint->provider->parse_inbound(endpoint, delivery, json, arena, &parsed, &err);
    json_reader_free(json);
    if (result < 0) {
        check(result == -(int)err.code && err.text[0]);
        check(err.code == ERR_UNREADABLE || err.code == ERR_INVALID || err.code == ERR_TOO_LARGE);
        check(!parsed.mails && parsed.mail_count == 0);
        return false;
    }
    check(parsed.mail_count + parsed.ignored <= PROVIDER_MAILS_MAX);
    for (size_t i = 0; i < parsed.mail_count; i++)
        check_mail(&parsed.mails[i]);
    return true;
}

/* The body as events and, where the provider has them, as mails. */
static inline void check_body(const struct provider *provider, struct slice body,
                              struct slice (*header)(const struct delivery *delivery, struct slice name)) {
    struct arena *arena = arena_new();
    const struct provider_endpoint endpoint = {.provider = provider};
    struct delivery delivery = {.header = header};
    check_parse(&endpoint, &delivery, body, arena);
    if (provider->parse_inbound) check_parse_inbound(&endpoint, &delivery, body, arena);
    arena_free(arena);
}

#endif
