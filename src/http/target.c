#include "http/target.h"

#include "base/banned.h"

static int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/* The byte that the escape at `at` stands for, or -1. */
static int escape_value(struct slice raw, size_t at) {
    if (raw.len - at < 3) return -1;
    int high = hex_digit(raw.ptr[at + 1]), low = hex_digit(raw.ptr[at + 2]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

static bool path_decode(struct arena *arena, struct slice raw, bool escaped, struct slice *ret) {
    if (!escaped) {
        *ret = raw;
        return true;
    }
    char *out = arena_bytes(arena, raw.len);
    size_t len = 0;
    for (size_t i = 0; i < raw.len; i++) {
        if (raw.ptr[i] != '%') {
            out[len++] = raw.ptr[i];
            continue;
        }
        int value = escape_value(raw, i);
        if (value <= 0) return false;
        out[len++] = (char)value;
        i += 2;
    }
    *ret = slice_of(out, len);
    return true;
}

struct slice query_decode(struct arena *arena, struct slice raw) {
    if (slice_find_char(raw, '%') < 0 && slice_find_char(raw, '+') < 0) return raw;
    char *out = arena_bytes(arena, raw.len);
    size_t len = 0;
    for (size_t i = 0; i < raw.len; i++) {
        int value = raw.ptr[i] == '%' ? escape_value(raw, i) : -1;
        if (value >= 0) {
            out[len++] = (char)value;
            i += 2;
        } else {
            out[len++] = raw.ptr[i] == '+' ? ' ' : raw.ptr[i];
        }
    }
    return slice_of(out, len);
}

/* "http://host/path" is what a client sends to a proxy; a server shall take it too (RFC 9112 section 3.2.2). */
static struct slice without_authority(struct slice raw) {
    static const struct slice schemes[] = {{"http://", 7}, {"https://", 8}};
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        if (!slice_equal_nocase(slice_first(raw, schemes[i].len), schemes[i])) continue;
        size_t at = schemes[i].len;
        while (at < raw.len && raw.ptr[at] != '/' && raw.ptr[at] != '?')
            at++;
        return at == raw.len ? SLICE("/") : slice_from(raw, at);
    }
    return raw;
}

static bool split_segments(struct arena *arena, struct slice raw_path, bool escaped, struct http_target *target) {
    struct slice rest = slice_of(raw_path.ptr + 1, raw_path.len - 1);
    struct slice segment;
    target->segment_count = 0;
    while (slice_split_next(&rest, '/', &segment)) {
        if (target->segment_count == TARGET_SEGMENTS_MAX) {
            target->segment_count++;
            break;
        }
        if (!path_decode(arena, segment, escaped, &target->segments[target->segment_count])) return false;
        target->segment_count++;
    }
    return true;
}

bool target_parse(struct arena *arena, struct slice raw, struct http_target *ret) {
    /* One pass without a branch, which compilers do for sixteen characters at once. */
    unsigned char forbidden = 0, escaped = 0;
    for (size_t i = 0; i < raw.len; i++) {
        unsigned char c = (unsigned char)raw.ptr[i];
        forbidden |= (unsigned char)((c <= ' ') | (c == 0x7f));
        escaped |= (unsigned char)(c == '%');
    }
    if (forbidden) return false;
    if (!slice_starts_with(raw, SLICE("/"))) raw = without_authority(raw);

    ptrdiff_t question = slice_find_char(raw, '?');
    struct slice raw_path = question < 0 ? raw : slice_first(raw, (size_t)question);
    ret->query = question < 0 ? SLICE_NONE : slice_from(raw, (size_t)question + 1);
    if (slice_empty(raw_path) || raw_path.ptr[0] != '/') return false;
    return path_decode(arena, raw_path, escaped, &ret->path) && split_segments(arena, raw_path, escaped, ret);
}

bool query_next(struct slice *rest, struct slice *ret_name, struct slice *ret_value) {
    struct slice pair;
    do {
        if (slice_empty(*rest) || !slice_split_next(rest, '&', &pair)) return false;
    } while (slice_empty(pair));
    ptrdiff_t equals = slice_find_char(pair, '=');
    *ret_name = equals < 0 ? pair : slice_first(pair, (size_t)equals);
    *ret_value = equals < 0 ? SLICE_NONE : slice_from(pair, (size_t)equals + 1);
    return true;
}
