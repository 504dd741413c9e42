/* roles: what users and API keys may do. Stored as their names. */
#ifndef INKLING_MODEL_ROLES_H
#define INKLING_MODEL_ROLES_H

#include "base/slice.h"

/* Of an API key; each may do what the former may. */
enum api_role { API_READ, API_WRITE, API_ADMIN };
const char *api_role_name(enum api_role role); /* "read", "write", "admin" */
bool api_role_parse(struct slice name, enum api_role *ret);

/* Of a person. */
enum user_role { USER_ADMIN, USER_RECRUITER, USER_HIRING_MANAGER };
const char *user_role_name(enum user_role role); /* "admin", "recruiter", "hiring_manager" */
bool user_role_parse(struct slice name, enum user_role *ret);

#endif
