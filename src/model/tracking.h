/* tracking: how much of a recipient's engagement may be recorded (BR-558.1, BR-558.8; semantics.md "Consent and
 * privacy"). Stored as numbers: the stricter level is the smaller. */
#ifndef INKLING_MODEL_TRACKING_H
#define INKLING_MODEL_TRACKING_H

#include "model/event.h"

enum tracking_level {
    TRACKING_NONE = 0,      /* opens and clicks leave no trace */
    TRACKING_AGGREGATE = 1, /* opens and clicks raise a total of their cohort; no event, person, address or agent */
    TRACKING_CLICKS = 2,    /* clicks are recorded, opens leave no trace */
    TRACKING_FULL = 3,
};

const char *tracking_level_name(enum tracking_level level);
bool tracking_level_parse(struct slice name, enum tracking_level *ret);
enum tracking_level tracking_strictest(enum tracking_level a, enum tracking_level b);

/* What becomes of an event under a level. Bounces, complaints, unsubscribes and replies are always recorded. */
enum tracking_decision { TRACKING_RECORD, TRACKING_COUNT_ONLY, TRACKING_WITHHOLD };
enum tracking_decision tracking_decide(enum tracking_level level, enum event_type type);

/* What of an email our own pixel and links measure; fixed when it is registered, like its level. Bits, stored. What
 * they measure is counted from our own hits alone: a provider's opens and clicks of such an email are kept as evidence
 * (docs/decisions/0008-one-open-from-two-sources.md). */
enum own_tracking { OWN_TRACKING_NONE = 0, OWN_TRACKING_OPENS = 1, OWN_TRACKING_CLICKS = 2, OWN_TRACKING_BOTH = 3 };
/* The part of `wanted` that is measured under a level. Under TRACKING_AGGREGATE all of it, as totals. */
enum own_tracking own_tracking_under(enum tracking_level level, enum own_tracking wanted);
bool own_tracking_measures(enum own_tracking own, enum event_type type);

/* Organization policy: without a recorded consent, opt_out tracks and opt_in does not. */
enum consent_mode { CONSENT_OPT_OUT = 0, CONSENT_OPT_IN = 1 };
const char *consent_mode_name(enum consent_mode mode);
bool consent_mode_parse(struct slice name, enum consent_mode *ret);

/* What is kept of a client's address (compliance C-24). */
enum address_policy { ADDRESS_DROP = 0, ADDRESS_TRUNCATE = 1, ADDRESS_KEEP = 2 };
const char *address_policy_name(enum address_policy policy); /* "drop", "truncate", "keep" */
bool address_policy_parse(struct slice name, enum address_policy *ret);

#endif
