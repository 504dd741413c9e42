/* auth: who calls: a program by its API key, or a person by the session that the browser's cookie names. */
#ifndef INKLING_API_AUTH_H
#define INKLING_API_AUTH_H

#include "api/api.h"
#include "store/sessions.h"

/* A person who is signed in. */
struct api_session {
    struct web_session web;
    struct account account;
};

/* Sets organization, permissions and time zone of the call. ERR_SIGNATURE: who it is is not known; ERR_TOO_MANY after
 * many failures from one address; ERR_DENIED for a change by a session that was not asked for by our own pages. */
MUST_USE int api_authenticate(struct api_call *call, struct err *err);
/* Binds the call to the session; it lives as long as the call. */
void api_take_session(struct api_call *call, struct api_session *session);

/* A session is good while it was made and used after these. */
int64_t session_made_after(const struct api_call *call);
int64_t session_used_after(const struct api_call *call);
#define SESSION_COOKIE "inkling"

#endif
