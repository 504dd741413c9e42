/* What the services with one table of names compose, they verify and read back: every type that they report, and what
 * of an event their payload can carry. */
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/clock.h"
#include "tests/unit/providers/support.h"

#include "base/banned.h"

#define NOW   1795507200000
#define URL   "https://hooks.example.com/webhooks/email/aG9vaw"
#define TOPIC "arn:scw:sns:fr-par:project-1:tem"

/* What a payload has no room for. */
enum { NO_EMAIL_LOG_ID = 1, NO_IP = 2 };

struct service {
    const struct provider *provider;
    const char *signing, *secret; /* NULL: the pair of RSA keys below, or nothing at all */
    unsigned types;               /* bit 1 << enum event_type */
    unsigned lacks;
    enum bounce_kind bounces[4]; /* those it tells apart, ended by BOUNCE_NONE */
};

#define TYPE(name) (1u << EVENT_##name)
#define DELIVERY   (TYPE(DELIVERED) | TYPE(BOUNCE) | TYPE(DROPPED))
#define TRACKING   (TYPE(OPEN) | TYPE(CLICK))

static const struct service services[] = {
    {&provider_azure,
     NULL,
     NULL,
     DELIVERY | TRACKING,
     NO_EMAIL_LOG_ID | NO_IP,
     {BOUNCE_HARD, BOUNCE_SOFT, BOUNCE_BLOCK}},
    {&provider_mailersend,
     "signing-secret",
     "signing-secret",
     DELIVERY | TRACKING | TYPE(PROCESSED) | TYPE(DEFERRED) | TYPE(SPAM) | TYPE(UNSUBSCRIBE),
     NO_EMAIL_LOG_ID,
     {BOUNCE_HARD, BOUNCE_SOFT}},
    {&provider_mailtrap,
     "signing-secret",
     "signing-secret",
     DELIVERY | TRACKING | TYPE(DEFERRED) | TYPE(SPAM) | TYPE(UNSUBSCRIBE),
     0,
     {BOUNCE_HARD}},
    {&provider_mandrill,
     "webhook-key",
     "webhook-key",
     DELIVERY | TRACKING | TYPE(PROCESSED) | TYPE(DEFERRED) | TYPE(SPAM) | TYPE(UNSUBSCRIBE),
     0,
     {BOUNCE_HARD, BOUNCE_SOFT}},
    {&provider_postal, NULL, NULL, DELIVERY | TRACKING | TYPE(DEFERRED), NO_EMAIL_LOG_ID, {BOUNCE_HARD}},
    {&provider_scaleway, NULL, NULL, DELIVERY | TYPE(PROCESSED) | TYPE(DEFERRED), 0, {BOUNCE_HARD, BOUNCE_BLOCK}},
    {&provider_unisender,
     "api-key",
     "api-key",
     TRACKING | TYPE(PROCESSED) | TYPE(DELIVERED) | TYPE(BOUNCE) | TYPE(SPAM) | TYPE(UNSUBSCRIBE) |
         TYPE(GROUP_RESUBSCRIBE),
     0,
     {BOUNCE_HARD, BOUNCE_SOFT}},
};

/* ---- keys ---- */

struct rsa_keys {
    struct slice signing, public_pem, certificate;
};

static struct slice bio_text(BIO *bio, struct arena *arena) {
    char *bytes;
    long len = BIO_get_mem_data(bio, &bytes);
    struct slice text = arena_copy(arena, slice_of(bytes, (size_t)len));
    BIO_free(bio);
    return text;
}

static struct rsa_keys make_keys(struct arena *arena) {
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
    X509 *certificate = X509_new();
    BIO *bio = BIO_new(BIO_s_mem()), *public_bio = BIO_new(BIO_s_mem()), *certificate_bio = BIO_new(BIO_s_mem());
    ASN1_TIME_set(X509_getm_notBefore(certificate), NOW / 1000 - 60);
    ASN1_TIME_set(X509_getm_notAfter(certificate), NOW / 1000 + 60);
    X509_set_pubkey(certificate, key);
    assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
    assert_int_equal(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL), 1);
    assert_int_equal(PEM_write_bio_PUBKEY(public_bio, key), 1);
    assert_int_equal(PEM_write_bio_X509(certificate_bio, certificate), 1);
    struct rsa_keys keys = {bio_text(bio, arena), bio_text(public_bio, arena), bio_text(certificate_bio, arena)};
    X509_free(certificate);
    EVP_PKEY_free(key);
    return keys;
}

