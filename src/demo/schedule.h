/* schedule: what the live traffic will do, and when: a bounded queue in order of time. */
#ifndef INKLING_DEMO_SCHEDULE_H
#define INKLING_DEMO_SCHEDULE_H

#include "demo/history.h"

#define DEMO_SCHEDULE_MAX 4096

enum demo_action_kind {
    DEMO_SEND_EMAIL,
    DEMO_REGISTER, /* an email whose events have outrun it */
    DEMO_HAPPEN,
    DEMO_OPEN_AGAIN, /* an older email */
    DEMO_DELIVER,    /* a provider's outbox */
    DEMO_FORGE,
    DEMO_SUMMARY,
};

struct demo_action {
    int64_t due_us; /* monotonic */
    uint64_t order; /* of those due at the same time */
    enum demo_action_kind kind;
    struct demo_prospect prospect; /* of REGISTER and HAPPEN; its provider of DELIVER and FORGE */
};

struct demo_schedule {
    struct demo_action *actions; /* a heap, the first is due first */
    size_t count;
    uint64_t added;
};

void demo_schedule_init(struct demo_schedule *schedule);
void demo_schedule_release(struct demo_schedule *schedule);
/* When it is full, the action is dropped: less happens then. */
void demo_schedule_add(struct demo_schedule *schedule, const struct demo_action *action);
/* NULL: nothing is to be done. */
const struct demo_action *demo_schedule_first(const struct demo_schedule *schedule);
/* There must be one. */
struct demo_action demo_schedule_take(struct demo_schedule *schedule);

#endif
