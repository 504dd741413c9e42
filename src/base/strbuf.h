/* strbuf: a growing byte buffer with a cap. Embedded by its user; owns its bytes.
 * Invariants: `ptr` is never NULL and always NUL-ended at ptr[len].
 * An append that would pass the cap changes nothing, sets `overflow` and returns -1; later appends fail too, so a
 * caller may append without looking and test `overflow` once at the end. */
#ifndef INKLING_BASE_STRBUF_H
#define INKLING_BASE_STRBUF_H

#include "base/slice.h"

struct strbuf {
    char *ptr;
    size_t len;
    size_t capacity; /* 0: ptr is a shared empty string, nothing allocated */
    size_t max;
    bool overflow;
};

/* `max`: the most bytes it may ever hold. */
void strbuf_init(struct strbuf *buf, size_t max);
/* Frees; the buffer is as after strbuf_init and may be used again. */
void strbuf_release(struct strbuf *buf);
/* Empties it, keeps the memory, clears `overflow`. */
void strbuf_clear(struct strbuf *buf);
/* Hands the NUL-ended bytes over to the caller (free() them); the buffer is empty afterwards. */
char *strbuf_detach(struct strbuf *buf, size_t *ret_len);

int strbuf_add(struct strbuf *buf, const char *bytes, size_t len);
int strbuf_add_char(struct strbuf *buf, char c);
int strbuf_add_slice(struct strbuf *buf, struct slice s);
int strbuf_add_cstr(struct strbuf *buf, const char *text);
int strbuf_add_i64(struct strbuf *buf, int64_t value);
int strbuf_printf(struct strbuf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Room for `len` more bytes, written by the caller at the returned address; NULL when past the cap. Then strbuf_grew().
 */
char *strbuf_reserve(struct strbuf *buf, size_t len);
void strbuf_grew(struct strbuf *buf, size_t len);

static inline struct slice strbuf_slice(const struct strbuf *buf) {
    return slice_of(buf->ptr, buf->len);
}

#endif
