/* hit: a request to our own pixel, links or pages that means something, as it goes through the journal into the
 * database. Plain data; how it is written is fixed by journals that are on disk. */
#ifndef INKLING_INGEST_HIT_H
#define INKLING_INGEST_HIT_H

#include "base/cidr.h"
#include "model/event.h"
#include "model/tracking.h"

enum hit_kind { /* in journals: never change a number */
                HIT_OPEN = 1,
                HIT_CLICK = 2,
                HIT_UNSUBSCRIBE = 3,
                HIT_CONSENT = 4, /* what a person allows, from the preference page */
};
#define HIT_KIND_MAX 4

struct hit {
    enum hit_kind kind;
    enum machine_hint machine;
    enum tracking_level level; /* of HIT_CONSENT */
    int64_t occurred_at;       /* ms UTC */
    int64_t organization_id, email_log_id;
    int64_t cohort_id;     /* of a hit of no single email; else 0 */
    int32_t link_position; /* of a click, or LINK_POSITION_NONE */
    bool has_address;      /* shortened already, as far as the organization keeps it */
    struct address address;
    struct slice url, agent; /* at most EVENT_URL_MAX_BYTES and EVENT_AGENT_MAX_BYTES; longer ones are cut */
};

#define HIT_BYTES_MAX (64 + EVENT_URL_MAX_BYTES + EVENT_AGENT_MAX_BYTES)
/* Writes at most HIT_BYTES_MAX bytes. */
size_t hit_encode(const struct hit *hit, unsigned char *out);
/* False for anything that hit_encode does not write. Slices point into `bytes`. */
bool hit_decode(struct slice bytes, struct hit *ret);

#endif
