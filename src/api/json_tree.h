/* json_tree: jansson values as text. */
#ifndef INKLING_API_JSON_TREE_H
#define INKLING_API_JSON_TREE_H

#include <jansson.h>

#include "base/strbuf.h"

/* Appends the value as compact JSON. */
int api_json_dump(const json_t *value, struct strbuf *out);

#endif
