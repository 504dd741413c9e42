#include "verdict/verdict.h"

#include "base/banned.h"

struct judgement verdict_judge(const struct event *event) {
    struct judgement judgement = {.verdict = VERDICT_HUMAN};
    if (event_type_is_tracking(event->type) && event->machine == MACHINE_HINT_MACHINE) {
        judgement.verdict = VERDICT_MACHINE;
        judgement.reasons |= 1LL << REASON_PROVIDER_MACHINE;
    }
    return judgement;
}
