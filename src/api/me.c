/* me: the account of who is signed in. */
#include "api/browser.h"
#include "api/credentials.h"
#include "api/resources.h"
#include "api/sign_in.h"
#include "base/clock.h"
#include "base/timezone.h"
#include "store/organizations.h"

#include "base/banned.h"

static void write_permissions(struct api_table *object, unsigned permissions) {
    api_table_array(object, "permissions");
    for (int i = 0; permission_name(i); i++)
        if (permissions >> i & 1) api_table_text(object, NULL, slice_cstr(permission_name(i)));
    api_table_close(object);
}

static void write_session(struct api_table *object, const struct api_call *call) {
    const struct web_session *web = &call->session->web;
    api_table_object(object, "session");
    api_table_int(object, "id", web->id);
    api_table_time(object, "created_at", web->created_at);
    api_table_time(object, "expires_at", web->created_at + app_config(call->app)->session_hours * HOUR_MS);
    api_table_int(object, "idle_minutes", app_config(call->app)->session_idle_minutes);
    api_table_close(object);
}

void me_write(struct api_call *call, struct api_table *object) {
    const struct account *account = &call->session->account;
    const struct user *user = &account->user;
    api_table_object(object, "user");
    api_table_int(object, "id", user->id);
    api_table_text(object, "email", user->email);
    api_table_text(object, "name", user->name);
    api_table_text(object, "time_zone", user->time_zone);
    api_table_bool(object, "has_password", user->has_password);
    api_table_bool(object, "has_second_factor", user->has_second_factor);
    api_table_close(object);
    api_table_text(object, "role", slice_cstr(user_role_name(user->role)));
    write_permissions(object, call->permissions);
    api_table_object(object, "organization");
    api_table_int(object, "id", user->organization_id);
    api_table_text(object, "name", account->organization_name);
    api_table_text(object, "time_zone", account->organization_time_zone);
    api_table_text(object, "tracking", slice_cstr(tracking_level_name(account->organization_tracking)));
    api_table_close(object);
    api_table_text(object, "time_zone", user->time_zone.ptr ? user->time_zone : account->organization_time_zone);
    api_table_json(object, "preferences", user->preferences.ptr ? user->preferences : SLICE("{}"));
    write_session(object, call);
}

void me_answer(struct api_call *call, int status) {
    me_write(call, api_object_begin(call));
    api_object_end(call, status);
}

int me_check_password(struct api_call *call, struct slice password, struct err *err) {
    const struct account *account = &call->session->account;
    int wait;
    uint64_t bucket = hash_fnv1a(SLICE("own password")) ^ (uint64_t)account->user.id;
    if (!limits_take(call->app->limits, bucket, 0.1, 10, clock_monotonic_us(), &wait))
        return err_set(err, ERR_TOO_MANY, "too many attempts, wait %d s", wait);
    if (!account->user.has_password || !password_matches(password, arena_cstr(call->arena, account->password_hash)))
        return err_set(err, ERR_DENIED, "the current password is wrong");
    limits_give(call->app->limits, bucket, 10);
    return 0;
}

int me_show(struct api_call *call, struct err *err) {
    int r = api_known_parameters(call, (const char *const[]){NULL}, err);
    if (r == 0) me_answer(call, 200);
    return r;
}

/* ---- changes ---- */

struct change {
    struct api_call *call;
    struct user user;
    char hash[PASSWORD_HASH_MAX];
    struct new_session made;
};

static int read_preferences(struct api_call *call, struct json_value body, struct slice *ret, struct err *err) {
    struct json_value value = json_get(body, SLICE("preferences"));
    struct strbuf text;
    if (value.type == JSON_KIND_NONE) return 0;
    if (value.type != JSON_KIND_OBJECT) return err_set(err, ERR_INVALID, "preferences must be an object");
    strbuf_init(&text, USER_PREFERENCES_MAX);
    int r = 0;
    if (json_write_value(value, &text) < 0)
        r = err_set(err, ERR_INVALID, "preferences must have at most %d bytes", USER_PREFERENCES_MAX);
    else
        *ret = arena_copy(call->arena, strbuf_slice(&text));
    strbuf_release(&text);
    return r;
}

static int run_change(void *context, struct applier *applier, struct db *db, struct err *err) {
    const struct change *change = context;
    return user_update_own(db, &change->user, change->call->now, err);
}

/* Absent members keep their value; null as time zone: the organization's. */
int me_change(struct api_call *call, struct err *err) {
    static const char *const members[] = {"name", "time_zone", "preferences", NULL};
    struct change change = {.call = call, .user = call->session->account.user};
    struct user *user = &change.user;
    struct json_value body;
    int r = api_body(call, &body, err);
    if (r == 0) r = api_known_members(body, members, err);
    if (r == 0) r = api_text(call, body, "name", USER_NAME_MAX, &user->name, err);
    if (r == 0) r = api_text(call, body, "time_zone", ORGANIZATION_TIME_ZONE_MAX, &user->time_zone, err);
    if (r == 0) r = read_preferences(call, body, &user->preferences, err);
    if (r != 0) return r;
    if (json_get(body, SLICE("time_zone")).type == JSON_KIND_NULL) user->time_zone = SLICE_NONE;
    if (user->time_zone.ptr && !timezone_known(user->time_zone))
        return err_set(err, ERR_INVALID, "time_zone must be an IANA time zone like Europe/Berlin");
    r = api_write(call, run_change, &change, err);
    if (r != 0) return r;
    struct api_session *session = arena_alloc(call->arena, sizeof(*session));
    *session = *call->session;
    session->account.user = *user;
    call->session = session;
    me_answer(call, 200);
    return 0;
}

/* All sessions end, this one too, and a new one begins. */
static int run_password(void *context, struct applier *applier, struct db *db, struct err *err) {
    struct change *change = context;
    struct api_call *call = change->call;
    int r = user_set_password(db, call->organization_id, change->user.id, change->hash, call->now, err);
    return r < 0 ? r : sign_in_begin(call, db, &change->user, &change->made, err);
}

int me_set_password(struct api_call *call, struct err *err) {
    static const char *const members[] = {"current", "password", NULL};
    struct change change = {.call = call, .user = call->session->account.user};
    struct slice current, password;
    struct json_value body;
    int r = api_body(call, &body, err);
    if (r == 0) r = api_known_members(body, members, err);
    if (r != 0) return r;
    if (!json_text(json_get(body, SLICE("current")), &current) ||
        !json_text(json_get(body, SLICE("password")), &password))
        return err_set(err, ERR_INVALID, "current and password must be strings");
    r = me_check_password(call, current, err);
    if (r == 0) r = password_hash(password, change.hash, err);
    if (r == 0) r = api_write(call, run_password, &change, err);
    if (r == 0) r = sign_in_finish(call, &change.made, false, err);
    if (r == 0) me_answer(call, 200);
    return r;
}
