#include "ingest/verify_activity.h"

#include <stdlib.h>

#include "base/memory.h"

#include "base/banned.h"

void activity_recount_release(struct activity_recount *recount) {
    free(recount->days);
    *recount = (struct activity_recount){.count = 0};
}

void activity_recount_begin(struct activity_recount *recount) {
    recount->count = 0;
}

void activity_recount_add(struct activity_recount *recount, int64_t day, const struct contribution *change) {
    /* Most of what happens, happens on few days: no order is kept until the end. */
    for (size_t i = recount->count; i > 0; i--) {
        if (recount->days[i - 1].day != day) continue;
        contribution_add(&recount->days[i - 1].sums, change);
        return;
    }
    if (recount->count == recount->capacity) {
        recount->capacity = memory_next_capacity(recount->capacity, recount->count + 1);
        recount->days = memory_grow(recount->days, recount->capacity, sizeof(*recount->days));
    }
    recount->days[recount->count++] = (struct activity_day){.day = day, .sums = *change};
}

void activity_recount_happened(void *context, int64_t at, const struct contribution *change) {
    struct activity_recount *recount = context;
    activity_recount_add(recount, local_day(&recount->zones, at), change);
}

static int compare_days(const void *left, const void *right) {
    int64_t a = ((const struct activity_day *)left)->day, b = ((const struct activity_day *)right)->day;
    return (a > b) - (a < b);
}

void activity_recount_sort(struct activity_recount *recount) {
    size_t kept = 0;
    for (size_t i = 0; i < recount->count; i++)
        if (!contribution_is_zero(&recount->days[i].sums)) recount->days[kept++] = recount->days[i];
    recount->count = kept;
    if (kept > 0) qsort(recount->days, kept, sizeof(*recount->days), compare_days);
}
