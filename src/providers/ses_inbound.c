/* ses_inbound: mail that Amazon SES has received and publishes to SNS. Amazon SES Developer Guide, "Contents of
 * notifications for Amazon SES email receiving": the SNS action carries the whole message (up to 150 kB), in UTF-8 or
 * base64 as the action says; other actions (S3, Lambda) tell the headers only, which is enough to match an answer. */
#include "providers/ses.h"

#include "providers/mail_json.h"
#include "providers/text.h"

#include "base/banned.h"

static bool is_received(struct json_value root) {
    struct slice name = json_get_string(root, SLICE("notificationType"));
    return slice_equal(name, SLICE("Received"));
}

static int read_content(struct json_value root, struct arena *arena, struct received_mail *mail, struct err *err) {
    struct json_value action = json_get(json_get(root, SLICE("receipt")), SLICE("action"));
    struct slice content = json_get_string(root, SLICE("content"));
    if (slice_empty(content)) return 0;
    if (!slice_equal_nocase(json_get_string(action, SLICE("encoding")), SLICE("BASE64"))) {
        mail->raw = arena_copy(arena, content);
        return 0;
    }
    if (mail_json_base64(content, arena, &mail->raw)) return 0;
    return err_set(err, ERR_INVALID, "Received notification: content is no base64");
}

static int read_mail(struct json_value root, int64_t received_at, struct arena *arena, struct received_mail *mail,
                     struct err *err) {
    struct json_value about = json_get(root, SLICE("mail")), receipt = json_get(root, SLICE("receipt"));
    if (about.type != JSON_KIND_OBJECT) return err_set(err, ERR_INVALID, "Received notification: mail is missing");
    mail->received_at = received_at;
    json_time(json_get(receipt, SLICE("timestamp")), &mail->received_at);
    mail_json_sender(json_get(about, SLICE("source")), arena, mail);
    mail_json_recipients(json_get(receipt, SLICE("recipients")), arena, mail);
    mail->provider_id = text_keep(arena, json_get_string(about, SLICE("messageId")), EVENT_PROVIDER_ID_MAX_BYTES);
    int r = read_content(root, arena, mail, err);
    if (r != 0 || !slice_empty(mail->raw)) return r;
    if (!mail_json_headers(json_get(about, SLICE("headers")), arena, mail))
        return err_set(err, ERR_INVALID, "Received notification: mail.headers is missing");
    return 0;
}

int ses_parse_inbound(const struct provider_endpoint *endpoint, const struct delivery *delivery,
                      struct json_reader *json, struct arena *arena, struct parsed_inbound *ret, struct err *err) {
    struct ses_envelope envelope;
    struct parsed_inbound parsed = {.outcome = PROVIDER_EVENTS};
    (void)endpoint;
    int r = ses_open(delivery, json, arena, &envelope, err);
    if (r < 0) return r;
    if (envelope.content == SES_SETUP) {
        parsed.outcome = PROVIDER_HANDSHAKE;
        parsed.handshake = envelope.handshake;
    } else if (envelope.content == SES_NOTHING || !is_received(envelope.root)) {
        parsed.ignored = 1; /* events of sending, should the topic have them too, go to the other address */
    } else {
        struct received_mail *mail = arena_alloc(arena, sizeof(*mail));
        r = read_mail(envelope.root, delivery->received_at, arena, mail, err);
        if (r < 0) return r;
        parsed.mails = mail;
        parsed.mail_count = 1;
    }
    *ret = parsed;
    return 0;
}
