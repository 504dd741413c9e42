/* webhook_deliveries: what a webhook subscription was sent, and what became of it. */
#include "store/webhook_deliveries.h"
#include "api/resources.h"
#include "subscription/payload.h"

#include "base/banned.h"

#define LIST "webhook-deliveries"

static void write_delivery(struct api_table *row, const struct webhook_delivery *delivery) {
    api_table_int(row, "id", delivery->item.id);
    api_table_text(row, "message_id", delivery->message_id);
    api_table_text(row, "type", slice_cstr(webhook_event_name(delivery->event)));
    api_table_text(row, "state", slice_cstr(webhook_delivery_state_name(delivery->state)));
    api_table_int(row, "attempts", delivery->attempts);
    api_table_time(row, "occurred_at", delivery->item.row.occurred_at);
    api_table_time(row, "created_at", delivery->created_at);
    api_table_time(row, "next_attempt_at", delivery->next_attempt_at);
    api_table_time(row, "last_attempt_at", delivery->last_attempt_at);
    api_table_int_or_null(row, "last_duration_ms", delivery->last_duration_ms, -1);
    api_table_int_or_null(row, "last_status", delivery->last_status, 0);
    api_table_text(row, "last_answer", delivery->last_answer);
    api_table_text(row, "last_error", delivery->last_error);
}

/* The subscription must be there, so that what is not there and what has nothing are told apart. */
static int load_subscription(struct api_call *call, struct webhook_subscription *ret, struct err *err) {
    int64_t id;
    int r = api_id_param(call, "id", &id, err);
    return r == 0 ? webhook_subscription_load(call->db, call->organization_id, id, call->arena, ret, err) : r;
}

int webhook_deliveries_index(struct api_call *call, struct err *err) {
    static const char *const parameters[] = {"limit", "cursor", "state", NULL};
    struct slice state = http_query(call->request, SLICE("state"));
    enum webhook_delivery_state wanted = WEBHOOK_WAITING;
    int64_t limit, before = INT64_MAX;
    struct webhook_subscription subscription;
    struct webhook_delivery *deliveries;
    size_t count;
    bool present;
    int r = api_known_parameters(call, parameters, err);
    if (r == 0) r = api_limit(call, 50, 500, &limit, err);
    if (r == 0) r = api_cursor_read(call, LIST, &before, 1, &present, err);
    if (r == 0 && !slice_empty(state) && !webhook_delivery_state_parse(state, &wanted))
        r = err_set(err, ERR_INVALID, "state must be waiting, delivered, given_up or withheld");
    if (r == 0) r = load_subscription(call, &subscription, err);
    if (r == 0)
        r = webhook_deliveries_list(call->db, call->organization_id, subscription.id,
                                    slice_empty(state) ? -1 : (int)wanted, before, (size_t)limit + 1, call->arena,
                                    &deliveries, &count, err);
    if (r != 0) return r;
    bool more = count > (size_t)limit;
    struct api_table *table = api_table_begin(call, LIST);
    for (size_t i = 0; i < count - more; i++) {
        api_table_row(table);
        write_delivery(table, &deliveries[i]);
    }
    api_table_end(call, more ? api_cursor_make(call, LIST, &deliveries[count - 2].item.id, 1) : NULL);
    return 0;
}

static int load_delivery(struct api_call *call, struct webhook_delivery *ret, struct err *err) {
    int64_t subscription_id, id;
    int r = api_id_param(call, "id", &subscription_id, err);
    if (r == 0) r = api_id_param(call, "delivery", &id, err);
    if (r == 0) r = webhook_delivery_load(call->db, call->organization_id, subscription_id, id, call->arena, ret, err);
    return r;
}

/* With what would be sent now: bodies are not kept. */
int webhook_deliveries_show(struct api_call *call, struct err *err) {
    struct webhook_delivery delivery;
    struct strbuf body;
    int r = load_delivery(call, &delivery, err);
    if (r != 0) return r;
    strbuf_init(&body, PAYLOAD_MAX);
    if (payload_allowed(&delivery)) payload_write(&body, &delivery);
    struct api_table *object = api_object_begin(call);
    write_delivery(object, &delivery);
    api_table_json(object, "payload", body.overflow ? SLICE_NONE : strbuf_slice(&body));
    api_object_end(call, 200);
    strbuf_release(&body);
    return 0;
}

struct again {
    struct api_call *call;
    int64_t subscription_id, id;
};

static int run_again(void *context, struct applier *applier, struct db *db, struct api_table *answer, struct err *err) {
    const struct again *again = context;
    struct api_call *call = again->call;
    struct webhook_subscription subscription;
    struct webhook_delivery delivery;
    int r =
        webhook_subscription_load(db, call->organization_id, again->subscription_id, call->arena, &subscription, err);
    if (r == 0 && subscription.state == SUBSCRIPTION_DISABLED)
        r = err_set(err, ERR_CONFLICT, "the subscription is disabled: make it active first");
    if (r == 0)
        r = webhook_delivery_again(db, call->organization_id, again->subscription_id, again->id, call->now, err);
    if (r == 0)
        r = webhook_delivery_load(db, call->organization_id, again->subscription_id, again->id, call->arena, &delivery,
                                  err);
    if (r == 0) write_delivery(answer, &delivery);
    return r;
}

int webhook_deliveries_redeliver(struct api_call *call, struct err *err) {
    struct again again = {.call = call};
    int r = api_id_param(call, "id", &again.subscription_id, err);
    if (r == 0) r = api_id_param(call, "delivery", &again.id, err);
    if (r == 0) r = api_write_once(call, run_again, &again, 202, err);
    if (r == 0) sender_wake(call->app->sender);
    return r;
}
