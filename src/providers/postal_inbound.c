/* Mail that a route of Postal hands to an HTTP endpoint (docs.postalserver.io "Receiving e-mail by HTTP"): as JSON or
 * as a form, taken apart or whole. */
#include "base/clock.h"
#include "base/form.h"
#include "providers/inbound.h"
#include "providers/postal.h"
#include "providers/text.h"

#include "base/banned.h"

/* A payload in either encoding. */
struct payload {
    struct json_value root; /* an object, or */
    struct form_field *fields;
    size_t field_count;
    struct arena *arena;
};

static struct slice field(const struct payload *payload, const char *name) {
    struct slice text;
    if (payload->fields) return form_value(payload->fields, payload->field_count, slice_cstr(name));
    return text_of_value(json_get(payload->root, slice_cstr(name)), payload->arena, &text) ? text : SLICE_NONE;
}

static bool has_field(const struct payload *payload, const char *name) {
    if (payload->fields) return form_find(payload->fields, payload->field_count, slice_cstr(name)) != NULL;
    return json_get(payload->root, slice_cstr(name)).type != JSON_KIND_NONE;
}

static int read_payload(const struct delivery *delivery, struct json_reader *json, struct arena *arena,
                        struct payload *ret, struct err *err) {
    struct slice content_type = delivery->header(delivery, SLICE("Content-Type"));
    *ret = (struct payload){.arena = arena};
    if (slice_find(content_type, SLICE("form")) >= 0) {
        int result = form_parse(content_type, delivery->body, arena, &ret->fields, &ret->field_count, err);
        if (result == 0 && ret->field_count == 0) return err_set(err, ERR_UNREADABLE, "the form is empty");
        return result;
    }
    int result = json_parse(json, delivery->body, &ret->root, err);
    if (result == 0 && ret->root.type != JSON_KIND_OBJECT)
        return err_set(err, ERR_UNREADABLE, "the body is no mail as Postal hands it on");
    return result;
}

static int64_t read_time(const struct payload *payload, const struct delivery *delivery) {
    int64_t at;
    if (!payload->fields && json_time(json_get(payload->root, SLICE("timestamp")), &at)) return at;
    if (payload->fields && time_parse_seconds(field(payload, "timestamp"), &at)) return at;
    return delivery->received_at;
}

/* The values of these are those of the mail's headers, decoded. */
static void read_headers(const struct payload *payload, struct inbound_builder *builder) {
    static const struct {
        const char *field, *header;
    } pairs[] = {
        {"from", "From"},
        {"to", "To"},
        {"cc", "Cc"},
        {"subject", "Subject"},
        {"date", "Date"},
        {"message_id", "Message-ID"},
        {"references", "References"},
        {"in_reply_to", "In-Reply-To"},
        {"auto_submitted", "Auto-Submitted"},
    };
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        struct slice value = field(payload, pairs[i].field);
        inbound_add_missing_header(builder, pairs[i].header, inbound_text(builder, value));
    }
}

/* What is no base64 is passed over. */
static void add_part(struct arena *arena, struct slice content_type, struct slice base64,
                     struct inbound_builder *builder) {
    struct slice body;
    if (inbound_is_report(content_type) && inbound_base64(arena, base64, &body))
        inbound_add_part(builder, content_type, body);
}

static void read_attachments(const struct payload *payload, struct inbound_builder *builder) {
    struct json_iterator iterator = json_elements(json_get(payload->root, SLICE("attachments")));
    for (struct json_value part; !payload->fields && json_next(&iterator, &part);)
        add_part(payload->arena, json_get_string(part, SLICE("content_type")), json_get_string(part, SLICE("data")),
                 builder);
    for (size_t i = 0; payload->fields && i < RECEIVED_MAIL_PARTS_MAX; i++) {
        struct slice type = field(payload, arena_printf(payload->arena, "attachments[%zu][content_type]", i));
        if (slice_empty(type)) break;
        add_part(payload->arena, type, field(payload, arena_printf(payload->arena, "attachments[%zu][data]", i)),
                 builder);
    }
}

static int read_raw(const struct payload *payload, struct inbound_builder *builder, struct err *err) {
    struct slice message = field(payload, "message");
    bool base64 = slice_equal(field(payload, "base64"), SLICE("true"));
    if (!payload->fields) json_bool(json_get(payload->root, SLICE("base64")), &base64);
    if (!base64) {
        builder->mail.raw = arena_copy(payload->arena, message);
    } else if (!inbound_base64(payload->arena, message, &builder->mail.raw)) {
        return err_set(err, ERR_INVALID, "the member message is no base64");
    }
    if (slice_empty(builder->mail.raw)) return err_set(err, ERR_INVALID, "the member message is empty");
    return 0;
}

int postal_parse_inbound(const struct provider_endpoint *endpoint, const struct delivery *delivery,
                         struct json_reader *json, struct arena *arena, struct parsed_inbound *ret, struct err *err) {
    struct payload payload;
    struct inbound_builder builder;
    (void)endpoint;
    int result = read_payload(delivery, json, arena, &payload, err);
    if (result < 0) return result;
    if (!has_field(&payload, "rcpt_to")) {
        /* An event of the server's webhook that was pointed here. */
        *ret = (struct parsed_inbound){.outcome = PROVIDER_EVENTS, .ignored = 1};
        return 0;
    }
    inbound_init(&builder, arena, read_time(&payload, delivery));
    if (has_field(&payload, "message")) {
        result = read_raw(&payload, &builder, err);
        if (result < 0) return result;
    } else {
        read_headers(&payload, &builder);
        builder.mail.text = inbound_text(&builder, field(&payload, "plain_body"));
        builder.mail.html = inbound_text(&builder, field(&payload, "html_body"));
        read_attachments(&payload, &builder);
    }
    inbound_add_recipients(&builder, field(&payload, "rcpt_to"));
    if (has_field(&payload, "mail_from")) inbound_set_sender(&builder, field(&payload, "mail_from"));
    struct slice id = field(&payload, "id");
    if (slice_is_utf8(id)) builder.mail.provider_id = text_keep(arena, id, EVENT_PROVIDER_ID_MAX_BYTES);
    struct received_mail *mail = arena_alloc(arena, sizeof(*mail));
    *mail = inbound_finish(&builder);
    *ret = (struct parsed_inbound){.outcome = PROVIDER_EVENTS, .mails = mail, .mail_count = 1};
    return 0;
}
