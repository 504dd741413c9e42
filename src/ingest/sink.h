/* sink: who is to hear of events that were stored. Ingest asks it, and knows nothing else of it: an event that it wants
 * leaves a row in the outbox (store/outbox.h), in the event's own transaction; after the commit the sink is told that
 * there is something. Called from the writer's threads; none of it may block. */
#ifndef INKLING_INGEST_SINK_H
#define INKLING_INGEST_SINK_H

#include "model/event.h"

struct event_sink {
    /* Does anybody hear of this organization at all? Most events need no second question. */
    bool (*heard)(void *context, int64_t organization_id);
    /* Does anybody want events of this type of emails of this sender (users.id; 0: unknown)? */
    bool (*wants)(void *context, int64_t organization_id, int64_t sender_id, enum event_type type);
    /* Does anybody want to hear when a candidate's engagement level becomes another one? */
    bool (*wants_levels)(void *context, int64_t organization_id);
    void (*committed)(void *context);
    void *context;
};

#endif
