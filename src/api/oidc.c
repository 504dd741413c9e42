/* oidc: signing in at the organization's identity provider. The browser is sent there and comes back with a code; what
 * belongs to the attempt waits in a sealed cookie, so that a code is good in the browser that began only. */
#include "api/oidc_provider.h"

#include <sodium.h>

#include "api/audit.h"
#include "api/browser.h"
#include "api/notes.h"
#include "api/resources.h"
#include "api/sign_in.h"
#include "base/clock.h"
#include "base/log.h"
#include "store/organizations.h"

#include "base/banned.h"

#define COOKIE         "inkling-sso"
#define COOKIE_LABEL   "oidc1"
#define COOKIE_MAX     4096
#define ATTEMPT_MS     (10 * MINUTE_MS)
#define NEXT_MAX       512
#define START_BURST    60 /* of one address */
#define START_RATE     1
#define CALLBACK_PATH  "/api/v1/oidc/callback"
#define CODE_MAX       2048
#define LOCATION_MAX   16384
#define IDENTITY_MAX   (OIDC_URL_MAX + OIDC_SUBJECT_MAX + 2)
#define ORGANIZATIONS_ 2

static bool is_configured(const struct config *config) {
    return *config->oidc_issuer && *config->oidc_client_id;
}

void oidc_write_option(struct api_table *object, struct app *app) {
    const struct config *config = app_config(app);
    if (!is_configured(config)) {
        api_table_null(object, "single_sign_on");
        return;
    }
    api_table_object(object, "single_sign_on");
    api_table_text(object, "title", slice_cstr(config->oidc_title));
    api_table_text(object, "url", SLICE("/api/v1/oidc/start"));
    api_table_close(object);
}

static struct slice redirect_uri(struct api_call *call) {
    return slice_cstr(arena_printf(call->arena, "%s" CALLBACK_PATH, app_public_url(call->app)));
}

static void redirect(struct api_call *call, struct slice location) {
    http_set_header(call->request, "Location", location);
    api_answer_empty(call, 303);
}

/* Only a path of this site, so that nobody is sent elsewhere with our word: "//host" and "/\host" are none. */
static bool is_own_path(struct slice next) {
    if (next.len == 0 || next.len > NEXT_MAX || next.ptr[0] != '/') return false;
    if (next.len > 1 && (next.ptr[1] == '/' || next.ptr[1] == '\\')) return false;
    for (size_t i = 0; i < next.len; i++)
        if ((unsigned char)next.ptr[i] <= ' ' || (unsigned char)next.ptr[i] >= 0x7f || next.ptr[i] == '\\')
            return false;
    return true;
}

/* ---- there ---- */

/* "<label>\n<moment>\n<state>\n<nonce>\n<verifier>\n<next>", sealed. */
static void set_attempt(struct api_call *call, const struct oidc_attempt *attempt, struct slice next) {
    struct strbuf plain, sealed, text;
    strbuf_init(&plain, COOKIE_MAX);
    strbuf_init(&sealed, COOKIE_MAX);
    strbuf_init(&text, COOKIE_MAX);
    strbuf_printf(&plain, COOKIE_LABEL "\n%lld\n%s\n%s\n%s\n%.*s", (long long)call->now, attempt->state, attempt->nonce,
                  attempt->verifier, SLICE_FMT(next));
    secret_box_seal(&call->app->secret_box, strbuf_slice(&plain), &sealed);
    base64url_encode(&text, strbuf_slice(&sealed));
    browser_set_cookie(call, COOKIE, strbuf_slice(&text), ATTEMPT_MS / SECOND_MS);
    sodium_memzero(plain.ptr, plain.len);
    strbuf_release(&plain);
    strbuf_release(&sealed);
    strbuf_release(&text);
}

int oidc_start(struct api_call *call, struct err *err) {
    static const char *const parameters[] = {"next", NULL};
    struct address client = address_truncate(http_client_address(call->request));
    uint64_t bucket =
        hash_fnv1a(SLICE("oidc")) ^ hash_fnv1a(slice_of((const char *)client.bytes, sizeof(client.bytes)));
    struct slice next = http_query(call->request, SLICE("next"));
    struct oidc_provider provider;
    struct oidc_attempt attempt;
    struct strbuf location;
    int wait;
    int r = api_known_parameters(call, parameters, err);
    if (r != 0) return r;
    if (!is_configured(app_config(call->app)))
        return err_set(err, ERR_NOT_FOUND, "single sign-on is not configured here");
    if (!limits_take(call->app->limits, bucket, START_RATE, START_BURST, clock_monotonic_us(), &wait))
        return err_set(err, ERR_TOO_MANY, "too many attempts to sign in, wait %d s", wait);
    if (!oidc_mapping_is_valid(slice_cstr(app_config(call->app)->oidc_roles)))
        r = err_set(err, ERR_INVALID, "oidc_roles must be pairs VALUE=ROLE, separated by commas");
    if (r == 0) r = oidc_discover(call, &provider, err);
    if (r != 0) {
        log_warning("single sign-on cannot begin", LOG_SLICE("request", http_request_id(call->request)),
                    LOG_TEXT("error", err->text));
        redirect(call, SLICE("/sign-in?error=unavailable"));
        return 0;
    }
    oidc_attempt_make(&attempt);
    set_attempt(call, &attempt, is_own_path(next) ? next : SLICE("/"));
    strbuf_init(&location, LOCATION_MAX);
    oidc_write_authorization(&location, &provider, slice_cstr(app_config(call->app)->oidc_client_id),
                             redirect_uri(call), &attempt);
    redirect(call, strbuf_slice(&location));
    strbuf_release(&location);
    return 0;
}

