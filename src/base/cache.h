/* cache: a bounded table in memory from a 128-bit hash to one integer, used by one thread. When it is full, half of
 * the oldest entries go. For dictionaries whose truth is in the database; losing an entry costs a look-up. */
#ifndef INKLING_BASE_CACHE_H
#define INKLING_BASE_CACHE_H

#include "base/hash.h"

struct cache;

struct cache *cache_new(size_t max_entries);
struct cache *cache_free(struct cache *cache);
void cache_clear(struct cache *cache);
bool cache_get(const struct cache *cache, struct hash128 key, int64_t *ret_value);
void cache_put(struct cache *cache, struct hash128 key, int64_t value);

#endif
