/* json_readers: readers that are lent for the length of a request and keep their memory, which is dear to get anew
 * for every large body. Thread-safe. */
#ifndef INKLING_BASE_JSON_READERS_H
#define INKLING_BASE_JSON_READERS_H

#include "base/json.h"

struct json_readers;

/* Keeps at most `max` readers that nobody uses. */
struct json_readers *json_readers_new(size_t max);
struct json_readers *json_readers_free(struct json_readers *readers); /* NULL accepted; all must have been given back */
struct json_reader *json_readers_take(struct json_readers *readers);
/* One that has grown for an unusually large text is freed rather than kept. NULL accepted. */
void json_readers_give(struct json_readers *readers, struct json_reader *reader);

#endif