/* ---- and back ---- */

struct arrival {
    struct api_call *call;
    struct oidc_attempt attempt;
    struct slice next;
    struct oidc_identity identity;
    struct slice subject; /* "<issuer> <subject>" */
    bool has_role;
    enum user_role role;
    struct account account;
    struct new_session made;
};

static bool take_line(struct slice *rest, char *out, size_t size) {
    struct slice line;
    if (!slice_split_next(rest, '\n', &line) || line.len + 1 != size) return false;
    memcpy(out, line.ptr, line.len);
    out[line.len] = '\0';
    return true;
}

static bool read_plain(struct arrival *arrival, struct slice plain) {
    struct slice label, moment;
    int64_t began;
    return slice_split_next(&plain, '\n', &label) && slice_equal(label, SLICE(COOKIE_LABEL)) &&
           slice_split_next(&plain, '\n', &moment) && slice_parse_i64(moment, &began) &&
           arrival->call->now - began < ATTEMPT_MS && began <= arrival->call->now &&
           take_line(&plain, arrival->attempt.state, sizeof(arrival->attempt.state)) &&
           take_line(&plain, arrival->attempt.nonce, sizeof(arrival->attempt.nonce)) &&
           take_line(&plain, arrival->attempt.verifier, sizeof(arrival->attempt.verifier)) && is_own_path(plain);
}

static bool read_attempt(struct arrival *arrival) {
    struct api_call *call = arrival->call;
    struct slice text = browser_cookie(call, COOKIE);
    unsigned char *sealed = arena_alloc(call->arena, text.len + 1);
    struct strbuf plain;
    size_t len;
    strbuf_init(&plain, COOKIE_MAX);
    bool good = !slice_empty(text) && text.len <= COOKIE_MAX && base64url_decode(text, sealed, text.len, &len) &&
                secret_box_open(&call->app->secret_box, slice_of((const char *)sealed, len), &plain, NULL) == 0;
    struct slice copy = arena_copy(call->arena, strbuf_slice(&plain));
    strbuf_release(&plain);
    if (!good || !read_plain(arrival, copy)) return false;
    size_t at = copy.len;
    while (at > 0 && copy.ptr[at - 1] != '\n')
        at--;
    arrival->next = slice_from(copy, at);
    return slice_equal_secret(http_query(call->request, SLICE("state")), slice_cstr(arrival->attempt.state));
}

/* Whose account it is: by the identity that signed in before, else by the verified address. 1, or 0: none. */
static int find_account(struct arrival *arrival, struct db *db, struct err *err) {
    struct api_call *call = arrival->call;
    int64_t organization = app_config(call->app)->oidc_organization;
    struct account *accounts;
    size_t count;
    int r = accounts_find_subject(db, arrival->subject, organization, call->arena, &accounts, &count, err);
    if (r == 0 && count == 0 && arrival->identity.email_verified && !slice_empty(arrival->identity.email)) {
        struct slice email = user_email_normalize(call->arena, arrival->identity.email);
        if (email.ptr) r = accounts_find(db, email, organization, call->arena, &accounts, &count, err);
    }
    if (r != 0) return r;
    if (count > 1)
        return err_set(err, ERR_DENIED, "the person has accounts in several organizations: set oidc_organization");
    if (count == 1) arrival->account = accounts[0];
    return count == 1;
}

/* Somebody of our domains who comes for the first time. */
static int make_account(struct arrival *arrival, struct db *db, struct err *err) {
    struct api_call *call = arrival->call;
    const struct config *config = app_config(call->app);
    struct user user = {.role = arrival->has_role ? arrival->role : USER_RECRUITER,
                        .email = user_email_normalize(call->arena, arrival->identity.email),
                        .name = arrival->identity.name};
    struct organization *organizations;
    size_t count;
    if (!user.email.ptr || !arrival->identity.email_verified ||
        !oidc_domain_is_listed(user.email, slice_cstr(config->oidc_domains)))
        return err_set(err, ERR_DENIED,
                       "the person has no account, and the domain of the address is not in oidc_domains");
    user.organization_id = config->oidc_organization;
    if (user.organization_id == 0) {
        int r = organizations_list(db, 0, ORGANIZATIONS_, call->arena, &organizations, &count, err);
        if (r != 0) return r;
        if (count != 1) return err_set(err, ERR_DENIED, "there are several organizations: set oidc_organization");
        user.organization_id = organizations[0].id;
    }
    int r = user_insert(db, &user, NULL, call->now, err);
    if (r == -ERR_CONFLICT) return err_set(err, ERR_DENIED, "the person's account is disabled");
    return r < 0 ? r : account_load(db, user.organization_id, user.id, call->arena, &arrival->account, err);
}

