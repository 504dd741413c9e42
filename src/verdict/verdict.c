#include "verdict/verdict.h"

#include "base/banned.h"

struct judgement verdict_judge(const struct event *event) {
    struct judgement judgement = {.verdict = VERDICT_HUMAN};
    if (!event_type_is_tracking(event->type)) return judgement;
    if (event->machine == MACHINE_HINT_MACHINE) {
        judgement.verdict = VERDICT_MACHINE;
        judgement.reasons |= (int64_t)1 << REASON_PROVIDER_MACHINE;
    }
    return judgement;
}
