/* Any bytes as what a journal holds: a frame is taken only when it is one that we write, a hit only when it would be
 * written the same way. */
#include <stdlib.h>

#include "ingest/hit.h"
#include "ingest/journal.h"

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds) {
    if (!holds) abort();
}

static void check_hit(struct slice record) {
    unsigned char again[HIT_BYTES_MAX];
    struct hit hit;
    if (!hit_decode(record, &hit)) return;
    size_t len = hit_encode(&hit, again);
    /* A text that ends within a character is written without its beginning only where it is cut. */
    check(len == record.len && memcmp(again, record.ptr, len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct slice rest = slice_of((const char *)data, size), record;
    unsigned char head[JOURNAL_FRAME_BYTES];
    check_hit(rest);
    for (size_t frame; (frame = journal_frame_read(rest, &record)) > 0; rest = slice_from(rest, frame)) {
        check(frame == record.len + JOURNAL_FRAME_BYTES && frame <= rest.len && record.len <= JOURNAL_RECORD_MAX);
        journal_frame_write(record, head);
        check(memcmp(head, rest.ptr, sizeof(head)) == 0);
        check_hit(record);
    }
    return 0;
}
