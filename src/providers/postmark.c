/* Postmark's webhooks (postmarkapp.com/developer/webhooks). One JSON object a request; nothing is signed: basic
 * credentials in the address, or a header set on the webhook, are the lock. */
#include "base/clock.h"
#include "base/strbuf.h"
#include "providers/inbound.h"
#include "providers/providers.h"
#include "providers/reading.h"
#include "providers/text.h"

#include "base/banned.h"

enum record { RECORD_DELIVERY, RECORD_BOUNCE, RECORD_COMPLAINT, RECORD_OPEN, RECORD_CLICK, RECORD_SUBSCRIPTION };

struct record_type {
    const char *name;
    enum record record;
    enum event_type type; /* of bounces and subscriptions: to be refined */
    const char *time_name, *recipient_name;
};
static const struct record_type record_types[] = {
    {"Delivery", RECORD_DELIVERY, EVENT_DELIVERED, "DeliveredAt", "Recipient"},
    {"Bounce", RECORD_BOUNCE, EVENT_BOUNCE, "BouncedAt", "Email"},
    {"SpamComplaint", RECORD_COMPLAINT, EVENT_SPAM, "BouncedAt", "Email"},
    {"Open", RECORD_OPEN, EVENT_OPEN, "ReceivedAt", "Recipient"},
    {"Click", RECORD_CLICK, EVENT_CLICK, "ReceivedAt", "Recipient"},
    {"SubscriptionChange", RECORD_SUBSCRIPTION, EVENT_UNSUBSCRIBE, "ChangedAt", "Recipient"},
};
#define RECORD_TYPE_COUNT (sizeof(record_types) / sizeof(record_types[0]))

static const struct record_type *find_record(struct slice name) {
    for (size_t i = 0; i < RECORD_TYPE_COUNT; i++) {
        if (slice_equal(name, slice_cstr(record_types[i].name))) return &record_types[i];
    }
    return NULL;
}

/* ---- what a bounce is ---- */

struct bounce_type {
    const char *name;
    enum event_type type;
    enum bounce_kind kind;
};
/* postmarkapp.com/developer/api/bounce-api "Bounce types". Those that are not here (AutoResponder, Subscribe …) are
 * none: an answering machine is not a bounce. */
static const struct bounce_type bounce_types[] = {
    {"HardBounce", EVENT_BOUNCE, BOUNCE_HARD},
    {"BadEmailAddress", EVENT_BOUNCE, BOUNCE_HARD},
    {"AddressChange", EVENT_BOUNCE, BOUNCE_HARD},
    {"Transient", EVENT_DEFERRED, BOUNCE_NONE}, /* Postmark goes on trying */
    {"SoftBounce", EVENT_BOUNCE, BOUNCE_SOFT},
    {"DnsError", EVENT_BOUNCE, BOUNCE_SOFT},
    {"Unknown", EVENT_BOUNCE, BOUNCE_SOFT},
    {"ChallengeVerification", EVENT_BOUNCE, BOUNCE_SOFT},
    {"OpenRelayTest", EVENT_BOUNCE, BOUNCE_SOFT},
    {"InboundError", EVENT_BOUNCE, BOUNCE_SOFT},
    {"Blocked", EVENT_BOUNCE, BOUNCE_BLOCK},
    {"SpamNotification", EVENT_BOUNCE, BOUNCE_BLOCK},
    {"VirusNotification", EVENT_BOUNCE, BOUNCE_BLOCK},
    {"DMARCPolicy", EVENT_BOUNCE, BOUNCE_BLOCK},
    {"ManuallyDeactivated", EVENT_DROPPED, BOUNCE_NONE},
    {"Unconfirmed", EVENT_DROPPED, BOUNCE_NONE},
    {"SMTPApiError", EVENT_DROPPED, BOUNCE_NONE},
    {"TemplateRenderingFailed", EVENT_DROPPED, BOUNCE_NONE},
    {"SpamComplaint", EVENT_SPAM, BOUNCE_NONE},
    {"Unsubscribe", EVENT_UNSUBSCRIBE, BOUNCE_NONE},
};
#define BOUNCE_TYPE_COUNT (sizeof(bounce_types) / sizeof(bounce_types[0]))

