/* No signature of Amazon's can be checked offline, so keys and certificates are made here. */
#include "providers/sns.h"

#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/strbuf.h"
#include "tests/unit/providers/support.h"

#include "base/banned.h"

#define TOPIC      "arn:aws:sns:eu-central-1:123456789012:ses-events"
#define CERT_URL   "https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem"
#define MESSAGE_ID "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324"
#define TOKEN      "2336412f37fb687f5d51e6e241d7700ae02f7124"
#define NOW        1795507200000 /* 2026-11-24T08:00:00Z */

struct identity {
    EVP_PKEY *key;
    char *pem; /* its certificate */
};

static struct identity make_identity(EVP_PKEY *key, int64_t from, int64_t to) {
    X509 *certificate = X509_new();
    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 7);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                               (const unsigned char *)"sns.test", -1, -1, 0);
    X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
    ASN1_TIME_set(X509_getm_notBefore(certificate), (time_t)(from / SECOND_MS));
    ASN1_TIME_set(X509_getm_notAfter(certificate), (time_t)(to / SECOND_MS));
    X509_set_pubkey(certificate, key);
    assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
    BIO *bio = BIO_new(BIO_s_mem());
    char *bytes;
    assert_int_equal(PEM_write_bio_X509(bio, certificate), 1);
    long len = BIO_get_mem_data(bio, &bytes);
    struct identity identity = {.key = key, .pem = memory_cstr(bytes, (size_t)len)};
    BIO_free(bio);
    X509_free(certificate);
    return identity;
}

static void release_identity(struct identity *identity) {
    EVP_PKEY_free(identity->key);
    free(identity->pem);
}

static struct identity rsa_identity(void) {
    return make_identity(EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048), NOW - DAY_MS, NOW + DAY_MS);
}

static struct identity genuine, stranger;

static int make_identities(void **state) {
    genuine = rsa_identity();
    stranger = rsa_identity();
    return 0;
}

static int release_identities(void **state) {
    release_identity(&genuine);
    release_identity(&stranger);
    return 0;
}

/* ---- messages ---- */

struct message {
    const char *type, *version, *topic, *subject, *text, *url;
    const struct identity *signer;
};

static const struct message notification = {
    .type = "Notification",
    .version = "2",
    .topic = TOPIC,
    .text = "{\"eventType\":\"Teleport\"}",
    .url = CERT_URL,
    .signer = &genuine,
};

/* The canonical string written out a second time, from the manual's lists. */
static struct slice canonical(const struct message *message, struct arena *arena) {
    if (strcmp(message->type, "Notification") != 0)
        return slice_cstr(arena_printf(arena,
                                       "Message\n%s\nMessageId\n" MESSAGE_ID "\nSubscribeURL\nhttps://example/\n"
                                       "Timestamp\n2026-11-24T07:59:59.123Z\nToken\n" TOKEN
                                       "\nTopicArn\n%s\nType\n%s\n",
                                       message->text, message->topic, message->type));
    if (message->subject)
        return slice_cstr(arena_printf(arena,
                                       "Message\n%s\nMessageId\n" MESSAGE_ID "\nSubject\n%s\n"
                                       "Timestamp\n2026-11-24T07:59:59.123Z\nTopicArn\n%s\nType\nNotification\n",
                                       message->text, message->subject, message->topic));
    return slice_cstr(arena_printf(arena,
                                   "Message\n%s\nMessageId\n" MESSAGE_ID "\n"
                                   "Timestamp\n2026-11-24T07:59:59.123Z\nTopicArn\n%s\nType\nNotification\n",
                                   message->text, message->topic));
}

static void write_signature(struct strbuf *out, const struct message *message, struct arena *arena) {
    unsigned char signature[512];
    size_t len = sizeof(signature);
    struct slice text = canonical(message, arena);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    const EVP_MD *digest = strcmp(message->version, "1") == 0 ? EVP_sha1() : EVP_sha256();
    assert_int_equal(EVP_DigestSignInit(context, NULL, digest, NULL, message->signer->key), 1);
    assert_int_equal(EVP_DigestSign(context, signature, &len, (const unsigned char *)text.ptr, text.len), 1);
    EVP_MD_CTX_free(context);
    base64_encode(out, slice_of((const char *)signature, len));
}

