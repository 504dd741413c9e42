/* web: serves the browser's side: the page that every screen begins with, and its assets. Knows HTTP and nothing of
 * mail; which page preloads what is the caller's.
 *
 * Assets have their hash in the name and are immutable; only names of the table are served, so there is no path to walk
 * (compliance C-118). The policy (C-113) allows no inline code or style and no HTML made of text (Trusted Types).
 *
 * Threads: made once, then read-only and shared. */
#ifndef INKLING_WEB_WEB_H
#define INKLING_WEB_WEB_H

#include "http/server.h"

struct web;

/* `root`: a directory as `node web/build.mjs --dir` writes it, read anew for every request, for working on the pages;
 * empty: what is compiled in. ERR_NOT_FOUND when the directory has no index.html. */
MUST_USE int web_new(const char *root, struct web **ret, struct err *err);
struct web *web_free(struct web *web); /* NULL accepted */

struct web_page {
    int status;
    const struct slice *preloads; /* same-origin URLs, percent-encoded, that the page asks for first */
    size_t preload_count;
    bool session; /* the browser showed a session, so asking who it is makes sense */
    bool https;   /* reached over HTTPS: then browsers are told to stay there */
};

/* Answers with the page. Its theme is that of the cookie "theme". */
void web_answer_page(const struct web *web, struct http_request *request, const struct web_page *page);
/* Answers with the asset of that name, or 404. */
void web_answer_asset(const struct web *web, struct http_request *request, struct slice name);
/* Answers with the script of the components for pages of other systems. Its address never changes, so it is kept for a
 * short time only, and pages of every origin may load it; it holds nobody's data. */
void web_answer_embed(const struct web *web, struct http_request *request);

#endif
