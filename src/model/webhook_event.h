/* webhook_event: what other systems may subscribe to (docs/guide/webhook-subscriptions.md). Of opens and clicks only
 * those by humans: nobody is told of machines. */
#ifndef INKLING_MODEL_WEBHOOK_EVENT_H
#define INKLING_MODEL_WEBHOOK_EVENT_H

#include "model/event.h"

/* Stored as numbers and as bits: never change one, only add. */
enum webhook_event {
    WEBHOOK_EMAIL_DELIVERED = 0,
    WEBHOOK_EMAIL_OPENED = 1,
    WEBHOOK_EMAIL_CLICKED = 2,
    WEBHOOK_EMAIL_REPLIED = 3,
    WEBHOOK_EMAIL_BOUNCED = 4,
    WEBHOOK_EMAIL_DROPPED = 5,
    WEBHOOK_EMAIL_UNSUBSCRIBED = 6,
    WEBHOOK_EMAIL_COMPLAINED = 7,
    WEBHOOK_EVENT_WITHDRAWN = 8,     /* an event told of before was no human's after all, or is not allowed any more */
    WEBHOOK_LEVEL_CHANGED = 9,       /* a candidate's engagement level */
    WEBHOOK_TRACKING_WITHDRAWN = 10, /* a candidate does not allow any more what was told of before */
    WEBHOOK_TEST = 11,               /* asked for by an administrator; nobody subscribes to it */
};
#define WEBHOOK_EVENTS     12
#define WEBHOOK_BIT(event) (INT64_C(1) << (event))

/* "email.opened" …: the `type` of what is sent. NULL beyond the end. */
const char *webhook_event_name(int event);
/* False for unknown names and for the test, which cannot be subscribed to. */
bool webhook_event_parse(struct slice name, enum webhook_event *ret);
/* What an event of this type is to subscribers. False: they are never told. */
bool webhook_event_of(enum event_type type, enum webhook_event *ret);

#endif