static struct slice envelope(const struct message *message, struct arena *arena) {
    struct strbuf body;
    strbuf_init(&body, 1 << 16);
    strbuf_add_char(&body, '{');
    text_write_member(&body, "Type", slice_cstr(message->type));
    text_write_member(&body, "MessageId", SLICE(MESSAGE_ID));
    text_write_member(&body, "TopicArn", slice_cstr(message->topic));
    text_write_member(&body, "Message", slice_cstr(message->text));
    if (message->subject) text_write_member(&body, "Subject", slice_cstr(message->subject));
    if (strcmp(message->type, "Notification") != 0) {
        text_write_member(&body, "SubscribeURL", SLICE("https://example/"));
        text_write_member(&body, "Token", SLICE(TOKEN));
    }
    text_write_member(&body, "SignatureVersion", slice_cstr(message->version));
    text_write_member(&body, "SigningCertURL", slice_cstr(message->url));
    strbuf_add_cstr(&body, "\"Signature\":\"");
    write_signature(&body, message, arena);
    strbuf_add_cstr(&body, "\",\"Timestamp\":\"2026-11-24T07:59:59.123Z\"}");
    struct slice copy = arena_copy(arena, strbuf_slice(&body));
    strbuf_release(&body);
    return copy;
}

/* ---- the world ---- */

struct world {
    struct arena *arena;
    struct test_endpoint endpoint;
    const char *pem; /* what is found under any URL */
    int asked;       /* how often */
    int64_t now;
    struct err err;
};

static int find_certificate(void *context, struct slice url, struct arena *arena, struct slice *ret_pem,
                            struct err *err) {
    struct world *world = context;
    world->asked++;
    if (!world->pem) return err_set(err, ERR_UNAVAILABLE, "the network is down");
    *ret_pem = arena_copy(arena, slice_cstr(world->pem));
    return 0;
}

static void world_init(struct world *world) {
    *world = (struct world){.arena = arena_new(), .pem = genuine.pem, .now = NOW};
    endpoint_init(&world->endpoint, &provider_ses);
    endpoint_add_topic(&world->endpoint, SLICE(TOPIC));
}

static void world_release(struct world *world) {
    endpoint_release(&world->endpoint);
    arena_free(world->arena);
}

static int verify_body(struct world *world, struct slice body) {
    struct request request;
    const struct provider_environment environment = {
        .find_certificate = find_certificate, .context = world, .now = world->now};
    request_init(&request, world->arena, body);
    request.delivery.received_at = NOW;
    return request_verify(&request, &world->endpoint, &environment, world->arena, &world->err);
}

static int verify_message(struct world *world, const struct message *message) {
    return verify_body(world, envelope(message, world->arena));
}

/* ---- tests ---- */

static void test_all_types_and_versions(void **state) {
    static const char *const types[] = {"Notification", "SubscriptionConfirmation", "UnsubscribeConfirmation"};
    static const char *const versions[] = {"1", "2"};
    struct world world;
    world_init(&world);
    for (size_t type = 0; type < 3; type++) {
        for (size_t version = 0; version < 2; version++) {
            struct message message = notification;
            message.type = types[type];
            message.version = versions[version];
            world.endpoint.endpoint.sns_allow_version_1 = true;
            if (verify_message(&world, &message) < 0)
                fail_msg("%s %s: %s", types[type], versions[version], world.err.text);
            world.endpoint.endpoint.sns_allow_version_1 = false;
            assert_int_equal(verify_message(&world, &message), version == 1 ? 0 : -ERR_SIGNATURE);
        }
    }
    struct message message = notification;
    message.subject = "News \"today\"";
    message.text = "two\nlines, \\ and \xc3\xa9";
    assert_int_equal(verify_message(&world, &message), 0);
    message.version = "3";
    assert_int_equal(verify_message(&world, &message), -ERR_SIGNATURE);
    world_release(&world);
}

/* The first `from` in the body becomes `to`. */
static struct slice replaced(struct slice body, const char *from, const char *to, struct arena *arena) {
    ptrdiff_t at = slice_find(body, slice_cstr(from));
    assert_true(at >= 0);
    struct slice rest = slice_from(body, (size_t)at + strlen(from));
    return slice_cstr(arena_printf(arena, "%.*s%s%.*s", SLICE_FMT(slice_first(body, (size_t)at)), to, SLICE_FMT(rest)));
}

