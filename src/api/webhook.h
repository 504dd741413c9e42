/* webhook: records of refused deliveries. Internal to api/. */
#ifndef INKLING_API_WEBHOOK_H
#define INKLING_API_WEBHOOK_H

#include "api/app.h"

struct refusal {
    struct app *app;
    int64_t organization_id, endpoint_id;
    enum receive_stage stage;
    struct err err;
    int64_t now;
    bool inbound; /* received mail */
};

/* Sets the answer (200: only when what is refused has been stored), stores the security event and the delivery, and
 * finishes the request when they are stored. Defers the request: the caller returns without touching it again. */
void webhook_refuse(struct http_request *request, const struct refusal *refusal, int status);
/* Keeps a record of a delivery whose body was refused unread (http_route.too_large). */
void webhook_too_large(const struct http_request *request);
void webhook_inbound_too_large(const struct http_request *request);
/* The request's time into the metrics. */
void webhook_answered(struct app *app, struct http_request *request);

#endif
