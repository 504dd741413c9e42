#include "api/resources.h"

#include "api/embed.h"
#include "api/period.h"
#include "api/views.h"
#include "ingest/registration.h"

#include "base/banned.h"

#define LIST_DEFAULT 50
#define LIST_MAX     500
#define EVENTS_MAX   1000 /* of one email; a mailbox is opened a few times, a loop of some scanner is cut here */
#define LINKS_MAX    1000

/* ---- list ---- */

static int read_filter(struct api_call *call, struct email_filter *ret, struct err *err) {
    *ret = (struct email_filter){.status = EMAIL_ANY, .time_zone = call->time_zone};
    struct slice status = http_query(call->request, SLICE("status"));
    if (http_query_present(call->request, SLICE("status")) && !email_status_parse(status, &ret->status))
        return err_set(err, ERR_INVALID,
                       "status must be delivered, opened, clicked, replied, bounced, dropped, unsubscribed, "
                       "complained or any");
    int result = period_filter_open(call, &ret->cohort, err);
    if (result == 0) result = period_reference(call, "candidate", REPORT_CANDIDATE, &ret->candidate_id, err);
    return result;
}

int emails_list_show(struct api_call *call, struct err *err) {
    static const char *const parameters[] = {PERIOD_PARAMETERS, "candidate", "status", "limit", "cursor", NULL};
    static const char list[] = "emails";
    struct email_filter filter;
    struct email_view *emails;
    size_t count;
    int64_t limit, after[2] = {0};
    bool has_after;
    int result = api_known_parameters(call, parameters, err);
    if (result == 0) result = api_limit(call, LIST_DEFAULT, LIST_MAX, &limit, err);
    if (result == 0) result = api_cursor_read(call, list, after, 2, &has_after, err);
    if (result == 0) result = db_begin(call->db, DB_READ, err);
    if (result != 0) return result;
    result = read_filter(call, &filter, err);
    if (result == 0) {
        const struct email_page page = {
            .limit = (size_t)limit + 1, .has_after = has_after, .after_sent_at = after[0], .after_id = after[1]};
        result = emails_list(call->db, &filter, &page, call->arena, &emails, &count, err);
    }
    db_rollback(call->db);
    if (result != 0) return result;
    const char *next = NULL;
    if (count > (size_t)limit) {
        const struct email_stats *last = &emails[--count - 1].stats;
        next = api_cursor_make(call, list, (const int64_t[]){last->sent_at, last->email_log_id}, 2);
    }
    struct api_table *table = api_table_begin(call, list);
    for (size_t i = 0; i < count; i++) {
        api_table_row(table);
        view_email(table, &emails[i]);
    }
    api_table_end(call, next);
    return 0;
}

/* ---- one email ---- */

static int load_email(struct api_call *call, struct email_view *ret, struct err *err) {
    int64_t id;
    int result = api_known_parameters(call, (const char *const[]){NULL}, err);
    if (result == 0) result = api_id_param(call, "id", &id, err);
    if (result == 0) result = emails_get(call->db, call->organization_id, call->jobs_of, id, call->arena, ret, err);
    if (result != 0) return result;
    return embed_check_email(call, id, ret->candidate.external_id, err);
}

int emails_show(struct api_call *call, struct err *err) {
    struct email_view email;
    int result = load_email(call, &email, err);
    if (result != 0) return result;
    view_email(api_object_begin(call), &email);
    api_object_end(call, 200);
    return 0;
}

int emails_events(struct api_call *call, struct err *err) {
    struct email_view email;
    struct stored_event *events;
    struct event_providers *services;
    size_t count;
    int result = db_begin(call->db, DB_READ, err);
    if (result != 0) return result;
    result = load_email(call, &email, err);
    if (result == 0)
        result = engagement_timeline(call->db, call->organization_id, email.stats.email_log_id, EVENTS_MAX + 1,
                                     call->arena, &events, &count, err);
    if (result == 0) result = event_providers_load(call->db, call->organization_id, call->arena, &services, err);
    db_rollback(call->db);
    if (result != 0) return result;
    bool truncated = count > EVENTS_MAX;
    if (truncated) count = EVENTS_MAX;
    struct api_table *table = api_table_begin(call, "email-events");
    for (size_t i = 0; i < count; i++) {
        embed_reduce_event(call, &events[i]);
        api_table_row(table);
        view_event(table, &events[i], event_provider(services, events[i].endpoint_id));
    }
    api_table_extras(table);
    api_table_bool(table, "truncated", truncated);
    api_table_end(call, NULL);
    return 0;
}

int emails_links_show(struct api_call *call, struct err *err) {
    struct email_view email;
    struct email_link *links;
    size_t count;
    int result = db_begin(call->db, DB_READ, err);
    if (result != 0) return result;
    result = load_email(call, &email, err);
    if (result == 0)
        result = emails_links(call->db, call->organization_id, email.stats.email_log_id, LINKS_MAX, call->arena, &links,
                              &count, err);
    db_rollback(call->db);
    if (result != 0) return result;
    struct api_table *table = api_table_begin(call, "email-links");
    for (size_t i = 0; i < count; i++) {
        api_table_row(table);
        view_email_link(table, &links[i]);
    }
    api_table_end(call, NULL);
    return 0;
}

/* ---- a message id that the provider told only after sending ---- */

struct change {
    struct api_call *call;
    int64_t id;
    struct slice message_id, rfc_message_id;
    size_t adopted;
};

static int run_change(void *context, struct applier *applier, struct db *db, struct err *err) {
    struct change *change = context;
    return register_message_id(applier, db, change->call->organization_id, change->id, change->message_id,
                               change->rfc_message_id, change->call->now, &change->adopted, err);
}

int emails_change(struct api_call *call, struct err *err) {
    static const char *const members[] = {"message_id", "rfc_message_id", NULL};
    struct change change = {.call = call};
    struct json_value body;
    struct email_view email;
    int result = api_id_param(call, "id", &change.id, err);
    if (result == 0) result = api_body(call, &body, err);
    if (result == 0) result = api_known_members(body, members, err);
    if (result == 0) result = api_text(call, body, "message_id", EVENT_KEY_MAX_BYTES, &change.message_id, err);
    if (result == 0) result = api_text(call, body, "rfc_message_id", EVENT_KEY_MAX_BYTES, &change.rfc_message_id, err);
    if (result != 0) return result;
    if (slice_empty(change.message_id) && slice_empty(change.rfc_message_id))
        return err_set(err, ERR_INVALID, "message_id or rfc_message_id must be given");
    result = api_write(call, run_change, &change, err);
    if (result == 0)
        result = emails_get(call->db, call->organization_id, call->jobs_of, change.id, call->arena, &email, err);
    if (result != 0) return result;
    struct api_table *answer = api_object_begin(call);
    view_email(answer, &email);
    api_table_int(answer, "adopted", (int64_t)change.adopted);
    api_object_end(call, 200);
    return 0;
}
