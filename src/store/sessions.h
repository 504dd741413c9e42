/* sessions: who is signed in. The browser holds a random token, the database its hash, so that a session can be ended
 * at any time (compliance C-110) and a copy of the database opens none. */
#ifndef INKLING_STORE_SESSIONS_H
#define INKLING_STORE_SESSIONS_H

#include "model/tracking.h"
#include "store/users.h"

#define SESSION_HASH_SIZE 32
#define SESSION_AGENT_MAX 256
#define SESSIONS_LIST_MAX 200 /* of one user; the oldest go when there are more */

struct web_session {
    int64_t organization_id, id, user_id;
    int64_t created_at, last_used_at;
    struct slice source; /* shortened address at sign-in; NULL ptr: not known */
    struct slice agent;  /* the browser, as it named itself */
};

/* Where an account is looked for when somebody signs in: by address in all organizations, or in one. */
struct account {
    struct user user;
    struct slice password_hash; /* NULL ptr: none */
    struct slice totp_secret;   /* sealed; NULL ptr: no second factor in force */
    int64_t totp_step;
    struct slice organization_name, organization_time_zone;
    enum tracking_level organization_tracking;
};
#define ACCOUNTS_MAX 20
/* Not disabled ones, by organization; `organization_id` 0: all, at most ACCOUNTS_MAX. Strings in `arena`. */
MUST_USE int accounts_find(struct db *db, struct slice email, int64_t organization_id, struct arena *arena,
                           struct account **ret, size_t *ret_count, struct err *err);
/* The same by the identity that signs in at a provider: "<issuer> <subject>". */
MUST_USE int accounts_find_subject(struct db *db, struct slice subject, int64_t organization_id, struct arena *arena,
                                   struct account **ret, size_t *ret_count, struct err *err);
/* ERR_NOT_FOUND when there is none, or it is disabled. */
MUST_USE int account_load(struct db *db, int64_t organization_id, int64_t user_id, struct arena *arena,
                          struct account *ret, struct err *err);

/* 1: the session with this hash that was made after `made_after` and used after `used_after`, with its user, who is not
 * disabled; 0: none. */
MUST_USE int session_find(struct db *db, int64_t organization_id, const unsigned char hash[SESSION_HASH_SIZE],
                          int64_t made_after, int64_t used_after, struct arena *arena, struct web_session *ret,
                          struct account *ret_account, struct err *err);
/* The latest first. */
MUST_USE int sessions_load(struct db *db, int64_t organization_id, int64_t user_id, int64_t made_after,
                           int64_t used_after, struct arena *arena, struct web_session **ret, size_t *ret_count,
                           struct err *err);

/* In the caller's write transaction, so all below. Sets id; notes the moment with the user. */
MUST_USE int session_insert(struct db *db, struct web_session *session, const unsigned char hash[SESSION_HASH_SIZE],
                            int64_t now, struct err *err);
MUST_USE int session_used(struct db *db, int64_t organization_id, int64_t id, int64_t now, struct err *err);
/* ERR_NOT_FOUND when the user has no such session. */
MUST_USE int session_end(struct db *db, int64_t organization_id, int64_t user_id, int64_t id, struct err *err);
/* From now on this identity signs in to the account. ERR_DENIED when another one does. */
MUST_USE int user_bind_subject(struct db *db, int64_t organization_id, int64_t user_id, struct slice subject,
                               struct err *err);
/* All of a user but `except` (0: all). */
MUST_USE int sessions_end(struct db *db, int64_t organization_id, int64_t user_id, int64_t except, struct err *err);

#endif
