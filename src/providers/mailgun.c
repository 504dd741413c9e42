/* Mailgun's webhooks (documentation.mailgun.com, "Webhooks" and "Securing webhooks"). One JSON event a request, signed
 * inside the body: HMAC-SHA256 of timestamp and token, by the account's HTTP webhook signing key. The signature does
 * not cover the event, so that an old one could carry anything: hence the bound on its age. */
#include "providers/mailgun.h"

#include "base/clock.h"
#include "providers/hmac.h"
#include "providers/providers.h"
#include "providers/text.h"

#include "base/banned.h"

#define SIGNATURE_MAX_AGE_MS (12 * HOUR_MS) /* retries go on for 8 hours, with the signature of the first try */
#define TOKEN_MAX_BYTES      256

bool mailgun_is_json(struct slice body) {
    return slice_starts_with(slice_trim(slice_first(body, 64)), SLICE("{"));
}

int mailgun_form(const struct delivery *delivery, struct arena *arena, struct form_field **ret, size_t *ret_count,
                 struct err *err) {
    return form_parse(delivery->header(delivery, SLICE("Content-Type")), delivery->body, arena, ret, ret_count, err);
}

/* ---- the signature ---- */

struct signature {
    struct slice timestamp, token, signature;
};

static bool has_signature(const struct signature *signature) {
    return signature->timestamp.len || signature->token.len || signature->signature.len;
}

/* `timestamp` is a text, but some samples have a number. */
static struct signature signature_of(struct json_value object, struct arena *arena) {
    struct signature signature = {.token = json_get_string(object, SLICE("token")),
                                  .signature = json_get_string(object, SLICE("signature"))};
    if (!text_of_value(json_get(object, SLICE("timestamp")), arena, &signature.timestamp))
        signature.timestamp = SLICE_NONE;
    return signature;
}

static int check_age(const struct provider_endpoint *endpoint, const struct delivery *delivery, struct slice timestamp,
                     struct err *err) {
    int64_t signed_at;
    if (!time_parse_seconds(timestamp, &signed_at))
        return err_set(err, ERR_SIGNATURE, "the signature's timestamp is no time");
    int64_t age = delivery->received_at - signed_at;
    if (endpoint->timestamp_tolerance_ms > 0 &&
        (age > endpoint->timestamp_tolerance_ms || age < -endpoint->timestamp_tolerance_ms))
        return err_set(err, ERR_SIGNATURE, "the signature is %lld s %s: more than the endpoint tolerates",
                       (long long)(age < 0 ? -age : age) / SECOND_MS, age < 0 ? "ahead of our clock" : "old");
    return 0;
}

static int check_signature(const struct provider_endpoint *endpoint, const struct delivery *delivery,
                           const struct signature *signature, struct err *err) {
    if (slice_empty(signature->timestamp) || slice_empty(signature->token) || slice_empty(signature->signature) ||
        signature->token.len > TOKEN_MAX_BYTES)
        return err_set(err, ERR_SIGNATURE, "no signature: timestamp, token and signature must all be there");
    if (!hmac_matches(endpoint, signature->timestamp, signature->token, signature->signature))
        return err_set(err, ERR_SIGNATURE, "the signature matches none of the endpoint's secrets");
    return check_age(endpoint, delivery, signature->timestamp, err);
}

/* `ret_parent`: a subaccount's webhook may carry a second signature, by the key of the account above it. */
static int find_signatures(const struct delivery *delivery, struct json_reader *json, struct arena *arena,
                           struct signature *ret, struct signature *ret_parent, struct err *err) {
    *ret_parent = (struct signature){.token = SLICE_NONE};
    if (mailgun_is_json(delivery->body)) {
        struct json_value root;
        int result = json_parse(json, delivery->body, &root, err);
        if (result != 0) return result;
        *ret = signature_of(json_get(root, SLICE("signature")), arena);
        *ret_parent = signature_of(json_get(root, SLICE("parent-signature")), arena);
        return 0;
    }
    struct form_field *fields;
    size_t count;
    int result = mailgun_form(delivery, arena, &fields, &count, err);
    if (result != 0) return result;
    *ret = (struct signature){.timestamp = mailgun_last_value(fields, count, SLICE("timestamp")),
                              .token = mailgun_last_value(fields, count, SLICE("token")),
                              .signature = mailgun_last_value(fields, count, SLICE("signature"))};
    return 0;
}

