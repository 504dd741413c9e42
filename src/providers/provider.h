/* provider: one email service's webhook, as one const struct. Adding a service = one file with one of these and one
 * row in registry.c.
 *
 * A provider is pure: request bytes in, events out. No I/O, no clock, no database; time, secrets and certificates are
 * passed in. Safe on any thread. What it keeps from the request, it copies into the arena. */
#ifndef INKLING_PROVIDERS_PROVIDER_H
#define INKLING_PROVIDERS_PROVIDER_H

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/slice.h"
#include "model/event.h"
#include "model/received_mail.h"

/* An HTTP request as far as a provider may see it. */
struct delivery {
    struct slice body; /* raw bytes, JSON_PADDING readable bytes behind */
    /* A header's value by name in any case; empty when absent. */
    struct slice (*header)(const struct delivery *delivery, struct slice name);
    const void *headers; /* belongs to `header` */
    int64_t received_at; /* ms UTC */
    bool inbound;        /* received mail (/webhooks/inbound/), not events */
};

struct provider_secret; /* prepared form of one secret: parsed key, decoded bytes; the provider's own type */

/* A configured endpoint as the provider sees it; immutable, shared by threads. */
struct provider_endpoint {
    const struct provider *provider;
    struct provider_secret *const *secrets; /* any may match: rotation */
    size_t secret_count;
    const struct slice *topic_arns; /* SNS: topics that are ours */
    size_t topic_arn_count;
    /* False: an unsigned delivery passes (the caller has made sure of another lock, e.g. basic credentials). One that
     * carries a signature is still checked when the endpoint has secrets. */
    bool require_signature;
    int64_t timestamp_tolerance_ms; /* between the signature's time and delivery->received_at; 0: not checked */
    bool sns_allow_version_1;       /* SHA-1 signatures of SNS */
    /* The addresses that the provider posts to, as an admin has entered them there (Mandrill signs them). Empty when
     * the option public_url is not set. */
    struct slice url, inbound_url;
};

/* What a provider may ask of the world while verifying; implemented above, see ingest/. */
struct provider_environment {
    /* The PEM of a signing certificate by its URL, from disk, cache or the network; the provider has checked the URL
     * before. The implementation answers for the connection: verified TLS, no redirects. ERR_UNAVAILABLE otherwise. */
    int (*find_certificate)(void *context, struct slice url, struct arena *arena, struct slice *ret_pem,
                            struct err *err);
    void *context;
    int64_t now; /* ms UTC; against the validity of certificates */
};

enum provider_outcome {
    PROVIDER_EVENTS,    /* zero or more events */
    PROVIDER_HANDSHAKE, /* a set-up message: `handshake` is set; nothing to store */
};

/* A set-up message: it wants somebody to act (SNS SubscriptionConfirmation), or an answer. */
struct provider_handshake {
    struct slice kind;  /* "sns_subscription", "event_grid_validation" */
    struct slice topic; /* topic ARN, on the endpoint's list */
    /* The confirmation request, built by the provider from checked parts, never the sender's own URL: that one could
     * name any host. */
    struct slice confirm_url;
    /* JSON that answers the message at once, with 200; nothing is to be confirmed then. Empty: no such answer. */
    struct slice answer;
};

struct parsed_delivery {
    enum provider_outcome outcome;
    struct event *events;
    size_t event_count;
    size_t ignored; /* entries of unknown type or about something else: fine, but counted */
    struct provider_handshake handshake;
};

struct parsed_inbound {
    enum provider_outcome outcome; /* PROVIDER_EVENTS: zero or more mails */
    const struct received_mail *mails;
    size_t mail_count;
    size_t ignored;
    struct provider_handshake handshake;
};

#define PROVIDER_MAILS_MAX  500  /* mails in one delivery; beyond: ERR_TOO_LARGE */
#define PROVIDER_EVENTS_MAX 5000 /* events in one delivery; beyond: ERR_TOO_LARGE. A SendGrid batch ends at 768 kB */

struct composed_header {
    const char *name;
    struct slice value;
};
struct composed_delivery {
    const char *content_type;
    struct composed_header headers[6];
    size_t header_count;
    struct slice body; /* JSON_PADDING readable bytes behind */
};

struct provider {
    const char *name;  /* "sendgrid": in API and tables; never changes */
    const char *title; /* "SendGrid" */
    /* One sentence for people: what a secret is and where to find it. */
    const char *secret_help;
    /* Statuses where this provider's retry rules ask for others than 401 and 400 (docs/internals/providers.md). */
    int status_bad_signature;       /* 0: 401 */
    int status_bad_credentials;     /* 0: 401. Without any Authorization header it is always 401 with a challenge */
    bool secret_required;           /* false: an endpoint without secrets can verify (SES: certificates are fetched) */
    bool topics_required;           /* true: an endpoint without topic_arns refuses everything (SNS) */
    int64_t timestamp_tolerance_ms; /* what an endpoint gets unless configured otherwise; 0: none */
    size_t events_per_delivery;     /* the most that `compose` takes: SES sends one event a message */

    /* These three are NULL together for a service that signs nothing: its endpoints have no secrets, and credentials
     * (basic, bearer or a header of their own) are their only lock, so they must have some. */
    /* Parses one secret in the provider's own notation. ERR_INVALID with a sentence that helps an admin. */
    int (*secret_parse)(struct slice text, struct provider_secret **ret, struct err *err);
    void (*secret_free)(struct provider_secret *secret); /* accepts NULL */
    /* Is the delivery signed by one of the endpoint's secrets? Over the raw body, before anything is parsed;
     * comparisons in constant time. 0, or ERR_SIGNATURE with the reason, or ERR_UNAVAILABLE when a certificate cannot
     * be had now. `json` may be used by envelopes that carry their signature inside (SNS). */
    int (*verify)(const struct provider_endpoint *endpoint, const struct provider_environment *environment,
                  const struct delivery *delivery, struct json_reader *json, struct arena *arena, struct err *err);
    /* MUST. Translates a verified body. ERR_UNREADABLE when the whole is not what the provider sends, ERR_INVALID when
     * an event lacks what it must have, ERR_TOO_LARGE. Unknown event types are ignored and counted, never an error. On
     * failure nothing is returned: a delivery is all or nothing. */
    int (*parse)(const struct provider_endpoint *endpoint, const struct delivery *delivery, struct json_reader *json,
                 struct arena *arena, struct parsed_delivery *ret, struct err *err);
    /* MUST (tests, demo, `endpoint test`). The headers and body of a signed delivery of 1 … events_per_delivery
     * `events`, as the provider would send it; `signing` is the private half of a secret: see `signing_help`.
     * `endpoint` names what else the provider would know (SNS: the first of topic_arns); NULL: stand-ins. */
    int (*compose)(const struct provider_endpoint *endpoint, const struct event *events, size_t count,
                   struct slice signing, int64_t now, struct arena *arena, struct composed_delivery *ret,
                   struct err *err);
    const char *signing_help; /* one sentence: the form of `signing`; NULL when the service signs nothing */
    /* Translates a verified body into received mail, as it was handed on. NULL: the service receives no mail, or we do
     * not know how it hands it on. Errors as in `parse`; what the mails mean is for mail/ to find out. They may point
     * into the delivery's body, which outlives them: mail is large. */
    int (*parse_inbound)(const struct provider_endpoint *endpoint, const struct delivery *delivery,
                         struct json_reader *json, struct arena *arena, struct parsed_inbound *ret, struct err *err);
};

/* ---- registry.c ---- */
extern const struct provider *const providers[]; /* ended by NULL */
const struct provider *provider_find(struct slice name);

#endif
