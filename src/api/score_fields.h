/* score_fields: a candidate's score as fields of an answer: value and level for lists, and the whole with parts,
 * reasons, what time will do, and the last 30 days for one candidate (compliance C-100). */
#ifndef INKLING_API_SCORE_FIELDS_H
#define INKLING_API_SCORE_FIELDS_H

#include "api/api.h"
#include "score/score.h"
#include "store/scores.h"

/* engagement_score and engagement_level. */
void score_fields_write(struct api_table *table, const struct score_policy *policy, int32_t value);

#define SCORE_TREND_DAYS 30
struct score_detail {
    struct score_settings settings;
    struct score score;
    struct score_figures figures;
    bool has_change;
    struct score_change change;
    int32_t trend[SCORE_TREND_DAYS]; /* at the end of each day; today's as it is now */
    int32_t last_day;
};
/* Computed from the figures as they are at call->now; in a transaction. */
MUST_USE int score_detail_load(struct api_call *call, const struct score_settings *settings, int64_t candidate_id,
                               struct score_detail *ret, struct err *err);
void score_detail_write(struct api_call *call, struct api_table *object, const struct score_detail *detail);

/* The same trend of a page of candidates, as numbers: ret[i] belongs to ids[i], whose score is now scores[i]. */
typedef int32_t score_trend[SCORE_TREND_DAYS];
MUST_USE int score_trends_load(struct api_call *call, const struct score_settings *settings, const int64_t *ids,
                               const int32_t *scores, size_t count, score_trend *ret, struct err *err);

/* Makes sure that the stored scores are right at call->now, waiting for the writer if need be; not in a transaction.
 * *ret_current false: that takes longer, the answer must say so. */
MUST_USE int score_wait_current(struct api_call *call, bool *ret_current, struct err *err);

#endif
