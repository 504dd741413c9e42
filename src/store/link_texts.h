/* link_texts: what readers see of the links that we rewrote (AF-4), once for each text that a link has had. */
#ifndef INKLING_STORE_LINK_TEXTS_H
#define INKLING_STORE_LINK_TEXTS_H

#include "base/arena.h"
#include "base/err.h"
#include "model/identity.h"

struct db;

struct link_text {
    struct message_key link; /* link_key() */
    int64_t text_hash;
    struct slice text;
};
struct link_text link_text_make(const unsigned char hash_key[HASH_KEY_SIZE], struct slice url, int32_t position,
                                struct slice text);

/* Takes out of the list what is stored already, and what stands in it twice; sorts it. */
MUST_USE int link_texts_missing(struct db *db, int64_t organization_id, struct link_text *texts, size_t *count,
                                struct arena *arena, struct err *err);
/* In the caller's write transaction. What is there already is left as it is. */
MUST_USE int link_texts_insert(struct db *db, int64_t organization_id, const struct link_text *texts, size_t count,
                               int64_t now, struct err *err);

#endif
