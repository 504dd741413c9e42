/* form: reading the body of an HTML form, as URL-encoded pairs (WHATWG URL, section 5.1) or as multipart/form-data
 * (RFC 7578). Strict about structure, so that a body that was cut off is never taken for a whole one. */
#ifndef INKLING_BASE_FORM_H
#define INKLING_BASE_FORM_H

#include "base/arena.h"
#include "base/err.h"
#include "base/slice.h"

#define FORM_FIELDS_MAX         1000
#define FORM_BOUNDARY_MAX_BYTES 70   /* RFC 2046, 5.1.1 */
#define FORM_HEAD_MAX_BYTES     8192 /* the headers of one part */

/* Values are any bytes, in whatever character set the sender has chosen. */
struct form_field {
    struct slice name;         /* empty when a part has none */
    struct slice value;        /* of a part as it was sent: a Content-Transfer-Encoding (RFC 7578, 4.7: deprecated) is
                                  not undone */
    struct slice filename;     /* empty when it has none, or is URL-encoded */
    struct slice content_type; /* with parameters, likewise */
};

/* The fields in their order; names may repeat. Slices point into `content_type`, `body` or `arena`. `content_type` is
 * the header's value, which tells the encoding. ERR_UNREADABLE when it is neither encoding or the body does not follow
 * it (no closing delimiter: cut off), ERR_TOO_LARGE for too many fields or a part with too long a head. */
MUST_USE int form_parse(struct slice content_type, struct slice body, struct arena *arena, struct form_field **ret,
                        size_t *ret_count, struct err *err);

/* The first field of that name, or NULL. */
const struct form_field *form_find(const struct form_field *fields, size_t count, struct slice name);
/* Its value, empty when there is none. */
struct slice form_value(const struct form_field *fields, size_t count, struct slice name);

#endif
