/* Resend's webhooks (resend.com/docs/dashboard/webhooks). One JSON object a request, signed by Svix' headers (Standard
 * Webhooks). Resend delivers through Amazon SES, whose words its bounces use. */
#include "base/clock.h"
#include "base/strbuf.h"
#include "providers/inbound.h"
#include "providers/providers.h"
#include "providers/reading.h"
#include "providers/signature.h"
#include "providers/text.h"

#include "base/banned.h"

/* email.scheduled, contact.* and domain.* are about no email that was sent; a contact that unsubscribes is named
 * without one. email.received goes to the address of mails. */
static const struct reading_name event_names[] = {
    {"email.sent", EVENT_PROCESSED}, {"email.delivered", EVENT_DELIVERED}, {"email.delivery_delayed", EVENT_DEFERRED},
    {"email.bounced", EVENT_BOUNCE}, {"email.failed", EVENT_DROPPED},      {"email.suppressed", EVENT_DROPPED},
    {"email.opened", EVENT_OPEN},    {"email.clicked", EVENT_CLICK},       {"email.complained", EVENT_SPAM},
};

static void read_bounce(struct json_value bounce, struct event *event) {
    struct slice type = json_get_string(bounce, SLICE("type")), subtype = json_get_string(bounce, SLICE("subType"));
    if (slice_equal(subtype, SLICE("Suppressed")) || slice_equal(subtype, SLICE("OnAccountSuppressionList"))) {
        event->type = EVENT_DROPPED; /* never tried */
        return;
    }
    bool soft = slice_equal(type, SLICE("Transient")) || slice_equal(type, SLICE("Undetermined"));
    event->bounce = soft ? BOUNCE_SOFT : BOUNCE_HARD; /* a bounce without a type is final */
}

/* A list of {name, value}, or an object. */
static void read_tags(struct json_value tags, struct reading *reading, struct event *event) {
    struct json_value tag;
    reading_variables(tags, reading, event);
    for (struct json_iterator iterator = json_elements(tags); json_next(&iterator, &tag);) {
        struct slice name = json_get_string(tag, SLICE("name"));
        if (name.len) reading_variable(name, json_get(tag, SLICE("value")), reading, event);
    }
}

static void read_details(struct json_value data, struct reading *reading, struct event *event) {
    static const char *const bounce[] = {"type", "subType", "message", "diagnosticCode", NULL};
    static const char *const failed[] = {"reason", NULL};
    static const char *const common[] = {"broadcast_id", "template_id", NULL};
    struct json_value click = json_get(data, SLICE("click"));
    if (event->type == EVENT_CLICK) reading_client(click, "link", "ipAddress", "userAgent", reading, event);
    if (event->type == EVENT_OPEN)
        reading_client(json_get(data, SLICE("open")), NULL, "ipAddress", "userAgent", reading, event);
    reading_keep(json_get(data, SLICE("bounce")), bounce, reading);
    reading_keep(json_get(data, SLICE("failed")), failed, reading);
    reading_keep(json_get(data, SLICE("suppressed")), bounce, reading);
    reading_keep(data, common, reading);
    read_tags(json_get(data, SLICE("tags")), reading, event);
}

/* What all recipients' events share. 1, 0 or -err_code as reading_event_fn. */
static int read_event(struct json_value root, const struct delivery *delivery, struct reading *reading,
                      struct event *ret, struct err *err) {
    struct json_value data = json_get(root, SLICE("data"));
    struct slice name, id = standard_webhooks_id(delivery);
    if (!json_text(json_get(root, SLICE("type")), &name)) return err_set(err, ERR_INVALID, "type is missing");
    if (!reading_find_type(READING_NAMES(event_names), name, &ret->type)) return 0;
    if (!json_time(json_get(root, SLICE("created_at")), &ret->occurred_at))
        return err_set(err, ERR_INVALID, "created_at is missing or no time");
    ret->keys[0] = text_keep_key(reading->arena, json_get_string(data, SLICE("email_id")));
    if (slice_empty(ret->keys[0])) return err_set(err, ERR_INVALID, "email_id is missing or too long");
    ret->keys[1] = text_keep_key(reading->arena, json_get_string(data, SLICE("message_id")));
    if (slice_is_utf8(id)) ret->provider_event_id = text_keep(reading->arena, id, EVENT_PROVIDER_ID_MAX_BYTES);
    if (ret->type == EVENT_BOUNCE) read_bounce(json_get(data, SLICE("bounce")), ret);
    read_details(data, reading, ret);
    ret->metadata = metadata_finish(&reading->metadata, reading->arena);
    return 1;
}

