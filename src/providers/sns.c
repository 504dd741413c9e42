#include "providers/sns.h"

#include <openssl/err.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/strbuf.h"
#include "providers/keys.h"
#include "providers/text.h"

#include "base/banned.h"

#define RSA_MIN_BITS        2048
#define SIGNATURE_MAX_BYTES 1024 /* RSA of 8192 bits */
#define CANONICAL_MAX_BYTES ((size_t)16 << 20)
#define URL_MAX_BYTES       300
#define REGION_MIN_CHARS    3
#define REGION_MAX_CHARS    32
#define ARN_MAX_BYTES       512
#define TOKEN_MAX_BYTES     1024
#define PEM_MAX_BYTES       KEY_PEM_MAX_BYTES
#define ERROR_ARN_MAX_CHARS 160

/* ---- envelope ---- */

bool sns_is_raw(const struct delivery *delivery) {
    return slice_equal_nocase(delivery->header(delivery, SLICE("x-amz-sns-rawdelivery")), SLICE("true"));
}

static bool find_type(struct slice name, enum sns_type *ret) {
    if (slice_equal(name, SLICE("Notification"))) {
        *ret = SNS_NOTIFICATION;
    } else if (slice_equal(name, SLICE("SubscriptionConfirmation"))) {
        *ret = SNS_SUBSCRIPTION_CONFIRMATION;
    } else if (slice_equal(name, SLICE("UnsubscribeConfirmation"))) {
        *ret = SNS_UNSUBSCRIBE_CONFIRMATION;
    } else {
        return false;
    }
    return true;
}

/* AWS Lambda's spelling of the same member differs in case. */
static struct slice certificate_url_of(struct json_value root) {
    struct slice url = json_get_string(root, SLICE("SigningCertURL"));
    return slice_empty(url) ? json_get_string(root, SLICE("SigningCertUrl")) : url;
}

int sns_read(const struct delivery *delivery, struct json_reader *json, struct sns_message *ret, struct err *err) {
    struct json_value root;
    int result = json_parse(json, delivery->body, &root, err);
    if (result < 0) return result;
    struct sns_message message = {
        .type_name = json_get_string(root, SLICE("Type")),
        .message_id = json_get_string(root, SLICE("MessageId")),
        .topic_arn = json_get_string(root, SLICE("TopicArn")),
        .timestamp = json_get_string(root, SLICE("Timestamp")),
        .signature = json_get_string(root, SLICE("Signature")),
        .signature_version = json_get_string(root, SLICE("SignatureVersion")),
        .signing_cert_url = certificate_url_of(root),
        .subscribe_url = json_get_string(root, SLICE("SubscribeURL")),
        .token = json_get_string(root, SLICE("Token")),
    };
    if (root.type != JSON_KIND_OBJECT || !find_type(message.type_name, &message.type))
        return err_set(err, ERR_UNREADABLE, "the body is no SNS message");
    if (!json_text(json_get(root, SLICE("Message")), &message.message) || slice_empty(message.message_id) ||
        slice_empty(message.topic_arn) || slice_empty(message.timestamp))
        return err_set(err, ERR_UNREADABLE, "the SNS message lacks Message, MessageId, TopicArn or Timestamp");
    message.has_subject = json_text(json_get(root, SLICE("Subject")), &message.subject);
    *ret = message;
    return 0;
}

static void add_line_pair(struct strbuf *out, const char *name, struct slice value) {
    strbuf_add_cstr(out, name);
    strbuf_add_char(out, '\n');
    strbuf_add_slice(out, value);
    strbuf_add_char(out, '\n');
}

void sns_write_canonical(struct strbuf *out, const struct sns_message *message) {
    bool confirmation = message->type != SNS_NOTIFICATION;
    add_line_pair(out, "Message", message->message);
    add_line_pair(out, "MessageId", message->message_id);
    if (confirmation) add_line_pair(out, "SubscribeURL", message->subscribe_url);
    if (!confirmation && message->has_subject) add_line_pair(out, "Subject", message->subject);
    add_line_pair(out, "Timestamp", message->timestamp);
    if (confirmation) add_line_pair(out, "Token", message->token);
    add_line_pair(out, "TopicArn", message->topic_arn);
    add_line_pair(out, "Type", message->type_name);
}

/* ---- names that decide where we go: checked letter by letter ---- */

static bool cut_prefix(struct slice *text, struct slice prefix) {
    if (!slice_starts_with(*text, prefix)) return false;
    *text = slice_from(*text, prefix.len);
    return true;
}

/* How many of the first characters are lower-case letters, digits or '-'. */
static size_t region_len(struct slice text) {
    size_t len = 0;
    while (len < text.len) {
        char c = text.ptr[len];
        bool allowed = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
        if (!allowed) break;
        len++;
    }
    return len;
}

