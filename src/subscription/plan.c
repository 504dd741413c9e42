#include "subscription/plan.h"

#include "base/random.h"
#include "store/webhook_deliveries.h"

#include "base/banned.h"

#define MESSAGE_ID_CHARS   26 /* 130 bits */
#define TAKEN_BACK_AT_ONCE 500

/* What the steps of one transaction share. */
struct planning {
    struct db *db;
    struct webhook_subscription *subscriptions;
    size_t subscription_count;
    int64_t backlog_max, now;
    struct arena *arena;
    struct webhook_plan *plans; /* of one subscription: room for a portion of items, or of what is taken back */
    struct plan_result *result;
};

static bool takes_back(const struct outbox_item *item) {
    return item->row.kind == OUTBOX_RETRACTED || item->row.kind == OUTBOX_OBJECTED;
}

static bool event_of(const struct outbox_item *item, int64_t now, enum webhook_event *ret) {
    switch (item->row.kind) {
    case OUTBOX_EVENT:
        return item->row.occurred_at > now - PLAN_MAX_AGE_MS && webhook_event_of(item->row.event_type, ret);
    case OUTBOX_RETRACTED: /* told to those who were told of the event: take_back */
        return false;
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

/* As many as the subscription has room for. */
static int add(struct planning *planning, const struct webhook_subscription *subscription, size_t wanted,
               struct err *err) {
    int64_t waiting = 0, backlog_max = planning->backlog_max;
    if (wanted == 0) return 0;
    int r = webhook_deliveries_waiting(planning->db, subscription->organization_id, subscription->id, backlog_max,
                                       &waiting, err);
    if (r < 0) return r;
    size_t room = waiting < backlog_max ? (size_t)(backlog_max - waiting) : 0;
    size_t taken = wanted < room ? wanted : room;
    r = webhook_deliveries_add(planning->db, planning->plans, taken, planning->now, err);
    if (r == 0 && taken < wanted)
        r = webhook_subscription_dropped(planning->db, subscription->organization_id, subscription->id,
                                         (int64_t)(wanted - taken), planning->now, err);
    planning->result->added += taken;
    planning->result->dropped += wanted - taken;
    return r;
}

static int plan_items(struct planning *planning, const struct outbox_item *items, size_t count, struct err *err) {
    int r = 0;
    for (size_t n = 0; n < planning->subscription_count && r == 0; n++) {
        const struct webhook_subscription *subscription = &planning->subscriptions[n];
        size_t wanted = 0;
        for (size_t i = 0; i < count; i++) {
            enum webhook_event event;
            if (items[i].row.organization_id != subscription->organization_id ||
                !event_of(&items[i], planning->now, &event))
                continue;
            if (!(subscription->events & WEBHOOK_BIT(event))) continue;
            struct webhook_plan *plan = &planning->plans[wanted++];
            *plan = (struct webhook_plan){.subscription_id = subscription->id, .event = event, .row = items[i].row};
            if (plan->row.candidate_id == 0 && plan->row.email_log_id == 0)
                plan->row.candidate_id = items[i].candidate_id;
            name_message(plan);
        }
        r = add(planning, subscription, wanted, err);
    }
    return r;
}

/* Who was told of what is taken back hears of it, with the id of the event; who was not has nothing to forget. */
static int tell_taken_back(struct planning *planning, int64_t organization_id, const struct webhook_taken_back *found,
                           size_t count, struct err *err) {
    int r = 0;
    for (size_t n = 0; n < planning->subscription_count && r == 0; n++) {
        const struct webhook_subscription *subscription = &planning->subscriptions[n];
        size_t wanted = 0;
        if (subscription->organization_id != organization_id ||
            !(subscription->events & WEBHOOK_BIT(WEBHOOK_EVENT_WITHDRAWN)))
            continue;
        for (size_t i = 0; i < count; i++) {
            if (!found[i].told || found[i].subscription_id != subscription->id) continue;
            struct webhook_plan *plan = &planning->plans[wanted++];
            *plan = (struct webhook_plan){
                .subscription_id = subscription->id, .event = WEBHOOK_EVENT_WITHDRAWN, .row = found[i].row};
            name_message(plan);
        }
        r = add(planning, subscription, wanted, err);
    }
    return r;
}

static int take_back(struct planning *planning, const struct outbox_item *item, struct err *err) {
    size_t count;
    do {
        struct webhook_taken_back *found;
        int r =
            webhook_deliveries_take_back(planning->db, item, TAKEN_BACK_AT_ONCE, planning->arena, &found, &count, err);
        if (r == 0) r = tell_taken_back(planning, item->row.organization_id, found, count, err);
        if (r < 0) return r;
    } while (count == TAKEN_BACK_AT_ONCE);
    return 0;
}

/* In the order of the outbox: what is taken back is what came before, not what a person allowed again later. */
int plan_deliveries(struct db *db, const struct outbox_item *items, size_t count, int64_t backlog_max, int64_t now,
                    struct arena *arena, struct plan_result *ret, struct err *err) {
    int64_t *organizations = arena_alloc_array(arena, count, sizeof(*organizations));
    struct planning planning = {.db = db, .backlog_max = backlog_max, .now = now, .arena = arena, .result = ret};
    size_t room = count > TAKEN_BACK_AT_ONCE ? count : TAKEN_BACK_AT_ONCE;
    planning.plans = arena_alloc_array(arena, room, sizeof(*planning.plans));
    *ret = (struct plan_result){0};
    int r = webhook_subscriptions_wanting(db, organizations, distinct_organizations(items, count, organizations), arena,
                                          &planning.subscriptions, &planning.subscription_count, err);
    for (size_t from = 0, to; from < count && r == 0; from = to) {
        for (to = from + 1; to < count && !takes_back(&items[to - 1]);)
            to++;
        r = plan_items(&planning, &items[from], to - from, err);
        if (r == 0 && takes_back(&items[to - 1])) r = take_back(&planning, &items[to - 1], err);
    }
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
