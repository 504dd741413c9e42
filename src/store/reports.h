/* reports: the figures of the emails sent in a period, summed from the totals of cohorts and their changes not yet
 * folded in; never from events. What a rate is, is decided in one place above (api/metrics_fields.h); here are sums.
 *
 * Every verb is several queries: call it inside one read transaction (DB_READ), so that a fold between them is not
 * seen. An email belongs to the local day on which it was sent, for ever (semantics.md "Rates"). */
#ifndef INKLING_STORE_REPORTS_H
#define INKLING_STORE_REPORTS_H

#include "base/err.h"
#include "base/slice.h"
#include "model/counters.h"

struct arena;
struct db;

/* Ids in a filter: our own, or one of these. */
#define REPORT_ANY     0    /* no condition */
#define REPORT_UNKNOWN (-1) /* the applicant tracking system's id is not known: nothing matches */

/* Which days a period is about (docs/decisions/0020-activity.md). */
enum report_basis {
    REPORT_COHORT,   /* emails sent in it, and whatever came of them */
    REPORT_ACTIVITY, /* what happened in it, whenever the email was sent: figures of different emails, so no rates */
};
struct report_filter {
    int64_t organization_id;
    int32_t from_day, to_day; /* both included */
    enum report_basis basis;
    int64_t job_id, template_id, campaign_id, sender_id;
    int64_t jobs_of; /* only emails about jobs of this user; 0: all */
};

/* The id behind the applicant tracking system's own id; REPORT_UNKNOWN when there is none. A sender is also found by
 * address. */
enum report_reference { REPORT_JOB, REPORT_TEMPLATE, REPORT_CAMPAIGN, REPORT_SENDER, REPORT_CANDIDATE };
MUST_USE int reports_find(struct db *db, int64_t organization_id, enum report_reference reference,
                          struct slice external_id, int64_t *ret_id, struct err *err);

#define MEDIAN_NONE     (-1.0) /* nothing was opened */
#define MEDIAN_LEFT_OUT (-2.0) /* not asked for: it costs more than all the sums */

struct figures {
    struct contribution sums;
    double median_open_delay_s;                /* or one of the above; by activity MEDIAN_NONE: there is no histogram */
    int64_t anonymous_opens, anonymous_clicks; /* events counted under TRACKING_AGGREGATE; in no rate */
    enum report_basis basis; /* REPORT_ACTIVITY: sums that are no parts of each other; nothing anonymous */
};

MUST_USE int reports_totals(struct db *db, const struct report_filter *filter, struct figures *ret, struct err *err);

/* The period in steps, without gaps. Weeks begin on Monday (ISO 8601); the first and last step hold only the days that
 * lie in the period. */
enum report_step { REPORT_BY_DAY, REPORT_BY_WEEK, REPORT_BY_MONTH };
struct report_point {
    int32_t from_day, to_day;
    struct figures figures;
};
struct report_series {
    struct report_point *points; /* in the arena */
    size_t count;
    struct figures total; /* what reports_totals gives for the same filter, from the same rows */
};
MUST_USE int reports_series(struct db *db, const struct report_filter *filter, enum report_step step,
                            struct arena *arena, struct report_series *ret, struct err *err);

/* One row a job, template or campaign that had emails sent in the period, the most sent first (by activity: of which
 * anything happened, the most first). Emails without one are the row with id 0, so that the rows sum up to the total.
 * Without medians and anonymous counts. */
enum report_dimension { REPORT_BY_JOB, REPORT_BY_TEMPLATE, REPORT_BY_CAMPAIGN };
struct report_row {
    int64_t id;
    struct slice external_id, name; /* ptr NULL: none */
    struct figures figures;
    int64_t rank; /* by which reports_groups sorts */
};
/* Where a page begins: behind the row with this rank (of links: emails) and id. */
struct report_page {
    size_t limit;
    bool has_after;
    int64_t after_count, after_id;
};
MUST_USE int reports_groups(struct db *db, const struct report_filter *filter, enum report_dimension dimension,
                            const struct report_page *page, struct arena *arena, struct report_row **ret,
                            size_t *ret_count, struct err *err);

/* The specification's "Top Performing Emails": templates by a rate, the best first; ties go to the one with more emails
 * in the base. Templates with fewer than `base_min` emails in the base of the rate are left out: 1 of 1 is no 100 %. By
 * activity, where there are no rates: by the number of emails that were first opened, clicked or answered then. */
enum report_rank { REPORT_RANK_OPENED = 1, REPORT_RANK_CLICKED = 2, REPORT_RANK_REPLIED = 3 };
#define REPORT_TOP_BASE_MIN 20
MUST_USE int reports_top(struct db *db, const struct report_filter *filter, enum report_rank rank, int64_t base_min,
                         size_t limit, struct arena *arena, struct report_row **ret, size_t *ret_count,
                         struct err *err);

/* Links with clicks on emails sent in the period, those clicked in the most emails first (AF-4). By cohort only:
 * ERR_INVALID. */
struct report_link {
    int64_t id;
    struct slice url;  /* ptr NULL: clicks of which the provider told no url */
    int32_t position;  /* LINK_POSITION_NONE: not told */
    struct slice text; /* what readers see, as it was last; ptr NULL: not known */
    int64_t emails;    /* with a human click on it */
    int64_t clicks, machine_clicks;
};
MUST_USE int reports_links(struct db *db, const struct report_filter *filter, const struct report_page *page,
                           struct arena *arena, struct report_link **ret, size_t *ret_count, struct err *err);

/* How many emails were first opened after how long, and the median of it. */
#define DELAY_BUCKETS 1888 /* every value of open_delay_bucket is below */
struct delay_histogram {
    int64_t emails[DELAY_BUCKETS];
};
void delay_histogram_add(struct delay_histogram *histogram, int64_t bucket, int64_t emails);
double delay_histogram_median(const struct delay_histogram *histogram); /* seconds, or MEDIAN_NONE */

#endif
