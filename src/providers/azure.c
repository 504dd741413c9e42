/* Azure Communication Services Email through Event Grid (learn.microsoft.com: "Azure Communication Services - Email
 * events", "Webhook event delivery", "Azure Event Grid event schema", "CloudEvents v1.0 schema with Azure Event Grid").
 * Nothing is signed: a header that the subscription adds ("delivery properties") is the lock. */
#include "base/clock.h"
#include "base/strbuf.h"
#include "providers/batch.h"
#include "providers/providers.h"
#include "providers/text.h"

#include "base/banned.h"

#define VALIDATION_CODE_MAX_BYTES 512

static const char type_validation[] = "Microsoft.EventGrid.SubscriptionValidationEvent";
static const char type_delivery[] = "Microsoft.Communication.EmailDeliveryReportReceived";
static const char type_engagement[] = "Microsoft.Communication.EmailEngagementTrackingReportReceived";

/* Of `Failed` the documentation says no more than that the mail was not delivered: nothing against the address.
 * `Expanded` is about a distribution list and tells of no recipient's mail. */
static const struct event_name statuses[] = {
    {"Delivered", EVENT_DELIVERED, BOUNCE_NONE},  {"Bounced", EVENT_BOUNCE, BOUNCE_HARD},
    {"Failed", EVENT_BOUNCE, BOUNCE_SOFT},        {"Quarantined", EVENT_BOUNCE, BOUNCE_BLOCK},
    {"FilteredSpam", EVENT_BOUNCE, BOUNCE_BLOCK}, {"Suppressed", EVENT_DROPPED, BOUNCE_NONE},
};
#define STATUS_COUNT (sizeof(statuses) / sizeof(statuses[0]))

/* Event Grid's own schema says eventType, CloudEvents type. */
static struct slice type_of(struct json_value object) {
    struct slice name = json_get_string(object, SLICE("eventType"));
    return slice_empty(name) ? json_get_string(object, SLICE("type")) : name;
}

/* The first of these members that is a time; the spelling changes between samples and libraries of Microsoft's. */
static bool read_time(struct json_value object, struct json_value data, int64_t *ret) {
    static const char *const of_data[] = {"deliveryAttemptTimeStamp", "deliveryAttemptTimestamp", "userActionTimeStamp",
                                          "userActionTimestamp", "ReceivedTimestamp"};
    for (size_t i = 0; i < sizeof(of_data) / sizeof(of_data[0]); i++) {
        if (json_time(json_get(data, slice_cstr(of_data[i])), ret)) return true;
    }
    return json_time(json_get(object, SLICE("eventTime")), ret) || json_time(json_get(object, SLICE("time")), ret);
}

static bool read_engagement(const struct batch *batch, struct json_value data, struct event *event) {
    struct slice kind = json_get_string(data, SLICE("engagementType"));
    if (slice_empty(kind)) kind = json_get_string(data, SLICE("engagement"));
    if (slice_equal_nocase(kind, SLICE("view")))
        event->type = EVENT_OPEN;
    else if (slice_equal_nocase(kind, SLICE("click")))
        event->type = EVENT_CLICK;
    else
        return false;
    batch_client(batch, event, SLICE_NONE, json_get_string(data, SLICE("userAgent")));
    batch_url(batch, event, json_get_string(data, SLICE("engagementContext")));
    return true;
}

static bool read_delivery(struct batch *batch, struct json_value data, struct event *event) {
    struct json_value more = json_get(data, SLICE("deliveryStatusDetails"));
    const struct event_name *known = event_name_find(statuses, STATUS_COUNT, json_get_string(data, SLICE("status")));
    if (!known) return false;
    event->type = known->type;
    event->bounce = known->bounce;
    metadata_add_brief(&batch->reading.metadata, SLICE("status"), json_get(data, SLICE("status")));
    if (more.type == JSON_KIND_OBJECT) more = json_get(more, SLICE("statusMessage"));
    metadata_add_brief(&batch->reading.metadata, SLICE("statusMessage"), more);
    return true;
}

static int read_event(struct batch *batch, struct json_value object, struct event *ret, struct err *err) {
    struct json_value data = json_get(object, SLICE("data"));
    struct slice type = type_of(object);
    bool delivery = slice_equal(type, slice_cstr(type_delivery));
    if (!delivery && !slice_equal(type, slice_cstr(type_engagement))) return 0;
    if (data.type != JSON_KIND_OBJECT) return batch_wrong(batch, "data is missing", err);
    if (!(delivery ? read_delivery(batch, data, ret) : read_engagement(batch, data, ret))) return 0;
    if (!read_time(object, data, &ret->occurred_at)) return batch_wrong(batch, "there is no time", err);
    batch_key(batch, ret, json_get_string(data, SLICE("messageId")));
    batch_key(batch, ret, json_get_string(data, SLICE("internetMessageId")));
    if (slice_empty(ret->keys[0])) return batch_wrong(batch, "data.messageId is missing", err);
    /* Reports of opens and clicks name no recipient in most samples. */
    ret->recipient = text_keep_recipient(batch->reading.arena, json_get_string(data, SLICE("recipient")));
    if (delivery && slice_empty(ret->recipient)) return batch_wrong(batch, "data.recipient is missing", err);
    batch_event_id(batch, ret, json_get_string(object, SLICE("id")));
    return 1;
}

