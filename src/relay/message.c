#include "relay/message.h"

#include <errno.h>
#include <gmime/gmime.h>
#include <iconv.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/strbuf.h"

#include "base/banned.h"

#define DEPTH_MAX      16  /* of multiparts in each other */
#define LINE_BYTES_MAX 998 /* RFC 5322 section 2.1.1 */
#define HEADER_MAX     998

/* ---- decoding ---- */

/* False: bytes that are not of this charset. */
static bool convert(const char *to, const char *from, struct slice text, struct strbuf *out) {
    iconv_t converter = iconv_open(to, from);
    if (converter == (iconv_t)-1) return false;
    char *in = (char *)(uintptr_t)text.ptr, portion[4096];
    size_t in_left = text.len;
    bool done = true;
    while (in_left > 0 && done) {
        char *at = portion;
        size_t room = sizeof(portion);
        size_t r = iconv(converter, &in, &in_left, &at, &room);
        strbuf_add(out, portion, sizeof(portion) - room);
        done = r != (size_t)-1 || errno == E2BIG;
    }
    iconv_close(converter);
    return done && !out->overflow;
}

static bool is_utf8_name(const char *charset) {
    return !charset || g_ascii_strcasecmp(charset, "utf-8") == 0 || g_ascii_strcasecmp(charset, "us-ascii") == 0;
}

/* Other charsets must come back to the same bytes, or nothing is done with the part. */
static bool to_utf8(struct message *message, struct message_part *part, struct slice raw) {
    struct strbuf text, back;
    if (is_utf8_name(part->charset)) {
        part->charset = NULL;
        part->text = arena_copy(message->arena, raw);
        return slice_is_utf8(raw);
    }
    strbuf_init(&text, 4 * raw.len + 16);
    strbuf_init(&back, raw.len + 16);
    bool same = convert("UTF-8", part->charset, raw, &text) &&
                convert(part->charset, "UTF-8", strbuf_slice(&text), &back) && slice_equal(raw, strbuf_slice(&back));
    if (same) part->text = arena_copy(message->arena, strbuf_slice(&text));
    strbuf_release(&back);
    strbuf_release(&text);
    return same;
}

static bool is_known_encoding(GMimeContentEncoding encoding) {
    return encoding == GMIME_CONTENT_ENCODING_DEFAULT || encoding == GMIME_CONTENT_ENCODING_7BIT ||
           encoding == GMIME_CONTENT_ENCODING_8BIT || encoding == GMIME_CONTENT_ENCODING_BASE64 ||
           encoding == GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE;
}

static void take_part(struct message *message, GMimePart *mime, struct message_part *part) {
    GMimeDataWrapper *content = g_mime_part_get_content(mime);
    GMimeStream *stream = content ? g_mime_data_wrapper_get_stream(content) : NULL;
    GMimeContentEncoding encoding = g_mime_part_get_content_encoding(mime);
    if (!stream || !is_known_encoding(encoding) || stream->bound_start < 0) return;
    size_t end = stream->bound_end < 0 ? message->source.len : (size_t)stream->bound_end;
    if (end > message->source.len || (size_t)stream->bound_start > end) return;
    struct message_part found = {.start = (size_t)stream->bound_start, .end = end, .encoding = (int)encoding};
    const char *charset = g_mime_object_get_content_type_parameter(GMIME_OBJECT(mime), "charset");
    found.charset = charset ? arena_cstr(message->arena, slice_cstr(charset)) : NULL;
    GMimeStream *decoded = g_mime_stream_mem_new();
    if (g_mime_data_wrapper_write_to_stream(content, decoded) >= 0) {
        GByteArray *bytes = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(decoded));
        if (bytes->len > 0 && to_utf8(message, &found, slice_of((const char *)bytes->data, bytes->len))) *part = found;
    }
    g_object_unref(decoded);
}

/* ---- the parts ---- */

static void visit(struct message *message, GMimeObject *object, int depth) {
    if (!object || depth > DEPTH_MAX) return;
    if (GMIME_IS_MULTIPART(object)) {
        /* A signature covers every byte of what it signs (RFC 1847, RFC 8551). */
        if (GMIME_IS_MULTIPART_SIGNED(object) || GMIME_IS_MULTIPART_ENCRYPTED(object)) return;
        GMimeMultipart *multipart = GMIME_MULTIPART(object);
        for (int i = 0; i < g_mime_multipart_get_count(multipart); i++)
            visit(message, g_mime_multipart_get_part(multipart, i), depth + 1);
        return;
    }
    if (!GMIME_IS_PART(object) || g_mime_part_is_attachment(GMIME_PART(object))) return;
    GMimeContentType *type = g_mime_object_get_content_type(object);
    if (!message->html.text.ptr && g_mime_content_type_is_type(type, "text", "html"))
        take_part(message, GMIME_PART(object), &message->html);
    else if (!message->text.text.ptr && g_mime_content_type_is_type(type, "text", "plain"))
        take_part(message, GMIME_PART(object), &message->text);
}

/* ---- the header ---- */

