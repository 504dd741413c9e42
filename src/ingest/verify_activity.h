/* verify_activity: what happened to the emails of a cohort, day by day, recounted. Internal to ingest/, pure. */
#ifndef INKLING_INGEST_VERIFY_ACTIVITY_H
#define INKLING_INGEST_VERIFY_ACTIVITY_H

#include "model/counters.h"
#include "model/local_days.h"

struct activity_day {
    int64_t day;
    struct contribution sums;
};

struct activity_recount {
    struct local_days zones;
    struct activity_day *days; /* in order of day after activity_recount_sort */
    size_t count, capacity;
};

void activity_recount_release(struct activity_recount *recount);
/* Begins with another cohort; keeps the memory. */
void activity_recount_begin(struct activity_recount *recount);
/* A counters_happening; `context` is the recount. */
void activity_recount_happened(void *context, int64_t at, const struct contribution *change);
void activity_recount_add(struct activity_recount *recount, int64_t day, const struct contribution *change);
/* Leaves out days on which, all in all, nothing happened. */
void activity_recount_sort(struct activity_recount *recount);

#endif
