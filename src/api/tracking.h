/* tracking: our own pixel and links, and what all routes with a token share. Internal to api/ but for the answers,
 * which live as long as the server. The pages are in tracking_pages.c. */
#ifndef INKLING_API_TRACKING_H
#define INKLING_API_TRACKING_H

#include "api/app.h"
#include "ingest/organization_cache.h"
#include "tracking/token.h"

/* Answers that are always the same. Immutable. */
struct tracking_answers;
struct tracking_answers *tracking_answers_new(void);
struct tracking_answers *tracking_answers_free(struct tracking_answers *answers); /* NULL accepted */

/* For http_server_options.admit: hosts of pixels and links serve nothing else (compliance C-75). Refuses by itself. */
bool tracking_admits(struct http_request *request);

/* A request's token and the organization that made it. */
struct tracked {
    struct token token;
    struct slice text;                              /* of the token */
    const struct organization_set *organizations;   /* released by tracked_release */
    const struct cached_organization *organization; /* NULL: not known yet */
};
/* Reads "{token}" of the path for any of the purposes (bits 1 << purpose), and checks that the host is not another
 * organization's. False: refused with the one answer that all wrong tokens get (C-23), nothing to release. */
bool tracked_read(struct http_request *request, unsigned purposes, struct tracked *ret);
/* That one answer. */
void tracking_refuse(struct http_request *request);
void tracked_release(const struct tracked *tracked);
/* What the hit and the request say of time, email and client. `kind` and what belongs to it are the caller's. */
struct hit tracked_hit(struct http_request *request, const struct tracked *tracked);
/* Has the token had less than its share of this minute (C-74)? Moves the hit by a millisecond for each that came before
 * it in the minute: two hits of one millisecond would be one event (BR-558.5). */
bool tracked_admit(struct http_request *request, const struct tracked *tracked, struct hit *hit);

#endif
