/* engagement: the bulk verbs of the write path. Each takes arrays and does its work in as few steps as the database
 * allows (SQLite: a loop over prepared statements; PostgreSQL: one statement with unnest). All run inside the caller's
 * write transaction; what they mean is decided above, in ingest/: here is no rule of engagement.
 *
 * Order of a batch: find emails, lock their figures, insert events, save figures, append deltas. Arrays are sorted as
 * stated, so that concurrent writers lock in one order and never deadlock. */
#ifndef INKLING_STORE_ENGAGEMENT_H
#define INKLING_STORE_ENGAGEMENT_H

#include "base/err.h"
#include "model/counters.h"
#include "model/identity.h"

struct arena;
struct db;

struct email_lookup {
    int64_t organization_id;
    struct message_key key;
    int64_t email_log_id; /* out: 0 when unknown */
};
/* Any order, duplicates allowed. */
MUST_USE int engagement_find_emails(struct db *db, struct email_lookup *lookups, size_t count, struct err *err);

/* Loads and locks the figures of the emails whose organization_id and email_log_id are set in `stats`, sorted by
 * (organization_id, email_log_id), each once. One that does not exist gets email_log_id 0. */
MUST_USE int engagement_lock_stats(struct db *db, struct email_stats *stats, size_t count, struct err *err);

/* Dictionaries: gives each row the id of its (organization, hash), creating what is new. */
enum dictionary { DICTIONARY_LINKS, DICTIONARY_AGENTS };
struct dictionary_row {
    int64_t organization_id;
    struct message_key key; /* of text and position */
    struct slice text;
    int32_t position; /* links only */
    int64_t id;       /* out */
};
/* Sorted by (organization_id, key.hash, key.check), each once. */
MUST_USE int engagement_dictionary(struct db *db, enum dictionary dictionary, struct dictionary_row *rows, size_t count,
                                   struct err *err);

struct event_row {
    struct event_key key;
    enum verdict verdict;
    enum bounce_kind bounce;
    int64_t reasons;
    int64_t received_at;
    int64_t endpoint_id;
    int64_t agent_id;               /* 0: none */
    struct slice ip_address;        /* bytes to store; empty: NULL */
    struct slice provider_event_id; /* packed; empty: NULL */
    struct slice metadata;          /* empty: NULL */
    struct email_stats *stats;      /* of its email; SQLite reads and advances last_event_at, the head of the chain */
    bool inserted;                  /* out: false: an event with this key was there (BR-558.5) */
};
/* Sorted by event_key_compare, keys unique within the array. */
MUST_USE int engagement_insert_events(struct db *db, struct event_row *rows, size_t count, struct err *err);

/* Loads the figures of links of emails; (organization_id, email_log_id, link_id) set and sorted, each once. Absent
 * ones: as link_stats_init. */
struct link_row {
    int64_t organization_id;
    struct link_stats stats;
};
MUST_USE int engagement_load_links(struct db *db, struct link_row *rows, size_t count, struct err *err);
MUST_USE int engagement_save_links(struct db *db, const struct link_row *rows, size_t count,
                                   struct err *err); /* insert or update */
MUST_USE int engagement_save_stats(struct db *db, const struct email_stats *const *stats, size_t count,
                                   struct err *err); /* sorted as locked */

/* A change of a cohort, and the day on which what changed it happened: summed up by cohort it is the change of its
 * totals, by day it is what happened (docs/decisions/0020-activity.md). */
struct cohort_delta {
    int64_t organization_id, cohort_id;
    int64_t day;
    struct contribution change;
};
struct breakdown_delta {
    int64_t organization_id, cohort_id;
    enum breakdown_kind kind;
    int64_t item, n;
};
MUST_USE int engagement_append_deltas(struct db *db, const struct cohort_delta *cohorts, size_t cohort_count,
                                      const struct breakdown_delta *breakdowns, size_t breakdown_count,
                                      struct err *err);
/* Folds at most `limit` rows of each delta table into its totals, in the caller's transaction. *ret_folded: rows
 * folded. */
