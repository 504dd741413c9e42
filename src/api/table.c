#include "api/table.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/memory.h"
#include "model/counters.h"

#include "base/banned.h"

#define NAMES_MAX    65536
#define DECIMALS_MAX 6
#define DEPTH_MAX    8

struct level {
    char close;
    size_t fields;
};

struct api_table {
    enum api_table_format format;
    struct strbuf out;
    struct strbuf names;  /* CSV: the heading line, from the first row */
    struct strbuf nested; /* CSV: the nested value at hand, as JSON */
    size_t rows;
    struct level levels[DEPTH_MAX + 1]; /* [0]: the row */
    size_t depth;
    bool extras;
};

static void start(struct api_table *table) {
    if (table->format == API_TABLE_JSON) strbuf_add_cstr(&table->out, "{\"data\":[");
    if (table->format == API_TABLE_OBJECT) api_table_row(table);
}

struct api_table *api_table_new(enum api_table_format format, size_t max) {
    struct api_table *table = memory_alloc(sizeof(*table));
    table->format = format;
    strbuf_init(&table->out, max);
    strbuf_init(&table->names, NAMES_MAX);
    strbuf_init(&table->nested, max);
    start(table);
    return table;
}

void api_table_reset(struct api_table *table) {
    strbuf_clear(&table->out);
    strbuf_clear(&table->names);
    strbuf_clear(&table->nested);
    table->rows = table->depth = 0;
    table->extras = false;
    start(table);
}

struct api_table *api_table_free(struct api_table *table) {
    if (!table) return NULL;
    strbuf_release(&table->out);
    strbuf_release(&table->names);
    strbuf_release(&table->nested);
    free(table);
    return NULL;
}

enum api_table_format api_table_format(const struct api_table *table) {
    return table->format;
}

size_t api_table_rows(const struct api_table *table) {
    return table->rows;
}

int64_t api_rate_hundredths(int64_t part, int64_t base) {
    /* 128 bits: a count of events times 20 000 may pass 64. */
    __int128 doubled = (__int128)part * 20000 + (part < 0 ? -base : base);
    return (int64_t)(doubled / ((__int128)base * 2));
}

/* ---- text ---- */

static void quote_char(struct strbuf *out, unsigned char c) {
    switch (c) {
    case '"':
        strbuf_add_cstr(out, "\\\"");
        return;
    case '\\':
        strbuf_add_cstr(out, "\\\\");
        return;
    case '\n':
        strbuf_add_cstr(out, "\\n");
        return;
    case '\t':
        strbuf_add_cstr(out, "\\t");
        return;
    case '\r':
        strbuf_add_cstr(out, "\\r");
        return;
    default:
        if (c < 0x20)
            strbuf_printf(out, "\\u%04x", c);
        else
            strbuf_add_cstr(out, "\xef\xbf\xbd");
    }
}

void api_quote(struct strbuf *out, struct slice text) {
    bool ascii_only = !slice_is_utf8(text); /* broken text: every byte beyond ASCII is replaced */
    size_t done = 0;
    strbuf_add_char(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c >= 0x20 && c != '"' && c != '\\' && (c < 0x80 || !ascii_only)) continue;
        strbuf_add(out, text.ptr + done, i - done);
        quote_char(out, c);
        done = i + 1;
    }
    strbuf_add(out, text.ptr + done, text.len - done);
    strbuf_add_char(out, '"');
}

static bool looks_like_formula(struct slice text) {
    return text.len > 0 && memchr("=+-@\t\r", text.ptr[0], 6) != NULL;
}

static void add_cell(struct strbuf *out, struct slice text) {
    bool formula = looks_like_formula(text), quoted = formula;
    for (size_t i = 0; i < text.len && !quoted; i++)
        quoted = memchr(",\"\r\n", text.ptr[i], 4) != NULL;
    if (!quoted) {
        strbuf_add_slice(out, text);
        return;
    }
    strbuf_add_cstr(out, formula ? "\"'" : "\"");
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '"') strbuf_add_char(out, '"');
        strbuf_add_char(out, text.ptr[i]);
    }
    strbuf_add_char(out, '"');
}

/* ---- rows and fields ---- */

/* Is the next value a cell of a CSV row? Otherwise it is JSON. */
static bool is_cell(const struct api_table *table) {
    return table->format == API_TABLE_CSV && table->depth == 0 && !table->extras;
}

void api_table_row(struct api_table *table) {
    if (table->depth > 0 || table->extras) BUG("a row where none can be");
    if (table->format == API_TABLE_CSV) {
        if (table->rows > 0) strbuf_add_cstr(&table->out, "\r\n");
    } else {
        strbuf_add_cstr(&table->out, table->rows > 0 ? "},{" : "{");
    }
    table->rows++;
    table->levels[0].fields = 0;
}

/* Separator and name; returns where the value goes. */
static struct strbuf *begin_value(struct api_table *table, const char *name) {
    struct level *level = &table->levels[table->depth];
    struct strbuf *out = table->format == API_TABLE_CSV && !is_cell(table) ? &table->nested : &table->out;
    if (table->rows == 0 && !table->extras) BUG("a field before the first row");
    if (level->fields > 0) strbuf_add_char(out, ',');
    if (is_cell(table)) {
        if (table->rows == 1) {
            if (level->fields > 0) strbuf_add_char(&table->names, ',');
            strbuf_add_cstr(&table->names, name);
        }
    } else if (name) {
        strbuf_add_char(out, '"');
        strbuf_add_cstr(out, name);
        strbuf_add(out, "\":", 2);
    }
    level->fields++;
    return out;
}

