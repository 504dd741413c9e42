#include "mail/parse.h"

#include <gmime/gmime.h>

#include "base/banned.h"

#define DEPTH_MAX   16
#define VISITED_MAX 200
/* Every line is held against every open boundary, so that many of them make a large message slow: bytes times
 * boundaries, about a second's work. What lies beyond is not read. */
#define WORK_MAX ((uint64_t)640 << 20)

void mail_global_init(void) {
    g_mime_init();
}

struct walk {
    struct arena *arena;
    struct received_mail *mail;
    struct received_part *parts;
    size_t visited;
    bool with_text;
};

/* The decoded content, at most PART_KEPT_MAX bytes of it. */
static struct slice content_of(GMimePart *part, struct arena *arena) {
    GMimeDataWrapper *wrapper = g_mime_part_get_content(part);
    struct slice copy = SLICE_NONE;
    if (!wrapper) return copy;
    GMimeStream *stream = g_mime_stream_mem_new();
    if (g_mime_data_wrapper_write_to_stream(wrapper, stream) > 0) {
        GByteArray *bytes = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(stream));
        copy = arena_copy(arena, slice_first(slice_of((const char *)bytes->data, bytes->len), PART_KEPT_MAX));
    }
    g_object_unref(stream);
    return copy;
}

/* In UTF-8, whatever character set it was sent in. */
static struct slice text_of(GMimePart *part, struct arena *arena) {
    if (!GMIME_IS_TEXT_PART(part)) return SLICE_NONE;
    char *text = g_mime_text_part_get_text(GMIME_TEXT_PART(part));
    struct slice copy = text ? arena_copy(arena, slice_first_utf8(slice_cstr(text), PART_KEPT_MAX)) : SLICE_NONE;
    g_free(text);
    return copy;
}

static void keep_part(struct walk *walk, const char *type, struct slice body) {
    if (walk->mail->part_count == RECEIVED_MAIL_PARTS_MAX || slice_empty(body)) return;
    walk->parts[walk->mail->part_count++] = (struct received_part){.content_type = slice_cstr(type), .body = body};
}

static void visit_message(struct walk *walk, GMimeMessagePart *part) {
    GMimeMessage *message = g_mime_message_part_get_message(part);
    if (!message) return;
    char *headers = g_mime_object_get_headers(GMIME_OBJECT(message), NULL);
    keep_part(walk, "message/rfc822", arena_copy(walk->arena, slice_first(slice_cstr(headers), PART_KEPT_MAX)));
    g_free(headers);
}

static void visit_part(struct walk *walk, GMimePart *part) {
    static const char *const wanted[] = {"message/delivery-status", "message/feedback-report",
                                         "text/rfc822-headers",     "message/global-delivery-status",
                                         "message/global-headers",  "message/disposition-notification"};
    GMimeContentType *type = g_mime_object_get_content_type(GMIME_OBJECT(part));
    if (!type) return;
    char *name = g_mime_content_type_get_mime_type(type);
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
        if (g_ascii_strcasecmp(name, wanted[i]) == 0) keep_part(walk, wanted[i], content_of(part, walk->arena));
    if (walk->with_text && g_mime_part_is_attachment(part)) {
        /* not what the author wrote */
    } else if (walk->with_text && slice_empty(walk->mail->text) && g_ascii_strcasecmp(name, "text/plain") == 0) {
        walk->mail->text = text_of(part, walk->arena);
    } else if (walk->with_text && slice_empty(walk->mail->html) && g_ascii_strcasecmp(name, "text/html") == 0) {
        walk->mail->html = text_of(part, walk->arena);
    }
    g_free(name);
}

/* GMime stops opening parts at a depth of its own (1024), so the tree is finite; this looks at its top. */
static void visit(struct walk *walk, GMimeObject *object, int depth) {
    if (!object || depth > DEPTH_MAX || walk->visited++ >= VISITED_MAX) return;
    if (GMIME_IS_MULTIPART(object)) {
        int count = g_mime_multipart_get_count(GMIME_MULTIPART(object));
        for (int i = 0; i < count && walk->visited < VISITED_MAX; i++)
            visit(walk, g_mime_multipart_get_part(GMIME_MULTIPART(object), i), depth + 1);
    } else if (GMIME_IS_MESSAGE_PART(object)) {
        visit_message(walk, GMIME_MESSAGE_PART(object));
    } else if (GMIME_IS_PART(object)) {
        visit_part(walk, GMIME_PART(object));
    }
}

