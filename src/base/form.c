#include "base/form.h"

#include <stdlib.h>

#include "base/memory.h"

#include "base/banned.h"

/* Grows in memory of its own, because the number of fields is known only at the end. */
struct field_list {
    struct form_field *fields;
    size_t count, capacity;
};

static int add_field(struct field_list *list, struct form_field field, struct err *err) {
    if (list->count == FORM_FIELDS_MAX)
        return err_set(err, ERR_TOO_LARGE, "a form holds at most %d fields", FORM_FIELDS_MAX);
    if (list->count == list->capacity) {
        list->capacity = memory_next_capacity(list->capacity, list->count + 1);
        list->fields = memory_grow(list->fields, list->capacity, sizeof(list->fields[0]));
    }
    list->fields[list->count++] = field;
    return 0;
}

/* ---- URL-encoded ---- */

static int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/* An escape that is none stands for itself, as browsers read it. */
static struct slice url_decode(struct arena *arena, struct slice text) {
    if (slice_find_char(text, '%') < 0 && slice_find_char(text, '+') < 0) return text;
    char *out = arena_bytes(arena, text.len);
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        int high = -1, low = -1;
        if (c == '%' && text.len - i > 2) {
            high = hex_digit(text.ptr[i + 1]);
            low = hex_digit(text.ptr[i + 2]);
        }
        if (high >= 0 && low >= 0) {
            c = (char)(unsigned char)(high * 16 + low);
            i += 2;
        } else if (c == '+') {
            c = ' ';
        }
        out[len++] = c;
    }
    return slice_of(out, len);
}

static int parse_urlencoded(struct slice body, struct arena *arena, struct field_list *list, struct err *err) {
    struct slice rest = body, pair;
    while (slice_split_next(&rest, '&', &pair)) {
        if (slice_empty(pair)) continue;
        ptrdiff_t equals = slice_find_char(pair, '=');
        size_t name_len = equals < 0 ? pair.len : (size_t)equals;
        struct form_field field = {
            .name = url_decode(arena, slice_first(pair, name_len)),
            .value = url_decode(arena, slice_from(pair, name_len + 1)),
        };
        int result = add_field(list, field, err);
        if (result != 0) return result;
    }
    return 0;
}

/* ---- multipart ---- */

static bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

/* A quoted value with \" and \\ undone; *rest is behind its closing quote. Other backslashes stand for themselves:
 * senders write paths. False when the quote is never closed. */
static bool read_quoted(struct slice *rest, struct arena *arena, struct slice *ret) {
    size_t end = 1, escapes = 0;
    for (; end < rest->len && rest->ptr[end] != '"'; end++) {
        bool escape =
            rest->ptr[end] == '\\' && end + 1 < rest->len && (rest->ptr[end + 1] == '"' || rest->ptr[end + 1] == '\\');
        escapes += escape;
        end += escape;
    }
    if (end >= rest->len) return false;
    struct slice inside = slice_of(rest->ptr + 1, end - 1);
    *rest = slice_from(*rest, end + 1);
    *ret = inside;
    if (escapes == 0) return true; /* nothing to copy */
    char *out = arena_bytes(arena, inside.len - escapes);
    size_t len = 0;
    for (size_t i = 0; i < inside.len; i++) {
        if (inside.ptr[i] == '\\' && i + 1 < inside.len && (inside.ptr[i + 1] == '"' || inside.ptr[i + 1] == '\\')) i++;
        out[len++] = inside.ptr[i];
    }
    *ret = slice_of(out, len);
    return true;
}

/* One parameter of "value; name=token; name=\"text\"" by name, in any case. False when absent or malformed before it.
 */
static bool find_parameter(struct slice header, struct slice wanted, struct arena *arena, struct slice *ret) {
    ptrdiff_t semicolon = slice_find_char(header, ';');
    while (semicolon >= 0) {
        struct slice rest = slice_from(header, (size_t)semicolon + 1), value;
        ptrdiff_t equals = slice_find_char(rest, '=');
        if (equals < 0) return false;
        struct slice name = slice_trim(slice_first(rest, (size_t)equals));
        rest = slice_from(rest, (size_t)equals + 1);
        while (rest.len && is_blank(rest.ptr[0]))
            rest = slice_from(rest, 1);
        if (rest.len && rest.ptr[0] == '"') {
            if (!read_quoted(&rest, arena, &value)) return false;
            semicolon = slice_find_char(rest, ';');
        } else {
            semicolon = slice_find_char(rest, ';');
            value = slice_trim(semicolon < 0 ? rest : slice_first(rest, (size_t)semicolon));
        }
        if (slice_equal_nocase(name, wanted)) {
            *ret = value;
            return true;
        }
        header = rest;
    }
    return false;
}

/* The media type in front of the parameters. */
static struct slice media_type(struct slice content_type) {
    ptrdiff_t semicolon = slice_find_char(content_type, ';');
    return slice_trim(semicolon < 0 ? content_type : slice_first(content_type, (size_t)semicolon));
}

enum delimiter { DELIMITER_NONE, DELIMITER_PART, DELIMITER_CLOSE };

/* What `rest`, which begins behind "--boundary", makes of it; *ret_len is what belongs to the delimiter. A longer
 * boundary of a nested multipart begins alike and is none. */
static enum delimiter delimiter_kind(struct slice rest, size_t *ret_len) {
    if (slice_starts_with(rest, SLICE("--"))) {
        *ret_len = 2;
        return DELIMITER_CLOSE;
    }
    size_t at = 0;
    while (at < rest.len && is_blank(rest.ptr[at])) /* RFC 2046: transport-padding */
        at++;
    *ret_len = at + 2;
    return slice_starts_with(slice_from(rest, at), SLICE("\r\n")) ? DELIMITER_PART : DELIMITER_NONE;
}

