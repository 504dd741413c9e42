/* SparkPost, now Bird (developers.sparkpost.com/api/webhooks). An array of {"msys": {class: event}}; nothing is signed:
 * basic credentials, a bearer token or a header are the lock. */
#include "base/clock.h"
#include "base/strbuf.h"
#include "providers/inbound.h"
#include "providers/providers.h"
#include "providers/reading.h"
#include "providers/text.h"

#include "base/banned.h"

#define VIEW_MS (10 * SECOND_MS) /* between the two pixels of one view, see drop_second_pixels */

static const char *const classes[] = {"message_event", "track_event", "gen_event", "unsubscribe_event"};

/* What is not here (relay, ab_test, ingest events, sms_status …) is about something else. */
static const struct reading_name event_names[] = {
    {"injection", EVENT_PROCESSED},
    {"delivery", EVENT_DELIVERED},
    {"delay", EVENT_DEFERRED},
    {"bounce", EVENT_BOUNCE},
    {"out_of_band", EVENT_BOUNCE},
    {"policy_rejection", EVENT_DROPPED},
    {"generation_failure", EVENT_DROPPED},
    {"generation_rejection", EVENT_DROPPED},
    {"spam_complaint", EVENT_SPAM},
    {"open", EVENT_OPEN},
    {"initial_open", EVENT_OPEN},
    {"amp_open", EVENT_OPEN},
    {"amp_initial_open", EVENT_OPEN},
    {"click", EVENT_CLICK},
    {"amp_click", EVENT_CLICK},
    {"link_unsubscribe", EVENT_UNSUBSCRIBE},
    {"list_unsubscribe", EVENT_UNSUBSCRIBE},
};

/* SparkPost "Bounce classification codes". False when it is no bounce at all: 60 is an answering machine, 80 a
 * subscription. A class that is unknown or missing says nothing against the address. */
static bool read_bounce(int64_t class, struct event *event) {
    switch (class) {
    case 10: /* invalid recipient */
    case 30: /* generic bounce without a recipient */
        event->bounce = BOUNCE_HARD;
        return true;
    case 25: /* administrative failure: not sent */
        event->type = EVENT_DROPPED;
        return true;
    case 50: /* mail block … */
    case 51:
    case 52:
    case 53:
    case 54:
        event->bounce = BOUNCE_BLOCK;
        return true;
    case 60:
    case 80:
        return false;
    case 90:
        event->type = EVENT_UNSUBSCRIBE;
        return true;
    default: /* 1 undetermined, 20 to 24, 40, 70, 100 */
        event->bounce = BOUNCE_SOFT;
        return true;
    }
}

static struct json_value find_event(struct json_value element) {
    struct json_value msys = json_get(element, SLICE("msys")), none = {.type = JSON_KIND_NONE};
    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
        struct json_value event = json_get(msys, slice_cstr(classes[i]));
        if (event.type == JSON_KIND_OBJECT) return event;
    }
    return none;
}

static void read_client(struct json_value data, struct reading *reading, struct event *event) {
    reading_client(data, "target_link_url", "ip_address", "user_agent", reading, event);
    /* A proxy that fetches when the reader looks (Gmail's) is no machine; one that fetches before is. */
    if (event_type_is_tracking(event->type) &&
        reading_flag(json_get(data, SLICE("user_agent_parsed")), "is_prefetched"))
        event->machine = MACHINE_HINT_MACHINE;
}

static void keep_details(struct json_value data, struct reading *reading, struct event *event) {
    static const char *const failure[] = {"bounce_class", "error_code", "reason", "raw_reason", "num_retries", NULL};
    static const char *const common[] = {"fbtype",        "target_link_name", "campaign_id", "template_id",
                                         "subaccount_id", "rcpt_tags",        NULL};
    if (event->type == EVENT_BOUNCE || event->type == EVENT_DROPPED || event->type == EVENT_DEFERRED ||
        event->type == EVENT_UNSUBSCRIBE)
        reading_keep(data, failure, reading);
    reading_keep(data, common, reading);
    reading_variables(json_get(data, SLICE("rcpt_meta")), reading, event);
}

