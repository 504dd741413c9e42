#include "import/format.h"

#include "providers/providers.h"
#include "providers/text.h"

#include "base/banned.h"

/* ---- columns ---- */

/* The file that SendGrid's Email Activity offers for download (twilio.com/docs/sendgrid/api-reference/email-activity,
 * "Request a CSV"): a row an event, `processed` the event's time. It tells no position of a link. */
static const struct column_target sendgrid_columns[] = {
    {"event", NULL, COLUMN_EVENT},
    {"timestamp", "processed", COLUMN_TIME},
    {"sg_message_id", "message_id", COLUMN_TEXT},
    {"email", NULL, COLUMN_TEXT},
    {"url", NULL, COLUMN_TEXT},
    {"useragent", "user_agent", COLUMN_TEXT},
    {"reason", NULL, COLUMN_TEXT},
    {"type", NULL, COLUMN_TEXT},
    {"attempt", NULL, COLUMN_TEXT},
    {"asm_group_id", NULL, COLUMN_TEXT},
    {"category", "categories", COLUMN_TEXT},
    {"unique_args", NULL, COLUMN_VARIABLES},
    {NULL, NULL, COLUMN_TEXT},
};

static const struct column_target event_columns[] = {
    {"event_type", NULL, COLUMN_EVENT},
    {"message_id", NULL, COLUMN_TEXT},
    {"recipient", NULL, COLUMN_TEXT},
    {"timestamp", NULL, COLUMN_TIME},
    {"url", NULL, COLUMN_TEXT},
    {"link_position", NULL, COLUMN_NUMBER},
    {"ip_address", NULL, COLUMN_TEXT},
    {"user_agent", NULL, COLUMN_TEXT},
    {"bounce_type", NULL, COLUMN_TEXT},
    {"machine", NULL, COLUMN_FLAG},
    {"email_log_id", NULL, COLUMN_NUMBER},
    {"event_id", NULL, COLUMN_TEXT},
    {"reason", NULL, COLUMN_TEXT},
    {NULL, NULL, COLUMN_TEXT},
};

static const struct column_target email_columns[] = {
    {"message_id", NULL, COLUMN_TEXT},      {"rfc_message_id", NULL, COLUMN_TEXT},
    {"subject", NULL, COLUMN_TEXT},         {"sent_at", NULL, COLUMN_TIME},
    {"tracking", NULL, COLUMN_TEXT},        {"candidate.id", NULL, COLUMN_TEXT},
    {"candidate.name", NULL, COLUMN_TEXT},  {"candidate.email", NULL, COLUMN_TEXT},
    {"candidate.title", NULL, COLUMN_TEXT}, {"sender.id", NULL, COLUMN_TEXT},
    {"sender.name", NULL, COLUMN_TEXT},     {"sender.email", NULL, COLUMN_TEXT},
    {"job.id", NULL, COLUMN_TEXT},          {"job.title", NULL, COLUMN_TEXT},
    {"template.id", NULL, COLUMN_TEXT},     {"template.name", NULL, COLUMN_TEXT},
    {"campaign.id", NULL, COLUMN_TEXT},     {"campaign.name", NULL, COLUMN_TEXT},
    {"sequence.id", NULL, COLUMN_TEXT},     {"sequence.name", NULL, COLUMN_TEXT},
    {"sequence.step", NULL, COLUMN_NUMBER}, {NULL, NULL, COLUMN_TEXT},
};

/* ---- records ---- */

int import_hand_over(struct strbuf *scratch, void (*body)(void *context, struct slice text), void *context,
                     struct err *err) {
    size_t len = scratch->len;
    if (!strbuf_reserve(scratch, JSON_PADDING) || scratch->overflow) {
        strbuf_clear(scratch);
        return err_set(err, ERR_TOO_LARGE, "an entry is too large");
    }
    body(context, slice_of(scratch->ptr, len));
    strbuf_clear(scratch);
    return 0;
}

static int sendgrid_unwrap(struct slice text, struct json_value root, struct strbuf *scratch,
                           void (*body)(void *context, struct slice text), void *context, int64_t *ret_ignored,
                           struct err *err) {
    (void)root, (void)ret_ignored;
    strbuf_clear(scratch);
    strbuf_add_char(scratch, '[');
    strbuf_add_slice(scratch, text);
    strbuf_add_char(scratch, ']');
    return import_hand_over(scratch, body, context, err);
}

