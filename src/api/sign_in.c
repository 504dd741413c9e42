#include "api/sign_in.h"

#include "api/audit.h"
#include "api/browser.h"
#include "api/credentials.h"
#include "base/clock.h"

#include "base/banned.h"

_Static_assert(sizeof(((struct new_session *)0)->token) >= CREDENTIAL_TEXT_MAX, "a session's token does not fit");
_Static_assert(SESSION_HASH_SIZE == CREDENTIAL_HASH_SIZE, "a session's hash");

int sign_in_begin(struct api_call *call, struct db *db, const struct user *user, struct new_session *ret,
                  struct err *err) {
    char source[ADDRESS_TEXT_MAX];
    api_audit_as(call, user->organization_id, user->id);
    credential_make(CREDENTIAL_SESSION, user->organization_id, ret->token, ret->hash);
    ret->web = (struct web_session){
        .organization_id = user->organization_id,
        .user_id = user->id,
        .source = arena_copy(call->arena, address_format(address_truncate(http_client_address(call->request)), source)),
    };
    struct slice agent = slice_first_utf8(http_header(call->request, SLICE("User-Agent")), SESSION_AGENT_MAX);
    if (slice_is_utf8(agent) && !slice_empty(agent)) ret->web.agent = agent;
    return session_insert(db, &ret->web, ret->hash, call->now, err);
}

int sign_in_finish(struct api_call *call, const struct new_session *made, bool remember, struct err *err) {
    struct api_session *session = arena_alloc(call->arena, sizeof(*session));
    session->web = made->web;
    int r = account_load(call->db, made->web.organization_id, made->web.user_id, call->arena, &session->account, err);
    if (r != 0) return r;
    api_take_session(call, session);
    int64_t seconds = remember ? app_config(call->app)->session_hours * (HOUR_MS / SECOND_MS) : 0;
    browser_set_cookie(call, SESSION_COOKIE, slice_cstr(made->token), seconds);
    return 0;
}
