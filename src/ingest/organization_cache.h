/* organization_cache: what pixel, links and pages must know of each organization without asking the database. Reloaded
 * when instance.settings_version has changed. Thread-safe. */
#ifndef INKLING_INGEST_ORGANIZATION_CACHE_H
#define INKLING_INGEST_ORGANIZATION_CACHE_H

#include "base/err.h"
#include "base/slice.h"
#include "model/tracking.h"

struct db;
struct organization_cache;

struct cached_organization {
    int64_t id;
    struct slice name;
    struct slice tracking_domain; /* lower case; empty: none of its own */
    struct slice brand_color;     /* "#rrggbb"; empty: none */
    enum address_policy address_policy;
    bool honor_privacy_signals;
};

/* One state of all organizations. Immutable, counted: release what was acquired. */
struct organization_set;

struct organization_cache *organization_cache_new(void);
struct organization_cache *organization_cache_free(struct organization_cache *cache); /* NULL accepted */
MUST_USE int organization_cache_refresh(struct organization_cache *cache, struct db *db, struct err *err);
const struct organization_set *organization_cache_acquire(struct organization_cache *cache); /* never NULL */
void organization_set_release(const struct organization_set *set);
/* NULL: not known (yet). */
const struct cached_organization *organization_set_find(const struct organization_set *set, int64_t id);
/* Whose tracking domain is this, as a Host header names it (any case)? NULL: nobody's. */
const struct cached_organization *organization_set_by_domain(const struct organization_set *set, struct slice host);

#endif
