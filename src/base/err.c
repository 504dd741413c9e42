#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/slice.h"

#include "base/banned.h"

/* Takes over a text that may have been cut by vsnprintf in the middle of a character. */
static void set_text(struct err *err, const char *text, size_t wanted_len) {
    struct slice kept = slice_of(text, wanted_len);
    if (wanted_len >= sizeof(err->text)) kept = slice_first_utf8(kept, sizeof(err->text) - 1);
    memcpy(err->text, kept.ptr, kept.len);
    err->text[kept.len] = '\0';
}

void err_fill(struct err *err, enum err_code code, const char *format, ...) {
    if (!err) return;
    char text[sizeof(err->text) + 4];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    err->code = code;
    set_text(err, len < 0 ? "" : text, len < 0 ? 0 : strlen(text));
}

int err_prefix(struct err *err, const char *format, ...) {
    if (!err) return -ERR_INTERNAL;
    char text[2 * sizeof(err->text)];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (len < 0) return -(int)err->code;
    size_t used = strlen(text);
    snprintf(text + used, sizeof(text) - used, ": %s", err->text);
    set_text(err, text, strlen(text));
    return -(int)err->code;
}

const char *err_code_name(enum err_code code) {
    static const char *const names[] = {
        [ERR_INVALID] = "invalid",         [ERR_UNREADABLE] = "unreadable", [ERR_SIGNATURE] = "signature",
        [ERR_DENIED] = "denied",           [ERR_NOT_FOUND] = "not_found",   [ERR_CONFLICT] = "conflict",
        [ERR_TOO_LARGE] = "too_large",     [ERR_TOO_MANY] = "too_many",     [ERR_FULL] = "full",
        [ERR_UNAVAILABLE] = "unavailable", [ERR_INTERNAL] = "internal",
    };
    size_t index = (size_t)code;
    return index < sizeof(names) / sizeof(names[0]) && names[index] ? names[index] : "unknown";
}

void bug_at(const char *file, int line, const char *format, ...) {
    fprintf(stderr, "inkling: broken promise at %s:%d: ", file, line);
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    abort();
}
