#include "ingest/hit.h"

#include <endian.h>

#include "base/banned.h"

/* kind, machine, level, has_address; time, organization, email, cohort; position; address if any; url; agent; each
 * text with its length before it. Little endian. */
#define HEAD_BYTES 40

static unsigned char *put(unsigned char *out, const void *bytes, size_t len) {
    if (len > 0) memcpy(out, bytes, len);
    return out + len;
}

static unsigned char *put_i64(unsigned char *out, int64_t value) {
    uint64_t wire = htole64((uint64_t)value);
    return put(out, &wire, sizeof(wire));
}

static unsigned char *put_text(unsigned char *out, struct slice text, size_t max) {
    text = slice_first_utf8(text, max);
    uint16_t wire = htole16((uint16_t)text.len);
    return put(put(out, &wire, sizeof(wire)), text.ptr, text.len);
}

size_t hit_encode(const struct hit *hit, unsigned char *out) {
    unsigned char *at = out;
    uint32_t position = htole32((uint32_t)hit->link_position);
    *at++ = (unsigned char)hit->kind;
    *at++ = (unsigned char)hit->machine;
    *at++ = (unsigned char)hit->level;
    *at++ = hit->has_address;
    at = put_i64(at, hit->occurred_at);
    at = put_i64(at, hit->organization_id);
    at = put_i64(at, hit->email_log_id);
    at = put_i64(at, hit->cohort_id);
    at = put(at, &position, sizeof(position));
    if (hit->has_address) at = put(at, hit->address.bytes, sizeof(hit->address.bytes));
    at = put_text(at, hit->url, EVENT_URL_MAX_BYTES);
    at = put_text(at, hit->agent, EVENT_AGENT_MAX_BYTES);
    return (size_t)(at - out);
}

static int64_t get_i64(const char *bytes) {
    uint64_t wire;
    memcpy(&wire, bytes, sizeof(wire));
    return (int64_t)le64toh(wire);
}

static bool take_text(struct slice *rest, size_t max, struct slice *ret) {
    uint16_t wire;
    if (rest->len < sizeof(wire)) return false;
    memcpy(&wire, rest->ptr, sizeof(wire));
    size_t len = le16toh(wire);
    if (len > max || len > rest->len - sizeof(wire)) return false;
    *ret = slice_of(rest->ptr + sizeof(wire), len);
    *rest = slice_of(rest->ptr + sizeof(wire) + len, rest->len - sizeof(wire) - len);
    return true;
}

bool hit_decode(struct slice bytes, struct hit *ret) {
    if (bytes.len < HEAD_BYTES) return false;
    const unsigned char *head = (const unsigned char *)bytes.ptr;
    uint32_t position;
    memcpy(&position, bytes.ptr + 36, sizeof(position));
    struct hit hit = {
        .kind = (enum hit_kind)head[0],
        .machine = (enum machine_hint)head[1],
        .level = (enum tracking_level)head[2],
        .has_address = head[3] == 1,
        .occurred_at = get_i64(bytes.ptr + 4),
        .organization_id = get_i64(bytes.ptr + 12),
        .email_log_id = get_i64(bytes.ptr + 20),
        .cohort_id = get_i64(bytes.ptr + 28),
        .link_position = (int32_t)le32toh(position),
    };
    struct slice rest = slice_of(bytes.ptr + HEAD_BYTES, bytes.len - HEAD_BYTES);
    if (head[0] < HIT_OPEN || head[0] > HIT_KIND_MAX || head[1] > MACHINE_HINT_HONEYPOT || head[2] > TRACKING_FULL ||
        head[3] > 1)
        return false;
    if (hit.has_address) {
        if (rest.len < sizeof(hit.address.bytes)) return false;
        memcpy(hit.address.bytes, rest.ptr, sizeof(hit.address.bytes));
        rest = slice_of(rest.ptr + sizeof(hit.address.bytes), rest.len - sizeof(hit.address.bytes));
    }
    if (!take_text(&rest, EVENT_URL_MAX_BYTES, &hit.url) || !take_text(&rest, EVENT_AGENT_MAX_BYTES, &hit.agent) ||
        rest.len > 0)
        return false;
    *ret = hit;
    return true;
}
