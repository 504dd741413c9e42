/* Scaleway Transactional Email's events (scaleway.com/en/docs/transactional-email, "Understanding webhook event
 * payloads"). They arrive through Scaleway Topics and Events, which speaks Amazon's SNS protocol, or bare from whoever
 * hands them on. */
#include "base/clock.h"
#include "base/strbuf.h"
#include "providers/batch.h"
#include "providers/providers.h"
#include "providers/sns.h"
#include "providers/text.h"

#include "base/banned.h"

#define MESSAGE_MAX_BYTES (64 << 10)

/* `email_spam` says that the recipient's server took it for spam: nobody has complained. */
static const struct event_name names[] = {
    {"email_queued", EVENT_PROCESSED, BOUNCE_NONE},         {"email_delivered", EVENT_DELIVERED, BOUNCE_NONE},
    {"email_deferred", EVENT_DEFERRED, BOUNCE_NONE},        {"email_dropped", EVENT_BOUNCE, BOUNCE_HARD},
    {"email_mailbox_not_found", EVENT_BOUNCE, BOUNCE_HARD}, {"email_spam", EVENT_BOUNCE, BOUNCE_BLOCK},
    {"email_blocklisted", EVENT_DROPPED, BOUNCE_NONE},
};
#define NAME_COUNT (sizeof(names) / sizeof(names[0]))

static const char *const details[] = {"email_response_code", "email_response_message", "email_try_count",
                                      "blocklist_type",      "blocklist_reason",       NULL};

/* ---- verify ---- */

static bool is_bare(struct json_value root) {
    return json_get(root, SLICE("Type")).type == JSON_KIND_NONE &&
           json_get(root, SLICE("type")).type == JSON_KIND_STRING;
}

static int verify(const struct provider_endpoint *endpoint, const struct provider_environment *environment,
                  const struct delivery *delivery, struct json_reader *json, struct arena *arena, struct err *err) {
    struct json_value root;
    struct err reason;
    if (json_parse(json, delivery->body, &root, &reason) < 0) {
        if (!endpoint->require_signature) return 0; /* for `parse` to refuse */
        return err_set(err, ERR_SIGNATURE, "%s", reason.text);
    }
    if (!is_bare(root) && !sns_is_raw(delivery)) {
        if (endpoint->require_signature && endpoint->secret_count == 0)
            return err_set(err, ERR_SIGNATURE,
                           "the endpoint has no certificate to check with: pin the one that Scaleway signs with");
        return sns_verify_pinned(endpoint, environment, delivery, json, arena, err);
    }
    if (!endpoint->require_signature) return 0;
    return err_set(err, ERR_SIGNATURE,
                   "a bare event carries no signature: deliver through Topics and Events, or protect the endpoint by "
                   "credentials");
}

/* ---- events ---- */

/* SMTP headers of the mail: its Message-ID is a key, and email_log_id may be one of them. */
static void read_headers(struct batch *batch, struct json_value headers, struct event *event) {
    struct json_iterator iterator = json_elements(headers);
    for (struct json_value header; json_next(&iterator, &header);) {
        struct slice key = json_get_string(header, SLICE("key"));
        if (slice_equal_nocase(key, SLICE("Message-ID")))
            batch_key(batch, event, json_get_string(header, SLICE("value")));
        else if (slice_equal_nocase(key, SLICE("X-Email-Log-Id")) || slice_equal_nocase(key, SLICE("email_log_id")))
            reading_variable(SLICE("email_log_id"), json_get(header, SLICE("value")), &batch->reading, event);
    }
}

static int read_event(struct batch *batch, struct json_value object, struct event *ret, struct err *err) {
    const struct event_name *known = event_name_find(names, NAME_COUNT, json_get_string(object, SLICE("type")));
    if (!known) return 0;
    ret->type = known->type;
    ret->bounce = known->bounce;
    if (!json_time(json_get(object, SLICE("created_at")), &ret->occurred_at))
        return batch_wrong(batch, "created_at is missing or no time", err);
    batch_key(batch, ret, json_get_string(object, SLICE("email_id")));
    read_headers(batch, json_get(object, SLICE("email_headers")), ret);
    if (slice_empty(ret->keys[0])) {
        /* The documentation shows `email_blocklisted` without an email_id, as the mail was never taken. */
        if (ret->type == EVENT_DROPPED) return 0;
        return batch_wrong(batch, "email_id is missing", err);
    }
    ret->recipient = text_keep_recipient(batch->reading.arena, json_get_string(object, SLICE("email_to")));
    if (slice_empty(ret->recipient)) return batch_wrong(batch, "email_to is missing", err);
    batch_event_id(batch, ret, json_get_string(object, SLICE("id")));
    reading_keep(object, details, &batch->reading);
    return 1;
}

