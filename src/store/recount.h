/* recount: what is stored, in streams that `inkling verify` compares side by side (ingest/verify.h): emails, their
 * events and links, and the totals they should add up to. All in the order of cohorts, then emails, so that nothing has
 * to be kept in memory but the cohort at hand. The databases sort on disk.
 *
 * Use a connection of one's own (store_writer) inside one DB_READ transaction, begun after recount_prepare. */
#ifndef INKLING_STORE_RECOUNT_H
#define INKLING_STORE_RECOUNT_H

#include "base/err.h"
#include "model/counters.h"
#include "model/identity.h"
#include "model/local_days.h"

struct arena;
struct db;
struct db_rows;

/* Makes the connection sort with bounded memory. Outside of a transaction. */
MUST_USE int recount_prepare(struct db *db, struct err *err);

struct recount_organization {
    int64_t id;
    int64_t retention_days;
    struct local_days days; /* of what happens; in the arena */
};
MUST_USE int recount_organizations(struct db *db, struct arena *arena, struct recount_organization **ret,
                                   size_t *ret_count, struct err *err);

enum recount_stream {
    RECOUNT_EMAILS,     /* by cohort, email */
    RECOUNT_EVENTS,     /* by cohort of their email (0: there is no such email), email, time, type, link, recipient */
    RECOUNT_LINKS,      /* by cohort, email, link */
    RECOUNT_COHORTS,    /* by cohort; several rows each: the total and its changes */
    RECOUNT_BREAKDOWNS, /* by cohort, kind, item; several rows each. Without BREAKDOWN_AGGREGATE */
    RECOUNT_ACTIVITY,   /* by cohort, day; several rows each */
};
#define RECOUNT_STREAMS 6
/* Opens a stream of an organization; read it with db_next and the functions below; db_rows_free it. */
MUST_USE int recount_open(struct db *db, enum recount_stream stream, int64_t organization_id, struct db_rows **ret,
                          struct err *err);

struct recount_email {
    struct email_stats stats;
    /* Does this database chain the events? Then stats.last_event_at is the head; else no event is later than it. */
    bool has_chain;
};
void recount_email(const struct db_rows *rows, struct recount_email *ret);

struct recount_event {
    int64_t cohort_id;
    struct event_key key;
    enum verdict verdict;
    enum bounce_kind bounce;
    bool has_former;   /* in the chain */
    int64_t former_at; /* occurred_at of the email's event that arrived before, when has_former */
};
void recount_event(const struct db_rows *rows, struct recount_event *ret);

struct recount_link {
    int64_t cohort_id;
    struct link_stats stats;
};
void recount_link(const struct db_rows *rows, struct recount_link *ret);

struct recount_cohort {
    int64_t cohort_id;
    bool has_day; /* false: a change */
    int64_t day;  /* sent */
    struct contribution sums;
};
void recount_cohort(const struct db_rows *rows, struct recount_cohort *ret);

struct recount_breakdown {
    int64_t cohort_id;
    int64_t kind, item, n;
};
void recount_breakdown(const struct db_rows *rows, struct recount_breakdown *ret);

struct recount_activity {
    int64_t cohort_id, day;
    struct contribution sums;
};
void recount_activity(const struct db_rows *rows, struct recount_activity *ret);

/* Scores (scores.h): every candidate with the stored score; the emails of a window by recipient; those whom a mark
 * names, with a mark of everybody as the ids above *ret_all_after (INT64_MAX: none). Ascending by candidate. */
MUST_USE int recount_scores(struct db *db, int64_t organization_id, struct db_rows **ret, struct err *err);
struct recount_score {
    int64_t candidate_id;
    bool is_stored;
    int64_t score, next_look_at, recency, replied;
};
void recount_score(const struct db_rows *rows, struct recount_score *ret);
/* Read with scores_email. */
MUST_USE int recount_score_emails(struct db *db, int64_t organization_id, int64_t sent_after, struct db_rows **ret,
                                  struct err *err);
MUST_USE int recount_score_marks(struct db *db, int64_t organization_id, struct arena *arena, int64_t **ret_candidates,
                                 size_t *ret_count, int64_t *ret_all_after, struct err *err);
/* Jobs of candidates, and who sent them emails: pairs that are absent though there is an email (score = INT64_MIN), or
 * whose score is not the candidate's. Only rows that differ. */
struct recount_candidate_job {
    int64_t candidate_id, job_id /* 0: it is a sender */, sender_id, score;
};
MUST_USE int recount_candidate_jobs(struct db *db, int64_t organization_id, struct db_rows **ret, struct err *err);
void recount_candidate_job(const struct db_rows *rows, struct recount_candidate_job *ret);

/* The sums of days against those of their cohorts: only rows that differ, as cohorts minus day. */
MUST_USE int recount_days(struct db *db, int64_t organization_id, struct db_rows **ret, struct err *err);
void recount_day(const struct db_rows *rows, int32_t *ret_day, struct contribution *ret_difference);
/* The same by job (kind 1), template (2) and campaign (3): rows are read with recount_day and recount_group. */
MUST_USE int recount_groups(struct db *db, int64_t organization_id, struct db_rows **ret, struct err *err);
void recount_group(const struct db_rows *rows, int64_t *ret_kind, int64_t *ret_item);
/* The same of what happened (recount_day reads it). */
MUST_USE int recount_activity_days(struct db *db, int64_t organization_id, struct db_rows **ret, struct err *err);
MUST_USE int recount_day_breakdowns(struct db *db, int64_t organization_id, struct db_rows **ret, struct err *err);
void recount_day_breakdown(const struct db_rows *rows, int32_t *ret_day, struct recount_breakdown *ret);

#endif
