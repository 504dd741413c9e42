#include "base/csv.h"

#include <csv.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/strbuf.h"

#include "base/banned.h"

#define FIRST_LINE_MAX ((size_t)64 << 10)

struct csv_reader {
    void (*row)(void *context, const struct csv_row *row);
    void *context;
    struct csv_parser parser;
    struct strbuf first; /* the first line, until it is whole */
    bool begun;
    struct strbuf bytes; /* of the row's fields */
    size_t ends[CSV_FIELDS_MAX];
    size_t count;
    bool too_large;
    int64_t line, row_line; /* row_line 0: no row has begun */
    unsigned char delimiter;
    bool skipping; /* up to the end of the line, behind a field without an end */
};

/* A field that does not end would take all of the file with it. */
static void *grow_bounded(void *old, size_t size) {
    return size > 2 * CSV_ROW_MAX_BYTES ? NULL : memory_grow(old, size, 1);
}

static void on_field(void *bytes, size_t len, void *context) {
    struct csv_reader *reader = context;
    if (reader->count == CSV_FIELDS_MAX || (len > 0 && strbuf_add(&reader->bytes, bytes, len) != 0)) {
        reader->too_large = true;
        return;
    }
    reader->ends[reader->count++] = reader->bytes.len;
}

static void end_row(struct csv_reader *reader) {
    struct slice fields[CSV_FIELDS_MAX];
    size_t from = 0;
    for (size_t i = 0; i < reader->count; i++) {
        fields[i] = slice_of(reader->bytes.ptr + from, reader->ends[i] - from);
        from = reader->ends[i];
    }
    struct csv_row row = {
        .fields = fields, .count = reader->count, .line = reader->row_line, .too_large = reader->too_large};
    reader->row(reader->context, &row);
    strbuf_clear(&reader->bytes);
    reader->count = 0;
    reader->too_large = false;
    reader->row_line = 0;
}

static void on_row(int end, void *context) {
    (void)end;
    end_row(context);
}

static void begin_parser(struct csv_reader *reader) {
    if (csv_init(&reader->parser, 0) != 0) memory_exhausted();
    csv_set_delim(&reader->parser, reader->delimiter);
    csv_set_realloc_func(&reader->parser, grow_bounded);
}

struct csv_reader *csv_reader_new(void (*row)(void *context, const struct csv_row *row), void *context) {
    struct csv_reader *reader = memory_alloc(sizeof(*reader));
    *reader = (struct csv_reader){.row = row, .context = context, .line = 1, .delimiter = ','};
    strbuf_init(&reader->first, FIRST_LINE_MAX);
    strbuf_init(&reader->bytes, CSV_ROW_MAX_BYTES);
    begin_parser(reader);
    return reader;
}

struct csv_reader *csv_reader_free(struct csv_reader *reader) {
    if (!reader) return NULL;
    csv_free(&reader->parser);
    strbuf_release(&reader->first);
    strbuf_release(&reader->bytes);
    free(reader);
    return NULL;
}

static bool ends_line(struct slice piece) {
    return piece.ptr[piece.len - 1] == '\n';
}

/* At most up to a carriage return or line feed, either of which ends a row: so no piece holds the end of one row and
 * the beginning of the next. */
static void feed_piece(struct csv_reader *reader, struct slice piece) {
    if (reader->skipping) {
        reader->skipping = !ends_line(piece);
        return;
    }
    if (reader->row_line == 0) reader->row_line = reader->line;
    if (csv_parse(&reader->parser, piece.ptr, piece.len, on_field, on_row, reader) == piece.len) {
        if (reader->parser.pstate == 0) reader->row_line = 0; /* no row has begun: an empty line is none */
        return;
    }
    csv_free(&reader->parser);
    begin_parser(reader);
    reader->too_large = true;
    reader->skipping = !ends_line(piece);
    end_row(reader);
}

static void feed(struct csv_reader *reader, struct slice bytes) {
    while (bytes.len > 0) {
        size_t len = 0;
        while (len < bytes.len && bytes.ptr[len] != '\n' && bytes.ptr[len] != '\r')
            len++;
        struct slice piece = slice_first(bytes, len + 1);
        feed_piece(reader, piece);
        if (ends_line(piece)) reader->line++;
        bytes = slice_from(bytes, piece.len);
    }
}

/* Outside of quotes: a heading may hold a separator itself. */
static unsigned char find_delimiter(struct slice line) {
    static const char candidates[] = {',', ';', '\t'};
    size_t counts[sizeof(candidates)] = {0}, best = 0;
    bool quoted = false;
    for (size_t i = 0; i < line.len && (quoted || line.ptr[i] != '\n'); i++) {
        if (line.ptr[i] == '"') quoted = !quoted;
        for (size_t n = 0; n < sizeof(candidates); n++)
            counts[n] += !quoted && line.ptr[i] == candidates[n];
    }
    for (size_t n = 1; n < sizeof(candidates); n++)
        if (counts[n] > counts[best]) best = n;
    return (unsigned char)candidates[best];
}

static void begin(struct csv_reader *reader) {
    struct slice text = strbuf_slice(&reader->first);
    if (slice_starts_with(text, SLICE("\xef\xbb\xbf"))) text = slice_from(text, 3);
    reader->begun = true;
    reader->delimiter = find_delimiter(text);
    csv_set_delim(&reader->parser, reader->delimiter);
    feed(reader, text);
    strbuf_release(&reader->first);
}

void csv_reader_feed(struct csv_reader *reader, struct slice piece) {
    if (!reader->begun) {
        ptrdiff_t end = slice_find_char(piece, '\n');
        size_t len = end < 0 ? piece.len : (size_t)end + 1, room = FIRST_LINE_MAX - reader->first.len;
        if (len > room) len = room;
        strbuf_add(&reader->first, piece.ptr, len);
        piece = slice_from(piece, len);
        if (end < 0 && reader->first.len < FIRST_LINE_MAX) return;
        begin(reader);
    }
    feed(reader, piece);
}

void csv_reader_finish(struct csv_reader *reader) {
    if (!reader->begun) begin(reader);
    if (!reader->skipping) csv_fini(&reader->parser, on_field, on_row, reader);
}
