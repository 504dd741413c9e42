/* second_factor: codes of an authenticator, or recovery codes, beside the password. */
#ifndef INKLING_API_SECOND_FACTOR_H
#define INKLING_API_SECOND_FACTOR_H

#include "api/sign_in.h"

/* In a write transaction: 1 when the code is good for the account, and it is used up; 0 when it is not. */
MUST_USE int second_factor_use(struct api_call *call, struct db *db, const struct account *account, struct slice code,
                               struct err *err);

#endif