static bool find_header_end(struct message *message) {
    struct slice source = message->source;
    ptrdiff_t crlf = slice_find(source, SLICE("\r\n\r\n")), lf = slice_find(source, SLICE("\n\n"));
    if (crlf < 0 && lf < 0) return false;
    bool is_crlf = crlf >= 0 && (lf < 0 || crlf < lf);
    message->line_break = is_crlf ? "\r\n" : "\n";
    message->header_end = is_crlf ? (size_t)crlf + 2 : (size_t)lf + 1;
    return true;
}

static struct slice keep(struct message *message, const char *text) {
    struct slice slice = slice_first_utf8(slice_cstr(text), HEADER_MAX);
    if (slice_empty(slice) || !slice_is_utf8(slice)) return SLICE_NONE;
    char *copy = arena_cstr(message->arena, slice);
    for (size_t i = 0; i < slice.len; i++)
        if ((unsigned char)copy[i] < ' ' || copy[i] == 0x7f) copy[i] = ' ';
    return slice_trim(slice_of(copy, slice.len));
}

struct slice message_header(struct message *message, const char *name) {
    GMimeHeader *header = g_mime_header_list_get_header(g_mime_object_get_header_list(message->parsed), name);
    const char *value = header ? g_mime_header_get_value(header) : NULL;
    return value ? keep(message, value) : SLICE_NONE;
}

static void first_address(struct message *message, InternetAddressList *list, struct slice *ret_name,
                          struct slice *ret_address) {
    InternetAddress *first =
        list && internet_address_list_length(list) > 0 ? internet_address_list_get_address(list, 0) : NULL;
    if (!first || !INTERNET_ADDRESS_IS_MAILBOX(first)) return;
    *ret_name = keep(message, internet_address_get_name(first));
    *ret_address = keep(message, internet_address_mailbox_get_addr(INTERNET_ADDRESS_MAILBOX(first)));
}

static void read_header(struct message *message) {
    GMimeMessage *parsed = message->parsed;
    static const GMimeAddressType types[] = {GMIME_ADDRESS_TYPE_TO, GMIME_ADDRESS_TYPE_CC, GMIME_ADDRESS_TYPE_BCC};
    message->subject = keep(message, g_mime_message_get_subject(parsed));
    message->message_id = keep(message, g_mime_message_get_message_id(parsed));
    first_address(message, g_mime_message_get_from(parsed), &message->from_name, &message->from_address);
    first_address(message, g_mime_message_get_to(parsed), &message->to_name, &message->to_address);
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        InternetAddressList *list = g_mime_message_get_addresses(parsed, types[i]);
        int count = list ? internet_address_list_length(list) : 0;
        for (int n = 0; n < count; n++) /* a group counts as many: whom it names is not known here */
            message->recipients += INTERNET_ADDRESS_IS_MAILBOX(internet_address_list_get_address(list, n)) ? 1 : 2;
    }
}

/* ---- opening ---- */

void message_global_init(void) {
    g_mime_init();
}

void message_global_cleanup(void) {
    g_mime_shutdown();
}

static int parse(struct message *message, struct err *err) {
    GMimeStream *stream = g_mime_stream_mem_new_with_buffer(message->source.ptr, message->source.len);
    GMimeParser *parser = g_mime_parser_new_with_stream(stream);
    g_mime_parser_set_persist_stream(parser, TRUE); /* parts then tell where they begin and end */
    message->parsed = g_mime_parser_construct_message(parser, NULL);
    g_object_unref(parser);
    g_object_unref(stream);
    return message->parsed ? 0 : err_set(err, ERR_UNREADABLE, "this is no email: it has no header");
}

int message_open(struct slice source, struct message **ret, struct err *err) {
    struct message *message = memory_alloc(sizeof(*message));
    message->source = source;
    message->arena = arena_new();
    int r = 0;
    if (source.len > MESSAGE_BYTES_MAX)
        r = err_set(err, ERR_TOO_LARGE, "the email has more than %lu MB", MESSAGE_BYTES_MAX >> 20);
    else if (!find_header_end(message))
        r = err_set(err, ERR_UNREADABLE, "this is no email: no empty line ends its header");
    if (r == 0) r = parse(message, err);
    if (r == 0 && !slice_empty(message_header(message, "DKIM-Signature")))
        r = err_set(err, ERR_DENIED, "the email is signed already (DKIM): rewrite before signing");
    if (r != 0) {
        message_close(message);
        return r;
    }
    read_header(message);
    visit(message, g_mime_message_get_mime_part(message->parsed), 0);
    *ret = message;
    return 0;
}

struct message *message_close(struct message *message) {
    if (!message) return NULL;
    if (message->parsed) g_object_unref(message->parsed);
    arena_free(message->arena);
    free(message);
    return NULL;
}

/* ---- encoding ---- */

/* Gmime ends its lines by a line feed; those of the message may have a carriage return before. */
static void add_lines(struct slice text, const char *line_break, struct strbuf *out) {
    while (text.len > 0) {
        ptrdiff_t end = slice_find_char(text, '\n');
        size_t len = end < 0 ? text.len : (size_t)end;
        strbuf_add(out, text.ptr, len);
        if (end < 0) return;
        strbuf_add_cstr(out, line_break);
        text = slice_from(text, len + 1);
    }
}