/* An event for each recipient whom it concerns. */
static int spread(struct json_value to, const struct event *event, struct arena *arena, struct parsed_delivery *parsed,
                  struct err *err) {
    bool single = to.type == JSON_KIND_STRING;
    size_t count = single ? 1 : json_count(to);
    struct json_iterator elements = json_elements(to);
    struct json_value element = to;
    struct slice text;
    if (count > PROVIDER_EVENTS_MAX)
        return err_set(err, ERR_TOO_LARGE, "a delivery holds at most %d events", PROVIDER_EVENTS_MAX);
    parsed->events = arena_alloc_array(arena, count, sizeof(struct event));
    while (single ? parsed->event_count == 0 : json_next(&elements, &element)) {
        struct event *one = &parsed->events[parsed->event_count];
        *one = *event;
        if (json_text(element, &text)) one->recipient = text_keep_recipient(arena, text);
        if (slice_empty(one->recipient)) return err_set(err, ERR_INVALID, "to holds something that is no address");
        parsed->event_count++;
    }
    return parsed->event_count ? 0 : err_set(err, ERR_INVALID, "to is missing");
}

static int parse(const struct provider_endpoint *endpoint, const struct delivery *delivery, struct json_reader *json,
                 struct arena *arena, struct parsed_delivery *ret, struct err *err) {
    struct parsed_delivery parsed = {.outcome = PROVIDER_EVENTS};
    struct event event = {.link_position = LINK_POSITION_NONE};
    struct json_value root;
    (void)endpoint;
    int result = json_parse(json, delivery->body, &root, err);
    if (result != 0) return result;
    if (root.type != JSON_KIND_OBJECT) return err_set(err, ERR_UNREADABLE, "the body is no event of Resend");
    struct reading reading;
    reading_init(&reading, arena);
    result = read_event(root, delivery, &reading, &event, err);
    reading_release(&reading);
    if (result < 0) return result;
    if (result == 0) {
        parsed.ignored = 1;
    } else {
        result = spread(json_get(json_get(root, SLICE("data")), SLICE("to")), &event, arena, &parsed, err);
        if (result != 0) return result;
    }
    *ret = parsed;
    return 0;
}

/* ---- inbound ---- */

/* Addresses as one header. */
static void add_addresses(struct inbound_builder *builder, const char *name, struct json_value list) {
    struct json_iterator elements = json_elements(list);
    struct json_value element;
    struct slice text;
    struct strbuf joined;
    strbuf_init(&joined, 64 << 10);
    while (json_next(&elements, &element)) {
        if (!json_text(element, &text)) continue;
        if (joined.len) strbuf_add_cstr(&joined, ", ");
        strbuf_add_slice(&joined, text);
    }
    inbound_add_missing_header(builder, name, strbuf_slice(&joined));
    strbuf_release(&joined);
}

static void add_headers(struct json_value headers, struct inbound_builder *builder) {
    struct json_iterator elements = json_elements(headers);
    struct json_value value;
    inbound_add_header_object(builder, headers);
    while (json_next(&elements, &value))
        inbound_add_header(builder, json_get_string(value, SLICE("name")), json_get_string(value, SLICE("value")));
}

/* email.received tells of a mail without its text, which has to be fetched: the headers say who replied to what. */
static int parse_inbound(const struct provider_endpoint *endpoint, const struct delivery *delivery,
                         struct json_reader *json, struct arena *arena, struct parsed_inbound *ret, struct err *err) {
    struct parsed_inbound parsed = {.outcome = PROVIDER_EVENTS};
    struct inbound_builder builder;
    struct json_value root;
    int64_t received_at;
    (void)endpoint;
    int result = json_parse(json, delivery->body, &root, err);
    if (result != 0) return result;
    if (root.type != JSON_KIND_OBJECT) return err_set(err, ERR_UNREADABLE, "the body is no event of Resend");
    if (!slice_equal(json_get_string(root, SLICE("type")), SLICE("email.received"))) {
        parsed.ignored = 1;
        *ret = parsed;
        return 0;
    }
    struct json_value data = json_get(root, SLICE("data"));
    struct slice id = json_get_string(data, SLICE("email_id"));
    if (slice_empty(id)) return err_set(err, ERR_INVALID, "email_id is missing");
    if (!json_time(json_get(root, SLICE("created_at")), &received_at)) received_at = delivery->received_at;
    inbound_init(&builder, arena, received_at);
    add_headers(json_get(data, SLICE("headers")), &builder);
    inbound_add_missing_header(&builder, "From", json_get_string(data, SLICE("from")));
    add_addresses(&builder, "To", json_get(data, SLICE("to")));
    add_addresses(&builder, "Cc", json_get(data, SLICE("cc")));
    inbound_add_missing_header(&builder, "Subject", json_get_string(data, SLICE("subject")));
    inbound_add_missing_header(&builder, "Message-ID", json_get_string(data, SLICE("message_id")));
    builder.mail.provider_id = text_keep(arena, id, EVENT_PROVIDER_ID_MAX_BYTES);
    struct received_mail *mail = arena_alloc(arena, sizeof(*mail));
    *mail = inbound_finish(&builder);
    parsed.mails = mail;
    parsed.mail_count = 1;
    *ret = parsed;
    return 0;
}

