/* cursor: where a list goes on, as opaque text. Keyset, never an offset: pages stay right while rows come and go. */
#ifndef INKLING_API_CURSOR_H
#define INKLING_API_CURSOR_H

#include "base/slice.h"

#define CURSOR_VALUES_MAX 4
#define CURSOR_TEXT_MAX   80

/* Up to CURSOR_VALUES_MAX integers; `list` names the list that it belongs to. */
struct slice cursor_format(struct slice list, const int64_t *values, size_t count, char out[CURSOR_TEXT_MAX]);
/* False for text that is no cursor of this list, or damaged. */
bool cursor_parse(struct slice text, struct slice list, int64_t *ret_values, size_t count);

#endif
