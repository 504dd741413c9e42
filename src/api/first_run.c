/* first_run: the first account. As long as nobody has a password, whoever shows the token that the service wrote into
 * its log makes the first organization and its admin; there is no account by default (compliance C-116, ASVS 6.3.2). */
#include "api/audit.h"
#include "api/credentials.h"
#include "api/resources.h"
#include "api/sign_in.h"
#include "base/clock.h"
#include "base/timezone.h"
#include "store/organizations.h"

#include "base/banned.h"

static bool is_open(struct app *app) {
    return app->setup_token[0] && !atomic_load(&app->setup_taken);
}

/* What a page needs to know before anybody is signed in. */
int session_options(struct api_call *call, struct err *err) {
    int r = api_known_parameters(call, (const char *const[]){NULL}, err);
    if (r != 0) return r;
    struct api_table *object = api_object_begin(call);
    api_table_bool(object, "setup_needed", is_open(call->app));
    oidc_write_option(object, call->app);
    api_object_end(call, 200);
    return 0;
}

struct first {
    struct api_call *call;
    struct organization organization;
    struct user user;
    char hash[PASSWORD_HASH_MAX];
    struct new_session made;
};

static int read_first(struct first *first, struct json_value body, struct err *err) {
    struct api_call *call = first->call;
    struct slice email = SLICE_NONE, password;
    organization_init(&first->organization);
    first->user.role = USER_ADMIN;
    int r = api_text(call, body, "organization", ORGANIZATION_NAME_MAX, &first->organization.name, err);
    if (r == 0) r = api_text(call, body, "time_zone", ORGANIZATION_TIME_ZONE_MAX, &first->organization.time_zone, err);
    if (r == 0) r = api_text(call, body, "email", USER_EMAIL_MAX, &email, err);
    if (r == 0) r = api_text(call, body, "name", USER_NAME_MAX, &first->user.name, err);
    if (r != 0) return r;
    if (email.ptr) first->user.email = user_email_normalize(call->arena, email);
    if (slice_empty(first->organization.name))
        return err_set(err, ERR_INVALID, "organization must be the name of yours");
    if (!timezone_known(first->organization.time_zone))
        return err_set(err, ERR_INVALID, "time_zone must be an IANA time zone like Europe/Berlin");
    if (!first->user.email.ptr) return err_set(err, ERR_INVALID, "email must be an email address");
    if (!json_text(json_get(body, SLICE("password")), &password))
        return err_set(err, ERR_INVALID, "password must be a string");
    return password_hash(password, first->hash, err);
}

static int check_token(struct api_call *call, struct json_value body, struct err *err) {
    int wait;
    struct slice token;
    if (!is_open(call->app)) return err_set(err, ERR_CONFLICT, "the set-up is done: sign in");
    if (!limits_take(call->app->limits, hash_fnv1a(SLICE("set-up")), 0.5, 10, clock_monotonic_us(), &wait))
        return err_set(err, ERR_TOO_MANY, "too many attempts, wait %d s", wait);
    if (json_text(json_get(body, SLICE("token")), &token) &&
        slice_equal_secret(slice_trim(token), slice_cstr(call->app->setup_token)))
        return 0;
    return err_set(err, ERR_DENIED, "this is not the set-up token: the service writes it into its log when it starts");
}

static int run_first(void *context, struct applier *applier, struct db *db, struct err *err) {
    struct first *first = context;
    bool any;
    int r = settings_version_raise(db, err); /* its row also keeps two services on one database apart */
    if (r == 0) r = users_any_password(db, &any, err);
    if (r != 0) return r;
    if (any) return err_set(err, ERR_CONFLICT, "the set-up is done: sign in");
    r = organization_insert(db, &first->organization, first->call->now, err);
    first->user.organization_id = first->organization.id;
    if (r == 0) r = user_insert(db, &first->user, first->hash, first->call->now, err);
    api_audit_object(first->call, first->organization.id);
    return r < 0 ? r : sign_in_begin(first->call, db, &first->user, &first->made, err);
}

int setup_create(struct api_call *call, struct err *err) {
    static const char *const members[] = {"token", "organization", "time_zone", "email", "name", "password", NULL};
    struct first first = {.call = call};
    struct json_value body;
    int r = api_body(call, &body, err);
    if (r == 0) r = api_known_members(body, members, err);
    if (r == 0) r = check_token(call, body, err);
    if (r == 0) r = read_first(&first, body, err);
    if (r != 0) return r;
    if (atomic_exchange(&call->app->setup_taken, true)) return err_set(err, ERR_CONFLICT, "the set-up is being done");
    r = api_write(call, run_first, &first, err);
    if (r != 0 && r != -ERR_CONFLICT) atomic_store(&call->app->setup_taken, false);
    if (r == 0) r = sign_in_finish(call, &first.made, false, err);
    if (r == 0) me_answer(call, 201);
    return r;
}
