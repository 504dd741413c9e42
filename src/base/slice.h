/* slice: a borrowed run of bytes. Never owns; valid as long as what it points into. */
#ifndef INKLING_BASE_SLICE_H
#define INKLING_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
    const char *ptr; /* not NUL-ended; may be NULL only when len is 0 */
    size_t len;
};

#define SLICE(literal) ((struct slice){"" literal, sizeof(literal) - 1})
#define SLICE_NONE     ((struct slice){NULL, 0})
/* For printf: printf("%.*s", SLICE_FMT(s)). */
#define SLICE_FMT(s) (int)(s).len, (s).ptr ? (s).ptr : ""

static inline struct slice slice_of(const char *ptr, size_t len) {
    return (struct slice){ptr, len};
}
static inline struct slice slice_cstr(const char *text) {
    return (struct slice){text, text ? strlen(text) : 0};
}
static inline bool slice_empty(struct slice s) {
    return s.len == 0;
}
static inline bool slice_equal(struct slice a, struct slice b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}
static inline struct slice slice_from(struct slice s, size_t start) {
    return start >= s.len ? SLICE_NONE : slice_of(s.ptr + start, s.len - start);
}
static inline struct slice slice_first(struct slice s, size_t len) {
    return slice_of(s.ptr, len < s.len ? len : s.len);
}

/* memcmp order, a shorter prefix first. */
int slice_compare(struct slice a, struct slice b);
/* ASCII letters compare alike whatever their case. */
bool slice_equal_nocase(struct slice a, struct slice b);
bool slice_starts_with(struct slice s, struct slice prefix);
bool slice_ends_with(struct slice s, struct slice suffix);
/* Without ASCII white space at both ends. */
struct slice slice_trim(struct slice s);
/* Position of the first occurrence, or -1. An empty needle is found at 0. */
ptrdiff_t slice_find(struct slice s, struct slice needle);
ptrdiff_t slice_find_char(struct slice s, char c);
/* Cuts the part before the first `separator` out of *rest and moves *rest behind it. False when *rest is used up
 * (rest->ptr is then NULL). "a,,b" gives "a", "", "b"; "" gives one empty part. */
bool slice_split_next(struct slice *rest, char separator, struct slice *ret_part);
/* The whole slice as a decimal number, optional leading '-'. False on anything else or overflow; *ret untouched then.
 */
bool slice_parse_i64(struct slice s, int64_t *ret);
/* Is this well-formed UTF-8 (no surrogates, no overlong forms)? */
bool slice_is_utf8(struct slice s);
/* Bytes of the well-formed UTF-8 character at the beginning, 0 when there is none. */
size_t slice_utf8_char(struct slice s);
/* slice_first that does not cut a UTF-8 character in two: then it gives a little less. */
struct slice slice_first_utf8(struct slice s, size_t len);
/* A stable, memcmp-like equality in time that depends on the lengths only. For secrets. */
bool slice_equal_secret(struct slice a, struct slice b);

#endif
