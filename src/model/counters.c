#include "model/counters.h"

#include "base/banned.h"

void email_stats_init(struct email_stats *stats) {
    *stats = (struct email_stats){
        .sent_at = TIME_UNSET,
        .tracking = TRACKING_NONE,
        .tracking_now = TRACKING_NONE,
        .delivered_at = TIME_UNSET,
        .opened_at = TIME_UNSET,
        .clicked_at = TIME_UNSET,
        .replied_at = TIME_UNSET,
        .bounced_at = TIME_UNSET,
        .dropped_at = TIME_UNSET,
        .complained_at = TIME_UNSET,
        .unsubscribed_at = TIME_UNSET,
        .last_human_at = TIME_UNSET,
        .bounce_type = BOUNCE_NONE,
        .last_event_at = TIME_UNSET,
    };
}

void link_stats_init(struct link_stats *stats) {
    *stats = (struct link_stats){.clicked_at = TIME_UNSET};
}

/* The earliest wins, not the first to arrive. */
static void take_earliest(int64_t *time, int64_t occurred_at) {
    if (*time == TIME_UNSET || occurred_at < *time) *time = occurred_at;
}

static void take_latest(int64_t *time, int64_t occurred_at) {
    if (*time == TIME_UNSET || occurred_at > *time) *time = occurred_at;
}

static void add_open(struct email_stats *stats, const struct counted_event *event) {
    if (event->verdict == VERDICT_EVIDENCE) return;
    if (!verdict_is_human(event->verdict)) {
        stats->machine_open_count++;
        return;
    }
    stats->open_count++;
    take_earliest(&stats->opened_at, event->occurred_at);
    take_latest(&stats->last_human_at, event->occurred_at);
}

static void add_click(struct email_stats *stats, struct link_stats *link, const struct counted_event *event) {
    if (event->verdict == VERDICT_EVIDENCE) return;
    if (!verdict_is_human(event->verdict)) {
        stats->machine_click_count++;
        if (link) link->machine_click_count++;
        return;
    }
    stats->total_click_count++;
    take_earliest(&stats->clicked_at, event->occurred_at);
    take_latest(&stats->last_human_at, event->occurred_at);
    if (!link) return;
    if (link->click_count == 0) stats->click_count++;
    link->click_count++;
    take_earliest(&link->clicked_at, event->occurred_at);
}

void counters_add(struct email_stats *stats, struct link_stats *link, const struct counted_event *event) {
    switch (event->type) {
    case EVENT_OPEN:
        add_open(stats, event);
        break;
    case EVENT_CLICK:
        add_click(stats, link, event);
        break;
    case EVENT_DELIVERED:
        take_earliest(&stats->delivered_at, event->occurred_at);
        break;
    case EVENT_DROPPED:
        take_earliest(&stats->dropped_at, event->occurred_at);
        break;
    case EVENT_REPLY:
        take_earliest(&stats->replied_at, event->occurred_at);
        take_latest(&stats->last_human_at, event->occurred_at);
        break;
    case EVENT_BOUNCE:
        take_earliest(&stats->bounced_at, event->occurred_at);
        if (event->bounce > stats->bounce_type) stats->bounce_type = event->bounce;
        break;
    case EVENT_SPAM:
        take_earliest(&stats->complained_at, event->occurred_at);
        break;
    case EVENT_UNSUBSCRIBE:
    case EVENT_GROUP_UNSUBSCRIBE:
        take_earliest(&stats->unsubscribed_at, event->occurred_at);
        break;
    case EVENT_PROCESSED:
    case EVENT_DEFERRED:
    case EVENT_GROUP_RESUBSCRIBE:
    case EVENT_AUTO_REPLY:
        break;
    }
}

struct contribution counters_contribution(const struct email_stats *stats) {
    bool opened = stats->opened_at != TIME_UNSET;
    bool clicked = stats->clicked_at != TIME_UNSET;
    bool bounced = stats->bounced_at != TIME_UNSET;
    return (struct contribution){
        .sent = 1,
        .open_base = stats->tracking == TRACKING_FULL,
        .click_base = stats->tracking >= TRACKING_CLICKS,
        .delivered = stats->delivered_at != TIME_UNSET,
        .opened = opened,
        .clicked = clicked,
        .opened_or_clicked = opened || clicked,
        .replied = stats->replied_at != TIME_UNSET,
        .bounced = bounced,
        .bounced_hard = bounced && stats->bounce_type == BOUNCE_HARD,
        .complained = stats->complained_at != TIME_UNSET,
        .unsubscribed = stats->unsubscribed_at != TIME_UNSET,
        .dropped = stats->dropped_at != TIME_UNSET,
        .opens = stats->open_count,
        .clicks = stats->click_count,
        .total_clicks = stats->total_click_count,
        .machine_opens = stats->machine_open_count,
        .machine_clicks = stats->machine_click_count,
        .open_delay_ms = opened ? open_delay_ms(stats) : 0,
    };
}

/* ---- the same in time ---- */

static int64_t first_interest(const struct email_stats *stats) {
    if (stats->opened_at == TIME_UNSET || stats->clicked_at == TIME_UNSET)
        return stats->opened_at == TIME_UNSET ? stats->clicked_at : stats->opened_at;
    return stats->opened_at < stats->clicked_at ? stats->opened_at : stats->clicked_at;
}

