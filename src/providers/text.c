#include "providers/text.h"

#include <openssl/sha.h>

#include "base/strbuf.h"
#include "model/event.h"

#include "base/banned.h"

struct slice text_keep(struct arena *arena, struct slice text, size_t max) {
    if (slice_empty(text)) return SLICE_NONE;
    size_t len = text.len;
    if (len > max) {
        len = max;
        while (len > 0 && ((unsigned char)text.ptr[len] & 0xc0) == 0x80)
            len--;
    }
    char *copy = arena_bytes(arena, len);
    memcpy(copy, text.ptr, len);
    for (char *nul = memchr(copy, 0, len); nul; nul = memchr(nul, 0, len - (size_t)(nul - copy)))
        *nul = '?';
    return slice_of(copy, len);
}

struct slice text_keep_padded(struct arena *arena, struct slice text) {
    char *copy = arena_bytes(arena, text.len + JSON_PADDING);
    if (text.len) memcpy(copy, text.ptr, text.len);
    memset(copy + text.len, 0, JSON_PADDING);
    return slice_of(copy, text.len);
}

struct slice text_keep_recipient(struct arena *arena, struct slice text) {
    struct slice address = recipient_address(text);
    return text_keep(arena, slice_empty(address) ? slice_trim(text) : address, EVENT_RECIPIENT_MAX_BYTES);
}

struct slice text_keep_key(struct arena *arena, struct slice message_id) {
    struct slice id = message_id_normalize(message_id);
    return id.len <= EVENT_KEY_MAX_BYTES ? text_keep(arena, id, EVENT_KEY_MAX_BYTES) : SLICE_NONE;
}

bool text_of_value(struct json_value value, struct arena *arena, struct slice *ret) {
    int64_t number;
    uint64_t large;
    if (json_text(value, ret)) return true;
    if (json_i64(value, &number)) {
        *ret = slice_cstr(arena_printf(arena, "%lld", (long long)number));
    } else if (json_u64(value, &large)) {
        *ret = slice_cstr(arena_printf(arena, "%llu", (unsigned long long)large));
    } else {
        return false;
    }
    return true;
}

static int write_escaped(struct strbuf *out, unsigned char c) {
    switch (c) {
    case '"':
        return strbuf_add_cstr(out, "\\\"");
    case '\\':
        return strbuf_add_cstr(out, "\\\\");
    case '\n':
        return strbuf_add_cstr(out, "\\n");
    case '\r':
        return strbuf_add_cstr(out, "\\r");
    case '\t':
        return strbuf_add_cstr(out, "\\t");
    default:
        return strbuf_printf(out, "\\u%04x", c);
    }
}

int text_write_json(struct strbuf *out, struct slice text) {
    strbuf_add_char(out, '"');
    size_t plain = 0; /* where the run of characters begins that stand for themselves */
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c >= 0x20 && c != '"' && c != '\\') continue;
        strbuf_add(out, text.ptr + plain, i - plain);
        write_escaped(out, c);
        plain = i + 1;
    }
    if (plain < text.len) strbuf_add(out, text.ptr + plain, text.len - plain);
    return strbuf_add_char(out, '"');
}

int text_write_member(struct strbuf *out, const char *name, struct slice text) {
    if (slice_empty(text)) return 0;
    text_write_json(out, slice_cstr(name));
    strbuf_add_char(out, ':');
    text_write_json(out, text);
    return strbuf_add_char(out, ',');
}

int text_write_percent(struct strbuf *out, struct slice text) {
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        bool unreserved = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                          c == '.' || c == '_' || c == '~';
        if (unreserved) {
            strbuf_add_char(out, (char)c);
        } else {
            strbuf_printf(out, "%%%02X", c);
        }
    }
    return out->overflow ? -1 : 0;
}

struct slice text_uuid_of(struct slice bytes, struct arena *arena) {
    unsigned char d[SHA256_DIGEST_LENGTH];
    SHA256((const unsigned char *)bytes.ptr, bytes.len, d);
    return slice_cstr(arena_printf(arena, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", d[0],
                                   d[1], d[2], d[3], d[4], d[5], d[6], d[7], d[8], d[9], d[10], d[11], d[12], d[13],
                                   d[14], d[15]));
}

void text_write_name(struct strbuf *out, const char *name) {
    char last = out->len > 0 ? out->ptr[out->len - 1] : '{';
    if (last != '{' && last != '[') strbuf_add_char(out, ',');
    if (name) strbuf_printf(out, "\"%s\":", name);
}

void text_write_text(struct strbuf *out, const char *name, struct slice text) {
    text_write_name(out, name);
    if (text.ptr)
        text_write_json(out, text);
    else
        strbuf_add_cstr(out, "null");
}

void text_write_int(struct strbuf *out, const char *name, int64_t value) {
    text_write_name(out, name);
    strbuf_add_i64(out, value);
}
