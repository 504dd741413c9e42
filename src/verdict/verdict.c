#include "verdict/verdict.h"

#include "base/banned.h"

struct judgement verdict_judge(const struct event *event) {
    struct judgement judgement = {.verdict = VERDICT_HUMAN};
    static const enum verdict_reason reasons[] = {
        [MACHINE_HINT_MACHINE] = REASON_PROVIDER_MACHINE,
        [MACHINE_HINT_METHOD] = REASON_METHOD,
        [MACHINE_HINT_PREFETCH] = REASON_PREFETCH,
        [MACHINE_HINT_HONEYPOT] = REASON_HONEYPOT,
    };
    if (event_type_is_tracking(event->type) && event->machine != MACHINE_HINT_NONE) {
        judgement.verdict = VERDICT_MACHINE;
        judgement.reasons |= 1LL << reasons[event->machine];
    }
    return judgement;
}
