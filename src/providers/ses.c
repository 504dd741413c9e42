/* Amazon SES through SNS, in both dialects: event publishing (`eventType`) and identity notifications
 * (`notificationType`). Amazon SES Developer Guide, "Contents of event data that Amazon SES publishes to Amazon SNS"
 * and "Amazon SNS notification contents". */
#include "providers/ses.h"
#include "providers/providers.h"

#include "base/clock.h"
#include "providers/metadata.h"
#include "providers/sns.h"
#include "providers/text.h"

#include "base/banned.h"

#define IP_TEXT_MAX_BYTES     64
#define EVENTS_EACH_RECIPIENT 2 /* a change of topic preferences may leave one list and join another */

const struct ses_type ses_types[SES_TYPE_COUNT] = {
    {"Send", "send", NULL, EVENT_PROCESSED},
    {"Delivery", "delivery", "recipients", EVENT_DELIVERED},
    {"DeliveryDelay", "deliveryDelay", "delayedRecipients", EVENT_DEFERRED},
    {"Bounce", "bounce", "bouncedRecipients", EVENT_BOUNCE},
    {"Complaint", "complaint", "complainedRecipients", EVENT_SPAM},
    {"Reject", "reject", NULL, EVENT_DROPPED},
    {"Rendering Failure", "failure", NULL, EVENT_DROPPED},
    {"Open", "open", NULL, EVENT_OPEN},
    {"Click", "click", NULL, EVENT_CLICK},
    {"Subscription", "subscription", NULL, EVENT_UNSUBSCRIBE},
};

/* What a delivery is about, and where it goes. */
struct ses_reader {
    struct arena *arena;
    struct metadata metadata;
    const struct ses_type *type;
    struct json_value mail;
    struct json_value object;   /* the member named like the type: `bounce`, `click` … */
    struct slice sns_timestamp; /* empty in raw deliveries */
    struct slice event_id;
    struct parsed_delivery parsed;
};

static const struct ses_type *find_type(struct json_value root) {
    struct slice name = json_get_string(root, SLICE("eventType"));
    if (slice_empty(name)) name = json_get_string(root, SLICE("notificationType"));
    for (size_t i = 0; i < SES_TYPE_COUNT; i++) {
        if (slice_equal(name, slice_cstr(ses_types[i].name))) return &ses_types[i];
    }
    return NULL;
}

/* ---- what all events of a message share ---- */

/* The event's own time; sends, rejections and rendering failures have none and take the notification's. */
static bool read_time(const struct ses_reader *reader, int64_t *ret) {
    if (json_time(json_get(reader->object, SLICE("timestamp")), ret)) return true;
    if (!slice_empty(reader->sns_timestamp)) return time_parse(reader->sns_timestamp, ret);
    return json_time(json_get(reader->mail, SLICE("timestamp")), ret);
}

/* The id that the sending API told, then the Message-ID that the mail was submitted with. */
static bool read_keys(const struct ses_reader *reader, struct event *event) {
    size_t count = 0;
    struct json_value headers = json_get(reader->mail, SLICE("commonHeaders"));
    struct slice id = text_keep_key(reader->arena, json_get_string(reader->mail, SLICE("messageId")));
    struct slice submitted = text_keep_key(reader->arena, json_get_string(headers, SLICE("messageId")));
    if (id.len) event->keys[count++] = id;
    if (submitted.len && !slice_equal(id, submitted)) event->keys[count++] = submitted;
    return count > 0;
}

/* Tags: name to list of values. `ses:*` are Amazon's own. */
static void read_tags(struct ses_reader *reader, struct event *event) {
    struct json_iterator iterator = json_members(json_get(reader->mail, SLICE("tags")));
    struct slice name;
    struct json_value values, first;
    while (json_next_member(&iterator, &name, &values)) {
        struct json_iterator elements = json_elements(values);
        int64_t id;
        if (!slice_equal(name, SLICE("email_log_id")) || !json_next(&elements, &first)) continue;
        if (json_i64_lenient(first, &id) && id > 0) event->email_log_id = id;
    }
}

