/* Postmark's Messages and Bounce API (postmarkapp.com/developer/api/messages-api, …/bounce-api), made into the webhooks
 * that would have told the same. */
#include "import/format.h"

#include "providers/text.h"

#include "base/banned.h"

struct unwrapping {
    struct strbuf *scratch;
    void (*body)(void *context, struct slice text);
    void *context;
    int64_t *ignored;
};

/* The object as it is, with a RecordType in front. */
static int add_record(const struct unwrapping *unwrapping, struct json_value object, const char *type,
                      struct err *err) {
    struct strbuf *out = unwrapping->scratch;
    if (object.type != JSON_KIND_OBJECT || json_count(object) == 0)
        return err_set(err, ERR_INVALID, "an entry is no object");
    strbuf_clear(out);
    strbuf_printf(out, "{\"RecordType\":\"%s\",", type);
    size_t at = out->len;
    if (json_write_value(object, out) == 0) out->ptr[at] = ' '; /* its brace */
    return import_hand_over(out, unwrapping->body, unwrapping->context, err);
}

static int add_list(const struct unwrapping *unwrapping, struct json_value list, const char *type, struct err *err) {
    struct json_value item;
    int r = 0;
    for (struct json_iterator iterator = json_elements(list); r == 0 && json_next(&iterator, &item);)
        r = add_record(unwrapping, item, type, err);
    return r;
}

/* Of a bounce the list of events says neither kind nor reason, and of a change of subscription not which: they are left
 * to the Bounce API, whose answers say it. */
static const char *record_of(struct slice type, const char **ret_time) {
    *ret_time = "ReceivedAt";
    if (slice_equal(type, SLICE("Opened"))) return "Open";
    if (slice_equal(type, SLICE("LinkClicked"))) return "Click";
    if (!slice_equal(type, SLICE("Delivered"))) return NULL;
    *ret_time = "DeliveredAt";
    return "Delivery";
}

static int add_event(const struct unwrapping *unwrapping, struct json_value message, struct json_value event,
                     struct err *err) {
    struct strbuf *out = unwrapping->scratch;
    struct json_value details = json_get(event, SLICE("Details"));
    const char *time_name, *record = record_of(json_get_string(event, SLICE("Type")), &time_name);
    if (!record) {
        ++*unwrapping->ignored;
        return 0;
    }
    strbuf_clear(out);
    strbuf_printf(out, "{\"RecordType\":\"%s\",", record);
    text_write_member(out, "MessageID", json_get_string(message, SLICE("MessageID")));
    text_write_member(out, "Recipient", json_get_string(event, SLICE("Recipient")));
    text_write_member(out, time_name, json_get_string(event, SLICE("ReceivedAt")));
    text_write_member(out, "OriginalLink", json_get_string(details, SLICE("Link")));
    text_write_member(out, "UserAgent", json_get_string(details, SLICE("UserAgent")));
    text_write_member(out, "Tag", json_get_string(message, SLICE("Tag")));
    strbuf_add_cstr(out, "\"Metadata\":");
    json_write_value(json_get(message, SLICE("Metadata")), out);
    strbuf_add_char(out, '}');
    return import_hand_over(out, unwrapping->body, unwrapping->context, err);
}

static int add_message(const struct unwrapping *unwrapping, struct json_value message, struct err *err) {
    struct json_value events = json_get(message, SLICE("MessageEvents")), event;
    int r = 0;
    if (events.type != JSON_KIND_ARRAY) ++*unwrapping->ignored; /* out of a list of messages: without their events */
    for (struct json_iterator iterator = json_elements(events); r == 0 && json_next(&iterator, &event);)
        r = add_event(unwrapping, message, event, err);
    return r;
}

int postmark_unwrap(struct slice text, struct json_value root, struct strbuf *scratch,
                    void (*body)(void *context, struct slice text), void *context, int64_t *ret_ignored,
                    struct err *err) {
    struct unwrapping unwrapping = {.scratch = scratch, .body = body, .context = context, .ignored = ret_ignored};
    struct json_value messages = json_get(root, SLICE("Messages")), message;
    int r = 0;
    if (json_get(root, SLICE("RecordType")).type != JSON_KIND_NONE) {
        body(context, text);
        return 0;
    }
    if (json_get(root, SLICE("MessageEvents")).type != JSON_KIND_NONE) return add_message(&unwrapping, root, err);
    for (struct json_iterator iterator = json_elements(messages); r == 0 && json_next(&iterator, &message);)
        r = add_message(&unwrapping, message, err);
    if (r == 0) r = add_list(&unwrapping, json_get(root, SLICE("Opens")), "Open", err);
    if (r == 0) r = add_list(&unwrapping, json_get(root, SLICE("Clicks")), "Click", err);
    if (r == 0) r = add_list(&unwrapping, json_get(root, SLICE("Bounces")), "Bounce", err);
    return r;
}
