#include "model/event.h"

#include "base/banned.h"

static const char *const event_type_names[EVENT_TYPE_MAX + 1] = {
    [EVENT_PROCESSED] = "processed",
    [EVENT_DELIVERED] = "delivered",
    [EVENT_DEFERRED] = "deferred",
    [EVENT_DROPPED] = "dropped",
    [EVENT_OPEN] = "open",
    [EVENT_CLICK] = "click",
    [EVENT_REPLY] = "reply",
    [EVENT_BOUNCE] = "bounce",
    [EVENT_SPAM] = "spam",
    [EVENT_UNSUBSCRIBE] = "unsubscribe",
    [EVENT_GROUP_UNSUBSCRIBE] = "group_unsubscribe",
    [EVENT_GROUP_RESUBSCRIBE] = "group_resubscribe",
    [EVENT_AUTO_REPLY] = "auto_reply",
};

const char *event_type_name(enum event_type type) {
    if (type < EVENT_PROCESSED || type > EVENT_TYPE_MAX) return NULL;
    return event_type_names[type];
}

bool event_type_parse(struct slice name, enum event_type *ret) {
    for (int type = EVENT_PROCESSED; type <= EVENT_TYPE_MAX; type++) {
        if (slice_equal(name, slice_cstr(event_type_names[type]))) {
            *ret = (enum event_type)type;
            return true;
        }
    }
    return false;
}

bool event_type_is_tracking(enum event_type type) {
    return type == EVENT_OPEN || type == EVENT_CLICK;
}

const char *bounce_kind_name(enum bounce_kind kind) {
    switch (kind) {
    case BOUNCE_NONE:
        return NULL;
    case BOUNCE_SOFT:
        return "soft";
    case BOUNCE_BLOCK:
        return "block";
    case BOUNCE_HARD:
        return "hard";
    }
    return NULL;
}

bool bounce_kind_parse(struct slice name, enum bounce_kind *ret) {
    for (int kind = BOUNCE_SOFT; kind <= BOUNCE_HARD; kind++) {
        if (slice_equal(name, slice_cstr(bounce_kind_name((enum bounce_kind)kind)))) {
            *ret = (enum bounce_kind)kind;
            return true;
        }
    }
    return false;
}

struct slice message_id_normalize(struct slice text) {
    struct slice id = slice_trim(text);
    if (id.len >= 2 && id.ptr[0] == '<' && id.ptr[id.len - 1] == '>') id = slice_trim(slice_of(id.ptr + 1, id.len - 2));
    return id;
}

/* Is `text` one address and nothing else: one '@' with something on both sides, no white space or brackets, all outside
 * quotes? */
static bool is_bare_address(struct slice text) {
    bool quoted = false;
    size_t at = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c < ' ' || c == 0x7f) return false;
        if (quoted && c == '\\') {
            i++;
        } else if (c == '"') {
            quoted = !quoted;
        } else if (!quoted) {
            if (c == ' ' || c == '<' || c == '>' || c == ',') return false;
            if (c == '@' && (at > 0 || i == 0)) return false;
            if (c == '@') at = i;
        }
    }
    return !quoted && at > 0 && at + 1 < text.len;
}

struct slice recipient_address(struct slice text) {
    struct slice trimmed = slice_trim(text);
    if (trimmed.len >= 2 && trimmed.ptr[trimmed.len - 1] == '>') {
        /* RFC 5322 name-addr; the display name may be quoted and hold brackets itself. */
        bool quoted = false;
        size_t begin = 0;
        for (size_t i = 0; i < trimmed.len; i++) {
            char c = trimmed.ptr[i];
            if (quoted && c == '\\') {
                i++;
            } else if (c == '"') {
                quoted = !quoted;
            } else if (!quoted && c == '<') {
                begin = i + 1;
            }
        }
        if (begin == 0) return SLICE_NONE;
        trimmed = slice_trim(slice_of(trimmed.ptr + begin, trimmed.len - 1 - begin));
    }
    return is_bare_address(trimmed) ? trimmed : SLICE_NONE;
}
