/* activity: what happened last to any email, for the page that goes on with the stream (UC-558 AF-3; ui.md section 8).
 */
#ifndef INKLING_STORE_ACTIVITY_H
#define INKLING_STORE_ACTIVITY_H

#include "base/arena.h"
#include "base/err.h"
#include "model/event.h"

struct db;

struct activity {
    enum event_type event_type;
    int64_t occurred_at;                           /* ms UTC */
    int64_t email_log_id, sender_id, candidate_id; /* the last two 0: not known */
    struct slice candidate_external_id, candidate_name, subject, job_external_id, job_title, url; /* NULL ptr: none */
};

/* Of the events by humans that occurred after `since` and not after `until`, the latest first: those that notifications
 * may be of, without opens and clicks that may no longer be recorded of their email's candidate. Looks at the
 * ACTIVITY_SCAN latest events of any kind at most, whatever is found among them. `jobs_of` as in store/visible.h.
 * At most `limit`; strings in `arena`. */
#define ACTIVITY_SCAN 10000
MUST_USE int activity_latest(struct db *db, int64_t organization_id, int64_t jobs_of, int64_t since, int64_t until,
                             size_t limit, struct arena *arena, struct activity **ret, size_t *ret_count,
                             struct err *err);

#endif
