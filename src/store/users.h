/* users: people who sign in, and senders that the applicant tracking system named (who may never sign in). */
#ifndef INKLING_STORE_USERS_H
#define INKLING_STORE_USERS_H

#include "base/arena.h"
#include "base/err.h"
#include "model/counters.h"
#include "model/roles.h"

struct db;

#define USER_EMAIL_MAX       254 /* RFC 5321 with RFC 3696 erratum 1690 */
#define USER_NAME_MAX        200
#define USER_PREFERENCES_MAX 8192

struct user {
    int64_t organization_id, id;
    struct slice external_id; /* NULL ptr: none, so below */
    struct slice email;       /* lower case */
    struct slice name;
    enum user_role role;
    bool has_password;
    struct user_grants grants;
    bool has_second_factor;
    struct slice time_zone;                                    /* their own; else the organization's holds */
    struct slice preferences;                                  /* JSON object */
    int64_t created_at, updated_at, disabled_at, signed_in_at; /* TIME_UNSET: never */
};

/* "Jane@Example.org" as it is stored, in `arena`; NULL ptr when it is no address. */
struct slice user_email_normalize(struct arena *arena, struct slice email);

MUST_USE int user_load(struct db *db, int64_t organization_id, int64_t id, struct arena *arena, struct user *ret,
                       struct err *err);
/* Disabled ones too; by id, at most `limit` after `after_id`. */
MUST_USE int users_load(struct db *db, int64_t organization_id, int64_t after_id, size_t limit, struct arena *arena,
                        struct user **ret, size_t *ret_count, struct err *err);

/* In the caller's write transaction, so all below. `password_hash` NULL: none. Sets id and times. ERR_CONFLICT when the
 * address is taken. */
MUST_USE int user_insert(struct db *db, struct user *user, const char *password_hash, int64_t now, struct err *err);
/* Stores email, name, role and grants, and the password unless NULL; enables or disables by `disabled_at`. A new
 * password and disabling end the user's sessions. ERR_CONFLICT: the address is taken, or nobody would be left who can
 * sign in as an admin. */
MUST_USE int user_update(struct db *db, const struct user *user, const char *password_hash, int64_t now,
                         struct err *err);
/* ERR_NOT_FOUND when there is none that is not disabled; ERR_CONFLICT as above. Ends the user's sessions. */
MUST_USE int user_disable(struct db *db, int64_t organization_id, int64_t id, int64_t now, struct err *err);
/* What people change themselves: name, time zone, preferences. */
MUST_USE int user_update_own(struct db *db, const struct user *user, int64_t now, struct err *err);
/* Ends the user's sessions. */
MUST_USE int user_set_password(struct db *db, int64_t organization_id, int64_t id, const char *password_hash,
                               int64_t now, struct err *err);
/* Of any organization: false only before the set-up. */
MUST_USE int users_any_password(struct db *db, bool *ret, struct err *err);

/* The jobs whose candidates a hiring manager sees. */
#define USER_JOBS_MAX 1000
struct user_job {
    struct slice external_id, title;
};
MUST_USE int user_jobs_load(struct db *db, int64_t organization_id, int64_t id, struct arena *arena,
                            struct user_job **ret, size_t *ret_count, struct err *err);
/* The same as numbers (jobs.id), at most USER_JOBS_MAX. */
MUST_USE int user_job_ids(struct db *db, int64_t organization_id, int64_t id, struct arena *arena, int64_t **ret,
                          size_t *ret_count, struct err *err);
/* All of them, in place of the former. */
MUST_USE int user_jobs_set(struct db *db, int64_t organization_id, int64_t id, const int64_t *jobs, size_t count,
                           struct err *err);

#endif
