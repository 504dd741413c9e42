/* Input that is too large, half there or made to hurt, for every provider. */
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/hash.h"
#include "base/strbuf.h"
#include "providers/ecdsa.h"
#include "tests/unit/providers/support.h"

#include "base/banned.h"

static struct slice repeated(struct arena *arena, const char *before, const char *element, size_t count,
                             const char *after) {
    size_t len = strlen(element);
    struct strbuf text;
    strbuf_init(&text, (size_t)64 << 20);
    strbuf_add_cstr(&text, before);
    for (size_t i = 0; i < count; i++) {
        if (i > 0) strbuf_add_char(&text, ',');
        strbuf_add(&text, element, len);
    }
    strbuf_add_cstr(&text, after);
    assert_false(text.overflow);
    struct slice copy = arena_copy(arena, strbuf_slice(&text));
    strbuf_release(&text);
    return copy;
}

static void test_too_many_events(void **state) {
    struct arena *arena = arena_new();
    struct parsed_delivery parsed = {.event_count = 77};
    struct err err;
    struct slice million = repeated(arena, "[", "{}", 1000000, "]");
    size_t used = arena_used(arena);
    assert_int_equal(body_parse(&provider_sendgrid, million, arena, &parsed, &err), -ERR_TOO_LARGE);
    assert_int_equal(body_parse(&provider_generic, million, arena, &parsed, &err), -ERR_TOO_LARGE);
    assert_true(arena_used(arena) - used < 3 * million.len); /* the request's own copies; nothing an element */
    assert_int_equal(parsed.event_count, 77);

    struct slice most = repeated(arena, "[", "{\"event\":\"hologram\"}", PROVIDER_EVENTS_MAX, "]");
    assert_int_equal(body_parse(&provider_sendgrid, most, arena, &parsed, &err), 0);
    assert_int_equal(parsed.ignored, PROVIDER_EVENTS_MAX);
    assert_int_equal(parsed.event_count, 0);
    struct slice beyond = repeated(arena, "[", "{\"event\":\"hologram\"}", PROVIDER_EVENTS_MAX + 1, "]");
    assert_int_equal(body_parse(&provider_sendgrid, beyond, arena, &parsed, &err), -ERR_TOO_LARGE);
    arena_free(arena);
}

/* The bounds of the services that send batches. */
static void test_too_many_in_batches(void **state) {
    static const struct {
        const struct provider *provider;
        const char *before, *element, *after; /* of unknown type */
    } rows[] = {
        {&provider_mailjet, "[", "{\"event\":\"hologram\"}", "]"},
        {&provider_brevo, "[", "{\"event\":\"hologram\"}", "]"},
        {&provider_brevo, "{\"events\":[", "{\"event\":\"hologram\"}", "]}"},
        {&provider_sparkpost, "[", "{\"msys\":{}}", "]"},
        {&provider_postmark, "[", "{}", "]"},
    };
    struct arena *arena = arena_new();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct parsed_delivery parsed = {.event_count = 77};
        struct slice beyond = repeated(arena, rows[i].before, rows[i].element, PROVIDER_EVENTS_MAX + 1, rows[i].after);
        assert_int_equal(body_parse(rows[i].provider, beyond, arena, &parsed, NULL), -ERR_TOO_LARGE);
        assert_int_equal(parsed.event_count, 77);
        struct slice most = repeated(arena, rows[i].before, rows[i].element, PROVIDER_EVENTS_MAX, rows[i].after);
        assert_int_equal(body_parse(rows[i].provider, most, arena, &parsed, NULL), 0);
        assert_int_equal(parsed.ignored, PROVIDER_EVENTS_MAX);
    }
    arena_free(arena);
}

static void test_too_many_resend_recipients(void **state) {
    static const char before[] = "{\"type\":\"email.sent\",\"created_at\":\"2026-11-24T08:00:00Z\","
                                 "\"data\":{\"email_id\":\"x\",\"to\":[";
    struct arena *arena = arena_new();
    struct parsed_delivery parsed;
    assert_int_equal(body_parse(&provider_resend, repeated(arena, before, "\"a@b\"", 50, "]}}"), arena, &parsed, NULL),
                     0);
    assert_int_equal(parsed.event_count, 50);
    assert_int_equal(body_parse(&provider_resend, repeated(arena, before, "\"a@b\"", PROVIDER_EVENTS_MAX + 1, "]}}"),
                                arena, &parsed, NULL),
                     -ERR_TOO_LARGE);
    arena_free(arena);
}

