/* json_tree: jansson values as text, for the small documents that are kept in the database (secrets, headers). Answers
 * of the API are written by table.c instead. */
#ifndef INKLING_API_JSON_TREE_H
#define INKLING_API_JSON_TREE_H

#include <jansson.h>

#include "base/strbuf.h"

/* Appends the value as compact JSON; -1 when it does not fit. */
int api_json_dump(const json_t *value, struct strbuf *out);

#endif
