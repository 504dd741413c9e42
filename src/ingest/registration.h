/* registration: emails that were sent, as the applicant tracking system reports them, and the adoption of events that
 * came before them (EF-2). Runs inside the caller's write transaction. */
#ifndef INKLING_INGEST_REGISTRATION_H
#define INKLING_INGEST_REGISTRATION_H

#include "ingest/apply.h"
#include "model/tracking.h"

#define REGISTRATION_EMAILS_MAX 1000 /* in one request */

/* A thing of the applicant tracking system: its own id, and what it is called. Empty id: not given. */
struct reference {
    struct slice external_id;
    struct slice name;
};

struct registration {
    struct slice message_id, rfc_message_id, subject;
    int64_t sent_at; /* ms UTC */
    struct {
        struct slice external_id, name, email, title;
    } candidate; /* id or email must be given */
    struct {
        struct slice external_id, email, name;
    } sender; /* all may be empty */
    struct reference job, template_, campaign, sequence;
    int64_t sequence_step;        /* -1: none */
    enum tracking_level tracking; /* what the caller asks for; TRACKING_FULL when silent */
    /* What the caller will measure by our own pixel and links, as far as the level allows. It is fixed here: an email
     * registered without it gets none later, since what its provider saw is counted. */
    enum own_tracking own_tracking;

    /* out */
    int64_t email_log_id;
    bool existed;                  /* an email with this message id was there: nothing was changed */
    enum tracking_level effective; /* strictest of organization, campaign, candidate and caller */
    size_t adopted;                /* orphan events that found their email now */
};

/* All or nothing. ERR_CONFLICT when message_id and rfc_message_id belong to two different emails. */
MUST_USE int register_emails(struct applier *applier, struct db *db, int64_t organization_id,
                             struct registration *registrations, size_t count, int64_t now, struct err *err);

/* PATCH: gives an email a message id that the provider told only after sending, and adopts what waited for it. Further
 * ids may be added, none is taken away. ERR_NOT_FOUND, ERR_CONFLICT. */
MUST_USE int register_message_id(struct applier *applier, struct db *db, int64_t organization_id, int64_t email_log_id,
                                 struct slice message_id, struct slice rfc_message_id, int64_t now, size_t *ret_adopted,
                                 struct err *err);

/* Looks again for the emails of waiting orphans (`inkling replay --orphans`), at most `limit` after *cursor (0 to
 * start; the last orphan id seen on return, 0 when done). */
MUST_USE int adopt_orphans(struct applier *applier, struct db *db, int64_t organization_id, size_t limit,
                           int64_t *cursor, size_t *ret_adopted, struct err *err);

/* An orphan by hand: it is about this email, and so is all that names its message ids from now on, and what waits under
 * them. *ret_adopted: how many events found the email by it. ERR_NOT_FOUND: no such orphan or email; ERR_CONFLICT: one
 * of its message ids belongs to another email by now. */
MUST_USE int match_orphan(struct applier *applier, struct db *db, int64_t organization_id, int64_t orphan_id,
                          int64_t email_log_id, int64_t now, size_t *ret_adopted, struct err *err);
/* Looks for the email of one orphan again; *ret_adopted 0: there is none yet. ERR_NOT_FOUND: no such orphan. */
MUST_USE int retry_orphan(struct applier *applier, struct db *db, int64_t organization_id, int64_t orphan_id,
                          size_t *ret_adopted, struct err *err);

#endif
