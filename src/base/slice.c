#include "base/slice.h"

#include <limits.h>
#include <sodium.h>

#include "base/banned.h"

static char lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_space(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

int slice_compare(struct slice a, struct slice b) {
    size_t common = a.len < b.len ? a.len : b.len;
    int order = common ? memcmp(a.ptr, b.ptr, common) : 0;
    if (order) return order;
    return (a.len > b.len) - (a.len < b.len);
}

bool slice_equal_nocase(struct slice a, struct slice b) {
    if (a.len != b.len) return false;
    for (size_t i = 0; i < a.len; i++) {
        if (a.ptr[i] != b.ptr[i] && lower(a.ptr[i]) != lower(b.ptr[i])) return false;
    }
    return true;
}

bool slice_starts_with(struct slice s, struct slice prefix) {
    return s.len >= prefix.len && slice_equal(slice_first(s, prefix.len), prefix);
}

bool slice_ends_with(struct slice s, struct slice suffix) {
    return s.len >= suffix.len && (suffix.len == 0 || memcmp(s.ptr + s.len - suffix.len, suffix.ptr, suffix.len) == 0);
}

struct slice slice_trim(struct slice s) {
    while (s.len && is_space(s.ptr[0])) {
        s.ptr++;
        s.len--;
    }
    while (s.len && is_space(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

ptrdiff_t slice_find(struct slice s, struct slice needle) {
    if (needle.len == 0) return 0;
    if (s.len < needle.len) return -1;
    const char *found = memmem(s.ptr, s.len, needle.ptr, needle.len);
    return found ? found - s.ptr : -1;
}

ptrdiff_t slice_find_char(struct slice s, char c) {
    const char *found = s.len ? memchr(s.ptr, c, s.len) : NULL;
    return found ? found - s.ptr : -1;
}

bool slice_split_next(struct slice *rest, char separator, struct slice *ret_part) {
    if (!rest->ptr) return false;
    ptrdiff_t at = slice_find_char(*rest, separator);
    if (at < 0) {
        *ret_part = *rest;
        *rest = SLICE_NONE;
        return true;
    }
    *ret_part = slice_first(*rest, (size_t)at);
    *rest = slice_of(rest->ptr + at + 1, rest->len - (size_t)at - 1);
    return true;
}

bool slice_parse_i64(struct slice s, int64_t *ret) {
    bool negative = s.len && s.ptr[0] == '-';
    if (negative) s = slice_from(s, 1);
    if (s.len == 0) return false;
    /* Summed up below zero, where there is room for one more: -2^63 has no positive twin. */
    int64_t value = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9') return false;
        if (__builtin_mul_overflow(value, 10, &value) || __builtin_sub_overflow(value, s.ptr[i] - '0', &value))
            return false;
    }
    if (!negative) {
        if (value == INT64_MIN) return false;
        value = -value;
    }
    *ret = value;
    return true;
}

/* The table of well-formed byte sequences: The Unicode Standard, chapter 3, table 3-7. */
size_t slice_utf8_char(struct slice s) {
    if (s.len == 0) return 0;
    unsigned char first = (unsigned char)s.ptr[0];
    if (first < 0x80) return 1;
    size_t len = first >= 0xC2 && first <= 0xDF   ? 2
                 : (first & 0xF0) == 0xE0         ? 3
                 : first >= 0xF0 && first <= 0xF4 ? 4
                                                  : 0;
    if (len == 0 || s.len < len) return 0;
    unsigned char second = (unsigned char)s.ptr[1];
    unsigned char least = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
    unsigned char most = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
    if (second < least || second > most) return 0;
    for (size_t i = 2; i < len; i++) {
        if (((unsigned char)s.ptr[i] & 0xC0) != 0x80) return 0;
    }
    return len;
}

bool slice_is_utf8(struct slice s) {
    for (size_t at = 0; at < s.len;) {
        uint64_t word;
        if (s.len - at >= sizeof(word)) { /* eight ASCII characters at once: nearly all text is that */
            memcpy(&word, s.ptr + at, sizeof(word));
            if (!(word & 0x8080808080808080ULL)) {
                at += sizeof(word);
                continue;
            }
        }
        size_t len = slice_utf8_char(slice_of(s.ptr + at, s.len - at));
        if (len == 0) return false;
        at += len;
    }
    return true;
}

struct slice slice_first_utf8(struct slice s, size_t len) {
    if (s.len <= len) return s;
    /* At most three bytes of a cut character stand before the cut. */
    size_t start = len;
    while (start > 0 && len - start < 3 && ((unsigned char)s.ptr[start] & 0xC0) == 0x80)
        start--;
    return slice_first(s, ((unsigned char)s.ptr[start] & 0xC0) == 0x80 ? len : start);
}

bool slice_equal_secret(struct slice a, struct slice b) {
    return a.len == b.len && (a.len == 0 || sodium_memcmp(a.ptr, b.ptr, a.len) == 0);
}
