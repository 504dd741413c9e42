/* What a provider composes, it verifies and reads back: the same events, for every type. */
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/strbuf.h"
#include "model/verdict.h"
#include "providers/sns.h"
#include "tests/unit/providers/support.h"

#include "base/banned.h"

#define NOW   1795507200000
#define WHSEC "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

/* The two halves of a key as text. */
struct key_pair {
    struct slice signing, secret;
};

static struct slice bio_text(BIO *bio, struct arena *arena) {
    char *bytes;
    long len = BIO_get_mem_data(bio, &bytes);
    struct slice text = arena_copy(arena, slice_of(bytes, (size_t)len));
    BIO_free(bio);
    return text;
}

static struct slice private_pem(EVP_PKEY *key, struct arena *arena) {
    BIO *bio = BIO_new(BIO_s_mem());
    assert_int_equal(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL), 1);
    return bio_text(bio, arena);
}

static struct key_pair sendgrid_keys(struct arena *arena) {
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    unsigned char *der = NULL;
    int len = i2d_PUBKEY(key, &der);
    struct strbuf base64;
    strbuf_init(&base64, 1024);
    base64_encode(&base64, slice_of((const char *)der, (size_t)len));
    struct key_pair pair = {private_pem(key, arena), arena_copy(arena, strbuf_slice(&base64))};
    strbuf_release(&base64);
    OPENSSL_free(der);
    EVP_PKEY_free(key);
    return pair;
}

static struct key_pair ses_keys(struct arena *arena) {
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
    X509 *certificate = X509_new();
    ASN1_TIME_set(X509_getm_notBefore(certificate), NOW / 1000 - 60);
    ASN1_TIME_set(X509_getm_notAfter(certificate), NOW / 1000 + 60);
    X509_set_pubkey(certificate, key);
    assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
    BIO *bio = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(bio, certificate);
    struct key_pair pair = {private_pem(key, arena), bio_text(bio, arena)};
    X509_free(certificate);
    EVP_PKEY_free(key);
    return pair;
}

static struct event sample(enum event_type type) {
    struct event event = {
        .type = type,
        .occurred_at = NOW - 5000,
        .keys = {SLICE("id-1"), SLICE("id-1@mail.example")},
        .email_log_id = 4711,
        .recipient = SLICE("j\"ane@example.org"),
        .link_position = LINK_POSITION_NONE,
        .provider_event_id = SLICE("event-1"),
    };
    if (type == EVENT_BOUNCE) event.bounce = BOUNCE_HARD;
    if (event_type_is_tracking(type)) {
        event.ip_address = SLICE("203.0.113.7");
        event.user_agent = SLICE("Mozilla/5.0 \\ \t(\xc3\xa9)");
    }
    if (type == EVENT_CLICK) event.url = SLICE("https://jobs.example/7?a=1&b=\"2\"");
    return event;
}

static void assert_same_event(const struct event *a, const struct event *b) {
    assert_int_equal(a->type, b->type);
    assert_int_equal(a->bounce, b->bounce);
    assert_int_equal(a->machine, b->machine);
    assert_int_equal(a->occurred_at, b->occurred_at);
    assert_int_equal(a->email_log_id, b->email_log_id);
    assert_int_equal(a->link_position, b->link_position);
    assert_true(slice_equal(a->keys[0], b->keys[0]));
    assert_true(slice_equal(a->recipient, b->recipient));
    assert_true(slice_equal(a->url, b->url));
    assert_true(slice_equal(a->ip_address, b->ip_address));
    assert_true(slice_equal(a->user_agent, b->user_agent));
}