static void test_altered_messages(void **state) {
    static const char *const changes[][2] = {
        {"Teleport", "Bounce"},
        {MESSAGE_ID, "32b80b92-fdea-4c2c-8f9d-bdfb0c7bf324"},
        {"07:59:59.123Z", "07:59:59.124Z"},
        {"\"Notification\"", "\"SubscriptionConfirmation\""},
        {"\"Message\":", "\"Subject\":\"new\",\"Message\":"},
        {"\"SignatureVersion\":\"2\"", "\"SignatureVersion\":\"1\""},
        {"\"Signature\":\"", "\"Signature\":\"AA"},
        {"\"Signature\":\"", "\"Signature\":\"\",\"x\":\""},
        {"\"Signature\":\"", "\"Signature\":\"!\",\"x\":\""},
    };
    struct world world;
    world_init(&world);
    world.endpoint.endpoint.sns_allow_version_1 = true;
    struct slice body = envelope(&notification, world.arena);
    assert_int_equal(verify_body(&world, body), 0);
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        struct slice altered = replaced(body, changes[i][0], changes[i][1], world.arena);
        if (verify_body(&world, altered) != -ERR_SIGNATURE) fail_msg("change %zu was not noticed", i);
    }
    struct message message = notification;
    message.signer = &stranger;
    assert_int_equal(verify_message(&world, &message), -ERR_SIGNATURE);
    world_release(&world);
}

static void test_a_confirmation_covers_token_and_url(void **state) {
    struct world world;
    world_init(&world);
    struct message message = notification;
    message.type = "SubscriptionConfirmation";
    struct slice body = envelope(&message, world.arena);
    assert_int_equal(verify_body(&world, body), 0);
    assert_int_equal(verify_body(&world, replaced(body, TOKEN, "00", world.arena)), -ERR_SIGNATURE);
    assert_int_equal(verify_body(&world, replaced(body, "https://example/", "https://evil/", world.arena)),
                     -ERR_SIGNATURE);
    world_release(&world);
}

static void test_hostile_certificate_urls_are_never_fetched(void **state) {
    static const char *const hostile[] = {
        "http://sns.eu-central-1.amazonaws.com/x.pem",
        "HTTPS://sns.eu-central-1.amazonaws.com/x.pem",
        "https://sns.eu-central-1.amazonaws.com.evil.example/x.pem",
        "https://evil.example/sns.eu-central-1.amazonaws.com/x.pem",
        "https://sns.eu-central-1.amazonaws.com@evil.example/x.pem",
        "https://user:secret@sns.eu-central-1.amazonaws.com/x.pem",
        "https://sns.eu-central-1.amazonaws.com:443/x.pem",
        "https://sns.eu-central-1.amazonaws.com:8443/x.pem",
        "https://sns.eu-central-1.amazonaws.com/x.pem?x=.pem",
        "https://sns.eu-central-1.amazonaws.com/x.pem#.pem",
        "https://sns.eu-central-1.amazonaws.com/redirect?to=evil.pem",
        "https://sns.eu-central-1.amazonaws.com/%2e%2e/x.pem",
        "https://sns.eu-central-1.amazonaws.com/../x.pem",
        "https://sns.eu-central-1.amazonaws.com//evil.example/x.pem",
        "https://sns.eu-central-1.amazonaws.com/x.pem.txt",
        "https://sns.eu-central-1.amazonaws.com/",
        "https://sns.eu-central-1.amazonaws.com",
        "https://s3.eu-central-1.amazonaws.com/bucket/x.pem",
        "https://bucket.s3.amazonaws.com/x.pem",
        "https://sns.amazonaws.com/x.pem",
        "https://sns.a.b.amazonaws.com/x.pem",
        "https://sns..amazonaws.com/x.pem",
        "https://sns.eu.evil.example/.amazonaws.com/x.pem",
        "https://sns.-eu-central-1.amazonaws.com/x.pem",
        "https://sns.eu-central-1.amazonaws.com.cn.evil/x.pem",
        "https://sns.eu-central-1.amazonaws.com\\@evil.example/x.pem",
        "https://sns.eu-central-1.amazonaws.com/x\n.pem",
        "https://snsXeu-central-1.amazonaws.com/x.pem",
        "https://sns.eu-central-1.amazonaws.comx/x.pem",
        "https://169.254.169.254/x.pem",
        "file:///etc/ssl/x.pem",
        "//sns.eu-central-1.amazonaws.com/x.pem",
        "",
    };
    struct world world;
    world_init(&world);
    for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
        struct message message = notification;
        message.url = hostile[i];
        if (verify_message(&world, &message) != -ERR_SIGNATURE) fail_msg("%s was taken", hostile[i]);
        if (world.asked) fail_msg("%s was fetched", hostile[i]);
        assert_false(sns_certificate_url_allowed(slice_cstr(hostile[i])));
    }
    assert_false(sns_certificate_url_allowed(SLICE("https://sns.eu-central-1.amazonaws.com/x\0.pem")));
    assert_true(sns_certificate_url_allowed(SLICE(CERT_URL)));
    assert_true(sns_certificate_url_allowed(SLICE("https://sns.cn-north-1.amazonaws.com.cn/a/b_c.pem")));
    assert_true(sns_certificate_url_allowed(SLICE("https://sns.us-gov-west-1.amazonaws.com/x.pem")));
    assert_true(sns_certificate_url_allowed(SLICE(SNS_COMPOSED_CERT_URL)));
    world_release(&world);
}

