/* wishes: what the subscriptions of each organization want to be told of, in memory, for whoever asks on the road of an
 * event. Any thread. */
#ifndef INKLING_SUBSCRIPTION_WISHES_H
#define INKLING_SUBSCRIPTION_WISHES_H

#include "base/err.h"
#include "model/webhook_event.h"

struct db;
struct wishes;

struct wishes *wishes_new(void);
struct wishes *wishes_free(struct wishes *wishes); /* NULL accepted */
/* Reads them anew: what it finds is in force when it returns. */
MUST_USE int wishes_refresh(struct wishes *wishes, struct db *db, struct err *err);

/* WEBHOOK_BIT of all that the organization's subscriptions want; 0: nothing. Never blocks for long. */
int64_t wishes_of(struct wishes *wishes, int64_t organization_id);
bool wishes_want(struct wishes *wishes, int64_t organization_id, enum event_type type);
/* Is there any subscription at all? */
bool wishes_any(struct wishes *wishes);

#endif
