/* Addresses in plain text. */
#include "tracking/rewrite.h"

#include "tracking/destination.h"
#include "tracking/scan.h"

#include "base/banned.h"

static bool is_word(char c) {
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || (unsigned char)c >= 0x80;
}

/* More closing than opening ones: the last belongs to the sentence around the address. */
static bool is_unpaired(struct slice url, char opening, char closing) {
    size_t open = 0, closed = 0;
    for (size_t i = 0; i < url.len; i++) {
        open += url.ptr[i] == opening;
        closed += url.ptr[i] == closing;
    }
    return closed > open;
}

/* Punctuation behind an address ends the sentence, not the address; a bracket only when it was not opened inside. */
static struct slice without_punctuation(struct slice url) {
    for (; url.len > 0; url.len--) {
        char last = url.ptr[url.len - 1];
        bool belongs = last == ')'   ? !is_unpaired(url, '(', ')')
                       : last == ']' ? !is_unpaired(url, '[', ']')
                       : last == '}' ? !is_unpaired(url, '{', '}')
                                     : !strchr(".,;:!?'\"*_", last);
        if (belongs) break;
    }
    return url;
}

static struct slice address_at(struct slice rest) {
    size_t len = 0;
    while (len < rest.len && (unsigned char)rest.ptr[len] > ' ' && rest.ptr[len] != 0x7f &&
           !strchr("<>\"", rest.ptr[len]))
        len++;
    return without_punctuation(slice_first(rest, len));
}

static bool is_ours(struct slice url, struct slice base) {
    return !slice_empty(base) && slice_equal_nocase(slice_first(url, base.len), base);
}

static bool has_high(struct slice text) {
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] >= 0x80) return true;
    return false;
}

static void find_addresses(struct rewrite_scan *scan, const struct rewrite_scan_options *options) {
    const struct slice source = scan->source;
    for (size_t at = 0; at < source.len;) {
        ptrdiff_t colon = slice_find(slice_from(source, at), SLICE("://"));
        if (colon < 0) return;
        size_t found = at + (size_t)colon, scheme = 0;
        at = found + 3;
        if (found >= 5 && slice_equal_nocase(slice_of(source.ptr + found - 5, 5), SLICE("https"))) scheme = 5;
        if (scheme == 0 && found >= 4 && slice_equal_nocase(slice_of(source.ptr + found - 4, 4), SLICE("http")))
            scheme = 4;
        if (scheme == 0 || (found > scheme && is_word(source.ptr[found - scheme - 1]))) continue;
        size_t start = found - scheme;
        struct slice address = address_at(slice_from(source, start)), url;
        at = start + (address.len > scheme + 3 ? address.len : scheme + 3);
        if (options->is_ascii_only && has_high(address)) continue;
        if (!destination_read(address, options->allow_internal, scan->arena, &url) || is_ours(url, options->base))
            continue;
        scan_add_link(scan, start, start + address.len, arena_copy(scan->arena, url), SLICE_NONE, false);
    }
}

int rewrite_scan_text(struct slice text, const struct rewrite_scan *html, const struct rewrite_scan_options *options,
                      struct arena *arena, struct rewrite_scan **ret, struct err *err) {
    if (text.len > REWRITE_BYTES_MAX)
        return err_set(err, ERR_TOO_LARGE, "text has %zu bytes: at most %lu can be rewritten", text.len,
                       REWRITE_BYTES_MAX);
    struct rewrite_scan *scan = scan_new(text, false, arena);
    if (html) scan->language = html->language;
    if (!options->keep_text_links) find_addresses(scan, options);
    scan_add_end(scan, text.len);
    scan_finish(scan, html);
    *ret = scan;
    return 0;
}