void api_table_null(struct api_table *table, const char *name) {
    bool cell = is_cell(table);
    struct strbuf *out = begin_value(table, name);
    if (!cell) strbuf_add_cstr(out, "null");
}

void api_table_int(struct api_table *table, const char *name, int64_t value) {
    strbuf_add_i64(begin_value(table, name), value);
}

void api_table_int_or_null(struct api_table *table, const char *name, int64_t value, int64_t none) {
    if (value == none)
        api_table_null(table, name);
    else
        api_table_int(table, name, value);
}

void api_table_text(struct api_table *table, const char *name, struct slice value) {
    if (!value.ptr) {
        api_table_null(table, name);
        return;
    }
    bool cell = is_cell(table);
    struct strbuf *out = begin_value(table, name);
    if (cell)
        add_cell(out, value);
    else
        api_quote(out, value);
}

void api_table_bool(struct api_table *table, const char *name, bool value) {
    strbuf_add_cstr(begin_value(table, name), value ? "true" : "false");
}

void api_table_time(struct api_table *table, const char *name, int64_t ms) {
    char text[TIME_TEXT_MAX];
    api_table_text(table, name, ms == TIME_UNSET ? SLICE_NONE : time_format(ms, text));
}

void api_table_real(struct api_table *table, const char *name, double value, int decimals) {
    if (decimals < 0 || decimals > DECIMALS_MAX) BUG("%d decimals", decimals);
    if (!isfinite(value) || fabs(value) > 1e15)
        api_table_null(table, name);
    else
        strbuf_printf(begin_value(table, name), "%.*f", decimals, value);
}

void api_table_rate(struct api_table *table, const char *name, int64_t part, int64_t base) {
    if (base == 0) {
        api_table_null(table, name);
        return;
    }
    int64_t hundredths = api_rate_hundredths(part, base);
    strbuf_printf(begin_value(table, name), "%s%" PRId64 ".%02" PRId64, hundredths < 0 ? "-" : "",
                  (int64_t)llabs(hundredths) / 100, (int64_t)llabs(hundredths) % 100);
}

void api_table_json(struct api_table *table, const char *name, struct slice json) {
    if (slice_empty(json)) {
        api_table_null(table, name);
        return;
    }
    bool cell = is_cell(table);
    struct strbuf *out = begin_value(table, name);
    if (cell)
        add_cell(out, json);
    else
        strbuf_add_slice(out, json);
}

/* ---- nesting ---- */

static void open_level(struct api_table *table, const char *name, char open, char close) {
    bool cell = is_cell(table);
    struct strbuf *out = begin_value(table, name);
    if (table->depth == DEPTH_MAX) BUG("nested deeper than %d", DEPTH_MAX);
    table->levels[++table->depth] = (struct level){.close = close};
    if (cell) {
        strbuf_clear(&table->nested);
        out = &table->nested;
    }
    strbuf_add_char(out, open);
}

void api_table_object(struct api_table *table, const char *name) {
    open_level(table, name, '{', '}');
}

void api_table_array(struct api_table *table, const char *name) {
    open_level(table, name, '[', ']');
}

void api_table_close(struct api_table *table) {
    if (table->depth == 0) BUG("nothing is open");
    bool csv = table->format == API_TABLE_CSV;
    strbuf_add_char(csv ? &table->nested : &table->out, table->levels[table->depth].close);
    table->depth--;
    if (is_cell(table)) {
        add_cell(&table->out, strbuf_slice(&table->nested));
        table->out.overflow |= table->nested.overflow;
    }
}

void api_table_extras(struct api_table *table) {
    if (table->depth > 0 || table->extras || table->format == API_TABLE_OBJECT) BUG("extras where none can be");
    if (table->format == API_TABLE_JSON) strbuf_add_cstr(&table->out, table->rows > 0 ? "}]" : "]");
    table->extras = true;
    table->levels[0].fields = 1;
}

static void finish_csv(struct api_table *table) {
    struct strbuf rows = table->out;
    if (table->rows == 0) return;
    strbuf_add_cstr(&rows, "\r\n");
    strbuf_init(&table->out, rows.max);
    strbuf_add_slice(&table->out, strbuf_slice(&table->names));
    strbuf_add_cstr(&table->out, "\r\n");
    strbuf_add_slice(&table->out, strbuf_slice(&rows));
    table->out.overflow |= rows.overflow | table->names.overflow;
    strbuf_release(&rows);
}

struct strbuf *api_table_finish(struct api_table *table, const char *next) {
    if (table->depth > 0) BUG("something is still open");
    if (table->format == API_TABLE_CSV) {
        finish_csv(table);
        return &table->out;
    }
    if (table->format == API_TABLE_JSON) {
        if (!table->extras) api_table_extras(table);
        api_table_text(table, "next_cursor", next ? slice_cstr(next) : SLICE_NONE);
    }
    strbuf_add_char(&table->out, '}');
    return &table->out;
}
