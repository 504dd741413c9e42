/* MailerSend's webhooks and inbound routes (developers.mailersend.com "Webhooks", "Inbound routing"), events in both
 * versions of the payload: version 1 nests the mail and its recipient (`data.email`), version 2 is flat. */
#include "base/clock.h"
#include "base/strbuf.h"
#include "providers/batch.h"
#include "providers/hmac.h"
#include "providers/inbound.h"
#include "providers/providers.h"
#include "providers/text.h"

#include "base/banned.h"

#define EMAIL_ID_MAX_BYTES 64

static const char signature_header[] = "Signature";

/* The ping that asks whether an address is there is signed with this key, which the manual prints: anybody can sign
 * with it, so it stands for nothing but that ping ("Webhooks", Security). */
static const char test_secret[] = "test_Am3L1GuOIc4blLUuHqAPxxwkZaJyEk8G";

/* `opened_unique` and `clicked_unique` repeat the first of the others: who subscribes to both gets it twice. */
static const struct event_name names[] = {
    {"sent", EVENT_PROCESSED, BOUNCE_NONE},
    {"delivered", EVENT_DELIVERED, BOUNCE_NONE},
    {"deferred", EVENT_DEFERRED, BOUNCE_NONE},
    {"soft_bounced", EVENT_BOUNCE, BOUNCE_SOFT},
    {"hard_bounced", EVENT_BOUNCE, BOUNCE_HARD},
    {"suppressed", EVENT_DROPPED, BOUNCE_NONE},
    {"opened", EVENT_OPEN, BOUNCE_NONE},
    {"opened_unique", EVENT_OPEN, BOUNCE_NONE},
    {"clicked", EVENT_CLICK, BOUNCE_NONE},
    {"clicked_unique", EVENT_CLICK, BOUNCE_NONE},
    {"unsubscribed", EVENT_UNSUBSCRIBE, BOUNCE_NONE},
    {"spam_complaint", EVENT_SPAM, BOUNCE_NONE},
    {"spam_complaints", EVENT_SPAM, BOUNCE_NONE},
};
#define NAME_COUNT (sizeof(names) / sizeof(names[0]))

/* ---- signature ---- */

static int secret_parse(struct slice text, struct provider_secret **ret, struct err *err) {
    if (slice_equal(slice_trim(text), slice_cstr(test_secret)))
        return err_set(err, ERR_INVALID,
                       "this is the key of MailerSend's test ping, which everybody knows: give the webhook's own "
                       "signing secret");
    return hmac_secret_parse(text, ret, err);
}

static bool is_test_ping(const struct delivery *delivery, struct json_reader *json, struct arena *arena) {
    struct json_value root;
    struct slice ours, sent = slice_trim(delivery->header(delivery, slice_cstr(signature_header)));
    return json_parse(json, delivery->body, &root, NULL) == 0 &&
           slice_equal(json_get_string(root, SLICE("type")), SLICE("webhook.test")) &&
           hmac_sign(slice_cstr(test_secret), delivery->body, SLICE_NONE, arena, &ours, NULL) == 0 &&
           slice_equal_secret(ours, sent);
}

static int verify(const struct provider_endpoint *endpoint, const struct provider_environment *environment,
                  const struct delivery *delivery, struct json_reader *json, struct arena *arena, struct err *err) {
    (void)environment;
    /* The ping comes before MailerSend tells the secret, and a webhook whose ping was refused is not saved. */
    if (is_test_ping(delivery, json, arena)) return 0;
    return hmac_verify_header(endpoint, delivery, slice_cstr(signature_header), err);
}

/* ---- events ---- */

static const char *const details_1[] = {"reason", "readable_reason", NULL};
static const char *const details_2[] = {"bounce_reason",      "bounce_code",        "bounce_type",      "reject_reason",
                                        "suppression_reason", "unsubscribe_reason", "complaint_reason", NULL};

/* The id that the sending API tells as x-message-id, and the Message-ID that each recipient's mail is given. */
static void read_keys(struct batch *batch, struct slice message_id, struct slice email_id, struct event *event) {
    batch_key(batch, event, message_id);
    if (email_id.len > 0 && email_id.len <= EMAIL_ID_MAX_BYTES)
        batch_key(batch, event,
                  slice_cstr(arena_printf(batch->reading.arena, "%.*s@mailersend.net", SLICE_FMT(email_id))));
}

static struct slice address_of(struct json_value recipient) {
    struct slice text;
    return json_text(recipient, &text) ? text : json_get_string(recipient, SLICE("email"));
}

