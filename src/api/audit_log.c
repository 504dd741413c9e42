/* audit_log: reading the audit log. */
#include "api/resources.h"
#include "base/clock.h"
#include "base/timezone.h"
#include "store/audit.h"

#include "base/banned.h"

#define LIST "audit-log"

/* "user", or one of them: "user:5". */
static int read_actor(struct api_call *call, struct audit_filter *filter, struct err *err) {
    struct slice rest = http_query(call->request, SLICE("actor")), name;
    enum audit_actor actor;
    filter->actor = -1;
    if (!http_query_present(call->request, SLICE("actor"))) return 0;
    if (!slice_split_next(&rest, ':', &name) || !audit_actor_parse(name, &actor) ||
        (rest.ptr && (!slice_parse_i64(rest, &filter->actor_id) || filter->actor_id <= 0)))
        return err_set(err, ERR_INVALID, "actor must be user, api_key, command or system, with an id behind : or not");
    filter->actor = (int)actor;
    return 0;
}

/* "users", or one of them: "users:5". */
static int read_object(struct api_call *call, struct audit_filter *filter, struct err *err) {
    struct slice rest = http_query(call->request, SLICE("object"));
    if (!http_query_present(call->request, SLICE("object"))) return 0;
    if (!slice_split_next(&rest, ':', &filter->object) || slice_empty(filter->object) ||
        filter->object.len > AUDIT_WORD_MAX ||
        (rest.ptr && (!slice_parse_i64(rest, &filter->object_id) || filter->object_id <= 0)))
        return err_set(err, ERR_INVALID, "object must be like users or users:5");
    return 0;
}

/* Days of the organization, the last included. */
static int read_day(struct api_call *call, const char *name, int add, int64_t *ret, struct err *err) {
    struct slice text = http_query(call->request, slice_cstr(name));
    int32_t day;
    if (!http_query_present(call->request, slice_cstr(name))) return 0;
    if (!day_parse(text, &day)) return err_set(err, ERR_INVALID, "%s must be a day like 2026-11-24", name);
    *ret = timezone_day_start(call->time_zone, day + add);
    return 0;
}

static int read_filter(struct api_call *call, struct audit_filter *ret, struct err *err) {
    *ret = (struct audit_filter){.organization_id = call->organization_id,
                                 .action = http_query(call->request, SLICE("action")),
                                 .to = INT64_MAX};
    if (ret->action.len > AUDIT_WORD_MAX) return err_set(err, ERR_INVALID, "action must be like users or users.create");
    int r = read_actor(call, ret, err);
    if (r == 0) r = read_object(call, ret, err);
    if (r == 0) r = read_day(call, "from", 0, &ret->from, err);
    if (r == 0) r = read_day(call, "to", 1, &ret->to, err);
    return r;
}

static struct slice given(struct slice text) {
    return slice_empty(text) ? SLICE_NONE : text;
}

static void write_entry(struct api_table *row, const struct audit_entry *entry) {
    api_table_int(row, "id", entry->id);
    api_table_time(row, "at", entry->at);
    api_table_text(row, "actor", slice_cstr(audit_actor_name(entry->actor)));
    api_table_int_or_null(row, "actor_id", entry->actor_id, 0);
    api_table_text(row, "actor_name", entry->actor_name);
    api_table_text(row, "source", given(entry->source));
    api_table_text(row, "action", entry->action);
    api_table_text(row, "object", given(entry->object));
    api_table_int_or_null(row, "object_id", entry->object_id, 0);
    api_table_json(row, "detail", entry->detail);
    api_table_text(row, "request_id", given(entry->request_id));
}

int audit_log_list(struct api_call *call, struct err *err) {
    static const char *const parameters[] = {"limit", "cursor", "actor", "action", "object", "from", "to", NULL};
    int64_t limit, before = INT64_MAX;
    struct audit_filter filter;
    struct audit_entry *entries;
    size_t count;
    bool present;
    int r = api_known_parameters(call, parameters, err);
    if (r == 0) r = api_limit(call, 100, 1000, &limit, err);
    if (r == 0) r = read_filter(call, &filter, err);
    if (r == 0) r = api_cursor_read(call, LIST, &before, 1, &present, err);
    if (r == 0) r = audit_load(call->db, &filter, before, (size_t)limit + 1, call->arena, &entries, &count, err);
    if (r != 0) return r;
    bool more = count > (size_t)limit;
    struct api_table *table = api_table_begin(call, LIST);
    for (size_t i = 0; i < count - more; i++) {
        api_table_row(table);
        write_entry(table, &entries[i]);
    }
    api_table_end(call, more ? api_cursor_make(call, LIST, &entries[count - 2].id, 1) : NULL);
    return 0;
}