static struct slice secret_of(const struct service *service, const struct rsa_keys *keys) {
    if (service->secret) return slice_cstr(service->secret);
    if (service->provider == &provider_postal) return keys->public_pem;
    return service->provider == &provider_scaleway ? keys->certificate : SLICE_NONE;
}

/* ---- events ---- */

static struct event sample(const struct service *service, enum event_type type, enum bounce_kind bounce) {
    struct event event = {
        .type = type,
        .bounce = bounce,
        .occurred_at = NOW - 5000,
        .keys = {SLICE("id-1")},
        .email_log_id = service->lacks & NO_EMAIL_LOG_ID ? 0 : 9007199254740993,
        .recipient = SLICE("j\"ane@example.org"),
        .link_position = LINK_POSITION_NONE,
    };
    if (event_type_is_tracking(type)) {
        if (!(service->lacks & NO_IP)) event.ip_address = SLICE("203.0.113.7");
        event.user_agent = SLICE("Mozilla/5.0 \\ \t(\xc3\xa9) & + %41");
    }
    if (type == EVENT_CLICK) event.url = SLICE("https://jobs.example/7?a=1&b=\"2\"");
    return event;
}

static void assert_same_event(const struct event *a, const struct event *b) {
    assert_int_equal(a->type, b->type);
    assert_int_equal(a->bounce, b->bounce);
    assert_int_equal(a->occurred_at, b->occurred_at);
    assert_int_equal(a->email_log_id, b->email_log_id);
    assert_true(slice_equal(a->keys[0], b->keys[0]));
    assert_true(slice_equal(a->recipient, b->recipient));
    assert_true(slice_equal(a->url, b->url));
    assert_true(slice_equal(a->ip_address, b->ip_address));
    assert_true(slice_equal(a->user_agent, b->user_agent));
}

static void request_of(struct request *request, struct arena *arena, const struct composed_delivery *composed) {
    request_from_composed(request, arena, composed, NOW);
    request_add_header(request, SLICE("Content-Type"), slice_cstr(composed->content_type));
}

static void assert_round_trip(const struct service *service, struct test_endpoint *endpoint, struct slice signing,
                              const struct event *events, size_t count, struct arena *arena) {
    struct composed_delivery composed;
    struct parsed_delivery parsed;
    struct request request;
    struct err err;
    const char *name = service->provider->name;
    if (service->provider->compose(&endpoint->endpoint, events, count, signing, NOW, arena, &composed, &err) < 0)
        fail_msg("%s: %s", name, err.text);
    request_of(&request, arena, &composed);
    if (request_verify(&request, endpoint, NULL, arena, &err) < 0) fail_msg("%s: %s", name, err.text);
    if (request_parse(&request, endpoint, arena, &parsed, &err) < 0) fail_msg("%s: %s", name, err.text);
    assert_int_equal(parsed.event_count, count);
    for (size_t i = 0; i < count; i++)
        assert_same_event(&parsed.events[i], &events[i]);
    if (!service->provider->verify) return;
    /* One changed byte, and nobody signed it. */
    char *byte = arena_bytes(arena, composed.body.len + JSON_PADDING);
    memcpy(byte, composed.body.ptr, composed.body.len);
    memset(byte + composed.body.len, 0, JSON_PADDING);
    byte[composed.body.len / 2] ^= 1;
    request.delivery.body = slice_of(byte, composed.body.len);
    assert_int_equal(request_verify(&request, endpoint, NULL, arena, &err), -ERR_SIGNATURE);
}

static void assert_not_reported(const struct service *service, struct test_endpoint *endpoint, struct slice signing,
                                enum event_type type, struct arena *arena) {
    struct composed_delivery composed;
    struct err err = {0};
    struct event event = sample(service, type, BOUNCE_NONE);
    assert_int_equal(service->provider->compose(&endpoint->endpoint, &event, 1, signing, NOW, arena, &composed, &err),
                     -ERR_INVALID);
    assert_true(strstr(err.text, event_type_name(type)) != NULL);
}

