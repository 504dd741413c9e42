#include "tracking/destination.h"

#include "base/cidr.h"
#include "tracking/token.h"

#include "base/banned.h"

#define HOST_MAX        253 /* RFC 1035 section 2.3.4, as text */
#define PLACEHOLDER_MAX 64  /* between two % */

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool is_hex(char c) {
    return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

static bool is_word(char c) {
    return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_' || c == '-' || c == '.';
}

/* ---- placeholders ---- */

static bool is_encoding(struct slice text, size_t at) {
    return at + 2 < text.len && is_hex(text.ptr[at + 1]) && is_hex(text.ptr[at + 2]);
}

/* A word between two % of which one begins no percent-encoding: %FIRST_NAME%, but not %20and%20. */
static bool has_percent_placeholder(struct slice text) {
    for (size_t at = 0; at < text.len; at++) {
        if (text.ptr[at] != '%') continue;
        size_t end = at + 1;
        while (end < text.len && end - at <= PLACEHOLDER_MAX && is_word(text.ptr[end]))
            end++;
        if (end == text.len || text.ptr[end] != '%' || end == at + 1) continue;
        if (!is_encoding(text, at) || !is_encoding(text, end)) return true;
    }
    return false;
}

bool destination_has_placeholder(struct slice text) {
    static const struct slice opening[] = {{"{{", 2}, {"[[", 2}, {"*|", 2}, {"${", 2}, {"{%", 2}, {"<%", 2}};
    static const struct slice closing[] = {{"}}", 2}, {"]]", 2}, {"|*", 2}, {"}", 1}, {"%}", 2}, {"%>", 2}};
    for (size_t i = 0; i < sizeof(opening) / sizeof(opening[0]); i++) {
        ptrdiff_t at = slice_find(text, opening[i]);
        if (at >= 0 && slice_find(slice_from(text, (size_t)at + opening[i].len), closing[i]) >= 0) return true;
    }
    return has_percent_placeholder(text);
}

/* ---- host ---- */

static bool ends_with_label(struct slice host, struct slice label) {
    if (host.len < label.len || !slice_equal_nocase(slice_from(host, host.len - label.len), label)) return false;
    return host.len == label.len || host.ptr[host.len - label.len - 1] == '.';
}

/* Names that the public name system does not lead anywhere (RFC 6761, RFC 6762, RFC 8375, and what intranets use). */
static bool is_internal_name(struct slice host) {
    static const struct slice labels[] = {{"localhost", 9}, {"local", 5},    {"localdomain", 11},
                                          {"internal", 8},  {"intranet", 8}, {"lan", 3},
                                          {"corp", 4},      {"home", 4},     {"home.arpa", 9}};
    if (slice_find_char(host, '.') < 0) return true;
    for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++)
        if (ends_with_label(host, labels[i])) return true;
    return false;
}

/* Browsers take any name whose last part is a number for an IPv4 address, in many spellings: 127.1, 0x7f000001. */
static bool ends_in_number(struct slice host) {
    size_t start = host.len;
    while (start > 0 && host.ptr[start - 1] != '.')
        start--;
    struct slice last = slice_from(host, start);
    if (slice_empty(last)) return false;
    bool is_number = is_digit(last.ptr[0]);
    for (size_t i = 1; i < last.len && is_number; i++)
        is_number = is_hex(last.ptr[i]) || (i == 1 && (last.ptr[i] | 0x20) == 'x');
    return is_number;
}

static bool host_is_fit(struct slice host, bool allow_internal) {
    struct address address;
    if (slice_empty(host) || host.len > HOST_MAX) return false;
    if (host.ptr[0] == '[' || ends_in_number(host))
        return address_parse(host, &address) && (allow_internal || !address_is_internal(address));
    if (host.ptr[host.len - 1] == '.') host.len--;
    for (size_t i = 0; i < host.len; i++) {
        if (!is_word(host.ptr[i])) return false;
        if (host.ptr[i] == '.' && (i == 0 || host.ptr[i - 1] == '.')) return false;
    }
    return host.len > 0 && (allow_internal || !is_internal_name(host));
}