static void encode_with(GMimeContentEncoding encoding, struct slice raw, const char *line_break, struct strbuf *out) {
    GMimeEncoding state;
    g_mime_encoding_init_encode(&state, encoding);
    size_t room = g_mime_encoding_outlen(&state, raw.len) + 16;
    char *encoded = memory_alloc(room);
    size_t len = g_mime_encoding_flush(&state, raw.ptr, raw.len, encoded);
    add_lines(slice_of(encoded, len), line_break, out);
    free(encoded);
}

static int check_plain(struct slice raw, bool ascii_only, struct err *err) {
    size_t line = 0;
    for (size_t i = 0; i < raw.len; i++) {
        line = raw.ptr[i] == '\n' ? 0 : line + 1;
        if (line > LINE_BYTES_MAX)
            return err_set(err, ERR_INVALID,
                           "a line would have more than %d bytes: encode the part as quoted-printable", LINE_BYTES_MAX);
        if (ascii_only && (unsigned char)raw.ptr[i] >= 0x80)
            return err_set(err, ERR_INVALID,
                           "characters beyond ASCII in a part of 7 bits: encode it as quoted-printable");
    }
    return 0;
}

static bool has_high(struct slice text) {
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] >= 0x80) return true;
    return false;
}

/* Some programs send other characters without saying so; these parts go on as they are. */
static bool is_ascii_part(const struct message *message, const struct message_part *part) {
    return part->encoding != GMIME_CONTENT_ENCODING_8BIT &&
           !has_high(slice_of(message->source.ptr + part->start, part->end - part->start));
}

/* The last line break of a part belongs to its boundary; whether the old bytes ended with one, the new ones shall too.
 */
static void end_alike(const struct message *message, const struct message_part *part, size_t begun,
                      struct strbuf *out) {
    struct slice old = slice_of(message->source.ptr + part->start, part->end - part->start);
    bool had = slice_ends_with(old, SLICE("\n"));
    struct slice now = slice_of(out->ptr + begun, out->len - begun);
    if (had && !slice_ends_with(now, SLICE("\n"))) strbuf_add_cstr(out, message->line_break);
    if (!had && part->encoding == GMIME_CONTENT_ENCODING_BASE64 && slice_ends_with(now, SLICE("\n")))
        out->len -= strlen(message->line_break);
}

int message_encode(const struct message *message, const struct message_part *part, struct slice text,
                   struct strbuf *out, struct err *err) {
    struct strbuf own;
    size_t begun = out->len;
    int r = 0;
    strbuf_init(&own, 4 * text.len + 16);
    if (part->charset && !convert(part->charset, "UTF-8", text, &own))
        r = err_set(err, ERR_INVALID, "the rewritten part has characters beyond %s", part->charset);
    struct slice raw = part->charset ? strbuf_slice(&own) : text;
    switch ((GMimeContentEncoding)part->encoding) {
    case GMIME_CONTENT_ENCODING_BASE64:
    case GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE:
        if (r == 0) encode_with((GMimeContentEncoding)part->encoding, raw, message->line_break, out);
        break;
    default:
        if (r == 0) r = check_plain(raw, is_ascii_part(message, part), err);
        if (r == 0) strbuf_add_slice(out, raw);
        break;
    }
    if (r == 0) end_alike(message, part, begun, out);
    strbuf_release(&own);
    return r;
}

/* `must`: else a part that cannot be encoded stays as it was. */
static int write_body(const struct message *message, const struct message_part *part, struct slice text, bool must,
                      size_t *at, struct strbuf *out, struct err *err) {
    struct strbuf encoded;
    if (!text.ptr || !part->text.ptr || part->start < *at) return 0;
    strbuf_init(&encoded, out->max);
    int r = message_encode(message, part, text, &encoded, err);
    if (r == 0) {
        strbuf_add(out, message->source.ptr + *at, part->start - *at);
        strbuf_add_slice(out, strbuf_slice(&encoded));
        *at = part->end;
    }
    strbuf_release(&encoded);
    return must ? r : 0;
}

int message_write(const struct message *message, struct slice html, struct slice text,
                  const struct message_header_line *headers, size_t header_count, struct strbuf *out, struct err *err) {
    size_t at = message->header_end;
    bool html_first = message->html.start < message->text.start, text_alone = !html.ptr;
    int r = 0;
    strbuf_add(out, message->source.ptr, at);
    for (size_t i = 0; i < header_count; i++)
        strbuf_printf(out, "%s: %.*s%s", headers[i].name, SLICE_FMT(headers[i].value), message->line_break);
    if (html_first) r = write_body(message, &message->html, html, true, &at, out, err);
    if (r == 0) r = write_body(message, &message->text, text, text_alone, &at, out, err);
    if (r == 0 && !html_first) r = write_body(message, &message->html, html, true, &at, out, err);
    if (r != 0) return r;
    strbuf_add(out, message->source.ptr + at, message->source.len - at);
    return out->overflow ? err_set(err, ERR_TOO_LARGE, "the rewritten email would be too large") : 0;
}