static void add_tags(struct ses_reader *reader) {
    struct json_iterator iterator = json_members(json_get(reader->mail, SLICE("tags")));
    struct slice name;
    struct json_value values, first;
    while (json_next_member(&iterator, &name, &values)) {
        struct json_iterator elements = json_elements(values);
        if (slice_starts_with(name, SLICE("ses:")) || slice_equal(name, SLICE("email_log_id"))) continue;
        if (json_count(values) == 1 && json_next(&elements, &first)) values = first;
        metadata_add(&reader->metadata, name, values);
    }
}

/* What is worth keeping of the event's object and of its recipient (an object in bounces and delays). */
static const char *const object_details[] = {
    "bounceType", "bounceSubType", "complaintFeedbackType", "complaintSubType", "delayType",
    "reason",     "templateName",  "errorMessage",          "contactList",      "linkTags",
};
static const char *const recipient_details[] = {"status", "action", "diagnosticCode"};

static struct slice make_metadata(struct ses_reader *reader, struct json_value recipient) {
    struct json_value topics = json_get(reader->object, SLICE("newTopicPreferences"));
    for (size_t i = 0; i < sizeof(object_details) / sizeof(object_details[0]); i++) {
        struct slice name = slice_cstr(object_details[i]);
        metadata_add_brief(&reader->metadata, name, json_get(reader->object, name));
    }
    for (size_t i = 0; i < sizeof(recipient_details) / sizeof(recipient_details[0]); i++) {
        struct slice name = slice_cstr(recipient_details[i]);
        metadata_add_brief(&reader->metadata, name, json_get(recipient, name));
    }
    metadata_add(&reader->metadata, SLICE("topics"), json_get(topics, SLICE("topicSubscriptionStatus")));
    add_tags(reader);
    return metadata_finish(&reader->metadata, reader->arena);
}

/* ---- kinds ---- */

static bool member_is(struct json_value object, struct slice key, struct slice text) {
    return slice_equal(json_get_string(object, key), text);
}

static void refine_bounce(const struct ses_reader *reader, struct event *event) {
    struct slice subtype = json_get_string(reader->object, SLICE("bounceSubType"));
    if (slice_equal(subtype, SLICE("Suppressed")) || slice_equal(subtype, SLICE("OnAccountSuppressionList"))) {
        event->type = EVENT_DROPPED; /* Amazon never tried */
        return;
    }
    bool permanent = member_is(reader->object, SLICE("bounceType"), SLICE("Permanent"));
    event->bounce = permanent ? BOUNCE_HARD : BOUNCE_SOFT;
}

/* False: nothing happened that counts. */
static bool refine_complaint(const struct ses_reader *reader, struct event *event) {
    if (member_is(reader->object, SLICE("complaintFeedbackType"), SLICE("not-spam"))) return false;
    if (member_is(reader->object, SLICE("complaintSubType"), SLICE("OnAccountSuppressionList")))
        event->type = EVENT_DROPPED;
    return true;
}

static bool opted_in(struct json_value preferences, struct slice topic, bool *ret) {
    struct json_iterator iterator = json_elements(json_get(preferences, SLICE("topicSubscriptionStatus")));
    struct json_value element;
    while (json_next(&iterator, &element)) {
        if (!member_is(element, SLICE("topicName"), topic)) continue;
        *ret = member_is(element, SLICE("subscriptionStatus"), SLICE("OptIn"));
        return true;
    }
    return false;
}

/* From two states of preferences to what the recipient did: up to EVENTS_EACH_RECIPIENT types. */
static size_t read_subscription(const struct ses_reader *reader, enum event_type ret[EVENTS_EACH_RECIPIENT]) {
    struct json_value before = json_get(reader->object, SLICE("oldTopicPreferences"));
    struct json_value after = json_get(reader->object, SLICE("newTopicPreferences"));
    bool left_all = false, had_left_all = false, left = false, joined = false;
    size_t count = 0;
    json_bool(json_get(after, SLICE("unsubscribeAll")), &left_all);
    json_bool(json_get(before, SLICE("unsubscribeAll")), &had_left_all);
    if (left_all) {
        ret[count++] = EVENT_UNSUBSCRIBE;
        return count;
    }
    struct json_iterator iterator = json_elements(json_get(after, SLICE("topicSubscriptionStatus")));
    for (struct json_value element; json_next(&iterator, &element);) {
        bool is_in = member_is(element, SLICE("subscriptionStatus"), SLICE("OptIn")), was_in;
        if (!opted_in(before, json_get_string(element, SLICE("topicName")), &was_in)) was_in = !is_in;
        left |= was_in && !is_in;
        joined |= is_in && !was_in;
    }
    if (left) ret[count++] = EVENT_GROUP_UNSUBSCRIBE;
    if (joined || had_left_all) ret[count++] = EVENT_GROUP_RESUBSCRIBE;
    return count;
}

