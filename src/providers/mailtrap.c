/* Mailtrap's webhooks (docs.mailtrap.io/email-api-smtp/advanced/webhooks), as JSON or JSON Lines. */
#include "base/clock.h"
#include "base/strbuf.h"
#include "providers/batch.h"
#include "providers/hmac.h"
#include "providers/providers.h"
#include "providers/text.h"

#include "base/banned.h"

static const char signature_header[] = "Mailtrap-Signature";

/* A soft bounce and a suspension are tried again. */
static const struct event_name names[] = {
    {"delivery", EVENT_DELIVERED, BOUNCE_NONE},
    {"soft bounce", EVENT_DEFERRED, BOUNCE_NONE},
    {"suspension", EVENT_DEFERRED, BOUNCE_NONE},
    {"bounce", EVENT_BOUNCE, BOUNCE_HARD},
    {"reject", EVENT_DROPPED, BOUNCE_NONE},
    {"open", EVENT_OPEN, BOUNCE_NONE},
    {"click", EVENT_CLICK, BOUNCE_NONE},
    {"spam", EVENT_SPAM, BOUNCE_NONE},
    {"unsubscribe", EVENT_UNSUBSCRIBE, BOUNCE_NONE},
};
#define NAME_COUNT (sizeof(names) / sizeof(names[0]))

static int verify(const struct provider_endpoint *endpoint, const struct provider_environment *environment,
                  const struct delivery *delivery, struct json_reader *json, struct arena *arena, struct err *err) {
    (void)environment;
    (void)json;
    (void)arena;
    return hmac_verify_header(endpoint, delivery, slice_cstr(signature_header), err);
}

/* ---- events ---- */

static const char *const details[] = {"reason", "response", "response_code", "bounce_category", "category", NULL};

static int read_event(struct batch *batch, struct json_value object, struct event *ret, struct err *err) {
    struct slice name = json_get_string(object, SLICE("event"));
    if (slice_empty(name)) return batch_wrong(batch, "event is missing", err);
    const struct event_name *known = event_name_find(names, NAME_COUNT, name);
    if (!known) return 0;
    ret->type = known->type;
    ret->bounce = known->bounce;
    if (!json_time(json_get(object, SLICE("timestamp")), &ret->occurred_at))
        return batch_wrong(batch, "timestamp is missing or no time", err);
    batch_key(batch, ret, json_get_string(object, SLICE("message_id")));
    if (slice_empty(ret->keys[0])) return batch_wrong(batch, "message_id is missing", err);
    ret->recipient = text_keep_recipient(batch->reading.arena, json_get_string(object, SLICE("email")));
    if (slice_empty(ret->recipient)) return batch_wrong(batch, "email is missing", err);
    if (event_type_is_tracking(ret->type) || ret->type == EVENT_UNSUBSCRIBE)
        batch_client(batch, ret, json_get_string(object, SLICE("ip")), json_get_string(object, SLICE("user_agent")));
    batch_url(batch, ret, json_get_string(object, SLICE("url")));
    batch_event_id(batch, ret, json_get_string(object, SLICE("event_id")));
    reading_keep(object, details, &batch->reading);
    reading_variables(json_get(object, SLICE("custom_variables")), &batch->reading, ret);
    return 1;
}

/* {"events":[…]}, a bare array, or one event. */
static int read_document(struct batch *batch, struct json_value root, struct err *err) {
    struct json_value events = json_get(root, SLICE("events"));
    if (root.type == JSON_KIND_ARRAY) return batch_each(batch, root, read_event, err);
    if (events.type == JSON_KIND_ARRAY) return batch_each(batch, events, read_event, err);
    if (root.type != JSON_KIND_OBJECT) return err_set(err, ERR_UNREADABLE, "the body holds no events of Mailtrap");
    return batch_one(batch, root, read_event, err);
}