/* One changed byte, and nobody signed it. Mailgun's signature covers its timestamp and token only. */
static void assert_change_is_found(struct request *request, const struct test_endpoint *endpoint, struct arena *arena) {
    struct slice body = request->delivery.body;
    char *bytes = arena_bytes(arena, body.len + JSON_PADDING);
    memset(bytes, 0, body.len + JSON_PADDING);
    memcpy(bytes, body.ptr, body.len);
    size_t at = body.len / 2;
    if (endpoint->endpoint.provider == &provider_mailgun)
        at = (size_t)slice_find(body, SLICE("\"token\":\"")) + sizeof("\"token\":\"");
    bytes[at] ^= 1;
    request->delivery.body = slice_of(bytes, body.len);
    assert_true(request_verify(request, endpoint, NULL, arena, NULL) < 0);
}

static void assert_round_trip(struct test_endpoint *endpoint, struct slice signing, const struct event *events,
                              size_t count, struct arena *arena) {
    const struct provider *provider = endpoint->endpoint.provider;
    struct composed_delivery composed;
    struct parsed_delivery parsed;
    struct request request;
    struct err err;
    if (provider->compose(&endpoint->endpoint, events, count, signing, NOW, arena, &composed, &err) < 0)
        fail_msg("%s: %s", provider->name, err.text);
    request_from_composed(&request, arena, &composed, NOW);
    if (request_verify(&request, endpoint, NULL, arena, &err) < 0) fail_msg("%s: %s", provider->name, err.text);
    if (request_parse(&request, endpoint, arena, &parsed, &err) < 0) fail_msg("%s: %s", provider->name, err.text);
    assert_int_equal(parsed.outcome, PROVIDER_EVENTS);
    assert_int_equal(parsed.event_count, count);
    for (size_t i = 0; i < count; i++)
        assert_same_event(&parsed.events[i], &events[i]);
    if (provider->verify) assert_change_is_found(&request, endpoint, arena);
}

/* What a service has no webhook for. */
struct unreported {
    const struct provider *provider;
    enum event_type types[6];
};
static const struct unreported unreported[] = {
    {&provider_sendgrid, {EVENT_REPLY}},
    {&provider_ses, {EVENT_REPLY}},
    {&provider_mailgun, {EVENT_REPLY, EVENT_GROUP_UNSUBSCRIBE, EVENT_GROUP_RESUBSCRIBE}},
    {&provider_postmark, {EVENT_REPLY, EVENT_PROCESSED, EVENT_GROUP_UNSUBSCRIBE}},
    {&provider_sparkpost, {EVENT_REPLY, EVENT_GROUP_UNSUBSCRIBE, EVENT_GROUP_RESUBSCRIBE}},
    {&provider_mailjet, {EVENT_REPLY, EVENT_PROCESSED, EVENT_GROUP_UNSUBSCRIBE, EVENT_GROUP_RESUBSCRIBE}},
    {&provider_brevo, {EVENT_REPLY, EVENT_GROUP_UNSUBSCRIBE, EVENT_GROUP_RESUBSCRIBE}},
    {&provider_resend, {EVENT_REPLY, EVENT_UNSUBSCRIBE, EVENT_GROUP_UNSUBSCRIBE, EVENT_GROUP_RESUBSCRIBE}},
};

static bool is_reported(const struct provider *provider, enum event_type type) {
    if (type == EVENT_AUTO_REPLY && provider != &provider_generic) return false; /* found in received mail only */
    for (size_t i = 0; i < sizeof(unreported) / sizeof(unreported[0]); i++) {
        for (size_t j = 0; j < 6 && unreported[i].provider == provider; j++) {
            if (unreported[i].types[j] == type) return false;
        }
    }
    return true;
}

static void assert_all_types(const struct provider *provider, struct key_pair keys, struct arena *arena) {
    struct test_endpoint endpoint;
    struct event events[EVENT_TYPE_MAX];
    size_t count = 0;
    endpoint_init(&endpoint, provider);
    if (provider->secret_parse) endpoint_add_secret(&endpoint, keys.secret);
    endpoint_add_topic(&endpoint, SLICE("arn:aws:sns:us-east-1:123456789012:x"));
    endpoint.endpoint.timestamp_tolerance_ms = provider->timestamp_tolerance_ms;
    for (enum event_type type = EVENT_PROCESSED; type <= EVENT_TYPE_MAX; type++) {
        struct event event = sample(type);
        if (is_reported(provider, type)) {
            assert_round_trip(&endpoint, keys.signing, &event, 1, arena);
            events[count++] = event;
        } else {
            struct composed_delivery composed;
            struct err err;
            assert_int_equal(
                provider->compose(&endpoint.endpoint, &event, 1, keys.signing, NOW, arena, &composed, &err),
                -ERR_INVALID);
        }
    }
    if (provider->events_per_delivery >= count) assert_round_trip(&endpoint, keys.signing, events, count, arena);
    endpoint_release(&endpoint);
}

