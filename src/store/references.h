/* references: the things of the applicant tracking system that an email belongs to (candidate, sender, job, template,
 * campaign, sequence), found or created by its own ids. In the caller's write transaction, under the registration lock.
 */
#ifndef INKLING_STORE_REFERENCES_H
#define INKLING_STORE_REFERENCES_H

#include "base/err.h"
#include "model/tracking.h"

#include "model/identity.h"

struct db;

enum reference_table { REFERENCE_JOBS, REFERENCE_TEMPLATES, REFERENCE_CAMPAIGNS, REFERENCE_SEQUENCES };

/* A given name replaces the one that is there; an empty one leaves it. */
MUST_USE int reference_upsert(struct db *db, enum reference_table table, int64_t organization_id,
                              struct slice external_id, struct slice name, int64_t now, int64_t *ret_id,
                              struct err *err);
/* What a campaign allows; TRACKING_FULL when it says nothing. */
MUST_USE int campaign_tracking(struct db *db, int64_t organization_id, int64_t campaign_id, enum tracking_level *ret,
                               struct err *err);

struct candidate_reference {
    struct slice external_id, name, email, title; /* external_id set; the others may be empty */
    int64_t id;                                   /* out */
    bool has_tracking;                            /* out: has the person been asked? */
    enum tracking_level tracking;                 /* out, when has_tracking */
};
MUST_USE int candidate_upsert(struct db *db, int64_t organization_id, struct candidate_reference *candidate,
                              int64_t now, struct err *err);

/* The sender by the applicant tracking system's id or by address; id 0 when both are empty. */
MUST_USE int sender_upsert(struct db *db, int64_t organization_id, struct slice external_id, struct slice email,
                           struct slice name, int64_t now, int64_t *ret_id, struct err *err);

struct cohort_key {
    int32_t day;
    int64_t job_id, template_id, campaign_id, sequence_id, sender_id;
};
MUST_USE int cohort_upsert(struct db *db, int64_t organization_id, const struct cohort_key *key, int64_t *ret_id,
                           struct err *err);

/* What the campaign of a cohort allows. 1; 0 when there is no such cohort. */
MUST_USE int cohort_tracking(struct db *db, int64_t organization_id, int64_t cohort_id, enum tracking_level *ret,
                             struct err *err);

/* What is needed to rewrite an email that was registered. ERR_NOT_FOUND. */
struct email_terms {
    enum tracking_level tracking;   /* in force when it was sent */
    enum own_tracking own_tracking; /* what our own pixel and links may measure of it */
    int64_t cohort_id;
};
MUST_USE int email_terms_load(struct db *db, int64_t organization_id, int64_t email_log_id, struct email_terms *ret,
                              struct err *err);

/* The level that was in force when the email was sent. */
MUST_USE int email_tracking(struct db *db, int64_t organization_id, int64_t email_log_id, enum tracking_level *ret,
                            struct err *err);
/* Further keys of an email; the ids are kept with it where it has none yet. ERR_NOT_FOUND when there is no such email.
 */
MUST_USE int email_keys_add(struct db *db, int64_t organization_id, int64_t email_log_id, struct slice message_id,
                            struct slice rfc_message_id, const struct message_key *keys, size_t key_count, int64_t now,
                            struct err *err);

#endif
