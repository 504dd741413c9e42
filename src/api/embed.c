#include "api/embed.h"

#include "api/resources.h"
#include "base/clock.h"
#include "store/api_keys.h"
#include "store/engagement.h"
#include "store/organizations.h"

#include "base/banned.h"

#define LIFE_DEFAULT_S 900
#define LIFE_MIN_S     60
#define TOKEN_MAX      (8 * 1024) /* the head of a request has to hold it, beside what browsers send (http/head.c) */
#define PREFLIGHT_AGE  "600"

/* ---- use ---- */

static int unknown(struct err *err) {
    return err_set(err, ERR_SIGNATURE, "this embed token is not valid any more: have a new one made");
}

static int open_token(struct api_call *call, struct slice token, struct embed_grant *ret, struct err *err) {
    struct slice text = slice_from(token, sizeof(EMBED_START) - 1);
    unsigned char *sealed = arena_alloc(call->arena, text.len + 1);
    struct strbuf plain;
    size_t len;
    strbuf_init(&plain, EMBED_TEXT_MAX);
    bool good = text.len <= TOKEN_MAX && base64url_decode(text, sealed, text.len, &len) &&
                secret_box_open(&call->app->secret_box, slice_of((const char *)sealed, len), &plain, NULL) == 0 &&
                embed_read(strbuf_slice(&plain), call->arena, ret);
    strbuf_release(&plain);
    return good ? 0 : unknown(err);
}

/* The key must still be in force, so that its end is that of what it handed out. */
static int check_key(struct api_call *call, const struct embed_grant *grant, struct err *err) {
    struct organization organization;
    struct api_key key;
    int r = api_key_load(call->db, grant->organization_id, grant->api_key_id, call->arena, &key, err);
    if (r == -ERR_NOT_FOUND || (r == 0 && !api_key_in_force(&key, call->now))) return unknown(err);
    if (r == 0) r = organization_load(call->db, grant->organization_id, call->arena, &organization, err);
    if (r == 0) call->time_zone = organization.time_zone;
    return r;
}

int embed_authenticate(struct api_call *call, struct slice token, struct err *err) {
    struct embed_grant *grant = arena_alloc(call->arena, sizeof(*grant));
    int r = open_token(call, token, grant, err);
    if (r != 0) return r;
    if (!slice_equal(http_header(call->request, SLICE("Origin")), grant->origin))
        return err_set(err, ERR_DENIED, "this embed token is for pages of another origin");
    http_set_header(call->request, "Access-Control-Allow-Origin", grant->origin);
    http_set_header(call->request, "Vary", SLICE("Origin"));
    /* Only now, so that the page can read that its token is too old. */
    r = grant->expires_at > call->now ? check_key(call, grant, err) : unknown(err);
    if (r != 0) return r;
    call->organization_id = grant->organization_id;
    call->permissions = API_READ_JOBS | (grant->scores ? (unsigned)API_SCORES : 0);
    call->embed = grant;
    return 0;
}

int embed_check_candidate(const struct api_call *call, struct slice candidate, struct err *err) {
    if (!call->embed || embed_allows_candidate(call->embed, candidate)) return 0;
    return err_set(err, ERR_NOT_FOUND, "there is no candidate with this id");
}

int embed_check_email(const struct api_call *call, int64_t email, struct slice candidate, struct err *err) {
    if (!call->embed || embed_allows_email(call->embed, email, candidate)) return 0;
    return err_set(err, ERR_NOT_FOUND, "there is no email %lld", (long long)email);
}

void embed_reduce_event(const struct api_call *call, struct stored_event *event) {
    if (!call->embed) return;
    event->ip_address = SLICE_NONE;
    event->user_agent = SLICE_NONE;
    event->provider_event_id = SLICE_NONE;
    event->metadata = SLICE_NONE;
}

int embed_show(struct api_call *call, struct err *err) {
    const struct embed_grant *grant = call->embed;
    int r = api_known_parameters(call, (const char *const[]){NULL}, err);
    if (r != 0) return r;
    if (!grant) return err_set(err, ERR_DENIED, "this is for embed tokens: it tells what they open");
    struct api_table *object = api_object_begin(call);
    api_table_array(object, "candidates");
    for (size_t i = 0; i < grant->candidate_count; i++)
        api_table_text(object, NULL, grant->candidates[i]);
    api_table_close(object);
    api_table_array(object, "emails");
    for (size_t i = 0; i < grant->email_count; i++)
        api_table_int(object, NULL, grant->emails[i]);
    api_table_close(object);
    api_table_bool(object, "scores", grant->scores);
    api_table_time(object, "expires_at", grant->expires_at);
    api_object_end(call, 200);
    return 0;
}

/* A browser asks before it sends a bearer token to another origin (Fetch standard, "CORS-preflight fetch"). It does not
 * show the token then, so the answer is the same for all; who may read is decided with the token. */
