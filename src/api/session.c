/* session: signing in and out. */
#include "api/browser.h"
#include "api/credentials.h"
#include "api/notes.h"
#include "api/resources.h"
#include "api/second_factor.h"
#include "api/sign_in.h"
#include "base/clock.h"

#include "base/banned.h"

#define ORGANIZATIONS_TEXT_MAX 65536

/* Attempts are slowed down and never locked out (compliance C-116): those of one source on one account, those of one
 * source, and, much looser, those on one account from everywhere. What succeeds does not count. */
enum { OF_BOTH, OF_SOURCE, OF_ACCOUNT, THROTTLES };
/* Codes have a million values, three of which are good at a time: whoever knows the password gets few guesses. */
#define CODE_RATE  (1 / 60.0)
#define CODE_BURST 10
static const struct {
    double rate, burst;
} throttles[THROTTLES] = {[OF_BOTH] = {0.1, 10}, [OF_SOURCE] = {0.5, 40}, [OF_ACCOUNT] = {1, 100}};

struct attempt {
    struct api_call *call;
    struct slice email, password, code;
    int64_t organization_id; /* 0: not said */
    bool remember;
    uint64_t buckets[THROTTLES];
    struct account *account; /* whose password it is */
    struct new_session made;
    bool code_wrong; /* the password was right */
};

static void name_buckets(struct attempt *attempt) {
    struct address source = address_truncate(http_client_address(attempt->call->request));
    uint64_t from =
        hash_fnv1a(SLICE("sign-in")) ^ hash_fnv1a(slice_of((const char *)source.bytes, sizeof(source.bytes)));
    uint64_t to = hash_fnv1a(attempt->email);
    attempt->buckets[OF_BOTH] = from ^ (to * 3);
    attempt->buckets[OF_SOURCE] = from;
    attempt->buckets[OF_ACCOUNT] = hash_fnv1a(SLICE("sign-in account")) ^ to;
}

static void give_back(struct attempt *attempt, int count) {
    for (int i = 0; i < count; i++)
        limits_give(attempt->call->app->limits, attempt->buckets[i], throttles[i].burst);
}

static int throttle(struct attempt *attempt, struct err *err) {
    struct api_call *call = attempt->call;
    name_buckets(attempt);
    for (int i = 0; i < THROTTLES; i++) {
        int wait;
        if (limits_take(call->app->limits, attempt->buckets[i], throttles[i].rate, throttles[i].burst,
                        clock_monotonic_us(), &wait))
            continue;
        give_back(attempt, i);
        http_set_header(call->request, "Retry-After", slice_cstr(arena_printf(call->arena, "%d", wait)));
        return err_set(err, ERR_TOO_MANY, "too many attempts to sign in, wait %d s", wait);
    }
    return 0;
}

static int read_attempt(struct attempt *attempt, struct err *err) {
    static const char *const members[] = {"email", "password", "code", "organization", "remember", NULL};
    struct api_call *call = attempt->call;
    struct json_value body;
    struct slice email = SLICE_NONE;
    int r = api_body(call, &body, err);
    if (r == 0) r = api_known_members(body, members, err);
    if (r == 0) r = api_text(call, body, "email", USER_EMAIL_MAX, &email, err);
    if (r == 0) r = api_text(call, body, "code", 40, &attempt->code, err);
    if (r == 0) r = api_integer(body, "organization", 1, INT64_MAX, &attempt->organization_id, err);
    if (r == 0) r = api_bool(body, "remember", &attempt->remember, err);
    if (r != 0) return r;
    if (!json_text(json_get(body, SLICE("password")), &attempt->password))
        return err_set(err, ERR_INVALID, "password must be a string");
    if (email.ptr) attempt->email = user_email_normalize(call->arena, email);
    return attempt->email.ptr ? 0 : err_set(err, ERR_INVALID, "email must be an email address");
}

/* One sentence, whatever was wrong: it shall not tell which addresses have accounts (ASVS 6.3.8). */
static int refuse(struct attempt *attempt, const struct account *accounts, size_t count, struct err *err) {
    for (size_t i = 0; i < count; i++)
        note_refusal(attempt->call, accounts[i].user.organization_id, "sign_in", "a wrong password at signing in");
    return err_set(err, ERR_SIGNATURE, "the email address or the password is wrong");
}

/* Somebody has accounts in several organizations under one address and password: which one? Answers the call. */
static void ask_organization(struct attempt *attempt, struct account *const *matching, size_t count) {
    struct strbuf list;
    strbuf_init(&list, ORGANIZATIONS_TEXT_MAX);
    for (size_t i = 0; i < count; i++) {
        strbuf_printf(&list, "%s{\"id\":%lld,\"name\":", i > 0 ? "," : "[",
                      (long long)matching[i]->user.organization_id);
        api_quote(&list, matching[i]->organization_name);
        strbuf_add_char(&list, '}');
    }
    strbuf_add_char(&list, ']');
    api_answer_problem(attempt->call, 409, "Conflict", "say which organization, with the member organization",
                       "organizations", strbuf_slice(&list));
    strbuf_release(&list);
}

/* Finds whose password it is; each account costs the time of one hash, and so does none. Leaves `account` NULL when the
 * call was answered with a question. */
static int check_password(struct attempt *attempt, struct err *err) {
    struct account *accounts, *matching[ACCOUNTS_MAX];
    size_t count, matches = 0;
    int r = accounts_find(attempt->call->db, attempt->email, attempt->organization_id, attempt->call->arena, &accounts,
                          &count, err);
    if (r != 0) return r;
    if (count == 0) password_matches_none(attempt->password);
    for (size_t i = 0; i < count; i++) {
        const char *hash = arena_cstr(attempt->call->arena, accounts[i].password_hash);
        if (!accounts[i].user.has_password)
            password_matches_none(attempt->password);
        else if (password_matches(attempt->password, hash))
            matching[matches++] = &accounts[i];
    }
    if (matches == 0) return refuse(attempt, accounts, count, err);
    if (matches > 1)
        ask_organization(attempt, matching, matches);
    else
        attempt->account = matching[0];
    return 0;
}

