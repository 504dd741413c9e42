#include "base/log.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"

#include "base/banned.h"

enum {
    LINE_MAX_LEN = 4000, /* below PIPE_BUF (4096 on Linux), so that lines of several threads never mix */
    VALUE_MAX_LEN = 1000,
    TAIL_LEN = 24, /* room for the mark of a cut line and its end */
};

/* The sink: level and form of every line. */
static _Atomic int sink_least = LOG_INFO;
static _Atomic int sink_format = LOG_FORMAT_TEXT;

static const char *const level_names[] = {"debug", "info", "warning", "error"};

struct line {
    char text[LINE_MAX_LEN];
    size_t len;
    bool full; /* something did not fit */
};

void log_configure(enum log_level least, enum log_format format) {
    atomic_store_explicit(&sink_least, (int)least, memory_order_relaxed);
    atomic_store_explicit(&sink_format, (int)format, memory_order_relaxed);
}

bool log_enabled(enum log_level level) {
    return (int)level >= atomic_load_explicit(&sink_least, memory_order_relaxed);
}

static void add(struct line *line, struct slice text) {
    if (text.len > sizeof(line->text) - TAIL_LEN - line->len) {
        line->full = true;
        return;
    }
    if (text.len) memcpy(line->text + line->len, text.ptr, text.len);
    line->len += text.len;
}

static void add_cstr(struct line *line, const char *text) {
    add(line, slice_cstr(text));
}

/* One character of the text escaped the way JSON does: whoever reads the log in a terminal is not sent control codes,
 * C1 ones included, and bytes that are no UTF-8 become U+FFFD. Returns the bytes read. */
static size_t add_escaped_char(struct line *line, struct slice text) {
    size_t len = slice_utf8_char(text);
    unsigned char first = (unsigned char)text.ptr[0];
    char escape[8];
    if (len == 0) {
        add_cstr(line, "\\ufffd");
        return 1;
    }
    bool c1 = len == 2 && first == 0xC2 && (unsigned char)text.ptr[1] < 0xA0;
    if (first == '"' || first == '\\') {
        add(line, slice_of((const char[]){'\\', (char)first}, 2));
    } else if (first == '\n') {
        add_cstr(line, "\\n");
    } else if (first < 0x20 || first == 0x7F || c1) {
        snprintf(escape, sizeof(escape), "\\u%04x", c1 ? (unsigned char)text.ptr[1] : first);
        add_cstr(line, escape);
    } else {
        add(line, slice_first(text, len));
    }
    return len;
}

static void add_quoted(struct line *line, struct slice text) {
    bool cut = text.len > VALUE_MAX_LEN;
    text = slice_first_utf8(text, VALUE_MAX_LEN);
    add_cstr(line, "\"");
    while (text.len)
        text = slice_from(text, add_escaped_char(line, text));
    add_cstr(line, cut ? "…\"" : "\"");
}

static bool needs_quotes(struct slice text) {
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c <= ' ' || c >= 0x7F || c == '"' || c == '=' || c == '\\') return true;
    }
    return text.len == 0 || text.len > VALUE_MAX_LEN;
}

static void add_value(struct line *line, const struct log_field *field, enum log_format format) {
    char number[24];
    if (!field->is_text) {
        snprintf(number, sizeof(number), "%" PRId64, field->number);
        add_cstr(line, number);
    } else if (format == LOG_FORMAT_TEXT && !needs_quotes(field->text)) {
        add(line, field->text);
    } else {
        add_quoted(line, field->text);
    }
}

static void add_field(struct line *line, const struct log_field *field, enum log_format format) {
    if (line->full) return;
    size_t start = line->len;
    if (format == LOG_FORMAT_JSON) {
        add_cstr(line, ",");
        add_quoted(line, slice_cstr(field->name));
        add_cstr(line, ":");
    } else {
        add_cstr(line, " ");
        add_cstr(line, field->name);
        add_cstr(line, "=");
    }
    add_value(line, field, format);
    if (line->full) line->len = start; /* whole or not at all: half a field would break the line's syntax */
}

static void add_head(struct line *line, enum log_level level, const char *message, enum log_format format) {
    char time[TIME_TEXT_MAX];
    struct slice now = time_format(clock_now(), time);
    if (format == LOG_FORMAT_JSON) {
        add_cstr(line, "{\"time\":\"");
        add(line, now);
        add_cstr(line, "\",\"level\":\"");
        add_cstr(line, level_names[level]);
        add_cstr(line, "\",\"message\":");
        add_quoted(line, slice_cstr(message));
    } else {
        add(line, now);
        add_cstr(line, " ");
        add_cstr(line, level_names[level]);
        add_cstr(line, " ");
        add_cstr(line, message);
    }
}

void log_write(enum log_level level, const char *message, const struct log_field *fields, size_t field_count) {
    if (!log_enabled(level)) return;
    enum log_format format = (enum log_format)atomic_load_explicit(&sink_format, memory_order_relaxed);
    struct line line;
    line.len = 0;
    line.full = false;
    add_head(&line, level, message, format);
    for (size_t i = 0; i < field_count; i++)
        add_field(&line, &fields[i], format);
    const char *tail =
        format == LOG_FORMAT_JSON ? (line.full ? ",\"cut\":true}\n" : "}\n") : (line.full ? " cut=true\n" : "\n");
    size_t tail_len = strlen(tail);
    memcpy(line.text + line.len, tail, tail_len); /* TAIL_LEN kept the room */
    ssize_t ignored = write(STDERR_FILENO, line.text, line.len + tail_len);
    (void)ignored; /* there is no other place to say that the log cannot be written */
}
