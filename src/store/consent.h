/* consent: what candidates and campaigns allow to be recorded, and carrying a change over to the emails that were sent
 * before it (BR-558.1, BR-558.8; semantics.md "Consent and privacy"). In the caller's write transaction.
 *
 * An email keeps two levels: the one frozen when it was sent, which no later change touches, and what candidate and
 * campaign allow today, tracking_now. Only the latter is set here, so no figure changes. */
#ifndef INKLING_STORE_CONSENT_H
#define INKLING_STORE_CONSENT_H

#include "base/err.h"
#include "base/slice.h"
#include "model/tracking.h"

struct arena;
struct db;

/* What is recorded as allowed; `known` false: never asked, or the answer was taken back. */
struct consent {
    bool known;
    enum tracking_level level; /* when known */
};

/* Sets it and carries it over to all emails of the person, by the applicant tracking system's id. Somebody who is not
 * known yet is made known: an objection may come before the first email. */
MUST_USE int consent_set_candidate(struct db *db, int64_t organization_id, struct slice external_id,
                                   struct consent consent, int64_t now, int64_t *ret_candidate_id, size_t *ret_emails,
                                   struct err *err);

/* Where an answer came from; every change of a person's answer is recorded with it (compliance C-06). */
enum consent_channel { CONSENT_API, CONSENT_PREFERENCE_PAGE, CONSENT_UNSUBSCRIBE };
const char *consent_channel_name(enum consent_channel channel); /* "api", "preference_page", "unsubscribe" */

/* The same for the person to whom an email was sent, who gave the answer at `recorded_at`. Does nothing when a newer
 * answer is recorded, or this very one: it may have waited, or come twice. Unsubscribing again changes nothing.
 * ERR_NOT_FOUND when there is no such email (any more). */
MUST_USE int consent_set_by_email(struct db *db, int64_t organization_id, int64_t email_log_id, struct consent consent,
                                  enum consent_channel channel, int64_t recorded_at, struct err *err);
/* What the person to whom an email was sent has said. ERR_NOT_FOUND. */
MUST_USE int consent_of_email(struct db *db, int64_t organization_id, int64_t email_log_id, struct consent *ret,
                              struct err *err);
/* Has the recipient unsubscribed by way of this email? */
MUST_USE int email_unsubscribed(struct db *db, int64_t organization_id, int64_t email_log_id, bool *ret,
                                struct err *err);

/* The same as for a candidate, for a campaign, but for emails registered from now on. Those sent before:
 * consent_carry_campaign, as often as it takes. */
MUST_USE int consent_set_campaign(struct db *db, int64_t organization_id, struct slice external_id,
                                  struct consent consent, int64_t now, int64_t *ret_campaign_id, struct err *err);

/* Carries on with at most `limit` emails of a campaign, behind *position (zeroed at the start). *ret_emails is below
 * `limit` when all are done. A campaign may have a million emails: a transaction of all would stop the webhooks. */
struct consent_position {
    int64_t cohort_id, sent_at, email_log_id;
};
MUST_USE int consent_carry_campaign(struct db *db, int64_t organization_id, int64_t campaign_id, size_t limit,
                                    struct consent_position *position, size_t *ret_emails, struct err *err);

#endif
