/* mail: received mail on its way to becoming events, whichever way it came: a provider's inbound webhook, LMTP or
 * `inkling deliver`. Understands each mail (mail/mail.h), finds the email it is about, and makes a batch that goes down
 * the one road (writer.h).
 *
 * The email is looked for by, in this order: a token in an address of ours; the message ids of a returned message,
 * In-Reply-To, References from last to first; the sender's address and the subject, within `match_days`. Only within
 * the organization. What is not found goes down the road all the same, with its message ids as keys, and waits there as
 * an orphan (EF-2). How it was found is in the event's metadata as "match".
 *
 * One mail counts once, however often and by whichever ways it comes: the event's key is the email, the time that
 * mail_time() gives, which is the mail's own, the type and the author (BR-558.5). */
#ifndef INKLING_INGEST_MAIL_H
#define INKLING_INGEST_MAIL_H

#include "ingest/batch.h"
#include "mail/mail.h"

struct store;

struct mail_intake {
    struct store *store;
    int64_t match_days; /* how far back emails are looked for by address and subject */
    size_t excerpt_max; /* characters of a reply's own text that go into the event's metadata; 0: none */
};

/* *ret: a new batch, or NULL when nothing is to be stored (mail that is about no email of ours). `received_at`: of the
 * delivery. The mails may go when this returns. Blocks on the database. ERR_UNREADABLE, ERR_TOO_LARGE from
 * mail_understand, ERR_UNAVAILABLE. */
MUST_USE int mail_batch_new(const struct mail_intake *intake, int64_t organization_id, int64_t endpoint_id,
                            const struct received_mail *mails, size_t count, int64_t received_at,
                            struct event_batch **ret, struct err *err);

#endif
