/* audit: what was changed and taken out, by whom, from where (compliance C-80 to C-82). An organization's entries are
 * numbered without a gap, and each carries SHA-256 over the hash of the one before and its own content, so that no
 * entry can be changed, taken out or put elsewhere unnoticed. The head of the chain is sealed by a MAC whose key is not
 * in the database: who has nothing but the database cannot cut entries off at the end or write the chain anew.
 *
 * People and things stand by their numbers, so that an erasure has nothing to change here; names are looked up when the
 * log is read. */
#ifndef INKLING_STORE_AUDIT_H
#define INKLING_STORE_AUDIT_H

#include "base/arena.h"
#include "base/err.h"

struct db;

#define AUDIT_KEY_SIZE    32
#define AUDIT_LABEL       "inkling audit log" /* of the key: secret_box_derive */
#define AUDIT_HASH_SIZE   32
#define AUDIT_DETAIL_MAX  (16 << 10)
#define AUDIT_ENTRIES_MAX 500000 /* of an organization; the oldest go first */
#define AUDIT_WORD_MAX    64     /* an action or an object */

enum audit_actor { AUDIT_SYSTEM, AUDIT_USER, AUDIT_API_KEY, AUDIT_COMMAND, AUDIT_ACTOR_COUNT };
const char *audit_actor_name(enum audit_actor actor); /* "system", "user", "api_key", "command" */
bool audit_actor_parse(struct slice name, enum audit_actor *ret);

struct audit_entry {
    int64_t organization_id, id, at;
    enum audit_actor actor;
    int64_t actor_id;        /* of a user or an API key; 0: none */
    struct slice source;     /* shortened address; empty: none */
    struct slice request_id; /* empty: none */
    struct slice action;     /* our own words: "users.create" */
    struct slice object;     /* "users"; empty: none */
    int64_t object_id;       /* 0: none */
    struct slice detail;     /* a JSON object; empty: {} */
    /* Out of audit_load only. */
    struct slice actor_name; /* as it is today; ptr NULL: nobody, or gone */
};

/* In the transaction of the change, as its last step: on PostgreSQL it holds the organization's head until the commit,
 * so whatever follows could wait in a circle. Sets `id`. An organization that does not exist is passed over.
 * ERR_TOO_LARGE: the detail. */
MUST_USE int audit_append(struct db *db, const unsigned char key[AUDIT_KEY_SIZE], struct audit_entry *entry,
                          int64_t now, struct err *err);

struct audit_filter {
    int64_t organization_id;
    int actor;           /* enum audit_actor; -1: all */
    int64_t actor_id;    /* 0: all */
    struct slice action; /* itself, or all that begin with it and a dot; empty: all */
    struct slice object; /* empty: all */
    int64_t object_id;   /* 0: all */
    int64_t from, to;    /* ms UTC, the end excluded */
};
/* The latest first, at most `limit` with an id below `before`. */
MUST_USE int audit_load(struct db *db, const struct audit_filter *filter, int64_t before, size_t limit,
                        struct arena *arena, struct audit_entry **ret, size_t *ret_count, struct err *err);

/* Removes the oldest entries: those from before `before`, and those beyond AUDIT_ENTRIES_MAX; at most `limit`. The
 * chain then begins with the hash of the last one removed. */
MUST_USE int audit_purge(struct db *db, const unsigned char key[AUDIT_KEY_SIZE], int64_t organization_id,
                         int64_t before, int64_t limit, int64_t *ret_removed, struct err *err);

/* Walks the whole chain. `fault` is told of each fault as a sentence, up to AUDIT_FAULTS_TOLD; *ret_entries: how many
 * were looked at, *ret_faults: how many faults. In the caller's reading transaction. */
#define AUDIT_FAULTS_TOLD 20
MUST_USE int audit_verify(struct db *db, const unsigned char key[AUDIT_KEY_SIZE], int64_t organization_id,
                          void (*fault)(void *context, const char *sentence), void *context, int64_t *ret_entries,
                          int64_t *ret_faults, struct err *err);

#endif
