/* Unisender Go and UniOne, which share one protocol: docs.unione.io "Webhooks", godocs.unisender.ru. */
#include <openssl/evp.h>
#include <sodium.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/strbuf.h"
#include "providers/batch.h"
#include "providers/providers.h"
#include "providers/text.h"

#include "base/banned.h"

#define API_KEY_MIN_BYTES 6
#define API_KEY_MAX_BYTES 256
#define MD5_BYTES         16
#define MD5_HEX_CHARS     (2 * MD5_BYTES)

static const struct event_name names[] = {
    {"sent", EVENT_PROCESSED, BOUNCE_NONE},
    {"delivered", EVENT_DELIVERED, BOUNCE_NONE},
    {"opened", EVENT_OPEN, BOUNCE_NONE},
    {"clicked", EVENT_CLICK, BOUNCE_NONE},
    {"soft_bounced", EVENT_BOUNCE, BOUNCE_SOFT},
    {"hard_bounced", EVENT_BOUNCE, BOUNCE_HARD},
    {"spam", EVENT_SPAM, BOUNCE_NONE},
    {"unsubscribed", EVENT_UNSUBSCRIBE, BOUNCE_NONE},
    {"subscribed", EVENT_GROUP_RESUBSCRIBE, BOUNCE_NONE},
};
#define NAME_COUNT (sizeof(names) / sizeof(names[0]))

struct provider_secret {
    size_t len;
    char key[API_KEY_MAX_BYTES];
};

/* ---- signature: "auth" is the MD5 of the body that has the API key in its place ---- */

static int secret_parse(struct slice text, struct provider_secret **ret, struct err *err) {
    struct slice key = slice_trim(text);
    if (key.len < API_KEY_MIN_BYTES || key.len > API_KEY_MAX_BYTES)
        return err_set(err, ERR_INVALID, "the API key has %d to %d characters; copy it from the account's settings",
                       API_KEY_MIN_BYTES, API_KEY_MAX_BYTES);
    for (size_t i = 0; i < key.len; i++) {
        if (key.ptr[i] <= ' ' || key.ptr[i] == 0x7f)
            return err_set(err, ERR_INVALID, "the API key holds a blank or a control character");
    }
    struct provider_secret *secret = memory_alloc(sizeof(*secret));
    memcpy(secret->key, key.ptr, key.len);
    secret->len = key.len;
    *ret = secret;
    return 0;
}

static void secret_free(struct provider_secret *secret) {
    if (secret) sodium_memzero(secret, sizeof(*secret));
    free(secret);
}

/* The MD5 of `body` with `key` instead of the bytes from `at` on that hold the signature. */
static void digest(struct slice body, size_t at, struct slice key, unsigned char out[MD5_BYTES]) {
    struct slice before = slice_first(body, at), after = slice_from(body, at + MD5_HEX_CHARS);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (!context || EVP_DigestInit_ex(context, EVP_md5(), NULL) != 1 ||
        EVP_DigestUpdate(context, before.ptr, before.len) != 1 || EVP_DigestUpdate(context, key.ptr, key.len) != 1 ||
        EVP_DigestUpdate(context, after.ptr, after.len) != 1 || EVP_DigestFinal_ex(context, out, NULL) != 1)
        BUG("MD5 cannot fail");
    EVP_MD_CTX_free(context);
}

static size_t skip_blanks(struct slice body, size_t at) {
    while (at < body.len &&
           (body.ptr[at] == ' ' || body.ptr[at] == '\t' || body.ptr[at] == '\r' || body.ptr[at] == '\n'))
        at++;
    return at;
}

/* Where the value of the member "auth" stands in the raw bytes; -1: nowhere. They must stay as they are for the digest,
 * so they are searched and not written anew. A quote inside a string has a backslash before it, so this finds
 * members only. */
static ptrdiff_t find_auth(struct slice body, struct slice value) {
    static const struct slice name = {"\"auth\"", 6};
    size_t from = 0;
    for (;;) {
        ptrdiff_t found = slice_find(slice_from(body, from), name);
        if (found < 0) return -1;
        from += (size_t)found + name.len;
        size_t at = skip_blanks(body, from);
        if (at >= body.len || body.ptr[at] != ':') continue;
        at = skip_blanks(body, at + 1);
        if (at >= body.len || body.ptr[at] != '"') continue;
        if (slice_starts_with(slice_from(body, at + 1), value)) return (ptrdiff_t)at + 1;
    }
}

