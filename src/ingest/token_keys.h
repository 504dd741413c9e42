/* token_keys: the keys of tracking tokens in memory, as a ring that signs and verifies (tracking/token.h). Stored
 * sealed with the instance's secret key; the first is made when a service starts without one. The newest in force
 * signs, so a rotation leaves mail already sent working until its key is retired (compliance C-22). Thread-safe. */
#ifndef INKLING_INGEST_TOKEN_KEYS_H
#define INKLING_INGEST_TOKEN_KEYS_H

#include "ingest/secret_box.h"
#include "tracking/token.h"

struct db;
struct token_keys;

/* Immutable, counted: release what was acquired. */
struct token_keyset {
    const struct token_ring *ring;
    uint8_t signing_id;
    size_t
        unreadable; /* keys in force that this secret key does not open: their mail gets the answer to foreign tokens */
};

struct token_keys *token_keys_new(const struct secret_box *box);
struct token_keys *token_keys_free(struct token_keys *keys); /* NULL accepted */
/* Makes the first key when none is in force, in a transaction of its own on a connection for writing. */
MUST_USE int token_keys_ensure(const struct secret_box *box, struct db *db, int64_t now, struct err *err);
/* Reads all keys anew when the settings version differs from the one that was loaded. `db`: not in a transaction. */
MUST_USE int token_keys_refresh(struct token_keys *keys, struct db *db, struct err *err);
/* NULL: not one key is there or can be opened. */
const struct token_keyset *token_keys_acquire(struct token_keys *keys);
void token_keys_release(const struct token_keyset *set); /* NULL accepted */

/* ---- administration, each in the caller's write transaction ---- */

/* A new key, which signs from now on. ERR_TOO_LARGE: TOKEN_KEYS_MAX are in force. */
MUST_USE int token_key_rotate(struct db *db, const struct secret_box *box, int64_t now, int64_t *ret_id,
                              struct err *err);
/* Destroys a key: whatever it signed is unknown from now on. ERR_NOT_FOUND; ERR_CONFLICT when it is the one that signs,
 * or, unless `force`, when an email that it signed may still be within the retention of some organization. */
MUST_USE int token_key_retire(struct db *db, int64_t id, bool force, int64_t now, struct err *err);

#endif
