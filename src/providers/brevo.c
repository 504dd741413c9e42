/* Brevo's transactional webhooks (developers.brevo.com/docs/transactional-webhooks, …/batch-webhooks). One object, or
 * an array of up to 500 for batched webhooks; nothing is signed: basic credentials, a bearer token or a header are the
 * lock. */
#include "providers/brevo.h"

#include "base/clock.h"
#include "base/strbuf.h"
#include "providers/providers.h"
#include "providers/reading.h"
#include "providers/text.h"

#include "base/banned.h"

struct brevo_name {
    const char *name;
    enum event_type type;
    enum bounce_kind bounce;
    bool machine;
};
/* The API's names differ from those of the payloads, and marketing webhooks write camelCase. */
static const struct brevo_name event_names[] = {
    {"request", EVENT_PROCESSED, BOUNCE_NONE, false},
    {"sent", EVENT_PROCESSED, BOUNCE_NONE, false},
    {"delivered", EVENT_DELIVERED, BOUNCE_NONE, false},
    {"deferred", EVENT_DEFERRED, BOUNCE_NONE, false},
    {"hard_bounce", EVENT_BOUNCE, BOUNCE_HARD, false},
    {"hardBounce", EVENT_BOUNCE, BOUNCE_HARD, false},
    {"soft_bounce", EVENT_BOUNCE, BOUNCE_SOFT, false},
    {"softBounce", EVENT_BOUNCE, BOUNCE_SOFT, false},
    {"blocked", EVENT_DROPPED, BOUNCE_NONE, false},
    {"invalid_email", EVENT_DROPPED, BOUNCE_NONE, false},
    {"invalid", EVENT_DROPPED, BOUNCE_NONE, false},
    {"error", EVENT_DROPPED, BOUNCE_NONE, false},
    {"spam", EVENT_SPAM, BOUNCE_NONE, false},
    {"complaint", EVENT_SPAM, BOUNCE_NONE, false},
    {"opened", EVENT_OPEN, BOUNCE_NONE, false},
    {"unique_opened", EVENT_OPEN, BOUNCE_NONE, false},
    {"uniqueOpened", EVENT_OPEN, BOUNCE_NONE, false},
    {"proxy_open", EVENT_OPEN, BOUNCE_NONE, true}, /* loaded by a privacy proxy, whether or not somebody looks */
    {"proxyOpen", EVENT_OPEN, BOUNCE_NONE, true},
    {"unique_proxy_open", EVENT_OPEN, BOUNCE_NONE, true},
    {"uniqueProxyOpen", EVENT_OPEN, BOUNCE_NONE, true},
    {"click", EVENT_CLICK, BOUNCE_NONE, false},
    {"unsubscribed", EVENT_UNSUBSCRIBE, BOUNCE_NONE, false},
    {"unsubscribe", EVENT_UNSUBSCRIBE, BOUNCE_NONE, false},
};
#define EVENT_NAME_COUNT (sizeof(event_names) / sizeof(event_names[0]))

static const struct brevo_name *find_name(struct slice name) {
    for (size_t i = 0; i < EVENT_NAME_COUNT; i++) {
        if (slice_equal(name, slice_cstr(event_names[i].name))) return &event_names[i];
    }
    return NULL;
}

#define OLDEST_MS 100000000000LL /* March 1973 in milliseconds, the year 5138 in seconds */

/* ts_epoch is in milliseconds UTC, but samples in Brevo's own pages have seconds there. ts_event, in seconds, should be
 * UTC as well; `ts` and `date` follow the account's zone, so that `ts` is better than nothing only. Opens get whole
 * seconds: the first of a mail is reported twice, as opened and as unique_opened, and having the same time makes them
 * one event. */
static bool read_time(struct json_value object, struct event *event) {
    struct json_value epoch = json_get(object, SLICE("ts_epoch"));
    if (json_time_ms(epoch, &event->occurred_at)) {
        if (event->occurred_at < OLDEST_MS) return json_time(epoch, &event->occurred_at);
        if (event->type == EVENT_OPEN) event->occurred_at -= event->occurred_at % SECOND_MS;
        return true;
    }
    return json_time(json_get(object, SLICE("ts_event")), &event->occurred_at) ||
           json_time(json_get(object, SLICE("ts")), &event->occurred_at);
}

