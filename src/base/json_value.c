#include "base/json.h"

#include <glib.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/strbuf.h"

#include "base/banned.h"

struct slice json_get_string(struct json_value value, struct slice key) {
    struct slice text = SLICE_NONE;
    json_text(json_get(value, key), &text);
    return text;
}

bool json_i64_lenient(struct json_value value, int64_t *ret) {
    struct slice text;
    return json_i64(value, ret) || (json_text(value, &text) && slice_parse_i64(text, ret));
}

bool json_time(struct json_value value, int64_t *ret_ms) {
    struct slice text;
    if (json_text(value, &text)) return time_parse_seconds(text, ret_ms) || time_parse(text, ret_ms);
    if (value.type != JSON_KIND_INTEGER && value.type != JSON_KIND_REAL) return false;
    int64_t whole;
    double real;
    char digits[40];
    if (json_i64(value, &whole))
        snprintf(digits, sizeof(digits), "%" PRId64, whole);
    else if (json_number(value, &real) && real >= 0 && real < 1e10)
        /* A double near today has seven good digits behind the point; more would turn .908 into .907999. */
        g_ascii_formatd(digits, sizeof(digits), "%.6f", real);
    else
        return false;
    return time_parse_seconds(slice_cstr(digits), ret_ms);
}

bool json_time_ms(struct json_value value, int64_t *ret_ms) {
    int64_t ms;
    char digits[40];
    if (!json_i64_lenient(value, &ms) || ms < 0) return false;
    snprintf(digits, sizeof(digits), "%lld.%03d", (long long)(ms / SECOND_MS), (int)(ms % SECOND_MS));
    return time_parse_seconds(slice_cstr(digits), ret_ms); /* for its range */
}

/* As many digits as it takes to read the same number back. A point stays, so that a real number remains one. */
static int write_real(double real, struct strbuf *out) {
    char text[G_ASCII_DTOSTR_BUF_SIZE];
    static const char *const formats[] = {"%.15g", "%.16g", "%.17g"};
    for (size_t i = 0; i < 3; i++) {
        g_ascii_formatd(text, sizeof(text), formats[i], real);
        if (g_ascii_strtod(text, NULL) == real) break;
    }
    if (!strpbrk(text, ".e")) return strbuf_printf(out, "%s.0", text);
    return strbuf_add_cstr(out, text);
}

static int write_string(struct slice text, struct strbuf *out) {
    strbuf_add_char(out, '"');
    size_t done = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c >= 0x20 && c != '"' && c != '\\') continue;
        strbuf_add(out, text.ptr + done, i - done);
        if (c >= 0x20)
            strbuf_printf(out, "\\%c", c);
        else
            strbuf_printf(out, "\\u%04x", c);
        done = i + 1;
    }
    strbuf_add(out, text.ptr + done, text.len - done);
    return strbuf_add_char(out, '"');
}

static int write_array(struct json_value array, struct strbuf *out) {
    struct json_iterator iterator = json_elements(array);
    struct json_value element;
    char before = '[';
    while (json_next(&iterator, &element)) {
        strbuf_add_char(out, before);
        if (json_write_value(element, out) < 0) return -1;
        before = ',';
    }
    if (before == '[') strbuf_add_char(out, '[');
    return strbuf_add_char(out, ']');
}

static int write_object(struct json_value object, struct strbuf *out) {
    struct json_iterator iterator = json_members(object);
    struct json_value member;
    struct slice key;
    char before = '{';
    while (json_next_member(&iterator, &key, &member)) {
        strbuf_add_char(out, before);
        write_string(key, out);
        strbuf_add_char(out, ':');
        if (json_write_value(member, out) < 0) return -1;
        before = ',';
    }
    if (before == '{') strbuf_add_char(out, '{');
    return strbuf_add_char(out, '}');
}

/* Calls itself through arrays and objects, JSON_DEPTH_MAX deep at most. */
int json_write_value(struct json_value value, struct strbuf *out) {
    struct slice text = SLICE_NONE;
    int64_t whole = 0;
    uint64_t large = 0;
    double real = 0;
    bool truth = false;
    switch ((enum json_kind)value.type) {
    case JSON_KIND_NONE:
    case JSON_KIND_NULL:
        return strbuf_add_cstr(out, "null");
    case JSON_KIND_BOOL:
        json_bool(value, &truth);
        return strbuf_add_cstr(out, truth ? "true" : "false");
    case JSON_KIND_INTEGER:
        json_i64(value, &whole);
        return strbuf_add_i64(out, whole);
    case JSON_KIND_UNSIGNED:
        json_u64(value, &large);
        return strbuf_printf(out, "%" PRIu64, large);
    case JSON_KIND_REAL:
        json_number(value, &real);
        return write_real(real, out);
    case JSON_KIND_STRING:
        json_text(value, &text);
        return write_string(text, out);
    case JSON_KIND_ARRAY:
        return write_array(value, out);
    case JSON_KIND_OBJECT:
        return write_object(value, out);
    }
    return -1;
}