static const struct bounce_type *find_bounce(struct slice name) {
    for (size_t i = 0; i < BOUNCE_TYPE_COUNT; i++) {
        if (slice_equal(name, slice_cstr(bounce_types[i].name))) return &bounce_types[i];
    }
    return NULL;
}

static const char nil_uuid[] = "00000000-0000-0000-0000-000000000000";

/* Does this change tell something new? A suppression after a bounce or a complaint repeats that event, and one made by
 * hand in Postmark belongs to no mail. */
static bool read_subscription(struct json_value object, struct event *event) {
    struct slice id = json_get_string(object, SLICE("MessageID"));
    if (slice_empty(id) || slice_equal(id, slice_cstr(nil_uuid))) return false;
    if (!reading_flag(object, "SuppressSending")) {
        event->type = EVENT_GROUP_RESUBSCRIBE;
        return true;
    }
    return slice_equal(json_get_string(object, SLICE("SuppressionReason")), SLICE("ManualSuppression"));
}

/* False when it is to be ignored. */
static bool read_type(struct json_value object, const struct record_type *record, struct event *event) {
    event->type = record->type;
    if (record->record == RECORD_SUBSCRIPTION) return read_subscription(object, event);
    if (record->record != RECORD_BOUNCE) return true;
    const struct bounce_type *bounce = find_bounce(json_get_string(object, SLICE("Type")));
    if (!bounce) return false;
    event->type = bounce->type;
    event->bounce = bounce->kind;
    return true;
}

static void keep_details(struct json_value object, const struct record_type *record, struct reading *reading,
                         struct event *event) {
    static const char *const bounce[] = {"Type", "TypeCode", "Description", "Details", "Inactive", "CanActivate", NULL};
    static const char *const subscription[] = {"SuppressionReason", "Origin", NULL};
    static const char *const click[] = {"ClickLocation", "Platform", NULL};
    static const char *const open[] = {"FirstOpen", "Platform", NULL};
    static const char *const delivery[] = {"Details", NULL};
    static const char *const *const by_record[] = {
        [RECORD_DELIVERY] = delivery, [RECORD_BOUNCE] = bounce, [RECORD_COMPLAINT] = bounce,
        [RECORD_OPEN] = open,         [RECORD_CLICK] = click,   [RECORD_SUBSCRIPTION] = subscription,
    };
    static const char *const common[] = {"Tag", "MessageStream", NULL};
    reading_keep(object, by_record[record->record], reading);
    reading_keep(object, common, reading);
    reading_variables(json_get(object, SLICE("Metadata")), reading, event);
}