static int inbound_parse(const struct provider *provider, struct slice body, struct arena *arena,
                         struct parsed_inbound *ret) {
    struct request request;
    struct test_endpoint endpoint;
    endpoint_init(&endpoint, provider);
    request_init(&request, arena, body);
    return request_parse_inbound(&request, &endpoint, arena, ret, NULL);
}

static void test_too_many_mails(void **state) {
    static const struct {
        const struct provider *provider;
        const char *before, *element, *after;
    } rows[] = {
        {&provider_brevo, "{\"items\":[", "{\"MessageId\":\"x\"}", "]}"},
        {&provider_sparkpost, "[", "{\"msys\":{\"relay_message\":{\"content\":{\"email_rfc822\":\"x\"}}}}", "]"},
    };
    struct arena *arena = arena_new();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct parsed_inbound parsed;
        struct slice most = repeated(arena, rows[i].before, rows[i].element, PROVIDER_MAILS_MAX, rows[i].after);
        struct slice beyond = repeated(arena, rows[i].before, rows[i].element, PROVIDER_MAILS_MAX + 1, rows[i].after);
        assert_int_equal(inbound_parse(rows[i].provider, most, arena, &parsed), 0);
        assert_int_equal(parsed.mail_count, PROVIDER_MAILS_MAX);
        assert_int_equal(inbound_parse(rows[i].provider, beyond, arena, &parsed), -ERR_TOO_LARGE);
    }
    arena_free(arena);
}

/* A raw SES message: the endpoint asks for no signature. */
static int ses_parse(struct slice body, struct arena *arena, struct parsed_delivery *ret, struct err *err) {
    struct request request;
    struct test_endpoint endpoint;
    endpoint_init(&endpoint, &provider_ses);
    request_init(&request, arena, body);
    request_add_header(&request, SLICE("x-amz-sns-rawdelivery"), SLICE("true"));
    return request_parse(&request, &endpoint, arena, ret, err);
}

static void test_too_many_recipients(void **state) {
    static const char before[] = "{\"eventType\":\"Open\",\"open\":{\"timestamp\":\"2026-11-24T08:00:00Z\"},"
                                 "\"mail\":{\"messageId\":\"x\",\"destination\":[";
    struct arena *arena = arena_new();
    struct parsed_delivery parsed;
    struct err err;
    assert_int_equal(ses_parse(repeated(arena, before, "\"a@b\"", 50, "]}}"), arena, &parsed, &err), 0);
    assert_int_equal(parsed.event_count, 50);
    assert_int_equal(ses_parse(repeated(arena, before, "\"a@b\"", 1000000, "]}}"), arena, &parsed, &err),
                     -ERR_TOO_LARGE);
    arena_free(arena);
}

static struct slice sendgrid_event(struct arena *arena, const char *more) {
    return slice_cstr(arena_printf(arena,
                                   "[{\"email\":\"jane@example.org\",\"timestamp\":1795507000,\"event\":\"click\","
                                   "\"sg_message_id\":\"abc\"%s}]",
                                   more));
}

static struct event parsed_event(struct slice body, struct arena *arena) {
    struct parsed_delivery parsed;
    struct err err;
    if (body_parse(&provider_sendgrid, body, arena, &parsed, &err) < 0) fail_msg("%s", err.text);
    assert_int_equal(parsed.event_count, 1);
    return parsed.events[0];
}

static void test_long_texts_are_cut_between_characters(void **state) {
    struct arena *arena = arena_new();
    char *text = arena_bytes(arena, 9001);
    for (size_t i = 0; i < 9000; i += 3)
        memcpy(text + i, "\xe2\x82\xac", 3); /* three bytes a character */
    text[9000] = '\0';
    struct event event =
        parsed_event(sendgrid_event(arena, arena_printf(arena, ",\"url\":\"%s\",\"useragent\":\"%s\",\"ip\":\"%s\"",
                                                        text, text, text)),
                     arena);
    assert_int_equal(event.url.len, EVENT_URL_MAX_BYTES / 3 * 3);
    assert_int_equal(event.user_agent.len, EVENT_AGENT_MAX_BYTES / 3 * 3);
    assert_true(slice_is_utf8(event.url) && slice_is_utf8(event.user_agent) && slice_is_utf8(event.ip_address));
    /* An id that is too long matches nothing; the other one stays. */
    event = parsed_event(slice_cstr(arena_printf(arena,
                                                 "[{\"email\":\"j@e\",\"timestamp\":1,\"event\":\"open\","
                                                 "\"sg_message_id\":\"%s\",\"smtp-id\":\"<a@b>\"}]",
                                                 text)),
                         arena);
    assert_text(event.keys[0], "a@b");
    assert_int_equal(event.keys[1].len, 0);
    arena_free(arena);
}

