/* token_keys: the keys of tracking tokens, as stored. They are sealed above (ingest/secret_box.h). */
#ifndef INKLING_STORE_TOKEN_KEYS_H
#define INKLING_STORE_TOKEN_KEYS_H

#include "base/arena.h"
#include "base/err.h"
#include "model/counters.h"

struct db;

#define TOKEN_KEY_IDS_MAX 255 /* an id is one byte in a token, and never 0 */

struct token_key_row {
    int64_t id;
    struct slice sealed;            /* NULL ptr: retired, and its bytes destroyed */
    int64_t created_at, retired_at; /* TIME_UNSET: in force */
};

/* All there are, the newest first: the first one in force signs. */
MUST_USE int token_key_rows_list(struct db *db, struct arena *arena, struct token_key_row **ret, size_t *ret_count,
                                 struct err *err);
/* The longest time for which any organization keeps its events; 0 without organizations. */
MUST_USE int token_key_retention_days(struct db *db, int64_t *ret, struct err *err);

/* In the caller's write transaction, and raising the settings version, so both. Services that change keys wait for each
 * other from here to their commit. `only_first`: does nothing, *ret_id = 0, when there is a key in force already.
 * An id is given anew only when all were used, then that of the key retired longest ago. ERR_TOO_LARGE: `max` are in
 * force. */
MUST_USE int token_key_row_insert(struct db *db, struct slice sealed, size_t max, bool only_first, int64_t now,
                                  int64_t *ret_id, struct err *err);
/* ERR_NOT_FOUND when there is none in force. */
MUST_USE int token_key_row_retire(struct db *db, int64_t id, int64_t now, struct err *err);

#endif
