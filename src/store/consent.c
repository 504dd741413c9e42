#include "store/consent.h"

#include <stdlib.h>

#include "base/arena.h"
#include "store/db.h"
#include "store/engagement.h"
#include "store/outbox.h"
#include "store/references.h"
#include "store/scores.h"

#include "base/banned.h"

static const struct statement select_mode = {
    .name = "consent mode",
    .sql = "SELECT consent_mode FROM organizations WHERE organization_id = $1",
};
static const struct statement update_candidate = {
    .name = "consent of a candidate",
    .sql = "UPDATE candidates SET tracking = $3, updated_at = $4 WHERE organization_id = $1 AND id = $2",
};
static const struct statement update_campaign = {
    .name = "tracking of a campaign",
    .sql = "UPDATE campaigns SET tracking = $3, updated_at = $4 WHERE organization_id = $1 AND id = $2",
};

static const struct statement insert_record = {
    .name = "record of consent",
    .sql = "INSERT INTO consent_records (organization_id, candidate_id, tracking, channel, email_log_id, recorded_at)"
           " VALUES ($1, $2, $3, $4, $5, $6)",
};
static const struct statement select_person = {
    .name = "person of an email",
    .sql = "SELECT f.recipient_id, p.tracking, (SELECT MAX(r.recorded_at) FROM consent_records r WHERE"
           " r.organization_id = $1 AND r.candidate_id = f.recipient_id) FROM email_logs f JOIN candidates p"
           " ON p.organization_id = $1 AND p.id = f.recipient_id WHERE f.organization_id = $1 AND f.id = $2",
};

/* The emails whose level of today may have changed: id, cohort, time, what the person allows, what the campaign allows.
 */
#define LEVEL_COLUMNS "SELECT f.id, f.cohort_id, f.sent_at, p.tracking, g.tracking"
#define LEVEL_JOINS                                                                                                    \
    " JOIN candidates p ON p.organization_id = $1 AND p.id = f.recipient_id"                                           \
    " LEFT JOIN campaigns g ON g.organization_id = $1 AND g.id = k.campaign_id"
static const struct statement levels_of_candidate = {
    .name = "emails of a candidate",
    .sql =
        LEVEL_COLUMNS " FROM email_logs f JOIN cohorts k ON k.organization_id = $1 AND k.id = f.cohort_id" LEVEL_JOINS
                      " WHERE f.organization_id = $1 AND f.recipient_id = $2 AND f.id > $3 ORDER BY f.id LIMIT $4",
};
/* In the order of cohorts, which SQLite has as row ids. A plus keeps it from an index that would need sorting, and the
 * other from taking "k.id >= $3" over to cohort_id and using that instead of the cohort: it would read all emails each
 * time. */
#define LEVELS_OF_CAMPAIGN(organization)                                                                               \
    LEVEL_COLUMNS " FROM cohorts k CROSS JOIN email_logs f" LEVEL_JOINS " WHERE " organization                         \
                  " = $1 AND k.id >= $3 AND k.campaign_id = $2 AND f.organization_id = $1 AND f.cohort_id = +k.id"     \
                  " AND (k.id > $3 OR (f.sent_at, f.id) > ($4, $5)) ORDER BY k.id, f.sent_at, f.id LIMIT $6"
static const struct statement levels_of_campaign = {
    .name = "emails of a campaign",
    .sql = LEVELS_OF_CAMPAIGN("+k.organization_id"),
    .sql_postgres = LEVELS_OF_CAMPAIGN("k.organization_id"),
};

#define SET_LEVEL(list)                                                                                                \
    "UPDATE email_stats SET tracking_now = $2 WHERE organization_id = $1 AND tracking_now <> $2 AND email_log_id "     \
    "IN " list("$3")
static const struct statement update_level = {
    .name = "level of emails",
    .sql = SET_LEVEL(DB_LIST),
    .sql_postgres = SET_LEVEL(DB_LIST_POSTGRES),
};