static bool is_region(struct slice region) {
    return region.len >= REGION_MIN_CHARS && region.len <= REGION_MAX_CHARS && region_len(region) == region.len &&
           region.ptr[0] != '-' && region.ptr[region.len - 1] != '-';
}

bool sns_certificate_url_allowed(struct slice url) {
    struct slice rest = url;
    if (url.len > URL_MAX_BYTES || !cut_prefix(&rest, SLICE("https://sns."))) return false;
    struct slice region = slice_first(rest, region_len(rest));
    if (!is_region(region)) return false;
    rest = slice_from(rest, region.len);
    if (!cut_prefix(&rest, SLICE(".amazonaws.com"))) return false;
    cut_prefix(&rest, SLICE(".cn"));
    if (!cut_prefix(&rest, SLICE("/")) || slice_starts_with(rest, SLICE("/"))) return false;
    if (!slice_ends_with(rest, SLICE(".pem"))) return false;
    for (size_t i = 0; i < rest.len; i++) {
        char c = rest.ptr[i];
        bool allowed = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '_' || c == '.' || c == '/';
        if (!allowed) return false;
    }
    return slice_find(rest, SLICE("..")) < 0 && slice_find(rest, SLICE("//")) < 0;
}

/* The partitions of the services that speak this protocol: Amazon's own, and Scaleway Topics and Events. */
static bool is_partition(struct slice name) {
    return slice_starts_with(name, SLICE("aws")) || slice_equal(name, SLICE("scw"));
}

/* arn:PARTITION:sns:REGION:ACCOUNT:NAME */
static bool topic_region(struct slice arn, struct slice *ret_region) {
    struct slice parts[6] = {0}, rest = arn;
    size_t count = 0;
    if (arn.len > ARN_MAX_BYTES) return false;
    while (count < 6 && slice_split_next(&rest, ':', &parts[count]))
        count++;
    if (count < 6 || rest.ptr || !slice_equal(parts[0], SLICE("arn")) || !is_partition(parts[1]) ||
        !slice_equal(parts[2], SLICE("sns")) || !is_region(parts[3]) || slice_empty(parts[5]))
        return false;
    for (size_t i = 0; i < arn.len; i++) {
        char c = arn.ptr[i];
        bool allowed = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '_' || c == '.' || c == ':';
        if (!allowed) return false;
    }
    *ret_region = parts[3];
    return true;
}

/* The service's own address in the topic's region. */
static void write_service(struct strbuf *out, struct slice arn, struct slice region) {
    if (slice_starts_with(arn, SLICE("arn:scw:")))
        strbuf_printf(out, "https://sns.mnq.%.*s.scaleway.com", SLICE_FMT(region));
    else
        strbuf_printf(out, "https://sns.%.*s.amazonaws.com%s", SLICE_FMT(region),
                      slice_starts_with(region, SLICE("cn-")) ? ".cn" : "");
}

int sns_handshake(const struct sns_message *message, struct arena *arena, struct provider_handshake *ret,
                  struct err *err) {
    struct slice region;
    if (!topic_region(message->topic_arn, &region)) return err_set(err, ERR_INVALID, "the TopicArn is malformed");
    if (slice_empty(message->token) || message->token.len > TOKEN_MAX_BYTES)
        return err_set(err, ERR_INVALID, "the Token is missing or too long");
    struct strbuf url;
    strbuf_init(&url, 3 * (ARN_MAX_BYTES + TOKEN_MAX_BYTES) + URL_MAX_BYTES);
    write_service(&url, message->topic_arn, region);
    strbuf_add_cstr(&url, "/?Action=ConfirmSubscription&TopicArn=");
    text_write_percent(&url, message->topic_arn);
    strbuf_add_cstr(&url, "&Token=");
    text_write_percent(&url, message->token);
    *ret = (struct provider_handshake){
        .kind = SLICE("sns_subscription"),
        .topic = arena_copy(arena, message->topic_arn),
        .confirm_url = arena_copy(arena, strbuf_slice(&url)),
    };
    strbuf_release(&url);
    return 0;
}

/* ---- certificates ---- */

struct provider_secret {
    X509 *certificate;
};

void sns_secret_free(struct provider_secret *secret) {
    if (!secret) return;
    X509_free(secret->certificate);
    free(secret);
}

static bool has_strong_rsa_key(const X509 *certificate) {
    const EVP_PKEY *key = X509_get0_pubkey(certificate);
    return key && EVP_PKEY_is_a(key, "RSA") && EVP_PKEY_get_bits(key) >= RSA_MIN_BITS;
}

