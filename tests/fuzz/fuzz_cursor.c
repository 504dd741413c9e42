/* Any text as a cursor: what is taken comes back from what we make of it, and for no other list. */
#include <stdint.h>
#include <stdlib.h>

#include "api/cursor.h"

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds) {
    if (!holds) abort();
}

static void check_text(struct slice text) {
    for (size_t count = 0; count <= CURSOR_VALUES_MAX; count++) {
        int64_t values[CURSOR_VALUES_MAX] = {0}, again[CURSOR_VALUES_MAX] = {0};
        char out[CURSOR_TEXT_MAX];
        if (!cursor_parse(text, SLICE("emails"), values, count)) continue;
        check(cursor_parse(cursor_format(SLICE("emails"), values, count, out), SLICE("emails"), again, count));
        check(memcmp(values, again, sizeof(values)) == 0);
        check(!cursor_parse(text, SLICE("candidates"), again, count));
    }
}

static void check_values(const uint8_t *data, size_t size) {
    int64_t values[CURSOR_VALUES_MAX] = {0}, again[CURSOR_VALUES_MAX] = {0};
    char out[CURSOR_TEXT_MAX];
    size_t count = size / sizeof(*values) < CURSOR_VALUES_MAX ? size / sizeof(*values) : CURSOR_VALUES_MAX;
    memcpy(values, data, count * sizeof(*values));
    struct slice text = cursor_format(SLICE("emails"), values, count, out);
    check(cursor_parse(text, SLICE("emails"), again, count) && memcmp(values, again, sizeof(values)) == 0);
    out[size % text.len] ^= 1; /* damaged, unless it is in bits that stand for nothing */
    if (cursor_parse(text, SLICE("emails"), again, count)) check(memcmp(values, again, sizeof(values)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    check_text(slice_of((const char *)data, size));
    check_values(data, size);
    return 0;
}