static int verify(const struct provider_endpoint *endpoint, const struct provider_environment *environment,
                  const struct delivery *delivery, struct json_reader *json, struct arena *arena, struct err *err) {
    struct signature signature, parent;
    struct err reason = {0};
    (void)environment;
    if (!endpoint->require_signature && endpoint->secret_count == 0) return 0;
    if (endpoint->secret_count == 0) return err_set(err, ERR_SIGNATURE, "the endpoint has no secret to check with");
    if (find_signatures(delivery, json, arena, &signature, &parent, &reason) != 0)
        return err_set(err, ERR_SIGNATURE, "%s", reason.text); /* what cannot be read is not signed */
    if (!endpoint->require_signature && !has_signature(&signature) && !has_signature(&parent)) return 0;
    if (has_signature(&parent) && check_signature(endpoint, delivery, &parent, NULL) == 0) return 0;
    return check_signature(endpoint, delivery, &signature, err);
}

/* ---- events ---- */

static const struct reading_name event_names[] = {
    {"accepted", EVENT_PROCESSED}, {"delivered", EVENT_DELIVERED},
    {"failed", EVENT_BOUNCE},      {"rejected", EVENT_DROPPED},
    {"opened", EVENT_OPEN},        {"clicked", EVENT_CLICK},
    {"complained", EVENT_SPAM},    {"unsubscribed", EVENT_UNSUBSCRIBE},
};

/* A failure is temporary, or a bounce, or Mailgun did not try because the address is on one of its lists. */
static void read_failure(struct json_value data, struct event *event) {
    struct slice reason = json_get_string(data, SLICE("reason"));
    if (slice_equal(json_get_string(data, SLICE("severity")), SLICE("temporary"))) {
        event->type = EVENT_DEFERRED;
    } else if (slice_starts_with(reason, SLICE("suppress-"))) {
        event->type = EVENT_DROPPED;
    } else if (slice_equal(reason, SLICE("espblock"))) {
        event->bounce = BOUNCE_BLOCK;
    } else if (slice_equal(reason, SLICE("old"))) { /* given up after 8 hours of trying */
        event->bounce = BOUNCE_SOFT;
    } else {
        event->bounce = BOUNCE_HARD;
    }
}

/* A name of a bot ("apple", "gmail", "generic"), or a client that calls itself one. */
static bool is_machine(struct json_value client) {
    return !slice_empty(json_get_string(client, SLICE("bot"))) ||
           slice_equal(json_get_string(client, SLICE("client-type")), SLICE("robot"));
}

static bool is_by_recipient(enum event_type type) {
    return event_type_is_tracking(type) || type == EVENT_UNSUBSCRIBE;
}

static void keep_details(struct json_value data, struct reading *reading, struct event *event) {
    static const char *const failure[] = {"severity", "reason", NULL};
    static const char *const status[] = {"code",       "enhanced-code", "message", "description",
                                         "attempt-no", "bounce-type",   "mx-host", NULL};
    static const char *const rejection[] = {"reason", "description", NULL};
    static const char *const client[] = {"bot", "client-type", "device-type", NULL};
    static const char *const common[] = {"tags", "campaigns", NULL};
    if (event->type == EVENT_DEFERRED || event->type == EVENT_BOUNCE || event->type == EVENT_DROPPED) {
        reading_keep(data, failure, reading);
        reading_keep(json_get(data, SLICE("reject")), rejection, reading);
        reading_keep(json_get(data, SLICE("delivery-status")), status, reading);
    }
    if (event_type_is_tracking(event->type)) reading_keep(json_get(data, SLICE("client-info")), client, reading);
    reading_keep(data, common, reading);
    reading_variables(json_get(data, SLICE("user-variables")), reading, event);
}

