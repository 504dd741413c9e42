/* notifications: what the signed-in user was told of, and what they want to be told of. */
#include <stdio.h>

#include "api/auth.h"
#include "api/resources.h"
#include "api/views.h"
#include "base/clock.h"
#include "notify/notifier.h"
#include "store/notifications.h"

#include "base/banned.h"

#define LIST              "notifications"
#define MERGE_SECONDS_MAX 86400

/* As news_write_notification writes them to the streams. */
static void write_notification(struct api_table *row, const struct notification *notification) {
    api_table_int(row, "id", notification->id);
    api_table_text(row, "event_type", slice_cstr(event_type_name(notification->event_type)));
    api_table_int(row, "count", notification->count);
    view_named_candidate(row, notification->candidate_id, notification->candidate_external_id,
                         notification->candidate_name);
    api_table_object(row, "email");
    api_table_int(row, "id", notification->email_log_id);
    api_table_text(row, "subject", notification->subject);
    api_table_close(row);
    view_thing(row, "job", notification->job_external_id, "title", notification->job_title);
    api_table_text(row, "url", notification->url);
    api_table_int_or_null(row, "sender_id", notification->sender_id, 0);
    api_table_bool(row, "toast", notification->toast);
    api_table_time(row, "first_at", notification->first_at);
    api_table_time(row, "last_at", notification->last_at);
    api_table_time(row, "created_at", notification->created_at);
    api_table_time(row, "updated_at", notification->updated_at);
    api_table_time(row, "read_at", notification->read_at);
}

static int64_t own_id(const struct api_call *call) {
    return call->session->account.user.id;
}

int notifications_list(struct api_call *call, struct err *err) {
    static const char *const parameters[] = {"limit", "cursor", "unread", NULL};
    struct notification_page page = {.before_id = INT64_MAX};
    struct notification *notifications;
    int64_t limit, unread = 0;
    size_t count;
    bool present;
    int r = api_known_parameters(call, parameters, err);
    if (r == 0) r = api_limit(call, 50, 500, &limit, err);
    if (r == 0) r = api_cursor_read(call, LIST, &page.before_id, 1, &present, err);
    if (r != 0) return r;
    page.limit = (size_t)limit + 1;
    page.only_unread = slice_equal(http_query(call->request, SLICE("unread")), SLICE("true"));
    r = notifications_load(call->db, call->organization_id, own_id(call), call->jobs_of, &page, call->arena,
                           &notifications, &count, err);
    if (r == 0) r = notifications_unread(call->db, call->organization_id, own_id(call), call->jobs_of, &unread, err);
    if (r != 0) return r;
    bool more = count > (size_t)limit;
    struct api_table *table = api_table_begin(call, LIST);
    for (size_t i = 0; i < count - more; i++) {
        api_table_row(table);
        write_notification(table, &notifications[i]);
    }
    api_table_extras(table);
    api_table_int(table, "unread", unread);
    api_table_end(call, more ? api_cursor_make(call, LIST, &notifications[count - 2].id, 1) : NULL);
    return 0;
}

struct marking {
    struct api_call *call;
    int64_t id;
    bool read;
};

static int run_mark(void *context, struct applier *applier, struct db *db, struct err *err) {
    const struct marking *marking = context;
    struct api_call *call = marking->call;
    return notification_mark(db, call->organization_id, own_id(call), marking->id, marking->read, call->now, err);
}

int notifications_change(struct api_call *call, struct err *err) {
    static const char *const members[] = {"read", NULL};
    struct marking marking = {.call = call, .read = true};
    struct json_value body;
    int r = api_id_param(call, "id", &marking.id, err);
    if (r == 0) r = api_body(call, &body, err);
    if (r == 0) r = api_known_members(body, members, err);
    if (r == 0) r = api_bool(body, "read", &marking.read, err);
    if (r == 0) r = api_write(call, run_mark, &marking, err);
    if (r == 0) api_answer_empty(call, 204);
    return r;
}

static int run_mark_all(void *context, struct applier *applier, struct db *db, struct err *err) {
    const struct marking *marking = context;
    struct api_call *call = marking->call;
    return notifications_mark_all(db, call->organization_id, own_id(call), marking->id, call->now, err);
}

