#include "api/auth.h"

#include "api/browser.h"
#include "api/credentials.h"
#include "api/embed.h"
#include "api/notes.h"
#include "base/clock.h"
#include "store/api_keys.h"

#include "base/banned.h"

/* Failures from one address: so many at once, and so many a second afterwards. */
#define FAILURE_BURST         30
#define FAILURE_RATE          0.5
#define KEY_USED_EVERY_MS     HOUR_MS   /* how exact last_used_at is; a write with every request would be too dear */
#define SESSION_USED_EVERY_MS MINUTE_MS /* finer, because sessions end when they are idle */
#define FAILURES_TABLE        "api failures"

static int refuse(struct api_call *call, int64_t claimed_organization, struct err *err) {
    struct address client = http_client_address(call->request);
    uint64_t bucket =
        hash_fnv1a(SLICE(FAILURES_TABLE)) ^ hash_fnv1a(slice_of((const char *)client.bytes, sizeof(client.bytes)));
    int wait;
    if (!limits_take(call->app->limits, bucket, FAILURE_RATE, FAILURE_BURST, clock_monotonic_us(), &wait))
        return err_set(err, ERR_TOO_MANY, "too many requests with a wrong API key, wait %d s", wait);
    note_refusal(call, claimed_organization, "api_key", "a request with an API key that does not exist or was revoked");
    return err_set(err, ERR_SIGNATURE, "this API key does not exist or was revoked");
}

static bool bearer(struct slice header, struct slice *ret_token) {
    struct slice scheme;
    if (!slice_split_next(&header, ' ', &scheme) || !slice_equal_nocase(scheme, SLICE("bearer"))) return false;
    *ret_token = slice_trim(header);
    return !slice_empty(*ret_token);
}

static int authenticate_key(struct api_call *call, struct slice token, struct err *err) {
    unsigned char hash[API_KEY_HASH_SIZE];
    int64_t organization;
    struct api_key key;
    if (!api_key_read(token, &organization, hash)) return refuse(call, 0, err);
    int found = api_key_find(call->db, organization, hash, call->now, call->arena, &key, &call->time_zone, err);
    if (found < 0) return found;
    if (found == 0) return refuse(call, organization, err);
    call->organization_id = organization;
    call->api_key_id = key.id;
    call->api_key_ends_at = key.expires_at == TIME_UNSET ? 0 : key.expires_at;
    call->permissions = api_role_permissions(key.role);
    if (key.last_used_at == TIME_UNSET || key.last_used_at < call->now - KEY_USED_EVERY_MS)
        note_key_used(call, organization, key.id);
    return 0;
}

/* ---- sessions ---- */

int64_t session_made_after(const struct api_call *call) {
    return call->now - app_config(call->app)->session_hours * HOUR_MS;
}

int64_t session_used_after(const struct api_call *call) {
    return call->now - app_config(call->app)->session_idle_minutes * MINUTE_MS;
}

void api_take_session(struct api_call *call, struct api_session *session) {
    const struct user *user = &session->account.user;
    call->session = session;
    call->organization_id = user->organization_id;
    call->time_zone = session->account.organization_time_zone;
    call->permissions = user_role_permissions(user->role, user->grants);
    call->jobs_of = user->role == USER_HIRING_MANAGER ? user->id : 0;
}

static int authenticate_session(struct api_call *call, struct slice token, struct err *err) {
    unsigned char hash[SESSION_HASH_SIZE];
    struct api_session *session = arena_alloc(call->arena, sizeof(*session));
    int64_t organization;
    int found = 0;
    if (credential_read(CREDENTIAL_SESSION, token, &organization, hash))
        found = session_find(call->db, organization, hash, session_made_after(call), session_used_after(call),
                             call->arena, &session->web, &session->account, err);
    if (found < 0) return found;
    if (found == 0) return err_set(err, ERR_SIGNATURE, "this session has ended: sign in again");
    api_take_session(call, session);
    if (http_request_method(call->request) != HTTP_GET) {
        int r = browser_check_change(call, err);
        if (r != 0) {
            note_refusal(call, organization, "cross_site", "a change in a session that was not asked for by our pages");
            return r;
        }
    }
    if (session->web.last_used_at < call->now - SESSION_USED_EVERY_MS)
        note_session_used(call, organization, session->web.id);
    return 0;
}

int api_authenticate(struct api_call *call, struct err *err) {
    struct slice header = http_header(call->request, SLICE("Authorization")), token;
    if (bearer(header, &token) && slice_starts_with(token, SLICE(EMBED_START)))
        return embed_authenticate(call, token, err);
    if (bearer(header, &token)) return authenticate_key(call, token, err);
    token = browser_cookie(call, SESSION_COOKIE);
    if (slice_empty(header) && !slice_empty(token)) return authenticate_session(call, token, err);
    return err_set(err, ERR_SIGNATURE, "sign in, or send an API key as \"Authorization: Bearer ink_…\"");
}
