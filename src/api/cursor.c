#include "api/cursor.h"

#include "base/err.h"
#include "base/hash.h"
#include "base/strbuf.h"

#include "base/banned.h"

/* 4 bytes of check over the list's name and the rest, then the integers, zigzag and 7 bits a byte. */
#define CHECK_SIZE 4
#define BYTES_MAX  (CHECK_SIZE + CURSOR_VALUES_MAX * 10)

static uint32_t check_of(struct slice list, const unsigned char *bytes, size_t len) {
    uint64_t mixed[2] = {hash_fnv1a(list), hash_fnv1a(slice_of((const char *)bytes, len))};
    uint64_t check = hash_fnv1a(slice_of((const char *)mixed, sizeof(mixed)));
    return (uint32_t)(check ^ check >> 32);
}

struct slice cursor_format(struct slice list, const int64_t *values, size_t count, char out[CURSOR_TEXT_MAX]) {
    unsigned char bytes[BYTES_MAX];
    size_t len = CHECK_SIZE;
    if (count > CURSOR_VALUES_MAX) BUG("a cursor of %zu values", count);
    for (size_t i = 0; i < count; i++) {
        uint64_t rest = (uint64_t)values[i] << 1 ^ (values[i] < 0 ? UINT64_MAX : 0);
        do {
            bytes[len++] = (unsigned char)((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
            rest >>= 7;
        } while (rest > 0);
    }
    uint32_t check = check_of(list, bytes + CHECK_SIZE, len - CHECK_SIZE);
    memcpy(bytes, &check, CHECK_SIZE);

    struct strbuf text;
    strbuf_init(&text, CURSOR_TEXT_MAX - 1);
    base64url_encode(&text, slice_of((const char *)bytes, len));
    if (text.overflow) BUG("a cursor does not fit");
    struct slice result = slice_of(out, text.len);
    memcpy(out, text.ptr, text.len + 1);
    strbuf_release(&text);
    return result;
}

static bool read_integer(const unsigned char *bytes, size_t len, size_t *at, int64_t *ret) {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 70 && *at < len; shift += 7) {
        unsigned char byte = bytes[(*at)++];
        if (shift == 63 && byte > 1) return false;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte & 0x80) continue;
        *ret = (int64_t)(value >> 1 ^ -(value & 1));
        return true;
    }
    return false;
}

bool cursor_parse(struct slice text, struct slice list, int64_t *ret_values, size_t count) {
    unsigned char bytes[BYTES_MAX];
    int64_t values[CURSOR_VALUES_MAX];
    size_t len = 0, at = CHECK_SIZE;
    uint32_t check;
    if (count > CURSOR_VALUES_MAX || text.len >= CURSOR_TEXT_MAX) return false;
    if (!base64url_decode(text, bytes, sizeof(bytes), &len) || len < CHECK_SIZE) return false;
    memcpy(&check, bytes, CHECK_SIZE);
    if (check != check_of(list, bytes + CHECK_SIZE, len - CHECK_SIZE)) return false;
    for (size_t i = 0; i < count; i++)
        if (!read_integer(bytes, len, &at, &values[i])) return false;
    if (at != len) return false;
    memcpy(ret_values, values, count * sizeof(*values));
    return true;
}
