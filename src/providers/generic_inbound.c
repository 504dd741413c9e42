/* generic_inbound: received mail in our own form, for mail servers and services that can be taught to post it: a
 * message as it is (Content-Type: message/rfc822), or JSON, one object or an array of them:
 *   {"raw": "…" | "raw_base64": "…", "envelope": {"from": "…", "to": ["…"]}, "id": "…", "received_at": "…"}
 *   {"headers": {…}, "text": "…", "html": "…", "envelope": …} */
#include "providers/generic.h"

#include "providers/mail_json.h"
#include "providers/text.h"

#include "base/banned.h"

#define TEXT_KEPT_MAX ((size_t)256 << 10)

static bool is_message(const struct delivery *delivery) {
    struct slice rest = delivery->header(delivery, SLICE("Content-Type")), type;
    return slice_split_next(&rest, ';', &type) && slice_equal_nocase(slice_trim(type), SLICE("message/rfc822"));
}

static int read_raw(struct json_value object, size_t index, struct arena *arena, struct received_mail *mail,
                    struct err *err) {
    struct slice encoded = json_get_string(object, SLICE("raw_base64"));
    struct slice raw = json_get_string(object, SLICE("raw"));
    if (!slice_empty(raw)) {
        mail->raw = arena_copy(arena, raw);
        return 0;
    }
    if (!slice_empty(encoded) && !mail_json_base64(encoded, arena, &mail->raw))
        return err_set(err, ERR_INVALID, "mail %zu: raw_base64 is no base64", index);
    return 0;
}

static int read_mail(struct json_value object, size_t index, int64_t received_at, struct arena *arena,
                     struct received_mail *mail, struct err *err) {
    struct json_value envelope = json_get(object, SLICE("envelope")), time = json_get(object, SLICE("received_at"));
    if (object.type != JSON_KIND_OBJECT) return err_set(err, ERR_INVALID, "mail %zu is no object", index);
    mail->received_at = received_at;
    if (time.type != JSON_KIND_NONE && time.type != JSON_KIND_NULL && !json_time(time, &mail->received_at))
        return err_set(err, ERR_INVALID, "mail %zu: received_at is no time: write RFC 3339", index);
    mail_json_sender(json_get(envelope, SLICE("from")), arena, mail);
    mail_json_recipients(json_get(envelope, SLICE("to")), arena, mail);
    mail->provider_id = text_keep(arena, json_get_string(object, SLICE("id")), EVENT_PROVIDER_ID_MAX_BYTES);
    int r = read_raw(object, index, arena, mail, err);
    if (r != 0 || !slice_empty(mail->raw)) return r;
    if (!mail_json_headers(json_get(object, SLICE("headers")), arena, mail))
        return err_set(err, ERR_INVALID, "mail %zu has neither raw, raw_base64 nor headers", index);
    mail->text = text_keep(arena, json_get_string(object, SLICE("text")), TEXT_KEPT_MAX);
    mail->html = text_keep(arena, json_get_string(object, SLICE("html")), TEXT_KEPT_MAX);
    return 0;
}

int generic_parse_inbound(const struct provider_endpoint *endpoint, const struct delivery *delivery,
                          struct json_reader *json, struct arena *arena, struct parsed_inbound *ret, struct err *err) {
    struct json_value root, object;
    (void)endpoint;
    if (is_message(delivery)) {
        struct received_mail *mail = arena_alloc(arena, sizeof(*mail));
        if (slice_empty(delivery->body)) return err_set(err, ERR_UNREADABLE, "the message is empty");
        mail->raw = delivery->body;
        mail->received_at = delivery->received_at;
        *ret = (struct parsed_inbound){.outcome = PROVIDER_EVENTS, .mails = mail, .mail_count = 1};
        return 0;
    }
    int r = json_parse(json, delivery->body, &root, err);
    if (r < 0) return r;
    if (root.type != JSON_KIND_ARRAY && root.type != JSON_KIND_OBJECT)
        return err_set(err, ERR_UNREADABLE, "the body is neither a mail nor an array of mails");
    bool single = root.type == JSON_KIND_OBJECT;
    size_t count = single ? 1 : json_count(root), at = 0;
    if (count > PROVIDER_MAILS_MAX)
        return err_set(err, ERR_TOO_LARGE, "a delivery holds at most %d mails", PROVIDER_MAILS_MAX);
    struct received_mail *mails = arena_alloc_array(arena, count, sizeof(*mails));
    struct json_iterator elements = json_elements(root);
    while (single ? at == 0 : json_next(&elements, &object)) {
        r = read_mail(single ? root : object, at, delivery->received_at, arena, &mails[at], err);
        if (r < 0) return r;
        at++;
    }
    *ret = (struct parsed_inbound){.outcome = PROVIDER_EVENTS, .mails = mails, .mail_count = at};
    return 0;
}
