/* support: requests and endpoints for the tests of providers. */
#ifndef INKLING_TESTS_PROVIDERS_SUPPORT_H
#define INKLING_TESTS_PROVIDERS_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/json.h"
#include "providers/providers.h"
#include "providers/text.h"

#define REQUEST_HEADERS_MAX 16
#define ENDPOINT_LIST_MAX   8

/* A request that owns nothing: its bytes live in an arena. */
struct request {
    struct delivery delivery;
    struct slice names[REQUEST_HEADERS_MAX], values[REQUEST_HEADERS_MAX];
    size_t count;
};

static inline struct slice request_header(const struct delivery *delivery, struct slice name) {
    const struct request *request = delivery->headers;
    for (size_t i = 0; i < request->count; i++) {
        if (slice_equal_nocase(request->names[i], name)) return request->values[i];
    }
    return SLICE_NONE;
}

static inline void request_init(struct request *request, struct arena *arena, struct slice body) {
    *request = (struct request){.delivery = {.header = request_header, .headers = request}};
    request->delivery.body = text_keep_padded(arena, body);
}

static inline void request_add_header(struct request *request, struct slice name, struct slice value) {
    assert_true(request->count < REQUEST_HEADERS_MAX);
    request->names[request->count] = name;
    request->values[request->count++] = value;
}

static inline void request_from_composed(struct request *request, struct arena *arena,
                                         const struct composed_delivery *composed, int64_t now) {
    request_init(request, arena, composed->body);
    request->delivery.received_at = now;
    for (size_t i = 0; i < composed->header_count; i++)
        request_add_header(request, slice_cstr(composed->headers[i].name), composed->headers[i].value);
}

/* An endpoint with room for its lists. */
struct test_endpoint {
    struct provider_endpoint endpoint;
    struct provider_secret *secrets[ENDPOINT_LIST_MAX];
    struct slice topics[ENDPOINT_LIST_MAX];
};

static inline void endpoint_init(struct test_endpoint *endpoint, const struct provider *provider) {
    *endpoint = (struct test_endpoint){.endpoint = {.provider = provider, .require_signature = true}};
    endpoint->endpoint.secrets = endpoint->secrets;
    endpoint->endpoint.topic_arns = endpoint->topics;
}

static inline void endpoint_add_secret(struct test_endpoint *endpoint, struct slice text) {
    struct err err = {0};
    assert_true(endpoint->endpoint.secret_count < ENDPOINT_LIST_MAX);
    struct provider_secret **secret = &endpoint->secrets[endpoint->endpoint.secret_count];
    if (endpoint->endpoint.provider->secret_parse(text, secret, &err) < 0) fail_msg("secret: %s", err.text);
    endpoint->endpoint.secret_count++;
}

static inline void endpoint_add_topic(struct test_endpoint *endpoint, struct slice arn) {
    assert_true(endpoint->endpoint.topic_arn_count < ENDPOINT_LIST_MAX);
    endpoint->topics[endpoint->endpoint.topic_arn_count++] = arn;
}

static inline void endpoint_release(struct test_endpoint *endpoint) {
    for (size_t i = 0; i < endpoint->endpoint.secret_count; i++)
        endpoint->endpoint.provider->secret_free(endpoint->secrets[i]);
}

/* No certificate is to be had. */
static inline int no_certificate(void *context, struct slice url, struct arena *arena, struct slice *ret_pem,
                                 struct err *err) {
    if (context) ++*(int *)context; /* how often it was asked */
    return err_set(err, ERR_UNAVAILABLE, "no certificate in this test");
}

static inline int request_verify(const struct request *request, const struct test_endpoint *endpoint,
                                 const struct provider_environment *environment, struct arena *arena, struct err *err) {
    if (!endpoint->endpoint.provider->verify) return 0; /* nothing is signed */
    struct json_reader *json = json_reader_new();
    const struct provider_environment nothing = {.find_certificate = no_certificate,
                                                 .now = request->delivery.received_at};
    int result = endpoint->endpoint.provider->verify(&endpoint->endpoint, environment ? environment : &nothing,
                                                     &request->delivery, json, arena, err);
    json_reader_free(json);
    return result;
}

static inline int request_parse(const struct request *request, const struct test_endpoint *endpoint,
                                struct arena *arena, struct parsed_delivery *ret, struct err *err) {
    struct json_reader *json = json_reader_new();
    int result = endpoint->endpoint.provider->parse(&endpoint->endpoint, &request->delivery, json, arena, ret, err);
    json_reader_free(json);
    return result;
}

static inline int request_parse_inbound(const struct request *request, const struct test_endpoint *endpoint,
                                        struct arena *arena, struct parsed_inbound *ret, struct err *err) {
    struct json_reader *json = json_reader_new();
    int result =
        endpoint->endpoint.provider->parse_inbound(&endpoint->endpoint, &request->delivery, json, arena, ret, err);
    json_reader_free(json);
    return result;
}

/* Parses a body without headers, as an endpoint of `provider` that asks for no signature. */
static inline int body_parse(const struct provider *provider, struct slice body, struct arena *arena,
                             struct parsed_delivery *ret, struct err *err) {
    struct request request;
    struct test_endpoint endpoint;
    endpoint_init(&endpoint, provider);
    endpoint.endpoint.require_signature = false;
    request_init(&request, arena, body);
    return request_parse(&request, &endpoint, arena, ret, err);
}

#define assert_text(actual, expected)                                                                                  \
    do {                                                                                                               \
        struct slice actual_ = (actual), expected_ = slice_cstr(expected);                                             \
        if (!slice_equal(actual_, expected_))                                                                          \
            fail_msg("\"%.*s\" is not \"%.*s\"", SLICE_FMT(actual_), SLICE_FMT(expected_));                            \
    } while (0)

#endif
