/* verdict: who caused an open or click (BR-558.7). A verdict is a fact about an event that may change later; the
 * counters follow it through the one function in model/counters.h. */
#ifndef INKLING_MODEL_VERDICT_H
#define INKLING_MODEL_VERDICT_H

#include "base/slice.h"

/* Stored; never change a number. Human and proxied count, machine is counted apart. Evidence is counted nowhere: a
 * provider's word on what our own tracking measures. */
enum verdict { VERDICT_HUMAN = 0, VERDICT_PROXIED = 1, VERDICT_MACHINE = 2, VERDICT_EVIDENCE = 3 };
const char *verdict_name(enum verdict verdict);
static inline bool verdict_is_human(enum verdict verdict) {
    return verdict == VERDICT_HUMAN || verdict == VERDICT_PROXIED;
}

/* Reasons: bits of a 63-bit set, stored with the event; a rule keeps its bit for ever. */
enum verdict_reason {
    REASON_PROVIDER_MACHINE = 0, /* the provider's own flag, e.g. SendGrid's sg_machine_open */
    REASON_METHOD = 1,           /* HEAD on our own pixel or link */
    REASON_PREFETCH = 2,         /* the request says that nobody asked for it yet */
    REASON_HONEYPOT = 3,         /* a link that no person sees */
    REASON_OWN_TRACKING = 4,     /* our own pixel or links measure this email: the provider's word is evidence */
};
#define VERDICT_REASON_COUNT 5
/* "provider_machine": for the API. NULL for an unknown bit. */
const char *verdict_reason_name(enum verdict_reason reason);

#endif
