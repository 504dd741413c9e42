#include "api/second_factor.h"

#include <sodium.h>

#include "account/totp.h"
#include "api/resources.h"
#include "base/random.h"
#include "store/second_factors.h"

#include "base/banned.h"

#define SEALED_MAX 256
#define URI_MAX    4096

_Static_assert(RECOVERY_HASH_SIZE == RECOVERY_CODE_HASH_SIZE, "a recovery code's hash");

static int open_secret(struct api_call *call, struct slice sealed, unsigned char secret[TOTP_SECRET_BYTES],
                       struct err *err) {
    struct strbuf plain;
    strbuf_init(&plain, SEALED_MAX);
    int r = secret_box_open(&call->app->secret_box, sealed, &plain, err);
    if (r == 0 && plain.len != TOTP_SECRET_BYTES) r = err_set(err, ERR_INTERNAL, "a second factor is damaged");
    if (r == 0) memcpy(secret, plain.ptr, TOTP_SECRET_BYTES);
    if (plain.ptr) sodium_memzero(plain.ptr, plain.len);
    strbuf_release(&plain);
    return r;
}

int second_factor_use(struct api_call *call, struct db *db, const struct account *account, struct slice code,
                      struct err *err) {
    const struct user *user = &account->user;
    unsigned char secret[TOTP_SECRET_BYTES], hash[RECOVERY_HASH_SIZE];
    int64_t step;
    if (recovery_code_hash(code, hash)) return second_factor_use_code(db, user->organization_id, user->id, hash, err);
    int r = open_secret(call, account->totp_secret, secret, err);
    if (r != 0) return r;
    bool good = totp_check(secret, code, call->now, account->totp_step, &step);
    sodium_memzero(secret, sizeof(secret));
    return good ? second_factor_use_step(db, user->organization_id, user->id, step, err) : 0;
}

/* ---- one's own ---- */

struct change {
    struct api_call *call;
    int64_t user_id;
    struct slice sealed;
    int64_t step;
    char codes[RECOVERY_CODES][RECOVERY_CODE_CHARS + 1];
    unsigned char hashes[RECOVERY_CODES][RECOVERY_HASH_SIZE];
};

static int read_password(struct api_call *call, struct err *err) {
    static const char *const members[] = {"password", NULL};
    struct json_value body;
    struct slice password;
    int r = api_body(call, &body, err);
    if (r == 0) r = api_known_members(body, members, err);
    if (r != 0) return r;
    if (!json_text(json_get(body, SLICE("password")), &password))
        return err_set(err, ERR_INVALID, "password must be your own, as a string");
    return me_check_password(call, password, err);
}

static int run_begin(void *context, struct applier *applier, struct db *db, struct err *err) {
    const struct change *change = context;
    return second_factor_begin(db, change->call->organization_id, change->user_id, change->sealed, err);
}

static void answer_secret(struct api_call *call, const unsigned char secret[TOTP_SECRET_BYTES]) {
    const struct account *account = &call->session->account;
    struct strbuf text;
    struct api_table *object = api_object_begin(call);
    strbuf_init(&text, URI_MAX);
    totp_write_secret(&text, secret);
    api_table_text(object, "secret", strbuf_slice(&text));
    strbuf_clear(&text);
    totp_write_uri(&text, secret, slice_first_utf8(account->organization_name, 100), account->user.email);
    api_table_text(object, "uri", strbuf_slice(&text));
    api_object_end(call, 200);
    strbuf_release(&text);
}

int me_second_factor_begin(struct api_call *call, struct err *err) {
    struct change change = {.call = call, .user_id = call->session->account.user.id};
    unsigned char secret[TOTP_SECRET_BYTES];
    struct strbuf sealed;
    int r = read_password(call, err);
    if (r != 0) return r;
    random_bytes(secret, sizeof(secret));
    strbuf_init(&sealed, SEALED_MAX);
    secret_box_seal(&call->app->secret_box, slice_of((const char *)secret, sizeof(secret)), &sealed);
    change.sealed = strbuf_slice(&sealed);
    r = api_write(call, run_begin, &change, err);
    if (r == 0) answer_secret(call, secret);
    sodium_memzero(secret, sizeof(secret));
    strbuf_release(&sealed);
    return r;
}

static int run_confirm(void *context, struct applier *applier, struct db *db, struct err *err) {
    const struct change *change = context;
    const struct web_session *own = &change->call->session->web;
    int r = second_factor_confirm(db, own->organization_id, own->user_id, change->step,
                                  (const unsigned char(*)[RECOVERY_HASH_SIZE])change->hashes, RECOVERY_CODES,
                                  change->call->now, err);
    return r < 0 ? r : sessions_end(db, own->organization_id, own->user_id, own->id, err);
}

static int check_first_code(struct change *change, struct slice code, struct err *err) {
    struct api_call *call = change->call;
    unsigned char secret[TOTP_SECRET_BYTES];
    struct slice sealed;
    int r = second_factor_pending(call->db, call->organization_id, change->user_id, call->arena, &sealed, err);
    if (r == 0) r = open_secret(call, sealed, secret, err);
    if (r != 0) return r;
    bool good = totp_check(secret, code, call->now, 0, &change->step);
    sodium_memzero(secret, sizeof(secret));
    return good ? 0 : err_set(err, ERR_INVALID, "this is not the code that the authenticator shows now");
}

/* The first code shows that the authenticator has the secret, so that nobody locks themselves out. */
int me_second_factor_confirm(struct api_call *call, struct err *err) {
    static const char *const members[] = {"code", NULL};
    struct change change = {.call = call, .user_id = call->session->account.user.id};
    struct slice code = SLICE_NONE;
    struct json_value body;
    int r = api_body(call, &body, err);
    if (r == 0) r = api_known_members(body, members, err);
    if (r == 0) r = api_text(call, body, "code", 40, &code, err);
    if (r == 0) r = check_first_code(&change, code, err);
    if (r != 0) return r;
    for (size_t i = 0; i < RECOVERY_CODES; i++) {
        recovery_code_make(change.codes[i]);
        if (!recovery_code_hash(slice_cstr(change.codes[i]), change.hashes[i])) BUG("a recovery code is none");
    }
    r = api_write(call, run_confirm, &change, err);
    if (r != 0) return r;
    struct api_table *object = api_object_begin(call);
    api_table_array(object, "recovery_codes"); /* now or never */
    for (size_t i = 0; i < RECOVERY_CODES; i++)
        api_table_text(object, NULL, slice_cstr(change.codes[i]));
    api_table_close(object);
    api_object_end(call, 200);
    return 0;
}

static int run_remove(void *context, struct applier *applier, struct db *db, struct err *err) {
    const struct change *change = context;
    return second_factor_remove(db, change->call->organization_id, change->user_id, err);
}

int me_second_factor_remove(struct api_call *call, struct err *err) {
    struct change change = {.call = call, .user_id = call->session->account.user.id};
    int r = read_password(call, err);
    if (r == 0) r = api_write(call, run_remove, &change, err);
    if (r == 0) api_answer_empty(call, 204);
    return r;
}

/* By an admin, for who has lost the authenticator and the recovery codes. */
int user_second_factor_remove(struct api_call *call, struct err *err) {
    struct change change = {.call = call};
    int r = api_id_param(call, "id", &change.user_id, err);
    if (r == 0) r = api_write(call, run_remove, &change, err);
    if (r == 0) api_answer_empty(call, 204);
    return r;
}
