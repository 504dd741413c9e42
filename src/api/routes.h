/* routes: everything the service answers to, in one table. */
#ifndef INKLING_API_ROUTES_H
#define INKLING_API_ROUTES_H

#include "http/server.h"

/* For http_server_start, in `arena`; their context is a `struct app`. */
const struct http_route *routes_new(size_t webhook_body_max, size_t inbound_body_max, struct arena *arena);

#endif
