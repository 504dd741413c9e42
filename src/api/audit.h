/* audit: what a request changes or takes out, noted in the audit log (store/audit.h) by api_write and api_table_end,
 * not by each route. What is done is named by the route: "users.create" for POST /users; a route that is not to be
 * noted stands in the table of audit.c with its reason. Handlers only add what the route does not tell: which thing it
 * was, and what it was before. */
#ifndef INKLING_API_AUDIT_H
#define INKLING_API_AUDIT_H

#include "api/api.h"

/* ---- for handlers, inside `run` of api_write ---- */

/* The thing that it is about, where the path does not name it by its number. */
void api_audit_object(struct api_call *call, int64_t id);
/* Who it is, where the call does not know it yet: somebody who signs in. */
void api_audit_as(struct api_call *call, int64_t organization_id, int64_t user_id);
/* Something else is done than the route says. `action` lives forever. */
void api_audit_action(struct api_call *call, const char *action);
/* The thing before and after, written as for an answer; what differs is noted. Never tell secrets here: what is a
 * secret or a person's is only said to have changed, see the list of names in audit.c. */
struct api_table *api_audit_before(struct api_call *call);
struct api_table *api_audit_after(struct api_call *call);
/* A member that never shows was set, such as a password. `name` lives forever. */
void api_audit_set(struct api_call *call, const char *name);

/* ---- what is not a change by api_write ---- */

/* Notes `action` at once, in a transaction of its own: something was read, or changed elsewhere. */
MUST_USE int api_audit_now(struct api_call *call, const char *action, int64_t object_id, struct err *err);
/* A list left as a file. */
MUST_USE int api_audit_export(struct api_call *call, const char *list, size_t rows, struct err *err);

/* ---- for write.c and api.c ---- */
bool api_audit_wanted(struct api_call *call);
void api_audit_begin(struct api_call *call);
void api_audit_skip(struct api_call *call);
MUST_USE int api_audit_note(struct api_call *call, struct db *db, struct err *err); /* once a request and action */
void api_audit_done(struct api_call *call);                                         /* it is committed */
void api_audit_release(struct api_call *call);

/* The word for what a route does, or false: it is not noted. Exported for tests. `ret` has AUDIT_WORD_MAX bytes. */
bool audit_word(const char *method, const char *pattern, char *ret);

#endif
