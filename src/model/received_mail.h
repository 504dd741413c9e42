/* received_mail: one mail as somebody hands it to us: a provider's inbound webhook, LMTP or standard input. Plain data,
 * not yet understood; what it means (a reply, a bounce …) is for mail/ to find out. The slices point into the arena of
 * whoever made it.
 *
 * There is either `raw`, the whole RFC 5322 message, or what the provider has made of it: headers, text, parts. */
#ifndef INKLING_MODEL_RECEIVED_MAIL_H
#define INKLING_MODEL_RECEIVED_MAIL_H

#include "base/slice.h"

#define RECEIVED_MAIL_RECIPIENTS_MAX 100
#define RECEIVED_MAIL_HEADERS_MAX    500
#define RECEIVED_MAIL_PARTS_MAX      50

struct received_header {
    struct slice name, value; /* the value as sent: encoded words (RFC 2047) and folding are still in it */
};

/* A part that carries a report: message/delivery-status, message/feedback-report, message/rfc822, text/rfc822-headers.
 * Ordinary attachments are of no interest and are left out. */
struct received_part {
    struct slice content_type; /* without parameters */
    struct slice body;         /* transfer encoding undone */
};

struct received_mail {
    struct slice raw; /* the whole message; else empty, and: */
    const struct received_header *headers;
    size_t header_count;
    struct slice text, html; /* UTF-8; either may be empty */
    const struct received_part *parts;
    size_t part_count;

    /* The envelope (RFC 5321), where it is known. */
    bool has_sender;                /* false: nobody told the return path */
    struct slice sender;            /* MAIL FROM without brackets; empty: the null return path */
    const struct slice *recipients; /* RCPT TO */
    size_t recipient_count;

    struct slice provider_id; /* evidence only; empty when there is none */
    int64_t received_at;      /* ms UTC, by the provider or by us */
};

/* The fields of a header block or of a report's group (RFC 5322 section 2.2), up to an empty line; empty lines in front
 * are passed over. *rest moves behind that line; its ptr is NULL at the end of the text. At most `max`; names and
 * values point into the text. Returns how many. */
size_t received_headers_read(struct slice *rest, struct received_header *ret, size_t max);

#endif
