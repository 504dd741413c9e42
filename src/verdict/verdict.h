/* verdict: human or machine (BR-558.7)? Pure: an event in, a judgement with its reasons out. Today's rules take
 * the source's own word: a provider's flag, and what a request to our own endpoints says of itself; the counters and
 * the store are ready for verdicts that change later. */
#ifndef INKLING_VERDICT_VERDICT_H
#define INKLING_VERDICT_VERDICT_H

#include "model/event.h"
#include "model/verdict.h"

struct judgement {
    enum verdict verdict;
    int64_t reasons; /* bits of enum verdict_reason */
};

/* Only opens and clicks can be a machine's: bounces, complaints, unsubscribes and replies are never discounted. */
struct judgement verdict_judge(const struct event *event);

#endif
