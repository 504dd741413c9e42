/* relay: registers one outgoing email with a running service and gets it back rewritten. What `inkling rewrite` and
 * `inkling milter` share. Keeps nothing between calls; thread-safe. */
#ifndef INKLING_RELAY_RELAY_H
#define INKLING_RELAY_RELAY_H

#include "relay/message.h"

struct relay {
    const char *url; /* of the service, without '/' at the end */
    struct slice api_key;
    int timeout_ms;
    /* Names of headers that tell what the email belongs to. */
    const char *candidate_header, *job_header, *template_header, *campaign_header, *tracking_header;
    struct slice language; /* of the footer; empty: the HTML's */
    bool footer, unsubscribe, honeypot, rewrite_text;
};
/* The usual names, and a footer with a way to unsubscribe. */
void relay_init(struct relay *relay);

/* The email to send instead, in the arena of the result. */
struct relayed {
    struct slice html, text; /* UTF-8; ptr NULL: as it was */
    struct message_header_line headers[MESSAGE_HEADERS_MAX];
    size_t header_count;
    struct arena *arena;
};

/* 0: registered. ERR_DENIED with the reason when the email must not be touched: no HTML or text that can be rewritten,
 * several recipients (a token tells one from another), seen by us already. Others: the service cannot be reached or
 * refused. The caller then sends the email as it is. */
MUST_USE int relay_register(const struct relay *relay, struct message *message, struct relayed *ret, struct err *err);
void relayed_release(struct relayed *relayed);

/* What marks an email that was registered, with its id. */
#define RELAY_HEADER "X-Inkling-Email"

#endif