static void copy_headers(GMimeObject *object, struct arena *arena, struct received_header *headers, size_t *count) {
    GMimeHeaderList *list = object ? g_mime_object_get_header_list(object) : NULL;
    int in_list = list ? g_mime_header_list_get_count(list) : 0;
    for (int i = 0; i < in_list && *count < RECEIVED_MAIL_HEADERS_MAX; i++) {
        GMimeHeader *header = g_mime_header_list_get_header_at(list, i);
        const char *name = g_mime_header_get_name(header), *value = g_mime_header_get_raw_value(header);
        headers[(*count)++] = (struct received_header){
            .name = arena_copy(arena, slice_cstr(name)),
            .value = arena_copy(arena, slice_first(slice_cstr(value), PART_KEPT_MAX)),
        };
    }
}

/* GMime keeps Content-Type and its like with the body. */
static void copy_all_headers(GMimeMessage *message, struct arena *arena, struct received_mail *mail) {
    struct received_header *headers = arena_alloc_array(arena, RECEIVED_MAIL_HEADERS_MAX, sizeof(*headers));
    copy_headers(g_mime_message_get_mime_part(message), arena, headers, &mail->header_count);
    copy_headers(GMIME_OBJECT(message), arena, headers, &mail->header_count);
    mail->headers = headers;
}

/* Without the line that mailboxes and some delivery agents set before a message: "From jane@example.org Tue …". */
static struct slice without_mbox_line(struct slice raw) {
    struct slice rest = raw, line;
    if (!slice_starts_with(raw, SLICE("From "))) return raw;
    return slice_split_next(&rest, '\n', &line) && rest.ptr ? rest : raw;
}

/* How much of the message is read (WORK_MAX). */
static size_t readable_length(struct slice raw) {
    static const char word[] = "boundary";
    uint64_t boundaries = 1;
    for (size_t i = 0; i + sizeof(word) - 1 <= raw.len; i++) {
        const char *found = memchr(raw.ptr + i, '=', raw.len - i); /* few bytes are '=', so look at those */
        if (!found) break;
        i = (size_t)(found - raw.ptr);
        if (i >= sizeof(word) - 1 && slice_equal_nocase(slice_of(found - (sizeof(word) - 1), sizeof(word) - 1),
                                                        slice_of(word, sizeof(word) - 1)))
            boundaries++;
    }
    uint64_t len = WORK_MAX / boundaries;
    return raw.len < len ? raw.len : (size_t)len;
}

int mail_parse(const struct received_mail *mail, bool with_text, struct arena *arena, struct received_mail *ret,
               struct err *err) {
    if (mail->raw.len > MAIL_SIZE_MAX)
        return err_set(err, ERR_TOO_LARGE, "the message has more than %zu bytes", MAIL_SIZE_MAX);
    struct slice raw = without_mbox_line(mail->raw);
    /* GMime reads the caller's bytes where they are. */
    GByteArray bytes = {.data = (guint8 *)(uintptr_t)raw.ptr, .len = (guint)readable_length(raw)};
    GMimeStream *stream = g_mime_stream_mem_new_with_byte_array(&bytes);
    g_mime_stream_mem_set_owner(GMIME_STREAM_MEM(stream), FALSE);
    GMimeParser *parser = g_mime_parser_new_with_stream(stream);
    GMimeMessage *message = g_mime_parser_construct_message(parser, NULL);
    int r = 0;
    if (!message) {
        r = err_set(err, ERR_UNREADABLE, "this is no mail: it has no headers");
        goto out;
    }
    struct received_mail parsed = *mail;
    parsed.raw = SLICE_NONE;
    parsed.headers = NULL;
    parsed.header_count = 0;
    parsed.text = parsed.html = SLICE_NONE;
    parsed.part_count = 0;
    struct walk walk = {
        .arena = arena,
        .mail = &parsed,
        .parts = arena_alloc_array(arena, RECEIVED_MAIL_PARTS_MAX, sizeof(struct received_part)),
        .with_text = with_text,
    };
    copy_all_headers(message, arena, &parsed);
    visit(&walk, g_mime_message_get_mime_part(message), 0);
    parsed.parts = walk.parts;
    *ret = parsed;
out:
    if (message) g_object_unref(message);
    g_object_unref(parser);
    g_object_unref(stream);
    return r;
}