static void test_nul_bytes_do_not_get_through(void **state) {
    struct arena *arena = arena_new();
    struct event event = parsed_event(sendgrid_event(arena, ",\"url\":\"https://a/\\u0000b\\u0000\""), arena);
    assert_text(event.url, "https://a/?b?");
    arena_free(arena);
}

static void test_metadata_is_bounded(void **state) {
    struct arena *arena = arena_new();
    struct strbuf more;
    strbuf_init(&more, 1 << 20);
    for (int i = 0; i < 200; i++)
        strbuf_printf(&more, ",\"argument-%d\":\"%0*d\"", i, i, i);
    struct event event = parsed_event(sendgrid_event(arena, more.ptr), arena);
    assert_true(event.metadata.len > 500 && event.metadata.len <= EVENT_METADATA_MAX_BYTES);
    strbuf_clear(&more);
    strbuf_printf(&more, ",\"essay\":\"%05000d\",\"n\":{\"deep\":[[1.5],null,true]},\"quote\":\"a\\\"b\\n\"", 0);
    event = parsed_event(sendgrid_event(arena, more.ptr), arena);
    assert_text(event.metadata, "{\"n\":{\"deep\":[[1.5],null,true]},\"quote\":\"a\\\"b\\u000a\"}");
    strbuf_clear(&more);
    strbuf_printf(&more, ",\"%05000d\":1", 0);
    event = parsed_event(sendgrid_event(arena, more.ptr), arena);
    assert_int_equal(event.metadata.len, 0);
    strbuf_release(&more);
    arena_free(arena);
}

static void test_odd_numbers(void **state) {
    static const char *const timestamps[] = {
        "9007199254740993", "-1", "1e300", "18446744073709551615", "99999999999", "null", "\"\"",
        "\"soon\"",         "{}", "true"};
    struct arena *arena = arena_new();
    struct parsed_delivery parsed;
    struct err err;
    for (size_t i = 0; i < sizeof(timestamps) / sizeof(timestamps[0]); i++) {
        struct slice body = slice_cstr(arena_printf(
            arena, "[{\"email\":\"j@e\",\"event\":\"open\",\"sg_message_id\":\"x\",\"timestamp\":%s}]", timestamps[i]));
        if (body_parse(&provider_sendgrid, body, arena, &parsed, &err) != -ERR_INVALID)
            fail_msg("timestamp %s was taken", timestamps[i]);
    }
    struct event event = parsed_event(sendgrid_event(arena, ",\"url_offset\":{\"index\":9007199254740993}"), arena);
    assert_int_equal(event.link_position, LINK_POSITION_NONE);
    event = parsed_event(sendgrid_event(arena, ",\"url_offset\":{\"index\":-1},\"email_log_id\":-4"), arena);
    assert_int_equal(event.link_position, LINK_POSITION_NONE);
    assert_int_equal(event.email_log_id, 0);
    event = parsed_event(sendgrid_event(arena, ",\"email_log_id\":\"9007199254740993\""), arena);
    assert_true(event.email_log_id == 9007199254740993);
    event = parsed_event(sendgrid_event(arena, ",\"url_offset\":7,\"url\":7,\"ip\":[],\"useragent\":null"), arena);
    assert_int_equal(event.url.len + event.ip_address.len + event.user_agent.len, 0);
    arena_free(arena);
}

static void test_bodies_that_end_early(void **state) {
    static const char whole[] = "[{\"email\":\"jane@example.org\",\"timestamp\":1795507000,\"event\":\"click\","
                                "\"sg_message_id\":\"abc\",\"url_offset\":{\"index\":1,\"type\":\"html\"}}]";
    struct arena *arena = arena_new();
    struct parsed_delivery parsed;
    struct err err;
    for (size_t len = 0; len < sizeof(whole) - 1; len++) {
        for (size_t i = 0; providers[i]; i++)
            assert_int_equal(body_parse(providers[i], slice_of(whole, len), arena, &parsed, &err), -ERR_UNREADABLE);
    }
    arena_free(arena);
}

/* ---- keys ---- */