/* Up to the newest that was shown, so that what came meanwhile stays unread. */
int notifications_read(struct api_call *call, struct err *err) {
    static const char *const members[] = {"up_to_id", NULL};
    struct marking marking = {.call = call, .id = INT64_MAX};
    struct json_value body;
    int r = api_body(call, &body, err);
    if (r == 0) r = api_known_members(body, members, err);
    if (r == 0) r = api_integer(body, "up_to_id", 1, INT64_MAX, &marking.id, err);
    if (r == 0) r = api_write(call, run_mark_all, &marking, err);
    if (r == 0) api_answer_empty(call, 204);
    return r;
}

/* ---- preferences ---- */

static void write_clock(struct api_table *object, const char *name, int64_t minute) {
    char text[24];
    snprintf(text, sizeof(text), "%02d:%02d", (int)(minute / 60), (int)(minute % 60));
    api_table_text(object, name, slice_cstr(text));
}

static void answer_preferences(struct api_call *call, const struct notification_preferences *preferences) {
    struct api_table *object = api_object_begin(call);
    api_table_array(object, "events");
    for (int i = 0; i < NOTIFICATION_EVENTS; i++)
        if (preferences->events >> i & 1) api_table_text(object, NULL, slice_cstr(notification_event_name(i)));
    api_table_close(object);
    api_table_text(object, "scope", slice_cstr(notification_scope_name(preferences->scope)));
    api_table_bool(object, "hot_only", preferences->hot_only);
    if (preferences->has_quiet_hours) {
        api_table_object(object, "quiet_hours");
        write_clock(object, "from", preferences->quiet_from);
        write_clock(object, "to", preferences->quiet_to);
        api_table_close(object);
    } else {
        api_table_null(object, "quiet_hours");
    }
    api_table_int(object, "merge_seconds", preferences->merge_ms / SECOND_MS);
    api_table_time(object, "updated_at", preferences->updated_at);
    api_object_end(call, 200);
}

int notification_preferences_show(struct api_call *call, struct err *err) {
    struct notification_preferences preferences;
    int r = api_known_parameters(call, (const char *const[]){NULL}, err);
    if (r == 0)
        r = notification_preferences_load(call->db, call->organization_id, own_id(call),
                                          call->session->account.user.role, &preferences, err);
    if (r == 0) answer_preferences(call, &preferences);
    return r;
}

static int read_events(struct json_value body, int64_t *ret, struct err *err) {
    struct json_value list = json_get(body, SLICE("events"));
    int64_t events = 0;
    if (list.type == JSON_KIND_NONE) return 0;
    if (list.type != JSON_KIND_ARRAY) return err_set(err, ERR_INVALID, "events must be a list of names");
    struct json_iterator items = json_elements(list);
    struct json_value item;
    while (json_next(&items, &item)) {
        struct slice name;
        int found = -1;
        if (!json_text(item, &name)) return err_set(err, ERR_INVALID, "events must be a list of names");
        for (int i = 0; i < NOTIFICATION_EVENTS && found < 0; i++)
            if (slice_equal(name, slice_cstr(notification_event_name(i)))) found = i;
        if (found < 0)
            return err_set(err, ERR_INVALID,
                           "events knows open, first_open, click, reply, bounce, unsubscribe and spam, not \"%.*s\"",
                           SLICE_FMT(slice_first(name, name.len < 40 ? name.len : 40)));
        events |= INT64_C(1) << found;
    }
    *ret = events;
    return 0;
}

/* "07:30" */
static bool parse_clock(struct slice text, int64_t *ret) {
    int64_t hour, minute;
    if (text.len != 5 || text.ptr[2] != ':') return false;
    if (!slice_parse_i64(slice_first(text, 2), &hour) || !slice_parse_i64(slice_from(text, 3), &minute)) return false;
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59) return false;
    *ret = hour * 60 + minute;
    return true;
}

