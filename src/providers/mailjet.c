/* Mailjet's Event API (dev.mailjet.com/email/guides/webhooks). One object, or an array when events are grouped; nothing
 * is signed: basic credentials in the address are the lock. */
#include "base/clock.h"
#include "base/strbuf.h"
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
    if (ret->type == EVENT_BOUNCE) ret->bounce = bounce_kind_of(object);
    if (event_type_is_tracking(ret->type) || ret->type == EVENT_UNSUBSCRIBE)
        reading_client(object, "url", "ip", "agent", reading, ret);
    if (ret->type == EVENT_BOUNCE || ret->type == EVENT_DROPPED) reading_keep(object, failure, reading);
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
    const char *name = reading_name_of(READING_NAMES(event_names), event->type);
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
};
