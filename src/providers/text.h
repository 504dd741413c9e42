/* text: how providers keep strings of a request and write JSON. */
#ifndef INKLING_PROVIDERS_TEXT_H
#define INKLING_PROVIDERS_TEXT_H

#include "base/arena.h"
#include "base/json.h"
#include "base/slice.h"

struct strbuf;

/* A copy of at most `max` bytes of UTF-8, cut between two characters. A NUL becomes '?': databases refuse it in text.
 */
struct slice text_keep(struct arena *arena, struct slice text, size_t max);
/* An exact copy with JSON_PADDING readable bytes behind: something that can be parsed. */
struct slice text_keep_padded(struct arena *arena, struct slice text);
/* The bare address, or the text as it is when it holds none (providers report bounces of "jane@" too). */
struct slice text_keep_recipient(struct arena *arena, struct slice text);
/* A message id as an event's key; an empty slice when it is empty or too long to match anything. */
struct slice text_keep_key(struct arena *arena, struct slice message_id);

/* A string as it is, an integer (signed or unsigned 64 bits) as its digits (in `arena`). False on any other value. */
bool text_of_value(struct json_value value, struct arena *arena, struct slice *ret);

/* Appends a JSON string literal with its quotes. */
int text_write_json(struct strbuf *out, struct slice text);
/* Appends `"name":"text",` unless the text is empty. */
int text_write_member(struct strbuf *out, const char *name, struct slice text);
/* What stands in an object (or, without a name, in an array), with the comma before it where one is due. */
void text_write_name(struct strbuf *out, const char *name);
void text_write_text(struct strbuf *out, const char *name, struct slice text); /* null without ptr */
void text_write_int(struct strbuf *out, const char *name, int64_t value);

/* Appends with %XX for all but the unreserved characters of RFC 3986. */
int text_write_percent(struct strbuf *out, struct slice text);

/* The SHA-256 of some bytes in the shape of a UUID, for ids of composed deliveries that are the same each time. */
#define TEXT_UUID_CHARS 36
struct slice text_uuid_of(struct slice bytes, struct arena *arena);

#endif