static void read_version_1(struct batch *batch, struct json_value data, struct json_value email, struct event *event) {
    struct json_value more = json_get(data, SLICE("morph"));
    read_keys(batch, json_get_string(json_get(email, SLICE("message")), SLICE("id")),
              json_get_string(email, SLICE("id")), event);
    event->recipient = text_keep_recipient(batch->reading.arena, address_of(json_get(email, SLICE("recipient"))));
    if (event_type_is_tracking(event->type))
        batch_client(batch, event, json_get_string(more, SLICE("ip")), json_get_string(more, SLICE("user_agent")));
    batch_url(batch, event, json_get_string(more, SLICE("url")));
    reading_keep(more, details_1, &batch->reading);
    metadata_add(&batch->reading.metadata, SLICE("tags"), json_get(email, SLICE("tags")));
}

static void read_version_2(struct batch *batch, struct json_value data, struct event *event) {
    struct json_value more = json_get(data, SLICE("meta")), recipient = json_get(data, SLICE("recipient"));
    if (recipient.type == JSON_KIND_NONE) recipient = json_get(data, SLICE("email"));
    read_keys(batch, json_get_string(data, SLICE("message_id")), json_get_string(data, SLICE("email_id")), event);
    event->recipient = text_keep_recipient(batch->reading.arena, address_of(recipient));
    if (event_type_is_tracking(event->type))
        batch_client(batch, event, json_get_string(more, SLICE("ip")), json_get_string(more, SLICE("user_agent")));
    batch_url(batch, event, json_get_string(more, SLICE("url")));
    reading_keep(more, details_2, &batch->reading);
    metadata_add(&batch->reading.metadata, SLICE("tags"), json_get(data, SLICE("tags")));
}

static int read_event(struct batch *batch, struct json_value root, struct event *ret, struct err *err) {
    static const struct slice prefix = {"activity.", 9};
    struct json_value data = json_get(root, SLICE("data")), email = json_get(data, SLICE("email"));
    struct slice type = json_get_string(root, SLICE("type"));
    if (!slice_starts_with(type, prefix)) return 0; /* received mail, the account's affairs, the ping */
    const struct event_name *known = event_name_find(names, NAME_COUNT, slice_from(type, prefix.len));
    if (!known) return 0;
    if (data.type != JSON_KIND_OBJECT) return batch_wrong(batch, "data is missing", err);
    ret->type = known->type;
    ret->bounce = known->bounce;
    if (!json_time(json_get(data, SLICE("created_at")), &ret->occurred_at) &&
        !json_time(json_get(root, SLICE("created_at")), &ret->occurred_at))
        return batch_wrong(batch, "created_at is missing or no time", err);
    if (email.type == JSON_KIND_OBJECT)
        read_version_1(batch, data, email, ret);
    else
        read_version_2(batch, data, ret);
    if (slice_empty(ret->keys[0])) return batch_wrong(batch, "the message's id is missing", err);
    if (slice_empty(ret->recipient)) return batch_wrong(batch, "the recipient is missing", err);
    batch_event_id(batch, ret, json_get_string(data, SLICE("id")));
    return 1;
}

static int parse(const struct provider_endpoint *endpoint, const struct delivery *delivery, struct json_reader *json,
                 struct arena *arena, struct parsed_delivery *ret, struct err *err) {
    struct json_value root;
    struct batch batch;
    (void)endpoint;
    int result = json_parse(json, delivery->body, &root, err);
    if (result < 0) return result;
    if (root.type != JSON_KIND_OBJECT) return err_set(err, ERR_UNREADABLE, "the body is no event of MailerSend");
    batch_init(&batch, arena);
    result = batch_one(&batch, root, read_event, err);
    if (result == 0) *ret = batch.parsed;
    batch_release(&batch);
    return result;
}

/* ---- received mail ---- */

static void read_recipients(struct json_value recipients, struct inbound_builder *builder) {
    struct json_iterator iterator = json_elements(json_get(recipients, SLICE("rcptTo")));
    for (struct json_value recipient; json_next(&iterator, &recipient);)
        inbound_add_recipients(builder, address_of(recipient));
}

