/* SendGrid's Event Webhook (twilio.com/docs/sendgrid/for-developers/tracking-events/event). */
#include "providers/sendgrid.h"
#include "providers/providers.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/strbuf.h"
#include "providers/ecdsa.h"
#include "providers/metadata.h"
#include "providers/text.h"

#include "base/banned.h"

#define IP_TEXT_MAX_BYTES 64
#define CUSTOM_MAX        METADATA_MEMBERS_MAX

/* ---- the members of an event ---- */

enum member {
    MEMBER_CUSTOM, /* a custom or unique argument: they are top-level members beside SendGrid's own */
    MEMBER_RESERVED,
    MEMBER_EMAIL,
    MEMBER_TIMESTAMP,
    MEMBER_EVENT,
    MEMBER_SMTP_ID,
    MEMBER_SG_EVENT_ID,
    MEMBER_SG_MESSAGE_ID,
    MEMBER_SG_MACHINE_OPEN,
    MEMBER_USERAGENT,
    MEMBER_IP,
    MEMBER_URL,
    MEMBER_URL_OFFSET,
    MEMBER_CATEGORY,
    MEMBER_EMAIL_LOG_ID,
    MEMBER_TYPE, /* from here: kept as metadata of some events */
    MEMBER_REASON,
    MEMBER_RESPONSE,
    MEMBER_STATUS,
    MEMBER_ATTEMPT,
    MEMBER_BOUNCE_CLASSIFICATION,
    MEMBER_ASM_GROUP_ID,
};
#define MEMBER_COUNT (MEMBER_ASM_GROUP_ID + 1)

