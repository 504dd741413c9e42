#include "mail/headers.h"

#include <gmime/gmime.h>

#include "base/clock.h"

#include "base/banned.h"

#define ADDRESS_DEPTH_MAX 2 /* groups do not nest (RFC 5322 section 3.4) */
#define YEAR_MIN          1970
#define YEAR_MAX          2200

struct slice field_value(const struct received_header *fields, size_t count, struct slice name) {
    for (size_t i = 0; i < count; i++)
        if (slice_equal_nocase(fields[i].name, name)) return slice_trim(slice_first(fields[i].value, HEADER_VALUE_MAX));
    return SLICE_NONE;
}

struct slice header_value(const struct received_mail *mail, struct slice name) {
    return field_value(mail->headers, mail->header_count, name);
}

bool header_present(const struct received_mail *mail, struct slice name) {
    for (size_t i = 0; i < mail->header_count; i++)
        if (slice_equal_nocase(mail->headers[i].name, name)) return true;
    return false;
}

struct slice header_last(const struct received_mail *mail, struct slice name) {
    for (size_t i = mail->header_count; i-- > 0;)
        if (slice_equal_nocase(mail->headers[i].name, name))
            return slice_trim(slice_first(mail->headers[i].value, HEADER_VALUE_MAX));
    return SLICE_NONE;
}

/* NUL-ended for GMime, NUL bytes within made '?', line ends of folding taken out. */
static const char *unfolded(struct slice value, struct arena *arena) {
    char *text = arena_cstr(arena, value);
    size_t len = 0;
    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];
        if (c == '\r' || c == '\n') continue;
        text[len++] = c == '\0' ? '?' : c;
    }
    text[len] = '\0';
    return text;
}

struct slice header_decode(struct slice value, struct arena *arena) {
    if (slice_empty(value)) return SLICE_NONE;
    char *decoded = g_mime_utils_header_decode_text(NULL, unfolded(slice_first(value, HEADER_VALUE_MAX), arena));
    struct slice copy = arena_copy(arena, slice_trim(slice_cstr(decoded)));
    g_free(decoded);
    return slice_is_utf8(copy) ? copy : SLICE_NONE;
}

struct slice header_text(const struct received_mail *mail, struct slice name, struct arena *arena) {
    return header_decode(header_value(mail, name), arena);
}

struct slice header_word(const struct received_mail *mail, struct slice name) {
    struct slice rest = header_value(mail, name), word;
    if (!slice_split_next(&rest, ';', &word)) return SLICE_NONE;
    /* A comment may stand behind the word (RFC 5322 section 3.2.2). */
    ptrdiff_t comment = slice_find_char(word, '(');
    return slice_trim(comment >= 0 ? slice_first(word, (size_t)comment) : word);
}

struct slice header_parameter(struct slice value, struct slice name) {
    struct slice part;
    if (!slice_split_next(&value, ';', &part)) return SLICE_NONE;
    while (slice_split_next(&value, ';', &part)) {
        struct slice key;
        if (!slice_split_next(&part, '=', &key) || !part.ptr) continue;
        if (!slice_equal_nocase(slice_trim(key), name)) continue;
        struct slice text = slice_trim(part);
        if (text.len >= 2 && text.ptr[0] == '"' && text.ptr[text.len - 1] == '"')
            text = slice_of(text.ptr + 1, text.len - 2);
        return text;
    }
    return SLICE_NONE;
}

static size_t add_addresses(InternetAddressList *list, int depth, struct arena *arena, struct slice *ret, size_t count,
                            size_t max) {
    int length = internet_address_list_length(list);
    for (int i = 0; i < length && count < max; i++) {
        InternetAddress *address = internet_address_list_get_address(list, i);
        if (INTERNET_ADDRESS_IS_GROUP(address) && depth < ADDRESS_DEPTH_MAX) {
            InternetAddressList *members = internet_address_group_get_members(INTERNET_ADDRESS_GROUP(address));
            if (members) count = add_addresses(members, depth + 1, arena, ret, count, max);
        } else if (INTERNET_ADDRESS_IS_MAILBOX(address)) {
            struct slice text = slice_cstr(internet_address_mailbox_get_addr(INTERNET_ADDRESS_MAILBOX(address)));
            struct slice bare = recipient_address(text);
            if (bare.len > 0 && bare.len <= EVENT_RECIPIENT_MAX_BYTES) ret[count++] = arena_copy(arena, bare);
        }
    }
    return count;
}

