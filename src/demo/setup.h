/* setup: a directory that goes away again, and in it a database with an organization, an administrator and a key.
 */
#ifndef INKLING_DEMO_SETUP_H
#define INKLING_DEMO_SETUP_H

#include "api/credentials.h"
#include "base/err.h"
#include "base/slice.h"

#define DEMO_PATH_MAX 512

struct demo_place {
    char directory[DEMO_PATH_MAX]; /* empty: not made */
    char certificates[DEMO_PATH_MAX + 32], log[DEMO_PATH_MAX + 32], database[DEMO_PATH_MAX + 32];
    int64_t organization_id;
    char password[PASSWORD_MADE_MAX], api_key[API_KEY_TEXT_MAX];
};

/* Makes the directory under $TMPDIR and in it the directory of pinned certificates. */
MUST_USE int demo_place_make(struct demo_place *place, struct err *err);
/* Writes a certificate under its name. */
MUST_USE int demo_place_pin(const struct demo_place *place, const char *name, struct slice pem, struct err *err);
/* The database, before the service starts. */
MUST_USE int demo_place_fill(struct demo_place *place, int64_t now, struct err *err);
/* Removes the directory with all that is in it; accepts that there is none. */
MUST_USE int demo_place_remove(struct demo_place *place, struct err *err);

#endif