int sns_secret_parse(struct slice text, struct provider_secret **ret, struct err *err) {
    X509 *certificate = key_read_certificate(text);
    if (!certificate)
        return err_set(err, ERR_INVALID,
                       "the secret must be Amazon SNS' signing certificate in PEM, from BEGIN "
                       "CERTIFICATE to END CERTIFICATE");
    if (!has_strong_rsa_key(certificate)) {
        X509_free(certificate);
        return err_set(err, ERR_INVALID, "the certificate holds no RSA key of at least %d bits", RSA_MIN_BITS);
    }
    struct provider_secret *made = memory_alloc(sizeof(*made));
    made->certificate = certificate;
    *ret = made;
    return 0;
}

static bool is_valid_at(const X509 *certificate, int64_t now) {
    time_t seconds = (time_t)(now / SECOND_MS);
    return X509_cmp_time(X509_get0_notBefore(certificate), &seconds) < 0 &&
           X509_cmp_time(X509_get0_notAfter(certificate), &seconds) > 0;
}

struct signed_text {
    struct slice canonical;
    const EVP_MD *digest;
    const unsigned char *signature;
    size_t signature_len;
};

/* RSA with PKCS #1 v1.5 padding, OpenSSL's default. */
static bool verifies(X509 *certificate, const struct signed_text *text) {
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool match = context &&
                 EVP_DigestVerifyInit(context, NULL, text->digest, NULL, X509_get0_pubkey(certificate)) == 1 &&
                 EVP_DigestVerify(context, text->signature, text->signature_len,
                                  (const unsigned char *)text->canonical.ptr, text->canonical.len) == 1;
    EVP_MD_CTX_free(context);
    if (!match) ERR_clear_error();
    return match;
}

static bool matches_pinned(const struct provider_endpoint *endpoint, int64_t now, const struct signed_text *text) {
    for (size_t i = 0; i < endpoint->secret_count; i++) {
        X509 *certificate = endpoint->secrets[i]->certificate;
        if (is_valid_at(certificate, now) && verifies(certificate, text)) return true;
    }
    return false;
}

static int check_fetched(const struct provider_environment *environment, struct slice url,
                         const struct signed_text *text, struct arena *arena, struct err *err) {
    struct slice pem;
    if (!sns_certificate_url_allowed(url))
        return err_set(err, ERR_SIGNATURE, "the SigningCertURL is not an address of Amazon SNS");
    if (!environment->find_certificate)
        return err_set(err, ERR_UNAVAILABLE, "the signing certificate cannot be fetched here: pin it as a secret");
    int result = environment->find_certificate(environment->context, url, arena, &pem, err);
    if (result < 0) return result;
    X509 *certificate = key_read_certificate(pem);
    if (!certificate || !has_strong_rsa_key(certificate)) {
        result = err_set(err, ERR_UNAVAILABLE, "what the SigningCertURL gave is no certificate of an RSA key");
    } else if (!is_valid_at(certificate, environment->now)) {
        result = err_set(err, ERR_SIGNATURE, "the signing certificate has expired or is not valid yet");
    } else if (!verifies(certificate, text)) {
        result = err_set(err, ERR_SIGNATURE, "the signature does not match the signing certificate");
    }
    X509_free(certificate);
    return result;
}

/* ---- verify ---- */

/* Headers are not signed; they only must not tell another story than the body. */
static int check_headers(const struct delivery *delivery, const struct sns_message *message, struct err *err) {
    const struct {
        struct slice name, value;
    } pairs[] = {
        {SLICE("x-amz-sns-message-type"), message->type_name},
        {SLICE("x-amz-sns-message-id"), message->message_id},
        {SLICE("x-amz-sns-topic-arn"), message->topic_arn},
    };
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        struct slice header = delivery->header(delivery, pairs[i].name);
        if (!slice_empty(header) && !slice_equal(header, pairs[i].value))
            return err_set(err, ERR_SIGNATURE, "header %.*s and body disagree", SLICE_FMT(pairs[i].name));
    }
    return 0;
}

static int check_topic(const struct provider_endpoint *endpoint, struct slice arn, struct err *err) {
    struct slice region;
    for (size_t i = 0; i < endpoint->topic_arn_count; i++) {
        if (slice_equal(endpoint->topic_arns[i], arn)) return 0;
    }
    if (endpoint->topic_arn_count == 0)
        return err_set(err, ERR_SIGNATURE, "the endpoint lists no topic: add the topic's ARN to topic_arns");
    if (!topic_region(arn, &region)) return err_set(err, ERR_SIGNATURE, "the TopicArn is malformed");
    return err_set(err, ERR_SIGNATURE, "topic %.*s is not in the endpoint's topic_arns",
                   SLICE_FMT(slice_first(arn, ERROR_ARN_MAX_CHARS)));
}

