/* endpoint_health: how the endpoints do, as the API tells it. */
#ifndef INKLING_API_ENDPOINT_HEALTH_H
#define INKLING_API_ENDPOINT_HEALTH_H

#include "api/api.h"
#include "ingest/health.h"
#include "store/endpoints.h"

/* What is known of the endpoints of an organization, in the call's arena. */
struct endpoint_healths {
    struct endpoint_sums *sums; /* by endpoint_id */
    size_t count;
    int64_t emails, silent, own_opens; /* see emails_without_event */
};

/* endpoint_id 0: of all. */
MUST_USE int endpoint_healths_load(struct api_call *call, int64_t endpoint_id, struct endpoint_healths *ret,
                                   struct err *err);
struct health_finding endpoint_health_find(const struct endpoint_healths *healths, const struct endpoint_row *row,
                                           int64_t now, struct endpoint_sums *ret_sums);

/* The members "health" and "health_reason". */
void endpoint_health_write(struct api_table *table, const struct endpoint_healths *healths,
                           const struct endpoint_row *row, int64_t now);
/* The member "measurable" of a report: whether an endpoint that should bring events is quiet or failing now, so that
 * opens may be missing. To be loaded before the answer is begun. */
struct measurable {
    struct endpoint_row *rows;
    size_t count;
    struct endpoint_healths healths;
};
MUST_USE int measurable_load(struct api_call *call, struct measurable *ret, struct err *err);
void measurable_write(struct api_table *object, const struct measurable *measurable, int64_t now);

/* Lines of /metrics by endpoint and provider. */
void endpoint_metrics_write(struct app *app, struct strbuf *out);

#endif