/* An email and the level that candidate and campaign allow it today. */
struct allowed {
    int64_t email_log_id;
    enum tracking_level level;
};

static int compare_by_id(const void *left, const void *right) {
    const struct allowed *a = left, *b = right;
    return (a->email_log_id > b->email_log_id) - (a->email_log_id < b->email_log_id);
}

static int load_mode(struct db *db, int64_t organization_id, enum consent_mode *ret, struct err *err) {
    struct db_rows *rows;
    int found = db_query_row(db, &select_mode, DB_VALUES(db_int(organization_id)), &rows, err);
    if (found < 0) return found;
    if (found == 0) return err_set(err, ERR_NOT_FOUND, "there is no organization %lld", (long long)organization_id);
    *ret = (enum consent_mode)db_column_int(rows, 0);
    db_rows_free(rows);
    return 0;
}

/* Sets tracking_now of the emails, which are locked first, in the order that all writers keep to. */
static int carry(struct db *db, int64_t organization_id, struct allowed *emails, size_t count, struct arena *arena,
                 struct err *err) {
    if (count == 0) return 0;
    qsort(emails, count, sizeof(*emails), compare_by_id);
    struct email_stats *stats = arena_alloc_array(arena, count, sizeof(*stats));
    int64_t *ids = arena_alloc_array(arena, count, sizeof(*ids));
    for (size_t i = 0; i < count; i++) {
        email_stats_init(&stats[i]);
        stats[i].organization_id = organization_id;
        stats[i].email_log_id = emails[i].email_log_id;
    }
    int result = engagement_lock_stats(db, stats, count, err);
    for (size_t i = 0; i < count; i++)
        ids[i] = emails[i].email_log_id;
    if (result == 0) result = scores_mark_emails(db, organization_id, ids, count, err);
    for (enum tracking_level level = TRACKING_NONE; result == 0 && level <= TRACKING_FULL; level++) {
        size_t listed = 0;
        for (size_t i = 0; i < count; i++)
            if (emails[i].level == level) ids[listed++] = emails[i].email_log_id;
        if (listed > 0)
            result = db_run(db, &update_level,
                            DB_VALUES(db_int(organization_id), db_int(level), db_list(arena, ids, listed)), NULL, err);
    }
    return result;
}

/* Reads emails by one of the statements above and carries the levels of today over to them. */
static int carry_selected(struct db *db, const struct statement *statement, const struct db_value *values,
                          size_t value_count, int64_t organization_id, size_t limit, struct consent_position *ret_last,
                          size_t *ret_count, struct err *err) {
    enum consent_mode mode = CONSENT_OPT_OUT;
    int result = load_mode(db, organization_id, &mode, err);
    if (result != 0) return result;
    struct db_rows *rows;
    result = db_query(db, statement, values, value_count, &rows, err);
    if (result != 0) return result;
    struct arena *arena = arena_new();
    struct allowed *emails = arena_alloc_array(arena, limit, sizeof(*emails));
    struct consent_position last = *ret_last;
    size_t count = 0;
    while (count < limit && (result = db_next(rows, err)) > 0) {
        struct allowed *email = &emails[count++];
        email->email_log_id = last.email_log_id = db_column_int(rows, 0);
        last.cohort_id = db_column_int(rows, 1);
        last.sent_at = db_column_int(rows, 2);
        int64_t unasked = mode == CONSENT_OPT_IN ? TRACKING_NONE : TRACKING_FULL;
        email->level = tracking_strictest((enum tracking_level)db_column_int_or(rows, 3, unasked),
                                          (enum tracking_level)db_column_int_or(rows, 4, TRACKING_FULL));
    }
    db_rows_free(rows);
    if (result >= 0) result = carry(db, organization_id, emails, count, arena, err);
    arena_free(arena);
    if (result != 0) return result;
    *ret_last = last;
    *ret_count = count;
    return 0;
}

