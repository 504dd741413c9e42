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

/* Is there an address of ours with a token that is good? Only then the rewriter wrote it. */
static inline bool has_our_url(const struct token_ring *ring, struct slice text, struct arena *arena) {
    struct token token;
    for (size_t at = 0; at < text.len; at++) {
        ptrdiff_t found = slice_find(slice_from(text, at), SLICE(CHECK_BASE));
        if (found < 0) return false;
        at += (size_t)found;
        if (our_url(ring, slice_from(text, at), arena, &token) > 0) return true;
    }
    return false;
}

/* The inserted end, as a whole; its parts must lead to us. */
static inline size_t inserted_length(const struct token_ring *ring, struct slice text, struct arena *arena) {
    static const struct slice beginnings[] = {
        {"<div style=\"margin:24px", 23}, {"<a href=\"" CHECK_BASE "/c/", 37}, {"<img src=\"" CHECK_BASE "/o/", 38}};
    static const struct slice endings[] = {{"</div>", 6}, {"</a>", 4}, {">", 1}};
    size_t len = 0;
    for (size_t i = 0; i < 3; i++) {
        struct slice rest = slice_from(text, len);
        if (!slice_starts_with(rest, beginnings[i])) continue;
        ptrdiff_t end = slice_find(rest, endings[i]);
        if (end < 0 || !has_our_url(ring, slice_first(rest, (size_t)end), arena)) return len;
        if (i == 1 && slice_find(slice_first(rest, (size_t)end), SLICE("display:none")) < 0) return len;
        len += (size_t)end + endings[i].len;
    }
    return len;
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
