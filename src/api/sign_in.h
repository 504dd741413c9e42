/* sign_in: from a proven identity to a session, whichever way it was proven: password, link, first set-up, single
 * sign-on. */
#ifndef INKLING_API_SIGN_IN_H
#define INKLING_API_SIGN_IN_H

#include "api/auth.h"

/* A new session with a new token (compliance C-110). Begin it in the transaction that accepts the proof; when that is
 * committed, give the browser its cookie. */
struct new_session {
    char token[80];
    unsigned char hash[SESSION_HASH_SIZE];
    struct web_session web;
};
MUST_USE int sign_in_begin(struct api_call *call, struct db *db, const struct user *user, struct new_session *ret,
                           struct err *err);
/* Binds the call to the session and sets the cookie; `remember`: it outlives the browser. Reads the account again. */
MUST_USE int sign_in_finish(struct api_call *call, const struct new_session *made, bool remember, struct err *err);

/* Asked again of who is signed in before what matters most changes. ERR_DENIED; ERR_TOO_MANY. */
MUST_USE int me_check_password(struct api_call *call, struct slice password, struct err *err);

/* The answer of GET /me, of a call that has a session; and its fields. */
void me_write(struct api_call *call, struct api_table *object);
void me_answer(struct api_call *call, int status);

#endif
