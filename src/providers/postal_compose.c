#include "base/clock.h"
#include "base/strbuf.h"
#include "providers/postal.h"
#include "providers/text.h"

#include "base/banned.h"

static void write_message(struct strbuf *out, const char *name, const struct event *event) {
    strbuf_printf(out, "\"%s\":{\"direction\":\"outgoing\",", name);
    text_write_member(out, "message_id", event->keys[0]);
    text_write_member(out, "token", event->keys[1]);
    strbuf_add_cstr(out, "\"to\":");
    text_write_json(out, event->recipient);
    strbuf_add_char(out, '}');
}

static const char *status_of(enum event_type type) {
    switch (type) {
    case EVENT_DELIVERED:
        return "Sent";
    case EVENT_DEFERRED:
        return "SoftFail";
    case EVENT_BOUNCE:
        return "HardFail";
    default:
        return "Held";
    }
}

static void write_payload(struct strbuf *out, const struct event *event) {
    if (event_type_is_tracking(event->type)) {
        text_write_member(out, "ip_address", event->ip_address);
        text_write_member(out, "user_agent", event->user_agent);
        text_write_member(out, "url", event->url);
    } else {
        text_write_member(out, "status", slice_cstr(status_of(event->type)));
    }
    write_message(out, "message", event);
}

int postal_compose(const struct provider_endpoint *endpoint, const struct event *events, size_t count,
                   struct slice signing, int64_t now, struct arena *arena, struct composed_delivery *ret,
                   struct err *err) {
    (void)endpoint;
    (void)now;
    if (count != 1) return err_set(err, ERR_INVALID, "Postal sends one event a delivery");
    const struct event_name *name = event_name_for(postal_names, POSTAL_NAME_COUNT, &events[0]);
    if (!name) return reading_no_event("Postal", events[0].type, err);
    struct composed_delivery composed;
    struct strbuf body;
    strbuf_init(&body, COMPOSED_MAX_BYTES);
    strbuf_printf(&body, "{\"event\":\"%s\",\"timestamp\":%lld.%03d,", name->name,
                  (long long)(events[0].occurred_at / SECOND_MS), (int)(events[0].occurred_at % SECOND_MS));
    strbuf_add_cstr(&body, "\"payload\":{");
    write_payload(&body, &events[0]);
    strbuf_add_cstr(&body, "},\"uuid\":");
    text_write_json(&body, text_uuid_of(strbuf_slice(&body), arena));
    strbuf_add_char(&body, '}');
    int result = reading_composed(&body, "application/json", arena, &composed, err);
    if (result == 0) result = postal_sign(signing, arena, &composed, err);
    if (result == 0) *ret = composed;
    strbuf_release(&body);
    return result;
}
