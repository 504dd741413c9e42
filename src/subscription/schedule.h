/* schedule: when a delivery that failed is tried again, and when a subscription is given up. Pure: no I/O, no clock.
 * The waits are those that Standard Webhooks advises ("Retries"): 8 attempts within 28 hours. */
#ifndef INKLING_SUBSCRIPTION_SCHEDULE_H
#define INKLING_SUBSCRIPTION_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#define SCHEDULE_STEPS             7
#define SCHEDULE_RETRY_AFTER_MAX_S 3600             /* a subscriber may ask for this long, at most */
#define SCHEDULE_FAILING_MAX_MS    (5 * 86400000LL) /* without a single success: then a subscription is disabled */

/* The wait after the attempt at `step` (0: the first) failed, in ms. False: it was the last. `chance`: any number,
 * which moves the wait by up to a tenth either way, so that what failed together does not come back together.
 * `retry_after_s`: what the answer asked for, 0 nothing; it can only make the wait longer. */
bool schedule_wait(int64_t step, uint32_t chance, int64_t retry_after_s, int64_t *ret_ms);

/* How long to leave a subscription alone after so many failures in a row (1: the first), ms: a second, then twice as
 * long each time, up to a minute. While one fails it is tried with one delivery at a time. */
int64_t schedule_rest(int64_t failures);

#endif
