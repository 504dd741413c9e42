/* session: one LMTP connection (RFC 2033) as a pure state machine: bytes in, answers out, no socket, no clock, no
 * thread. Extensions: PIPELINING (RFC 2920), SIZE (1870), 8BITMIME (6152), SMTPUTF8 (6531), ENHANCEDSTATUSCODES (2034).
 *
 * A message ends with CRLF.CRLF and nothing else: a lone LF before or behind the dot ends none, so that what one server
 * takes for text is no command to us. */
#ifndef INKLING_LMTP_SESSION_H
#define INKLING_LMTP_SESSION_H

#include "base/strbuf.h"
#include "model/received_mail.h"

#define LMTP_LINE_MAX   2048 /* of a command; RFC 5321 section 4.5.3.1.4 has 512, extensions add to it */
#define LMTP_ERRORS_MAX 20   /* wrong commands, then the connection is closed */

/* Of a recipient: is its mail ours to take? */
enum lmtp_answer {
    LMTP_ACCEPTED,   /* 250 */
    LMTP_NOT_NOW,    /* 450: nobody knows yet whose it is, or the database cannot tell */
    LMTP_STORED,     /* 250 after the message */
    LMTP_NOT_STORED, /* 451: the mail server tries again */
    LMTP_UNREADABLE, /* 554: this is no mail */
};

struct lmtp_settings {
    const char *name;      /* of this host, in the greeting */
    size_t message_max;    /* bytes */
    size_t recipients_max; /* at most RECEIVED_MAIL_RECIPIENTS_MAX */
    /* LMTP_ACCEPTED with *ret_owner, or LMTP_NOT_NOW. May block. */
    enum lmtp_answer (*accept)(void *context, struct slice recipient, int64_t *ret_owner);
    void *context;
};

enum lmtp_state {
    LMTP_READING, /* wants more input */
    LMTP_MESSAGE, /* a message is complete: see lmtp_session_message, then lmtp_session_answer */
    LMTP_CLOSING, /* send the output, then close */
};

struct lmtp_session;

/* With the greeting in its output. `settings` outlives it. */
struct lmtp_session *lmtp_session_new(const struct lmtp_settings *settings);
struct lmtp_session *lmtp_session_free(struct lmtp_session *session); /* NULL accepted */

/* Takes input as far as it can; *ret_used: how much. Less than all only when the state is not LMTP_READING. */
enum lmtp_state lmtp_session_feed(struct lmtp_session *session, struct slice input, size_t *ret_used);
/* What is to be sent; the caller clears it when it has been. */
struct strbuf *lmtp_session_output(struct lmtp_session *session);
/* Says good-bye (421 and the reason) and closes. */
void lmtp_session_end(struct lmtp_session *session, const char *reason);

/* In state LMTP_MESSAGE: the mail, and for each of its recipients the owner that `accept` gave. Valid until the answer.
 */
struct lmtp_message {
    struct received_mail mail; /* raw, sender and recipients; received_at is the caller's to set */
    const int64_t *owners;
};
const struct lmtp_message *lmtp_session_message(const struct lmtp_session *session);
/* One answer a recipient; then the next transaction may begin. */
void lmtp_session_answer(struct lmtp_session *session, const enum lmtp_answer *answers);
/* Is a transaction under way? When not, nothing is lost by closing. */
bool lmtp_session_idle(const struct lmtp_session *session);

#endif
