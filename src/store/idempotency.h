/* idempotency: answers to requests that carried an Idempotency-Key, kept so that the same request again changes
 * nothing. */
#ifndef INKLING_STORE_IDEMPOTENCY_H
#define INKLING_STORE_IDEMPOTENCY_H

#include "base/arena.h"
#include "base/err.h"
#include "model/identity.h"

struct db;

#define IDEMPOTENCY_DAYS 2

struct idempotent_answer {
    int64_t request_hash;
    int64_t status;
    struct slice response;
};

/* 1: found, text in `arena`; 0: not. */
MUST_USE int idempotency_find(struct db *db, int64_t organization_id, struct message_key key, struct arena *arena,
                              struct idempotent_answer *ret, struct err *err);
/* In the transaction of the change. ERR_CONFLICT when the key was used in the meantime. */
MUST_USE int idempotency_store(struct db *db, int64_t organization_id, struct message_key key,
                               const struct idempotent_answer *answer, int64_t now, struct err *err);

#endif
