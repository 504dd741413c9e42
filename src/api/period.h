/* period: which emails a request is about: days sent and what they belong to. */
#ifndef INKLING_API_PERIOD_H
#define INKLING_API_PERIOD_H

#include "api/api.h"
#include "store/reports.h"

#define PERIOD_DAYS_DEFAULT 30
#define PERIOD_YEARS_MAX    10

/* The query parameters that period_filter reads, for api_known_parameters. */
#define PERIOD_PARAMETERS "from", "to", "job", "template", "campaign", "sender"

struct period {
    int32_t from_day, to_day; /* both included */
};

/* A day as "2026-01-31", or a moment (RFC 3339) that stands for its day in the time zone. ERR_INVALID names
 * `parameter`. */
MUST_USE int period_day(struct slice text, const char *parameter, struct slice time_zone, int32_t *ret_day,
                        struct err *err);
/* Both may be empty: the 30 days that end today, or at `to`; from `from` to today. ERR_INVALID with a sentence that
 * helps: unreadable, ends before it begins, longer than PERIOD_YEARS_MAX years. */
MUST_USE int period_parse(struct slice from, struct slice to, struct slice time_zone, int64_t now, struct period *ret,
                          struct err *err);
/* A range by its name, ending today: "7d", "30d", "90d" or "365d". */
MUST_USE int period_range(struct slice name, struct slice time_zone, int64_t now, struct period *ret, struct err *err);
/* The period of the same length just before. */
struct period period_before(struct period period);

/* The request's filter. Where the route knows the parameter "range" (period_range), it stands for from and to. job,
 * template, campaign and sender are the applicant tracking system's own ids (a sender's address does too); one that is
 * not known matches nothing, which is no error. */
MUST_USE int period_filter(struct api_call *call, struct report_filter *ret, struct err *err);
/* The same where no period means all emails. */
MUST_USE int period_filter_open(struct api_call *call, struct report_filter *ret, struct err *err);

/* The id behind a query parameter; REPORT_ANY without it. ERR_INVALID when it is empty. */
MUST_USE int period_reference(struct api_call *call, const char *parameter, enum report_reference reference,
                              int64_t *ret_id, struct err *err);

/* The fields "from" and "to"; the second "time_zone" as well. */
void period_write(struct api_table *table, struct period period);
void period_write_zone(struct api_table *table, const struct api_call *call, struct period period);

#endif
