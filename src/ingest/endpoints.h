/* endpoints: the configured webhooks in memory, ready to verify with: secrets decrypted and parsed. Reloaded when
 * instance.settings_version has changed. Thread-safe. */
#ifndef INKLING_INGEST_ENDPOINTS_H
#define INKLING_INGEST_ENDPOINTS_H

#include "base/cidr.h"
#include "ingest/secret_box.h"
#include "providers/provider.h"

struct db;
struct endpoints;

struct endpoint_credential {
    struct slice username; /* empty: a bearer token, or the value of `header` */
    struct slice password;
    struct slice header; /* name of a header of its own that must have `password` as its value; empty: Authorization */
};

/* Immutable, counted: release what was acquired. */
struct endpoint {
    int64_t organization_id, id;
    struct slice token;
    struct provider_endpoint settings;
    const struct endpoint_credential *credentials; /* any may match; none: not asked for */
    size_t credential_count;
    const struct cidr *allowed_cidrs; /* none: any address */
    size_t allowed_cidr_count;
    int64_t rate_limit; /* requests a minute; 0: the default */
    bool auto_confirm;
    bool broken; /* a secret could not be decrypted or parsed: every delivery is refused, and kept */
};

/* `public_url`: where the service is seen from outside, without a slash at its end; empty: not configured. */
struct endpoints *endpoints_new(const struct secret_box *box, const char *public_url);
struct endpoints *endpoints_free(struct endpoints *endpoints);
/* Reads all endpoints anew when the settings version differs from the one that was loaded. */
MUST_USE int endpoints_refresh(struct endpoints *endpoints, struct db *db, struct err *err);
/* NULL: no such endpoint, or disabled. */
const struct endpoint *endpoints_acquire(struct endpoints *endpoints, struct slice token);
const struct endpoint *endpoints_acquire_by_id(struct endpoints *endpoints, int64_t organization_id, int64_t id);
void endpoints_release(const struct endpoint *endpoint); /* NULL accepted */

#endif