static int read_event(struct json_value element, size_t index, struct reading *reading, struct event *ret,
                      struct err *err) {
    struct json_value data = find_event(element);
    struct arena *arena = reading->arena;
    int64_t class = 0;
    /* {"msys":{}} is the probe of a new webhook (it must get 200), other classes are about something else. */
    if (data.type != JSON_KIND_OBJECT) return 0;
    struct slice name = json_get_string(data, SLICE("type"));
    if (!reading_find_type(READING_NAMES(event_names), name, &ret->type)) return 0;
    if (ret->type == EVENT_BOUNCE) {
        if (!json_i64_lenient(json_get(data, SLICE("bounce_class")), &class)) class = 1;
        if (!read_bounce(class, ret)) return 0;
    }
    const char *recipient = json_get(data, SLICE("rcpt_to")).type == JSON_KIND_STRING ? "rcpt_to" : "raw_rcpt_to";
    int result = reading_identity(data, index, "timestamp", recipient, NULL, reading, ret, err);
    if (result != 0) return result;
    /* The sending API tells only the transmission; what was injected by SMTP is known by its message_id. */
    size_t count = 0;
    ret->keys[0] = text_keep_key(arena, reading_text(data, "message_id", reading));
    if (ret->keys[0].len) count++;
    ret->keys[count] = text_keep_key(arena, reading_text(data, "transmission_id", reading));
    if (slice_empty(ret->keys[0])) return reading_wrong(err, index, "message_id", "is missing or too long");
    ret->provider_event_id = text_keep(arena, reading_text(data, "event_id", reading), EVENT_PROVIDER_ID_MAX_BYTES);
    if (event_type_is_tracking(ret->type) || ret->type == EVENT_UNSUBSCRIBE) read_client(data, reading, ret);
    metadata_add_text(&reading->metadata, SLICE("type"), name); /* first: see is_kind */
    keep_details(data, reading, ret);
    return 1;
}

/* ---- one view, two pixels ---- */

/* Is this an event of that name? The metadata begins with it. */
static bool is_kind(const struct event *event, const char *name) {
    struct slice rest = event->metadata;
    if (event->type != EVENT_OPEN || !slice_starts_with(rest, SLICE("{\"type\":\""))) return false;
    rest = slice_from(rest, sizeof("{\"type\":\"") - 1);
    size_t len = strlen(name);
    return slice_starts_with(rest, slice_of(name, len)) && rest.len > len && rest.ptr[len] == '"';
}

static bool is_same_view(const struct event *first, const struct event *second) {
    return second->occurred_at >= first->occurred_at && second->occurred_at - first->occurred_at <= VIEW_MS &&
           slice_equal(first->keys[0], second->keys[0]) && slice_equal(first->recipient, second->recipient);
}

/* Drops each event named `second` that is of the same view as one named `first`. */
static void drop_second(struct parsed_delivery *parsed, const char *first, const char *second, struct arena *arena) {
    struct event *firsts = arena_alloc_array(arena, parsed->event_count, sizeof(firsts[0]));
    size_t first_count = 0, kept = 0;
    for (size_t i = 0; i < parsed->event_count; i++) {
        if (is_kind(&parsed->events[i], first)) firsts[first_count++] = parsed->events[i];
    }
    for (size_t i = 0; i < parsed->event_count; i++) {
        bool drop = false;
        bool candidate = is_kind(&parsed->events[i], second);
        for (size_t j = 0; candidate && j < first_count && !drop; j++)
            drop = is_same_view(&firsts[j], &parsed->events[i]);
        if (!drop) parsed->events[kept++] = parsed->events[i];
    }
    parsed->ignored += parsed->event_count - kept;
    parsed->event_count = kept;
}

/* SparkPost puts a pixel at the top of a mail (initial_open) and one at its end (open): one view reports both. In the
 * same second they are one event anyway, having the same key; here the second is left out when it comes a little
 * later within the same delivery. Who asks only for one of the two kinds loses nothing. */
static void drop_second_pixels(struct parsed_delivery *parsed, struct arena *arena) {
    drop_second(parsed, "initial_open", "open", arena);
    drop_second(parsed, "amp_initial_open", "amp_open", arena);
}

static int parse(const struct provider_endpoint *endpoint, const struct delivery *delivery, struct json_reader *json,
                 struct arena *arena, struct parsed_delivery *ret, struct err *err) {
    struct parsed_delivery parsed;
    struct json_value root;
    (void)endpoint;
    int result = json_parse(json, delivery->body, &root, err);
    if (result != 0) return result;
    if (root.type != JSON_KIND_ARRAY) return err_set(err, ERR_UNREADABLE, "the body is no array of events");
    result = reading_events(root, read_event, arena, &parsed, err);
    if (result != 0) return result;
    drop_second_pixels(&parsed, arena);
    *ret = parsed;
    return 0;
}

/* ---- inbound: relay webhooks ---- */

static void add_content(struct json_value content, struct inbound_builder *builder) {
    struct json_iterator headers = json_elements(json_get(content, SLICE("headers")));
    struct json_value header, value;
    while (json_next(&headers, &header)) {
        struct slice name, text;
        for (struct json_iterator members = json_members(header); json_next_member(&members, &name, &value);) {
            if (json_text(value, &text)) inbound_add_header(builder, name, text);
        }
    }
    inbound_add_missing_header(builder, "Subject", json_get_string(content, SLICE("subject")));
    builder->mail.text = inbound_text(builder, json_get_string(content, SLICE("text")));
    builder->mail.html = inbound_text(builder, json_get_string(content, SLICE("html")));
}