static int check_age(const struct provider_endpoint *endpoint, const struct delivery *delivery, struct slice timestamp,
                     struct err *err) {
    int64_t sent_at;
    if (!time_parse(timestamp, &sent_at)) return err_set(err, ERR_SIGNATURE, "the Timestamp is no time");
    int64_t age = delivery->received_at - sent_at, tolerance = endpoint->timestamp_tolerance_ms;
    if (tolerance <= 0 || (age <= tolerance && age >= -tolerance)) return 0;
    return err_set(err, ERR_SIGNATURE, "the message is %lld s %s: more than the endpoint tolerates",
                   (long long)(age < 0 ? -age : age) / SECOND_MS, age < 0 ? "ahead of our clock" : "old");
}

static int find_digest(const struct provider_endpoint *endpoint, struct slice version, const EVP_MD **ret,
                       struct err *err) {
    if (slice_equal(version, SLICE("2"))) {
        *ret = EVP_sha256();
        return 0;
    }
    if (!slice_equal(version, SLICE("1")))
        return err_set(err, ERR_SIGNATURE, "the signature is missing or of an unknown version");
    if (!endpoint->sns_allow_version_1)
        return err_set(err, ERR_SIGNATURE,
                       "signature version 1 uses SHA-1: set SignatureVersion 2 on the topic, or "
                       "allow version 1 for this endpoint");
    *ret = EVP_sha1();
    return 0;
}

static int check_signature(const struct provider_endpoint *endpoint, const struct provider_environment *environment,
                           const struct sns_message *message, bool may_fetch, struct arena *arena, struct err *err) {
    unsigned char signature[SIGNATURE_MAX_BYTES];
    struct signed_text text = {.signature = signature};
    int result = find_digest(endpoint, message->signature_version, &text.digest, err);
    if (result < 0) return result;
    if (!base64_decode(message->signature, signature, sizeof(signature), &text.signature_len) ||
        text.signature_len == 0)
        return err_set(err, ERR_SIGNATURE, "the signature is malformed");
    struct strbuf canonical;
    strbuf_init(&canonical, CANONICAL_MAX_BYTES);
    sns_write_canonical(&canonical, message);
    text.canonical = strbuf_slice(&canonical);
    if (canonical.overflow) {
        result = err_set(err, ERR_SIGNATURE, "the message is too large to be one of SNS");
    } else if (matches_pinned(endpoint, environment->now, &text)) {
        result = 0;
    } else if (!may_fetch) {
        result = err_set(err, ERR_SIGNATURE, "the signature matches none of the endpoint's certificates");
    } else {
        result = check_fetched(environment, message->signing_cert_url, &text, arena, err);
    }
    strbuf_release(&canonical);
    return result;
}

static int verify(const struct provider_endpoint *endpoint, const struct provider_environment *environment,
                  const struct delivery *delivery, bool may_fetch, struct json_reader *json, struct arena *arena,
                  struct err *err) {
    struct sns_message message = {0};
    struct err reason;
    if (sns_is_raw(delivery)) {
        struct slice topic = delivery->header(delivery, SLICE("x-amz-sns-topic-arn"));
        if (!endpoint->require_signature) return endpoint->topic_arn_count > 0 ? check_topic(endpoint, topic, err) : 0;
        return err_set(err, ERR_SIGNATURE,
                       "raw message delivery carries no signature: switch it off in the "
                       "subscription, or protect the endpoint by credentials");
    }
    if (sns_read(delivery, json, &message, &reason) < 0) return err_set(err, ERR_SIGNATURE, "%s", reason.text);
    int result = check_headers(delivery, &message, err);
    if (result == 0) result = check_topic(endpoint, message.topic_arn, err);
    if (result < 0) return result;
    if (!endpoint->require_signature && (endpoint->secret_count == 0 || slice_empty(message.signature))) return 0;
    result = check_age(endpoint, delivery, message.timestamp, err);
    if (result == 0) result = check_signature(endpoint, environment, &message, may_fetch, arena, err);
    return result;
}

int sns_verify(const struct provider_endpoint *endpoint, const struct provider_environment *environment,
               const struct delivery *delivery, struct json_reader *json, struct arena *arena, struct err *err) {
    return verify(endpoint, environment, delivery, true, json, arena, err);
}

int sns_verify_pinned(const struct provider_endpoint *endpoint, const struct provider_environment *environment,
                      const struct delivery *delivery, struct json_reader *json, struct arena *arena, struct err *err) {
    return verify(endpoint, environment, delivery, false, json, arena, err);
}
