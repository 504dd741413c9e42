/* service_checks: one input as everything that a service may take it for: events, received mail, a signed delivery. */
#ifndef INKLING_TESTS_FUZZ_SERVICE_CHECKS_H
#define INKLING_TESTS_FUZZ_SERVICE_CHECKS_H

#include "tests/fuzz/provider_checks.h"

/* One secret for the endpoint, parsed anew each time: that is a parser too. */
struct service_input {
    const struct provider *provider;
    const char *secret; /* NULL: the service signs nothing */
    struct slice (*header)(const struct delivery *delivery, struct slice name);
    const char *topic; /* NULL: none */
};

static inline int service_no_certificate(void *context, struct slice url, struct arena *arena, struct slice *ret_pem,
                                         struct err *err) {
    return err_set(err, ERR_UNAVAILABLE, "none");
}

static inline void check_verify(const struct provider_endpoint *endpoint, const struct delivery *delivery,
                                struct arena *arena) {
    const struct provider_environment environment = {.find_certificate = service_no_certificate, .now = 1795507200000};
    struct json_reader *json = json_reader_new();
    struct err err = {0};
    int result = endpoint->provider->verify(endpoint, &environment, delivery, json, arena, &err);
    check(result == 0 || result == -ERR_SIGNATURE || result == -ERR_UNAVAILABLE);
    check(result == 0 || (err.text[0] && slice_is_utf8(slice_cstr(err.text))));
    json_reader_free(json);
}

static inline void check_service(const struct service_input *input, struct slice body) {
    struct arena *arena = arena_new();
    struct provider_secret *secret = NULL;
    struct slice topic = slice_cstr(input->topic);
    struct provider_endpoint endpoint = {
        .provider = input->provider,
        .secrets = &secret,
        .topic_arns = &topic,
        .topic_arn_count = input->topic ? 1 : 0,
        .require_signature = true,
        .sns_allow_version_1 = true,
        .url = SLICE("https://hooks.example.com/webhooks/email/x"),
        .inbound_url = SLICE("https://hooks.example.com/webhooks/inbound/x"),
    };
    struct delivery delivery = {.header = input->header};
    if (input->secret && input->provider->secret_parse(slice_cstr(input->secret), &secret, NULL) == 0)
        endpoint.secret_count = 1;
    check_parse(&endpoint, &delivery, body, arena);
    if (input->provider->verify) check_verify(&endpoint, &delivery, arena);
    if (input->provider->parse_inbound) check_parse_inbound(&endpoint, &delivery, body, arena);
    if (input->provider->secret_free) input->provider->secret_free(secret);
    arena_free(arena);
}

#endif