static void assert_service(const struct service *service, const struct rsa_keys *keys, struct arena *arena) {
    struct slice signing = service->signing ? slice_cstr(service->signing) : keys->signing;
    struct slice secret = secret_of(service, keys);
    struct event events[EVENT_TYPE_MAX + 4];
    struct test_endpoint endpoint;
    size_t count = 0;
    endpoint_init(&endpoint, service->provider);
    endpoint.endpoint.url = SLICE(URL);
    if (secret.len) endpoint_add_secret(&endpoint, secret);
    endpoint_add_topic(&endpoint, SLICE(TOPIC));
    for (enum event_type type = EVENT_PROCESSED; type <= EVENT_TYPE_MAX; type++) {
        if (!(service->types & 1u << type))
            assert_not_reported(service, &endpoint, signing, type, arena);
        else if (type != EVENT_BOUNCE)
            events[count++] = sample(service, type, BOUNCE_NONE);
    }
    for (size_t i = 0; service->bounces[i] != BOUNCE_NONE; i++)
        events[count++] = sample(service, EVENT_BOUNCE, service->bounces[i]);
    for (size_t i = 0; i < count; i++)
        assert_round_trip(service, &endpoint, signing, &events[i], 1, arena);
    if (service->provider->events_per_delivery >= count)
        assert_round_trip(service, &endpoint, signing, events, count, arena);
    endpoint_release(&endpoint);
}

static void test_every_type(void **state) {
    struct arena *arena = arena_new();
    struct rsa_keys keys = make_keys(arena);
    for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++)
        assert_service(&services[i], &keys, arena);
    arena_free(arena);
}

static void test_metadata_goes_out_and_comes_back(void **state) {
    static const struct provider *const carriers[] = {&provider_mailtrap, &provider_unisender};
    struct arena *arena = arena_new();
    for (size_t i = 0; i < sizeof(carriers) / sizeof(carriers[0]); i++) {
        struct composed_delivery composed;
        struct parsed_delivery parsed;
        struct event event = {.type = EVENT_DELIVERED,
                              .occurred_at = NOW,
                              .keys = {SLICE("id-1")},
                              .email_log_id = 7,
                              .recipient = SLICE("a@b.example"),
                              .metadata = SLICE("{\"job\":\"x\"}"),
                              .link_position = LINK_POSITION_NONE};
        assert_int_equal(carriers[i]->compose(NULL, &event, 1, SLICE("secret-1"), NOW, arena, &composed, NULL), 0);
        assert_int_equal(body_parse(carriers[i], composed.body, arena, &parsed, NULL), 0);
        assert_true(slice_find(parsed.events[0].metadata, SLICE("\"job\":\"x\"")) > 0);
        assert_int_equal(parsed.events[0].email_log_id, 7);
    }
    arena_free(arena);
}

static void test_secrets_that_are_none(void **state) {
    static const struct {
        const struct provider *provider;
        const char *text, *says;
    } cases[] = {
        {&provider_mailersend, "test_Am3L1GuOIc4blLUuHqAPxxwkZaJyEk8G", "everybody knows"},
        {&provider_mandrill, "test-webhook", "probe"},
        {&provider_mandrill, "short", "characters"},
        {&provider_unisender, "short", "characters"},
        {&provider_unisender, "with a blank", "blank"},
        {&provider_postal, "-----BEGIN RSA PRIVATE KEY-----\nAAAA", "private key"},
        {&provider_postal, "{\"keys\":[{\"kty\":\"EC\"}]}", "no RSA key"},
        {&provider_postal, "{\"keys\":", "cannot be read"},
        {&provider_postal, "v=DKIM1; p=AAAA", "no RSA key"},
        {&provider_postal, "nonsense", "no RSA key"},
        {&provider_scaleway, "nonsense", "certificate"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct provider_secret *secret = NULL;
        struct err err = {0};
        assert_int_equal(cases[i].provider->secret_parse(slice_cstr(cases[i].text), &secret, &err), -ERR_INVALID);
        if (!strstr(err.text, cases[i].says)) fail_msg("%s: %s", cases[i].provider->name, err.text);
        assert_null(secret);
    }
}

static void test_mandrill_needs_its_address(void **state) {
    struct arena *arena = arena_new();
    struct composed_delivery composed;
    struct err err = {0};
    struct event event = sample(&services[3], EVENT_OPEN, BOUNCE_NONE);
    const struct provider_endpoint endpoint = {.provider = &provider_mandrill};
    assert_int_equal(provider_mandrill.compose(&endpoint, &event, 1, SLICE("webhook-key"), NOW, arena, &composed, &err),
                     -ERR_INVALID);
    assert_true(strstr(err.text, "public_url") != NULL);
    arena_free(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_type),
        cmocka_unit_test(test_metadata_goes_out_and_comes_back),
        cmocka_unit_test(test_secrets_that_are_none),
        cmocka_unit_test(test_mandrill_needs_its_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
