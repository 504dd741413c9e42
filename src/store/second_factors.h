/* second_factors: a user's authenticator and recovery codes. Secrets come and go encrypted; codes are hashes. All but
 * the loading verb run in the caller's write transaction. */
#ifndef INKLING_STORE_SECOND_FACTORS_H
#define INKLING_STORE_SECOND_FACTORS_H

#include "store/users.h"

#define RECOVERY_CODE_HASH_SIZE 32

/* The secret that was begun and not confirmed yet, in `arena`. ERR_NOT_FOUND when there is none. */
MUST_USE int second_factor_pending(struct db *db, int64_t organization_id, int64_t user_id, struct arena *arena,
                                   struct slice *ret_sealed, struct err *err);
/* A new secret, not in force yet. ERR_CONFLICT when one is in force. */
MUST_USE int second_factor_begin(struct db *db, int64_t organization_id, int64_t user_id, struct slice sealed,
                                 struct err *err);
/* In force from now on; `step` is used up. ERR_CONFLICT when one is in force, or none was begun. */
MUST_USE int second_factor_confirm(struct db *db, int64_t organization_id, int64_t user_id, int64_t step,
                                   const unsigned char (*codes)[RECOVERY_CODE_HASH_SIZE], size_t code_count,
                                   int64_t now, struct err *err);
/* Each step and each code is good once: 1 the first time, else 0. */
MUST_USE int second_factor_use_step(struct db *db, int64_t organization_id, int64_t user_id, int64_t step,
                                    struct err *err);
MUST_USE int second_factor_use_code(struct db *db, int64_t organization_id, int64_t user_id,
                                    const unsigned char hash[RECOVERY_CODE_HASH_SIZE], struct err *err);
MUST_USE int second_factor_remove(struct db *db, int64_t organization_id, int64_t user_id, struct err *err);

#endif