static struct slice public_key_text(const char *type, const char *group, struct arena *arena) {
    EVP_PKEY *key =
        group ? EVP_PKEY_Q_keygen(NULL, NULL, type, group) : EVP_PKEY_Q_keygen(NULL, NULL, type, (size_t)2048);
    unsigned char *der = NULL;
    int len = i2d_PUBKEY(key, &der);
    struct strbuf base64;
    strbuf_init(&base64, 4096);
    base64_encode(&base64, slice_of((const char *)der, (size_t)len));
    struct slice text = arena_copy(arena, strbuf_slice(&base64));
    strbuf_release(&base64);
    OPENSSL_free(der);
    EVP_PKEY_free(key);
    return text;
}

static void assert_bad_key(struct slice text) {
    struct provider_secret *secret = NULL;
    struct err err = {0};
    if (ecdsa_secret_parse(text, &secret, &err) != -ERR_INVALID) fail_msg("\"%.*s\" was taken", SLICE_FMT(text));
    assert_null(secret);
    assert_true(strlen(err.text) > 0);
}

static void test_keys_of_other_kinds(void **state) {
    struct arena *arena = arena_new();
    assert_bad_key(public_key_text("RSA", NULL, arena));
    assert_bad_key(public_key_text("EC", "P-384", arena));
    assert_bad_key(public_key_text("EC", "secp256k1", arena));
    struct slice good = public_key_text("EC", "P-256", arena);
    struct provider_secret *secret = NULL;
    assert_int_equal(ecdsa_secret_parse(good, &secret, NULL), 0);
    ecdsa_secret_free(secret);
    for (size_t len = 0; len < good.len; len++)
        assert_bad_key(slice_first(good, len));
    char *altered = arena_cstr(arena, good);
    altered[60] = altered[60] == 'A' ? 'B' : 'A'; /* no longer a point of the curve */
    assert_bad_key(slice_of(altered, good.len));
    assert_bad_key(SLICE("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"));
    assert_bad_key(slice_cstr(arena_printf(arena, "-----BEGIN PUBLIC KEY-----\n%.*s", SLICE_FMT(good))));
    assert_bad_key(SLICE("-----BEGIN PUBLIC KEY--------END PUBLIC KEY-----")); /* the same dashes twice */
    assert_bad_key(slice_cstr(arena_printf(arena, "%.*s%.*s", SLICE_FMT(good), SLICE_FMT(good))));
    assert_bad_key(slice_of(arena_alloc(arena, 5000), 5000));
    arena_free(arena);
}

static void test_sendgrid_without_keys_or_signature(void **state) {
    struct arena *arena = arena_new();
    struct request request;
    struct test_endpoint endpoint;
    struct err err;
    endpoint_init(&endpoint, &provider_sendgrid);
    request_init(&request, arena, SLICE("[]\r\n"));
    assert_int_equal(request_verify(&request, &endpoint, NULL, arena, &err), -ERR_SIGNATURE);
    endpoint.endpoint.require_signature = false;
    assert_int_equal(request_verify(&request, &endpoint, NULL, arena, &err), 0);
    endpoint_add_secret(&endpoint, public_key_text("EC", "P-256", arena));
    assert_int_equal(request_verify(&request, &endpoint, NULL, arena, &err), 0);
    /* A signature that is there is checked. */
    request_add_header(&request, SLICE("x-twilio-email-event-webhook-signature"), SLICE("MAYCAQECAQE="));
    request_add_header(&request, SLICE("x-twilio-email-event-webhook-timestamp"), SLICE("1"));
    assert_int_equal(request_verify(&request, &endpoint, NULL, arena, &err), -ERR_SIGNATURE);
    assert_text(slice_cstr(err.text), "the signature matches none of the endpoint's keys");
    endpoint_release(&endpoint);
    arena_free(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_too_many_events),
        cmocka_unit_test(test_too_many_in_batches),
        cmocka_unit_test(test_too_many_resend_recipients),
        cmocka_unit_test(test_too_many_mails),
        cmocka_unit_test(test_too_many_recipients),
        cmocka_unit_test(test_long_texts_are_cut_between_characters),
        cmocka_unit_test(test_nul_bytes_do_not_get_through),
        cmocka_unit_test(test_metadata_is_bounded),
        cmocka_unit_test(test_odd_numbers),
        cmocka_unit_test(test_bodies_that_end_early),
        cmocka_unit_test(test_keys_of_other_kinds),
        cmocka_unit_test(test_sendgrid_without_keys_or_signature),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
