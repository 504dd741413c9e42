/* links: links by which somebody sets a password: invitations, and new passwords that an admin hands out. */
#ifndef INKLING_API_LINKS_H
#define INKLING_API_LINKS_H

#include "api/api.h"
#include "store/users.h"

/* In a write transaction: a new link for the user, and the member "link" of the answer. */
MUST_USE int link_write(struct api_call *call, struct db *db, const struct user *user, struct api_table *answer,
                        struct err *err);

#endif