static void test_round_trips(void **state) {
    const struct key_pair none = {SLICE_NONE, SLICE_NONE}, whsec = {SLICE(WHSEC), SLICE(WHSEC)};
    const struct key_pair mailgun = {SLICE("WEBHOOK_SIGNING_KEY"), SLICE("WEBHOOK_SIGNING_KEY")};
    struct arena *arena = arena_new();
    assert_all_types(&provider_generic, whsec, arena);
    assert_all_types(&provider_sendgrid, sendgrid_keys(arena), arena);
    assert_all_types(&provider_ses, ses_keys(arena), arena);
    assert_all_types(&provider_mailgun, mailgun, arena);
    assert_all_types(&provider_postmark, none, arena);
    assert_all_types(&provider_sparkpost, none, arena);
    assert_all_types(&provider_mailjet, none, arena);
    assert_all_types(&provider_brevo, none, arena);
    assert_all_types(&provider_resend, whsec, arena);
    arena_free(arena);
}

/* Bounces of each kind, and opens by machines, where the service has words for them. */
static void test_kinds_and_machines(void **state) {
    static const struct {
        const struct provider *provider;
        const char *secret;
        bool block, machine;
    } rows[] = {
        {&provider_mailgun, "WEBHOOK_SIGNING_KEY", true, true},
        {&provider_postmark, NULL, true, false},
        {&provider_sparkpost, NULL, true, true},
        {&provider_mailjet, NULL, true, false},
        {&provider_brevo, NULL, false, true},
        {&provider_resend, WHSEC, false, false},
    };
    struct arena *arena = arena_new();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct test_endpoint endpoint;
        struct slice secret = slice_cstr(rows[i].secret);
        struct event event = sample(EVENT_BOUNCE);
        endpoint_init(&endpoint, rows[i].provider);
        if (secret.len) endpoint_add_secret(&endpoint, secret);
        event.bounce = BOUNCE_SOFT;
        assert_round_trip(&endpoint, secret, &event, 1, arena);
        event.bounce = BOUNCE_BLOCK;
        if (rows[i].block) assert_round_trip(&endpoint, secret, &event, 1, arena);
        event = sample(EVENT_OPEN);
        event.machine = MACHINE_HINT_MACHINE;
        if (rows[i].machine) assert_round_trip(&endpoint, secret, &event, 1, arena);
        endpoint_release(&endpoint);
    }
    arena_free(arena);
}

static void test_sendgrid_details(void **state) {
    struct arena *arena = arena_new();
    struct key_pair keys = sendgrid_keys(arena);
    struct test_endpoint endpoint;
    endpoint_init(&endpoint, &provider_sendgrid);
    endpoint_add_secret(&endpoint, keys.secret);
    struct event events[5] = {sample(EVENT_CLICK), sample(EVENT_OPEN), sample(EVENT_BOUNCE), sample(EVENT_BOUNCE),
                              sample(EVENT_DROPPED)};
    events[0].link_position = 3;
    events[1].machine = MACHINE_HINT_MACHINE;
    events[2].bounce = BOUNCE_BLOCK;
    events[3].bounce = BOUNCE_SOFT;
    events[4].metadata = SLICE("{\"reason\":\"Bounced Address\",\"campaign\":\"x\"}");
    assert_round_trip(&endpoint, keys.signing, events, 5, arena);

    struct composed_delivery composed;
    assert_int_equal(provider_sendgrid.compose(NULL, events, 5, keys.signing, NOW, arena, &composed, NULL), 0);
    assert_string_equal(composed.content_type, "application/json");
    assert_true(slice_ends_with(composed.body, SLICE("}]\r\n")));
    assert_true(slice_find(composed.body, SLICE("},\r\n{")) > 0);
    assert_true(slice_find(composed.body, SLICE("\"reason\":\"Bounced Address\"")) > 0);
    endpoint_release(&endpoint);
    arena_free(arena);
}

