/* live: life goes on: new emails are sent and registered, and the simulated providers tell what becomes of them
 * and of older ones, at a pace that people can follow. */
#ifndef INKLING_DEMO_LIVE_H
#define INKLING_DEMO_LIVE_H

#include "demo/process.h"
#include "demo/webhooks.h"

struct demo_live_options {
    struct demo_process *process;
    const struct demo_api *api;
    struct demo_webhooks *webhooks;
    struct demo_world *world;
    const struct demo_history *history;
    double pace; /* 1: some seconds from one thing to the next; 10: ten times as fast */
    bool quiet;  /* only the summaries */
};

/* Until somebody asks to stop: DEMO_STOP. Negative: the service has ended or does not do what it should. */
MUST_USE int demo_live_run(const struct demo_live_options *options, struct err *err);

#endif
