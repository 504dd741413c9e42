/* What Mailgun posts as a form: its webhooks of before 2018, and the mails of its routes (documentation.mailgun.com,
 * "Receive, forward and store"). */
#include "base/clock.h"
#include "providers/inbound.h"
#include "providers/mailgun.h"
#include "providers/text.h"

#include "base/banned.h"

struct form {
    const struct form_field *fields;
    size_t count;
};

struct slice mailgun_last_value(const struct form_field *fields, size_t count, struct slice name) {
    for (size_t i = count; i-- > 0;) {
        if (slice_equal(fields[i].name, name)) return fields[i].value;
    }
    return SLICE_NONE;
}

/* Empty when absent or no UTF-8, which no field of ours can be. */
static struct slice field(const struct form *form, const char *name) {
    struct slice value = form_value(form->fields, form->count, slice_cstr(name));
    return slice_is_utf8(value) ? value : SLICE_NONE;
}

/* That of the signature: the time of legacy events and of mails. */
static bool read_timestamp(const struct form *form, int64_t *ret) {
    return time_parse_seconds(mailgun_last_value(form->fields, form->count, SLICE("timestamp")), ret);
}

static bool has_field(const struct form *form, const char *name) {
    return form_find(form->fields, form->count, slice_cstr(name)) != NULL;
}

/* ---- legacy events ---- */

static const struct reading_name legacy_names[] = {
    {"delivered", EVENT_DELIVERED}, {"dropped", EVENT_DROPPED},          {"bounced", EVENT_BOUNCE},
    {"complained", EVENT_SPAM},     {"unsubscribed", EVENT_UNSUBSCRIBE}, {"clicked", EVENT_CLICK},
    {"opened", EVENT_OPEN},
};

/* Mailgun's own fields; all others are variables of the caller. */
static const char *const reserved[] = {
    "event",
    "recipient",
    "domain",
    "ip",
    "country",
    "region",
    "city",
    "user-agent",
    "device-type",
    "client-type",
    "client-name",
    "client-os",
    "campaign-id",
    "campaign-name",
    "mailing-list",
    "url",
    "message-headers",
    "Message-Id",
    "message-id",
    "timestamp",
    "token",
    "signature",
    "X-Mailgun-Sid",
    "attachment-count",
    "content-id-map",
    "body-plain",
    "h",
    "X-Mailgun-Tag",
    "tag",
    "reason",
    "code",
    "error",
    "notification",
    "description",
};

static bool is_reserved(struct slice name) {
    for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++) {
        if (slice_equal(name, slice_cstr(reserved[i]))) return true;
    }
    return slice_empty(name) || slice_starts_with(name, SLICE("attachment-"));
}

static void keep_field(const struct form *form, const char *name, struct reading *reading) {
    metadata_add_text(&reading->metadata, slice_cstr(name), field(form, name));
}

static void keep_fields(const struct form *form, struct reading *reading, struct event *event) {
    static const char *const details[] = {"reason",      "code",          "error",       "notification",
                                          "description", "client-type",   "device-type", "X-Mailgun-Tag",
                                          "tag",         "campaign-name", "mailing-list"};
    for (size_t i = 0; i < sizeof(details) / sizeof(details[0]); i++)
        keep_field(form, details[i], reading);
    for (size_t i = 0; i < form->count; i++) {
        const struct form_field *own = &form->fields[i];
        if (is_reserved(own->name) || !slice_is_utf8(own->name) || !slice_is_utf8(own->value) || own->filename.len)
            continue;
        if (!slice_equal(own->name, SLICE("email_log_id"))) {
            metadata_add_text(&reading->metadata, own->name, own->value);
        } else if (!slice_parse_i64(own->value, &event->email_log_id) || event->email_log_id < 0) {
            event->email_log_id = 0;
        }
    }
}

