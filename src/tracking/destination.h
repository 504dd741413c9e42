/* destination: may a link be led over our redirect, and to which address does it lead then? (compliance C-70, C-71) */
#ifndef INKLING_TRACKING_DESTINATION_H
#define INKLING_TRACKING_DESTINATION_H

#include "base/arena.h"

/* `value`: a link's address, its entities decoded. True: an absolute http or https address of a host on the internet,
 * of at most TOKEN_URL_MAX_BYTES; *ret, in `arena` or part of `value`, is the same address as a browser would send it:
 * white space at the ends and line breaks taken off, what may not stand in an address (blanks, characters beyond
 * ASCII) percent-encoded.
 * False, the link must stay as it is: other schemes, relative addresses, placeholders of a mail merge, credentials,
 * control characters, backslashes, hosts beyond ASCII and, unless `allow_internal`, hosts that are no public ones. */
bool destination_read(struct slice value, bool allow_internal, struct arena *arena, struct slice *ret);
/* Has the text a mark that somebody will replace before the email is sent: {{…}}, {%…%}, ${…}, <%…%>, [[…]], *|…|*,
 * %…%? */
bool destination_has_placeholder(struct slice text);

#endif