MUST_USE int engagement_fold(struct db *db, int64_t limit, int64_t *ret_folded, struct err *err);
/* Makes the sums by job, template and campaign of at most `limit` days that were folded into since, in the caller's
 * transaction. *ret_days: days done; less than `limit` (64 at most): none waits. Reports are right without, but slower.
 */
MUST_USE int engagement_gather_groups(struct db *db, size_t limit, size_t *ret_days, struct err *err);
/* Rows waiting to be folded, roughly. */
MUST_USE int engagement_fold_backlog(struct db *db, int64_t *ret_rows, struct err *err);

struct orphan_row {
    int64_t id; /* out of the loading verbs */
    int64_t organization_id;
    struct message_key fingerprint;
    int64_t endpoint_id, received_at;
    struct event event; /* what parse gave, address already shortened */
    struct message_key keys[EVENT_KEYS_MAX];
    size_t key_count;
    bool inserted; /* out: false: was there */
};
/* PostgreSQL: while this transaction lasts, no email of the organization is registered (and the other way round), so
 * that an orphan and its email cannot miss each other. Before inserting orphans and before registering. SQLite: one
 * writer anyway. */
enum registration_side { REGISTRATION_ORPHANS, REGISTRATION_EMAILS };
MUST_USE int engagement_registration_lock(struct db *db, int64_t organization_id, enum registration_side side,
                                          struct err *err);
MUST_USE int engagement_insert_orphans(struct db *db, struct orphan_row *rows, size_t count, struct err *err);
/* The orphans waiting under any of the keys, at most `limit`, oldest first; strings in `arena`. */
MUST_USE int engagement_take_orphans(struct db *db, int64_t organization_id, const struct message_key *keys,
                                     size_t key_count, size_t limit, struct arena *arena, struct orphan_row **ret,
                                     size_t *ret_count, struct err *err);
MUST_USE int engagement_delete_orphans(struct db *db, int64_t organization_id, const int64_t *ids, size_t count,
                                       struct err *err);
/* Every orphan after `after_id` in order of id, for replay; at most `limit`. */
MUST_USE int engagement_list_orphans(struct db *db, int64_t organization_id, int64_t after_id, size_t limit,
                                     struct arena *arena, struct orphan_row **ret, size_t *ret_count, struct err *err);

/* One of them. ERR_NOT_FOUND. */
MUST_USE int engagement_get_orphan(struct db *db, int64_t organization_id, int64_t id, struct arena *arena,
                                   struct orphan_row *ret, struct err *err);

struct fingerprint_row {
    int64_t organization_id, day;
    struct message_key fingerprint;
    bool inserted; /* out: false: seen before */
};
MUST_USE int engagement_claim_fingerprints(struct db *db, struct fingerprint_row *rows, size_t count, struct err *err);

/* Registration: new emails with their keys and (empty) figures. */
struct email_row {
    int64_t organization_id;
    struct slice message_id, rfc_message_id, subject, recipient_address; /* empty: NULL */
    int64_t sent_at, recipient_id, sender_id, cohort_id, sequence_step /* -1: none */;
    int64_t recipient_hash;
    enum tracking_level tracking, tracking_now;
    enum own_tracking own_tracking;
    struct message_key keys[2];
    size_t key_count;
    int64_t now;
    int64_t id; /* out */
};
/* The caller has made sure that no key is taken (engagement_find_emails under the registration lock). */
MUST_USE int engagement_insert_emails(struct db *db, struct email_row *rows, size_t count, struct err *err);

/* The events of one email in order of time (then type, link, recipient); strings in `arena`. At most `limit` (up to
 * TIMELINE_MAX): of more the latest. SQLite walks the chain. One consistent snapshot, in a transaction of its own if
 * there is none. */
#define TIMELINE_MAX 10000
struct stored_event {
    struct event_key key;
    enum verdict verdict;
    enum bounce_kind bounce;
    int64_t reasons, received_at, endpoint_id;
    struct slice url;
    int32_t link_position;
    struct slice ip_address; /* stored bytes */
    struct slice user_agent;
    struct slice provider_event_id; /* packed */
    struct slice metadata;
};
MUST_USE int engagement_timeline(struct db *db, int64_t organization_id, int64_t email_log_id, size_t limit,
                                 struct arena *arena, struct stored_event **ret, size_t *ret_count, struct err *err);

#endif