/* ---- compose ---- */

#define BODY_MAX_BYTES (64 << 10)

static void write_data(struct strbuf *out, const struct event *event) {
    strbuf_add_cstr(out, "\"data\":{");
    text_write_member(out, "email_id", event->keys[0]);
    text_write_member(out, "message_id", event->keys[1]);
    if (event->type == EVENT_BOUNCE)
        strbuf_printf(out, "\"bounce\":{\"type\":\"%s\",\"subType\":\"General\"},",
                      event->bounce == BOUNCE_HARD ? "Permanent" : "Transient");
    if (event->type == EVENT_DROPPED) strbuf_add_cstr(out, "\"failed\":{\"reason\":\"reached_daily_quota\"},");
    if (event_type_is_tracking(event->type)) {
        strbuf_printf(out, "\"%s\":{", event->type == EVENT_CLICK ? "click" : "open");
        text_write_member(out, "ipAddress", event->ip_address);
        text_write_member(out, "link", event->url);
        text_write_member(out, "userAgent", event->user_agent);
        char time[TIME_TEXT_MAX];
        strbuf_add_cstr(out, "\"timestamp\":");
        text_write_json(out, time_format(event->occurred_at, time));
        strbuf_add_cstr(out, "},");
    }
    reading_write_variables(out, "tags", event);
    strbuf_add_cstr(out, "\"to\":[");
    text_write_json(out, event->recipient);
    strbuf_add_cstr(out, "]}");
}

static int compose(const struct provider_endpoint *endpoint, const struct event *events, size_t count,
                   struct slice signing, int64_t now, struct arena *arena, struct composed_delivery *ret,
                   struct err *err) {
    const char *name = reading_name_of(READING_NAMES(event_names), events[0].type);
    struct composed_delivery composed = {.content_type = "application/json"};
    char time[TIME_TEXT_MAX];
    struct strbuf body;
    (void)endpoint;
    if (count != 1) return err_set(err, ERR_INVALID, "Resend sends one event a delivery");
    if (!name) return reading_no_event("Resend", events[0].type, err);
    strbuf_init(&body, BODY_MAX_BYTES);
    strbuf_add_char(&body, '{');
    text_write_member(&body, "type", slice_cstr(name));
    text_write_member(&body, "created_at", time_format(events[0].occurred_at, time));
    write_data(&body, &events[0]);
    strbuf_add_char(&body, '}');
    int result = reading_composed(&body, "application/json", arena, &composed, err);
    if (result == 0) result = standard_webhooks_sign(signing, now, arena, &composed, err);
    if (result == 0) *ret = composed;
    strbuf_release(&body);
    return result;
}

const struct provider provider_resend = {
    .name = "resend",
    .title = "Resend",
    .secret_help = "The signing secret of the webhook, whsec_… (Webhooks, the webhook's page)",
    .signing_help = "the webhook's whsec_ secret",
    .status_bad_signature = 401, /* everything but 2xx is tried again for a day */
    .secret_required = true,
    .timestamp_tolerance_ms = STANDARD_WEBHOOKS_TOLERANCE_MS, /* every try is signed anew */
    .events_per_delivery = 1,
    .secret_parse = standard_webhooks_secret_parse,
    .secret_free = standard_webhooks_secret_free,
    .verify = standard_webhooks_verify,
    .parse = parse,
    .compose = compose,
    .parse_inbound = parse_inbound,
};
