/* history: writes months of emails and events into the database, by the product's own road (register_emails,
 * apply_batches), in transactions of its own. May run beside the service. */
#ifndef INKLING_DEMO_HISTORY_H
#define INKLING_DEMO_HISTORY_H

#include "base/err.h"
#include "demo/world.h"

struct store;

struct demo_history_options {
    struct store *store;
    int64_t organization_id;
    int64_t endpoint_ids[DEMO_PROVIDER_COUNT];
    /* Called between transactions with what is written so far; not 0: stop and return that. */
    int (*progress)(void *context, size_t emails, size_t events, struct err *err);
    void *context;
};

/* What has not happened yet, or may happen again. */
struct demo_prospect {
    struct demo_email email;
    struct demo_happening happening;
};
struct demo_history {
    size_t emails, events;
    struct demo_prospect *coming; /* happenings after the end of the history, in order of time */
    size_t coming_count;
    struct demo_prospect *opened; /* opens of the last weeks, the latest last */
    size_t opened_count;
};

/* What has been written when it fails stays. */
MUST_USE int demo_history_write(const struct demo_history_options *options, struct demo_world *world,
                                struct demo_history *ret, struct err *err);
void demo_history_release(struct demo_history *history);

#endif
