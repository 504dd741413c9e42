/* json_split: where one JSON object ends and the next begins, in a text of many that comes in pieces: one behind the
 * other, with or without lines or commas between them, or as the elements of one array. Looks at braces and strings
 * only; whether an object is well-formed is for the parser to say. Finds its way again behind a broken one, at the next
 * line that begins with a brace. One thread. */
#ifndef INKLING_IMPORT_JSON_SPLIT_H
#define INKLING_IMPORT_JSON_SPLIT_H

#include "base/err.h"
#include "base/slice.h"

#define JSON_SPLIT_MAX_BYTES ((size_t)32 << 20) /* of one object: a page of a provider's API is one */

struct json_piece {
    struct slice text; /* valid during the call, JSON_PADDING readable bytes behind */
    int64_t line;      /* from 1, at which it begins */
    bool broken;       /* not an object from brace to brace, or too large: then `text` is cut */
};

struct json_split;

struct json_split *json_split_new(void (*piece)(void *context, const struct json_piece *piece), void *context);
struct json_split *json_split_free(struct json_split *split); /* NULL accepted */
void json_split_feed(struct json_split *split, struct slice bytes);
void json_split_finish(struct json_split *split); /* what is left without an end is broken */

#endif
