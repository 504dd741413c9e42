#include "subscription/schedule.h"

#include "base/clock.h"

#include "base/banned.h"

#define REST_MAX_MS (60 * SECOND_MS)

static const int64_t waits[SCHEDULE_STEPS] = {5 * SECOND_MS, 5 * MINUTE_MS, 30 * MINUTE_MS, 2 * HOUR_MS,
                                              5 * HOUR_MS,   10 * HOUR_MS,  10 * HOUR_MS};

bool schedule_wait(int64_t step, uint32_t chance, int64_t retry_after_s, int64_t *ret_ms) {
    if (step < 0 || step >= SCHEDULE_STEPS) return false;
    int64_t wait = waits[step], spread = wait / 5;
    wait += (int64_t)(chance % (uint32_t)(spread + 1)) - spread / 2;
    if (retry_after_s > SCHEDULE_RETRY_AFTER_MAX_S) retry_after_s = SCHEDULE_RETRY_AFTER_MAX_S;
    if (retry_after_s * SECOND_MS > wait) wait = retry_after_s * SECOND_MS;
    *ret_ms = wait;
    return true;
}

int64_t schedule_rest(int64_t failures) {
    if (failures <= 0) return 0;
    return failures > 6 ? REST_MAX_MS : SECOND_MS << (failures - 1);
}
