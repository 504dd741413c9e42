/* activity: what happened last, in the shape in which the stream goes on (stream.c). */
#include "store/activity.h"

#include "api/resources.h"
#include "api/views.h"
#include "base/clock.h"

#include "base/banned.h"

#define LIMIT_DEFAULT 50
#define LIMIT_MAX     200
#define AGE_MAX_MS    (7 * DAY_MS)
#define AHEAD_MAX_MS  HOUR_MS /* clocks of providers; what claims to be later than that is a wrong one */

int activity_list(struct api_call *call, struct err *err) {
    static const char *const parameters[] = {"limit", NULL};
    struct activity *activities;
    int64_t limit;
    size_t count;
    int r = api_known_parameters(call, parameters, err);
    if (r == 0) r = api_limit(call, LIMIT_DEFAULT, LIMIT_MAX, &limit, err);
    if (r == 0)
        r = activity_latest(call->db, call->organization_id, call->jobs_of, call->now - AGE_MAX_MS,
                            call->now + AHEAD_MAX_MS, (size_t)limit, call->arena, &activities, &count, err);
    if (r != 0) return r;
    struct api_table *table = api_table_begin(call, "activity");
    for (size_t i = 0; i < count; i++) {
        const struct activity *activity = &activities[i];
        api_table_row(table);
        api_table_text(table, "event_type", slice_cstr(event_type_name(activity->event_type)));
        api_table_time(table, "occurred_at", activity->occurred_at);
        view_named_candidate(table, activity->candidate_id, activity->candidate_external_id, activity->candidate_name);
        api_table_object(table, "email");
        api_table_int(table, "id", activity->email_log_id);
        api_table_text(table, "subject", activity->subject);
        api_table_close(table);
        view_thing(table, "job", activity->job_external_id, "title", activity->job_title);
        api_table_text(table, "url", activity->url);
        api_table_int_or_null(table, "sender_id", activity->sender_id, 0);
    }
    api_table_end(call, NULL);
    return 0;
}
