/* mail_matching: what received mail is held against to find the email that it is about. For reading. */
#ifndef INKLING_STORE_MAIL_MATCHING_H
#define INKLING_STORE_MAIL_MATCHING_H

#include "base/arena.h"
#include "base/err.h"
#include "base/slice.h"

struct db;

struct sent_email {
    int64_t email_log_id, sent_at;
    struct slice subject; /* empty: not known */
};
/* Emails to candidates with that address (ASCII letters in any case), sent from `from` to `to` (ms UTC, both included):
 * the newest first, at most `limit`. Strings in `arena`. */
MUST_USE int emails_to_address(struct db *db, int64_t organization_id, struct slice address, int64_t from, int64_t to,
                               size_t limit, struct arena *arena, struct sent_email **ret, size_t *ret_count,
                               struct err *err);

struct email_parties {
    struct slice recipient_address, sender_address; /* empty: not known */
};
/* ERR_NOT_FOUND when the organization has no such email. */
MUST_USE int email_parties_load(struct db *db, int64_t organization_id, int64_t email_log_id, struct arena *arena,
                                struct email_parties *ret, struct err *err);

#endif