static int verify(const struct provider_endpoint *endpoint, const struct provider_environment *environment,
                  const struct delivery *delivery, struct json_reader *json, struct arena *arena, struct err *err) {
    struct json_value root;
    struct err reason;
    unsigned char sent[MD5_BYTES], ours[MD5_BYTES];
    size_t len;
    (void)environment;
    (void)arena;
    if (!endpoint->require_signature && endpoint->secret_count == 0) return 0;
    if (json_parse(json, delivery->body, &root, &reason) < 0) {
        if (!endpoint->require_signature) return 0; /* for `parse` to refuse */
        return err_set(err, ERR_SIGNATURE, "%s", reason.text);
    }
    struct slice auth = json_get_string(root, SLICE("auth"));
    if (!endpoint->require_signature && slice_empty(auth)) return 0;
    if (endpoint->secret_count == 0) return err_set(err, ERR_SIGNATURE, "the endpoint has no API key to check with");
    if (!hex_decode(auth, sent, sizeof(sent), &len) || len != MD5_BYTES)
        return err_set(err, ERR_SIGNATURE, "no signature: the member auth is absent or not %d hex digits",
                       MD5_HEX_CHARS);
    ptrdiff_t at = find_auth(delivery->body, auth);
    if (at < 0) return err_set(err, ERR_SIGNATURE, "the member auth is written in a way that cannot be checked");
    for (size_t i = 0; i < endpoint->secret_count; i++) {
        const struct provider_secret *secret = endpoint->secrets[i];
        digest(delivery->body, (size_t)at, slice_of(secret->key, secret->len), ours);
        if (sodium_memcmp(sent, ours, MD5_BYTES) == 0) return 0;
    }
    return err_set(err, ERR_SIGNATURE, "the signature matches none of the endpoint's API keys");
}

/* ---- events ---- */

static const char *const details[] = {"delivery_status", "destination_response", NULL};

static int read_event(struct batch *batch, struct json_value object, struct event *ret, struct err *err) {
    struct json_value data = json_get(object, SLICE("event_data"));
    struct slice kind = json_get_string(object, SLICE("event_name"));
    if (!slice_empty(kind) && !slice_equal(kind, SLICE("transactional_email_status"))) return 0;
    if (data.type != JSON_KIND_OBJECT) {
        if (!slice_empty(kind)) return batch_wrong(batch, "event_data is missing", err);
        data = object; /* a callback of one event, its members beside auth */
    }
    const struct event_name *known = event_name_find(names, NAME_COUNT, json_get_string(data, SLICE("status")));
    if (!known) return 0;
    struct json_value info = json_get(data, SLICE("delivery_info")), metadata = json_get(data, SLICE("metadata"));
    ret->type = known->type;
    ret->bounce = known->bounce;
    if (!json_time(json_get(data, SLICE("event_time")), &ret->occurred_at))
        return batch_wrong(batch, "event_time is missing or no time", err);
    batch_key(batch, ret, json_get_string(data, SLICE("job_id")));
    /* One job may have many recipients; senders that need an id for each put it here. */
    batch_key(batch, ret, json_get_string(metadata, SLICE("message_id")));
    if (slice_empty(ret->keys[0])) return batch_wrong(batch, "job_id is missing", err);
    ret->recipient = text_keep_recipient(batch->reading.arena, json_get_string(data, SLICE("email")));
    if (slice_empty(ret->recipient)) return batch_wrong(batch, "email is missing", err);
    if (event_type_is_tracking(ret->type) || ret->type == EVENT_UNSUBSCRIBE)
        batch_client(batch, ret, json_get_string(info, SLICE("ip")), json_get_string(info, SLICE("user_agent")));
    batch_url(batch, ret, json_get_string(data, SLICE("url")));
    reading_keep(info, details, &batch->reading);
    reading_variables(metadata, &batch->reading, ret);
    return 1;
}

static int read_users(struct batch *batch, struct json_value users, struct err *err) {
    struct json_iterator iterator = json_elements(users);
    int result = 0;
    for (struct json_value user; result == 0 && json_next(&iterator, &user);) {
        struct json_value events = json_get(user, SLICE("events"));
        if (events.type != JSON_KIND_ARRAY)
            return err_set(err, ERR_UNREADABLE, "events_by_user: an entry has no list of events");
        result = batch_each(batch, events, read_event, err);
    }
    return result;
}