/* Takes `change` from the one moment and gives it to the other. */
static void move(int64_t from, int64_t to, const struct contribution *change, counters_happening happened,
                 void *context) {
    if (from == to) return;
    if (from != TIME_UNSET) {
        const struct contribution none = {0}, taken = contribution_difference(&none, change);
        happened(context, from, &taken);
    }
    if (to != TIME_UNSET) happened(context, to, change);
}

void counters_happened(const struct email_stats *before, const struct email_stats *after, counters_happening happened,
                       void *context) {
    move(before->delivered_at, after->delivered_at, &(struct contribution){.delivered = 1}, happened, context);
    move(before->clicked_at, after->clicked_at, &(struct contribution){.clicked = 1}, happened, context);
    move(first_interest(before), first_interest(after), &(struct contribution){.opened_or_clicked = 1}, happened,
         context);
    move(before->replied_at, after->replied_at, &(struct contribution){.replied = 1}, happened, context);
    move(before->complained_at, after->complained_at, &(struct contribution){.complained = 1}, happened, context);
    move(before->unsubscribed_at, after->unsubscribed_at, &(struct contribution){.unsubscribed = 1}, happened, context);
    move(before->dropped_at, after->dropped_at, &(struct contribution){.dropped = 1}, happened, context);
    /* Whose size goes by the moment, or by more than it. */
    if (before->opened_at != after->opened_at) {
        move(before->opened_at, TIME_UNSET, &(struct contribution){.opened = 1, .open_delay_ms = open_delay_ms(before)},
             happened, context);
        move(TIME_UNSET, after->opened_at, &(struct contribution){.opened = 1, .open_delay_ms = open_delay_ms(after)},
             happened, context);
    }
    bool was_hard = before->bounce_type == BOUNCE_HARD, is_hard = after->bounce_type == BOUNCE_HARD;
    if (before->bounced_at != after->bounced_at || was_hard != is_hard) {
        move(before->bounced_at, TIME_UNSET, &(struct contribution){.bounced = 1, .bounced_hard = was_hard}, happened,
             context);
        move(TIME_UNSET, after->bounced_at, &(struct contribution){.bounced = 1, .bounced_hard = is_hard}, happened,
             context);
    }
}

void counters_link_happened(const struct link_stats *before, const struct link_stats *after,
                            counters_happening happened, void *context) {
    move(before->clicked_at, after->clicked_at, &(struct contribution){.clicks = 1}, happened, context);
}

void counters_event_happened(const struct counted_event *event, counters_happening happened, void *context) {
    bool human = verdict_is_human(event->verdict);
    if (event->verdict == VERDICT_EVIDENCE) return;
    if (event->type == EVENT_OPEN)
        happened(context, event->occurred_at, &(struct contribution){.opens = human, .machine_opens = !human});
    if (event->type == EVENT_CLICK)
        happened(context, event->occurred_at, &(struct contribution){.total_clicks = human, .machine_clicks = !human});
}

struct contribution contribution_difference(const struct contribution *a, const struct contribution *b) {
    struct contribution difference;
#define SUBTRACT(field) difference.field = a->field - b->field;
    CONTRIBUTION_FIELDS(SUBTRACT)
#undef SUBTRACT
    return difference;
}

void contribution_add(struct contribution *a, const struct contribution *b) {
#define ADD(field) a->field += b->field;
    CONTRIBUTION_FIELDS(ADD)
#undef ADD
}

bool contribution_is_zero(const struct contribution *a) {
#define DIFFERS(field)                                                                                                 \
    if (a->field != 0) return false;
    CONTRIBUTION_FIELDS(DIFFERS)
#undef DIFFERS
    return true;
}

/* Below 2^6 seconds a bucket is one second; from there 2^5 buckets share each power of two. */
#define EXACT_BITS  6
#define DIVIDE_BITS 5

int32_t open_delay_bucket(int64_t delay_ms) {
    if (delay_ms < 0) return 0;
    uint64_t seconds = (uint64_t)delay_ms / 1000;
    if (seconds < (1U << EXACT_BITS)) return (int32_t)seconds;
    int32_t exponent = 63 - __builtin_clzll(seconds);
    int32_t within = (int32_t)(seconds >> (exponent - DIVIDE_BITS)) - (1 << DIVIDE_BITS);
    return (1 << EXACT_BITS) + (exponent - EXACT_BITS) * (1 << DIVIDE_BITS) + within;
}

double open_delay_bucket_middle(int32_t bucket) {
    if (bucket < 0) return 0;
    if (bucket < (1 << EXACT_BITS)) return bucket;
    int32_t exponent = EXACT_BITS + (bucket - (1 << EXACT_BITS)) / (1 << DIVIDE_BITS);
    int32_t within = bucket % (1 << DIVIDE_BITS);
    if (exponent > 62) exponent = 62;
    uint64_t width = (uint64_t)1 << (exponent - DIVIDE_BITS);
    uint64_t lowest = ((uint64_t)1 << exponent) + (uint64_t)within * width;
    return (double)lowest + (double)(width - 1) / 2; /* the mean of the whole seconds lowest … lowest + width - 1 */
}

int64_t open_delay_ms(const struct email_stats *stats) {
    return stats->opened_at > stats->sent_at ? stats->opened_at - stats->sent_at : 0;
}