/* Event Grid asks once whether the address wants its events; the answer repeats the code. */
static int read_validation(struct json_value object, struct arena *arena, struct parsed_delivery *ret,
                           struct err *err) {
    struct slice code = json_get_string(json_get(object, SLICE("data")), SLICE("validationCode"));
    if (slice_empty(code) || code.len > VALIDATION_CODE_MAX_BYTES)
        return err_set(err, ERR_INVALID, "the validationCode is missing or too long");
    struct strbuf answer;
    strbuf_init(&answer, 6 * VALIDATION_CODE_MAX_BYTES + 64);
    strbuf_add_cstr(&answer, "{\"validationResponse\":");
    text_write_json(&answer, code);
    strbuf_add_char(&answer, '}');
    *ret = (struct parsed_delivery){
        .outcome = PROVIDER_HANDSHAKE,
        .handshake = {.kind = SLICE("event_grid_validation"), .answer = arena_copy(arena, strbuf_slice(&answer))},
    };
    strbuf_release(&answer);
    return 0;
}

static bool is_validation(struct json_value root, struct json_value *ret) {
    struct json_iterator iterator = json_elements(root);
    return json_count(root) == 1 && json_next(&iterator, ret) &&
           slice_equal(type_of(*ret), slice_cstr(type_validation));
}

static int parse(const struct provider_endpoint *endpoint, const struct delivery *delivery, struct json_reader *json,
                 struct arena *arena, struct parsed_delivery *ret, struct err *err) {
    struct json_value root, validation;
    struct batch batch;
    (void)endpoint;
    int result = json_parse(json, delivery->body, &root, err);
    if (result < 0) return result;
    if (root.type == JSON_KIND_ARRAY && is_validation(root, &validation))
        return read_validation(validation, arena, ret, err);
    batch_init(&batch, arena);
    if (root.type == JSON_KIND_ARRAY)
        result = batch_each(&batch, root, read_event, err);
    else if (root.type == JSON_KIND_OBJECT)
        result = batch_one(&batch, root, read_event, err); /* CloudEvents come one by one */
    else
        result = err_set(err, ERR_UNREADABLE, "the body is neither an event of Event Grid nor an array of them");
    if (result == 0) *ret = batch.parsed;
    batch_release(&batch);
    return result;
}

/* ---- compose ---- */

static int write_event(struct strbuf *out, const struct event *event, struct arena *arena, struct err *err) {
    const struct event_name *status = event_name_for(statuses, STATUS_COUNT, event);
    bool tracking = event_type_is_tracking(event->type);
    char time_text[TIME_TEXT_MAX];
    struct slice time = time_format(event->occurred_at, time_text), id = event->provider_event_id;
    size_t begin = out->len;
    if (!status && !tracking) return reading_no_event("Azure Communication Services", event->type, err);
    strbuf_add_cstr(out, "{\"data\":{");
    text_write_member(out, "recipient", event->recipient);
    text_write_member(out, "messageId", event->keys[0]);
    text_write_member(out, "internetMessageId", event->keys[1]);
    if (tracking) {
        text_write_member(out, "userActionTimeStamp", time);
        text_write_member(out, "engagementContext", event->url);
        text_write_member(out, "userAgent", event->user_agent);
        strbuf_printf(out, "\"engagementType\":\"%s\"},", event->type == EVENT_CLICK ? "click" : "view");
    } else {
        text_write_member(out, "deliveryAttemptTimeStamp", time);
        strbuf_printf(out, "\"status\":\"%s\"},", status->name);
    }
    text_write_member(out, "eventType", slice_cstr(tracking ? type_engagement : type_delivery));
    text_write_member(out, "eventTime", time);
    if (slice_empty(id)) id = text_uuid_of(slice_from(strbuf_slice(out), begin), arena);
    text_write_member(out, "id", id);
    strbuf_add_cstr(out, "\"dataVersion\":\"1.0\",\"metadataVersion\":\"1\"}");
    return 0;
}

static int compose(const struct provider_endpoint *endpoint, const struct event *events, size_t count,
                   struct slice signing, int64_t now, struct arena *arena, struct composed_delivery *ret,
                   struct err *err) {
    struct composed_delivery composed;
    struct strbuf body;
    int result = 0;
    (void)endpoint;
    (void)signing;
    (void)now;
    strbuf_init(&body, COMPOSED_MAX_BYTES);
    strbuf_add_char(&body, '[');
    for (size_t i = 0; i < count && result == 0; i++) {
        if (i > 0) strbuf_add_char(&body, ',');
        result = write_event(&body, &events[i], arena, err);
    }
    strbuf_add_char(&body, ']');
    if (result == 0) result = reading_composed(&body, "application/json", arena, &composed, err);
    if (result == 0) {
        composed.headers[composed.header_count++] = (struct composed_header){"aeg-event-type", SLICE("Notification")};
        *ret = composed;
    }
    strbuf_release(&body);
    return result;
}

const struct provider provider_azure = {
    .name = "azure",
    .title = "Azure Communication Services Email",
    .secret_help = "None: Event Grid signs nothing. Set a header as credential, and add the same header to the event "
                   "subscription under Delivery Properties",
    .status_bad_signature = 401,
    .secret_required = false,
    .events_per_delivery = PROVIDER_EVENTS_MAX,
    .parse = parse,
    .compose = compose,
};
