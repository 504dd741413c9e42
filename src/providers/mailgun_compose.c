#include "base/clock.h"
#include "providers/hmac.h"
#include "providers/mailgun.h"
#include "providers/text.h"

#include "base/banned.h"

#define BODY_MAX_BYTES (64 << 10)

static const char *name_of(enum event_type type) {
    switch (type) {
    case EVENT_PROCESSED:
        return "accepted";
    case EVENT_DELIVERED:
        return "delivered";
    case EVENT_DEFERRED:
    case EVENT_BOUNCE:
        return "failed";
    case EVENT_DROPPED:
        return "rejected";
    case EVENT_OPEN:
        return "opened";
    case EVENT_CLICK:
        return "clicked";
    case EVENT_SPAM:
        return "complained";
    case EVENT_UNSUBSCRIBE:
        return "unsubscribed";
    default:
        return NULL;
    }
}

static void write_failure(struct strbuf *out, const struct event *event) {
    static const char *const reasons[] = {
        [BOUNCE_NONE] = "generic", [BOUNCE_SOFT] = "old", [BOUNCE_BLOCK] = "espblock", [BOUNCE_HARD] = "bounce"};
    bool temporary = event->type == EVENT_DEFERRED;
    text_write_member(out, "severity", temporary ? SLICE("temporary") : SLICE("permanent"));
    text_write_member(out, "reason", slice_cstr(temporary ? "generic" : reasons[event->bounce]));
    strbuf_printf(out, "\"delivery-status\":{\"code\":%d,\"attempt-no\":1},", temporary ? 451 : 550);
}

static void write_client(struct strbuf *out, const struct event *event) {
    text_write_member(out, "ip", event->ip_address);
    text_write_member(out, "url", event->url);
    strbuf_add_cstr(out, "\"client-info\":{");
    text_write_member(out, "user-agent", event->user_agent);
    text_write_member(out, "client-type", SLICE("browser"));
    strbuf_printf(out, "\"bot\":\"%s\"},", event->machine == MACHINE_HINT_MACHINE ? "apple" : "");
}

static void write_event(struct strbuf *out, const struct event *event, const char *name, struct arena *arena) {
    struct slice id = event->provider_event_id;
    if (slice_empty(id)) id = text_uuid_of(strbuf_slice(out), arena);
    strbuf_add_cstr(out, "\"event-data\":{");
    text_write_member(out, "event", slice_cstr(name));
    text_write_member(out, "id", id);
    text_write_member(out, "recipient", event->recipient);
    if (event->type == EVENT_DEFERRED || event->type == EVENT_BOUNCE) write_failure(out, event);
    if (event->type == EVENT_DROPPED) strbuf_add_cstr(out, "\"reject\":{\"reason\":\"Rejected by policy\"},");
    if (event_type_is_tracking(event->type) || event->type == EVENT_UNSUBSCRIBE) write_client(out, event);
    strbuf_add_cstr(out, "\"message\":{\"headers\":{\"message-id\":");
    text_write_json(out, event->keys[0]);
    strbuf_add_cstr(out, "}},");
    reading_write_variables(out, "user-variables", event);
    strbuf_printf(out, "\"timestamp\":%lld.%03d}}", (long long)(event->occurred_at / SECOND_MS),
                  (int)(event->occurred_at % SECOND_MS));
}

/* A token of 50 characters that is the same each time. */
static struct slice token_of(const struct event *event, int64_t now, struct arena *arena) {
    struct slice seed = slice_cstr(arena_printf(arena, "%lld %.*s %d %lld", (long long)now, SLICE_FMT(event->keys[0]),
                                                (int)event->type, (long long)event->occurred_at));
    struct slice one = text_uuid_of(seed, arena), two = text_uuid_of(one, arena);
    return slice_first(slice_cstr(arena_printf(arena, "%.*s%.*s", SLICE_FMT(one), SLICE_FMT(two))), 50);
}

int mailgun_compose(const struct provider_endpoint *endpoint, const struct event *events, size_t count,
                    struct slice signing, int64_t now, struct arena *arena, struct composed_delivery *ret,
                    struct err *err) {
    const char *name = name_of(events[0].type);
    struct slice timestamp = slice_cstr(arena_printf(arena, "%lld", (long long)(now / SECOND_MS)));
    struct slice token = token_of(&events[0], now, arena), mac;
    struct strbuf body;
    (void)endpoint;
    if (count != 1) return err_set(err, ERR_INVALID, "Mailgun sends one event a delivery");
    if (!name) return reading_no_event("Mailgun", events[0].type, err);
    int result = hmac_sign(signing, timestamp, token, arena, &mac, err);
    if (result != 0) return result;
    strbuf_init(&body, BODY_MAX_BYTES);
    strbuf_printf(&body, "{\"signature\":{\"timestamp\":\"%.*s\",\"token\":\"%.*s\",\"signature\":\"%.*s\"},",
                  SLICE_FMT(timestamp), SLICE_FMT(token), SLICE_FMT(mac));
    write_event(&body, &events[0], name, arena);
    result = reading_composed(&body, "application/json", arena, ret, err);
    strbuf_release(&body);
    return result;
}
