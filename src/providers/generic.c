/* The generic provider: the payload of UC-558 ("Input Data"), for senders that have no webhook of their own and for
 * everything that can be taught to post JSON. One object or an array of them, signed by Standard Webhooks headers. */
#include "providers/generic.h"
#include "providers/providers.h"

#include "base/clock.h"
#include "base/strbuf.h"
#include "providers/metadata.h"
#include "providers/signature.h"
#include "providers/text.h"

#include "base/banned.h"

#define IP_TEXT_MAX_BYTES 64

/* Where an event is wrong: "event 3: url is no text". */
static int wrong(struct err *err, size_t index, const char *field, const char *what) {
    return err_set(err, ERR_INVALID, "event %zu: %s %s", index, field, what);
}

static bool is_absent(struct json_value value) {
    return value.type == JSON_KIND_NONE || value.type == JSON_KIND_NULL;
}

/* A text that must be there; numbers are taken for ids. */
static int read_required(struct json_value object, size_t index, const char *field, struct arena *arena,
                         struct slice *ret, struct err *err) {
    struct json_value value = json_get(object, slice_cstr(field));
    struct slice text;
    if (is_absent(value)) return wrong(err, index, field, "is missing");
    if (!text_of_value(value, arena, &text)) return wrong(err, index, field, "is no text");
    if (slice_empty(slice_trim(text))) return wrong(err, index, field, "is empty");
    *ret = text;
    return 0;
}

/* A text that may be absent or null. */
static int read_optional(struct json_value object, size_t index, const char *field, struct arena *arena, size_t max,
                         struct slice *ret, struct err *err) {
    struct json_value value = json_get(object, slice_cstr(field));
    struct slice text;
    if (is_absent(value)) return 0;
    if (!text_of_value(value, arena, &text)) return wrong(err, index, field, "is no text");
    *ret = text_keep(arena, text, max);
    return 0;
}

static int read_bounce_type(struct json_value object, size_t index, struct event *event, struct err *err) {
    struct json_value value = json_get(object, SLICE("bounce_type"));
    struct slice text;
    if (is_absent(value)) return 0;
    if (json_text(value, &text) && bounce_kind_parse(text, &event->bounce)) return 0;
    return wrong(err, index, "bounce_type", "is none of hard, soft, block");
}

static int read_link_position(struct json_value object, size_t index, struct event *event, struct err *err) {
    struct json_value value = json_get(object, SLICE("link_position"));
    int64_t position;
    event->link_position = LINK_POSITION_NONE;
    if (is_absent(value)) return 0;
    if (!json_i64(value, &position) || position < 0 || position > INT32_MAX)
        return wrong(err, index, "link_position", "is no whole number from 0");
    event->link_position = (int32_t)position;
    return 0;
}

static int read_machine(struct json_value object, size_t index, struct event *event, struct err *err) {
    struct json_value value = json_get(object, SLICE("machine"));
    bool machine;
    if (is_absent(value)) return 0;
    if (!json_bool(value, &machine)) return wrong(err, index, "machine", "is neither true nor false");
    if (machine && event_type_is_tracking(event->type)) event->machine = MACHINE_HINT_MACHINE;
    return 0;
}

static int read_email_log_id(struct json_value object, size_t index, struct event *event, struct err *err) {
    struct json_value value = json_get(object, SLICE("email_log_id"));
    if (is_absent(value)) return 0;
    if (json_i64_lenient(value, &event->email_log_id) && event->email_log_id > 0) return 0;
    return wrong(err, index, "email_log_id", "is no whole number above 0");
}

static int read_metadata(struct json_value object, size_t index, struct metadata *metadata, struct arena *arena,
                         struct event *event, struct err *err) {
    struct json_value reason = json_get(object, SLICE("reason")), more = json_get(object, SLICE("metadata"));
    struct slice name;
    struct json_value value;
    if (!is_absent(reason) && reason.type != JSON_KIND_STRING) return wrong(err, index, "reason", "is no text");
    if (!is_absent(more) && more.type != JSON_KIND_OBJECT) return wrong(err, index, "metadata", "is no object");
    metadata_add_brief(metadata, SLICE("reason"), reason);
    for (struct json_iterator iterator = json_members(more); json_next_member(&iterator, &name, &value);)
        metadata_add(metadata, name, value);
    event->metadata = metadata_finish(metadata, arena);
    return 0;
}

