/* notifications: what users are told of, and what each of them wants to be told of (UC-558 AF-3). */
#ifndef INKLING_STORE_NOTIFICATIONS_H
#define INKLING_STORE_NOTIFICATIONS_H

#include "base/arena.h"
#include "base/err.h"
#include "model/counters.h"
#include "model/roles.h"

struct db;

/* What one may want to be told of. Stored as bits; never change one. */
enum notification_event {
    NOTIFY_OPEN = 0,       /* every open by a human */
    NOTIFY_FIRST_OPEN = 1, /* only the first of each email */
    NOTIFY_CLICK = 2,
    NOTIFY_REPLY = 3,
    NOTIFY_BOUNCE = 4,
    NOTIFY_UNSUBSCRIBE = 5,
    NOTIFY_SPAM = 6,
};
#define NOTIFICATION_EVENTS 7
/* Stored among the bits of events, and no event: see hot_only. */
#define NOTIFY_HOT_ONLY_BIT (INT64_C(1) << 32)
const char *notification_event_name(int event); /* "open", "first_open" … */
/* The bits that an event of this type may fall under; 0: nobody is ever told. */
int64_t notification_events_of(enum event_type type);

enum notification_scope {
    NOTIFY_MINE = 0, /* of emails that the user sent */
    NOTIFY_JOBS = 1, /* of emails about the user's jobs */
    NOTIFY_TEAM = 2, /* of all emails */
};
const char *notification_scope_name(enum notification_scope scope);
bool notification_scope_parse(struct slice name, enum notification_scope *ret);

struct notification_preferences {
    int64_t events;
    enum notification_scope scope;
    bool hot_only; /* only of candidates whose score is hot; without effect where the user sees no scores */
    bool has_quiet_hours;
    int64_t quiet_from, quiet_to; /* minutes since local midnight, quiet_to not included; they may span midnight */
    int64_t merge_ms;   /* events of one candidate and type within so long of each other are one notification */
    int64_t updated_at; /* TIME_UNSET: never set */
};
#define NOTIFY_MERGE_MS_DEFAULT 60000
struct notification_preferences notification_preferences_default(enum user_role role);
/* The user's own, or the standard ones. */
MUST_USE int notification_preferences_load(struct db *db, int64_t organization_id, int64_t user_id, enum user_role role,
                                           struct notification_preferences *ret, struct err *err);
MUST_USE int notification_preferences_save(struct db *db, int64_t organization_id, int64_t user_id,
                                           const struct notification_preferences *preferences, int64_t now,
                                           struct err *err);

/* Everybody who can sign in, by organization and id; `jobs` of those who have any. */
struct watcher {
    int64_t organization_id, user_id;
    enum user_role role;
    bool sees_scores; /* API_SCORES */
    struct slice time_zone;
    struct notification_preferences preferences;
    int64_t *jobs;
    size_t job_count;
};
MUST_USE int watchers_load(struct db *db, struct arena *arena, struct watcher **ret, size_t *ret_count,
                           struct err *err);

/* ---- notifications; all changes in the caller's write transaction ---- */

struct notification {
    int64_t organization_id, id, user_id;
    int64_t candidate_id, email_log_id, link_id;
    enum event_type event_type;
    int64_t count, first_at, last_at;
    bool toast;
    int64_t created_at, updated_at, read_at, withdrawn_at;
    /* For showing: */
    int64_t job_id;
    int64_t sender_id; /* of the email; 0: not known */
    struct slice candidate_external_id, candidate_name, subject, job_external_id, job_title, url;
};

/* Takes `news` (count, times and link of its events) into the unread notification of the same user, candidate and type
 * that was updated within `merge_ms`, or makes a new one. Sets id, count and times as stored. */
MUST_USE int notification_merge(struct db *db, struct notification *news, int64_t merge_ms, int64_t now,
                                struct err *err);
/* How many notifications with a toast the user got since then. */
MUST_USE int notifications_recent(struct db *db, int64_t organization_id, int64_t user_id, int64_t since, int64_t *ret,
                                  struct err *err);

/* Notifications that were withdrawn: whose they were. */
struct withdrawn {
    int64_t id, user_id;
};
/* All of a candidate of an event type. */
MUST_USE int notifications_withdraw_candidate(struct db *db, int64_t organization_id, int64_t candidate_id,
                                              enum event_type type, int64_t now, struct arena *arena,
                                              struct withdrawn **ret, size_t *ret_count, struct err *err);
/* One event of a candidate is taken out: the notification of each user that it went into counts one less, and is
 * withdrawn at 0. */
MUST_USE int notifications_retract(struct db *db, int64_t organization_id, int64_t candidate_id, enum event_type type,
                                   int64_t occurred_at, int64_t now, struct arena *arena, struct withdrawn **ret,
                                   size_t *ret_count, struct err *err);

/* A user's, the newest first, without those withdrawn. `jobs_of`: as in store/visible.h. */
struct notification_page {
    size_t limit;
    int64_t before_id; /* INT64_MAX: from the newest */
    bool only_unread;
};
MUST_USE int notifications_load(struct db *db, int64_t organization_id, int64_t user_id, int64_t jobs_of,
                                const struct notification_page *page, struct arena *arena, struct notification **ret,
                                size_t *ret_count, struct err *err);
/* Those changed after that moment, withdrawn ones too, in order of change; at most `limit`. */
MUST_USE int notifications_changed(struct db *db, int64_t organization_id, int64_t user_id, int64_t jobs_of,
                                   int64_t since, size_t limit, struct arena *arena, struct notification **ret,
                                   size_t *ret_count, struct err *err);
MUST_USE int notifications_unread(struct db *db, int64_t organization_id, int64_t user_id, int64_t jobs_of,
                                  int64_t *ret, struct err *err);
/* The user's notification `id`; ERR_NOT_FOUND. `read` false: unread again. */
MUST_USE int notification_mark(struct db *db, int64_t organization_id, int64_t user_id, int64_t id, bool read,
                               int64_t now, struct err *err);
/* All of the user up to that id. */
MUST_USE int notifications_mark_all(struct db *db, int64_t organization_id, int64_t user_id, int64_t up_to_id,
                                    int64_t now, struct err *err);

/* Of these sessions, those still in force. *ret_alive[i] tells of ids[i]. */
MUST_USE int sessions_alive(struct db *db, int64_t organization_id, const int64_t *ids, size_t count,
                            int64_t made_after, int64_t used_after, bool *ret_alive, struct arena *arena,
                            struct err *err);

#endif