static int read_body(struct json_value root, struct arena *arena, struct parsed_delivery *ret, struct err *err) {
    struct batch batch;
    batch_init(&batch, arena);
    int result = batch_one(&batch, root, read_event, err);
    if (result == 0) *ret = batch.parsed;
    batch_release(&batch);
    return result;
}

/* What Topics and Events itself says (a test, a greeting) is no JSON object. */
static int read_message(const struct sns_message *message, struct json_reader *json, struct arena *arena,
                        struct parsed_delivery *ret, struct err *err) {
    struct json_value root;
    struct slice text = slice_trim(message->message);
    if (slice_empty(text) || text.ptr[0] != '{') {
        *ret = (struct parsed_delivery){.outcome = PROVIDER_EVENTS, .ignored = 1};
        return 0;
    }
    text = text_keep_padded(arena, text); /* the reader lets go of the envelope */
    int result = json_parse(json, text, &root, err);
    return result < 0 ? result : read_body(root, arena, ret, err);
}

static int parse(const struct provider_endpoint *endpoint, const struct delivery *delivery, struct json_reader *json,
                 struct arena *arena, struct parsed_delivery *ret, struct err *err) {
    struct json_value root;
    struct sns_message message;
    struct parsed_delivery parsed = {.outcome = PROVIDER_EVENTS};
    (void)endpoint;
    int result = json_parse(json, delivery->body, &root, err);
    if (result < 0) return result;
    if (is_bare(root)) return read_body(root, arena, ret, err);
    result = sns_read(delivery, json, &message, err);
    if (result < 0) return result;
    switch (message.type) {
    case SNS_NOTIFICATION:
        result = read_message(&message, json, arena, &parsed, err);
        break;
    case SNS_SUBSCRIPTION_CONFIRMATION:
        parsed.outcome = PROVIDER_HANDSHAKE;
        result = sns_handshake(&message, arena, &parsed.handshake, err);
        break;
    case SNS_UNSUBSCRIBE_CONFIRMATION:
        parsed.ignored = 1;
        break;
    }
    if (result == 0) *ret = parsed;
    return result;
}

/* ---- compose ---- */

static void write_header(struct strbuf *out, bool *any, const char *key, struct slice value) {
    strbuf_add_cstr(out, *any ? ",{" : "{");
    text_write_member(out, "key", slice_cstr(key));
    strbuf_add_cstr(out, "\"value\":");
    text_write_json(out, value);
    strbuf_add_char(out, '}');
    *any = true;
}

static int compose(const struct provider_endpoint *endpoint, const struct event *events, size_t count,
                   struct slice signing, int64_t now, struct arena *arena, struct composed_delivery *ret,
                   struct err *err) {
    char time[TIME_TEXT_MAX];
    bool any = false;
    if (count != 1) return err_set(err, ERR_INVALID, "Scaleway sends one event a message");
    const struct event *event = &events[0];
    const struct event_name *name = event_name_for(names, NAME_COUNT, event);
    if (!name) return reading_no_event("Scaleway", event->type, err);
    struct strbuf message;
    strbuf_init(&message, MESSAGE_MAX_BYTES);
    strbuf_add_char(&message, '{');
    text_write_member(&message, "id", event->provider_event_id);
    text_write_member(&message, "type", slice_cstr(name->name));
    text_write_member(&message, "created_at", time_format(event->occurred_at, time));
    text_write_member(&message, "email_id", event->keys[0]);
    text_write_member(&message, "email_to", event->recipient);
    strbuf_add_cstr(&message, "\"email_headers\":[");
    if (event->keys[1].len)
        write_header(&message, &any, "Message-ID",
                     slice_cstr(arena_printf(arena, "<%.*s>", SLICE_FMT(event->keys[1]))));
    if (event->email_log_id > 0)
        write_header(&message, &any, "X-Email-Log-Id",
                     slice_cstr(arena_printf(arena, "%lld", (long long)event->email_log_id)));
    strbuf_add_cstr(&message, "]}");
    int result = message.overflow ? err_set(err, ERR_TOO_LARGE, "the event is too large for one delivery")
                                  : sns_compose(endpoint, strbuf_slice(&message), signing, now, arena, ret, err);
    strbuf_release(&message);
    return result;
}

const struct provider provider_scaleway = {
    .name = "scaleway",
    .title = "Scaleway Transactional Email",
    .secret_help = "The certificate in PEM that Scaleway Topics and Events signs with: download it from the "
                   "SigningCertURL of a message",
    .signing_help = "an RSA private key in PEM, whose certificate is the endpoint's secret",
    .status_bad_signature = 401,
    .secret_required = true,
    .topics_required = false,    /* bare events come from no topic; messages of one that is not listed are refused */
    .timestamp_tolerance_ms = 0, /* how long Scaleway repeats is not documented */
    .events_per_delivery = 1,
    .secret_parse = sns_secret_parse,
    .secret_free = sns_secret_free,
    .verify = verify,
    .parse = parse,
    .compose = compose,
};