static int read_quiet_hours(struct json_value body, struct notification_preferences *preferences, struct err *err) {
    static const char *const members[] = {"from", "to", NULL};
    struct json_value value = json_get(body, SLICE("quiet_hours"));
    struct slice from, to;
    if (value.type == JSON_KIND_NONE) return 0;
    preferences->has_quiet_hours = value.type != JSON_KIND_NULL;
    if (!preferences->has_quiet_hours) return 0;
    int r = api_known_members(value, members, err);
    if (r != 0) return r;
    if (!json_text(json_get(value, SLICE("from")), &from) || !parse_clock(from, &preferences->quiet_from) ||
        !json_text(json_get(value, SLICE("to")), &to) || !parse_clock(to, &preferences->quiet_to))
        return err_set(err, ERR_INVALID, "quiet_hours has from and to like \"20:00\" and \"07:30\", or is null");
    return 0;
}

struct changing {
    struct api_call *call;
    struct notification_preferences preferences;
    bool is_bound; /* to what was seen: */
    int64_t seen;  /* updated_at then */
};

/* In the transaction of the change, so that of two at once one is refused. */
static int run_save(void *context, struct applier *applier, struct db *db, struct err *err) {
    const struct changing *changing = context;
    struct api_call *call = changing->call;
    struct notification_preferences stored;
    int r = notification_preferences_load(db, call->organization_id, own_id(call), call->session->account.user.role,
                                          &stored, err);
    if (r == 0 && changing->is_bound && stored.updated_at != changing->seen)
        r = err_set(err, ERR_CONFLICT, "the preferences were changed elsewhere meanwhile: load them again");
    if (r == 0)
        r = notification_preferences_save(db, call->organization_id, own_id(call), &changing->preferences, call->now,
                                          err);
    return r;
}

/* "updated_at", when it is there, as it was answered: the change is meant for these preferences and no others. */
static int read_seen(struct json_value body, struct changing *changing, struct err *err) {
    struct json_value value = json_get(body, SLICE("updated_at"));
    changing->seen = TIME_UNSET;
    changing->is_bound = value.type != JSON_KIND_NONE;
    if (!changing->is_bound || value.type == JSON_KIND_NULL || json_time(value, &changing->seen)) return 0;
    return err_set(err, ERR_INVALID, "updated_at must be what was answered, or be left out");
}

static int read_hot_only(struct api_call *call, struct json_value body, bool *ret, struct err *err) {
    int r = api_bool(body, "hot_only", ret, err);
    if (r == 0 && *ret && !(call->permissions & API_SCORES) && json_get(body, SLICE("hot_only")).type != JSON_KIND_NONE)
        r = err_set(err, ERR_DENIED, "scores are not yours to see: leave out hot_only");
    return r;
}

/* Absent members keep their value. */
int notification_preferences_replace(struct api_call *call, struct err *err) {
    static const char *const members[] = {"events",        "scope",      "hot_only", "quiet_hours",
                                          "merge_seconds", "updated_at", NULL};
    struct changing changing = {.call = call};
    struct notification_preferences *preferences = &changing.preferences;
    struct slice scope = SLICE_NONE;
    struct json_value body;
    int r = notification_preferences_load(call->db, call->organization_id, own_id(call),
                                          call->session->account.user.role, preferences, err);
    int64_t seconds = r == 0 ? preferences->merge_ms / SECOND_MS : 0;
    if (r == 0) r = api_body(call, &body, err);
    if (r == 0) r = api_known_members(body, members, err);
    if (r == 0) r = read_events(body, &preferences->events, err);
    if (r == 0) r = api_text(call, body, "scope", 20, &scope, err);
    if (r == 0) r = read_hot_only(call, body, &preferences->hot_only, err);
    if (r == 0) r = read_quiet_hours(body, preferences, err);
    if (r == 0) r = api_integer(body, "merge_seconds", 0, MERGE_SECONDS_MAX, &seconds, err);
    if (r == 0) r = read_seen(body, &changing, err);
    if (r != 0) return r;
    if (scope.ptr && !notification_scope_parse(scope, &preferences->scope))
        return err_set(err, ERR_INVALID, "scope must be mine, jobs or team");
    preferences->merge_ms = seconds * SECOND_MS;
    preferences->updated_at = call->now;
    r = api_write(call, run_save, &changing, err);
    if (r != 0) return r;
    notifier_look_again(call->app->notifier);
    answer_preferences(call, preferences);
    return 0;
}
