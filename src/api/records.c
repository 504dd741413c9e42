/* records: what was refused: failed deliveries, security events. */
#include "api/audit.h"
#include "api/resources.h"
#include "ingest/replay.h"
#include "store/deliveries.h"
#include "store/security_events.h"

#include "base/banned.h"

/* ---- failed deliveries ---- */

static void write_delivery(struct api_table *row, const struct kept_delivery *delivery) {
    api_table_int(row, "id", delivery->id);
    api_table_int(row, "endpoint_id", delivery->endpoint_id);
    api_table_text(row, "kind", slice_cstr(delivery_kind_name(delivery->kind)));
    api_table_bool(row, "inbound", delivery->inbound);
    api_table_text(row, "state", slice_cstr(delivery_state_name(delivery->state)));
    api_table_text(row, "reason", delivery->reason);
    api_table_time(row, "received_at", delivery->received_at);
    api_table_int(row, "body_size", delivery->body_size);
    api_table_bool(row, "replayable", delivery->state != DELIVERY_REPLAYED && !delivery_is_cut(delivery));
    api_table_int(row, "attempts", delivery->attempts);
    api_table_time(row, "next_attempt_at", delivery->next_attempt_at);
    api_table_text(row, "last_error", delivery->last_error);
}

static int read_filter(struct api_call *call, struct delivery_filter *ret, struct err *err) {
    struct slice state = http_query(call->request, SLICE("state")), kind = http_query(call->request, SLICE("kind"));
    struct slice endpoint = http_query(call->request, SLICE("endpoint"));
    enum delivery_state state_value;
    enum delivery_kind kind_value;
    *ret = (struct delivery_filter){.state = -1};
    if (!slice_empty(state)) {
        if (!delivery_state_parse(state, &state_value))
            return err_set(err, ERR_INVALID, "state must be kept, replayed or given_up");
        ret->state = (int)state_value;
    }
    if (!slice_empty(kind)) {
        if (!delivery_kind_parse(kind, &kind_value))
            return err_set(err, ERR_INVALID, "kind must be failed or rejected");
        ret->kind = (int)kind_value;
    }
    if (!slice_empty(endpoint) && (!slice_parse_i64(endpoint, &ret->endpoint_id) || ret->endpoint_id <= 0))
        return err_set(err, ERR_INVALID, "endpoint must be the id of an endpoint");
    return 0;
}

int failed_deliveries_list(struct api_call *call, struct err *err) {
    static const char *const parameters[] = {"limit", "cursor", "state", "kind", "endpoint", NULL};
    static const char *const list = "failed-deliveries";
    int64_t limit, before = INT64_MAX;
    struct delivery_filter filter;
    struct kept_delivery *deliveries;
    size_t count;
    bool present;
    int r = api_known_parameters(call, parameters, err);
    if (r == 0) r = api_limit(call, 50, 500, &limit, err);
    if (r == 0) r = read_filter(call, &filter, err);
    if (r == 0) r = api_cursor_read(call, list, &before, 1, &present, err);
    if (r == 0)
        r = deliveries_load(call->db, call->organization_id, &filter, before, (size_t)limit + 1, call->arena,
                            &deliveries, &count, err);
    if (r != 0) return r;
    bool more = count > (size_t)limit;
    struct api_table *table = api_table_begin(call, list);
    for (size_t i = 0; i < count - more; i++) {
        api_table_row(table);
        write_delivery(table, &deliveries[i]);
    }
    api_table_end(call, more ? api_cursor_make(call, list, &deliveries[count - 2].id, 1) : NULL);
    return 0;
}

int failed_deliveries_show(struct api_call *call, struct err *err) {
    struct kept_delivery delivery;
    int64_t id;
    int r = api_id_param(call, "id", &id, err);
    if (r == 0) r = delivery_load(call->db, call->organization_id, id, call->arena, &delivery, err);
    if (r == 0) r = api_audit_now(call, "failed-deliveries.read", id, err); /* bodies hold what is a person's */
    if (r != 0) return r;
    struct api_table *object = api_object_begin(call);
    write_delivery(object, &delivery);
    api_table_json(object, "headers", delivery.headers);
    api_table_text(object, "body", delivery.body);
    api_object_end(call, 200);
    return 0;
}

/* The janitor, too, processes what a corrected key lets in, and may be faster than who clicks: that it is done is what
 * was asked for. So a conflict with a processed delivery becomes that delivery; other conflicts stay. */
static int processed_before(struct api_call *call, int64_t id, struct kept_delivery *ret, struct err *err) {
    struct kept_delivery delivery;
    struct err missing = {0};
    if (delivery_load(call->db, call->organization_id, id, call->arena, &delivery, &missing) < 0 ||
        delivery.state != DELIVERY_REPLAYED)
        return -ERR_CONFLICT;
    *ret = delivery;
    return 0;
}

int failed_deliveries_replay(struct api_call *call, struct err *err) {
    struct replay replay = {
        .store = call->app->store,
        .writer = call->app->writer,
        .endpoints = call->app->endpoints,
        .certificates = call->app->certificates,
        .metrics = call->app->metrics,
        .intake = app_mail_intake(call->app),
    };
    struct kept_delivery delivery;
    int64_t id;
    int r = api_id_param(call, "id", &id, err);
    if (r == 0) r = endpoints_refresh(call->app->endpoints, call->db, err);
    if (r == 0)
        r = replay_delivery(&replay, call->db, call->organization_id, id, call->now, call->arena, &delivery, err);
    if (r == -ERR_CONFLICT) r = processed_before(call, id, &delivery, err);
    if (r == 0) r = api_audit_now(call, "failed-deliveries.replay", id, err);
    if (r != 0) return r;
    write_delivery(api_object_begin(call), &delivery);
    api_object_end(call, 200);
    return 0;
}

/* ---- security events ---- */

int security_events_list(struct api_call *call, struct err *err) {
    static const char *const parameters[] = {"limit", "cursor", "kind", NULL};
    static const char *const list = "security-events";
    int64_t limit, before[2] = {INT64_MAX, INT64_MAX};
    struct security_event *events;
    size_t count;
    bool present;
    int r = api_known_parameters(call, parameters, err);
    if (r == 0) r = api_limit(call, 100, 1000, &limit, err);
    if (r == 0) r = api_cursor_read(call, list, before, 2, &present, err);
    if (r == 0)
        r = security_events_load(call->db, call->organization_id, http_query(call->request, SLICE("kind")), before[0],
                                 before[1], (size_t)limit + 1, call->arena, &events, &count, err);
    if (r != 0) return r;
    bool more = count > (size_t)limit;
    struct api_table *table = api_table_begin(call, list);
    for (size_t i = 0; i < count - more; i++) {
        api_table_row(table);
        api_table_int(table, "id", events[i].id);
        api_table_text(table, "kind", events[i].kind);
        api_table_int_or_null(table, "endpoint_id", events[i].endpoint_id, 0);
        api_table_text(table, "detail", events[i].detail);
        api_table_text(table, "source", slice_empty(events[i].source) ? SLICE_NONE : events[i].source);
        api_table_time(table, "first_at", events[i].first_at);
        api_table_time(table, "last_at", events[i].last_at);
        api_table_int(table, "count", events[i].count);
    }
    const struct security_event *last = more ? &events[count - 2] : NULL;
    api_table_end(call, last ? api_cursor_make(call, list, (int64_t[]){last->last_at, last->id}, 2) : NULL);
    return 0;
}
