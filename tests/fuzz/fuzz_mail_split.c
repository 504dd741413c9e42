/* Any bytes as a mail that a provider took apart: header block, text, then type and body of parts, each ended by \1. */
#include "tests/fuzz/mail_checks.h"

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static bool ready;
    if (!ready) mail_global_init();
    ready = true;
    struct arena *arena = arena_new();
    const struct mail_options options = {.hash_key = mail_key, .excerpt_max = MAIL_EXCERPT_MAX};
    struct received_header *headers = arena_alloc_array(arena, RECEIVED_MAIL_HEADERS_MAX, sizeof(*headers));
    struct received_part parts[RECEIVED_MAIL_PARTS_MAX];
    struct received_mail mail = {.headers = headers, .parts = parts, .received_at = RECEIVED_AT};
    struct slice rest = slice_of((const char *)data, size), block, type, body;
    struct mail_meaning meaning;
    struct err err = {0};
    slice_split_next(&rest, 1, &block);
    mail.header_count = received_headers_read(&block, headers, RECEIVED_MAIL_HEADERS_MAX);
    if (slice_split_next(&rest, 1, &body)) mail.text = body;
    while (mail.part_count < RECEIVED_MAIL_PARTS_MAX && slice_split_next(&rest, 1, &type) &&
           slice_split_next(&rest, 1, &body))
        parts[mail.part_count++] = (struct received_part){.content_type = type, .body = body};
    mail.has_sender = size % 3 == 0;
    int r = mail_understand(&mail, &options, arena, &meaning, &err);
    check(r == (mail.header_count == 0 ? -ERR_UNREADABLE : 0));
    if (r == 0) check_meaning(&meaning);
    arena_free(arena);
    return 0;
}