static int run_account(void *context, struct applier *applier, struct db *db, struct err *err) {
    struct arrival *arrival = context;
    int found = find_account(arrival, db, err);
    int r = found < 0 ? found : 0;
    if (found == 0) r = make_account(arrival, db, err);
    if (r == 0 && found == 0) {
        api_audit_as(arrival->call, arrival->account.user.organization_id, arrival->account.user.id);
        api_audit_action(arrival->call, "users.create");
    }
    const struct user *user = &arrival->account.user;
    return r < 0 ? r : user_bind_subject(db, user->organization_id, user->id, arrival->subject, err);
}

static int run_role(void *context, struct applier *applier, struct db *db, struct err *err) {
    const struct arrival *arrival = context;
    struct user user = arrival->account.user;
    user.role = arrival->role;
    api_audit_as(arrival->call, user.organization_id, user.id);
    api_audit_action(arrival->call, "users.change");
    return user_update(db, &user, NULL, arrival->call->now, err);
}

static int run_session(void *context, struct applier *applier, struct db *db, struct err *err) {
    struct arrival *arrival = context;
    return sign_in_begin(arrival->call, db, &arrival->account.user, &arrival->made, err);
}

/* The provider's word on the role holds at every sign-in; the last admin is kept all the same. */
static int admit(struct arrival *arrival, struct err *err) {
    struct api_call *call = arrival->call;
    int r = api_write(call, run_account, arrival, err);
    if (r != 0) return r;
    if (arrival->has_role && arrival->role != arrival->account.user.role) {
        r = api_write(call, run_role, arrival, err);
        if (r == -ERR_CONFLICT)
            log_warning("the last administrator keeps the role, whatever the identity provider says");
        else if (r != 0)
            return r;
    }
    r = api_write(call, run_session, arrival, err);
    return r < 0 ? r : sign_in_finish(call, &arrival->made, false, err);
}

static int arrive(struct arrival *arrival, struct err *err) {
    struct api_call *call = arrival->call;
    const struct config *config = app_config(call->app);
    struct slice code = http_query(call->request, SLICE("code")), payload;
    struct oidc_provider provider;
    struct json_value root;
    if (!is_configured(config)) return err_set(err, ERR_NOT_FOUND, "single sign-on is not configured here");
    if (slice_empty(code) || code.len > CODE_MAX)
        return err_set(err, ERR_DENIED, "the identity provider sent no code: it refused, or the person did");
    int r = oidc_discover(call, &provider, err);
    if (r == 0)
        r = oidc_redeem(call, &provider, code, redirect_uri(call), &arrival->attempt, &arrival->identity, &payload,
                        err);
    if (r == 0) r = json_parse(call->json, payload, &root, err);
    if (r != 0) return r;
    arrival->has_role =
        oidc_role(root, slice_cstr(config->oidc_role_claim), slice_cstr(config->oidc_roles), &arrival->role);
    arrival->subject = slice_cstr(
        arena_printf(call->arena, "%.*s %.*s", SLICE_FMT(provider.issuer), SLICE_FMT(arrival->identity.subject)));
    return admit(arrival, err);
}

/* A page, not a program, waits for the answer: so what goes wrong is a word for the page of signing in, and the reason
 * is in the log. */
int oidc_callback(struct api_call *call, struct err *err) {
    struct arrival arrival = {.call = call};
    int r = read_attempt(&arrival) ? arrive(&arrival, err)
                                   : err_set(err, ERR_CONFLICT, "the attempt began elsewhere, or too long ago");
    browser_set_cookie(call, COOKIE, SLICE_NONE, -1);
    if (r == 0) {
        redirect(call, arrival.next);
        return 0;
    }
    log_warning("single sign-on failed", LOG_SLICE("request", http_request_id(call->request)),
                LOG_TEXT("code", err_code_name(err->code)), LOG_TEXT("error", err->text));
    note_refusal(call, app_config(call->app)->oidc_organization, "single_sign_on",
                 "a sign-in at the identity provider failed");
    redirect(call, r == -ERR_DENIED        ? SLICE("/sign-in?error=denied")
                   : r == -ERR_CONFLICT    ? SLICE("/sign-in?error=expired")
                   : r == -ERR_UNAVAILABLE ? SLICE("/sign-in?error=unavailable")
                                           : SLICE("/sign-in?error=failed"));
    return 0;
}