int mailgun_read_legacy(const struct form_field *fields, size_t count, struct reading *reading, struct event *ret,
                        struct err *err) {
    const struct form form = {fields, count};
    struct arena *arena = reading->arena;
    if (!has_field(&form, "event")) return err_set(err, ERR_UNREADABLE, "the form has no field event");
    if (!reading_find_type(READING_NAMES(legacy_names), field(&form, "event"), &ret->type)) return 0;
    if (!read_timestamp(&form, &ret->occurred_at)) return reading_wrong(err, 0, "timestamp", "is missing or no time");
    ret->recipient = text_keep_recipient(arena, field(&form, "recipient"));
    if (slice_empty(ret->recipient)) return reading_wrong(err, 0, "recipient", "is missing");
    ret->keys[0] = text_keep_key(arena, field(&form, has_field(&form, "Message-Id") ? "Message-Id" : "message-id"));
    if (slice_empty(ret->keys[0])) return reading_wrong(err, 0, "Message-Id", "is missing or too long");
    if (ret->type == EVENT_BOUNCE) ret->bounce = BOUNCE_HARD;
    if (ret->type == EVENT_DROPPED && slice_equal(field(&form, "reason"), SLICE("old"))) {
        ret->type = EVENT_BOUNCE; /* it was tried, for 8 hours */
        ret->bounce = BOUNCE_SOFT;
    }
    if (event_type_is_tracking(ret->type) || ret->type == EVENT_UNSUBSCRIBE) {
        ret->ip_address = text_keep(arena, field(&form, "ip"), READING_IP_MAX_BYTES);
        ret->user_agent = text_keep(arena, field(&form, "user-agent"), EVENT_AGENT_MAX_BYTES);
    }
    if (ret->type == EVENT_CLICK) ret->url = text_keep(arena, field(&form, "url"), EVENT_URL_MAX_BYTES);
    if (event_type_is_tracking(ret->type) && slice_equal(field(&form, "client-type"), SLICE("robot")))
        ret->machine = MACHINE_HINT_MACHINE;
    keep_fields(&form, reading, ret);
    return 1;
}

/* ---- routes ---- */

/* A JSON list of [name, value], in the order of the mail. */
static int add_headers(struct inbound_builder *builder, struct slice text, struct json_reader *json, struct err *err) {
    struct json_value root, pair, part;
    if (slice_empty(text)) return 0;
    int result = json_parse(json, text_keep_padded(builder->arena, text), &root, err);
    if (result != 0) return err_prefix(err, "message-headers");
    for (struct json_iterator pairs = json_elements(root); json_next(&pairs, &pair);) {
        struct json_iterator parts = json_elements(pair);
        struct slice name = SLICE_NONE, value = SLICE_NONE;
        if (json_next(&parts, &part)) json_text(part, &name);
        if (json_next(&parts, &part)) json_text(part, &value);
        inbound_add_header(builder, name, value);
    }
    return 0;
}

static int build_mail(const struct form *form, const struct delivery *delivery, struct json_reader *json,
                      struct arena *arena, struct received_mail *ret, struct err *err) {
    struct inbound_builder builder;
    int64_t received_at;
    if (!read_timestamp(form, &received_at)) received_at = delivery->received_at;
    inbound_init(&builder, arena, received_at);
    if (has_field(form, "sender")) inbound_set_sender(&builder, field(form, "sender"));
    inbound_add_recipients(&builder, field(form, "recipient"));
    if (has_field(form, "body-mime")) {
        builder.mail.raw = arena_copy(arena, form_value(form->fields, form->count, SLICE("body-mime")));
        *ret = inbound_finish(&builder);
        return 0;
    }
    int result = add_headers(&builder, field(form, "message-headers"), json, err);
    if (result != 0) return result;
    inbound_add_missing_header(&builder, "From", field(form, "from"));
    inbound_add_missing_header(&builder, "Subject", field(form, "subject"));
    inbound_add_missing_header(&builder, "To", field(form, "recipient"));
    builder.mail.text = inbound_text(&builder, form_value(form->fields, form->count, SLICE("body-plain")));
    builder.mail.html = inbound_text(&builder, form_value(form->fields, form->count, SLICE("body-html")));
    for (size_t i = 0; i < form->count; i++) {
        const struct form_field *part = &form->fields[i];
        if (slice_starts_with(part->name, SLICE("attachment-")) && part->content_type.len)
            inbound_add_part(&builder, part->content_type, part->value);
    }
    *ret = inbound_finish(&builder);
    return 0;
}

/* The route's action forward() posts the mail, in parts, or whole when the address ends in "mime"; store() only tells
 * where the mail can be fetched, which is ignored when it has neither headers nor text. */
int mailgun_parse_inbound(const struct provider_endpoint *endpoint, const struct delivery *delivery,
                          struct json_reader *json, struct arena *arena, struct parsed_inbound *ret, struct err *err) {
    struct parsed_inbound parsed = {.outcome = PROVIDER_EVENTS};
    struct form_field *fields;
    struct form form;
    (void)endpoint;
    int result = mailgun_form(delivery, arena, &fields, &form.count, err);
    if (result != 0) return result;
    form.fields = fields;
    bool has_mail = has_field(&form, "body-mime") || has_field(&form, "message-headers") ||
                    has_field(&form, "body-plain") || has_field(&form, "body-html");
    if (has_mail) {
        struct received_mail *mail = arena_alloc(arena, sizeof(*mail));
        result = build_mail(&form, delivery, json, arena, mail, err);
        if (result != 0) return result;
        parsed.mails = mail;
        parsed.mail_count = 1;
    } else if (has_field(&form, "message-url")) {
        parsed.ignored = 1;
    } else {
        return err_set(err, ERR_UNREADABLE, "the form holds no mail: neither body-mime, message-headers nor a body");
    }
    *ret = parsed;
    return 0;
}
