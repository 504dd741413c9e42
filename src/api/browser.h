/* browser: what is particular to callers that are browsers: the cookie that holds the session (compliance C-111), and
 * the proof that a change was asked for by our own pages (C-112). */
#ifndef INKLING_API_BROWSER_H
#define INKLING_API_BROWSER_H

#include "api/api.h"

/* Does the browser get a cookie that it sends over TLS only? Yes over TLS (here or at a trusted proxy), when the public
 * address is https, and on a loopback host, which browsers trust as they trust TLS. */
bool browser_is_secure(struct api_call *call);
/* "__Host-<name>" where secure, else "<name>": a __Host- cookie cannot come from another host or from plain HTTP, so
 * where it can be had, no other is looked at. */
struct slice browser_cookie(struct api_call *call, const char *name);
/* `seconds` 0: until the browser is closed; negative: the cookie goes. */
void browser_set_cookie(struct api_call *call, const char *name, struct slice value, int64_t seconds);

/* ERR_DENIED unless the request has X-Inkling-Request: 1, which other sites cannot set without being asked first, and
 * the browser says that it comes from our own pages: Sec-Fetch-Site, or Origin where it sends none. */
MUST_USE int browser_check_change(struct api_call *call, struct err *err);
/* ERR_DENIED when the browser says that another site asks: for what a session reads and holds open (C-114). */
MUST_USE int browser_check_origin(struct api_call *call, struct err *err);

#endif
