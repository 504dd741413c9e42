/* user_access: what an admin decides about the access of others: the jobs that a hiring manager sees, and ending
 * sessions. */
#include "api/audit.h"
#include "api/resources.h"
#include "store/engagement.h"
#include "store/references.h"
#include "store/sessions.h"

#include "base/banned.h"

#define JOB_ID_MAX 255

struct change {
    struct api_call *call;
    int64_t id;
    struct slice *jobs; /* the applicant tracking system's ids */
    size_t job_count;
};

static int read_user(struct api_call *call, int64_t *ret_id, struct err *err) {
    struct user user;
    int r = api_id_param(call, "id", ret_id, err);
    return r < 0 ? r : user_load(call->db, call->organization_id, *ret_id, call->arena, &user, err);
}

/* ---- jobs ---- */

int user_jobs_list(struct api_call *call, struct err *err) {
    int64_t id;
    struct user_job *jobs;
    size_t count;
    int r = api_known_parameters(call, (const char *const[]){NULL}, err);
    if (r == 0) r = read_user(call, &id, err);
    if (r == 0) r = user_jobs_load(call->db, call->organization_id, id, call->arena, &jobs, &count, err);
    if (r != 0) return r;
    struct api_table *table = api_table_begin(call, "user-jobs");
    for (size_t i = 0; i < count; i++) {
        api_table_row(table);
        api_table_text(table, "id", jobs[i].external_id);
        api_table_text(table, "title", jobs[i].title);
    }
    api_table_end(call, NULL);
    return 0;
}

static int read_jobs(struct change *change, struct json_value body, struct err *err) {
    static const char *const members[] = {"jobs", NULL};
    struct json_value list = json_get(body, SLICE("jobs")), element;
    int r = api_known_members(body, members, err);
    if (r != 0) return r;
    if (list.type != JSON_KIND_ARRAY || json_count(list) > USER_JOBS_MAX)
        return err_set(err, ERR_INVALID, "jobs must be an array of at most %d job ids", USER_JOBS_MAX);
    change->jobs = arena_alloc_array(change->call->arena, json_count(list), sizeof(*change->jobs));
    struct json_iterator elements = json_elements(list);
    while (json_next(&elements, &element)) {
        struct slice id;
        if (!json_text(element, &id) || slice_empty(slice_trim(id)) || slice_trim(id).len > JOB_ID_MAX)
            return err_set(err, ERR_INVALID, "a job id is a string of 1 to %d bytes", JOB_ID_MAX);
        change->jobs[change->job_count++] = arena_copy(change->call->arena, slice_trim(id));
    }
    return 0;
}

/* A job may be given before its first email: then it is made known here. */
static int run_jobs(void *context, struct applier *applier, struct db *db, struct err *err) {
    const struct change *change = context;
    struct api_call *call = change->call;
    int64_t *ids = arena_alloc_array(call->arena, change->job_count, sizeof(*ids));
    int r = engagement_registration_lock(db, call->organization_id, REGISTRATION_EMAILS, err);
    for (size_t i = 0; i < change->job_count && r == 0; i++)
        r = reference_upsert(db, REFERENCE_JOBS, call->organization_id, change->jobs[i], SLICE_NONE, call->now, &ids[i],
                             err);
    api_audit_set(call, "jobs");
    return r < 0 ? r : user_jobs_set(db, call->organization_id, change->id, ids, change->job_count, err);
}

int user_jobs_replace(struct api_call *call, struct err *err) {
    struct change change = {.call = call};
    struct json_value body;
    int r = read_user(call, &change.id, err);
    if (r == 0) r = api_body(call, &body, err);
    if (r == 0) r = read_jobs(&change, body, err);
    if (r == 0) r = api_write(call, run_jobs, &change, err);
    if (r == 0) hub_end_user(call->app->hub, call->organization_id, change.id);
    if (r == 0) notifier_look_again(call->app->notifier);
    return r < 0 ? r : user_jobs_list(call, err);
}

/* ---- sessions ---- */

static int run_end_sessions(void *context, struct applier *applier, struct db *db, struct err *err) {
    const struct change *change = context;
    return sessions_end(db, change->call->organization_id, change->id, 0, err);
}

int user_sessions_end(struct api_call *call, struct err *err) {
    struct change change = {.call = call};
    int r = read_user(call, &change.id, err);
    if (r == 0) r = api_write(call, run_end_sessions, &change, err);
    if (r == 0) hub_end_user(call->app->hub, call->organization_id, change.id);
    if (r == 0) api_answer_empty(call, 204);
    return r;
}
