/* Mandrill, Mailchimp's transactional mail: webhooks of messages, and of received mail, which have the same form
 * (mailchimp.com/developer/transactional "Webhooks", mandrill.zendesk.com "Webhook format"). */
#include "providers/mandrill.h"

#include "base/clock.h"
#include "base/strbuf.h"
#include "providers/batch.h"
#include "providers/inbound.h"
#include "providers/providers.h"
#include "providers/text.h"

#include "base/banned.h"

static const struct event_name names[] = {
    {"send", EVENT_PROCESSED, BOUNCE_NONE},     {"delivered", EVENT_DELIVERED, BOUNCE_NONE},
    {"deferral", EVENT_DEFERRED, BOUNCE_NONE},  {"hard_bounce", EVENT_BOUNCE, BOUNCE_HARD},
    {"soft_bounce", EVENT_BOUNCE, BOUNCE_SOFT}, {"reject", EVENT_DROPPED, BOUNCE_NONE},
    {"open", EVENT_OPEN, BOUNCE_NONE},          {"click", EVENT_CLICK, BOUNCE_NONE},
    {"spam", EVENT_SPAM, BOUNCE_NONE},          {"unsub", EVENT_UNSUBSCRIBE, BOUNCE_NONE},
};
#define NAME_COUNT (sizeof(names) / sizeof(names[0]))

/* ---- events ---- */

static const char *const details[] = {"diag", "bounce_description", "bgtools_code", "reject", "template", "subaccount",
                                      NULL};

/* Of a mail that was put off, the last answer is worth keeping. */
static void add_last_answer(struct batch *batch, struct json_value message) {
    struct json_iterator iterator = json_elements(json_get(message, SLICE("smtp_events")));
    struct json_value attempt, last = {0};
    while (json_next(&iterator, &attempt))
        last = attempt;
    metadata_add_brief(&batch->reading.metadata, SLICE("diag"), json_get(last, SLICE("diag")));
}

static int read_event(struct batch *batch, struct json_value object, struct event *ret, struct err *err) {
    struct json_value message = json_get(object, SLICE("msg"));
    /* Changes of the deny and allow lists have a `type` instead; received mail has its own endpoint. */
    const struct event_name *known = event_name_find(names, NAME_COUNT, json_get_string(object, SLICE("event")));
    if (!known) return 0;
    ret->type = known->type;
    ret->bounce = known->bounce;
    if (!json_time(json_get(object, SLICE("ts")), &ret->occurred_at))
        return batch_wrong(batch, "ts is missing or no time", err);
    batch_key(batch, ret, json_get_string(object, SLICE("_id")));
    batch_key(batch, ret, json_get_string(message, SLICE("_id")));
    if (slice_empty(ret->keys[0])) return batch_wrong(batch, "_id is missing", err);
    ret->recipient = text_keep_recipient(batch->reading.arena, json_get_string(message, SLICE("email")));
    if (slice_empty(ret->recipient)) return batch_wrong(batch, "msg.email is missing", err);
    if (event_type_is_tracking(ret->type) || ret->type == EVENT_UNSUBSCRIBE)
        batch_client(batch, ret, json_get_string(object, SLICE("ip")), json_get_string(object, SLICE("user_agent")));
    batch_url(batch, ret, json_get_string(object, SLICE("url")));
    reading_keep(message, details, &batch->reading);
    if (ret->type == EVENT_DEFERRED) add_last_answer(batch, message);
    metadata_add(&batch->reading.metadata, SLICE("tags"), json_get(message, SLICE("tags")));
    reading_variables(json_get(message, SLICE("metadata")), &batch->reading, ret);
    return 1;
}

static int parse(const struct provider_endpoint *endpoint, const struct delivery *delivery, struct json_reader *json,
                 struct arena *arena, struct parsed_delivery *ret, struct err *err) {
    struct json_value events;
    struct batch batch;
    (void)endpoint;
    int result = mandrill_read_form(delivery, json, arena, &events, err);
    if (result < 0) return result;
    batch_init(&batch, arena);
    result = batch_each(&batch, events, read_event, err);
    if (result == 0) *ret = batch.parsed;
    batch_release(&batch);
    return result;
}

/* ---- received mail ("Inbound email processing overview") ---- */

