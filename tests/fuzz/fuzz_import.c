/* Files of history: the first byte chooses a format, the rest is the file. Objects are found alike in any pieces; what
 * a format makes of them is a body that its provider's parser takes or refuses. */
#include "import/format.h"
#include "import/json_split.h"
#include "tests/fuzz/provider_checks.h"

#include "base/banned.h"

struct fuzzing {
    const struct import_format *format;
    struct json_reader *roots, *bodies;
    struct arena *arena;
    struct strbuf scratch;
    struct columns columns;
    bool has_headings;
    size_t pieces, bytes, broken;
    int64_t ignored;
};

static void on_body(void *context, struct slice text) {
    struct fuzzing *fuzzing = context;
    struct provider_endpoint endpoint = {.provider = fuzzing->format->provider};
    struct delivery delivery = {.body = text, .header = import_header};
    struct parsed_delivery parsed = {0};
    struct json_value root;
    if (!endpoint.provider) {
        (void)!json_parse(fuzzing->bodies, text, &root, NULL);
        return;
    }
    if (endpoint.provider->parse(&endpoint, &delivery, fuzzing->bodies, fuzzing->arena, &parsed, NULL) < 0) return;
    for (size_t i = 0; i < parsed.event_count; i++)
        check_event(&parsed.events[i], fuzzing->arena);
}

static void take(struct fuzzing *fuzzing, struct slice text) {
    struct json_value root = {0};
    if (!fuzzing->format->unwrap) {
        on_body(fuzzing, text);
        return;
    }
    if (fuzzing->format->needs_root && json_parse(fuzzing->roots, text, &root, NULL) < 0) return;
    (void)!fuzzing->format->unwrap(text, root, &fuzzing->scratch, on_body, fuzzing, &fuzzing->ignored, NULL);
}

static void count_piece(void *context, const struct json_piece *piece) {
    struct fuzzing *fuzzing = context;
    fuzzing->pieces++;
    fuzzing->broken += piece->broken;
    fuzzing->bytes += piece->text.len;
}

static void on_piece(void *context, const struct json_piece *piece) {
    struct fuzzing *fuzzing = context;
    struct json_value root;
    count_piece(context, piece);
    if (piece->broken) return;
    if (json_parse(fuzzing->roots, piece->text, &root, NULL) == 0) import_format_of_json(root);
    take(fuzzing, piece->text);
}

static void on_row(void *context, const struct csv_row *row) {
    struct fuzzing *fuzzing = context;
    struct strbuf text;
    if (!fuzzing->has_headings) {
        import_format_of_row(row);
        fuzzing->has_headings = columns_read(fuzzing->format, SLICE_NONE, row, &fuzzing->columns, NULL) == 0;
        return;
    }
    strbuf_init(&text, IMPORT_BODY_MAX);
    if (columns_write(&fuzzing->columns, row, &text, NULL) == 0) {
        size_t len = text.len;
        check(strbuf_reserve(&text, JSON_PADDING) != NULL);
        take(fuzzing, slice_of(text.ptr, len));
    }
    strbuf_release(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    size_t formats = 0;
    while (import_formats[formats].name)
        formats++;
    if (size == 0) return 0;
    struct slice file = slice_of((const char *)data + 1, size - 1);
    struct fuzzing fuzzing = {.format = &import_formats[data[0] % formats], .arena = arena_new()}, again = {0};
    fuzzing.roots = json_reader_new();
    fuzzing.bodies = json_reader_new();
    strbuf_init(&fuzzing.scratch, IMPORT_BODY_MAX);
    if (fuzzing.format->columns) {
        struct csv_reader *rows = csv_reader_new(on_row, &fuzzing);
        csv_reader_feed(rows, file);
        csv_reader_finish(rows);
        csv_reader_free(rows);
    } else {
        struct json_split *split = json_split_new(on_piece, &fuzzing);
        json_split_feed(split, file);
        json_split_finish(split);
        json_split_free(split);
        split = json_split_new(count_piece, &again);
        for (size_t i = 0; i < file.len; i++)
            json_split_feed(split, slice_of(file.ptr + i, 1));
        json_split_finish(split);
        json_split_free(split);
        check(again.pieces == fuzzing.pieces && again.bytes == fuzzing.bytes && again.broken == fuzzing.broken);
        check(fuzzing.bytes <= file.len);
    }
    strbuf_release(&fuzzing.scratch);
    json_reader_free(fuzzing.roots);
    json_reader_free(fuzzing.bodies);
    arena_free(fuzzing.arena);
    return 0;
}