static int read_event(struct json_value object, size_t index, struct reading *reading, struct event *ret,
                      struct err *err) {
    struct slice name = json_get_string(object, SLICE("RecordType"));
    /* Bounces of servers that were set up long ago have no RecordType. */
    if (slice_empty(name) && json_get(object, SLICE("BouncedAt")).type != JSON_KIND_NONE) name = SLICE("Bounce");
    const struct record_type *record = find_record(name);
    if (!record || !read_type(object, record, ret)) return 0;
    int result =
        reading_identity(object, index, record->time_name, record->recipient_name, "MessageID", reading, ret, err);
    if (result != 0) return result;
    /* Only bounces and complaints have an id, of 64 bits. */
    ret->provider_event_id =
        text_keep(reading->arena, reading_text(object, "ID", reading), EVENT_PROVIDER_ID_MAX_BYTES);
    if (event_type_is_tracking(ret->type)) {
        reading_client(object, "OriginalLink", NULL, "UserAgent", reading, ret);
        reading_client(json_get(object, SLICE("Geo")), NULL, "IP", NULL, reading, ret);
    }
    keep_details(object, record, reading, ret);
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

/* ---- inbound (postmarkapp.com/developer/webhooks/inbound-webhook) ---- */

static struct slice written_address(struct json_value full, struct arena *arena) {
    struct slice name = json_get_string(full, SLICE("Name")), email = json_get_string(full, SLICE("Email"));
    if (slice_empty(name)) return email;
    struct strbuf text;
    strbuf_init(&text, 4096);
    text_write_json(&text, name); /* a quoted string of RFC 5322 escapes the same two characters */
    strbuf_add_cstr(&text, " <");
    strbuf_add_slice(&text, email);
    strbuf_add_char(&text, '>');
    struct slice written = text.overflow ? email : arena_copy(arena, strbuf_slice(&text));
    strbuf_release(&text);
    return written;
}

static void add_headers(struct json_value root, struct inbound_builder *builder) {
    struct json_value header;
    for (struct json_iterator headers = json_elements(json_get(root, SLICE("Headers"))); json_next(&headers, &header);)
        inbound_add_header(builder, json_get_string(header, SLICE("Name")), json_get_string(header, SLICE("Value")));
    /* These Postmark takes out of the list. */
    inbound_add_missing_header(builder, "From", written_address(json_get(root, SLICE("FromFull")), builder->arena));
    inbound_add_missing_header(builder, "From", json_get_string(root, SLICE("From")));
    inbound_add_missing_header(builder, "To", json_get_string(root, SLICE("To")));
    inbound_add_missing_header(builder, "Cc", json_get_string(root, SLICE("Cc")));
    inbound_add_missing_header(builder, "Reply-To", json_get_string(root, SLICE("ReplyTo")));
    inbound_add_missing_header(builder, "Subject", json_get_string(root, SLICE("Subject")));
    inbound_add_missing_header(builder, "Date", json_get_string(root, SLICE("Date")));
}

static void add_attachments(struct json_value root, struct inbound_builder *builder) {
    struct json_iterator attachments = json_elements(json_get(root, SLICE("Attachments")));
    struct json_value attachment;
    struct slice body;
    while (json_next(&attachments, &attachment)) {
        struct slice type = json_get_string(attachment, SLICE("ContentType"));
        if (inbound_is_report(type) &&
            inbound_base64(builder->arena, json_get_string(attachment, SLICE("Content")), &body))
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
    if (root.type != JSON_KIND_OBJECT) return err_set(err, ERR_UNREADABLE, "the body is no mail of Postmark");
    struct slice record = json_get_string(root, SLICE("RecordType"));
    if (record.len && !slice_equal(record, SLICE("Inbound"))) { /* an event, sent to the address of mails */
        parsed.ignored = 1;
        *ret = parsed;
        return 0;
    }
    struct slice raw = json_get_string(root, SLICE("RawEmail"));
    if (slice_empty(raw) && json_get(root, SLICE("Headers")).type != JSON_KIND_ARRAY)
        return err_set(err, ERR_UNREADABLE, "the mail has neither Headers nor RawEmail");
    inbound_init(&builder, arena, delivery->received_at);
    inbound_add_recipients(&builder, json_get_string(root, SLICE("OriginalRecipient")));
    builder.mail.provider_id = text_keep(arena, json_get_string(root, SLICE("MessageID")), EVENT_PROVIDER_ID_MAX_BYTES);
    if (raw.len) {
        builder.mail.raw = arena_copy(arena, raw);
    } else {
        add_headers(root, &builder);
        builder.mail.text = inbound_text(&builder, json_get_string(root, SLICE("TextBody")));
        builder.mail.html = inbound_text(&builder, json_get_string(root, SLICE("HtmlBody")));
        add_attachments(root, &builder);
    }
    struct received_mail *mail = arena_alloc(arena, sizeof(*mail));
    *mail = inbound_finish(&builder);
    parsed.mails = mail;
    parsed.mail_count = 1;
    *ret = parsed;
    return 0;
}

/* ---- compose ---- */

#define BODY_MAX_BYTES (64 << 10)

/* The record that reports such an event: one of the special types of a bounce, or a record of its own. */
static const struct record_type *record_for(enum event_type type) {
    if (type == EVENT_DEFERRED || type == EVENT_DROPPED) type = EVENT_BOUNCE;
    if (type == EVENT_GROUP_RESUBSCRIBE) type = EVENT_UNSUBSCRIBE;
    for (size_t i = 0; i < RECORD_TYPE_COUNT; i++) {
        if (record_types[i].type == type) return &record_types[i];
    }
    return NULL;
}

static const char *bounce_name(const struct event *event) {
    for (size_t i = 0; i < BOUNCE_TYPE_COUNT; i++) {
        bool same_kind = event->bounce == BOUNCE_NONE || bounce_types[i].kind == event->bounce;
        if (bounce_types[i].type == event->type && same_kind) return bounce_types[i].name;
    }
    return bounce_types[0].name;
}

static void write_details(struct strbuf *out, const struct event *event, const struct record_type *record) {
    if (record->record == RECORD_BOUNCE) {
        strbuf_add_cstr(out, "\"ID\":4323372036854775807,");
        text_write_member(out, "Type", slice_cstr(bounce_name(event)));
    } else if (record->record == RECORD_COMPLAINT) {
        text_write_member(out, "Type", SLICE("SpamComplaint"));
    } else if (record->record == RECORD_SUBSCRIPTION) {
        bool back = event->type == EVENT_GROUP_RESUBSCRIBE;
        strbuf_printf(out, "\"SuppressSending\":%s,\"SuppressionReason\":%s,\"Origin\":\"Recipient\",",
                      back ? "false" : "true", back ? "null" : "\"ManualSuppression\"");
    } else if (event_type_is_tracking(event->type)) {
        text_write_member(out, "OriginalLink", event->url);
        text_write_member(out, "UserAgent", event->user_agent);
        if (event->ip_address.len) {
            strbuf_add_cstr(out, "\"Geo\":{\"IP\":");
            text_write_json(out, event->ip_address);
            strbuf_add_cstr(out, "},");
        }
    }
}

static int compose(const struct provider_endpoint *endpoint, const struct event *events, size_t count,
                   struct slice signing, int64_t now, struct arena *arena, struct composed_delivery *ret,
                   struct err *err) {
    const struct record_type *record = record_for(events[0].type);
    char time[TIME_TEXT_MAX];
    struct strbuf body;
    (void)endpoint;
    (void)signing;
    (void)now;
    if (count != 1) return err_set(err, ERR_INVALID, "Postmark sends one event a delivery");
    if (!record) return reading_no_event("Postmark", events[0].type, err);
    strbuf_init(&body, BODY_MAX_BYTES);
    strbuf_add_char(&body, '{');
    text_write_member(&body, "RecordType", slice_cstr(record->name));
    text_write_member(&body, "MessageID", events[0].keys[0]);
    text_write_member(&body, record->recipient_name, events[0].recipient);
    write_details(&body, &events[0], record);
    reading_write_variables(&body, "Metadata", &events[0]);
    text_write_member(&body, record->time_name, time_format(events[0].occurred_at, time));
    strbuf_add_cstr(&body, "\"MessageStream\":\"outbound\"}");
    int result = reading_composed(&body, "application/json", arena, ret, err);
    strbuf_release(&body);
    return result;
}

const struct provider provider_postmark = {
    .name = "postmark",
    .title = "Postmark",
    .secret_help = "Postmark signs nothing: set credentials, and put them into the webhook's address or headers",
    .status_bad_credentials = 403, /* the one status that Postmark does not repeat on ("Webhook retries") */
    .events_per_delivery = 1,
    .parse = parse,
    .compose = compose,
    .parse_inbound = parse_inbound,
};
