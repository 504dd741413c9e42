#include "model/verdict.h"

#include "base/banned.h"

const char *verdict_name(enum verdict verdict) {
    switch (verdict) {
    case VERDICT_HUMAN:
        return "human";
    case VERDICT_PROXIED:
        return "proxied";
    case VERDICT_MACHINE:
        return "machine";
    case VERDICT_EVIDENCE:
        return "evidence";
    }
    return NULL;
}

const char *verdict_reason_name(enum verdict_reason reason) {
    switch (reason) {
    case REASON_PROVIDER_MACHINE:
        return "provider_machine";
    case REASON_METHOD:
        return "method";
    case REASON_PREFETCH:
        return "prefetch";
    case REASON_HONEYPOT:
        return "honeypot";
    case REASON_OWN_TRACKING:
        return "own_tracking";
    }
    return NULL;
}
