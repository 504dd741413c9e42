/* users: people of the organization. */
#include "store/users.h"

#include "api/audit.h"
#include "api/credentials.h"
#include "api/links.h"
#include "api/resources.h"

#include "base/banned.h"

#define LIST "users"

static void write_user(struct api_table *row, const struct user *user) {
    unsigned permissions = user_role_permissions(user->role, user->grants);
    api_table_int(row, "id", user->id);
    api_table_text(row, "external_id", user->external_id);
    api_table_text(row, "email", user->email);
    api_table_text(row, "name", user->name);
    api_table_text(row, "role", slice_cstr(user_role_name(user->role)));
    api_table_bool(row, "has_password", user->has_password);
    api_table_bool(row, "has_second_factor", user->has_second_factor);
    api_table_bool(row, "sees_scores", permissions & API_SCORES);
    api_table_bool(row, "reads_audit", permissions & API_AUDIT);
    api_table_time(row, "created_at", user->created_at);
    api_table_time(row, "updated_at", user->updated_at);
    api_table_time(row, "disabled_at", user->disabled_at);
    api_table_time(row, "signed_in_at", user->signed_in_at);
}

int users_list(struct api_call *call, struct err *err) {
    static const char *const parameters[] = {"limit", "cursor", NULL};
    int64_t limit, after = 0;
    struct user *users;
    size_t count;
    bool present;
    int r = api_known_parameters(call, parameters, err);
    if (r == 0) r = api_limit(call, 100, 1000, &limit, err);
    if (r == 0) r = api_cursor_read(call, LIST, &after, 1, &present, err);
    if (r == 0)
        r = users_load(call->db, call->organization_id, after, (size_t)limit + 1, call->arena, &users, &count, err);
    if (r != 0) return r;
    bool more = count > (size_t)limit;
    struct api_table *table = api_table_begin(call, LIST);
    for (size_t i = 0; i < count - more; i++) {
        api_table_row(table);
        write_user(table, &users[i]);
    }
    api_table_end(call, more ? api_cursor_make(call, LIST, &users[count - 2].id, 1) : NULL);
    return 0;
}

int users_show(struct api_call *call, struct err *err) {
    struct user user;
    int64_t id;
    int r = api_id_param(call, "id", &id, err);
    if (r == 0) r = user_load(call->db, call->organization_id, id, call->arena, &user, err);
    if (r != 0) return r;
    write_user(api_object_begin(call), &user);
    api_object_end(call, 200);
    return 0;
}

/* ---- changes ---- */

struct change {
    struct api_call *call;
    struct json_value body;
    int64_t id;
    char hash[PASSWORD_HASH_MAX]; /* empty: no new password */
    bool invite;
    struct user user; /* out */
};

/* Members that are absent keep their value. */
static int read_user(struct change *change, struct user *user, struct err *err) {
    struct api_call *call = change->call;
    struct slice role = SLICE_NONE, email = SLICE_NONE;
    int r = api_text(call, change->body, "email", USER_EMAIL_MAX, &email, err);
    if (r == 0) r = api_text(call, change->body, "name", USER_NAME_MAX, &user->name, err);
    if (r == 0) r = api_text(call, change->body, "role", 20, &role, err);
    if (r == 0) r = api_bool(change->body, "sees_scores", &user->grants.sees_scores, err);
    if (r == 0) r = api_bool(change->body, "reads_audit", &user->grants.reads_audit, err);
    if (r != 0) return r;
    if (email.ptr) user->email = user_email_normalize(call->arena, email);
    if (!user->email.ptr) return err_set(err, ERR_INVALID, "email must be an email address");
    if (role.ptr && !user_role_parse(role, &user->role))
        return err_set(err, ERR_INVALID, "role must be admin, recruiter or hiring_manager");
    return 0;
}

