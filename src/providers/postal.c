/* Postal's webhooks (docs.postalserver.io "Webhooks"). */
#include "providers/postal.h"
#include "providers/providers.h"

#include "base/clock.h"
#include "providers/text.h"

#include "base/banned.h"

const struct event_name postal_names[POSTAL_NAME_COUNT] = {
    {"MessageSent", EVENT_DELIVERED, BOUNCE_NONE},        {"MessageDelayed", EVENT_DEFERRED, BOUNCE_NONE},
    {"MessageDeliveryFailed", EVENT_BOUNCE, BOUNCE_HARD}, {"MessageHeld", EVENT_DROPPED, BOUNCE_NONE},
    {"MessageBounced", EVENT_BOUNCE, BOUNCE_HARD},        {"MessageLinkClicked", EVENT_CLICK, BOUNCE_NONE},
    {"MessageLoaded", EVENT_OPEN, BOUNCE_NONE},
};

/* Servers of old post the payload alone; what is in it tells what happened. */
static struct slice name_of_payload(struct json_value payload) {
    struct slice status = json_get_string(payload, SLICE("status"));
    if (slice_equal(status, SLICE("Sent"))) return SLICE("MessageSent");
    if (slice_equal(status, SLICE("SoftFail"))) return SLICE("MessageDelayed");
    if (slice_equal(status, SLICE("HardFail"))) return SLICE("MessageDeliveryFailed");
    if (slice_equal(status, SLICE("Held"))) return SLICE("MessageHeld");
    if (json_get(payload, SLICE("original_message")).type == JSON_KIND_OBJECT) return SLICE("MessageBounced");
    if (json_get(payload, SLICE("message")).type != JSON_KIND_OBJECT || !slice_empty(status)) return SLICE_NONE;
    return json_get(payload, SLICE("url")).type == JSON_KIND_STRING ? SLICE("MessageLinkClicked")
                                                                    : SLICE("MessageLoaded");
}

/* Of an attempt its own; else the event's in the envelope; else that of the bounce. A click or an open without envelope
 * tells none: then it is the time of receipt, which a kept delivery keeps. */
static bool read_time(const struct batch *batch, struct json_value root, struct json_value payload, bool enveloped,
                      int64_t *ret) {
    if (json_time(json_get(payload, SLICE("timestamp")), ret) || json_time(json_get(root, SLICE("timestamp")), ret) ||
        json_time(json_get(json_get(payload, SLICE("bounce")), SLICE("timestamp")), ret))
        return true;
    *ret = batch->received_at;
    return !enveloped;
}

static const char *const details[] = {"status", "details", "output", NULL};

static int read_event(struct batch *batch, struct json_value root, struct event *ret, struct err *err) {
    struct json_value payload = json_get(root, SLICE("payload"));
    struct slice name = json_get_string(root, SLICE("event"));
    bool enveloped = payload.type == JSON_KIND_OBJECT;
    if (!enveloped) {
        if (!slice_empty(name)) return batch_wrong(batch, "payload is missing", err);
        payload = root;
        name = name_of_payload(payload);
    }
    const struct event_name *known = event_name_find(postal_names, POSTAL_NAME_COUNT, name);
    if (!known) return 0;
    struct json_value message = json_get(payload, SLICE("original_message"));
    if (message.type != JSON_KIND_OBJECT) message = json_get(payload, SLICE("message"));
    /* What happens to mail on its way in is reported by the same events. */
    if (slice_equal(json_get_string(message, SLICE("direction")), SLICE("incoming"))) return 0;
    ret->type = known->type;
    ret->bounce = known->bounce;
    if (!read_time(batch, root, payload, enveloped, &ret->occurred_at))
        return batch_wrong(batch, "timestamp is missing or no time", err);
    batch_key(batch, ret, json_get_string(message, SLICE("message_id")));
    batch_key(batch, ret, json_get_string(message, SLICE("token")));
    if (slice_empty(ret->keys[0])) return batch_wrong(batch, "message.message_id is missing", err);
    ret->recipient = text_keep_recipient(batch->reading.arena, json_get_string(message, SLICE("to")));
    if (slice_empty(ret->recipient)) return batch_wrong(batch, "message.to is missing", err);
    if (event_type_is_tracking(ret->type))
        batch_client(batch, ret, json_get_string(payload, SLICE("ip_address")),
                     json_get_string(payload, SLICE("user_agent")));
    batch_url(batch, ret, json_get_string(payload, SLICE("url")));
    batch_event_id(batch, ret, json_get_string(root, SLICE("uuid")));
    reading_keep(payload, details, &batch->reading);
    if (ret->type == EVENT_CLICK)
        metadata_add_brief(&batch->reading.metadata, SLICE("link_token"), json_get(payload, SLICE("token")));
    metadata_add_brief(&batch->reading.metadata, SLICE("tag"), json_get(message, SLICE("tag")));
    return 1;
}

static int parse(const struct provider_endpoint *endpoint, const struct delivery *delivery, struct json_reader *json,
                 struct arena *arena, struct parsed_delivery *ret, struct err *err) {
    struct json_value root;
    struct batch batch;
    (void)endpoint;
    int result = json_parse(json, delivery->body, &root, err);
    if (result < 0) return result;
    if (root.type != JSON_KIND_OBJECT) return err_set(err, ERR_UNREADABLE, "the body is no event of Postal");
    batch_init(&batch, arena);
    batch.received_at = delivery->received_at;
    result = batch_one(&batch, root, read_event, err);
    if (result == 0) *ret = batch.parsed;
    batch_release(&batch);
    return result;
}

const struct provider provider_postal = {
    .name = "postal",
    .title = "Postal",
    .secret_help = "The public key of the Postal server: what its address /.well-known/jwks.json shows, or the record "
                   "that postal default-dkim-record prints",
    .signing_help = "an RSA private key in PEM (Postal's signing.key), whose public half is the endpoint's secret",
    .status_bad_signature = 401,
    .secret_required = true,
    .timestamp_tolerance_ms = 0, /* the signature covers no time of its own; an event tried again keeps its own */
    .events_per_delivery = 1,
    .secret_parse = postal_secret_parse,
    .secret_free = postal_secret_free,
    .verify = postal_verify,
    .parse = parse,
    .compose = postal_compose,
    .parse_inbound = postal_parse_inbound,
};