static int read_event(struct json_value data, size_t index, struct reading *reading, struct event *ret,
                      struct err *err) {
    struct json_value client = json_get(data, SLICE("client-info"));
    struct json_value headers = json_get(json_get(data, SLICE("message")), SLICE("headers"));
    struct slice name;
    if (!json_text(json_get(data, SLICE("event")), &name)) return reading_wrong(err, index, "event", "is missing");
    if (!reading_find_type(READING_NAMES(event_names), name, &ret->type)) return 0;
    /* A rejected mail has no recipient of its own, only its header. */
    bool from_header = ret->type == EVENT_DROPPED && slice_empty(json_get_string(data, SLICE("recipient")));
    int result = from_header ? reading_time(data, index, "timestamp", ret, err)
                             : reading_identity(data, index, "timestamp", "recipient", NULL, reading, ret, err);
    if (result != 0) return result;
    if (from_header) ret->recipient = text_keep_recipient(reading->arena, json_get_string(headers, SLICE("to")));
    if (slice_empty(ret->recipient)) return reading_wrong(err, index, "recipient", "is missing");
    ret->keys[0] = text_keep_key(reading->arena, json_get_string(headers, SLICE("message-id")));
    if (slice_empty(ret->keys[0])) return reading_wrong(err, index, "message-id", "is missing or too long");
    ret->provider_event_id = text_keep(reading->arena, reading_text(data, "id", reading), EVENT_PROVIDER_ID_MAX_BYTES);
    if (slice_equal(name, SLICE("failed"))) read_failure(data, ret);
    if (is_by_recipient(ret->type)) {
        reading_client(data, "url", "ip", NULL, reading, ret);
        reading_client(client, NULL, NULL, "user-agent", reading, ret);
    }
    if (event_type_is_tracking(ret->type) && is_machine(client)) ret->machine = MACHINE_HINT_MACHINE;
    keep_details(data, reading, ret);
    return 1;
}

static int parse_form(const struct delivery *delivery, struct arena *arena, struct parsed_delivery *ret,
                      struct err *err) {
    struct parsed_delivery parsed = {.outcome = PROVIDER_EVENTS, .events = arena_alloc(arena, sizeof(struct event))};
    struct form_field *fields;
    size_t count;
    int result = mailgun_form(delivery, arena, &fields, &count, err);
    if (result != 0) return result;
    struct reading reading;
    reading_init(&reading, arena);
    struct event event = {.link_position = LINK_POSITION_NONE};
    result = mailgun_read_legacy(fields, count, &reading, &event, err);
    event.metadata = metadata_finish(&reading.metadata, arena);
    reading_release(&reading);
    if (result < 0) return result;
    if (result > 0) {
        parsed.events[parsed.event_count++] = event;
    } else {
        parsed.ignored++;
    }
    *ret = parsed;
    return 0;
}

static int parse(const struct provider_endpoint *endpoint, const struct delivery *delivery, struct json_reader *json,
                 struct arena *arena, struct parsed_delivery *ret, struct err *err) {
    struct json_value root;
    (void)endpoint;
    if (!mailgun_is_json(delivery->body)) return parse_form(delivery, arena, ret, err);
    int result = json_parse(json, delivery->body, &root, err);
    if (result != 0) return result;
    struct json_value data = json_get(root, SLICE("event-data"));
    if (data.type != JSON_KIND_OBJECT) return err_set(err, ERR_UNREADABLE, "the body has no event-data");
    return reading_events(data, read_event, arena, ret, err);
}

const struct provider provider_mailgun = {
    .name = "mailgun",
    .title = "Mailgun",
    .secret_help = "The HTTP webhook signing key of the account (Settings, API security)",
    .signing_help = "the HTTP webhook signing key itself",
    .status_bad_signature = 406,   /* anything else but 200 is tried again for 8 hours (Mailgun "Webhook retries") */
    .status_bad_credentials = 406, /* the same */
    .secret_required = true,
    .timestamp_tolerance_ms = SIGNATURE_MAX_AGE_MS,
    .events_per_delivery = 1,
    .secret_parse = hmac_secret_parse,
    .secret_free = hmac_secret_free,
    .verify = verify,
    .parse = parse,
    .compose = mailgun_compose,
    .parse_inbound = mailgun_parse_inbound,
};
