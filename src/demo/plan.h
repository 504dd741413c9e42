/* plan: which emails the organization has sent in the months before: applications and what follows from them,
 * campaigns, and a sequence. */
#ifndef INKLING_DEMO_PLAN_H
#define INKLING_DEMO_PLAN_H

#include "demo/world.h"

struct demo_plan {
    struct demo_email *emails; /* by sent_at; without message ids */
    size_t count, capacity;
};

/* The same world gives the same plan. Whether a candidate may still be written to when its turn comes is decided
 * later: demo_may_write. */
void demo_plan_make(struct demo_plan *plan, struct demo_world *world);
void demo_plan_release(struct demo_plan *plan);

#endif
