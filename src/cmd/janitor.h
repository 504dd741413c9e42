/* janitor: what has to happen from time to time while the service runs. Two threads: one for what must be punctual
 * (checkpoints, endpoints that changed), one for what may take long (replay of kept deliveries, purges). */
#ifndef INKLING_CMD_JANITOR_H
#define INKLING_CMD_JANITOR_H

#include "api/app.h"

struct janitor;

MUST_USE int janitor_start(struct app *app, struct janitor **ret, struct err *err);
/* Ends the threads after what they are doing. */
struct janitor *janitor_free(struct janitor *janitor); /* NULL accepted */

#endif
