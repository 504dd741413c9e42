/* mail: what a received mail means: a reply, an automatic one, a bounce, a complaint, an unsubscription. Bytes in,
 * meaning out; no database, no clock. Which email it is about is only suggested here; ingest/mail.h looks it up.
 *
 * Everything that comes in is a stranger's: sizes, depth and numbers are bounded, what lies beyond a bound is left out
 * and never makes a mail fail. Thread-safe. */
#ifndef INKLING_MAIL_MAIL_H
#define INKLING_MAIL_MAIL_H

#include "base/arena.h"
#include "base/err.h"
#include "base/hash.h"
#include "model/event.h"
#include "model/received_mail.h"

#define MAIL_SIZE_MAX     ((size_t)40 << 20) /* of a raw message */
#define MAIL_IDS_MAX      32                 /* message ids that are looked up */
#define MAIL_FINDINGS_MAX 100                /* recipients of one report (RFC 5321 section 4.5.3.1.8) */
#define MAIL_EXCERPT_MAX  400                /* characters */

/* Call once before threads, and before mail_understand. */
void mail_global_init(void);

enum mail_kind {
    MAIL_OTHER,       /* nothing that happened to an email of ours */
    MAIL_REPLY,       /* a person's answer */
    MAIL_AUTOMATIC,   /* a machine's answer: out of office, a ticket's receipt … (RFC 3834) */
    MAIL_BOUNCE,      /* a delivery report: failed, delayed or delivered (RFC 3464) */
    MAIL_COMPLAINT,   /* a feedback report (RFC 5965) */
    MAIL_UNSUBSCRIBE, /* by mail, or a feedback report of type opt-out */
};
const char *mail_kind_name(enum mail_kind kind); /* "reply", "automatic" … */

/* Where a message id was found; also how surely it names our email. Names are kept in events' metadata. */
enum mail_match {
    MATCH_NONE,
    MATCH_TOKEN,       /* an address of ours that carries a token (reply_token.h) */
    MATCH_IN_REPLY_TO, /* RFC 5322 section 3.6.4 */
    MATCH_REFERENCES,
    MATCH_RETURNED, /* the Message-ID of the message that a report brings back */
    MATCH_SUBJECT,  /* the sender's address and the subject */
    MATCH_ADDRESS,  /* the sender's address alone: unsubscriptions only */
    MATCH_LATER,    /* by one of its message ids, when the email was registered after the mail had come */
};
const char *mail_match_name(enum mail_match match); /* "token", "in_reply_to" … */

struct mail_id {
    struct slice id; /* as message_id_normalize leaves it */
    enum mail_match match;
};

/* What happened, once a recipient. A reply has one. */
struct mail_finding {
    enum event_type type;
    enum bounce_kind bounce; /* of EVENT_BOUNCE */
    struct slice recipient;  /* whose email it is about: the author of a reply, the address that failed; may be empty */
    struct slice status;     /* RFC 3463: "5.1.1"; may be empty, as all below */
    struct slice diagnostic;
    struct slice sign; /* by what an automatic reply was known; the type of a feedback report */
};

struct mail_meaning {
    enum mail_kind kind;
    struct mail_finding findings[MAIL_FINDINGS_MAX]; /* none for MAIL_OTHER, and for reports that report nothing */
    size_t finding_count;
    struct mail_id ids[MAIL_IDS_MAX]; /* the surest first, each once */
    size_t id_count;
    bool has_token; /* and its MAC is right: */
    int64_t token_organization_id, token_email_log_id;
    struct slice message_id; /* the mail's own; evidence */
    struct slice author;     /* the bare address of From; of a report, its writer's */
    /* Subjects without "Re:" and its kin (subject.h), for MATCH_SUBJECT: the mail's own or the returned message's, and
     * Outlook's Thread-Topic. */
    struct slice subjects[2];
    int64_t sent_at;      /* ms UTC, see mail_time in headers.h */
    struct slice excerpt; /* the beginning of what the author wrote, without quotes; only on demand */
};

struct mail_options {
    const unsigned char *hash_key; /* HASH_KEY_SIZE bytes: tokens are checked with it */
    size_t excerpt_max;            /* characters, at most MAIL_EXCERPT_MAX; 0: the text is not looked at */
};

/* Strings are in `arena` or point into `mail`. ERR_TOO_LARGE for a raw message above MAIL_SIZE_MAX, ERR_UNREADABLE for
 * one that is no message at all; nothing else fails. */
MUST_USE int mail_understand(const struct received_mail *mail, const struct mail_options *options, struct arena *arena,
                             struct mail_meaning *ret, struct err *err);

#endif
