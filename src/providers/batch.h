/* batch: for services whose delivery holds more than one list of events (reading_events loops over one), or names the
 * kinds of bounces in its types: room for the events, the loop, errors that name the event, tables of names with kinds.
 * The strings of events are copied into the arena, within the bounds of model/event.h. */
#ifndef INKLING_PROVIDERS_BATCH_H
#define INKLING_PROVIDERS_BATCH_H

#include "providers/reading.h"

/* A type of event as a service names it. Several names may stand for one type; the first is what is composed. */
struct event_name {
    const char *name;
    enum event_type type;
    enum bounce_kind bounce; /* of EVENT_BOUNCE */
};
/* NULL: not among the `count` names. */
const struct event_name *event_name_find(const struct event_name *names, size_t count, struct slice name);
/* What stands for the event; the kind of a bounce must agree where a name with that kind is there. NULL: nothing. */
const struct event_name *event_name_for(const struct event_name *names, size_t count, const struct event *event);

/* The state of one delivery's translation; one thread. */
struct batch {
    struct reading reading; /* of the event being read */
    struct parsed_delivery parsed;
    size_t capacity;     /* of parsed.events */
    int64_t received_at; /* of the delivery; 0 unless the caller has set it */
    size_t index;        /* of the event being read, from 0, those that are ignored included */
};

void batch_init(struct batch *batch, struct arena *arena);
void batch_release(struct batch *batch);

/* Translates one event into *ret, which is empty but for `link_position`. 1: done; 0: a type that is unknown or about
 * something else; else -err_code. The metadata is finished by the caller. */
typedef int batch_translate(struct batch *batch, struct json_value object, struct event *ret, struct err *err);
/* One event, which must be an object. ERR_TOO_LARGE beyond PROVIDER_EVENTS_MAX. */
MUST_USE int batch_one(struct batch *batch, struct json_value object, batch_translate *translate, struct err *err);
/* Each element of an array. */
MUST_USE int batch_each(struct batch *batch, struct json_value array, batch_translate *translate, struct err *err);
/* ERR_INVALID: "event 3: …". */
int batch_wrong(const struct batch *batch, const char *what, struct err *err);

/* The slots of an event that need no thought. */
void batch_client(const struct batch *batch, struct event *event, struct slice ip_address, struct slice user_agent);
void batch_url(const struct batch *batch, struct event *event, struct slice url); /* of clicks only */
void batch_event_id(const struct batch *batch, struct event *event, struct slice id);
/* A message id as the next free key; empty, too long and repeated ones are passed over. */
void batch_key(const struct batch *batch, struct event *event, struct slice message_id);

#endif
