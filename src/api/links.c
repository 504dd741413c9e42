#include "api/links.h"

#include "api/audit.h"
#include "api/credentials.h"
#include "api/resources.h"
#include "api/sign_in.h"
#include "base/clock.h"
#include "store/account_links.h"

#include "base/banned.h"

#define INVITATION_MS   (7 * DAY_MS)
#define NEW_PASSWORD_MS DAY_MS
/* Wrong tokens from one address: 260 random bits are not guessed, but trying is not for free either. */
#define FAILURE_BURST 30
#define FAILURE_RATE  0.5

static const char *kind_of(const struct user *user) {
    return user->has_password ? "password" : "invitation";
}

/* The token stands behind '#': browsers send that part to nobody, so it is in no log and no Referer (C-118). */
static void write_link(struct api_call *call, struct api_table *object, const struct user *user,
                       const struct account_link *link, struct slice token) {
    api_table_text(object, "kind", slice_cstr(kind_of(user)));
    api_table_text(
        object, "url",
        slice_cstr(arena_printf(call->arena, "%s/welcome#%.*s", app_public_url(call->app), SLICE_FMT(token))));
    api_table_text(object, "token", token);
    api_table_time(object, "expires_at", link->expires_at);
}

static int make_link(struct api_call *call, struct db *db, const struct user *user, char token[CREDENTIAL_TEXT_MAX],
                     struct account_link *ret, struct err *err) {
    unsigned char hash[CREDENTIAL_HASH_SIZE];
    *ret = (struct account_link){
        .organization_id = user->organization_id,
        .user_id = user->id,
        .created_at = call->now,
        .expires_at = call->now + (user->has_password ? NEW_PASSWORD_MS : INVITATION_MS),
    };
    credential_make(CREDENTIAL_LINK, user->organization_id, token, hash);
    return account_link_replace(db, ret, hash, err);
}

int link_write(struct api_call *call, struct db *db, const struct user *user, struct api_table *answer,
               struct err *err) {
    char token[CREDENTIAL_TEXT_MAX];
    struct account_link link;
    int r = make_link(call, db, user, token, &link, err);
    if (r != 0) return r;
    api_table_object(answer, "link");
    write_link(call, answer, user, &link, slice_cstr(token));
    api_table_close(answer);
    return 0;
}

/* ---- by an admin ---- */

struct making {
    struct api_call *call;
    int64_t id;
};

static int run_make(void *context, struct applier *applier, struct db *db, struct api_table *answer, struct err *err) {
    const struct making *making = context;
    struct api_call *call = making->call;
    char token[CREDENTIAL_TEXT_MAX];
    struct account_link link;
    struct user user;
    int r = user_load(db, call->organization_id, making->id, call->arena, &user, err);
    if (r == 0 && user.disabled_at != TIME_UNSET) r = err_set(err, ERR_CONFLICT, "the user is disabled");
    if (r == 0) r = make_link(call, db, &user, token, &link, err);
    if (r == 0) write_link(call, answer, &user, &link, slice_cstr(token));
    return r;
}

int user_link_create(struct api_call *call, struct err *err) {
    struct making making = {.call = call};
    int r = api_id_param(call, "id", &making.id, err);
    return r < 0 ? r : api_write_once(call, run_make, &making, 201, err);
}

/* ---- by who has the link ---- */

struct redeeming {
    struct api_call *call;
    int64_t organization_id;
    unsigned char hash[CREDENTIAL_HASH_SIZE];
    struct slice name;
    char password_hash[PASSWORD_HASH_MAX];
    struct user user;
    struct new_session made;
};

static int refuse(struct api_call *call, struct err *err) {
    struct address client = address_truncate(http_client_address(call->request));
    uint64_t bucket =
        hash_fnv1a(SLICE("account links")) ^ hash_fnv1a(slice_of((const char *)client.bytes, sizeof(client.bytes)));
    int wait;
    if (limits_take(call->app->limits, bucket, FAILURE_RATE, FAILURE_BURST, clock_monotonic_us(), &wait))
        return -ERR_NOT_FOUND;
    return err_set(err, ERR_TOO_MANY, "too many wrong links, wait %d s", wait);
}

