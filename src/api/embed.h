/* embed: short-lived tokens with which pages of other systems (the applicant tracking system's) show pieces of ours. A
 * program with an API key has one made for the candidates and emails of one page; the browser sends it as a bearer
 * token. It opens a few routes to read, from one origin, for those alone. */
#ifndef INKLING_API_EMBED_H
#define INKLING_API_EMBED_H

#include "account/embed.h"
#include "api/api.h"

#define EMBED_START "emb_"

struct stored_event;

/* As api_authenticate, for a token that begins with EMBED_START. Also lets pages of the token's origin read the answer
 * (CORS). ERR_SIGNATURE: not ours, too old, or its key was revoked; ERR_DENIED: from another origin. */
MUST_USE int embed_authenticate(struct api_call *call, struct slice token, struct err *err);

/* 0 where no embed token limits the call, or it names what is asked for; else ERR_NOT_FOUND. */
MUST_USE int embed_check_candidate(const struct api_call *call, struct slice candidate, struct err *err);
/* A candidate's emails are open with the candidate. */
MUST_USE int embed_check_email(const struct api_call *call, int64_t email, struct slice candidate, struct err *err);

/* Takes out of an event what a page has no use for: addresses, agents and what the sender added. Who looks at the page
 * is not known here, so it gets the least (GDPR article 25). Leaves the event alone for who calls by other means. */
void embed_reduce_event(const struct api_call *call, struct stored_event *event);

#endif