static void refine_tracking(const struct ses_reader *reader, struct event *event) {
    struct arena *arena = reader->arena;
    event->ip_address = text_keep(arena, json_get_string(reader->object, SLICE("ipAddress")), IP_TEXT_MAX_BYTES);
    event->user_agent = text_keep(arena, json_get_string(reader->object, SLICE("userAgent")), EVENT_AGENT_MAX_BYTES);
    if (event->type == EVENT_CLICK)
        event->url = text_keep(arena, json_get_string(reader->object, SLICE("link")), EVENT_URL_MAX_BYTES);
}

/* The types of the events that each recipient gets; 0: none. */
static size_t refine(const struct ses_reader *reader, struct event *event,
                     enum event_type ret_types[EVENTS_EACH_RECIPIENT]) {
    switch (reader->type->type) {
    case EVENT_BOUNCE:
        refine_bounce(reader, event);
        break;
    case EVENT_SPAM:
        if (!refine_complaint(reader, event)) return 0;
        break;
    case EVENT_UNSUBSCRIBE:
        return read_subscription(reader, ret_types);
    case EVENT_OPEN:
    case EVENT_CLICK:
        refine_tracking(reader, event);
        break;
    default:
        break;
    }
    ret_types[0] = event->type;
    return 1;
}

/* ---- one event a recipient ---- */

static struct slice address_of(struct json_value recipient) {
    struct slice text;
    return json_text(recipient, &text) ? text : json_get_string(recipient, SLICE("emailAddress"));
}

static void add_events(struct ses_reader *reader, const struct event *model, struct json_value recipient,
                       const enum event_type *types, size_t type_count) {
    struct slice address = text_keep_recipient(reader->arena, address_of(recipient));
    struct slice metadata = make_metadata(reader, recipient);
    for (size_t i = 0; i < type_count; i++) {
        struct event *event = &reader->parsed.events[reader->parsed.event_count++];
        *event = *model;
        event->type = types[i];
        event->recipient = address;
        event->metadata = metadata;
    }
}

static int read_events(struct ses_reader *reader, struct err *err) {
    struct event model = {.type = reader->type->type, .link_position = LINK_POSITION_NONE};
    enum event_type types[EVENTS_EACH_RECIPIENT];
    if (reader->object.type != JSON_KIND_OBJECT)
        return err_set(err, ERR_INVALID, "%s event: %s is missing", reader->type->name, reader->type->object);
    if (!read_keys(reader, &model))
        return err_set(err, ERR_INVALID, "%s event: mail.messageId is missing", reader->type->name);
    if (!read_time(reader, &model.occurred_at))
        return err_set(err, ERR_INVALID, "%s event: timestamp is missing or no time", reader->type->name);
    read_tags(reader, &model);
    model.provider_event_id = text_keep(reader->arena, reader->event_id, EVENT_PROVIDER_ID_MAX_BYTES);
    size_t type_count = refine(reader, &model, types);
    if (type_count == 0) {
        reader->parsed.ignored = 1;
        return 0;
    }
    struct json_value recipients = reader->type->recipients
                                       ? json_get(reader->object, slice_cstr(reader->type->recipients))
                                       : json_get(reader->mail, SLICE("destination"));
    size_t recipient_count = json_count(recipients);
    if (recipient_count > PROVIDER_EVENTS_MAX / EVENTS_EACH_RECIPIENT)
        return err_set(err, ERR_TOO_LARGE, "%s event: too many recipients", reader->type->name);
    reader->parsed.events =
        arena_alloc_array(reader->arena, (recipient_count + 1) * EVENTS_EACH_RECIPIENT, sizeof(struct event));
    struct json_iterator iterator = json_elements(recipients);
    for (struct json_value recipient; json_next(&iterator, &recipient);)
        add_events(reader, &model, recipient, types, type_count);
    if (recipient_count == 0) add_events(reader, &model, (struct json_value){0}, types, type_count);
    return 0;
}

