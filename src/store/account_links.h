/* account_links: links by which somebody sets a password: an invitation, or a new one. The link holds a random token,
 * the database its hash; it is good once, until its time, and only the last one of a user is. */
#ifndef INKLING_STORE_ACCOUNT_LINKS_H
#define INKLING_STORE_ACCOUNT_LINKS_H

#include "store/users.h"

#define ACCOUNT_LINK_HASH_SIZE 32

struct account_link {
    int64_t organization_id, user_id;
    int64_t created_at, expires_at;
};

/* ERR_NOT_FOUND: used, replaced, over, or its user is disabled. */
MUST_USE int account_link_find(struct db *db, int64_t organization_id, const unsigned char hash[ACCOUNT_LINK_HASH_SIZE],
                               int64_t now, struct account_link *ret, struct err *err);
/* In the caller's write transaction, as below. Takes the place of the user's former one. */
MUST_USE int account_link_replace(struct db *db, const struct account_link *link,
                                  const unsigned char hash[ACCOUNT_LINK_HASH_SIZE], struct err *err);
/* ERR_NOT_FOUND as above, or somebody was faster. */
MUST_USE int account_link_use(struct db *db, int64_t organization_id, const unsigned char hash[ACCOUNT_LINK_HASH_SIZE],
                              int64_t now, struct account_link *ret, struct err *err);

#endif
