/* report: what delivery reports (RFC 3464) and feedback reports (RFC 5965) say. Internal to mail/. */
#ifndef INKLING_MAIL_REPORT_H
#define INKLING_MAIL_REPORT_H

#include "mail/mail.h"

#define RETURNED_HEADERS_MAX 200

/* The headers of the message that a report brings back. */
struct returned {
    struct received_header headers[RETURNED_HEADERS_MAX];
    size_t count; /* 0: none came back */
};

/* Each returns false when the mail is no such report; else kind and findings are set, and *returned. */
bool report_read_delivery(const struct received_mail *mail, struct arena *arena, struct mail_meaning *meaning,
                          struct returned *returned);
bool report_read_feedback(const struct received_mail *mail, struct arena *arena, struct mail_meaning *meaning,
                          struct returned *returned);
/* Bounces in the manner of qmail and Exim, which have no report in them (bounce.c). */
bool bounce_read_plain(const struct received_mail *mail, struct arena *arena, struct mail_meaning *meaning,
                       struct returned *returned);

/* "5.1.1" at the beginning of or in `text`, as RFC 3463 section 2 has it; empty when there is none. */
struct slice report_status_in(struct slice text);
/* What a failure is: 5.7.x and what says so in other ways a block, other 5.x.x hard, the rest soft. A mailbox that is
 * full (x.2.2) or a delivery that took too long (x.4.7) is soft whatever the first digit says: the address is right. */
enum bounce_kind report_bounce_kind(struct slice status, struct slice diagnostic);
/* White space made single, what is no UTF-8 made '?', cut to `max` bytes. */
struct slice report_one_line(struct slice text, size_t max, struct arena *arena);
/* The first text of some type among the parts; empty when there is none. */
struct slice report_part(const struct received_mail *mail, struct slice type);

#endif
