/* emails: what was sent, with its figures, for people to look at. */
#ifndef INKLING_STORE_EMAILS_H
#define INKLING_STORE_EMAILS_H

#include "base/err.h"
#include "base/slice.h"
#include "store/reports.h"

/* A thing of the applicant tracking system as it is shown. ptr NULL: none. */
struct named {
    struct slice external_id, name;
};

struct email_view {
    struct email_stats stats;                                            /* email_log_id is the email's id */
    struct slice message_id, rfc_message_id, subject, recipient_address; /* ptr NULL: not known */
    int32_t day;                                                         /* local day sent, as it is counted */
    struct {
        int64_t id;
        struct slice external_id, name, email, title;
    } candidate;
    struct {
        struct slice external_id, name, email;
    } sender;
    struct named job, template_, campaign, sequence;
    int64_t sequence_step; /* -1: none */
};

/* What happened to an email, for choosing. Machine opens and clicks do not count. */
enum email_status {
    EMAIL_ANY,
    EMAIL_DELIVERED,
    EMAIL_OPENED,
    EMAIL_CLICKED,
    EMAIL_REPLIED,
    EMAIL_BOUNCED,
    EMAIL_DROPPED,
    EMAIL_UNSUBSCRIBED,
    EMAIL_COMPLAINED,
};
const char *email_status_name(enum email_status status); /* "any", "opened" … */
bool email_status_parse(struct slice name, enum email_status *ret);

/* `cohort` as for reports, so that a list shows the very emails that a figure counts. All days: from first to last. By
 * activity: what `status` says happened in these days, in the organization's time zone of today; of EMAIL_ANY, which
 * nothing has to happen for, those sent in them. */
#define EMAILS_FIRST_DAY 0     /* 1970-01-01 */
#define EMAILS_LAST_DAY  84370 /* 2200-12-31 */
struct email_filter {
    struct report_filter cohort;
    struct slice time_zone; /* by activity only */
    int64_t candidate_id;   /* REPORT_ANY, REPORT_UNKNOWN or an id */
    enum email_status status;
};

/* Where a page begins: behind the email sent then with that id. */
struct email_page {
    size_t limit;
    bool has_after;
    int64_t after_sent_at, after_id;
};

/* The newest first. Strings in `arena`. */
MUST_USE int emails_list(struct db *db, const struct email_filter *filter, const struct email_page *page,
                         struct arena *arena, struct email_view **ret, size_t *ret_count, struct err *err);
/* ERR_NOT_FOUND when the organization has no such email, or it is about none of the jobs of the user `jobs_of` (0: all
 * may be seen). */
MUST_USE int emails_get(struct db *db, int64_t organization_id, int64_t jobs_of, int64_t email_log_id,
                        struct arena *arena, struct email_view *ret, struct err *err);

/* The links of an email on which a click was recorded, by position; at most `limit`. */
struct email_link {
    struct link_stats stats;
    struct slice url;
    int32_t position;
    struct slice text; /* what readers see; ptr NULL: not one of our own links, or none */
};
MUST_USE int emails_links(struct db *db, int64_t organization_id, int64_t email_log_id, size_t limit,
                          struct arena *arena, struct email_link **ret, size_t *ret_count, struct err *err);

/* Which provider the endpoints of an organization are of, to say who told of an event. */
struct event_providers;
MUST_USE int event_providers_load(struct db *db, int64_t organization_id, struct arena *arena,
                                  struct event_providers **ret, struct err *err);
/* "inkling" for endpoint 0: what came by no webhook, as hits of our own tracking. ptr NULL: an endpoint that is gone.
 */
struct slice event_provider(const struct event_providers *providers, int64_t endpoint_id);

#endif