static int read_event(struct json_value object, size_t index, struct reading *reading, struct event *ret,
                      struct err *err) {
    static const char *const details[] = {"reason", "tags", "tag", "template_id", "camp_id", NULL};
    struct arena *arena = reading->arena;
    struct slice name;
    if (!json_text(json_get(object, SLICE("event")), &name)) return reading_wrong(err, index, "event", "is missing");
    const struct brevo_name *known = find_name(name);
    if (!known) return 0;
    struct slice id = reading_text(object, "message-id", reading);
    /* Marketing campaigns are not emails of ours: they have a campaign, and no message id. */
    if (slice_empty(id) && json_get(object, SLICE("camp_id")).type != JSON_KIND_NONE) return 0;
    ret->type = known->type;
    ret->bounce = known->bounce;
    if (!read_time(object, ret)) return reading_wrong(err, index, "ts_epoch", "is missing or no time");
    ret->recipient = text_keep_recipient(arena, json_get_string(object, SLICE("email")));
    if (slice_empty(ret->recipient)) return reading_wrong(err, index, "email", "is missing");
    ret->keys[0] = text_keep_key(arena, id);
    if (slice_empty(ret->keys[0])) return reading_wrong(err, index, "message-id", "is missing or too long");
    if (known->machine) ret->machine = MACHINE_HINT_MACHINE;
    if (event_type_is_tracking(ret->type) || ret->type == EVENT_UNSUBSCRIBE) /* else `ip` is a server's */
        reading_client(object, "link", "ip", "user_agent", reading, ret);
    if (ret->type == EVENT_DROPPED || ret->type == EVENT_OPEN) /* several names have one type */
        metadata_add_text(&reading->metadata, SLICE("event"), name);
    reading_keep(object, details, reading);
    reading_variables_text(json_get_string(object, SLICE("X-Mailin-custom")), "X-Mailin-custom", reading, ret);
    return 1;
}

static int parse(const struct provider_endpoint *endpoint, const struct delivery *delivery, struct json_reader *json,
                 struct arena *arena, struct parsed_delivery *ret, struct err *err) {
    struct json_value root;
    (void)endpoint;
    int result = json_parse(json, delivery->body, &root, err);
    if (result != 0) return result;
    struct json_value list = json_get(root, SLICE("events"));
    return reading_events(list.type == JSON_KIND_ARRAY ? list : root, read_event, arena, ret, err);
}

/* ---- compose ---- */

static const char *name_for(const struct event *event) {
    for (size_t i = 0; i < EVENT_NAME_COUNT; i++) {
        const struct brevo_name *name = &event_names[i];
        bool soft = event->bounce == BOUNCE_SOFT || event->bounce == BOUNCE_BLOCK; /* Brevo knows no block */
        bool bounce = event->type != EVENT_BOUNCE || (name->bounce == BOUNCE_SOFT) == soft;
        if (name->type == event->type && bounce && name->machine == (event->machine == MACHINE_HINT_MACHINE))
            return name->name;
    }
    return NULL;
}

static int write_event(struct strbuf *out, const struct event *event, struct err *err) {
    const char *name = name_for(event);
    struct strbuf custom;
    if (!name) return reading_no_event("Brevo", event->type, err);
    strbuf_add_cstr(out, "{\"id\":1,"); /* the webhook's */
    text_write_member(out, "event", slice_cstr(name));
    strbuf_add_cstr(out, "\"message-id\":");
    strbuf_init(&custom, 4 * EVENT_METADATA_MAX_BYTES);
    strbuf_printf(&custom, "<%.*s>", SLICE_FMT(event->keys[0]));
    text_write_json(out, strbuf_slice(&custom));
    strbuf_add_char(out, ',');
    strbuf_clear(&custom);
    text_write_member(out, "email", event->recipient);
    text_write_member(out, "link", event->url);
    text_write_member(out, "ip", event->ip_address);
    text_write_member(out, "user_agent", event->user_agent);
    if (event->metadata.len > 2 || event->email_log_id > 0) {
        reading_write_variables_object(&custom, event);
        text_write_member(out, "X-Mailin-custom", strbuf_slice(&custom));
    }
    strbuf_release(&custom);
    strbuf_printf(out, "\"ts_event\":%lld,\"ts_epoch\":%lld}", (long long)(event->occurred_at / SECOND_MS),
                  (long long)event->occurred_at);
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

const struct provider provider_brevo = {
    .name = "brevo",
    .title = "Brevo",
    .secret_help = "Brevo signs nothing: set credentials, and give them to the webhook as its authentication",
    .events_per_delivery = 500,
    .parse = parse,
    .compose = compose,
    .parse_inbound = brevo_parse_inbound,
};
