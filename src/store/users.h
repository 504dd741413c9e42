/* users: people who sign in, and senders that the applicant tracking system named (who may never sign in). */
#ifndef INKLING_STORE_USERS_H
#define INKLING_STORE_USERS_H

#include "base/arena.h"
#include "base/err.h"
#include "model/counters.h"
#include "model/roles.h"

struct db;

#define USER_EMAIL_MAX 254 /* RFC 5321 with RFC 3696 erratum 1690 */
#define USER_NAME_MAX  200

struct user {
    int64_t organization_id, id;
    struct slice external_id; /* NULL ptr: none, so below */
    struct slice email;       /* lower case */
    struct slice name;
    enum user_role role;
    bool has_password;
    int64_t created_at, updated_at, disabled_at; /* TIME_UNSET: never */
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
/* Stores email, name and role, and the password unless NULL; enables or disables by `disabled_at`. ERR_CONFLICT. */
MUST_USE int user_update(struct db *db, const struct user *user, const char *password_hash, int64_t now,
                         struct err *err);
/* ERR_NOT_FOUND when there is none that is not disabled. */
MUST_USE int user_disable(struct db *db, int64_t organization_id, int64_t id, int64_t now, struct err *err);

#endif
