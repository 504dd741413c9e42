/* orphans: events that found no email (EF-2): the list, and what an administrator does about them by hand. */
#include "api/audit.h"
#include "api/resources.h"
#include "api/views.h"
#include "ingest/registration.h"
#include "store/engagement.h"
#include "store/orphan_events.h"

#include "base/banned.h"

/* ---- the list ---- */

static struct slice text_or_null(struct slice text) {
    return slice_empty(text) ? SLICE_NONE : text;
}

static void write_orphan(struct api_table *row, const struct orphan_event *event) {
    api_table_int(row, "id", event->id);
    api_table_int_or_null(row, "endpoint_id", event->endpoint_id, 0);
    api_table_text(row, "event_type", slice_cstr(event_type_name(event->type)));
    api_table_time(row, "occurred_at", event->occurred_at);
    api_table_time(row, "received_at", event->received_at);
    api_table_array(row, "message_ids");
    for (int i = 0; i < EVENT_KEYS_MAX; i++)
        if (!slice_empty(event->message_ids[i])) api_table_text(row, NULL, event->message_ids[i]);
    api_table_close(row);
    api_table_text(row, "recipient", text_or_null(event->recipient));
    api_table_text(row, "url", text_or_null(event->url));
    api_table_int_or_null(row, "link_position", event->link_position, LINK_POSITION_NONE);
    api_table_text(row, "provider_event_id", text_or_null(event->provider_event_id));
}

int orphan_events_list(struct api_call *call, struct err *err) {
    static const char *const parameters[] = {"limit", "cursor", NULL};
    static const char *const list = "orphan-events";
    int64_t limit, before[2] = {INT64_MAX, INT64_MAX};
    struct orphan_event *events;
    size_t count;
    bool present;
    int r = api_known_parameters(call, parameters, err);
    if (r == 0) r = api_limit(call, 100, 1000, &limit, err);
    if (r == 0) r = api_cursor_read(call, list, before, 2, &present, err);
    if (r == 0)
        r = orphan_events_load(call->db, call->organization_id, before[0], before[1], (size_t)limit + 1, call->arena,
                               &events, &count, err);
    if (r != 0) return r;
    bool more = count > (size_t)limit;
    struct api_table *table = api_table_begin(call, list);
    for (size_t i = 0; i < count - more; i++) {
        api_table_row(table);
        write_orphan(table, &events[i]);
    }
    const struct orphan_event *last = more ? &events[count - 2] : NULL;
    api_table_end(call, last ? api_cursor_make(call, list, (int64_t[]){last->received_at, last->id}, 2) : NULL);
    return 0;
}

/* ---- which email might it be? ---- */

#define EMAILS_MAX 20
#define SEARCH_MAX 200

/* Without `search`: those to the orphan's recipient. */
static int find_emails(struct api_call *call, int64_t id, int64_t *ret_ids, size_t *ret_count, struct err *err) {
    struct slice search = slice_trim(http_query(call->request, SLICE("search")));
    struct orphan_row orphan;
    *ret_count = 0;
    if (search.len > SEARCH_MAX) return err_set(err, ERR_INVALID, "search has at most %d bytes", SEARCH_MAX);
    int r = engagement_get_orphan(call->db, call->organization_id, id, call->arena, &orphan, err);
    bool exact = slice_empty(search);
    if (exact) search = orphan.event.recipient;
    if (r != 0 || slice_empty(search)) return r;
    return orphan_events_emails(call->db, call->organization_id, orphan.event.occurred_at, search, exact, EMAILS_MAX,
                                ret_ids, ret_count, err);
}

int orphan_events_emails_list(struct api_call *call, struct err *err) {
    static const char *const parameters[] = {"search", NULL};
    int64_t id, ids[EMAILS_MAX];
    size_t count = 0;
    int r = api_known_parameters(call, parameters, err);
    if (r == 0) r = api_id_param(call, "id", &id, err);
    if (r == 0) r = find_emails(call, id, ids, &count, err);
    if (r != 0) return r;
    struct api_table *table = api_table_begin(call, "orphan-event-emails");
    for (size_t i = 0; i < count; i++) {
        struct email_view email;
        r = emails_get(call->db, call->organization_id, call->jobs_of, ids[i], call->arena, &email, err);
        if (r == -ERR_NOT_FOUND) continue; /* gone meanwhile */
        if (r != 0) return r;
        api_table_row(table);
        view_email(table, &email);
    }
    api_table_end(call, NULL);
    return 0;
}

/* ---- by hand ---- */

struct changing {
    struct api_call *call;
    int64_t id, email_id;
    size_t adopted; /* out */
};

static void answer_adopted(const struct changing *changing) {
    struct api_table *object = api_object_begin(changing->call);
    api_table_int(object, "id", changing->id);
    api_table_int(object, "adopted", (int64_t)changing->adopted);
    api_object_end(changing->call, 200);
}

static int run_match(void *context, struct applier *applier, struct db *db, struct err *err) {
    struct changing *changing = context;
    struct api_call *call = changing->call;
    int r = match_orphan(applier, db, call->organization_id, changing->id, changing->email_id, call->now,
                         &changing->adopted, err);
    struct api_table *after = api_audit_after(call);
    api_table_int(after, "email_id", changing->email_id);
    api_table_int(after, "adopted", (int64_t)changing->adopted);
    return r;
}

/* {"email_id": 17} */
int orphan_events_match(struct api_call *call, struct err *err) {
    static const char *const members[] = {"email_id", NULL};
    struct changing changing = {.call = call};
    struct json_value body;
    int r = api_id_param(call, "id", &changing.id, err);
    if (r == 0) r = api_body(call, &body, err);
    if (r == 0) r = api_known_members(body, members, err);
    if (r != 0) return r;
    if (!json_i64_lenient(json_get(body, SLICE("email_id")), &changing.email_id) || changing.email_id <= 0)
        return err_set(err, ERR_INVALID, "email_id must be the id of an email");
    r = api_write(call, run_match, &changing, err);
    if (r == 0) answer_adopted(&changing);
    return r;
}

static int run_retry(void *context, struct applier *applier, struct db *db, struct err *err) {
    struct changing *changing = context;
    struct api_call *call = changing->call;
    int r = retry_orphan(applier, db, call->organization_id, changing->id, &changing->adopted, err);
    api_table_int(api_audit_after(call), "adopted", (int64_t)changing->adopted);
    return r;
}

int orphan_events_retry(struct api_call *call, struct err *err) {
    struct changing changing = {.call = call};
    int r = api_id_param(call, "id", &changing.id, err);
    if (r == 0) r = api_write(call, run_retry, &changing, err);
    if (r == 0) answer_adopted(&changing);
    return r;
}

static int run_discard(void *context, struct applier *applier, struct db *db, struct err *err) {
    const struct changing *changing = context;
    struct api_call *call = changing->call;
    struct orphan_row orphan;
    (void)applier;
    int r = engagement_get_orphan(db, call->organization_id, changing->id, call->arena, &orphan, err);
    if (r != 0) return r;
    api_table_text(api_audit_after(call), "event_type", slice_cstr(event_type_name(orphan.event.type)));
    return engagement_delete_orphans(db, call->organization_id, &changing->id, 1, err);
}

int orphan_events_discard(struct api_call *call, struct err *err) {
    struct changing changing = {.call = call};
    int r = api_id_param(call, "id", &changing.id, err);
    if (r == 0) r = api_write(call, run_discard, &changing, err);
    if (r == 0) api_answer_empty(call, 204);
    return r;
}
