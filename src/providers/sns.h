/* sns: the envelope that Amazon SNS puts around a message (docs.aws.amazon.com/sns "Parsing message formats" and
 * "Verifying the signatures of messages"), shared by every provider that arrives through it.
 *
 * A secret, which is optional, is a signing certificate in PEM that the administrator pinned. Without one that fits,
 * the certificate is fetched through the environment, from an Amazon host only. */
#ifndef INKLING_PROVIDERS_SNS_H
#define INKLING_PROVIDERS_SNS_H

#include "providers/provider.h"

enum sns_type { SNS_NOTIFICATION, SNS_SUBSCRIPTION_CONFIRMATION, SNS_UNSUBSCRIBE_CONFIRMATION };

/* Slices into the json reader's document. */
struct sns_message {
    enum sns_type type;
    struct slice type_name;
    struct slice message, message_id, topic_arn, timestamp, signature, signature_version, signing_cert_url;
    struct slice subject;       /* notifications; often absent */
    struct slice subscribe_url; /* confirmations; signed, but never followed */
    struct slice token;         /* confirmations */
    bool has_subject;
};

/* Did SNS strip the envelope ("raw message delivery")? Nothing is signed then. */
bool sns_is_raw(const struct delivery *delivery);
/* ERR_UNREADABLE with the reason. */
MUST_USE int sns_read(const struct delivery *delivery, struct json_reader *json, struct sns_message *ret,
                      struct err *err);
/* https://sns.REGION.amazonaws.com[.cn]/….pem and nothing else: no port, user, query, fragment or escape. */
bool sns_certificate_url_allowed(struct slice url);
/* What a subscription confirmation asks for: the request that confirms it, built from topic and token. ERR_INVALID when
 * they cannot be genuine. */
MUST_USE int sns_handshake(const struct sns_message *message, struct arena *arena, struct provider_handshake *ret,
                           struct err *err);

/* The slots of struct provider. The topic must be on the endpoint's list, signature or not. Raw deliveries pass only
 * where no signature is required; their topic is told by a header and checked when the endpoint lists any. */
MUST_USE int sns_secret_parse(struct slice text, struct provider_secret **ret, struct err *err);
void sns_secret_free(struct provider_secret *secret);
MUST_USE int sns_verify(const struct provider_endpoint *endpoint, const struct provider_environment *environment,
                        const struct delivery *delivery, struct json_reader *json, struct arena *arena,
                        struct err *err);
/* The same for a service whose certificates are not Amazon's: only pinned ones are believed, none is fetched. */
MUST_USE int sns_verify_pinned(const struct provider_endpoint *endpoint, const struct provider_environment *environment,
                               const struct delivery *delivery, struct json_reader *json, struct arena *arena,
                               struct err *err);

/* ---- sns_compose.c ---- */

/* The signing certificate's URL in composed deliveries. */
#define SNS_COMPOSED_CERT_URL "https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-inkling-test.pem"
/* The topic of composed deliveries when the endpoint has none. */
#define SNS_COMPOSED_TOPIC "arn:aws:sns:eu-central-1:000000000000:inkling-test"

/* A notification that carries `message`, with signature version 2. `signing`: an RSA private key in PEM. */
MUST_USE int sns_compose(const struct provider_endpoint *endpoint, struct slice message, struct slice signing,
                         int64_t now, struct arena *arena, struct composed_delivery *ret, struct err *err);
/* The bytes that a signature covers. */
struct strbuf;
void sns_write_canonical(struct strbuf *out, const struct sns_message *message);

#endif
