#include "model/identity.h"

#include <stdio.h>

#include "base/banned.h"

struct message_key message_key(const unsigned char hash_key[HASH_KEY_SIZE], struct slice normalized_message_id) {
    struct hash128 hash = hash128(hash_key, normalized_message_id);
    return (struct message_key){.hash = (int64_t)hash.high, .check = (int64_t)(hash.low & INT32_MAX)};
}

struct message_key link_key(const unsigned char hash_key[HASH_KEY_SIZE], struct slice url, int32_t position) {
    char text[EVENT_URL_MAX_BYTES + 16];
    if (url.len > EVENT_URL_MAX_BYTES) BUG("a url of %zu bytes", url.len);
    if (url.len > 0) memcpy(text, url.ptr, url.len);
    int len = snprintf(text + url.len, 16, "\n%d", position);
    return message_key(hash_key, slice_of(text, url.len + (size_t)len));
}

int64_t recipient_hash(const unsigned char hash_key[HASH_KEY_SIZE], struct slice address) {
    if (slice_empty(address)) return 0;
    char lower[EVENT_RECIPIENT_MAX_BYTES];
    size_t len = address.len < sizeof(lower) ? address.len : sizeof(lower);
    for (size_t i = 0; i < len; i++) {
        char c = address.ptr[i];
        lower[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    int64_t hash = (int64_t)(hash128(hash_key, slice_of(lower, len)).high & INT64_MAX);
    return hash != 0 ? hash : 1;
}

static int compare_i64(int64_t a, int64_t b) {
    return (a > b) - (a < b);
}

int event_key_compare(const struct event_key *a, const struct event_key *b) {
    int order = compare_i64(a->organization_id, b->organization_id);
    if (order == 0) order = compare_i64(a->email_log_id, b->email_log_id);
    if (order == 0) order = compare_i64(a->occurred_at, b->occurred_at);
    if (order == 0) order = compare_i64(a->event_type, b->event_type);
    if (order == 0) order = compare_i64(a->link_id, b->link_id);
    if (order == 0) order = compare_i64(a->recipient_ref, b->recipient_ref);
    return order;
}

/* ---- public id: base64url of five LEB128 numbers (type, time, email, link, recipient), zeros at the end left out.
 * One key has one text: longer forms of a number and zeros at the end are refused. ---- */

#define PUBLIC_ID_FIELDS    5
#define LEB128_MAX_BYTES    10
#define PUBLIC_ID_MAX_BYTES (EVENT_PUBLIC_ID_MAX / 4 * 3)

static size_t leb128_write(uint64_t value, unsigned char *out) {
    size_t len = 0;
    while (value >= 0x80) {
        out[len++] = (unsigned char)(value | 0x80);
        value >>= 7;
    }
    out[len++] = (unsigned char)value;
    return len;
}

/* Bytes used; 0: not a number in its shortest form. */
static size_t leb128_read(const unsigned char *bytes, size_t len, uint64_t *ret) {
    uint64_t value = 0;
    for (size_t i = 0; i < len && i < LEB128_MAX_BYTES; i++) {
        uint64_t group = bytes[i] & 0x7f;
        if (i == LEB128_MAX_BYTES - 1 && group > 1) return 0;
        value |= group << (7 * i);
        if (bytes[i] < 0x80) {
            if (i > 0 && bytes[i] == 0) return 0;
            *ret = value;
            return i + 1;
        }
    }
    return 0;
}

struct slice event_public_id(const struct event_key *key, char out[EVENT_PUBLIC_ID_MAX]) {
    const uint64_t fields[PUBLIC_ID_FIELDS] = {
        (uint64_t)key->event_type & 0x7f, (uint64_t)key->occurred_at,   (uint64_t)key->email_log_id,
        (uint64_t)key->link_id,           (uint64_t)key->recipient_ref,
    };
    size_t used = PUBLIC_ID_FIELDS;
    while (used > 1 && fields[used - 1] == 0)
        used--;
    unsigned char bytes[PUBLIC_ID_FIELDS * LEB128_MAX_BYTES];
    size_t len = 0;
    for (size_t i = 0; i < used; i++)
        len += leb128_write(fields[i], bytes + len);
    struct strbuf text;
    strbuf_init(&text, EVENT_PUBLIC_ID_MAX);
    if (base64url_encode(&text, slice_of((const char *)bytes, len)) < 0) BUG("an event's public id is too long");
    size_t text_len = text.len;
    memcpy(out, text.ptr, text_len);
    strbuf_release(&text);
    return slice_of(out, text_len);
}

bool event_public_id_parse(struct slice text, struct event_key *ret) {
    unsigned char bytes[PUBLIC_ID_MAX_BYTES];
    size_t len;
    if (slice_empty(text) || text.len > EVENT_PUBLIC_ID_MAX) return false;
    if (!base64url_decode(text, bytes, sizeof(bytes), &len)) return false;
    uint64_t fields[PUBLIC_ID_FIELDS] = {0};
    size_t at = 0, count = 0;
    while (at < len) {
        size_t step = count < PUBLIC_ID_FIELDS ? leb128_read(bytes + at, len - at, &fields[count]) : 0;
        if (step == 0) return false;
        at += step;
        count++;
    }
    if (count == 0 || fields[count - 1] == 0 || fields[0] > EVENT_TYPE_MAX) return false;
    ret->event_type = (int64_t)fields[0];
    ret->occurred_at = (int64_t)fields[1];
    ret->email_log_id = (int64_t)fields[2];
    ret->link_id = (int64_t)fields[3];
    ret->recipient_ref = (int64_t)fields[4];
    return true;
}

/* ---- the provider's event id ---- */

/* Stored; never change a number. */
enum packed_kind { PACKED_TEXT = 1, PACKED_BASE64URL = 2, PACKED_UUID = 3 };

#define UUID_BYTES      16
#define UUID_TEXT_CHARS 36

static bool uuid_has_dash_at(size_t position) {
    return position == 8 || position == 13 || position == 18 || position == 23;
}

/* Lower case only, so that it comes back as it was. */
static bool uuid_parse(struct slice text, unsigned char out[UUID_BYTES]) {
    if (text.len != UUID_TEXT_CHARS) return false;
    size_t nibbles = 0;
    memset(out, 0, UUID_BYTES);
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (uuid_has_dash_at(i)) {
            if (c != '-') return false;
            continue;
        }
        unsigned digit;
        if (c >= '0' && c <= '9') {
            digit = (unsigned)(c - '0');
        } else if (c >= 'a' && c <= 'f') {
            digit = (unsigned)(c - 'a') + 10;
        } else {
            return false;
        }
        out[nibbles / 2] = (unsigned char)(out[nibbles / 2] << 4 | digit);
        nibbles++;
    }
    return true;
}

static int uuid_write(struct slice bytes, struct strbuf *out) {
    static const char digits[] = "0123456789abcdef";
    char text[UUID_TEXT_CHARS];
    size_t nibble = 0;
    for (size_t i = 0; i < UUID_TEXT_CHARS; i++) {
        if (uuid_has_dash_at(i)) {
            text[i] = '-';
            continue;
        }
        unsigned char byte = (unsigned char)bytes.ptr[nibble / 2];
        text[i] = digits[nibble % 2 == 0 ? byte >> 4 : byte & 15];
        nibble++;
    }
    return strbuf_add(out, text, sizeof(text));
}

static int add_packed(struct strbuf *out, enum packed_kind kind, const void *bytes, size_t len) {
    if (strbuf_add_char(out, (char)kind) < 0) return -1;
    return strbuf_add(out, bytes, len);
}

int provider_event_id_pack(struct slice id, struct strbuf *out) {
    if (slice_empty(id)) return 0;
    id = slice_first(id, EVENT_PROVIDER_ID_MAX_BYTES);
    unsigned char bytes[EVENT_PROVIDER_ID_MAX_BYTES];
    size_t len;
    if (uuid_parse(id, bytes)) return add_packed(out, PACKED_UUID, bytes, UUID_BYTES);
    if (base64url_decode(id, bytes, sizeof(bytes), &len)) return add_packed(out, PACKED_BASE64URL, bytes, len);
    return add_packed(out, PACKED_TEXT, id.ptr, id.len);
}

int provider_event_id_unpack(struct slice packed, struct strbuf *out) {
    if (slice_empty(packed)) return 0;
    struct slice bytes = slice_from(packed, 1);
    if (slice_empty(bytes)) return -1;
    switch (packed.ptr[0]) {
    case PACKED_TEXT:
        return strbuf_add_slice(out, bytes);
    case PACKED_BASE64URL:
        return base64url_encode(out, bytes);
    case PACKED_UUID:
        return bytes.len == UUID_BYTES ? uuid_write(bytes, out) : -1;
    default:
        return -1;
    }
}
