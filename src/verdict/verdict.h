/* verdict: judges who caused an event (BR-558.7). Pure: an event in, a verdict and its reasons out. */
#ifndef INKLING_VERDICT_VERDICT_H
#define INKLING_VERDICT_VERDICT_H

#include "model/event.h"
#include "model/verdict.h"

struct judgement {
    enum verdict verdict;
    int64_t reasons; /* bits by enum verdict_reason */
};

/* Opens and clicks only; everything else is taken as human: a bounce or a complaint is never discounted. */
struct judgement verdict_judge(const struct event *event);

#endif
