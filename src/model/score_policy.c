#include "model/score_policy.h"

#include "base/banned.h"

static const char *const level_names[] = {
    [SCORE_LEVEL_UNKNOWN] = "unknown",
    [SCORE_LEVEL_COLD] = "cold",
    [SCORE_LEVEL_WARM] = "warm",
    [SCORE_LEVEL_HOT] = "hot",
};
#define LEVEL_COUNT (sizeof(level_names) / sizeof(level_names[0]))

struct score_policy score_policy_default(void) {
    return (struct score_policy){
        .enabled = true, .recency = {30, 20, 10}, .opens = 30, .clicks = 40, .hot = 75, .warm = 40};
}

int score_policy_check(const struct score_policy *policy, struct err *err) {
    const int32_t *recency = policy->recency;
    if (recency[RECENCY_MONTH] < 0 || recency[RECENCY_WEEK] < recency[RECENCY_MONTH] ||
        recency[RECENCY_DAY] < recency[RECENCY_WEEK])
        return err_set(err, ERR_INVALID, "the points for recency must not grow with time, and not be negative");
    if (policy->opens < 0 || policy->opens > 100 || policy->clicks < 0 || policy->clicks > 100 ||
        recency[RECENCY_DAY] > 100 || recency[RECENCY_DAY] + policy->opens + policy->clicks != 100)
        return err_set(err, ERR_INVALID, "the points for recency within 24 hours, opens and clicks must add up to 100");
    if (policy->warm < 1 || policy->hot <= policy->warm || policy->hot > 100)
        return err_set(err, ERR_INVALID, "the levels must begin in order: 1 <= warm < hot <= 100");
    return 0;
}

const char *score_level_name(enum score_level level) {
    return (size_t)level < LEVEL_COUNT ? level_names[level] : NULL;
}

bool score_level_parse(struct slice name, enum score_level *ret) {
    for (size_t i = 0; i < LEVEL_COUNT; i++) {
        if (!slice_equal(name, slice_cstr(level_names[i]))) continue;
        *ret = (enum score_level)i;
        return true;
    }
    return false;
}

enum score_level score_level_of(const struct score_policy *policy, int32_t value) {
    if (value < 0) return SCORE_LEVEL_UNKNOWN;
    if (value >= policy->hot) return SCORE_LEVEL_HOT;
    return value >= policy->warm ? SCORE_LEVEL_WARM : SCORE_LEVEL_COLD;
}

void score_level_range(const struct score_policy *policy, enum score_level level, int32_t *ret_low, int32_t *ret_high) {
    const int32_t lows[] = {SCORE_UNKNOWN, 0, policy->warm, policy->hot};
    const int32_t highs[] = {SCORE_UNKNOWN, policy->warm - 1, policy->hot - 1, 100};
    *ret_low = lows[level];
    *ret_high = highs[level];
}
