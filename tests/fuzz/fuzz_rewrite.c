/* rewrite: HTML and text that senders hand in. Whatever comes, outside the replaced addresses, the filled marks and
 * the inserted end every byte is as it was. */
#include <stdlib.h>

#include "tests/unit/tracking/rewrite_checks.h"

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define must(condition)                                                                                                \
    do {                                                                                                               \
        if (!(condition)) abort();                                                                                     \
    } while (0)

static void check_links(const struct rewrite_scan *scan) {
    size_t count;
    const struct rewrite_link *links = rewrite_links(scan, &count);
    must(count <= REWRITE_LINKS_MAX);
    for (size_t i = 0; i < count; i++) {
        must(links[i].position >= 0 && (i == 0 || links[i - 1].position <= links[i].position));
        must(links[i].url.len <= TOKEN_URL_MAX_BYTES && links[i].text.len <= REWRITE_TEXT_MAX);
        must(slice_equal_nocase(slice_first(links[i].url, 4), SLICE("http")) && slice_is_utf8(links[i].text));
        for (size_t c = 0; c < links[i].url.len; c++)
            must(links[i].url.ptr[c] > ' ' && links[i].url.ptr[c] < 0x7f && links[i].url.ptr[c] != '\\');
    }
}

static void check_places(const struct rewrite_scan *scan, size_t size) {
    struct rewrite_place places[5 * REWRITE_LINKS_MAX];
    size_t count = rewrite_places(scan, places, sizeof(places) / sizeof(places[0]));
    for (size_t i = 0; i < count; i++) {
        must(places[i].start <= places[i].end && places[i].end <= size);
        must(i == 0 || places[i - 1].end <= places[i].start);
    }
}

static void check_levels(const struct rewrite_scan *scan, struct slice source, bool is_html, bool more,
                         struct arena *arena) {
    static const struct token_key key = {.id = 9, .bytes = {42}};
    struct token_ring *ring = token_ring_new(&key, 1);
    struct rewrite_target target = {.ring = ring,
                                    .base = SLICE(CHECK_BASE),
                                    .organization_id = 1,
                                    .email_log_id = 2,
                                    .cohort_id = 3,
                                    .measures = OWN_TRACKING_BOTH,
                                    .unsubscribe = more,
                                    .footer = more,
                                    .honeypot = more};
    struct strbuf out;
    strbuf_init(&out, 64UL << 20);
    for (int level = TRACKING_NONE; level <= TRACKING_FULL; level++) {
        size_t links, inserted, found;
        target.level = (enum tracking_level)level;
        strbuf_clear(&out);
        rewrite_write(scan, &target, &out);
        must(!out.overflow);
        must(!check_identity(ring, source, strbuf_slice(&out), is_html, arena, &links, &inserted));
        rewrite_links(scan, &found);
        must(links == (level == TRACKING_NONE ? 0 : found));
    }
    strbuf_release(&out);
    token_ring_free(ring);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1) return 0;
    const struct rewrite_scan_options options = {.base = SLICE(CHECK_BASE), .is_ascii_only = (data[0] & 4) != 0};
    bool is_html = (data[0] & 1) == 0, more = (data[0] & 2) != 0;
    struct arena *arena = arena_new();
    struct slice source = slice_of((const char *)data + 1, size - 1);
    struct rewrite_scan *scan;
    struct err err;
    int r = is_html ? rewrite_scan_html(source, &options, arena, &scan, &err)
                    : rewrite_scan_text(source, NULL, &options, arena, &scan, &err);
    if (r == 0) {
        check_links(scan);
        check_places(scan, source.len);
        check_levels(scan, source, is_html, more, arena);
    } else {
        must(r == -ERR_TOO_LARGE);
    }
    arena_free(arena);
    return 0;
}