/* In the transaction that begins the session, which uses the code up. */
static int run_sign_in(void *context, struct applier *applier, struct db *db, struct err *err) {
    struct attempt *attempt = context;
    const struct account *account = attempt->account;
    if (account->user.has_second_factor) {
        int good = second_factor_use(attempt->call, db, account, attempt->code, err);
        if (good < 0) return good;
        attempt->code_wrong = good == 0;
        if (good == 0) return err_set(err, ERR_SIGNATURE, "this code is wrong, or was used before");
    }
    return sign_in_begin(attempt->call, db, &account->user, &attempt->made, err);
}

static int try_code(struct attempt *attempt, struct err *err) {
    struct api_call *call = attempt->call;
    uint64_t bucket = hash_fnv1a(SLICE("code")) ^ (uint64_t)attempt->account->user.id;
    int wait;
    if (!limits_take(call->app->limits, bucket, CODE_RATE, CODE_BURST, clock_monotonic_us(), &wait))
        return err_set(err, ERR_TOO_MANY, "too many wrong codes, wait %d s", wait);
    int r = api_write(call, run_sign_in, attempt, err);
    if (r == 0) limits_give(call->app->limits, bucket, CODE_BURST);
    return r;
}

/* The password was right, so this tells nothing to who does not know it. Answers the call. */
static int ask_code(struct attempt *attempt, const char *detail) {
    if (attempt->code_wrong)
        note_refusal(attempt->call, attempt->account->user.organization_id, "second_factor",
                     "a wrong code at signing in, after the right password");
    api_answer_problem(attempt->call, 401, "Unauthorized", detail, "code_needed", SLICE("true"));
    return 0;
}

int session_create(struct api_call *call, struct err *err) {
    struct attempt attempt = {.call = call};
    int r = read_attempt(&attempt, err);
    if (r == 0) r = throttle(&attempt, err);
    if (r == 0) r = check_password(&attempt, err);
    if (r != 0) return r;
    if (!attempt.account) return 0; /* asked for the organization */
    if (attempt.account->user.has_second_factor && slice_empty(attempt.code))
        return ask_code(&attempt, "enter the code that your authenticator shows, or a recovery code");
    r = attempt.account->user.has_second_factor ? try_code(&attempt, err) : api_write(call, run_sign_in, &attempt, err);
    if (r != 0 && attempt.code_wrong) return ask_code(&attempt, err->text);
    if (r == 0) give_back(&attempt, THROTTLES);
    if (r == 0) r = sign_in_finish(call, &attempt.made, attempt.remember, err);
    if (r == 0) me_answer(call, 200);
    return r;
}

/* ---- ending ---- */

struct ending {
    struct api_call *call;
    int64_t id;
};

static int run_end(void *context, struct applier *applier, struct db *db, struct err *err) {
    const struct ending *ending = context;
    const struct web_session *own = &ending->call->session->web;
    return session_end(db, own->organization_id, own->user_id, ending->id, err);
}

int session_delete(struct api_call *call, struct err *err) {
    struct ending ending = {.call = call, .id = call->session->web.id};
    int r = api_write(call, run_end, &ending, err);
    if (r != 0 && r != -ERR_NOT_FOUND) return r; /* ended meanwhile: as good */
    hub_end_session(call->app->hub, call->organization_id, ending.id);
    browser_set_cookie(call, SESSION_COOKIE, SLICE_NONE, -1);
    api_answer_empty(call, 204);
    return 0;
}

int me_sessions_end(struct api_call *call, struct err *err) {
    struct ending ending = {.call = call};
    int r = api_id_param(call, "id", &ending.id, err);
    if (r == 0) r = api_write(call, run_end, &ending, err);
    if (r != 0) return r;
    hub_end_session(call->app->hub, call->organization_id, ending.id);
    if (ending.id == call->session->web.id) browser_set_cookie(call, SESSION_COOKIE, SLICE_NONE, -1);
    api_answer_empty(call, 204);
    return 0;
}

static int run_end_others(void *context, struct applier *applier, struct db *db, struct err *err) {
    const struct ending *ending = context;
    const struct web_session *own = &ending->call->session->web;
    return sessions_end(db, own->organization_id, own->user_id, own->id, err);
}

int me_sessions_end_others(struct api_call *call, struct err *err) {
    struct ending ending = {.call = call};
    int r = api_write(call, run_end_others, &ending, err);
    if (r == 0) api_answer_empty(call, 204);
    return r;
}

int me_sessions_list(struct api_call *call, struct err *err) {
    const struct web_session *own = &call->session->web;
    struct web_session *sessions;
    size_t count;
    int r = api_known_parameters(call, (const char *const[]){NULL}, err);
    if (r == 0)
        r = sessions_load(call->db, own->organization_id, own->user_id, session_made_after(call),
                          session_used_after(call), call->arena, &sessions, &count, err);
    if (r != 0) return r;
    struct api_table *table = api_table_begin(call, "sessions");
    for (size_t i = 0; i < count; i++) {
        api_table_row(table);
        api_table_int(table, "id", sessions[i].id);
        api_table_bool(table, "current", sessions[i].id == own->id);
        api_table_text(table, "source", sessions[i].source);
        api_table_text(table, "agent", sessions[i].agent);
        api_table_time(table, "created_at", sessions[i].created_at);
        api_table_time(table, "last_used_at", sessions[i].last_used_at);
    }
    api_table_end(call, NULL);
    return 0;
}
