/* health: what the counts of an endpoint mean, in a word and a sentence. Pure. */
#ifndef INKLING_INGEST_HEALTH_H
#define INKLING_INGEST_HEALTH_H

#include "store/endpoint_hours.h"

enum health {
    HEALTH_UNKNOWN, /* too early to say, or disabled */
    HEALTH_OK,
    HEALTH_QUIET,   /* less comes than should, and zero is no sign of zero interest */
    HEALTH_FAILING, /* what comes is refused, or finds no email */
};
const char *health_name(enum health health);

struct health_facts {
    struct endpoint_sums sums; /* all 0: nothing ever came */
    int64_t created_at, now;
    bool disabled;
    bool waits_for_confirmation;
    bool measures_itself; /* most emails are measured by our own pixel, so that none is expected of the provider */
};

struct health_finding {
    enum health health;
    const char *cause;  /* a word for programs: "wrong_key", "tracking_off" …; NULL: none */
    const char *reason; /* a sentence for people; NULL: nothing to say */
    bool hides_opens;   /* opens may be missing: figures of them are not measured */
};

struct health_finding health_of(const struct health_facts *facts);
/* The middle of what the weeks before had. */
int64_t health_usual(const int64_t weeks[ENDPOINT_WEEKS]);

#endif
