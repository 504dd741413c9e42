#include "model/roles.h"

#include "base/banned.h"

static const char *const permissions[] = {"self",  "read_jobs", "read",  "scores", "register",
                                          "write", "embed",     "admin", "audit"};

#define READING  (API_READ_JOBS | API_READ | API_SCORES)
#define CHANGING (READING | API_REGISTER | API_WRITE | API_EMBED)

struct role {
    const char *name;
    unsigned permissions;
};
static const struct role api_roles[] = {
    [KEY_READ] = {"read", READING},     [KEY_INGEST] = {"ingest", API_REGISTER},
    [KEY_EMBED] = {"embed", API_EMBED}, [KEY_AUDIT] = {"audit", API_AUDIT},
    [KEY_WRITE] = {"write", CHANGING},  [KEY_ADMIN] = {"admin", CHANGING | API_ADMIN | API_AUDIT},
};
#define API_ROLE_COUNT (sizeof(api_roles) / sizeof(api_roles[0]))
static const struct role user_roles[] = {
    [USER_ADMIN] = {"admin", API_SELF | (CHANGING & ~(unsigned)API_EMBED) | API_ADMIN | API_AUDIT},
    [USER_RECRUITER] = {"recruiter", API_SELF | READING | API_WRITE},
    [USER_HIRING_MANAGER] = {"hiring_manager", API_SELF | API_READ_JOBS},
};
#define USER_ROLE_COUNT (sizeof(user_roles) / sizeof(user_roles[0]))

static bool parse(const struct role *roles, size_t count, struct slice name, size_t *ret) {
    for (size_t i = 0; i < count; i++) {
        if (!slice_equal(slice_cstr(roles[i].name), name)) continue;
        *ret = i;
        return true;
    }
    return false;
}

const char *permission_name(int index) {
    return index >= 0 && (size_t)index < sizeof(permissions) / sizeof(permissions[0]) ? permissions[index] : NULL;
}

const char *api_role_name(enum api_role role) {
    return api_roles[role].name;
}

bool api_role_parse(struct slice name, enum api_role *ret) {
    size_t index;
    if (!parse(api_roles, API_ROLE_COUNT, name, &index)) return false;
    *ret = (enum api_role)index;
    return true;
}

unsigned api_role_permissions(enum api_role role) {
    return api_roles[role].permissions;
}

const char *user_role_name(enum user_role role) {
    return user_roles[role].name;
}

bool user_role_parse(struct slice name, enum user_role *ret) {
    size_t index;
    if (!parse(user_roles, USER_ROLE_COUNT, name, &index)) return false;
    *ret = (enum user_role)index;
    return true;
}

unsigned user_role_permissions(enum user_role role, struct user_grants grants) {
    return user_roles[role].permissions | (grants.sees_scores ? API_SCORES : 0) | (grants.reads_audit ? API_AUDIT : 0);
}