static void test_ses_names_the_endpoints_topic(void **state) {
    struct arena *arena = arena_new();
    struct key_pair keys = ses_keys(arena);
    struct event event = sample(EVENT_DELIVERED);
    struct composed_delivery composed;
    assert_int_equal(provider_ses.compose(NULL, &event, 1, keys.signing, NOW, arena, &composed, NULL), 0);
    assert_true(slice_find(composed.body, SLICE(SNS_COMPOSED_TOPIC)) > 0);
    assert_true(slice_find(composed.body, SLICE(SNS_COMPOSED_CERT_URL)) > 0);
    assert_true(slice_find(composed.body, SLICE("\"Timestamp\":\"2026-11-24T08:00:00.000Z\"")) > 0);
    struct event two[2] = {event, event};
    assert_int_equal(provider_ses.compose(NULL, two, 2, keys.signing, NOW, arena, &composed, NULL), -ERR_INVALID);
    arena_free(arena);
}

static void test_wrong_private_halves(void **state) {
    struct arena *arena = arena_new();
    struct slice ec = sendgrid_keys(arena).signing, rsa = ses_keys(arena).signing;
    struct event event = sample(EVENT_OPEN);
    struct composed_delivery composed;
    struct err err;
    assert_int_equal(provider_sendgrid.compose(NULL, &event, 1, rsa, NOW, arena, &composed, &err), -ERR_INVALID);
    assert_int_equal(provider_sendgrid.compose(NULL, &event, 1, SLICE("x"), NOW, arena, &composed, &err), -ERR_INVALID);
    assert_int_equal(provider_ses.compose(NULL, &event, 1, ec, NOW, arena, &composed, &err), -ERR_INVALID);
    assert_int_equal(provider_generic.compose(NULL, &event, 1, ec, NOW, arena, &composed, &err), -ERR_INVALID);
    assert_int_equal(provider_resend.compose(NULL, &event, 1, ec, NOW, arena, &composed, &err), -ERR_INVALID);
    assert_int_equal(provider_mailgun.compose(NULL, &event, 1, SLICE(""), NOW, arena, &composed, &err), -ERR_INVALID);
    arena_free(arena);
}

static void test_registry(void **state) {
    size_t count = 0;
    for (; providers[count]; count++) {
        const struct provider *provider = providers[count];
        assert_ptr_equal(provider_find(slice_cstr(provider->name)), provider);
        bool is_signed = provider->verify != NULL;
        assert_true(provider->title && provider->secret_help && provider->parse && provider->compose);
        assert_true(provider->events_per_delivery > 0 && provider->events_per_delivery <= PROVIDER_EVENTS_MAX);
        assert_int_equal(provider->secret_parse != NULL, is_signed);
        assert_int_equal(provider->secret_free != NULL, is_signed);
        assert_int_equal(provider->signing_help != NULL, is_signed);
        assert_true(is_signed ? provider->status_bad_signature >= 400 : !provider->secret_required);
        if (is_signed) provider->secret_free(NULL);
    }
    assert_true(count >= 16);
    assert_null(provider_find(SLICE("SendGrid")));
    assert_null(provider_find(SLICE_NONE));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trips),          cmocka_unit_test(test_kinds_and_machines),
        cmocka_unit_test(test_sendgrid_details),     cmocka_unit_test(test_ses_names_the_endpoints_topic),
        cmocka_unit_test(test_wrong_private_halves), cmocka_unit_test(test_registry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