size_t header_addresses(struct slice value, struct arena *arena, struct slice *ret, size_t max) {
    if (slice_empty(value)) return 0;
    InternetAddressList *list =
        internet_address_list_parse(NULL, unfolded(slice_first(value, HEADER_VALUE_MAX), arena));
    if (!list) return 0;
    size_t count = add_addresses(list, 0, arena, ret, 0, max);
    g_object_unref(list);
    return count;
}

static struct slice without_spaces(struct slice id, struct arena *arena) {
    char *copy = arena_bytes(arena, id.len);
    size_t len = 0;
    for (size_t i = 0; i < id.len; i++)
        if (!strchr(" \t\r\n", id.ptr[i])) copy[len++] = id.ptr[i]; /* NUL is taken out too */
    return slice_of(copy, len);
}

size_t header_ids(struct slice value, struct arena *arena, struct slice *ret, size_t max) {
    size_t count = 0;
    struct slice rest = slice_first(value, HEADER_VALUE_MAX);
    for (ptrdiff_t open; count < max && (open = slice_find_char(rest, '<')) >= 0;) {
        rest = slice_from(rest, (size_t)open + 1);
        ptrdiff_t close = slice_find_char(rest, '>');
        if (close < 0) break;
        struct slice id = without_spaces(slice_first(rest, (size_t)close), arena);
        if (id.len > 0 && id.len <= EVENT_KEY_MAX_BYTES) ret[count++] = id;
        rest = slice_from(rest, (size_t)close + 1);
    }
    struct slice bare = slice_trim(value);
    bool one_word = bare.len > 0 && bare.len <= EVENT_KEY_MAX_BYTES && slice_find_char(bare, '@') > 0 &&
                    slice_find_char(bare, ' ') < 0 && slice_find_char(bare, '<') < 0 && slice_find_char(bare, '\n') < 0;
    if (count == 0 && one_word && max > 0) ret[count++] = bare;
    return count;
}

bool header_date(struct slice value, struct arena *arena, int64_t *ret_ms) {
    if (slice_empty(value)) return false;
    GDateTime *date = g_mime_utils_header_decode_date(unfolded(slice_first(value, 200), arena));
    if (!date) return false;
    int year = g_date_time_get_year(date);
    bool sane = year >= YEAR_MIN && year <= YEAR_MAX;
    int64_t ms = g_date_time_to_unix(date) * SECOND_MS;
    g_date_time_unref(date);
    if (!sane || ms < 0) return false;
    *ret_ms = ms;
    return true;
}

/* "from a by b with SMTP id c; Tue, 24 Nov 2026 07:02:12 +0000": the time is behind the last ';'. */
static bool first_server_time(const struct received_mail *mail, struct arena *arena, int64_t *ret) {
    struct slice value = header_last(mail, SLICE("Received"));
    size_t begin = value.len;
    while (begin > 0 && value.ptr[begin - 1] != ';')
        begin--;
    return begin > 0 && header_date(slice_trim(slice_from(value, begin)), arena, ret);
}

static bool is_near(int64_t time, int64_t reference) {
    return time >= reference - MAIL_DATE_BEFORE_MS && time <= reference + MAIL_DATE_AHEAD_MS;
}

/* Old mail may be handed in late; mail from the future may not. */

int64_t mail_time(const struct received_mail *mail, struct arena *arena) {
    int64_t date = 0, first = 0;
    bool has_date = header_date(header_value(mail, SLICE("Date")), arena, &date);
    bool has_first = first_server_time(mail, arena, &first);
    if (has_first && first <= mail->received_at + MAIL_DATE_AHEAD_MS)
        return has_date && is_near(date, first) ? date : first;
    return has_date && is_near(date, mail->received_at) ? date : mail->received_at;
}