static int set_level(struct db *db, const struct statement *statement, int64_t organization_id, int64_t id,
                     struct consent consent, int64_t now, struct err *err) {
    return db_run(
        db, statement,
        DB_VALUES(db_int(organization_id), db_int(id), consent.known ? db_int(consent.level) : db_null(), db_int(now)),
        NULL, err);
}

#define PORTION 5000

const char *consent_channel_name(enum consent_channel channel) {
    static const char *const names[] = {
        [CONSENT_API] = "api", [CONSENT_PREFERENCE_PAGE] = "preference_page", [CONSENT_UNSUBSCRIBE] = "unsubscribe"};
    return names[channel];
}

/* An answer as it is recorded. */
struct answer {
    struct consent consent;
    enum consent_channel channel;
    int64_t email_log_id; /* 0: by none */
    int64_t recorded_at;
};

/* Under the registration lock: an email that is being registered at this moment would be given the old level, unseen by
 * us. */
/* What people were told of opens and clicks that the candidate does not allow any more is to be withdrawn. */
static int withdraw_told(struct db *db, int64_t organization_id, int64_t candidate_id, struct consent consent,
                         int64_t now, struct err *err) {
    enum consent_mode mode;
    int result = load_mode(db, organization_id, &mode, err);
    if (result != 0) return result;
    enum tracking_level level = consent.known ? consent.level : mode == CONSENT_OPT_IN ? TRACKING_NONE : TRACKING_FULL;
    if (level == TRACKING_FULL) return 0;
    const struct outbox_row row = {.organization_id = organization_id,
                                   .kind = OUTBOX_OBJECTED,
                                   .candidate_id = candidate_id,
                                   .occurred_at = now,
                                   .score = SCORE_UNKNOWN,
                                   .event_type = level == TRACKING_CLICKS ? EVENT_OPEN : (enum event_type)0};
    return outbox_append(db, &row, 1, err);
}

static int set_candidate(struct db *db, int64_t organization_id, int64_t candidate_id, const struct answer *answer,
                         int64_t now, size_t *ret_emails, struct err *err) {
    struct consent_position last = {0};
    size_t emails = 0, portion;
    int result = set_level(db, &update_candidate, organization_id, candidate_id, answer->consent, now, err);
    if (result == 0)
        result = db_run(db, &insert_record,
                        DB_VALUES(db_int(organization_id), db_int(candidate_id),
                                  answer->consent.known ? db_int(answer->consent.level) : db_null(),
                                  db_text(slice_cstr(consent_channel_name(answer->channel))),
                                  db_int_or_null(answer->email_log_id, 0), db_int(answer->recorded_at)),
                        NULL, err);
    /* Somebody who was made known by this has a score too: none. */
    if (result == 0) result = scores_mark_candidates(db, organization_id, &candidate_id, 1, err);
    if (result != 0) return result;
    do {
        result = carry_selected(
            db, &levels_of_candidate,
            DB_VALUES(db_int(organization_id), db_int(candidate_id), db_int(last.email_log_id), db_int(PORTION)),
            organization_id, PORTION, &last, &portion, err);
        if (result != 0) return result;
        emails += portion;
    } while (portion == PORTION);
    *ret_emails = emails;
    return withdraw_told(db, organization_id, candidate_id, answer->consent, now, err);
}

int consent_set_candidate(struct db *db, int64_t organization_id, struct slice external_id, struct consent consent,
                          int64_t now, int64_t *ret_candidate_id, size_t *ret_emails, struct err *err) {
    struct candidate_reference candidate = {.external_id = external_id};
    const struct answer answer = {.consent = consent, .channel = CONSENT_API, .recorded_at = now};
    int result = engagement_registration_lock(db, organization_id, REGISTRATION_ORPHANS, err);
    if (result == 0) result = candidate_upsert(db, organization_id, &candidate, now, err);
    *ret_candidate_id = candidate.id;
    return result != 0 ? result : set_candidate(db, organization_id, candidate.id, &answer, now, ret_emails, err);
}

