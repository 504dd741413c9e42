/* router: from method and path to a row of the route table. Built once, then read-only and shared by threads. */
#ifndef INKLING_HTTP_ROUTER_H
#define INKLING_HTTP_ROUTER_H

#include "http/server.h"

struct router;

struct router_match {
    const struct http_route *route; /* NULL: no row for this path and method */
    struct slice params[HTTP_PARAMS_MAX];
    unsigned allowed; /* when `route` is NULL: bit per enum http_method that this path knows; 0: unknown path */
};

/* A table with a malformed or repeated pattern is a BUG. `routes` outlives the router. */
struct router *router_new(const struct http_route *routes);
struct router *router_free(struct router *router);
/* `segments`: the decoded parts of the path between slashes; "/" is one empty segment. A literal part is preferred to
 * one in braces; an empty segment never fills braces. `method` HTTP_METHOD_COUNT: one that no row can have. */
void router_match(const struct router *router, enum http_method method, const struct slice *segments, size_t count,
                  struct router_match *ret);

#endif