static int read_token(struct redeeming *redeeming, struct json_value body, struct account_link *ret, struct err *err) {
    struct api_call *call = redeeming->call;
    struct slice token = SLICE_NONE;
    int r = api_text(call, body, "token", CREDENTIAL_TEXT_MAX, &token, err);
    if (r != 0) return r;
    r = credential_read(CREDENTIAL_LINK, token, &redeeming->organization_id, redeeming->hash)
            ? account_link_find(call->db, redeeming->organization_id, redeeming->hash, call->now, ret, err)
            : err_set(err, ERR_NOT_FOUND, "this is not a link of ours: copy it as a whole");
    return r == -ERR_NOT_FOUND ? refuse(call, err) : r;
}

int account_links_show(struct api_call *call, struct err *err) {
    static const char *const members[] = {"token", NULL};
    struct redeeming redeeming = {.call = call};
    struct account_link link;
    struct account account;
    struct json_value body;
    int r = api_body(call, &body, err);
    if (r == 0) r = api_known_members(body, members, err);
    if (r == 0) r = read_token(&redeeming, body, &link, err);
    if (r == 0) r = account_load(call->db, link.organization_id, link.user_id, call->arena, &account, err);
    if (r != 0) return r;
    struct api_table *object = api_object_begin(call);
    api_table_text(object, "kind", slice_cstr(kind_of(&account.user)));
    api_table_text(object, "email", account.user.email);
    api_table_text(object, "name", account.user.name);
    api_table_text(object, "organization", account.organization_name);
    api_table_time(object, "expires_at", link.expires_at);
    api_object_end(call, 200);
    return 0;
}

/* With a second factor in force the link alone signs nobody in. */
static int run_redeem(void *context, struct applier *applier, struct db *db, struct err *err) {
    struct redeeming *redeeming = context;
    struct api_call *call = redeeming->call;
    struct account_link link;
    struct user *user = &redeeming->user;
    int r = account_link_use(db, redeeming->organization_id, redeeming->hash, call->now, &link, err);
    if (r == 0) r = user_load(db, link.organization_id, link.user_id, call->arena, user, err);
    if (r != 0) return r;
    api_audit_as(call, link.organization_id, link.user_id);
    if (redeeming->name.ptr) user->name = redeeming->name;
    r = user_update_own(db, user, call->now, err);
    if (r == 0) r = user_set_password(db, link.organization_id, link.user_id, redeeming->password_hash, call->now, err);
    if (r != 0 || user->has_second_factor) return r;
    return sign_in_begin(call, db, user, &redeeming->made, err);
}

int account_links_redeem(struct api_call *call, struct err *err) {
    static const char *const members[] = {"token", "password", "name", NULL};
    struct redeeming redeeming = {.call = call};
    struct account_link link;
    struct json_value body;
    struct slice password;
    int r = api_body(call, &body, err);
    if (r == 0) r = api_known_members(body, members, err);
    if (r == 0) r = read_token(&redeeming, body, &link, err);
    if (r == 0) r = api_text(call, body, "name", USER_NAME_MAX, &redeeming.name, err);
    if (r != 0) return r;
    if (!json_text(json_get(body, SLICE("password")), &password))
        return err_set(err, ERR_INVALID, "password must be a string");
    r = password_hash(password, redeeming.password_hash, err);
    if (r == 0) r = api_write(call, run_redeem, &redeeming, err);
    if (r != 0) return r;
    if (redeeming.user.has_second_factor) {
        api_answer_empty(call, 204);
        return 0;
    }
    r = sign_in_finish(call, &redeeming.made, false, err);
    if (r == 0) me_answer(call, 200);
    return r;
}