/* On the worker, not on the writer: hashing takes its time on purpose. */
static int read_password(struct change *change, struct err *err) {
    struct json_value value = json_get(change->body, SLICE("password"));
    struct slice password;
    if (value.type == JSON_KIND_NONE || value.type == JSON_KIND_NULL) return 0;
    if (!json_text(value, &password)) return err_set(err, ERR_INVALID, "password must be a string");
    return password_hash(password, change->hash, err);
}

static const char *hash_of(const struct change *change) {
    return change->hash[0] ? change->hash : NULL;
}

static int run_create(void *context, struct applier *applier, struct db *db, struct api_table *answer,
                      struct err *err) {
    struct change *change = context;
    struct user user = {.organization_id = change->call->organization_id, .role = USER_RECRUITER};
    int r = read_user(change, &user, err);
    if (r == 0) r = user_insert(db, &user, hash_of(change), change->call->now, err);
    if (r != 0) return r;
    write_user(answer, &user);
    api_audit_object(change->call, user.id);
    write_user(api_audit_after(change->call), &user);
    return change->invite ? link_write(change->call, db, &user, answer, err) : 0;
}

int users_create(struct api_call *call, struct err *err) {
    static const char *const members[] = {"email",       "name",     "role",   "sees_scores",
                                          "reads_audit", "password", "invite", NULL};
    struct change change = {.call = call};
    int r = api_body(call, &change.body, err);
    if (r == 0) r = api_known_members(change.body, members, err);
    if (r == 0) r = api_bool(change.body, "invite", &change.invite, err);
    if (r == 0) r = read_password(&change, err);
    if (r == 0 && change.invite && hash_of(&change))
        r = err_set(err, ERR_INVALID, "who is invited sets a password of their own: leave password out");
    return r < 0 ? r : api_write_once(call, run_create, &change, 201, err);
}

static int run_change(void *context, struct applier *applier, struct db *db, struct err *err) {
    struct change *change = context;
    struct api_call *call = change->call;
    struct user *user = &change->user;
    bool disabled;
    int r = user_load(db, call->organization_id, change->id, call->arena, user, err);
    if (r == 0) write_user(api_audit_before(call), user);
    if (r == 0) r = read_user(change, user, err);
    if (r != 0) return r;
    disabled = user->disabled_at != TIME_UNSET;
    r = api_bool(change->body, "disabled", &disabled, err);
    if (r != 0) return r;
    if (disabled != (user->disabled_at != TIME_UNSET)) user->disabled_at = disabled ? call->now : TIME_UNSET;
    if (hash_of(change)) user->has_password = true;
    r = user_update(db, user, hash_of(change), call->now, err);
    if (r == 0) user->updated_at = call->now;
    if (r == 0) write_user(api_audit_after(call), user);
    if (hash_of(change)) api_audit_set(call, "password");
    return r;
}

int users_change(struct api_call *call, struct err *err) {
    static const char *const members[] = {"email",       "name",     "role",     "sees_scores",
                                          "reads_audit", "password", "disabled", NULL};
    struct change change = {.call = call};
    int r = api_id_param(call, "id", &change.id, err);
    if (r == 0) r = api_body(call, &change.body, err);
    if (r == 0) r = api_known_members(change.body, members, err);
    if (r == 0) r = read_password(&change, err);
    if (r == 0) r = api_write(call, run_change, &change, err);
    if (r != 0) return r;
    hub_end_user(call->app->hub, call->organization_id, change.id);
    notifier_look_again(call->app->notifier);
    write_user(api_object_begin(call), &change.user);
    api_object_end(call, 200);
    return 0;
}

static int run_disable(void *context, struct applier *applier, struct db *db, struct err *err) {
    const struct change *change = context;
    return user_disable(db, change->call->organization_id, change->id, change->call->now, err);
}

int users_disable(struct api_call *call, struct err *err) {
    struct change change = {.call = call};
    int r = api_id_param(call, "id", &change.id, err);
    if (r == 0) r = api_write(call, run_disable, &change, err);
    if (r == 0) hub_end_user(call->app->hub, call->organization_id, change.id);
    if (r == 0) api_answer_empty(call, 204);
    return r;
}
