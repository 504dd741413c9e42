/* api_keys: what programs show to prove who they are. Only a SHA-256 of a key is stored. */
#ifndef INKLING_STORE_API_KEYS_H
#define INKLING_STORE_API_KEYS_H

#include "base/arena.h"
#include "base/err.h"
#include "model/counters.h"
#include "model/roles.h"

struct db;

#define API_KEY_NAME_MAX  100
#define API_KEY_HASH_SIZE 32

struct api_key {
    int64_t organization_id, id;
    struct slice name, prefix;
    enum api_role role;
    int64_t created_at, last_used_at, revoked_at; /* TIME_UNSET: never */
    int64_t expires_at;                           /* from then on it is not in force; TIME_UNSET: never */
};

#define API_KEY_DAYS_MAX 3650

static inline bool api_key_in_force(const struct api_key *key, int64_t now) {
    return key->revoked_at == TIME_UNSET && (key->expires_at == TIME_UNSET || now < key->expires_at);
}

/* 1: the key with this hash if it is in force at `now`, and the time zone of its organization, in `arena`; 0: none. */
MUST_USE int api_key_find(struct db *db, int64_t organization_id, const unsigned char hash[API_KEY_HASH_SIZE],
                          int64_t now, struct arena *arena, struct api_key *ret, struct slice *ret_time_zone,
                          struct err *err);
MUST_USE int api_key_load(struct db *db, int64_t organization_id, int64_t id, struct arena *arena, struct api_key *ret,
                          struct err *err);
/* Revoked and expired ones too; by id, at most `limit` after `after_id`. */
MUST_USE int api_keys_load(struct db *db, int64_t organization_id, int64_t after_id, size_t limit, struct arena *arena,
                           struct api_key **ret, size_t *ret_count, struct err *err);
/* In the caller's write transaction, so all below. Sets id and created_at. */
MUST_USE int api_key_insert(struct db *db, struct api_key *key, const unsigned char hash[API_KEY_HASH_SIZE],
                            int64_t now, struct err *err);
/* ERR_NOT_FOUND when there is none that is in force. */
MUST_USE int api_key_revoke(struct db *db, int64_t organization_id, int64_t id, int64_t now, struct err *err);
MUST_USE int api_key_used(struct db *db, int64_t organization_id, int64_t id, int64_t now, struct err *err);

#endif
