/* rewrite_checks: proves, without asking the rewriter where it wrote, that a rewritten text is the old one but for
 * addresses that became tokens of just these addresses, filled marks, and one inserted end. For tests and fuzzing. */
#ifndef INKLING_TESTS_REWRITE_CHECKS_H
#define INKLING_TESTS_REWRITE_CHECKS_H

#include "base/strbuf.h"
#include "tracking/destination.h"
#include "tracking/rewrite.h"

#define CHECK_BASE "https://track.example.net"

static inline bool is_token_char(char c) {
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '-' || c == '_';
}

/* Length of an address of ours at the beginning, its token read; 0: none. */
static inline size_t our_url(const struct token_ring *ring, struct slice text, struct arena *arena, struct token *ret) {
    const struct slice base = SLICE(CHECK_BASE "/");
    static const enum token_purpose purposes[] = {TOKEN_OPEN, TOKEN_CLICK, TOKEN_UNSUBSCRIBE, TOKEN_PREFERENCES,
                                                  TOKEN_HONEYPOT};
    if (!slice_starts_with(text, base) || text.len < base.len + 2 || text.ptr[base.len + 1] != '/') return 0;
    size_t start = base.len + 2, end = start;
    while (end < text.len && is_token_char(text.ptr[end]))
        end++;
    for (; end > start; end--) /* behind a mark other text may follow without a gap */
        for (size_t i = 0; i < sizeof(purposes) / sizeof(purposes[0]); i++)
            if (token_read(ring, slice_of(text.ptr + start, end - start), purposes[i], arena, ret)) return end;
    return 0;
}

/* The address in the old text that a link's token stands for: up to the quote that opened it, or in plain text and
 * without quotes as far as it goes. */
static inline size_t raw_length(struct slice old, size_t at, bool is_html) {
    char quote = at > 0 ? old.ptr[at - 1] : ' ';
    size_t end = at;
    if (is_html && (quote == '"' || quote == '\'')) {
        while (end < old.len && old.ptr[end] != quote)
            end++;
    } else if (is_html) {
        while (end < old.len && !memchr(" \t\n\f\r>", old.ptr[end], 6))
            end++;
    } else {
        while (end < old.len && (unsigned char)old.ptr[end] > ' ' && !strchr("<>\"", old.ptr[end]))
            end++;
    }
    return end - at;
}

/* Length of `opening`, an address of ours with a good token of this purpose, and all up to `closing` and the line break
 * behind it; 0: not there. */
static inline size_t part_length(const struct token_ring *ring, struct slice text, struct slice opening,
                                 enum token_purpose purpose, struct slice closing, struct arena *arena) {
    struct token token;
    if (!slice_starts_with(text, opening)) return 0;
    size_t len = our_url(ring, slice_from(text, opening.len), arena, &token);
    ptrdiff_t end = slice_find(text, closing);
    if (len == 0 || token.purpose != purpose || end <= 0) return 0;
    len = (size_t)end + closing.len;
    if (purpose != TOKEN_OPEN && slice_starts_with(slice_from(text, len), SLICE("\r"))) len++;
    if (purpose != TOKEN_OPEN && slice_starts_with(slice_from(text, len), SLICE("\n"))) len++;
    return len;
}

static inline size_t footer_length(const struct token_ring *ring, struct slice text, struct arena *arena) {
#define FOOTER                                                                                                         \
    "<div style=\"margin:24px 0 0;font-family:sans-serif;font-size:12px;line-height:18px;color:#6b6b6b;"               \
    "text-align:center\">"
    static const enum token_purpose first[] = {TOKEN_UNSUBSCRIBE, TOKEN_PREFERENCES};
    for (size_t i = 0; i < 2; i++) {
        size_t len = part_length(ring, text, SLICE(FOOTER "\n<a href=\""), first[i], SLICE("</div>"), arena);
        if (len == 0) len = part_length(ring, text, SLICE(FOOTER "\r\n<a href=\""), first[i], SLICE("</div>"), arena);
        if (len > 0) return len;
    }
    return 0;
}

/* The inserted end, as a whole: footer, hidden link, pixel, each where it is wanted. */
static inline size_t inserted_length(const struct token_ring *ring, struct slice text, struct arena *arena) {
    size_t len = footer_length(ring, text, arena);
    len += part_length(ring, slice_from(text, len), SLICE("<a href=\""), TOKEN_HONEYPOT, SLICE("</a>"), arena);
    return len + part_length(ring, slice_from(text, len), SLICE("<img src=\""), TOKEN_OPEN, SLICE(">"), arena);
}

/* NULL: all is well; else what is wrong. *ret_links: addresses replaced, *ret_inserted: bytes put in at the end. */
static inline const char *check_identity(const struct token_ring *ring, struct slice old, struct slice new,
                                         bool is_html, struct arena *arena, size_t *ret_links, size_t *ret_inserted) {
    size_t i = 0, j = 0;
    *ret_links = *ret_inserted = 0;
    while (j < new.len) {
        struct slice rest = slice_from(new, j);
        struct token token;
        size_t len = our_url(ring, rest, arena, &token);
        if (len > 0 && slice_starts_with(slice_from(old, i), SLICE("{{"))) {
            ptrdiff_t end = slice_find(slice_from(old, i), SLICE("}}"));
            if (end < 0 || (token.purpose != TOKEN_UNSUBSCRIBE && token.purpose != TOKEN_PREFERENCES)) return "a mark";
            i += (size_t)end + 2;
            j += len;
        } else if (len > 0 && token.purpose == TOKEN_CLICK) {
            size_t raw = raw_length(old, i, is_html);
            if (!is_html) { /* punctuation behind it is not part of the address */
                struct slice url;
                while (raw > 0 && !(destination_read(slice_of(old.ptr + i, raw), true, arena, &url) &&
                                    slice_equal(url, token.url)))
                    raw--;
            }
            if (raw == 0) return "an address without an old one";
            (*ret_links)++;
            i += raw;
            j += len;
        } else if (i < old.len && old.ptr[i] == new.ptr[j] &&
                   !(is_html && *ret_inserted == 0 && inserted_length(ring, rest, arena) > 0)) {
            i++;
            j++;
        } else {
            size_t inserted = is_html ? inserted_length(ring, rest, arena) : i == old.len ? rest.len : 0;
            if (inserted == 0 || *ret_inserted > 0) return "bytes that were not there";
            *ret_inserted = inserted;
            j += inserted;
        }
    }
    return i == old.len ? NULL : "bytes are missing";
}

#endif