void embed_preflight(struct http_request *request) {
    http_set_header(request, "Access-Control-Allow-Origin", SLICE("*"));
    http_set_header(request, "Access-Control-Allow-Methods", SLICE("GET"));
    http_set_header(request, "Access-Control-Allow-Headers", SLICE("Authorization"));
    http_set_header(request, "Access-Control-Max-Age", SLICE(PREFLIGHT_AGE));
    http_answer(request, 204, NULL, SLICE_NONE);
}

/* ---- making ---- */

static int read_list(struct json_value body, const char *name, struct json_value *ret, size_t *ret_count,
                     struct err *err) {
    *ret = json_get(body, slice_cstr(name));
    *ret_count = json_count(*ret);
    if (ret->type == JSON_KIND_NONE || (ret->type == JSON_KIND_ARRAY && *ret_count <= EMBED_IDS_MAX)) return 0;
    return err_set(err, ERR_INVALID, "%s must be an array of at most %d ids", name, EMBED_IDS_MAX);
}

static int read_ids(struct api_call *call, struct json_value body, struct embed_grant *grant, struct err *err) {
    struct json_value list, element;
    size_t count;
    int r = read_list(body, "candidates", &list, &count, err);
    if (r != 0) return r;
    struct slice *candidates = arena_alloc_array(call->arena, count, sizeof(*candidates));
    struct json_iterator elements = json_elements(list);
    while (json_next(&elements, &element)) {
        struct slice id;
        if (!json_text(element, &id) || slice_empty(id) || id.len > EMBED_ID_MAX)
            return err_set(err, ERR_INVALID, "a candidate's id is a string of 1 to %d bytes", EMBED_ID_MAX);
        candidates[grant->candidate_count++] = arena_copy(call->arena, id);
    }
    r = read_list(body, "emails", &list, &count, err);
    if (r != 0) return r;
    int64_t *emails = arena_alloc_array(call->arena, count, sizeof(*emails));
    elements = json_elements(list);
    while (json_next(&elements, &element))
        if (!json_i64_lenient(element, &emails[grant->email_count]) || emails[grant->email_count++] <= 0)
            return err_set(err, ERR_INVALID, "an email's id is a number");
    grant->candidates = candidates;
    grant->emails = emails;
    if (grant->candidate_count + grant->email_count == 0)
        return err_set(err, ERR_INVALID, "candidates or emails must name what the token opens");
    return 0;
}

static int answer_token(struct api_call *call, const struct embed_grant *grant, struct err *err) {
    struct strbuf plain, sealed, token;
    strbuf_init(&plain, EMBED_TEXT_MAX);
    strbuf_init(&sealed, 2 * EMBED_TEXT_MAX);
    strbuf_init(&token, TOKEN_MAX);
    embed_write(&plain, grant);
    secret_box_seal(&call->app->secret_box, strbuf_slice(&plain), &sealed);
    strbuf_add_cstr(&token, EMBED_START);
    base64url_encode(&token, strbuf_slice(&sealed));
    bool fits = !plain.overflow && !sealed.overflow && !token.overflow;
    if (fits) {
        struct api_table *object = api_object_begin(call);
        api_table_text(object, "token", strbuf_slice(&token));
        api_table_text(object, "origin", grant->origin);
        api_table_time(object, "expires_at", grant->expires_at);
        api_object_end(call, 201);
    }
    strbuf_release(&plain);
    strbuf_release(&sealed);
    strbuf_release(&token);
    return fits ? 0 : err_set(err, ERR_INVALID, "these ids are too long for one token: name fewer");
}

int embed_tokens_create(struct api_call *call, struct err *err) {
    static const char *const members[] = {"candidates", "emails", "origin", "scores", "seconds", NULL};
    struct embed_grant grant = {
        .organization_id = call->organization_id, .api_key_id = call->api_key_id, .scores = true};
    int64_t seconds = LIFE_DEFAULT_S;
    struct json_value body;
    int r = api_body(call, &body, err);
    if (r == 0) r = api_known_members(body, members, err);
    if (r == 0) r = api_text(call, body, "origin", EMBED_ORIGIN_MAX, &grant.origin, err);
    if (r == 0) r = api_bool(body, "scores", &grant.scores, err);
    if (r == 0) r = api_integer(body, "seconds", LIFE_MIN_S, EMBED_LIFE_MAX_S, &seconds, err);
    if (r == 0 && !embed_origin_is_valid(grant.origin))
        r = err_set(err, ERR_INVALID, "origin must be the one of the page, like https://ats.example.org");
    if (r == 0) r = read_ids(call, body, &grant, err);
    if (r != 0) return r;
    grant.expires_at = call->now + seconds * SECOND_MS;
    return answer_token(call, &grant, err);
}
