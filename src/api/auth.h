/* auth: who calls. API keys are "ink_<organization>_<52 random characters>": the organization in front lets the look-up
 * name it, so that every hot statement does. */
#ifndef INKLING_API_AUTH_H
#define INKLING_API_AUTH_H

#include "api/api.h"

/* Sets organization, role and time zone of the call from its Authorization header. ERR_SIGNATURE: who it is is not
 * known; ERR_TOO_MANY after many failures from one address. */
MUST_USE int api_authenticate(struct api_call *call, struct err *err);

#endif
