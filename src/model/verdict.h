/* verdict: who caused an open or click (BR-558.7). A verdict is a fact about an event that may change later; the
 * counters follow it through the one function in model/counters.h. */
#ifndef INKLING_MODEL_VERDICT_H
#define INKLING_MODEL_VERDICT_H

#include "base/slice.h"

/* Stored; never change a number. Human and proxied count, machine does not. */
enum verdict { VERDICT_HUMAN = 0, VERDICT_PROXIED = 1, VERDICT_MACHINE = 2 };
const char *verdict_name(enum verdict verdict);
static inline bool verdict_is_human(enum verdict verdict) {
    return verdict != VERDICT_MACHINE;
}

/* Reasons: bits of a 63-bit set, stored with the event; a rule keeps its bit for ever. */
enum verdict_reason {
    REASON_PROVIDER_MACHINE = 0, /* the provider's own flag, e.g. SendGrid's sg_machine_open */
};
#define VERDICT_REASON_COUNT 1
/* "provider_machine": for the API. NULL for an unknown bit. */
const char *verdict_reason_name(enum verdict_reason reason);

#endif
