#include "ingest/receive.h"

#include "base/hash.h"

#include "base/banned.h"

#define CREDENTIAL_MAX 1024

const char *receive_stage_name(enum receive_stage stage) {
    static const char *const names[] = {[RECEIVE_ADDRESS] = "address",
                                        [RECEIVE_CREDENTIALS] = "credentials",
                                        [RECEIVE_SIGNATURE] = "signature",
                                        [RECEIVE_PARSE] = "body"};
    return names[stage];
}

/* ---- credentials ---- */

static bool matches_basic(const struct endpoint *endpoint, struct slice encoded) {
    unsigned char plain[CREDENTIAL_MAX];
    struct slice rest, username;
    size_t len;
    bool any = false;
    if (!base64_decode(encoded, plain, sizeof(plain), &len)) return false;
    rest = slice_of((const char *)plain, len);
    if (!slice_split_next(&rest, ':', &username) || !rest.ptr) return false;
    /* Every one is compared, whole, so that time tells nothing. */
    for (size_t i = 0; i < endpoint->credential_count; i++) {
        const struct endpoint_credential *credential = &endpoint->credentials[i];
        bool name = slice_equal_secret(credential->username, username);
        bool password = slice_equal_secret(credential->password, rest);
        any |= (unsigned)name & (unsigned)password & (unsigned)!slice_empty(credential->username);
    }
    return any;
}

static bool matches_bearer(const struct endpoint *endpoint, struct slice token) {
    bool any = false;
    for (size_t i = 0; i < endpoint->credential_count; i++) {
        const struct endpoint_credential *credential = &endpoint->credentials[i];
        bool bearer = slice_empty(credential->username) && slice_empty(credential->header);
        any |= (unsigned)slice_equal_secret(credential->password, token) & (unsigned)bearer;
    }
    return any;
}

/* A header of the sender's own choice whose value is the secret. */
static bool matches_header(const struct endpoint *endpoint, const struct delivery *delivery) {
    bool any = false;
    for (size_t i = 0; i < endpoint->credential_count; i++) {
        const struct endpoint_credential *credential = &endpoint->credentials[i];
        if (slice_empty(credential->header)) continue;
        any |= slice_equal_secret(credential->password, slice_trim(delivery->header(delivery, credential->header)));
    }
    return any;
}

static bool has_credentials(const struct endpoint *endpoint, const struct delivery *delivery) {
    struct slice rest = delivery->header(delivery, SLICE("Authorization")), scheme;
    if (endpoint->credential_count == 0 || matches_header(endpoint, delivery)) return true;
    if (!slice_split_next(&rest, ' ', &scheme) || !rest.ptr) return false;
    rest = slice_trim(rest);
    if (slice_equal_nocase(scheme, SLICE("basic"))) return matches_basic(endpoint, rest);
    if (slice_equal_nocase(scheme, SLICE("bearer"))) return matches_bearer(endpoint, rest);
    return false;
}

/* Amazon SNS and curl send the credentials of an address only when they are asked for. */
static bool wants_challenge(const struct endpoint *endpoint, const struct delivery *delivery) {
    if (!slice_empty(delivery->header(delivery, SLICE("Authorization")))) return false;
    for (size_t i = 0; i < endpoint->credential_count; i++)
        if (!slice_empty(endpoint->credentials[i].username)) return true;
    return false;
}

/* ---- */

struct certificate_search {
    struct certificates *certificates;
    bool may_block;
};

static int find_certificate(void *context, struct slice url, struct arena *arena, struct slice *ret_pem,
                            struct err *err) {
    const struct certificate_search *search = context;
    return certificates_find(search->certificates, url, search->may_block, arena, ret_pem, err);
}

static void keep_handshake(const struct provider_handshake *handshake, struct arena *arena,
                           struct receive_outcome *ret) {
    ret->handshake = (struct provider_handshake){
        .kind = arena_copy(arena, handshake->kind),
        .topic = arena_copy(arena, handshake->topic),
        .confirm_url = arena_copy(arena, handshake->confirm_url),
        .answer = arena_copy(arena, handshake->answer),
    };
}

