/* metadata: an event's "what else is worth keeping" as one compact JSON object of at most EVENT_METADATA_MAX_BYTES.
 * What does not fit is left out, the largest members first: metadata never makes a delivery fail. One builder serves
 * the events of a delivery one after the other. */
#ifndef INKLING_PROVIDERS_METADATA_H
#define INKLING_PROVIDERS_METADATA_H

#include "base/arena.h"
#include "base/json.h"
#include "base/strbuf.h"

#define METADATA_MEMBERS_MAX    32  /* further ones are left out */
#define METADATA_TEXT_MAX_BYTES 400 /* of a diagnostic text, so that it seldom is the largest */

struct metadata_part {
    size_t at, len, key_len;
};

struct metadata {
    struct strbuf members; /* `"key":value` one behind the other */
    struct strbuf member;  /* the one being written */
    struct metadata_part parts[METADATA_MEMBERS_MAX];
    size_t count;
};

void metadata_init(struct metadata *metadata);
void metadata_release(struct metadata *metadata);

/* Any JSON value; null and absent ones, and a key that is there already, are passed over. */
void metadata_add(struct metadata *metadata, struct slice key, struct json_value value);
/* A text, cut to METADATA_TEXT_MAX_BYTES; an empty one is passed over. */
void metadata_add_text(struct metadata *metadata, struct slice key, struct slice text);
/* A string value as text, anything else as it is. */
void metadata_add_brief(struct metadata *metadata, struct slice key, struct json_value value);

/* The object, in `arena`, or an empty slice when there are no members; the builder is empty again. */
struct slice metadata_finish(struct metadata *metadata, struct arena *arena);

#endif
