/* process: the service as a child of the demo, and the signals that end it. Signals are blocked and fetched where
 * the demo waits anyway: no handler, nothing global. */
#ifndef INKLING_DEMO_PROCESS_H
#define INKLING_DEMO_PROCESS_H

#include <sys/types.h>

#include "base/err.h"
#include "base/slice.h"

struct demo_process {
    pid_t child; /* 0: none */
    const char *log_path;
};

/* Before threads and children: blocks SIGINT, SIGTERM, SIGHUP and SIGCHLD, ignores SIGPIPE. */
void demo_signals_block(void);

/* Starts this program again with `arguments` (ended by NULL), its output going to `log_path`, without the INKLING_*
 * variables of our own environment but the clock's. */
MUST_USE int demo_process_start(struct demo_process *process, const char *const *arguments, const char *log_path,
                                struct err *err);

/* Waits so many milliseconds. 0: the time is over; DEMO_STOP: somebody asked to stop; negative: the service has ended,
 * with the last it said. */
#define DEMO_STOP 1
MUST_USE int demo_process_wait(struct demo_process *process, int64_t ms, struct err *err);

/* SIGTERM, and SIGKILL when it takes too long. Accepts that there is none (any more). ERR_UNAVAILABLE when it did not
 * end well. */
MUST_USE int demo_process_stop(struct demo_process *process, struct err *err);

#endif