/* The part that every event must have. */
static int read_identity(struct json_value object, size_t index, struct arena *arena, struct event *ret,
                         struct err *err) {
    struct slice message_id = SLICE_NONE, recipient = SLICE_NONE;
    int result = read_required(object, index, "message_id", arena, &message_id, err);
    if (result < 0) return result;
    result = read_required(object, index, "recipient", arena, &recipient, err);
    if (result < 0) return result;
    struct json_value timestamp = json_get(object, SLICE("timestamp"));
    if (is_absent(timestamp)) return wrong(err, index, "timestamp", "is missing");
    if (!json_time(timestamp, &ret->occurred_at))
        return wrong(err, index, "timestamp", "is no time: write RFC 3339 or seconds since 1970");
    ret->keys[0] = text_keep_key(arena, message_id);
    if (slice_empty(ret->keys[0])) return wrong(err, index, "message_id", "is empty or too long");
    ret->recipient = text_keep_recipient(arena, recipient);
    return 0;
}

static int read_details(struct json_value object, size_t index, struct arena *arena, struct event *ret,
                        struct err *err) {
    int result =
        read_optional(object, index, "event_id", arena, EVENT_PROVIDER_ID_MAX_BYTES, &ret->provider_event_id, err);
    if (result == 0 && ret->type == EVENT_CLICK)
        result = read_optional(object, index, "url", arena, EVENT_URL_MAX_BYTES, &ret->url, err);
    if (result == 0)
        result = read_optional(object, index, "ip_address", arena, IP_TEXT_MAX_BYTES, &ret->ip_address, err);
    if (result == 0)
        result = read_optional(object, index, "user_agent", arena, EVENT_AGENT_MAX_BYTES, &ret->user_agent, err);
    if (result == 0 && ret->type == EVENT_CLICK) result = read_link_position(object, index, ret, err);
    if (result == 0 && ret->type == EVENT_BOUNCE) result = read_bounce_type(object, index, ret, err);
    if (result == 0) result = read_machine(object, index, ret, err);
    if (result == 0) result = read_email_log_id(object, index, ret, err);
    return result;
}

/* 1: an event; 0: none of ours; else -err_code. */
static int read_event(struct json_value object, size_t index, struct arena *arena, struct metadata *metadata,
                      struct event *ret, struct err *err) {
    struct slice name = SLICE_NONE;
    if (object.type != JSON_KIND_OBJECT) return err_set(err, ERR_INVALID, "event %zu is no object", index);
    int result = read_required(object, index, "event_type", arena, &name, err);
    if (result < 0) return result;
    ret->link_position = LINK_POSITION_NONE;
    if (slice_equal(name, SLICE("complaint"))) {
        ret->type = EVENT_SPAM;
    } else if (!event_type_parse(name, &ret->type)) {
        return 0;
    }
    result = read_identity(object, index, arena, ret, err);
    if (result == 0) result = read_details(object, index, arena, ret, err);
    if (result == 0) result = read_metadata(object, index, metadata, arena, ret, err);
    return result == 0 ? 1 : result;
}

/* The sender's message id is evidence of a single event that has no id of its own. */
static void use_delivery_id(const struct delivery *delivery, struct arena *arena, struct event *event) {
    struct slice id = standard_webhooks_id(delivery);
    if (slice_empty(event->provider_event_id) && slice_is_utf8(id))
        event->provider_event_id = text_keep(arena, id, EVENT_PROVIDER_ID_MAX_BYTES);
}