static int parse_inbound(const struct provider_endpoint *endpoint, const struct delivery *delivery,
                         struct json_reader *json, struct arena *arena, struct parsed_inbound *ret, struct err *err) {
    struct json_value root;
    struct inbound_builder builder;
    (void)endpoint;
    int result = json_parse(json, delivery->body, &root, err);
    if (result < 0) return result;
    if (root.type != JSON_KIND_OBJECT) return err_set(err, ERR_UNREADABLE, "the body is no mail of MailerSend");
    struct json_value data = json_get(root, SLICE("data"));
    if (!slice_equal(json_get_string(root, SLICE("type")), SLICE("inbound.message"))) {
        *ret = (struct parsed_inbound){.outcome = PROVIDER_EVENTS, .ignored = 1};
        return 0;
    }
    if (data.type != JSON_KIND_OBJECT) return err_set(err, ERR_INVALID, "data is missing");
    inbound_init(&builder, arena, delivery->received_at);
    struct received_mail *mail = &builder.mail;
    struct slice raw = json_get_string(data, SLICE("raw"));
    if (!slice_empty(raw)) {
        mail->raw = arena_copy(arena, raw);
    } else {
        inbound_add_header_object(&builder, json_get(data, SLICE("headers")));
        mail->text = inbound_text(&builder, json_get_string(data, SLICE("text")));
        mail->html = inbound_text(&builder, json_get_string(data, SLICE("html")));
        if (mail->header_count == 0 && slice_empty(mail->text) && slice_empty(mail->html))
            return err_set(err, ERR_INVALID, "the mail has neither raw nor headers nor text");
    }
    read_recipients(json_get(data, SLICE("recipients")), &builder);
    struct json_value sender = json_get(data, SLICE("sender"));
    if (sender.type != JSON_KIND_NONE) inbound_set_sender(&builder, address_of(sender));
    mail->provider_id = text_keep(arena, json_get_string(data, SLICE("id")), EVENT_PROVIDER_ID_MAX_BYTES);
    if (!json_time(json_get(data, SLICE("created_at")), &mail->received_at) &&
        !json_time(json_get(root, SLICE("created_at")), &mail->received_at))
        mail->received_at = delivery->received_at;
    struct received_mail *kept = arena_alloc(arena, sizeof(*kept));
    *kept = inbound_finish(&builder);
    *ret = (struct parsed_inbound){.outcome = PROVIDER_EVENTS, .mails = kept, .mail_count = 1};
    return 0;
}

/* ---- compose ---- */

static void write_meta(struct strbuf *out, const struct event *event) {
    strbuf_add_cstr(out, "\"meta\":");
    if (!event_type_is_tracking(event->type)) {
        strbuf_add_cstr(out, "[],");
        return;
    }
    strbuf_add_char(out, '{');
    text_write_member(out, "url", event->url);
    text_write_member(out, "user_agent", event->user_agent);
    strbuf_add_cstr(out, "\"ip\":");
    text_write_json(out, event->ip_address);
    strbuf_add_cstr(out, "},");
}

static int compose(const struct provider_endpoint *endpoint, const struct event *events, size_t count,
                   struct slice signing, int64_t now, struct arena *arena, struct composed_delivery *ret,
                   struct err *err) {
    (void)endpoint;
    (void)now;
    char time[TIME_TEXT_MAX];
    if (count != 1) return err_set(err, ERR_INVALID, "MailerSend sends one event a delivery");
    const struct event *event = &events[0];
    const struct event_name *name = event_name_for(names, NAME_COUNT, event);
    if (!name) return reading_no_event("MailerSend", event->type, err);
    struct composed_delivery composed;
    struct slice id = event->provider_event_id;
    struct strbuf body;
    strbuf_init(&body, COMPOSED_MAX_BYTES);
    strbuf_printf(&body, "{\"type\":\"activity.%s\",\"data\":{", name->name);
    text_write_member(&body, "type", slice_cstr(name->name));
    text_write_member(&body, "message_id", event->keys[0]);
    text_write_member(&body, "recipient", event->recipient);
    write_meta(&body, event);
    if (slice_empty(id)) id = text_uuid_of(strbuf_slice(&body), arena);
    strbuf_add_cstr(&body, "\"id\":");
    text_write_json(&body, id);
    strbuf_add_cstr(&body, "},\"created_at\":");
    text_write_json(&body, time_format(event->occurred_at, time));
    strbuf_add_char(&body, '}');
    int result = reading_composed(&body, "application/json", arena, &composed, err);
    if (result == 0) result = hmac_sign_header(signing, signature_header, arena, &composed, err);
    if (result == 0) *ret = composed;
    strbuf_release(&body);
    return result;
}

const struct provider provider_mailersend = {
    .name = "mailersend",
    .title = "MailerSend",
    .secret_help =
        "The signing secret that MailerSend shows for the webhook (Domains, Manage, Webhooks); received mail "
        "is signed with the secret of the inbound route: add that too",
    .signing_help = "the signing secret itself",
    .status_bad_signature = 401,
    .secret_required = true,
    .timestamp_tolerance_ms = 0, /* the signature covers no time of its own */
    .events_per_delivery = 1,
    .secret_parse = secret_parse,
    .secret_free = hmac_secret_free,
    .verify = verify,
    .parse = parse,
    .compose = compose,
    .parse_inbound = parse_inbound,
};
