/* pages: the web application's pages and files (web/web.h), and what each page asks for first. */
#ifndef INKLING_API_PAGES_H
#define INKLING_API_PAGES_H

#include "http/server.h"

/* The page of a screen. The route's data is an array of API paths ended by NULL, which the page preloads when the
 * browser shows a session; with a query in its address, the first alone. "{id}" in them is the route's, "{query}" what
 * the dashboard makes of its address. */
void pages_show(struct http_request *request);
void pages_asset(struct http_request *request);
/* The script for pages of other systems (web/src/embed). */
void pages_embed(struct http_request *request);

#endif
