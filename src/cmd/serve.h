/* serve: the running service, for `inkling serve` and whoever else runs one (the demo). */
#ifndef INKLING_CMD_SERVE_H
#define INKLING_CMD_SERVE_H

#include "api/app.h"

struct service;

/* Opens everything and listens. Blocks SIGTERM, SIGINT and SIGHUP for the calling thread and those it starts.
 * `config` is taken over, also on failure. */
MUST_USE int service_start(struct config *config, struct service **ret, struct err *err);
struct app *service_app(struct service *service);
const char *service_url(const struct service *service); /* what is listened on, "http://127.0.0.1:8558" */
/* Takes the options that may change while running; `config` is taken over. */
void service_reload(struct service *service, struct config *config);
/* Not ready, no new connections, what was accepted is answered and stored, then everything is closed. */
struct service *service_stop(struct service *service); /* NULL and half-started ones accepted */

#endif