/* A page of the Events API, an event of one, or a webhook that somebody kept. */
static int mailgun_unwrap(struct slice text, struct json_value root, struct strbuf *scratch,
                          void (*body)(void *context, struct slice text), void *context, int64_t *ret_ignored,
                          struct err *err) {
    struct json_value items = json_get(root, SLICE("items")), item;
    (void)ret_ignored;
    if (json_get(root, SLICE("event-data")).type == JSON_KIND_OBJECT) {
        body(context, text);
        return 0;
    }
    strbuf_clear(scratch);
    if (items.type != JSON_KIND_ARRAY) {
        strbuf_add_cstr(scratch, "{\"event-data\":");
        strbuf_add_slice(scratch, text);
        strbuf_add_char(scratch, '}');
        return import_hand_over(scratch, body, context, err);
    }
    int r = 0;
    for (struct json_iterator iterator = json_elements(items); r == 0 && json_next(&iterator, &item);) {
        strbuf_add_cstr(scratch, "{\"event-data\":");
        json_write_value(item, scratch);
        strbuf_add_char(scratch, '}');
        r = import_hand_over(scratch, body, context, err);
    }
    return r;
}

/* "TopicArn" tells an SNS notification; without one it is the event as Firehose and S3 have it. */
static int ses_unwrap(struct slice text, struct json_value root, struct strbuf *scratch,
                      void (*body)(void *context, struct slice text), void *context, int64_t *ret_ignored,
                      struct err *err) {
    struct slice message = json_get_string(root, SLICE("Message"));
    strbuf_clear(scratch);
    if (json_get(root, SLICE("TopicArn")).type == JSON_KIND_NONE) {
        body(context, text);
        return 0;
    }
    message = slice_trim(message);
    if (slice_empty(message) || message.ptr[0] != '{') { /* words of SNS itself */
        ++*ret_ignored;
        return 0;
    }
    strbuf_add_slice(scratch, message);
    return import_hand_over(scratch, body, context, err);
}

struct slice import_header(const struct delivery *delivery, struct slice name) {
    (void)delivery;
    return slice_equal_nocase(name, SLICE("x-amz-sns-rawdelivery")) ? SLICE("true") : SLICE_NONE;
}

/* ---- the table ---- */

const struct import_format import_formats[] = {
    {"sendgrid", "SendGrid: events as its webhook posts them, in JSON", &provider_sendgrid, NULL, sendgrid_unwrap,
     false},
    {"sendgrid-csv", "SendGrid: the CSV of Email Activity", &provider_sendgrid, sendgrid_columns, sendgrid_unwrap,
     false},
    {"ses", "Amazon SES: events from S3, Firehose or SNS, in JSON", &provider_ses, NULL, ses_unwrap, true},
    {"mailgun", "Mailgun: pages of the Events API, or events, in JSON", &provider_mailgun, NULL, mailgun_unwrap, true},
    {"postmark", "Postmark: answers of the Messages and Bounce API, or webhooks, in JSON", &provider_postmark, NULL,
     postmark_unwrap, true},
    {"events", "events as the generic provider takes them, in JSON", &provider_generic, NULL, NULL, false},
    {"events-csv", "the same in CSV", &provider_generic, event_columns, NULL, false},
    {"emails", "emails as POST /api/v1/emails takes them, in JSON", NULL, NULL, NULL, false},
    {"emails-csv", "the same in CSV", NULL, email_columns, NULL, false},
    {NULL, NULL, NULL, NULL, NULL, false},
};

const struct import_format *import_format_find(struct slice name) {
    for (const struct import_format *format = import_formats; format->name; format++)
        if (slice_equal(name, slice_cstr(format->name))) return format;
    return NULL;
}

static bool has(struct json_value root, const char *name) {
    return json_get(root, slice_cstr(name)).type != JSON_KIND_NONE;
}

const struct import_format *import_format_of_json(struct json_value root) {
    const char *name = NULL;
    if (has(root, "event_type"))
        name = "events";
    else if (has(root, "candidate"))
        name = "emails";
    else if (has(root, "sg_message_id") || has(root, "sg_event_id"))
        name = "sendgrid";
    else if (has(root, "eventType") || has(root, "notificationType") || has(root, "TopicArn"))
        name = "ses";
    else if (has(root, "event-data") || has(root, "items") || (has(root, "event") && has(root, "message")))
        name = "mailgun";
    else if (has(root, "RecordType") || has(root, "Messages") || has(root, "Opens") || has(root, "Clicks") ||
             has(root, "Bounces") || has(root, "MessageEvents"))
        name = "postmark";
    return name ? import_format_find(slice_cstr(name)) : NULL;
}

const struct import_format *import_format_of_row(const struct csv_row *row) {
    const char *name = NULL;
    if (columns_have(row, "event_type"))
        name = "events-csv";
    else if (columns_have(row, "processed") && columns_have(row, "event") && columns_have(row, "message_id"))
        name = "sendgrid-csv";
    else if (columns_have(row, "candidate.email") || columns_have(row, "candidate.id"))
        name = "emails-csv";
    return name ? import_format_find(slice_cstr(name)) : NULL;
}
