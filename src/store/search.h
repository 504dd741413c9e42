/* search: what a person types to get somewhere. Answered along an index, or among the newest SEARCH_NEWEST of a kind,
 * so that nobody's search costs more with the size of the database. Upper and lower case are the same, in addresses for
 * ASCII at least. Strings in `arena`.
 *
 * `jobs_of`: only what belongs to jobs of this user; 0: all (visible.h). */
#ifndef INKLING_STORE_SEARCH_H
#define INKLING_STORE_SEARCH_H

#include "base/arena.h"
#include "base/err.h"
#include "base/slice.h"

struct db;

#define SEARCH_NEWEST 5000

struct found {
    int64_t id;
    struct slice external_id; /* of an email ptr NULL */
    struct slice name;        /* an email's subject; ptr NULL: none */
    struct slice detail;      /* a candidate's title, an email's candidate; ptr NULL: none */
    int64_t at;               /* an email's time sent */
};

/* By the beginning of the name, of what follows its first blank, or of the address; or by the whole id. By name. */
MUST_USE int search_candidates(struct db *db, int64_t organization_id, int64_t jobs_of, struct slice text, size_t limit,
                               struct arena *arena, struct found **ret, size_t *ret_count, struct err *err);

/* Whose name (or id, where there is no name) contains the text, the newest first. A user with jobs finds jobs only:
 * what of campaigns and templates is theirs depends on days, so their reports tell. */
enum searched_kind { SEARCH_JOBS, SEARCH_TEMPLATES, SEARCH_CAMPAIGNS };
MUST_USE int search_things(struct db *db, int64_t organization_id, int64_t jobs_of, enum searched_kind kind,
                           struct slice text, size_t limit, struct arena *arena, struct found **ret, size_t *ret_count,
                           struct err *err);

/* Whose subject contains the text, of the SEARCH_NEWEST sent last. */
MUST_USE int search_emails(struct db *db, int64_t organization_id, int64_t jobs_of, struct slice text, size_t limit,
                           struct arena *arena, struct found **ret, size_t *ret_count, struct err *err);

#endif
