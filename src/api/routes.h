/* routes: everything the service answers to, in one table. */
#ifndef INKLING_API_ROUTES_H
#define INKLING_API_ROUTES_H

#include "http/server.h"

/* Ended by a row with pattern NULL. Their context is a `struct app`. */
extern const struct http_route routes[];

#endif
