/* registration_read: one email as callers describe it in JSON (POST /emails, `inkling import`). */
#ifndef INKLING_API_REGISTRATION_READ_H
#define INKLING_API_REGISTRATION_READ_H

#include "api/api.h"
#include "ingest/registration.h"

/* Of `call` only arena and now are used; what is kept lies in the arena. Members about the email's html and text are
 * let pass, for rewriting.h to read. ERR_INVALID with the member's name. */
MUST_USE int registration_read(struct api_call *call, struct json_value email, struct registration *ret,
                               struct err *err);

#endif