static int read_mail(struct json_value message, size_t index, const struct delivery *delivery, struct arena *arena,
                     struct received_mail *ret, struct err *err) {
    struct json_value content = json_get(message, SLICE("content")), sender = json_get(message, SLICE("msg_from"));
    struct slice raw = json_get_string(content, SLICE("email_rfc822"));
    struct inbound_builder builder;
    inbound_init(&builder, arena, delivery->received_at);
    if (sender.type == JSON_KIND_STRING) inbound_set_sender(&builder, json_get_string(message, SLICE("msg_from")));
    inbound_add_recipients(&builder, json_get_string(message, SLICE("rcpt_to")));
    if (raw.len && reading_flag(content, "email_rfc822_is_base64")) {
        if (!inbound_base64(arena, raw, &builder.mail.raw))
            return err_set(err, ERR_INVALID, "mail %zu: email_rfc822 is no base64", index);
    } else if (raw.len) {
        builder.mail.raw = arena_copy(arena, raw);
    } else if (json_count(json_get(content, SLICE("headers"))) > 0) {
        add_content(content, &builder);
        inbound_add_missing_header(&builder, "From", json_get_string(message, SLICE("friendly_from")));
    } else {
        return err_set(err, ERR_INVALID, "mail %zu has neither email_rfc822 nor headers", index);
    }
    *ret = inbound_finish(&builder);
    return 0;
}

static int parse_inbound(const struct provider_endpoint *endpoint, const struct delivery *delivery,
                         struct json_reader *json, struct arena *arena, struct parsed_inbound *ret, struct err *err) {
    struct parsed_inbound parsed = {.outcome = PROVIDER_EVENTS};
    struct json_value root, element;
    (void)endpoint;
    int result = json_parse(json, delivery->body, &root, err);
    if (result != 0) return result;
    if (root.type != JSON_KIND_ARRAY) return err_set(err, ERR_UNREADABLE, "the body is no array of mails");
    size_t count = json_count(root), index = 0;
    if (count > PROVIDER_MAILS_MAX)
        return err_set(err, ERR_TOO_LARGE, "a delivery holds at most %d mails", PROVIDER_MAILS_MAX);
    struct received_mail *mails = arena_alloc_array(arena, count, sizeof(mails[0]));
    for (struct json_iterator elements = json_elements(root); json_next(&elements, &element); index++) {
        struct json_value message = json_get(json_get(element, SLICE("msys")), SLICE("relay_message"));
        if (message.type != JSON_KIND_OBJECT) {
            parsed.ignored++;
            continue;
        }
        result = read_mail(message, index, delivery, arena, &mails[parsed.mail_count], err);
        if (result != 0) return result;
        parsed.mail_count++;
    }
    parsed.mails = mails;
    *ret = parsed;
    return 0;
}

/* ---- compose ---- */

static const char *class_of(enum event_type type) {
    if (event_type_is_tracking(type)) return "track_event";
    return type == EVENT_UNSUBSCRIBE ? "unsubscribe_event" : "message_event";
}

/* The metadata is not written back: it holds SparkPost's own members beside the caller's. */
static int write_event(struct strbuf *out, const struct event *event, struct err *err) {
    static const char *const bounce_classes[] = {
        [BOUNCE_NONE] = "1", [BOUNCE_SOFT] = "20", [BOUNCE_BLOCK] = "50", [BOUNCE_HARD] = "10"};
    const char *name = reading_name_of(READING_NAMES(event_names), event->type);
    if (!name) return reading_no_event("SparkPost", event->type, err);
    strbuf_printf(out, "{\"msys\":{\"%s\":{", class_of(event->type));
    text_write_member(out, "type", slice_cstr(name));
    text_write_member(out, "event_id", event->provider_event_id);
    text_write_member(out, "message_id", event->keys[0]);
    text_write_member(out, "transmission_id", event->keys[1]);
    text_write_member(out, "rcpt_to", event->recipient);
    if (event->type == EVENT_BOUNCE) text_write_member(out, "bounce_class", slice_cstr(bounce_classes[event->bounce]));
    text_write_member(out, "target_link_url", event->url);
    text_write_member(out, "ip_address", event->ip_address);
    text_write_member(out, "user_agent", event->user_agent);
    if (event->machine == MACHINE_HINT_MACHINE) strbuf_add_cstr(out, "\"user_agent_parsed\":{\"is_prefetched\":true},");
    if (event->email_log_id > 0)
        strbuf_printf(out, "\"rcpt_meta\":{\"email_log_id\":\"%lld\"},", (long long)event->email_log_id);
    strbuf_printf(out, "\"timestamp\":\"%lld\"}}}", (long long)(event->occurred_at / SECOND_MS));
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
    strbuf_add_char(&body, '[');
    for (size_t i = 0; i < count && result == 0; i++) {
        if (i > 0) strbuf_add_char(&body, ',');
        result = write_event(&body, &events[i], err);
    }
    strbuf_add_char(&body, ']');
    if (result == 0) result = reading_composed(&body, "application/json", arena, ret, err);
    strbuf_release(&body);
    return result;
}

const struct provider provider_sparkpost = {
    .name = "sparkpost",
    .title = "SparkPost",
    .secret_help = "SparkPost signs nothing: set credentials, and enter them as the webhook's authentication",
    .events_per_delivery = PROVIDER_EVENTS_MAX,
    .parse = parse,
    .compose = compose,
    .parse_inbound = parse_inbound,
};
