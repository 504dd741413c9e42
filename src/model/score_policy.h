/* score_policy: what an organization wants of the engagement score (BR-558.4): whether there is one, what it weighs and
 * where the levels begin. The rule itself is in score/. */
#ifndef INKLING_MODEL_SCORE_POLICY_H
#define INKLING_MODEL_SCORE_POLICY_H

#include "base/err.h"
#include "base/slice.h"

/* How long ago the last human open, click or reply was. */
enum score_recency { RECENCY_DAY, RECENCY_WEEK, RECENCY_MONTH, RECENCY_NONE };

struct score_policy {
    bool enabled;          /* compliance C-103: false: no score anywhere */
    int32_t recency[3];    /* points within 24 hours, 7 days, 30 days */
    int32_t opens, clicks; /* points when every email was opened, clicked */
    int32_t hot, warm;     /* the least score of the level */
};

/* The specification's: 30/20/10 + 30 + 40; hot from 75, warm from 40. */
struct score_policy score_policy_default(void);
/* ERR_INVALID with a sentence unless the greatest points of the three parts add up to 100, recency falls with time, and
 * the levels stand in order (1 <= warm < hot <= 100). */
MUST_USE int score_policy_check(const struct score_policy *policy, struct err *err);

/* Stored and listed as a number below every score: nothing is measurable. */
#define SCORE_UNKNOWN (-1)

enum score_level { SCORE_LEVEL_UNKNOWN, SCORE_LEVEL_COLD, SCORE_LEVEL_WARM, SCORE_LEVEL_HOT };
const char *score_level_name(enum score_level level);
bool score_level_parse(struct slice name, enum score_level *ret);
enum score_level score_level_of(const struct score_policy *policy, int32_t value);
/* The scores that belong to a level, both ends included. */
void score_level_range(const struct score_policy *policy, enum score_level level, int32_t *ret_low, int32_t *ret_high);

#endif
