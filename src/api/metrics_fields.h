/* metrics_fields: the one place that turns sums into rates (semantics.md "Rates"). Every screen, export and answer gets
 * its figures from here, so that the same question has the same answer everywhere. Pure. */
#ifndef INKLING_API_METRICS_FIELDS_H
#define INKLING_API_METRICS_FIELDS_H

#include "api/table.h"
#include "store/reports.h"

enum metric_kind {
    METRIC_EMAILS,  /* a number of emails */
    METRIC_EVENTS,  /* a number of opens or clicks */
    METRIC_PERCENT, /* in hundredths of a percent, half away from zero */
    METRIC_SECONDS, /* in tenths of a second, half away from zero */
};
struct metric_field {
    const char *name;
    enum metric_kind kind;
    bool known; /* false: there is nothing to measure, shown as null and never as 0 */
    int64_t value;
};

#define METRIC_FIELDS_MAX 32
/* The median is left out when the figures are without. */
size_t metrics_compute(const struct figures *figures, struct metric_field out[METRIC_FIELDS_MAX]);

/* All fields, into the row or object at hand. */
void metrics_write_fields(struct api_table *table, const struct figures *figures);
/* Some of them: names ended by NULL, in the order of metrics_compute. */
void metrics_write_some(struct api_table *table, const struct figures *figures, const char *const *names);
/* now - before: percentage points, seconds, or a number; null where either is unknown. */
void metrics_write_change(struct api_table *table, const struct figures *now, const struct figures *before);

#endif