static bool port_is_fit(struct slice port) {
    int64_t number;
    if (slice_empty(port)) return true;
    return is_digit(port.ptr[0]) && slice_parse_i64(port, &number) && number > 0 && number <= 65535;
}

static bool authority_is_fit(struct slice authority, bool allow_internal) {
    size_t host_len = 0;
    if (!slice_empty(authority) && authority.ptr[0] == '[') {
        ptrdiff_t end = slice_find_char(authority, ']');
        if (end < 0) return false;
        host_len = (size_t)end + 1;
    } else {
        ptrdiff_t colon = slice_find_char(authority, ':');
        host_len = colon < 0 ? authority.len : (size_t)colon;
    }
    struct slice rest = slice_from(authority, host_len);
    if (!slice_empty(rest) && rest.ptr[0] != ':') return false;
    return host_is_fit(slice_first(authority, host_len), allow_internal) && port_is_fit(slice_from(rest, 1));
}

/* ---- the address ---- */

/* What the URL standard strips from a link (section 4.4): controls and blanks at the ends, line breaks and tabs
 * anywhere. Gives `value` itself when nothing is inside. */
static struct slice strip(struct slice value, struct arena *arena) {
    while (value.len > 0 && (unsigned char)value.ptr[0] <= ' ')
        value = slice_from(value, 1);
    while (value.len > 0 && (unsigned char)value.ptr[value.len - 1] <= ' ')
        value.len--;
    size_t breaks = 0, len = 0;
    for (size_t i = 0; i < value.len; i++)
        breaks += value.ptr[i] == '\t' || value.ptr[i] == '\n' || value.ptr[i] == '\r';
    if (breaks == 0) return value;
    char *kept = arena_bytes(arena, value.len);
    for (size_t i = 0; i < value.len; i++)
        if (value.ptr[i] != '\t' && value.ptr[i] != '\n' && value.ptr[i] != '\r') kept[len++] = value.ptr[i];
    return slice_of(kept, len);
}

static bool must_be_encoded(char c) {
    return (unsigned char)c >= 0x80 || strchr(" \"<>`{}|^", c);
}

static struct slice encode(struct slice url, struct arena *arena) {
    static const char digits[] = "0123456789ABCDEF";
    size_t extra = 0, len = 0;
    for (size_t i = 0; i < url.len; i++)
        extra += must_be_encoded(url.ptr[i]) ? 2 : 0;
    if (extra == 0) return url;
    char *encoded = arena_bytes(arena, url.len + extra);
    for (size_t i = 0; i < url.len; i++) {
        unsigned char c = (unsigned char)url.ptr[i];
        if (!must_be_encoded(url.ptr[i])) {
            encoded[len++] = url.ptr[i];
            continue;
        }
        encoded[len++] = '%';
        encoded[len++] = digits[c >> 4];
        encoded[len++] = digits[c & 15];
    }
    return slice_of(encoded, len);
}

bool destination_read(struct slice value, bool allow_internal, struct arena *arena, struct slice *ret) {
    if (value.len > 2 * TOKEN_URL_MAX_BYTES) return false;
    struct slice url = strip(value, arena);
    struct slice scheme = slice_equal_nocase(slice_first(url, 8), SLICE("https://"))  ? slice_first(url, 8)
                          : slice_equal_nocase(slice_first(url, 7), SLICE("http://")) ? slice_first(url, 7)
                                                                                      : SLICE_NONE;
    if (slice_empty(scheme) || !slice_is_utf8(url) || destination_has_placeholder(url)) return false;
    for (size_t i = 0; i < url.len; i++)
        if ((unsigned char)url.ptr[i] < ' ' || url.ptr[i] == 0x7f || url.ptr[i] == '\\') return false;
    struct slice rest = slice_from(url, scheme.len);
    size_t end = 0;
    while (end < rest.len && !strchr("/?#", rest.ptr[end]))
        end++;
    if (!authority_is_fit(slice_first(rest, end), allow_internal)) return false;
    url = encode(url, arena);
    if (url.len > TOKEN_URL_MAX_BYTES) return false;
    *ret = url;
    return true;
}
