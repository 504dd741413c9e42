/* Any bytes as what a token for other pages holds, and as the origin of such a page: what is read and written again is
 * read the same. */
#include <stdint.h>
#include <stdlib.h>

#include "account/embed.h"
#include "base/strbuf.h"

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds) {
    if (!holds) abort();
}

static void check_grant(struct slice text, struct arena *arena) {
    struct embed_grant grant, again;
    struct strbuf out;
    if (!embed_read(text, arena, &grant)) return;
    strbuf_init(&out, 2 * text.len + 1000);
    embed_write(&out, &grant);
    check(!out.overflow && embed_read(strbuf_slice(&out), arena, &again));
    check(again.organization_id == grant.organization_id && again.api_key_id == grant.api_key_id);
    check(again.expires_at == grant.expires_at && again.scores == grant.scores);
    check(slice_equal(again.origin, grant.origin));
    check(again.candidate_count == grant.candidate_count && again.email_count == grant.email_count);
    for (size_t i = 0; i < grant.candidate_count; i++)
        check(slice_equal(again.candidates[i], grant.candidates[i]) &&
              embed_allows_candidate(&grant, grant.candidates[i]));
    for (size_t i = 0; i < grant.email_count; i++)
        check(again.emails[i] == grant.emails[i] && embed_allows_email(&grant, grant.emails[i], SLICE_NONE));
    strbuf_release(&out);
}

static void check_origin(struct slice text) {
    if (!embed_origin_is_valid(text)) return;
    check(slice_starts_with(text, SLICE("https://")) || slice_starts_with(text, SLICE("http://")));
    /* It stands in a header, and is compared with what browsers write. */
    for (size_t i = 0; i < text.len; i++)
        check((unsigned char)text.ptr[i] > ' ' && (unsigned char)text.ptr[i] < 0x7f &&
              !strchr(";,'\"*@?#\\", text.ptr[i]) && !(text.ptr[i] >= 'A' && text.ptr[i] <= 'Z'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct arena *arena = arena_new();
    check_grant(slice_of((const char *)data, size), arena);
    check_origin(slice_of((const char *)data, size));
    arena_free(arena);
    return 0;
}