static int parse_mails(const struct endpoint *endpoint, const struct delivery *delivery, struct json_reader *json,
                       struct arena *arena, struct receive_outcome *ret, struct err *err) {
    const struct provider *provider = endpoint->settings.provider;
    struct parsed_inbound parsed = {0};
    if (!provider->parse_inbound)
        return err_set(err, ERR_INVALID, "received mail is not taken from %s", provider->title);
    int r = provider->parse_inbound(&endpoint->settings, delivery, json, arena, &parsed, err);
    if (r < 0) return r;
    ret->ignored = parsed.ignored;
    ret->mails = parsed.mails;
    ret->mail_count = parsed.mail_count;
    if (parsed.outcome == PROVIDER_HANDSHAKE) keep_handshake(&parsed.handshake, arena, ret);
    return 0;
}

static int parse(const struct endpoint *endpoint, const struct delivery *delivery, struct json_reader *json,
                 struct arena *arena, const unsigned char hash_key[HASH_KEY_SIZE], struct receive_outcome *ret,
                 struct err *err) {
    const struct provider *provider = endpoint->settings.provider;
    struct parsed_delivery parsed = {0};
    struct arena *own = arena_new(); /* the batch's: it outlives the request */
    int r = provider->parse(&endpoint->settings, delivery, json, own, &parsed, err);
    if (r < 0) goto out;
    ret->ignored = parsed.ignored;
    if (parsed.outcome == PROVIDER_HANDSHAKE) {
        keep_handshake(&parsed.handshake, arena, ret);
    } else if (parsed.event_count > 0) {
        ret->batch = event_batch_new(own, parsed.events, parsed.event_count, endpoint->organization_id, endpoint->id,
                                     delivery->received_at, hash_key);
        own = NULL;
    }
out:
    arena_free(own);
    return r;
}

int receive_delivery(const struct endpoint *endpoint, const struct delivery *delivery, const struct address *client,
                     struct certificates *certificates, bool may_block, struct json_reader *json, struct arena *arena,
                     const unsigned char hash_key[HASH_KEY_SIZE], int64_t now, struct receive_outcome *ret,
                     struct err *err) {
    struct certificate_search search = {.certificates = certificates, .may_block = may_block};
    struct provider_environment environment = {.find_certificate = find_certificate, .context = &search, .now = now};
    *ret = (struct receive_outcome){.failed_at = RECEIVE_ADDRESS};
    if (client && endpoint->allowed_cidr_count > 0 &&
        !cidr_any_contains(endpoint->allowed_cidrs, endpoint->allowed_cidr_count, *client))
        return err_set(err, ERR_DENIED, "the address is not on the endpoint's allow list");
    ret->failed_at = RECEIVE_CREDENTIALS;
    if (client && !endpoint->broken && !has_credentials(endpoint, delivery)) {
        ret->challenge = wants_challenge(endpoint, delivery);
        return err_set(err, ERR_SIGNATURE, "user name and password, or token, are not the endpoint's");
    }
    ret->failed_at = RECEIVE_SIGNATURE;
    if (endpoint->broken)
        return err_set(err, ERR_SIGNATURE, "the endpoint's secrets cannot be read: an admin has to set them anew");
    int (*verify)(const struct provider_endpoint *, const struct provider_environment *, const struct delivery *,
                  struct json_reader *, struct arena *, struct err *) = endpoint->settings.provider->verify;
    int r = verify ? verify(&endpoint->settings, &environment, delivery, json, arena, err) : 0;
    if (r < 0) return r;
    ret->failed_at = RECEIVE_PARSE;
    if (delivery->inbound) return parse_mails(endpoint, delivery, json, arena, ret, err);
    return parse(endpoint, delivery, json, arena, hash_key, ret, err);
}
