/* coding: what a request's headers say about which form of a file it takes. Pure. */
#ifndef INKLING_WEB_CODING_H
#define INKLING_WEB_CODING_H

#include "base/slice.h"
#include "web/assets.h"

/* May the coding ("br", "gzip") be sent, by Accept-Encoding (RFC 9110, 12.5.3)? An absent or empty header takes none.
 */
bool coding_accepted(struct slice accept_encoding, struct slice coding);
/* Does If-None-Match (RFC 9110, 13.1.2) name the entity tag, which is given with its quotes? Weak tags match too. */
bool etag_matches(struct slice if_none_match, struct slice etag);
/* The value of a cookie (RFC 6265, 4.2.1); empty when it is not there. */
struct slice cookie_value(struct slice cookies, struct slice name);

#endif
