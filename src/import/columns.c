/* Rows made into the JSON objects that providers and POST /emails take. */
#include "import/format.h"

#include "providers/text.h"

#include "base/banned.h"

static struct slice heading_of(const struct csv_row *row, size_t column) {
    return slice_trim(row->fields[column]);
}

/* "Candidate Email", "candidate_email" and "candidate.email" are one. */
static bool same_heading(struct slice a, struct slice b) {
    if (a.len != b.len) return false;
    for (size_t i = 0; i < a.len; i++) {
        struct slice left = slice_of(a.ptr + i, 1), right = slice_of(b.ptr + i, 1);
        bool left_joins = strchr(" _.-", left.ptr[0]) && left.ptr[0],
             right_joins = strchr(" _.-", right.ptr[0]) && right.ptr[0];
        if (left_joins != right_joins || (!left_joins && !slice_equal_nocase(left, right))) return false;
    }
    return true;
}

static int32_t find_column(const struct csv_row *row, struct slice name) {
    for (size_t i = 0; i < row->count; i++)
        if (same_heading(heading_of(row, i), name)) return (int32_t)i;
    return -1;
}

bool columns_have(const struct csv_row *headings, const char *name) {
    return find_column(headings, slice_cstr(name)) >= 0;
}

static int map(struct columns *columns, struct slice mapping, const struct csv_row *headings, struct err *err) {
    struct slice pair, heading;
    while (!slice_empty(mapping) && slice_split_next(&mapping, ',', &pair)) {
        if (!slice_split_next(&pair, '=', &heading) || !pair.ptr)
            return err_set(err, ERR_INVALID, "--columns is written HEADING=NAME,HEADING=NAME");
        int32_t column = find_column(headings, slice_trim(heading));
        if (column < 0)
            return err_set(err, ERR_INVALID, "--columns: the file has no column %.*s",
                           SLICE_FMT(slice_first(heading, 60)));
        size_t n = 0;
        const struct column_target *targets = columns->format->columns;
        while (targets[n].path && !same_heading(slice_trim(pair), slice_cstr(targets[n].path)))
            n++;
        if (!targets[n].path)
            return err_set(err, ERR_INVALID, "--columns: %.*s is nothing that %s knows",
                           SLICE_FMT(slice_first(pair, 60)), columns->format->name);
        columns->column_of[n] = column;
    }
    return 0;
}

int columns_read(const struct import_format *format, struct slice mapping, const struct csv_row *headings,
                 struct columns *ret, struct err *err) {
    struct columns columns = {.format = format};
    size_t known = 0;
    for (size_t n = 0; n < COLUMNS_TARGETS_MAX; n++)
        columns.column_of[n] = -1;
    int r = map(&columns, mapping, headings, err);
    if (r < 0) return r;
    for (size_t n = 0; format->columns[n].path; n++) {
        const struct column_target *target = &format->columns[n];
        if (columns.column_of[n] < 0)
            columns.column_of[n] = find_column(headings, slice_cstr(target->column ? target->column : target->path));
        known += columns.column_of[n] >= 0;
    }
    if (known == 0)
        return err_set(err, ERR_INVALID, "no heading of the first line is one of %s: name them with --columns",
                       format->name);
    *ret = columns;
    return 0;
}

/* The words of the Email Activity Feed, and of the webhook. */
static struct slice event_name(struct slice name) {
    static const struct {
        const char *told, *meant;
    } names[] = {{"bounced", "bounce"}, {"opened", "open"}, {"clicked", "click"}, {"spam_report", "spamreport"}};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (slice_equal(name, slice_cstr(names[i].told))) return slice_cstr(names[i].meant);
    return name;
}

static bool is_true(struct slice value) {
    return slice_equal_nocase(value, SLICE("true")) || slice_equal_nocase(value, SLICE("yes")) ||
           slice_equal(value, SLICE("1"));
}

static void write_name(struct strbuf *out, struct slice name) {
    if (out->ptr[out->len - 1] != '{') strbuf_add_char(out, ',');
    text_write_json(out, name);
    strbuf_add_char(out, ':');
}

static void write_value(struct strbuf *out, struct slice name, enum column_kind kind, struct slice value) {
    int64_t number;
    if (kind == COLUMN_VARIABLES) { /* {} says nothing; what is no object is left to the parser to refuse */
        if (value.len <= 2) return;
        if (out->ptr[out->len - 1] != '{') strbuf_add_char(out, ',');
        strbuf_add_slice(out, slice_of(value.ptr + 1, value.len - 2));
        return;
    }
    if (kind == COLUMN_TIME && slice_ends_with(value, SLICE(" UTC"))) value = slice_first(value, value.len - 4);
    write_name(out, name);
    if (kind == COLUMN_EVENT)
        text_write_json(out, event_name(value));
    else if (kind == COLUMN_FLAG)
        strbuf_add_cstr(out, is_true(value) ? "true" : "false");
    else if (kind == COLUMN_NUMBER && slice_parse_i64(value, &number))
        strbuf_add_i64(out, number);
    else
        text_write_json(out, value);
}

int columns_write(const struct columns *columns, const struct csv_row *row, struct strbuf *out, struct err *err) {
    struct slice open = SLICE_NONE; /* the object that is being written within the record */
    if (row->too_large) return err_set(err, ERR_TOO_LARGE, "the row is too large, or a quotation mark is missing");
    strbuf_add_char(out, '{');
    for (size_t n = 0; columns->format->columns[n].path; n++) {
        const struct column_target *target = &columns->format->columns[n];
        int32_t column = columns->column_of[n];
        if (column < 0 || (size_t)column >= row->count) continue;
        struct slice value = slice_trim(row->fields[column]), name = slice_cstr(target->path), group = SLICE_NONE;
        if (slice_empty(value)) continue;
        if (!slice_is_utf8(value)) return err_set(err, ERR_UNREADABLE, "the row is not UTF-8");
        if (slice_find_char(name, '.') >= 0) slice_split_next(&name, '.', &group);
        if (!slice_equal(group, open)) {
            if (open.len) strbuf_add_char(out, '}');
            if (group.len) {
                write_name(out, group);
                strbuf_add_char(out, '{');
            }
            open = group;
        }
        write_value(out, name, target->kind, value);
    }
    if (open.len) strbuf_add_char(out, '}');
    strbuf_add_char(out, '}');
    return out->overflow ? err_set(err, ERR_TOO_LARGE, "the row is too large") : 0;
}
