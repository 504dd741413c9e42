#include "model/roles.h"

#include "base/banned.h"

static const char *const api_roles[] = {[API_READ] = "read", [API_WRITE] = "write", [API_ADMIN] = "admin"};
static const char *const user_roles[] = {
    [USER_ADMIN] = "admin", [USER_RECRUITER] = "recruiter", [USER_HIRING_MANAGER] = "hiring_manager"};

static bool parse(const char *const *names, size_t count, struct slice name, size_t *ret) {
    for (size_t i = 0; i < count; i++) {
        if (!slice_equal(slice_cstr(names[i]), name)) continue;
        *ret = i;
        return true;
    }
    return false;
}

const char *api_role_name(enum api_role role) {
    return api_roles[role];
}

bool api_role_parse(struct slice name, enum api_role *ret) {
    size_t index;
    if (!parse(api_roles, sizeof(api_roles) / sizeof(api_roles[0]), name, &index)) return false;
    *ret = (enum api_role)index;
    return true;
}

const char *user_role_name(enum user_role role) {
    return user_roles[role];
}

bool user_role_parse(struct slice name, enum user_role *ret) {
    size_t index;
    if (!parse(user_roles, sizeof(user_roles) / sizeof(user_roles[0]), name, &index)) return false;
    *ret = (enum user_role)index;
    return true;
}