static int parse(const struct provider_endpoint *endpoint, const struct delivery *delivery, struct json_reader *json,
                 struct arena *arena, struct parsed_delivery *ret, struct err *err) {
    struct json_value root;
    struct batch batch;
    (void)endpoint;
    int result = json_parse(json, delivery->body, &root, err);
    if (result < 0) return result;
    if (root.type != JSON_KIND_OBJECT) return err_set(err, ERR_UNREADABLE, "the body is no callback of Unisender Go");
    struct json_value users = json_get(root, SLICE("events_by_user"));
    batch_init(&batch, arena);
    if (users.type == JSON_KIND_ARRAY) {
        result = read_users(&batch, users, err);
    } else {
        result = batch_one(&batch, root, read_event, err);
    }
    if (result == 0) *ret = batch.parsed;
    batch_release(&batch);
    return result;
}

/* ---- compose ---- */

static int write_event(struct strbuf *out, const struct event *event, struct err *err) {
    const struct event_name *name = event_name_for(names, NAME_COUNT, event);
    char time[TIME_TEXT_MAX];
    if (!name) return reading_no_event("Unisender Go", event->type, err);
    time_format(event->occurred_at - event->occurred_at % SECOND_MS, time); /* 2026-11-24T08:00:00Z */
    strbuf_add_cstr(out, "{\"event_name\":\"transactional_email_status\",\"event_data\":{");
    text_write_member(out, "job_id", event->keys[0]);
    reading_write_variables(out, "metadata", event);
    text_write_member(out, "email", event->recipient);
    text_write_member(out, "status", slice_cstr(name->name));
    text_write_member(out, "url", event->url);
    strbuf_add_cstr(out, "\"delivery_info\":{");
    text_write_member(out, "user_agent", event->user_agent);
    text_write_member(out, "ip", event->ip_address);
    strbuf_printf(out, "\"delivery_status\":\"ok_sent\"},\"event_time\":\"%.10s %.8s\"}}", time, time + 11);
    return 0;
}

/* Writes the signature over the API key that stands in its place. */
static struct slice sign(struct slice body, size_t at, struct slice key, struct arena *arena) {
    char *copy = arena_bytes(arena, body.len - key.len + MD5_HEX_CHARS + JSON_PADDING);
    size_t len = body.len - key.len + MD5_HEX_CHARS;
    unsigned char md5[MD5_BYTES];
    struct strbuf hex;
    strbuf_init(&hex, MD5_HEX_CHARS);
    memcpy(copy, body.ptr, at);
    memset(copy + at, '0', MD5_HEX_CHARS);
    memcpy(copy + at + MD5_HEX_CHARS, body.ptr + at + key.len, body.len - at - key.len);
    memset(copy + len, 0, JSON_PADDING);
    digest(slice_of(copy, len), at, key, md5);
    hex_encode(&hex, slice_of((const char *)md5, MD5_BYTES));
    memcpy(copy + at, hex.ptr, MD5_HEX_CHARS);
    strbuf_release(&hex);
    return slice_of(copy, len);
}

static int compose(const struct provider_endpoint *endpoint, const struct event *events, size_t count,
                   struct slice signing, int64_t now, struct arena *arena, struct composed_delivery *ret,
                   struct err *err) {
    struct provider_secret *secret = NULL;
    struct strbuf body;
    (void)endpoint;
    (void)now;
    int result = secret_parse(signing, &secret, err);
    if (result < 0) return result;
    strbuf_init(&body, COMPOSED_MAX_BYTES);
    strbuf_add_cstr(&body, "{\"auth\":\"");
    size_t at = body.len;
    strbuf_add(&body, secret->key, secret->len);
    strbuf_add_cstr(&body, "\",\"events_by_user\":[{\"user_id\":1,\"events\":[");
    for (size_t i = 0; i < count && result == 0; i++) {
        if (i > 0) strbuf_add_char(&body, ',');
        result = write_event(&body, &events[i], err);
    }
    strbuf_add_cstr(&body, "]}]}");
    if (result == 0 && body.overflow) result = err_set(err, ERR_TOO_LARGE, "the events are too large for one delivery");
    if (result == 0)
        *ret = (struct composed_delivery){
            .content_type = "application/json",
            .body = sign(strbuf_slice(&body), at, slice_of(secret->key, secret->len), arena),
        };
    strbuf_release(&body);
    secret_free(secret);
    return result;
}

const struct provider provider_unisender = {
    .name = "unisender",
    .title = "Unisender Go / UniOne",
    .secret_help = "The API key of the account or project that sends (Account, Security): callbacks are signed with it",
    .signing_help = "the API key itself",
    .status_bad_signature = 401,
    .secret_required = true,
    .timestamp_tolerance_ms = 0, /* nothing but the events tells a time, and callbacks are repeated for 24 hours */
    .events_per_delivery = PROVIDER_EVENTS_MAX,
    .secret_parse = secret_parse,
    .secret_free = secret_free,
    .verify = verify,
    .parse = parse,
    .compose = compose,
};
