#include "subscription/plan.h"

#include "base/random.h"
#include "store/webhook_deliveries.h"

#include "base/banned.h"

#define MESSAGE_ID_CHARS 26 /* 130 bits */

static bool event_of(const struct outbox_item *item, int64_t now, enum webhook_event *ret) {
    switch (item->row.kind) {
    case OUTBOX_EVENT:
        return item->row.occurred_at > now - PLAN_MAX_AGE_MS && webhook_event_of(item->row.event_type, ret);
    case OUTBOX_RETRACTED:
        *ret = WEBHOOK_EVENT_WITHDRAWN;
        return true;
    case OUTBOX_OBJECTED:
        *ret = WEBHOOK_TRACKING_WITHDRAWN;
        return true;
    case OUTBOX_LEVEL:
        *ret = WEBHOOK_LEVEL_CHANGED;
        return true;
    }
    return false;
}

static void name_message(struct webhook_plan *plan) {
    memcpy(plan->message_id, "msg_", 4);
    random_token(plan->message_id + 4, MESSAGE_ID_CHARS);
}

static size_t distinct_organizations(const struct outbox_item *items, size_t count, int64_t *ret) {
    size_t different = 0;
    for (size_t i = 0; i < count; i++) {
        bool known = false;
        for (size_t n = 0; n < different && !known; n++)
            known = ret[n] == items[i].row.organization_id;
        if (!known) ret[different++] = items[i].row.organization_id;
    }
    return different;
}

/* The deliveries of one subscription. */
static int plan_one(struct db *db, const struct webhook_subscription *subscription, const struct outbox_item *items,
                    size_t count, int64_t backlog_max, int64_t now, struct webhook_plan *plans,
                    struct plan_result *result, struct err *err) {
    size_t wanted = 0;
    int64_t waiting = 0;
    for (size_t i = 0; i < count; i++) {
        enum webhook_event event;
        if (items[i].row.organization_id != subscription->organization_id || !event_of(&items[i], now, &event))
            continue;
        if (!(subscription->events & WEBHOOK_BIT(event))) continue;
        struct webhook_plan *plan = &plans[wanted++];
        *plan = (struct webhook_plan){.subscription_id = subscription->id, .event = event, .row = items[i].row};
        if (plan->row.candidate_id == 0 && plan->row.email_log_id == 0) plan->row.candidate_id = items[i].candidate_id;
        name_message(plan);
    }
    if (wanted == 0) return 0;
    int r = webhook_deliveries_waiting(db, subscription->organization_id, subscription->id, backlog_max, &waiting, err);
    if (r < 0) return r;
    size_t room = waiting < backlog_max ? (size_t)(backlog_max - waiting) : 0;
    size_t taken = wanted < room ? wanted : room;
    r = webhook_deliveries_add(db, plans, taken, now, err);
    if (r == 0 && taken < wanted)
        r = webhook_subscription_dropped(db, subscription->organization_id, subscription->id, (int64_t)(wanted - taken),
                                         now, err);
    result->added += taken;
    result->dropped += wanted - taken;
    return r;
}

int plan_deliveries(struct db *db, const struct outbox_item *items, size_t count, int64_t backlog_max, int64_t now,
                    struct arena *arena, struct plan_result *ret, struct err *err) {
    int64_t *organizations = arena_alloc_array(arena, count, sizeof(*organizations));
    struct webhook_plan *plans = arena_alloc_array(arena, count, sizeof(*plans));
    struct webhook_subscription *subscriptions;
    size_t subscription_count;
    *ret = (struct plan_result){0};
    int r = webhook_subscriptions_wanting(db, organizations, distinct_organizations(items, count, organizations), arena,
                                          &subscriptions, &subscription_count, err);
    for (size_t i = 0; i < subscription_count && r == 0; i++)
        r = plan_one(db, &subscriptions[i], items, count, backlog_max, now, plans, ret, err);
    return r;
}

int plan_test(struct db *db, int64_t organization_id, int64_t subscription_id, int64_t backlog_max, int64_t now,
              struct arena *arena, struct slice *ret_message_id, struct err *err) {
    struct webhook_plan plan = {
        .subscription_id = subscription_id,
        .event = WEBHOOK_TEST,
        .row = {.organization_id = organization_id, .occurred_at = now, .score = SCORE_UNKNOWN},
    };
    int64_t waiting;
    int r = webhook_deliveries_waiting(db, organization_id, subscription_id, backlog_max, &waiting, err);
    if (r < 0) return r;
    if (waiting >= backlog_max) return err_set(err, ERR_FULL, "too many deliveries of this subscription wait already");
    name_message(&plan);
    *ret_message_id = arena_copy(arena, slice_cstr(plan.message_id));
    return webhook_deliveries_add(db, &plan, 1, now, err);
}