/* Finds the next delimiter in *rest: *ret_before is what is in front of it, *rest goes on behind it. */
static enum delimiter next_delimiter(struct slice *rest, struct slice boundary, bool at_line_start,
                                     struct slice *ret_before) {
    struct slice look = *rest, mark = slice_from(boundary, 2); /* `boundary` is "\r\n--…" */
    size_t len = 0;
    if (at_line_start && slice_starts_with(look, mark)) {
        enum delimiter kind = delimiter_kind(slice_from(look, mark.len), &len);
        if (kind != DELIMITER_NONE) {
            *ret_before = SLICE_NONE;
            *rest = slice_from(look, mark.len + len);
            return kind;
        }
    }
    for (;;) {
        ptrdiff_t at = slice_find(look, boundary);
        if (at < 0) return DELIMITER_NONE;
        struct slice behind = slice_from(look, (size_t)at + boundary.len);
        enum delimiter kind = delimiter_kind(behind, &len);
        if (kind != DELIMITER_NONE) {
            *ret_before = slice_of(rest->ptr, (size_t)(look.ptr + at - rest->ptr));
            *rest = slice_from(behind, len);
            return kind;
        }
        look = behind;
    }
}

static void read_header(struct slice line, struct arena *arena, struct form_field *field) {
    ptrdiff_t colon = slice_find_char(line, ':');
    if (colon < 0) return;
    struct slice name = slice_trim(slice_first(line, (size_t)colon));
    struct slice value = slice_trim(slice_from(line, (size_t)colon + 1));
    if (slice_equal_nocase(name, SLICE("Content-Type"))) {
        field->content_type = value;
    } else if (slice_equal_nocase(name, SLICE("Content-Disposition"))) {
        if (!find_parameter(value, SLICE("name"), arena, &field->name)) field->name = SLICE_NONE;
        if (!find_parameter(value, SLICE("filename"), arena, &field->filename)) field->filename = SLICE_NONE;
    }
}

/* A part is headers, an empty line, the value. */
static int read_part(struct slice part, struct arena *arena, struct field_list *list, struct err *err) {
    struct form_field field = {0};
    if (slice_starts_with(part, SLICE("\r\n"))) { /* no headers at all */
        field.value = slice_from(part, 2);
        return add_field(list, field, err);
    }
    ptrdiff_t end = slice_find(slice_first(part, FORM_HEAD_MAX_BYTES), SLICE("\r\n\r\n"));
    if (end < 0 && part.len > FORM_HEAD_MAX_BYTES)
        return err_set(err, ERR_TOO_LARGE, "part %zu of the form: its headers are longer than %d bytes", list->count,
                       FORM_HEAD_MAX_BYTES);
    if (end < 0) return err_set(err, ERR_UNREADABLE, "part %zu of the form has no end of its headers", list->count);
    struct slice head = slice_first(part, (size_t)end), line;
    while (slice_split_next(&head, '\n', &line))
        read_header(line, arena, &field);
    field.value = slice_from(part, (size_t)end + 4);
    return add_field(list, field, err);
}

static int parse_multipart(struct slice content_type, struct slice body, struct arena *arena, struct field_list *list,
                           struct err *err) {
    struct slice boundary;
    if (!find_parameter(content_type, SLICE("boundary"), arena, &boundary) || slice_empty(boundary) ||
        boundary.len > FORM_BOUNDARY_MAX_BYTES)
        return err_set(err, ERR_UNREADABLE, "the form's Content-Type names no boundary of 1 to %d characters",
                       FORM_BOUNDARY_MAX_BYTES);
    struct slice delimiter = slice_cstr(arena_printf(arena, "\r\n--%.*s", SLICE_FMT(boundary)));
    struct slice rest = body, part;
    enum delimiter kind = next_delimiter(&rest, delimiter, true, &part);
    if (kind == DELIMITER_NONE) return err_set(err, ERR_UNREADABLE, "the form's boundary is not in its body");
    while (kind == DELIMITER_PART) {
        kind = next_delimiter(&rest, delimiter, true, &part);
        if (kind == DELIMITER_NONE) return err_set(err, ERR_UNREADABLE, "the form ends in the middle of a part");
        int result = read_part(part, arena, list, err);
        if (result != 0) return result;
    }
    return 0;
}

int form_parse(struct slice content_type, struct slice body, struct arena *arena, struct form_field **ret,
               size_t *ret_count, struct err *err) {
    struct field_list list = {0};
    struct slice type = media_type(content_type);
    int result;
    if (slice_equal_nocase(type, SLICE("application/x-www-form-urlencoded"))) {
        result = parse_urlencoded(body, arena, &list, err);
    } else if (slice_equal_nocase(type, SLICE("multipart/form-data"))) {
        result = parse_multipart(content_type, body, arena, &list, err);
    } else {
        result = err_set(err, ERR_UNREADABLE,
                         "the body is no form: its Content-Type is neither "
                         "application/x-www-form-urlencoded nor multipart/form-data");
    }
    if (result != 0) goto out;
    struct form_field *fields = arena_alloc_array(arena, list.count, sizeof(fields[0]));
    if (list.count) memcpy(fields, list.fields, list.count * sizeof(fields[0]));
    *ret = fields;
    *ret_count = list.count;
out:
    free(list.fields);
    return result;
}

const struct form_field *form_find(const struct form_field *fields, size_t count, struct slice name) {
    for (size_t i = 0; i < count; i++) {
        if (slice_equal(fields[i].name, name)) return &fields[i];
    }
    return NULL;
}

struct slice form_value(const struct form_field *fields, size_t count, struct slice name) {
    const struct form_field *field = form_find(fields, count, name);
    return field ? field->value : SLICE_NONE;
}
