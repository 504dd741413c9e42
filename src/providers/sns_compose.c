#include "base/clock.h"
#include "base/hash.h"
#include "base/strbuf.h"
#include "providers/keys.h"
#include "providers/sns.h"
#include "providers/text.h"

#include "base/banned.h"

#define COMPOSED_MAX_BYTES  ((size_t)4 << 20)
#define SIGNATURE_MAX_BYTES 1024

static int sign(struct slice canonical, struct slice signing, struct strbuf *ret_base64, struct err *err) {
    unsigned char signature[SIGNATURE_MAX_BYTES];
    size_t len = sizeof(signature);
    EVP_PKEY *key = key_read_private(signing);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    int result = 0;
    if (!key || !EVP_PKEY_is_a(key, "RSA")) {
        result = err_set(err, ERR_INVALID, "the private key must be an RSA key in PEM");
    } else if (!context || EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key) != 1 ||
               EVP_DigestSign(context, signature, &len, (const unsigned char *)canonical.ptr, canonical.len) != 1) {
        result = err_set(err, ERR_INTERNAL, "signing failed");
    } else {
        base64_encode(ret_base64, slice_of((const char *)signature, len));
    }
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    return result;
}

static void write_envelope(struct strbuf *out, const struct sns_message *message) {
    strbuf_add_char(out, '{');
    text_write_member(out, "Type", message->type_name);
    text_write_member(out, "MessageId", message->message_id);
    text_write_member(out, "TopicArn", message->topic_arn);
    text_write_member(out, "Message", message->message);
    text_write_member(out, "Timestamp", message->timestamp);
    text_write_member(out, "SignatureVersion", message->signature_version);
    text_write_member(out, "Signature", message->signature);
    text_write_member(out, "SigningCertURL", message->signing_cert_url);
    strbuf_add_cstr(out, "\"UnsubscribeURL\":\"https://sns.eu-central-1.amazonaws.com/?Action=Unsubscribe\"}");
}

/* The time with milliseconds always, as SNS writes it. */
static struct slice sns_time(int64_t now, struct arena *arena) {
    char text[TIME_TEXT_MAX];
    struct slice time = time_format(now, text);
    if (now % SECOND_MS != 0) return arena_copy(arena, time);
    return slice_cstr(arena_printf(arena, "%.*s.000Z", SLICE_FMT(slice_first(time, time.len - 1))));
}

int sns_compose(const struct provider_endpoint *endpoint, struct slice message, struct slice signing, int64_t now,
                struct arena *arena, struct composed_delivery *ret, struct err *err) {
    struct sns_message envelope = {
        .type = SNS_NOTIFICATION,
        .type_name = SLICE("Notification"),
        .message = message,
        .message_id = text_uuid_of(message, arena),
        .topic_arn = endpoint && endpoint->topic_arn_count > 0 ? endpoint->topic_arns[0] : SLICE(SNS_COMPOSED_TOPIC),
        .timestamp = sns_time(now, arena),
        .signature_version = SLICE("2"),
        .signing_cert_url = SLICE(SNS_COMPOSED_CERT_URL),
    };
    struct strbuf canonical, signature, body;
    strbuf_init(&canonical, COMPOSED_MAX_BYTES);
    strbuf_init(&signature, 2 * SIGNATURE_MAX_BYTES);
    strbuf_init(&body, COMPOSED_MAX_BYTES);
    sns_write_canonical(&canonical, &envelope);
    int result = sign(strbuf_slice(&canonical), signing, &signature, err);
    if (result < 0) goto out;
    envelope.signature = strbuf_slice(&signature);
    write_envelope(&body, &envelope);
    if (canonical.overflow || body.overflow) {
        result = err_set(err, ERR_TOO_LARGE, "the event is too large for one delivery");
        goto out;
    }
    *ret = (struct composed_delivery){
        .content_type = "text/plain; charset=UTF-8",
        .headers = {{"x-amz-sns-message-type", envelope.type_name},
                    {"x-amz-sns-message-id", envelope.message_id},
                    {"x-amz-sns-topic-arn", arena_copy(arena, envelope.topic_arn)}},
        .header_count = 3,
        .body = text_keep_padded(arena, strbuf_slice(&body)),
    };
out:
    strbuf_release(&body);
    strbuf_release(&signature);
    strbuf_release(&canonical);
    return result;
}
