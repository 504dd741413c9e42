/* Rows of any bytes: the same whether they come at once or byte by byte, within the bounds, with lines that only grow.
 */
#include "base/csv.h"
#include "base/hash.h"
#include "tests/fuzz/provider_checks.h"

#include "base/banned.h"

struct seen {
    size_t rows, fields, bytes;
    uint64_t hash;
    int64_t line;
};

static void on_row(void *context, const struct csv_row *row) {
    struct seen *seen = context;
    check(row->count <= CSV_FIELDS_MAX && row->line >= 1 && row->line >= seen->line);
    seen->line = row->line;
    seen->rows++;
    seen->hash = seen->hash * 31 + (uint64_t)row->line + row->too_large;
    for (size_t i = 0; i < row->count; i++) {
        seen->fields++;
        seen->bytes += row->fields[i].len;
        seen->hash = seen->hash * 31 + hash_fnv1a(row->fields[i]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct seen whole = {0}, parts = {0};
    struct csv_reader *reader = csv_reader_new(on_row, &whole);
    csv_reader_feed(reader, slice_of((const char *)data, size));
    csv_reader_finish(reader);
    csv_reader_free(reader);
    reader = csv_reader_new(on_row, &parts);
    for (size_t i = 0; i < size; i++)
        csv_reader_feed(reader, slice_of((const char *)data + i, 1));
    csv_reader_finish(reader);
    csv_reader_free(reader);
    check(whole.rows == parts.rows && whole.fields == parts.fields && whole.hash == parts.hash);
    check(whole.bytes <= size);
    return 0;
}