/* The person of an email: who, and the answer in force. */
struct person {
    int64_t candidate_id;
    struct consent consent;
    int64_t answered_at; /* INT64_MIN: never */
};

static int find_person(struct db *db, int64_t organization_id, int64_t email_log_id, struct person *ret,
                       struct err *err) {
    struct db_rows *rows;
    int found = db_query_row(db, &select_person, DB_VALUES(db_int(organization_id), db_int(email_log_id)), &rows, err);
    if (found < 0) return found;
    if (found == 0) return err_set(err, ERR_NOT_FOUND, "there is no email %lld", (long long)email_log_id);
    *ret = (struct person){
        .candidate_id = db_column_int(rows, 0),
        .consent = {.known = !db_is_null(rows, 1), .level = (enum tracking_level)db_column_int(rows, 1)},
        .answered_at = db_column_int_or(rows, 2, INT64_MIN),
    };
    db_rows_free(rows);
    return 0;
}

int consent_set_by_email(struct db *db, int64_t organization_id, int64_t email_log_id, struct consent consent,
                         enum consent_channel channel, int64_t recorded_at, struct err *err) {
    const struct answer answer = {
        .consent = consent, .channel = channel, .email_log_id = email_log_id, .recorded_at = recorded_at};
    struct person person = {0};
    size_t emails;
    int result = engagement_registration_lock(db, organization_id, REGISTRATION_ORPHANS, err);
    if (result == 0) result = find_person(db, organization_id, email_log_id, &person, err);
    if (result != 0) return result;
    bool same = person.consent.known == consent.known && person.consent.level == consent.level;
    if (person.answered_at >= recorded_at || (same && channel == CONSENT_UNSUBSCRIBE)) return 0;
    return set_candidate(db, organization_id, person.candidate_id, &answer, recorded_at, &emails, err);
}

int consent_of_email(struct db *db, int64_t organization_id, int64_t email_log_id, struct consent *ret,
                     struct err *err) {
    struct person person = {0};
    int result = find_person(db, organization_id, email_log_id, &person, err);
    if (result == 0) *ret = person.consent;
    return result;
}

int email_unsubscribed(struct db *db, int64_t organization_id, int64_t email_log_id, bool *ret, struct err *err) {
    static const struct statement select_time = {
        .name = "unsubscribed",
        .sql = "SELECT unsubscribed_at FROM email_stats WHERE organization_id = $1 AND email_log_id = $2",
    };
    struct db_rows *rows;
    int found = db_query_row(db, &select_time, DB_VALUES(db_int(organization_id), db_int(email_log_id)), &rows, err);
    *ret = false;
    if (found <= 0) return found;
    *ret = !db_is_null(rows, 0);
    db_rows_free(rows);
    return 0;
}

int consent_set_campaign(struct db *db, int64_t organization_id, struct slice external_id, struct consent consent,
                         int64_t now, int64_t *ret_campaign_id, struct err *err) {
    int64_t campaign_id;
    int result = engagement_registration_lock(db, organization_id, REGISTRATION_ORPHANS, err);
    if (result == 0)
        result =
            reference_upsert(db, REFERENCE_CAMPAIGNS, organization_id, external_id, SLICE_NONE, now, &campaign_id, err);
    if (result == 0) result = set_level(db, &update_campaign, organization_id, campaign_id, consent, now, err);
    if (result != 0) return result;
    *ret_campaign_id = campaign_id;
    return 0;
}

int consent_carry_campaign(struct db *db, int64_t organization_id, int64_t campaign_id, size_t limit,
                           struct consent_position *position, size_t *ret_emails, struct err *err) {
    return carry_selected(db, &levels_of_campaign,
                          DB_VALUES(db_int(organization_id), db_int(campaign_id), db_int(position->cohort_id),
                                    db_int(position->sent_at), db_int(position->email_log_id), db_int((int64_t)limit)),
                          organization_id, limit, position, ret_emails, err);
}
