#include "base/clock.h"
#include "base/strbuf.h"
#include "providers/ses.h"
#include "providers/sns.h"
#include "providers/text.h"

#include "base/banned.h"

#define MESSAGE_MAX_BYTES (64 << 10)

/* The first type that stands for it: a drop is a `Reject`. */
static const struct ses_type *find_type(enum event_type type) {
    if (type == EVENT_GROUP_UNSUBSCRIBE || type == EVENT_GROUP_RESUBSCRIBE) type = EVENT_UNSUBSCRIBE;
    for (size_t i = 0; i < SES_TYPE_COUNT; i++) {
        if (ses_types[i].type == type) return &ses_types[i];
    }
    return NULL;
}

static void write_recipients(struct strbuf *out, const struct event *event, const struct ses_type *type) {
    if (!type->recipients) return;
    strbuf_printf(out, "\"%s\":[", type->recipients);
    if (event->type != EVENT_DELIVERED) strbuf_add_cstr(out, "{\"emailAddress\":");
    text_write_json(out, event->recipient);
    if (event->type != EVENT_DELIVERED) strbuf_add_char(out, '}');
    strbuf_add_cstr(out, "],");
}

static void write_preferences(struct strbuf *out, const char *name, bool left_all, bool in) {
    strbuf_printf(out,
                  "\"%s\":{\"unsubscribeAll\":%s,\"topicSubscriptionStatus\":[{\"topicName\":\"news\","
                  "\"subscriptionStatus\":\"%s\"}]},",
                  name, left_all ? "true" : "false", in ? "OptIn" : "OptOut");
}

static void write_details(struct strbuf *out, const struct event *event) {
    switch (event->type) {
    case EVENT_BOUNCE:
        text_write_member(out, "bounceType", event->bounce == BOUNCE_HARD ? SLICE("Permanent") : SLICE("Transient"));
        text_write_member(out, "bounceSubType", SLICE("General"));
        break;
    case EVENT_SPAM:
        text_write_member(out, "complaintFeedbackType", SLICE("abuse"));
        break;
    case EVENT_DROPPED:
        text_write_member(out, "reason", SLICE("Bad content"));
        break;
    case EVENT_CLICK:
        text_write_member(out, "link", event->url);
        __attribute__((fallthrough));
    case EVENT_OPEN:
        text_write_member(out, "ipAddress", event->ip_address);
        text_write_member(out, "userAgent", event->user_agent);
        break;
    case EVENT_UNSUBSCRIBE:
    case EVENT_GROUP_UNSUBSCRIBE:
    case EVENT_GROUP_RESUBSCRIBE:
        write_preferences(out, "oldTopicPreferences", false, event->type != EVENT_GROUP_RESUBSCRIBE);
        write_preferences(out, "newTopicPreferences", event->type == EVENT_UNSUBSCRIBE,
                          event->type == EVENT_GROUP_RESUBSCRIBE);
        break;
    default:
        break;
    }
}

static void write_mail(struct strbuf *out, const struct event *event, struct slice time) {
    strbuf_add_cstr(out, "\"mail\":{");
    text_write_member(out, "timestamp", time);
    text_write_member(out, "messageId", event->keys[0]);
    if (event->keys[1].len) {
        strbuf_add_cstr(out, "\"commonHeaders\":{\"messageId\":");
        text_write_json(out, event->keys[1]);
        strbuf_add_cstr(out, "},");
    }
    if (event->email_log_id > 0)
        strbuf_printf(out, "\"tags\":{\"email_log_id\":[\"%lld\"]},", (long long)event->email_log_id);
    strbuf_add_cstr(out, "\"destination\":[");
    text_write_json(out, event->recipient);
    strbuf_add_cstr(out, "]}}");
}

int ses_compose(const struct provider_endpoint *endpoint, const struct event *events, size_t count,
                struct slice signing, int64_t now, struct arena *arena, struct composed_delivery *ret,
                struct err *err) {
    if (count != 1) return err_set(err, ERR_INVALID, "Amazon SES sends one event a message");
    const struct event *event = &events[0];
    const struct ses_type *type = find_type(event->type);
    if (!type) return err_set(err, ERR_INVALID, "Amazon SES reports no %s", event_type_name(event->type));
    char time_text[TIME_TEXT_MAX];
    struct slice time = time_format(event->occurred_at, time_text);
    struct strbuf message;
    strbuf_init(&message, MESSAGE_MAX_BYTES);
    strbuf_add_char(&message, '{');
    text_write_member(&message, "eventType", slice_cstr(type->name));
    strbuf_printf(&message, "\"%s\":{", type->object);
    write_recipients(&message, event, type);
    write_details(&message, event);
    /* Of sends and rejections Amazon tells no time of their own; here every event keeps its own. */
    strbuf_add_cstr(&message, "\"timestamp\":");
    text_write_json(&message, time);
    strbuf_add_cstr(&message, "},");
    write_mail(&message, event, time);
    int result = message.overflow ? err_set(err, ERR_TOO_LARGE, "the event is too large for one delivery")
                                  : sns_compose(endpoint, strbuf_slice(&message), signing, now, arena, ret, err);
    strbuf_release(&message);
    return result;
}