static int parse(const struct provider_endpoint *endpoint, const struct delivery *delivery, struct json_reader *json,
                 struct arena *arena, struct parsed_delivery *ret, struct err *err) {
    struct json_value root, object;
    (void)endpoint;
    int result = json_parse(json, delivery->body, &root, err);
    if (result < 0) return result;
    if (root.type != JSON_KIND_ARRAY && root.type != JSON_KIND_OBJECT)
        return err_set(err, ERR_UNREADABLE, "the body is neither an event nor an array of events");
    bool single = root.type == JSON_KIND_OBJECT;
    size_t count = single ? 1 : json_count(root), index = 0;
    if (count > PROVIDER_EVENTS_MAX)
        return err_set(err, ERR_TOO_LARGE, "a delivery holds at most %d events", PROVIDER_EVENTS_MAX);
    struct parsed_delivery parsed = {
        .outcome = PROVIDER_EVENTS,
        .events = arena_alloc_array(arena, count, sizeof(struct event)),
    };
    struct metadata metadata;
    metadata_init(&metadata);
    struct json_iterator iterator = json_elements(root);
    while (single ? index == 0 : json_next(&iterator, &object)) {
        result = read_event(single ? root : object, index++, arena, &metadata, &parsed.events[parsed.event_count], err);
        if (result < 0) goto out;
        if (result > 0) {
            parsed.event_count++;
        } else {
            parsed.ignored++;
        }
    }
    if (count == 1 && parsed.event_count == 1) use_delivery_id(delivery, arena, &parsed.events[0]);
    result = 0;
    *ret = parsed;
out:
    metadata_release(&metadata);
    return result;
}

/* ---- compose ---- */

#define COMPOSED_MAX_BYTES ((size_t)32 << 20)

static void write_event(struct strbuf *out, const struct event *event) {
    char time[TIME_TEXT_MAX];
    const char *bounce = event->type == EVENT_BOUNCE ? bounce_kind_name(event->bounce) : NULL;
    strbuf_add_char(out, '{');
    text_write_member(out, "event_type", slice_cstr(event_type_name(event->type)));
    text_write_member(out, "message_id", event->keys[0]);
    text_write_member(out, "recipient", event->recipient);
    text_write_member(out, "url", event->url);
    if (event->link_position != LINK_POSITION_NONE) strbuf_printf(out, "\"link_position\":%d,", event->link_position);
    text_write_member(out, "ip_address", event->ip_address);
    text_write_member(out, "user_agent", event->user_agent);
    if (bounce) text_write_member(out, "bounce_type", slice_cstr(bounce));
    if (event->machine == MACHINE_HINT_MACHINE) strbuf_add_cstr(out, "\"machine\":true,");
    if (event->email_log_id > 0) strbuf_printf(out, "\"email_log_id\":%lld,", (long long)event->email_log_id);
    text_write_member(out, "event_id", event->provider_event_id);
    if (event->metadata.len) {
        strbuf_add_cstr(out, "\"metadata\":");
        strbuf_add_slice(out, event->metadata);
        strbuf_add_char(out, ',');
    }
    strbuf_add_cstr(out, "\"timestamp\":");
    text_write_json(out, time_format(event->occurred_at, time));
    strbuf_add_char(out, '}');
}

static int compose(const struct provider_endpoint *endpoint, const struct event *events, size_t count,
                   struct slice signing, int64_t now, struct arena *arena, struct composed_delivery *ret,
                   struct err *err) {
    struct strbuf body;
    struct composed_delivery composed = {.content_type = "application/json"};
    (void)endpoint;
    strbuf_init(&body, COMPOSED_MAX_BYTES);
    if (count != 1) strbuf_add_char(&body, '[');
    for (size_t i = 0; i < count; i++) {
        if (i > 0) strbuf_add_char(&body, ',');
        write_event(&body, &events[i]);
    }
    if (count != 1) strbuf_add_char(&body, ']');
    int result = 0;
    if (body.overflow) {
        result = err_set(err, ERR_TOO_LARGE, "the events are too large for one delivery");
        goto out;
    }
    composed.body = text_keep_padded(arena, strbuf_slice(&body));
    result = standard_webhooks_sign(signing, now, arena, &composed, err);
    if (result == 0) *ret = composed;
out:
    strbuf_release(&body);
    return result;
}

const struct provider provider_generic = {
    .name = "generic",
    .title = "Generic",
    .secret_help = "A Standard Webhooks secret that the sender signs with: whsec_ and base64 of 24 to 64 random bytes",
    .signing_help = "the endpoint's whsec_ secret",
    .status_bad_signature = 401,
    .secret_required = true,
    .timestamp_tolerance_ms = STANDARD_WEBHOOKS_TOLERANCE_MS,
    .events_per_delivery = PROVIDER_EVENTS_MAX,
    .secret_parse = standard_webhooks_secret_parse,
    .secret_free = standard_webhooks_secret_free,
    .verify = standard_webhooks_verify,
    .parse = parse,
    .compose = compose,
    .parse_inbound = generic_parse_inbound,
};
