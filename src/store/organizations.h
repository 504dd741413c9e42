/* organizations: the tenants of an installation, and their settings. */
#ifndef INKLING_STORE_ORGANIZATIONS_H
#define INKLING_STORE_ORGANIZATIONS_H

#include "base/arena.h"
#include "base/err.h"
#include "model/score_policy.h"
#include "model/tracking.h"

struct db;

#define ORGANIZATION_NAME_MAX      200
#define ORGANIZATION_TIME_ZONE_MAX 64
#define RETENTION_DAYS_MAX         3650
#define TRACKING_DOMAIN_MAX        253 /* RFC 1035 section 2.3.4 */

struct organization {
    int64_t id;
    struct slice name, time_zone;
    enum tracking_level tracking;
    enum consent_mode consent_mode;
    enum address_policy address_policy;
    int64_t retention_days;
    struct slice tracking_domain; /* host of its pixels and links, lower case, with a port if need be; empty: the
                                     instance's */
    struct slice brand_color;     /* "#rrggbb"; empty: none chosen */
    bool honor_privacy_signals;   /* requests with Sec-GPC or DNT are served and not recorded (compliance C-12) */
    struct score_policy score;
    int64_t created_at, updated_at;
};

/* What a new organization starts with, but for its name. */
void organization_init(struct organization *organization);
/* Reads `id`; strings in `arena`. ERR_NOT_FOUND. */
MUST_USE int organization_load(struct db *db, int64_t id, struct arena *arena, struct organization *ret,
                               struct err *err);
/* By id, at most `limit` after `after_id`. */
MUST_USE int organizations_list(struct db *db, int64_t after_id, size_t limit, struct arena *arena,
                                struct organization **ret, size_t *ret_count, struct err *err);
/* In the caller's write transaction; sets `id` and the times. */
MUST_USE int organization_insert(struct db *db, struct organization *organization, int64_t now, struct err *err);
/* Everything but the times is stored. ERR_NOT_FOUND; ERR_CONFLICT when the tracking domain is another organization's.
 * Raises the settings version; marks all scores when they may change (scores.h). */
MUST_USE int organization_update(struct db *db, const struct organization *organization, int64_t now, struct err *err);

#endif
