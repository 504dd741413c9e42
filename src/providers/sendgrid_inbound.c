/* sendgrid_inbound: SendGrid's Inbound Parse (Twilio SendGrid, "Setting Up The Inbound Parse Webhook"): a form with
 * either the whole message (`email`, "Send Raw") or what SendGrid has made of it: `headers` as they were, `text`,
 * `html` and attachments, each in the character set that `charsets` names. There is no event id and no time. */
#include "providers/sendgrid.h"

#include <iconv.h>

#include "base/form.h"
#include "providers/mail_json.h"
#include "providers/text.h"

#include "base/banned.h"

#define TEXT_KEPT_MAX ((size_t)256 << 10)
#define CHARSET_MAX   40
#define UTF8_GROWTH   4 /* bytes of UTF-8 for one of another set, at most */

/* Only what iconv is to be asked for: a name out of a request is no file name or option. */
static bool is_charset(struct slice name) {
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!plain && c != '-' && c != '_') return false;
    }
    return name.len > 0 && name.len < CHARSET_MAX;
}

/* `text` in UTF-8, as far as it can be read. */
static struct slice to_utf8(struct slice text, struct slice charset, struct arena *arena) {
    struct slice kept = slice_first_utf8(text, TEXT_KEPT_MAX);
    if (slice_is_utf8(kept)) return text_keep(arena, kept, TEXT_KEPT_MAX);
    if (!is_charset(charset)) return SLICE_NONE;
    iconv_t converter = iconv_open("UTF-8", arena_cstr(arena, charset));
    if (converter == (iconv_t)-1) return SLICE_NONE; /* NOLINT(performance-no-int-to-ptr): iconv(3) says so */
    char *in = arena_cstr(arena, kept), *bytes = arena_bytes(arena, UTF8_GROWTH * kept.len), *out = bytes;
    size_t in_left = kept.len, out_left = UTF8_GROWTH * kept.len;
    iconv(converter, &in, &in_left, &out, &out_left); /* it stops at what is not of the set: then that much */
    iconv_close(converter);
    return slice_of(bytes, (size_t)(out - bytes));
}

static void read_envelope(struct slice text, struct json_reader *json, struct arena *arena,
                          struct received_mail *mail) {
    struct json_value envelope;
    struct err ignored = {0};
    if (slice_empty(text) || json_parse(json, text_keep_padded(arena, text), &envelope, &ignored) < 0) return;
    mail_json_sender(json_get(envelope, SLICE("from")), arena, mail);
    mail_json_recipients(json_get(envelope, SLICE("to")), arena, mail);
}

static void read_texts(const struct form_field *fields, size_t count, struct json_reader *json, struct arena *arena,
                       struct received_mail *mail) {
    struct json_value charsets = {0};
    struct err ignored = {0};
    struct slice text = form_value(fields, count, SLICE("charsets"));
    if (!slice_empty(text) && json_parse(json, text_keep_padded(arena, text), &charsets, &ignored) < 0)
        charsets = (struct json_value){0};
    struct slice text_charset = arena_copy(arena, json_get_string(charsets, SLICE("text")));
    struct slice html_charset = arena_copy(arena, json_get_string(charsets, SLICE("html")));
    mail->text = to_utf8(form_value(fields, count, SLICE("text")), text_charset, arena);
    mail->html = to_utf8(form_value(fields, count, SLICE("html")), html_charset, arena);
}

/* Attachments that are reports; the others are of no interest. */
static void read_parts(const struct form_field *fields, size_t count, struct arena *arena, struct received_mail *mail) {
    struct received_part *parts = arena_alloc_array(arena, RECEIVED_MAIL_PARTS_MAX, sizeof(*parts));
    for (size_t i = 0; i < count && mail->part_count < RECEIVED_MAIL_PARTS_MAX; i++) {
        struct slice rest = fields[i].content_type, type;
        if (!slice_starts_with(fields[i].name, SLICE("attachment")) || !slice_split_next(&rest, ';', &type)) continue;
        type = slice_trim(type);
        if (slice_equal_nocase(slice_first(type, 8), SLICE("message/")) ||
            slice_equal_nocase(type, SLICE("text/rfc822-headers")))
            parts[mail->part_count++] = (struct received_part){.content_type = type, .body = fields[i].value};
    }
    mail->parts = parts;
}

int sendgrid_parse_inbound(const struct provider_endpoint *endpoint, const struct delivery *delivery,
                           struct json_reader *json, struct arena *arena, struct parsed_inbound *ret, struct err *err) {
    struct form_field *fields;
    size_t count;
    (void)endpoint;
    struct slice content_type = delivery->header(delivery, SLICE("Content-Type"));
    int r = form_parse(content_type, delivery->body, arena, &fields, &count, err);
    if (r < 0) return r;
    struct received_mail *mail = arena_alloc(arena, sizeof(*mail));
    mail->received_at = delivery->received_at;
    read_envelope(form_value(fields, count, SLICE("envelope")), json, arena, mail);
    mail->raw = form_value(fields, count, SLICE("email"));
    if (slice_empty(mail->raw)) {
        struct slice block = form_value(fields, count, SLICE("headers"));
        struct received_header *headers = arena_alloc_array(arena, RECEIVED_MAIL_HEADERS_MAX, sizeof(*headers));
        mail->header_count = received_headers_read(&block, headers, RECEIVED_MAIL_HEADERS_MAX);
        mail->headers = headers;
        if (mail->header_count == 0)
            return err_set(err, ERR_UNREADABLE, "the form has neither email nor headers: this is no Inbound Parse");
        read_texts(fields, count, json, arena, mail);
        read_parts(fields, count, arena, mail);
    }
    *ret = (struct parsed_inbound){.outcome = PROVIDER_EVENTS, .mails = mail, .mail_count = 1};
    return 0;
}
