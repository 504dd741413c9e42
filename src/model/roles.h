/* roles: what people and programs may do. Roles are stored as their names; each is a set of permissions, and a route
 * asks for one of them. */
#ifndef INKLING_MODEL_ROLES_H
#define INKLING_MODEL_ROLES_H

#include "base/slice.h"

enum permission {
    API_SELF = 1 << 0,      /* one's own account: only people who are signed in */
    API_READ_JOBS = 1 << 1, /* emails, candidates and figures; of the caller's jobs where the role is bound to them */
    API_READ = 1 << 2,      /* all emails, candidates and figures, and the settings */
    API_SCORES = 1 << 3,    /* see the engagement score (compliance C-103) */
    API_REGISTER = 1 << 4,  /* tell of emails that were sent */
    API_WRITE = 1 << 5,     /* record what candidates and campaigns allow */
    API_EMBED = 1 << 6,     /* hand out tokens for pieces inside other pages: programs only */
    API_ADMIN = 1 << 7,     /* settings, users, keys, endpoints, refused and failed deliveries, security events */
    API_AUDIT = 1 << 8,     /* read the audit log (compliance C-82) */
};
/* "read_jobs", "admin" …; by index, from 0: the permission is 1 << index. NULL behind the last. */
const char *permission_name(int index);

/* Of an API key. */
enum api_role { KEY_READ, KEY_INGEST, KEY_EMBED, KEY_AUDIT, KEY_WRITE, KEY_ADMIN };
const char *api_role_name(enum api_role role); /* "read", "ingest", "embed", "audit" … */
bool api_role_parse(struct slice name, enum api_role *ret);
unsigned api_role_permissions(enum api_role role);

/* Of a person. */
enum user_role { USER_ADMIN, USER_RECRUITER, USER_HIRING_MANAGER };
const char *user_role_name(enum user_role role); /* "admin", "recruiter", "hiring_manager" */
bool user_role_parse(struct slice name, enum user_role *ret);
/* What a person may beyond the role. */
struct user_grants {
    bool sees_scores; /* API_SCORES */
    bool reads_audit; /* API_AUDIT */
};
unsigned user_role_permissions(enum user_role role, struct user_grants grants);

#endif