struct known_member {
    struct slice name;
    enum member member;
};
#define KNOWN(text, which)                                                                                             \
    { {text, sizeof(text) - 1}, MEMBER_##which }
#define KNOWN_LENGTH_MAX 27
#define KNOWN_PER_LENGTH 4

/* By the length of the name, so that nearly every look-up is one comparison. */
static const struct known_member known_members[KNOWN_LENGTH_MAX + 1][KNOWN_PER_LENGTH] = {
    [2] = {KNOWN("ip", IP)},
    [3] = {KNOWN("url", URL), KNOWN("tls", RESERVED)},
    [4] = {KNOWN("type", TYPE), KNOWN("pool", RESERVED)},
    [5] = {KNOWN("email", EMAIL), KNOWN("event", EVENT)},
    [6] = {KNOWN("reason", REASON), KNOWN("status", STATUS)},
    [7] = {KNOWN("smtp-id", SMTP_ID), KNOWN("attempt", ATTEMPT), KNOWN("send_at", RESERVED)},
    [8] = {KNOWN("category", CATEGORY), KNOWN("response", RESPONSE), KNOWN("cert_err", RESERVED)},
    [9] = {KNOWN("timestamp", TIMESTAMP), KNOWN("useragent", USERAGENT), KNOWN("post_type", RESERVED)},
    [10] = {KNOWN("url_offset", URL_OFFSET), KNOWN("newsletter", RESERVED)},
    [11] = {KNOWN("sg_event_id", SG_EVENT_ID), KNOWN("template_id", RESERVED)},
    [12] = {KNOWN("email_log_id", EMAIL_LOG_ID), KNOWN("asm_group_id", ASM_GROUP_ID)},
    [13] = {KNOWN("sg_message_id", SG_MESSAGE_ID), KNOWN("singlesend_id", RESERVED), KNOWN("template_hash", RESERVED)},
    [14] = {KNOWN("sg_template_id", RESERVED)},
    [15] = {KNOWN("sg_machine_open", SG_MACHINE_OPEN), KNOWN("sg_content_type", RESERVED),
            KNOWN("singlesend_name", RESERVED)},
    [16] = {KNOWN("sg_template_name", RESERVED)},
    [21] = {KNOWN("bounce_classification", BOUNCE_CLASSIFICATION), KNOWN("marketing_campaign_id", RESERVED)},
    [23] = {KNOWN("marketing_campaign_name", RESERVED)},
    [26] = {KNOWN("marketing_campaign_version", RESERVED)},
    [27] = {KNOWN("marketing_campaign_split_id", RESERVED)},
};

static enum member member_of(struct slice name) {
    if (name.len <= KNOWN_LENGTH_MAX) {
        const struct known_member *known = known_members[name.len];
        for (size_t i = 0; i < KNOWN_PER_LENGTH && known[i].name.len; i++) {
            if (memcmp(known[i].name.ptr, name.ptr, name.len) == 0) return known[i].member;
        }
    }
    return slice_starts_with(name, SLICE("nlvx_")) ? MEMBER_RESERVED : MEMBER_CUSTOM;
}

static struct slice member_name(enum member member) {
    for (size_t len = 0; len <= KNOWN_LENGTH_MAX; len++) {
        for (size_t i = 0; i < KNOWN_PER_LENGTH; i++) {
            if (known_members[len][i].name.len && known_members[len][i].member == member)
                return known_members[len][i].name;
        }
    }
    return SLICE_NONE;
}

struct custom_argument {
    struct slice name;
    struct json_value value;
};

/* An event as SendGrid wrote it: its members in one pass. */
struct raw_event {
    struct json_value members[MEMBER_COUNT]; /* the first of each name */
    size_t custom_count;
    struct custom_argument custom[CUSTOM_MAX]; /* further ones are not kept */
};

static void read_members(struct json_value object, struct raw_event *ret) {
    struct json_iterator iterator = json_members(object);
    struct slice name;
    struct json_value value;
    memset(ret->members, 0, sizeof(ret->members));
    ret->custom_count = 0;
    while (json_next_member(&iterator, &name, &value)) {
        enum member member = member_of(name);
        if (member == MEMBER_CUSTOM) {
            if (ret->custom_count < CUSTOM_MAX)
                ret->custom[ret->custom_count++] = (struct custom_argument){name, value};
        } else if (ret->members[member].type == JSON_KIND_NONE) {
            ret->members[member] = value;
        }
    }
}

static struct slice member_text(const struct raw_event *raw, enum member member) {
    struct slice text;
    return json_text(raw->members[member], &text) ? text : SLICE_NONE;
}

/* ---- what they mean ---- */

struct event_name {
    struct slice name;
    enum event_type type;
};
static const struct event_name event_names[] = {
    {{"open", 4}, EVENT_OPEN},
    {{"click", 5}, EVENT_CLICK},
    {{"delivered", 9}, EVENT_DELIVERED},
    {{"processed", 9}, EVENT_PROCESSED},
    {{"deferred", 8}, EVENT_DEFERRED},
    {{"bounce", 6}, EVENT_BOUNCE},
    {{"dropped", 7}, EVENT_DROPPED},
    {{"spamreport", 10}, EVENT_SPAM},
    {{"spam report", 11}, EVENT_SPAM}, /* so in some of the documentation */
    {{"unsubscribe", 11}, EVENT_UNSUBSCRIBE},
    {{"group_unsubscribe", 17}, EVENT_GROUP_UNSUBSCRIBE},
    {{"group_resubscribe", 17}, EVENT_GROUP_RESUBSCRIBE},
};
#define EVENT_NAME_COUNT (sizeof(event_names) / sizeof(event_names[0]))

static bool find_event_type(struct slice name, enum event_type *ret) {
    for (size_t i = 0; i < EVENT_NAME_COUNT; i++) {
        if (slice_equal(name, event_names[i].name)) {
            *ret = event_names[i].type;
            return true;
        }
    }
    return false;
}

/* `type` says it; older events have only the enhanced status code (RFC 3463). A bounce that says nothing is a hard one.
 */
static enum bounce_kind bounce_kind_of(struct slice type, struct slice status) {
    if (slice_equal(type, SLICE("bounce"))) return BOUNCE_HARD;
    if (slice_equal(type, SLICE("blocked"))) return BOUNCE_BLOCK;
    if (slice_equal(type, SLICE("expired"))) return BOUNCE_SOFT;
    return slice_starts_with(status, SLICE("4")) ? BOUNCE_SOFT : BOUNCE_HARD;
}

/* "<X-Message-Id>.filterdrecv-…" or "….recvd-…": the part that the sending API told. Ids of old hold dots themselves.
 */
static size_t message_id_stem(struct slice id) {
    for (size_t at = id.len; at-- > 1;) {
        if (id.ptr[at] != '.') continue;
        struct slice tail = slice_from(id, at);
        if (slice_starts_with(tail, SLICE(".filter")) || slice_starts_with(tail, SLICE(".recvd"))) return at;
    }
    return id.len;
}

/* The sending API's id, our own Message-ID if we injected by SMTP, the id with its tail. An asynchronous bounce has
 * only the second. */
static bool read_keys(const struct raw_event *raw, struct arena *arena, struct event *event) {
    size_t count = 0;
    struct slice full = text_keep_key(arena, member_text(raw, MEMBER_SG_MESSAGE_ID));
    size_t stem = message_id_stem(full);
    if (full.len) event->keys[count++] = slice_first(full, stem);
    struct slice smtp_id = text_keep_key(arena, member_text(raw, MEMBER_SMTP_ID));
    if (smtp_id.len) event->keys[count++] = smtp_id;
    if (stem < full.len) event->keys[count++] = full;
    return count > 0;
}

static bool is_by_recipient(enum event_type type) {
    return type == EVENT_OPEN || type == EVENT_CLICK || type == EVENT_UNSUBSCRIBE || type == EVENT_GROUP_UNSUBSCRIBE ||
           type == EVENT_GROUP_RESUBSCRIBE;
}

static void read_click(const struct raw_event *raw, struct arena *arena, struct event *event) {
    int64_t position;
    event->url = text_keep(arena, member_text(raw, MEMBER_URL), EVENT_URL_MAX_BYTES);
    if (json_i64(json_get(raw->members[MEMBER_URL_OFFSET], SLICE("index")), &position) && position >= 0 &&
        position <= INT32_MAX)
        event->link_position = (int32_t)position;
}

static void add_metadata(const struct raw_event *raw, enum event_type type, struct metadata *metadata) {
    enum member first = MEMBER_COUNT, last = MEMBER_COUNT;
    if (type == EVENT_BOUNCE || type == EVENT_DROPPED || type == EVENT_DEFERRED) {
        first = MEMBER_TYPE;
        last = MEMBER_BOUNCE_CLASSIFICATION;
    } else if (type == EVENT_GROUP_UNSUBSCRIBE || type == EVENT_GROUP_RESUBSCRIBE) {
        first = last = MEMBER_ASM_GROUP_ID;
    }
    for (enum member member = first; member <= last && member < MEMBER_COUNT; member++) {
        if (raw->members[member].type != JSON_KIND_NONE)
            metadata_add_brief(metadata, member_name(member), raw->members[member]);
    }
    metadata_add(metadata, SLICE("category"), raw->members[MEMBER_CATEGORY]);
    for (size_t i = 0; i < raw->custom_count; i++)
        metadata_add(metadata, raw->custom[i].name, raw->custom[i].value);
}

/* 1: an event; 0: none of ours; else -err_code. */
static int read_event(struct json_value object, size_t index, struct arena *arena, struct metadata *metadata,
                      struct event *ret, struct err *err) {
    struct raw_event raw;
    struct slice name;
    bool machine = false;
    if (object.type != JSON_KIND_OBJECT) return err_set(err, ERR_INVALID, "event %zu is no object", index);
    read_members(object, &raw);
    if (!json_text(raw.members[MEMBER_EVENT], &name))
        return err_set(err, ERR_INVALID, "event %zu: event is missing", index);
    ret->link_position = LINK_POSITION_NONE;
    if (!find_event_type(name, &ret->type)) return 0;
    if (!json_time(raw.members[MEMBER_TIMESTAMP], &ret->occurred_at))
        return err_set(err, ERR_INVALID, "event %zu: timestamp is missing or no time", index);
    ret->recipient = text_keep_recipient(arena, member_text(&raw, MEMBER_EMAIL));
    if (slice_empty(ret->recipient)) return err_set(err, ERR_INVALID, "event %zu: email is missing", index);
    if (!read_keys(&raw, arena, ret))
        return err_set(err, ERR_INVALID, "event %zu: sg_message_id and smtp-id are missing", index);
    if (!json_i64_lenient(raw.members[MEMBER_EMAIL_LOG_ID], &ret->email_log_id) || ret->email_log_id < 0)
        ret->email_log_id = 0;
    ret->provider_event_id = text_keep(arena, member_text(&raw, MEMBER_SG_EVENT_ID), EVENT_PROVIDER_ID_MAX_BYTES);
    if (ret->type == EVENT_BOUNCE)
        ret->bounce = bounce_kind_of(member_text(&raw, MEMBER_TYPE), member_text(&raw, MEMBER_STATUS));
    if (ret->type == EVENT_CLICK) read_click(&raw, arena, ret);
    if (is_by_recipient(ret->type)) { /* of other events `ip` is that of the sending server */
        ret->ip_address = text_keep(arena, member_text(&raw, MEMBER_IP), IP_TEXT_MAX_BYTES);
        ret->user_agent = text_keep(arena, member_text(&raw, MEMBER_USERAGENT), EVENT_AGENT_MAX_BYTES);
    }
    if (event_type_is_tracking(ret->type) && json_bool(raw.members[MEMBER_SG_MACHINE_OPEN], &machine) && machine)
        ret->machine = MACHINE_HINT_MACHINE;
    add_metadata(&raw, ret->type, metadata);
    ret->metadata = metadata_finish(metadata, arena);
    return 1;
}

static int parse(const struct provider_endpoint *endpoint, const struct delivery *delivery, struct json_reader *json,
                 struct arena *arena, struct parsed_delivery *ret, struct err *err) {
    struct json_value root, object;
    (void)endpoint;
    int result = json_parse(json, delivery->body, &root, err);
    if (result < 0) return result;
    if (root.type != JSON_KIND_ARRAY) return err_set(err, ERR_UNREADABLE, "the body is no array of events");
    size_t count = json_count(root), index = 0;
    if (count > PROVIDER_EVENTS_MAX)
        return err_set(err, ERR_TOO_LARGE, "a delivery holds at most %d events", PROVIDER_EVENTS_MAX);
    struct parsed_delivery parsed = {
        .outcome = PROVIDER_EVENTS,
        .events = arena_alloc_array(arena, count, sizeof(struct event)),
    };
    struct metadata metadata;
    metadata_init(&metadata);
    for (struct json_iterator iterator = json_elements(root); json_next(&iterator, &object); index++) {
        result = read_event(object, index, arena, &metadata, &parsed.events[parsed.event_count], err);
        if (result < 0) goto out;
        if (result > 0) {
            parsed.event_count++;
        } else {
            parsed.ignored++;
        }
    }
    result = 0;
    *ret = parsed;
out:
    metadata_release(&metadata);
    return result;
}

/* ---- compose ---- */

static const char *name_of_event(enum event_type type) {
    for (size_t i = 0; i < EVENT_NAME_COUNT; i++) {
        if (event_names[i].type == type) return event_names[i].name.ptr;
    }
    return NULL;
}

static const char *name_of_bounce(enum bounce_kind kind) {
    switch (kind) {
    case BOUNCE_HARD:
        return "bounce";
    case BOUNCE_BLOCK:
        return "blocked";
    case BOUNCE_SOFT:
        return "expired";
    case BOUNCE_NONE:
        return NULL;
    }
    return NULL;
}

/* Like SendGrid's: base64url of "<type>-<number>-<message id>-<number>". */
static struct slice event_id_of(const struct event *event, size_t index, struct arena *arena) {
    if (event->provider_event_id.len) return event->provider_event_id;
    const char *text =
        arena_printf(arena, "%s-%lld-%.*s-%zu", event_type_name(event->type),
                     (long long)(event->occurred_at / SECOND_MS), SLICE_FMT(slice_first(event->keys[0], 32)), index);
    struct strbuf id;
    strbuf_init(&id, 2 * EVENT_PROVIDER_ID_MAX_BYTES);
    base64url_encode(&id, slice_cstr(text));
    struct slice kept = arena_copy(arena, strbuf_slice(&id));
    strbuf_release(&id);
    return kept;
}

static struct slice full_message_id(const struct event *event, struct arena *arena) {
    if (event->keys[2].len) return event->keys[2];
    return slice_cstr(arena_printf(arena, "%.*s.recvd-0-1-0-0.0", SLICE_FMT(event->keys[0])));
}

/* The members that differ by type. Metadata goes out as it came in: as further members. */
static void write_details(struct strbuf *out, const struct event *event) {
    const char *bounce = event->type == EVENT_BOUNCE ? name_of_bounce(event->bounce) : NULL;
    if (is_by_recipient(event->type)) {
        text_write_member(out, "ip", event->ip_address);
        text_write_member(out, "useragent", event->user_agent);
    }
    if (event->type == EVENT_CLICK) {
        text_write_member(out, "url", event->url);
        if (event->link_position != LINK_POSITION_NONE)
            strbuf_printf(out, "\"url_offset\":{\"index\":%d,\"type\":\"html\"},", event->link_position);
    }
    if (event->type == EVENT_OPEN)
        strbuf_printf(out, "\"sg_machine_open\":%s,", event->machine == MACHINE_HINT_MACHINE ? "true" : "false");
    bool has_type = slice_find(event->metadata, SLICE("\"type\":")) >= 0;
    if (bounce && !has_type) text_write_member(out, "type", slice_cstr(bounce));
    if (event->email_log_id > 0) strbuf_printf(out, "\"email_log_id\":\"%lld\",", (long long)event->email_log_id);
    if (event->metadata.len > 2) {
        strbuf_add(out, event->metadata.ptr + 1, event->metadata.len - 2);
        strbuf_add_char(out, ',');
    }
}

static int write_event(struct strbuf *out, const struct event *event, size_t index, struct arena *arena,
                       struct err *err) {
    const char *name = name_of_event(event->type);
    if (!name) return err_set(err, ERR_INVALID, "SendGrid's event webhook reports no %s", event_type_name(event->type));
    strbuf_add_char(out, '{');
    text_write_member(out, "email", event->recipient);
    text_write_member(out, "event", slice_cstr(name));
    write_details(out, event);
    text_write_member(out, "sg_event_id", event_id_of(event, index, arena));
    if (event->keys[0].len) text_write_member(out, "sg_message_id", full_message_id(event, arena));
    if (event->keys[1].len)
        text_write_member(out, "smtp-id", slice_cstr(arena_printf(arena, "<%.*s>", SLICE_FMT(event->keys[1]))));
    strbuf_printf(out, "\"timestamp\":%lld}", (long long)(event->occurred_at / SECOND_MS));
    return 0;
}

#define COMPOSED_MAX_BYTES ((size_t)32 << 20)

/* One array, its events separated by "},\r\n{", a CRLF at the end: as SendGrid sends it. */
static int compose(const struct provider_endpoint *endpoint, const struct event *events, size_t count,
                   struct slice signing, int64_t now, struct arena *arena, struct composed_delivery *ret,
                   struct err *err) {
    struct strbuf body;
    struct composed_delivery composed = {.content_type = "application/json"};
    (void)endpoint;
    strbuf_init(&body, COMPOSED_MAX_BYTES);
    int result = 0;
    strbuf_add_char(&body, '[');
    for (size_t i = 0; i < count && result == 0; i++) {
        if (i > 0) strbuf_add_cstr(&body, ",\r\n");
        result = write_event(&body, &events[i], i, arena, err);
    }
    strbuf_add_cstr(&body, "]\r\n");
    if (result == 0 && body.overflow) result = err_set(err, ERR_TOO_LARGE, "the events are too large for one delivery");
    if (result < 0) goto out;
    composed.body = text_keep_padded(arena, strbuf_slice(&body));
    result = ecdsa_sign(signing, now, arena, &composed, err);
    if (result == 0) *ret = composed;
out:
    strbuf_release(&body);
    return result;
}

const struct provider provider_sendgrid = {
    .name = "sendgrid",
    .title = "SendGrid",
    .secret_help = "The verification key of the Signed Event Webhook (Settings, Mail Settings, Event Webhook)",
    .signing_help = "a P-256 private key in PEM, whose public half is the endpoint's secret",
    .status_bad_signature = 401,
    .secret_required = true,
    .timestamp_tolerance_ms = 0, /* a batch is sent again for 24 h, and may keep the time of the first try */
    .events_per_delivery = PROVIDER_EVENTS_MAX,
    .secret_parse = ecdsa_secret_parse,
    .secret_free = ecdsa_secret_free,
    .verify = ecdsa_verify,
    .parse = parse,
    .compose = compose,
    .parse_inbound = sendgrid_parse_inbound,
};
