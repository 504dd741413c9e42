/* engagement_fields: the reports of engagement, each as the fields of its answer, so that the dashboard has exactly
 * what the single routes have. Every one reads the figures and then writes; in a read transaction, and nothing is
 * written when it fails. */
#ifndef INKLING_API_ENGAGEMENT_FIELDS_H
#define INKLING_API_ENGAGEMENT_FIELDS_H

#include "api/api.h"
#include "store/reports.h"

/* Into an object; in CSV two rows. `known`: the figures of the period where they were read already; else NULL. */
MUST_USE int engagement_write_summary(struct api_call *call, const struct report_filter *filter,
                                      const struct figures *known, struct api_table *table, struct err *err);

/* The others write rows and what stands beside them; the caller ends the table, with *ret_next where there is one. */
void engagement_write_series(struct api_call *call, const struct report_filter *filter,
                             const struct report_series *series, struct api_table *table);
/* *ret_next: the cursor of the following page, NULL on the last. page->limit is one more than are shown. */
MUST_USE int engagement_write_groups(struct api_call *call, const struct report_filter *filter,
                                     enum report_dimension dimension, const struct report_page *page,
                                     struct api_table *table, const char **ret_next, struct err *err);
struct top_request {
    enum report_rank rank;
    int64_t base_min, limit;
};
#define TOP_DEFAULT 5
MUST_USE int engagement_write_top(struct api_call *call, const struct report_filter *filter,
                                  const struct top_request *top, struct api_table *table, struct err *err);

/* The campaigns of the period that want to be looked at (attention.h), always of the emails sent in it; a few. */
MUST_USE int engagement_write_attention(struct api_call *call, const struct report_filter *filter,
                                        struct api_table *table, struct err *err);

/* "day", "week" or "month". ERR_INVALID. */
MUST_USE int engagement_step_parse(struct slice name, enum report_step *ret, struct err *err);
const char *engagement_step_name(enum report_step step);

/* Beside the rows: the period that they are of, and the time zone of its days. */
void engagement_write_period(struct api_call *call, const struct report_filter *filter, struct api_table *table);

#endif
