/* Mailjet's Event API (dev.mailjet.com/email/guides/webhooks). One object, or an array when events are grouped; nothing
 * is signed: basic credentials in the address are the lock. */
#include "base/clock.h"
#include "base/strbuf.h"
#include "providers/inbound.h"
#include "providers/providers.h"
#include "providers/reading.h"
#include "providers/text.h"

#include "base/banned.h"

static const struct reading_name event_names[] = {
    {"sent", EVENT_DELIVERED}, /* "accepted by the destination's server", with its smtp_reply */
    {"open", EVENT_OPEN},       {"click", EVENT_CLICK}, {"bounce", EVENT_BOUNCE},
    {"blocked", EVENT_DROPPED}, {"spam", EVENT_SPAM},   {"unsub", EVENT_UNSUBSCRIBE},
};

/* A refusal for what the mail says or who sends it is a block, whatever hard_bounce says: the address is good. */
static enum bounce_kind bounce_kind_of(struct json_value object) {
    struct slice related = json_get_string(object, SLICE("error_related_to"));
    struct slice error = json_get_string(object, SLICE("error"));
    if (slice_equal(related, SLICE("spam")) || slice_equal(related, SLICE("policy")) ||
        slice_equal(related, SLICE("content")) || slice_equal(error, SLICE("policy issue")) ||
        slice_equal(error, SLICE("content blocked")))
        return BOUNCE_BLOCK;
    return reading_flag(object, "hard_bounce") ? BOUNCE_HARD : BOUNCE_SOFT;
}

/* MessageID is what the sending API told first: an integer beyond 2^53, or the same as text. */
static bool read_keys(struct json_value object, struct reading *reading, struct event *event) {
    static const char *const names[] = {"MessageID", "Message_GUID", "CustomID"};
    size_t count = 0;
    for (size_t i = 0; i < EVENT_KEYS_MAX; i++) {
        struct slice key = text_keep_key(reading->arena, reading_text(object, names[i], reading));
        if (key.len && !slice_equal(key, SLICE("0"))) event->keys[count++] = key;
    }
    return count > 0;
}

static int read_event(struct json_value object, size_t index, struct reading *reading, struct event *ret,
                      struct err *err) {
    static const char *const failure[] = {"error_related_to", "error", "comment", "blocked", "hard_bounce", NULL};
    static const char *const common[] = {"source",         "smtp_reply", "mj_list_id", "mj_campaign_id",
                                         "customcampaign", "CustomID",   NULL};
    struct slice name;
    if (!json_text(json_get(object, SLICE("event")), &name)) return reading_wrong(err, index, "event", "is missing");
    if (!reading_find_type(READING_NAMES(event_names), name, &ret->type)) return 0;
    int result = reading_identity(object, index, "time", "email", NULL, reading, ret, err);
    if (result != 0) return result;
    if (!read_keys(object, reading, ret))
        return reading_wrong(err, index, "MessageID", "is missing, as are Message_GUID and CustomID");
    /* Greylisted: Mailjet goes on trying (its table of errors). */
    if (ret->type == EVENT_BOUNCE && slice_equal(json_get_string(object, SLICE("error")), SLICE("greylisted")) &&
        !reading_flag(object, "hard_bounce"))
        ret->type = EVENT_DEFERRED;
    if (ret->type == EVENT_BOUNCE) ret->bounce = bounce_kind_of(object);
    if (event_type_is_tracking(ret->type) || ret->type == EVENT_UNSUBSCRIBE)
        reading_client(object, "url", "ip", "agent", reading, ret);
    if (ret->type == EVENT_BOUNCE || ret->type == EVENT_DROPPED || ret->type == EVENT_DEFERRED)
        reading_keep(object, failure, reading);
    reading_keep(object, common, reading);
    reading_variables_text(json_get_string(object, SLICE("Payload")), "Payload", reading, ret);
    return 1;
}

static int parse(const struct provider_endpoint *endpoint, const struct delivery *delivery, struct json_reader *json,
                 struct arena *arena, struct parsed_delivery *ret, struct err *err) {
    struct json_value root;
    (void)endpoint;
    int result = json_parse(json, delivery->body, &root, err);
    if (result != 0) return result;
    return reading_events(root, read_event, arena, ret, err);
}

/* ---- inbound: the Parse API (dev.mailjet.com/email/guides/parse-api) ---- */

static struct slice content_type_of(struct json_value part) {
    struct json_iterator members = json_members(json_get(part, SLICE("Headers")));
    struct json_value value;
    struct slice name, text;
    while (json_next_member(&members, &name, &value)) {
        if (slice_equal_nocase(name, SLICE("Content-Type")) && json_text(value, &text)) return text;
    }
    return SLICE_NONE;
}

/* A part names the member that holds its content; that of attachments is base64. */
static void add_parts(struct json_value root, struct inbound_builder *builder) {
    struct json_iterator parts = json_elements(json_get(root, SLICE("Parts")));
    struct json_value part;
    struct slice body;
    while (json_next(&parts, &part)) {
        struct slice type = content_type_of(part);
        struct slice content = json_get_string(root, json_get_string(part, SLICE("ContentRef")));
        if (inbound_is_report(type) && content.len && inbound_base64(builder->arena, content, &body))
            inbound_add_part(builder, type, body);
    }
}

