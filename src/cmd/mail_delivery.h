/* mail_delivery: mail that a mail server hands in itself, by LMTP or `inkling deliver`: whose it is, and storing it. */
#ifndef INKLING_CMD_MAIL_DELIVERY_H
#define INKLING_CMD_MAIL_DELIVERY_H

#include "ingest/mail.h"
#include "ingest/writer.h"
#include "lmtp/session.h"

struct mail_delivery {
    struct mail_intake intake;
    struct writer *writer;
    const char *organizations; /* the option mail_organizations */
    int64_t endpoint_id;       /* by which endpoint the mail is said to have come; 0: none */
};

/* Whose mail to `address` is: the organization of the token in it, or what mail_organizations says of its domain, or
 * the only organization there is. ERR_NOT_FOUND: nobody's; ERR_INVALID: the option is malformed; ERR_UNAVAILABLE.
 * Blocks. */
MUST_USE int mail_delivery_owner(const struct mail_delivery *delivery, struct slice address, int64_t *ret_organization,
                                 struct err *err);

/* Stores the mail, in each organization for its own recipients; waits until it is durable. `owners`: of each recipient.
 * 0 when all is stored; else the first error (ERR_UNREADABLE, ERR_TOO_LARGE: it will never do), and what could be
 * stored is: a mail that comes again counts once. ret_answers (NULL: not wanted): one a recipient. */
MUST_USE int mail_delivery_store(const struct mail_delivery *delivery, const struct received_mail *mail,
                                 const int64_t *owners, enum lmtp_answer *ret_answers, struct err *err);

#endif
