/* explain: a score in words (compliance C-100: inputs, points, window, what is missing). Pure; English, for people who
 * recruit. A part says what it is worth and why; a note says what was left out, or what counts in another way. */
#ifndef INKLING_SCORE_EXPLAIN_H
#define INKLING_SCORE_EXPLAIN_H

#include "base/arena.h"
#include "score/score.h"

/* Beside every score that is shown (C-100). */
#define SCORE_HINT "communication hint, no statement on suitability"

struct score_reason {
    const char *code;  /* stable, for programs */
    struct slice text; /* one sentence, in the arena */
};

const char *score_part_code(enum score_part_name part);     /* "recency", "opens", "clicks" */
const char *score_recency_code(enum score_recency recency); /* "within_24_hours" … "none_in_30_days" */

/* Why the part has its points. */
struct score_reason score_part_reason(const struct score *score, const struct score_figures *figures,
                                      enum score_part_name part, struct arena *arena);

/* Everything else worth knowing, at most SCORE_NOTES_MAX; *ret_count of them. */
#define SCORE_NOTES_MAX (4 + 2 * SCORE_GAP_COUNT)
void score_notes(const struct score *score, const struct score_figures *figures, struct arena *arena,
                 struct score_reason ret[SCORE_NOTES_MAX], size_t *ret_count);

#endif