static int parse_inbound(const struct provider_endpoint *endpoint, const struct delivery *delivery,
                         struct json_reader *json, struct arena *arena, struct parsed_inbound *ret, struct err *err) {
    struct parsed_inbound parsed = {.outcome = PROVIDER_EVENTS};
    struct inbound_builder builder;
    struct json_value root;
    (void)endpoint;
    int result = json_parse(json, delivery->body, &root, err);
    if (result != 0) return result;
    if (json_get(root, SLICE("event")).type == JSON_KIND_STRING) { /* an event, sent to the address of mails */
        parsed.ignored = 1;
        *ret = parsed;
        return 0;
    }
    struct json_value headers = json_get(root, SLICE("Headers")), sender = json_get(root, SLICE("Sender"));
    if (headers.type != JSON_KIND_OBJECT) return err_set(err, ERR_UNREADABLE, "the body is no mail: it has no Headers");
    inbound_init(&builder, arena, delivery->received_at);
    if (sender.type == JSON_KIND_STRING) inbound_set_sender(&builder, json_get_string(root, SLICE("Sender")));
    inbound_add_recipients(&builder, json_get_string(root, SLICE("Recipient")));
    inbound_add_header_object(&builder, headers);
    inbound_add_missing_header(&builder, "From", json_get_string(root, SLICE("From")));
    inbound_add_missing_header(&builder, "Subject", json_get_string(root, SLICE("Subject")));
    inbound_add_missing_header(&builder, "Date", json_get_string(root, SLICE("Date")));
    builder.mail.text = inbound_text(&builder, json_get_string(root, SLICE("Text-part")));
    builder.mail.html = inbound_text(&builder, json_get_string(root, SLICE("Html-part")));
    add_parts(root, &builder);
    struct received_mail *mail = arena_alloc(arena, sizeof(*mail));
    *mail = inbound_finish(&builder);
    parsed.mails = mail;
    parsed.mail_count = 1;
    *ret = parsed;
    return 0;
}

/* ---- compose ---- */

/* MessageID is a number there; a key that is none goes out as the caller's own id. */
static void write_key(struct strbuf *out, struct slice key) {
    int64_t number;
    if (slice_parse_i64(key, &number) && number > 0) {
        strbuf_printf(out, "\"MessageID\":%lld,", (long long)number);
    } else {
        text_write_member(out, "Message_GUID", key);
    }
}

static int write_event(struct strbuf *out, const struct event *event, struct err *err) {
    bool deferred = event->type == EVENT_DEFERRED;
    const char *name = reading_name_of(READING_NAMES(event_names), deferred ? EVENT_BOUNCE : event->type);
    struct strbuf payload;
    if (!name) return reading_no_event("Mailjet", event->type, err);
    strbuf_add_char(out, '{');
    text_write_member(out, "event", slice_cstr(name));
    write_key(out, event->keys[0]);
    text_write_member(out, "email", event->recipient);
    text_write_member(out, "url", event->url);
    text_write_member(out, "ip", event->ip_address);
    text_write_member(out, "agent", event->user_agent);
    if (event->type == EVENT_BOUNCE) {
        strbuf_printf(out, "\"hard_bounce\":%s,", event->bounce == BOUNCE_HARD ? "true" : "false");
        text_write_member(out, "error_related_to", event->bounce == BOUNCE_BLOCK ? SLICE("spam") : SLICE("recipient"));
    }
    if (deferred)
        strbuf_add_cstr(out, "\"hard_bounce\":false,\"error_related_to\":\"domain\",\"error\":\"greylisted\",");
    if (event->metadata.len > 2 || event->email_log_id > 0) {
        strbuf_init(&payload, 4 * EVENT_METADATA_MAX_BYTES);
        reading_write_variables_object(&payload, event);
        text_write_member(out, "Payload", strbuf_slice(&payload));
        strbuf_release(&payload);
    }
    strbuf_printf(out, "\"time\":%lld}", (long long)(event->occurred_at / SECOND_MS));
    return 0;
}

static int compose(const struct provider_endpoint *endpoint, const struct event *events, size_t count,
                   struct slice signing, int64_t now, struct arena *arena, struct composed_delivery *ret,
                   struct err *err) {
    struct strbuf body;
    int result = 0;
    (void)endpoint;
    (void)signing;
    (void)now;
    strbuf_init(&body, COMPOSED_MAX_BYTES);
    if (count != 1) strbuf_add_char(&body, '[');
    for (size_t i = 0; i < count && result == 0; i++) {
        if (i > 0) strbuf_add_char(&body, ',');
        result = write_event(&body, &events[i], err);
    }
    if (count != 1) strbuf_add_char(&body, ']');
    if (result == 0) result = reading_composed(&body, "application/json", arena, ret, err);
    strbuf_release(&body);
    return result;
}

const struct provider provider_mailjet = {
    .name = "mailjet",
    .title = "Mailjet",
    .secret_help = "Mailjet signs nothing: set credentials, and put them into the webhook's address",
    .events_per_delivery = PROVIDER_EVENTS_MAX,
    .parse = parse,
    .compose = compose,
    .parse_inbound = parse_inbound,
};