static int read_mail(struct json_value object, size_t index, const struct delivery *delivery, struct arena *arena,
                     struct received_mail *ret, struct err *err) {
    struct json_value message = json_get(object, SLICE("msg"));
    struct inbound_builder builder;
    if (message.type != JSON_KIND_OBJECT) return err_set(err, ERR_INVALID, "event %zu: msg is missing", index);
    inbound_init(&builder, arena, delivery->received_at);
    struct slice raw = json_get_string(message, SLICE("raw_msg"));
    if (!slice_empty(raw)) {
        builder.mail.raw = arena_copy(arena, raw);
    } else {
        inbound_add_header_object(&builder, json_get(message, SLICE("headers")));
        builder.mail.text = inbound_text(&builder, json_get_string(message, SLICE("text")));
        builder.mail.html = inbound_text(&builder, json_get_string(message, SLICE("html")));
        if (builder.mail.header_count == 0)
            return err_set(err, ERR_INVALID, "event %zu: msg has neither raw_msg nor headers", index);
    }
    /* The return path is not told: `from_email` is the mail's From. */
    inbound_add_recipients(&builder, json_get_string(message, SLICE("email")));
    json_time(json_get(object, SLICE("ts")), &builder.mail.received_at);
    *ret = inbound_finish(&builder);
    return 0;
}

static int parse_inbound(const struct provider_endpoint *endpoint, const struct delivery *delivery,
                         struct json_reader *json, struct arena *arena, struct parsed_inbound *ret, struct err *err) {
    struct json_value events, object;
    (void)endpoint;
    int result = mandrill_read_form(delivery, json, arena, &events, err);
    if (result < 0) return result;
    size_t count = json_count(events), index = 0;
    if (count > PROVIDER_MAILS_MAX)
        return err_set(err, ERR_TOO_LARGE, "a delivery holds at most %d mails", PROVIDER_MAILS_MAX);
    struct received_mail *mails = arena_alloc_array(arena, count, sizeof(*mails));
    struct parsed_inbound parsed = {.outcome = PROVIDER_EVENTS, .mails = mails};
    for (struct json_iterator iterator = json_elements(events); json_next(&iterator, &object); index++) {
        if (!slice_equal(json_get_string(object, SLICE("event")), SLICE("inbound"))) {
            parsed.ignored++;
            continue;
        }
        result = read_mail(object, index, delivery, arena, &mails[parsed.mail_count], err);
        if (result < 0) return result;
        parsed.mail_count++;
    }
    *ret = parsed;
    return 0;
}

/* ---- compose ---- */

static int write_event(struct strbuf *out, const struct event *event, struct err *err) {
    const struct event_name *name = event_name_for(names, NAME_COUNT, event);
    if (!name) return reading_no_event("Mandrill", event->type, err);
    strbuf_printf(out, "{\"event\":\"%s\",", name->name);
    text_write_member(out, "_id", event->keys[0]);
    text_write_member(out, "url", event->url);
    text_write_member(out, "ip", event->ip_address);
    text_write_member(out, "user_agent", event->user_agent);
    strbuf_add_cstr(out, "\"msg\":{");
    text_write_member(out, "_id", event->keys[0]);
    text_write_member(out, "email", event->recipient);
    reading_write_variables(out, "metadata", event);
    strbuf_printf(out, "\"tags\":[]},\"ts\":%lld}", (long long)(event->occurred_at / SECOND_MS));
    return 0;
}

static int compose(const struct provider_endpoint *endpoint, const struct event *events, size_t count,
                   struct slice signing, int64_t now, struct arena *arena, struct composed_delivery *ret,
                   struct err *err) {
    struct strbuf text;
    int result = 0;
    (void)now;
    strbuf_init(&text, COMPOSED_MAX_BYTES);
    strbuf_add_char(&text, '[');
    for (size_t i = 0; i < count && result == 0; i++) {
        if (i > 0) strbuf_add_char(&text, ',');
        result = write_event(&text, &events[i], err);
    }
    strbuf_add_char(&text, ']');
    if (result == 0 && text.overflow) result = err_set(err, ERR_TOO_LARGE, "the events are too large for one delivery");
    if (result == 0) result = mandrill_compose_form(endpoint, strbuf_slice(&text), signing, arena, ret, err);
    strbuf_release(&text);
    return result;
}

const struct provider provider_mandrill = {
    .name = "mandrill",
    .title = "Mandrill (Mailchimp Transactional)",
    .secret_help = "The key that Mandrill shows beside the webhook (Settings, Webhooks); received mail is signed with "
                   "the key of the inbound route's webhook: add that too",
    .signing_help = "the webhook key itself",
    .status_bad_signature = 401,
    .secret_required = true,
    .timestamp_tolerance_ms = 0, /* a batch is repeated for long, and the signature covers no time of its own */
    .events_per_delivery = 1000, /* "up to 1000 events" */
    .secret_parse = mandrill_secret_parse,
    .secret_free = mandrill_secret_free,
    .verify = mandrill_verify,
    .parse = parse,
    .compose = compose,
    .parse_inbound = parse_inbound,
};