static void test_certificates(void **state) {
    struct world world;
    world_init(&world);
    world.now = NOW + 2 * DAY_MS;
    assert_int_equal(verify_message(&world, &notification), -ERR_SIGNATURE);
    assert_non_null(strstr(world.err.text, "expired"));
    world.now = NOW - 2 * DAY_MS;
    assert_int_equal(verify_message(&world, &notification), -ERR_SIGNATURE);
    world.now = NOW;
    world.pem = stranger.pem;
    assert_int_equal(verify_message(&world, &notification), -ERR_SIGNATURE);
    world.pem = NULL;
    assert_int_equal(verify_message(&world, &notification), -ERR_UNAVAILABLE);
    world.pem = "<html>not found</html>";
    assert_int_equal(verify_message(&world, &notification), -ERR_UNAVAILABLE);

    struct identity weak =
        make_identity(EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)1024), NOW - DAY_MS, NOW + DAY_MS);
    struct identity curve = make_identity(EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256"), NOW - DAY_MS, NOW + DAY_MS);
    struct message message = notification;
    message.signer = &weak;
    world.pem = weak.pem;
    assert_int_equal(verify_message(&world, &message), -ERR_UNAVAILABLE);
    message.signer = &curve;
    world.pem = curve.pem;
    assert_int_equal(verify_message(&world, &message), -ERR_UNAVAILABLE);

    struct provider_secret *secret = NULL;
    struct err err;
    assert_int_equal(sns_secret_parse(slice_cstr(weak.pem), &secret, &err), -ERR_INVALID);
    assert_int_equal(sns_secret_parse(slice_cstr(curve.pem), &secret, &err), -ERR_INVALID);
    assert_int_equal(sns_secret_parse(SLICE(""), &secret, &err), -ERR_INVALID);
    assert_int_equal(
        sns_secret_parse(SLICE("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), &secret, &err),
        -ERR_INVALID);
    assert_null(secret);
    release_identity(&weak);
    release_identity(&curve);
    world_release(&world);
}

static void test_pinned_certificates(void **state) {
    struct world world;
    world_init(&world);
    endpoint_add_secret(&world.endpoint, slice_cstr(stranger.pem));
    endpoint_add_secret(&world.endpoint, slice_cstr(genuine.pem));
    struct message message = notification;
    message.url = "https://pinned.example/x.pem"; /* of no interest then */
    assert_int_equal(verify_message(&world, &message), 0);
    assert_int_equal(world.asked, 0);
    world.now = NOW + 2 * DAY_MS; /* expired: fetched anew, if the address is Amazon's */
    assert_int_equal(verify_message(&world, &message), -ERR_SIGNATURE);
    assert_int_equal(world.asked, 0);
    world_release(&world);

    world_init(&world);
    endpoint_add_secret(&world.endpoint, slice_cstr(stranger.pem));
    assert_int_equal(verify_message(&world, &notification), 0);
    assert_int_equal(world.asked, 1);
    world_release(&world);
}

static void test_topics(void **state) {
    struct world world;
    world_init(&world);
    struct message message = notification;
    message.topic = "arn:aws:sns:eu-central-1:999999999999:evil";
    assert_int_equal(verify_message(&world, &message), -ERR_SIGNATURE);
    assert_non_null(strstr(world.err.text, "999999999999:evil"));
    message.topic = "nonsense \x1b[31m";
    assert_int_equal(verify_message(&world, &message), -ERR_SIGNATURE);
    assert_null(strstr(world.err.text, "nonsense"));
    world.endpoint.endpoint.topic_arn_count = 0;
    assert_int_equal(verify_message(&world, &notification), -ERR_SIGNATURE);
    assert_int_equal(world.asked, 0);
    /* Not even where no signature is asked for. */
    world.endpoint.endpoint.require_signature = false;
    assert_int_equal(verify_message(&world, &notification), -ERR_SIGNATURE);
    world_release(&world);
}

static struct provider_handshake handshake_of(const char *topic, struct arena *arena) {
    const struct sns_message message = {.topic_arn = slice_cstr(topic), .token = SLICE("a b&c=\xc3\xa9")};
    struct provider_handshake handshake = {0};
    struct err err;
    if (sns_handshake(&message, arena, &handshake, &err) < 0) assert_int_equal(err.code, ERR_INVALID);
    return handshake;
}

static void test_confirmation_request(void **state) {
    struct arena *arena = arena_new();
    assert_text(handshake_of(TOPIC, arena).confirm_url,
                "https://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn=arn%3Aaws%3Asns%3A"
                "eu-central-1%3A123456789012%3Ases-events&Token=a%20b%26c%3D%C3%A9");
    assert_text(handshake_of("arn:aws-cn:sns:cn-north-1:123456789012:x", arena).confirm_url,
                "https://sns.cn-north-1.amazonaws.com.cn/?Action=ConfirmSubscription&TopicArn=arn%3Aaws-cn%3Asns%3A"
                "cn-north-1%3A123456789012%3Ax&Token=a%20b%26c%3D%C3%A9");
    static const char *const bad[] = {
        "",
        "arn",
        "arn:aws:sns:evil.example/:1:x",
        "arn:aws:sns::1:x",
        "arn:aws:sqs:eu-central-1:1:x",
        "arn:aws:sns:eu-central-1:1:x:y",
        "arn:aws:sns:eu-central-1:1:",
        "arn:aws:sns:e@c:1:x",
        "ARN:aws:sns:eu-c-1:1:x",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(handshake_of(bad[i], arena).confirm_url.len, 0);
    arena_free(arena);
}

static void test_unreadable_envelopes(void **state) {
    static const char *const bodies[] = {
        "",
        "[]",
        "null",
        "{}",
        "{\"Type\":\"Notification\"}",
        "{\"Type\":\"Notification\",\"Message\":7}",
        "{\"Type\":\"Other\",\"Message\":\"\",\"MessageId\":\"1\",\"TopicArn\":\"" TOPIC "\",\"Timestamp\":\"x\"}",
        "{\"Type\":\"Notification\",\"Message\":\"\",\"MessageId\":\"1\",\"TopicArn\":\"" TOPIC "\"}",
    };
    struct world world;
    world_init(&world);
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        if (verify_body(&world, slice_cstr(bodies[i])) != -ERR_SIGNATURE) fail_msg("%s was taken", bodies[i]);
    }
    assert_int_equal(world.asked, 0);
    world_release(&world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_types_and_versions),
        cmocka_unit_test(test_altered_messages),
        cmocka_unit_test(test_a_confirmation_covers_token_and_url),
        cmocka_unit_test(test_hostile_certificate_urls_are_never_fetched),
        cmocka_unit_test(test_certificates),
        cmocka_unit_test(test_pinned_certificates),
        cmocka_unit_test(test_topics),
        cmocka_unit_test(test_confirmation_request),
        cmocka_unit_test(test_unreadable_envelopes),
    };
    return cmocka_run_group_tests(tests, make_identities, release_identities);
}