static int parse_message(struct json_value root, struct ses_reader *reader, struct err *err) {
    if (root.type != JSON_KIND_OBJECT) return err_set(err, ERR_UNREADABLE, "the message is no event of Amazon SES");
    reader->parsed.outcome = PROVIDER_EVENTS;
    reader->type = find_type(root);
    if (!reader->type) {
        reader->parsed.ignored = 1; /* received mail, tests of the topic, types to come */
        return 0;
    }
    reader->mail = json_get(root, SLICE("mail"));
    reader->object = json_get(root, slice_cstr(reader->type->object));
    metadata_init(&reader->metadata);
    int result = read_events(reader, err);
    metadata_release(&reader->metadata);
    return result;
}

/* ---- envelope ---- */

static int open_notification(const struct sns_message *message, struct json_reader *json, struct arena *arena,
                             struct ses_envelope *envelope, struct err *err) {
    struct slice text = slice_trim(message->message);
    if (slice_empty(text) || text.ptr[0] != '{') {
        /* "Successfully validated SNS topic for Amazon SES event publishing." */
        envelope->content = SES_NOTHING;
        return 0;
    }
    envelope->sns_timestamp = arena_copy(arena, message->timestamp);
    envelope->event_id = arena_copy(arena, message->message_id);
    text = text_keep_padded(arena, text); /* the reader lets go of the envelope */
    return json_parse(json, text, &envelope->root, err);
}

int ses_open(const struct delivery *delivery, struct json_reader *json, struct arena *arena, struct ses_envelope *ret,
             struct err *err) {
    struct ses_envelope envelope = {.content = SES_MESSAGE};
    struct sns_message message;
    int result;
    if (sns_is_raw(delivery)) {
        envelope.event_id = delivery->header(delivery, SLICE("x-amz-sns-message-id"));
        if (!slice_is_utf8(envelope.event_id)) envelope.event_id = SLICE_NONE;
        result = json_parse(json, delivery->body, &envelope.root, err);
    } else {
        result = sns_read(delivery, json, &message, err);
        if (result < 0) return result;
        switch (message.type) {
        case SNS_NOTIFICATION:
            result = open_notification(&message, json, arena, &envelope, err);
            break;
        case SNS_SUBSCRIPTION_CONFIRMATION:
            envelope.content = SES_SETUP;
            result = sns_handshake(&message, arena, &envelope.handshake, err);
            break;
        case SNS_UNSUBSCRIBE_CONFIRMATION:
            envelope.content = SES_NOTHING;
            break;
        }
    }
    if (result == 0) *ret = envelope;
    return result;
}

static int parse(const struct provider_endpoint *endpoint, const struct delivery *delivery, struct json_reader *json,
                 struct arena *arena, struct parsed_delivery *ret, struct err *err) {
    struct ses_envelope envelope;
    (void)endpoint;
    int result = ses_open(delivery, json, arena, &envelope, err);
    if (result < 0) return result;
    struct ses_reader reader = {.arena = arena, .sns_timestamp = envelope.sns_timestamp, .event_id = envelope.event_id};
    switch (envelope.content) {
    case SES_MESSAGE:
        result = parse_message(envelope.root, &reader, err);
        break;
    case SES_SETUP:
        reader.parsed.outcome = PROVIDER_HANDSHAKE;
        reader.parsed.handshake = envelope.handshake;
        break;
    case SES_NOTHING:
        reader.parsed.ignored = 1;
        break;
    }
    if (result == 0) *ret = reader.parsed;
    return result;
}

const struct provider provider_ses = {
    .name = "ses",
    .title = "Amazon SES",
    .secret_help = "Optional: Amazon SNS' signing certificate in PEM, for a server that cannot fetch it by itself",
    .signing_help = "an RSA private key in PEM, whose certificate is the endpoint's secret",
    .status_bad_signature = 401,
    .secret_required = false,
    .topics_required = true,
    .timestamp_tolerance_ms = 2 * HOUR_MS, /* SNS tries for up to one hour and keeps the first Timestamp */
    .events_per_delivery = 1,
    .secret_parse = sns_secret_parse,
    .secret_free = sns_secret_free,
    .verify = sns_verify,
    .parse = parse,
    .compose = ses_compose,
    .parse_inbound = ses_parse_inbound,
};
