#include "demo/schedule.h"

#include <stdlib.h>

#include "base/memory.h"

#include "base/banned.h"

void demo_schedule_init(struct demo_schedule *schedule) {
    *schedule = (struct demo_schedule){.actions = memory_alloc_array(DEMO_SCHEDULE_MAX, sizeof(struct demo_action))};
}

void demo_schedule_release(struct demo_schedule *schedule) {
    free(schedule->actions);
    *schedule = (struct demo_schedule){0};
}

static bool is_before(const struct demo_action *a, const struct demo_action *b) {
    return a->due_us != b->due_us ? a->due_us < b->due_us : a->order < b->order;
}

static void swap(struct demo_action *a, struct demo_action *b) {
    struct demo_action kept = *a;
    *a = *b;
    *b = kept;
}

void demo_schedule_add(struct demo_schedule *schedule, const struct demo_action *action) {
    struct demo_action *actions = schedule->actions;
    if (schedule->count == DEMO_SCHEDULE_MAX) return;
    size_t at = schedule->count++;
    actions[at] = *action;
    actions[at].order = schedule->added++;
    for (; at > 0 && is_before(&actions[at], &actions[(at - 1) / 2]); at = (at - 1) / 2)
        swap(&actions[at], &actions[(at - 1) / 2]);
}

const struct demo_action *demo_schedule_first(const struct demo_schedule *schedule) {
    return schedule->count > 0 ? &schedule->actions[0] : NULL;
}

struct demo_action demo_schedule_take(struct demo_schedule *schedule) {
    struct demo_action *actions = schedule->actions;
    struct demo_action first = actions[0];
    size_t at = 0;
    actions[0] = actions[--schedule->count];
    for (;;) {
        size_t least = at, left = 2 * at + 1;
        for (size_t child = left; child < left + 2 && child < schedule->count; child++)
            if (is_before(&actions[child], &actions[least])) least = child;
        if (least == at) return first;
        swap(&actions[at], &actions[least]);
        at = least;
    }
}