/* JSON Lines (jsonlines.org): a document a line. Each is translated before the reader goes on to the next. */
static int read_lines(struct batch *batch, struct slice body, struct json_reader *json, struct err *err) {
    struct slice rest = body, line;
    struct json_value root;
    int result = 0;
    for (size_t number = 1; result == 0 && slice_split_next(&rest, '\n', &line); number++) {
        if (slice_empty(slice_trim(line))) continue;
        result = json_parse(json, slice_trim(line), &root, err);
        if (result < 0) return err_prefix(err, "line %zu", number);
        result = read_document(batch, root, err);
    }
    return result;
}

static int parse(const struct provider_endpoint *endpoint, const struct delivery *delivery, struct json_reader *json,
                 struct arena *arena, struct parsed_delivery *ret, struct err *err) {
    struct json_value root;
    struct batch batch;
    struct slice body = slice_trim(delivery->body);
    (void)endpoint;
    batch_init(&batch, arena);
    int result = json_parse(json, body, &root, err);
    if (result == 0)
        result = read_document(&batch, root, err);
    else if (slice_find_char(body, '\n') >= 0)
        result = read_lines(&batch, body, json, err);
    if (result == 0) *ret = batch.parsed;
    batch_release(&batch);
    return result;
}

/* ---- compose ---- */

static int write_event(struct strbuf *out, const struct event *event, struct arena *arena, struct err *err) {
    const struct event_name *name = event_name_for(names, NAME_COUNT, event);
    struct slice id = event->provider_event_id;
    size_t begin = out->len;
    if (!name) return reading_no_event("Mailtrap", event->type, err);
    strbuf_printf(out, "{\"event\":\"%s\",", name->name);
    text_write_member(out, "message_id", event->keys[0]);
    text_write_member(out, "email", event->recipient);
    text_write_member(out, "url", event->url);
    text_write_member(out, "ip", event->ip_address);
    text_write_member(out, "user_agent", event->user_agent);
    reading_write_variables(out, "custom_variables", event);
    strbuf_printf(out, "\"timestamp\":%lld,\"event_id\":", (long long)(event->occurred_at / SECOND_MS));
    if (slice_empty(id)) id = text_uuid_of(slice_from(strbuf_slice(out), begin), arena);
    text_write_json(out, id);
    strbuf_add_char(out, '}');
    return 0;
}

static int compose(const struct provider_endpoint *endpoint, const struct event *events, size_t count,
                   struct slice signing, int64_t now, struct arena *arena, struct composed_delivery *ret,
                   struct err *err) {
    struct composed_delivery composed;
    struct strbuf body;
    int result = 0;
    (void)endpoint;
    (void)now;
    strbuf_init(&body, COMPOSED_MAX_BYTES);
    strbuf_add_cstr(&body, "{\"events\":[");
    for (size_t i = 0; i < count && result == 0; i++) {
        if (i > 0) strbuf_add_char(&body, ',');
        result = write_event(&body, &events[i], arena, err);
    }
    strbuf_add_cstr(&body, "]}");
    if (result == 0) result = reading_composed(&body, "application/json", arena, &composed, err);
    if (result == 0) result = hmac_sign_header(signing, signature_header, arena, &composed, err);
    if (result == 0) *ret = composed;
    strbuf_release(&body);
    return result;
}

const struct provider provider_mailtrap = {
    .name = "mailtrap",
    .title = "Mailtrap",
    .secret_help = "The signing secret that Mailtrap shows for the webhook (Settings, Webhooks)",
    .signing_help = "the signing secret itself",
    .status_bad_signature = 401,
    .secret_required = true,
    .timestamp_tolerance_ms = 0, /* the signature covers no time of its own */
    .events_per_delivery = PROVIDER_EVENTS_MAX,
    .secret_parse = hmac_secret_parse,
    .secret_free = hmac_secret_free,
    .verify = verify,
    .parse = parse,
    .compose = compose,
};
