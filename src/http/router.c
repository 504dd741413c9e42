#include "http/router.h"

#include <stdlib.h>

#include "base/memory.h"

#include "base/banned.h"

/* A tree with one level a segment. Siblings are a list: a level has few, and comparing lengths settles most. */
struct node {
    struct slice segment;
    struct node *literals; /* first of the children that match one text */
    struct node *braces;   /* the child that matches any text */
    struct node *next;     /* sibling among `literals` */
    const struct http_route *routes[HTTP_METHOD_COUNT];
};

struct router {
    struct arena *arena;
    struct node root;
};

static bool is_braces(struct slice segment) {
    return segment.len > 2 && segment.ptr[0] == '{' && segment.ptr[segment.len - 1] == '}';
}

static struct node *find_literal(const struct node *parent, struct slice segment) {
    struct node *node = parent->literals;
    while (node != NULL && !slice_equal(node->segment, segment))
        node = node->next;
    return node;
}

static struct node *child_for(struct router *router, struct node *parent, struct slice segment) {
    struct node *child = is_braces(segment) ? parent->braces : find_literal(parent, segment);
    if (child != NULL) return child;
    child = arena_alloc(router->arena, sizeof(*child));
    child->segment = segment;
    if (is_braces(segment)) {
        parent->braces = child;
    } else {
        child->next = parent->literals;
        parent->literals = child;
    }
    return child;
}

static void add_route(struct router *router, const struct http_route *route) {
    struct slice rest = slice_cstr(route->pattern);
    if (!slice_starts_with(rest, SLICE("/"))) BUG("route \"%s\" does not begin with a slash", route->pattern);
    rest = slice_of(rest.ptr + 1, rest.len - 1);

    struct node *node = &router->root;
    struct slice segment;
    size_t params = 0;
    while (slice_split_next(&rest, '/', &segment)) {
        if (is_braces(segment)) params++;
        node = child_for(router, node, segment);
    }
    if (params > HTTP_PARAMS_MAX) BUG("route \"%s\" has more than %d parameters", route->pattern, HTTP_PARAMS_MAX);
    if (route->method >= HTTP_METHOD_COUNT) BUG("route \"%s\" has no method", route->pattern);
    if (node->routes[route->method] != NULL)
        BUG("route %s \"%s\" is there twice", http_method_name(route->method), route->pattern);
    node->routes[route->method] = route;
}

struct router *router_new(const struct http_route *routes) {
    struct router *router = memory_alloc(sizeof(*router));
    router->arena = arena_new();
    for (const struct http_route *route = routes; route->pattern != NULL; route++)
        add_route(router, route);
    return router;
}

struct router *router_free(struct router *router) {
    if (router == NULL) return NULL;
    arena_free(router->arena);
    free(router);
    return NULL;
}

/* Depth is bounded by the patterns, breadth by two: literal, then braces. */
static bool descend(const struct node *node, enum http_method method, const struct slice *segments, size_t count,
                    size_t params, struct router_match *match) {
    if (count == 0) {
        if (method < HTTP_METHOD_COUNT && node->routes[method] != NULL) {
            match->route = node->routes[method];
            return true;
        }
        for (int i = 0; i < HTTP_METHOD_COUNT; i++)
            if (node->routes[i] != NULL) match->allowed |= 1u << i;
        return false;
    }
    const struct node *literal = find_literal(node, segments[0]);
    if (literal != NULL && descend(literal, method, segments + 1, count - 1, params, match)) return true;
    if (node->braces == NULL || slice_empty(segments[0])) return false;
    match->params[params] = segments[0];
    return descend(node->braces, method, segments + 1, count - 1, params + 1, match);
}

void router_match(const struct router *router, enum http_method method, const struct slice *segments, size_t count,
                  struct router_match *ret) {
    ret->route = NULL;
    ret->allowed = 0;
    descend(&router->root, method, segments, count, 0, ret);
}
