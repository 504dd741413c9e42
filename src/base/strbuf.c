#include "base/strbuf.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/memory.h"

#include "base/banned.h"

/* What an unused buffer points to. Never written; not const only because `ptr` is not. */
static char nothing[1];

void strbuf_init(struct strbuf *buf, size_t max) {
    *buf = (struct strbuf){.ptr = nothing, .max = max};
}

void strbuf_release(struct strbuf *buf) {
    if (buf->capacity) free(buf->ptr);
    strbuf_init(buf, buf->max);
}

void strbuf_clear(struct strbuf *buf) {
    buf->len = 0;
    buf->overflow = false;
    if (buf->capacity) buf->ptr[0] = '\0';
}

char *strbuf_detach(struct strbuf *buf, size_t *ret_len) {
    char *bytes = buf->capacity ? buf->ptr : memory_cstr("", 0);
    *ret_len = buf->len;
    strbuf_init(buf, buf->max);
    return bytes;
}

char *strbuf_reserve(struct strbuf *buf, size_t len) {
    if (buf->overflow || len > buf->max - buf->len) {
        buf->overflow = true;
        return NULL;
    }
    size_t need = buf->len + len;
    if (need >= buf->capacity) {
        if (need == SIZE_MAX) memory_exhausted();
        size_t capacity = memory_next_capacity(buf->capacity, need + 1);
        if (capacity - 1 > buf->max) capacity = buf->max + 1;
        buf->ptr = memory_grow(buf->capacity ? buf->ptr : NULL, capacity, 1);
        buf->capacity = capacity;
        buf->ptr[buf->len] = '\0';
    }
    return buf->ptr + buf->len;
}

void strbuf_grew(struct strbuf *buf, size_t len) {
    if (len == 0) return;
    if (buf->capacity == 0 || len > buf->capacity - 1 - buf->len) BUG("a buffer grew beyond what was reserved");
    buf->len += len;
    buf->ptr[buf->len] = '\0';
}

int strbuf_add(struct strbuf *buf, const char *bytes, size_t len) {
    if (len == 0) return buf->overflow ? -1 : 0;
    char *room = strbuf_reserve(buf, len);
    if (!room) return -1;
    memcpy(room, bytes, len);
    strbuf_grew(buf, len);
    return 0;
}

int strbuf_add_char(struct strbuf *buf, char c) {
    return strbuf_add(buf, &c, 1);
}

int strbuf_add_slice(struct strbuf *buf, struct slice s) {
    return strbuf_add(buf, s.ptr, s.len);
}

int strbuf_add_cstr(struct strbuf *buf, const char *text) {
    return strbuf_add(buf, text, strlen(text));
}

int strbuf_add_i64(struct strbuf *buf, int64_t value) {
    char text[24];
    int len = snprintf(text, sizeof(text), "%" PRId64, value);
    return strbuf_add(buf, text, (size_t)len);
}

int strbuf_printf(struct strbuf *buf, const char *format, ...) {
    if (buf->overflow) return -1;
    va_list args;
    /* Usually what is left of the buffer is enough, and one pass does. */
    size_t room = buf->capacity ? buf->capacity - buf->len : 0;
    va_start(args, format);
    int len = vsnprintf(room ? buf->ptr + buf->len : NULL, room, format, args);
    va_end(args);
    if (len < 0) BUG("a format that cannot be printed");
    if ((size_t)len >= room) {
        if (room) buf->ptr[buf->len] = '\0';
        char *target = strbuf_reserve(buf, (size_t)len);
        if (!target) return -1;
        va_start(args, format);
        vsnprintf(target, (size_t)len + 1, format, args);
        va_end(args);
    }
    buf->len += (size_t)len;
    return 0;
}
