/* endpoint_test: `inkling endpoint test`: deliveries as the provider would send them, over HTTP, to a running service.
 */
#ifndef INKLING_CMD_ENDPOINT_TEST_H
#define INKLING_CMD_ENDPOINT_TEST_H

#include "cmd/session.h"

/* Texts of the command line; NULL: not given. */
struct endpoint_test_options {
    const char *url;      /* where the service is reached, without /webhooks/… */
    const char *email;    /* the id of an email that the sample is about; NULL: one that nobody knows */
    const char *key_file; /* what the provider signs with, where the endpoint's secret is not that */
};

/* Sends what the provider reports of `delivered` and `open`, and prints what became of it. ERR_INVALID when it cannot
 * be signed, with what is needed; ERR_CONFLICT when the service did not answer 200. */
MUST_USE int endpoint_test(struct session *session, int64_t organization_id, int64_t endpoint_id,
                           const struct endpoint_test_options *options, struct err *err);

#endif
