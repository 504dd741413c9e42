/* Any bytes as a message: understood raw, and the same taken apart. */
#include "mail/parse.h"
#include "tests/fuzz/mail_checks.h"

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static bool ready;
    if (!ready) mail_global_init();
    ready = true;
    struct arena *arena = arena_new();
    const struct mail_options options = {.hash_key = mail_key, .excerpt_max = MAIL_EXCERPT_MAX};
    struct received_mail mail = {.raw = slice_of((const char *)data, size), .received_at = RECEIVED_AT}, split;
    struct mail_meaning meaning, again;
    struct err err = {0};
    int r = mail_understand(&mail, &options, arena, &meaning, &err);
    check(r == 0 || r == -ERR_UNREADABLE);
    if (r == 0) {
        check_meaning(&meaning);
        check(mail_parse(&mail, true, arena, &split, &err) == 0);
        check(mail_understand(&split, &options, arena, &again, &err) == 0);
        check_same(&meaning, &again);
    }
    arena_free(arena);
    return 0;
}
