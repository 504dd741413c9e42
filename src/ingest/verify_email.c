#include "ingest/verify_email.h"

#include <stdlib.h>

#include "base/memory.h"

#include "base/banned.h"

void email_recount_init(struct email_recount *recount, counters_happening happened, void *context) {
    *recount = (struct email_recount){.happened = happened, .happened_context = context};
}

void email_recount_release(struct email_recount *recount) {
    free(recount->links);
    free(recount->chain);
    email_recount_init(recount, recount->happened, recount->happened_context);
}

void email_recount_begin(struct email_recount *recount, const struct email_stats *stored) {
    email_stats_init(&recount->stats);
    recount->stats.email_log_id = stored->email_log_id;
    recount->stats.organization_id = stored->organization_id;
    recount->stats.cohort_id = stored->cohort_id;
    recount->stats.sent_at = stored->sent_at;
    recount->stats.recipient_hash = stored->recipient_hash;
    recount->stats.tracking = stored->tracking;
    recount->stats.tracking_now = stored->tracking_now;
    recount->link_count = recount->chain_count = 0;
    recount->events = 0;
}

/* The figures of a link, made when the link is new. Links stay in the order of their ids. */
static struct link_stats *link_of(struct email_recount *recount, int64_t link_id) {
    size_t low = 0, high = recount->link_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (recount->links[middle].link_id < link_id)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < recount->link_count && recount->links[low].link_id == link_id) return &recount->links[low];
    if (recount->link_count == recount->link_capacity) {
        recount->link_capacity = memory_next_capacity(recount->link_capacity, recount->link_count + 1);
        recount->links = memory_grow(recount->links, recount->link_capacity, sizeof(*recount->links));
    }
    struct link_stats *link = &recount->links[low];
    memmove(link + 1, link, (recount->link_count - low) * sizeof(*link));
    recount->link_count++;
    link_stats_init(link);
    link->email_log_id = recount->stats.email_log_id;
    link->link_id = link_id;
    return link;
}

void email_recount_add(struct email_recount *recount, const struct recount_event *event) {
    const struct counted_event counted = {
        .type = (enum event_type)event->key.event_type,
        .bounce = event->bounce,
        .verdict = event->verdict,
        .occurred_at = event->key.occurred_at,
    };
    bool of_link = counted.type == EVENT_CLICK && event->key.link_id != 0 && event->verdict != VERDICT_EVIDENCE;
    struct link_stats *link = of_link ? link_of(recount, event->key.link_id) : NULL, link_before;
    if (link) link_before = *link;
    counters_add(&recount->stats, link, &counted);
    counters_event_happened(&counted, recount->happened, recount->happened_context);
    if (link) counters_link_happened(&link_before, link, recount->happened, recount->happened_context);
    recount->events++;
    if (recount->chain_count == CHAIN_EVENTS_MAX) return;
    if (recount->chain_count == recount->chain_capacity) {
        recount->chain_capacity = memory_next_capacity(recount->chain_capacity, recount->chain_count + 1);
        recount->chain = memory_grow(recount->chain, recount->chain_capacity, sizeof(*recount->chain));
    }
    recount->chain[recount->chain_count++] = (struct chained_event){
        .occurred_at = event->key.occurred_at, .has_former = event->has_former, .former_at = event->former_at};
}

void email_recount_end(struct email_recount *recount) {
    struct email_stats nothing;
    email_stats_init(&nothing);
    counters_happened(&nothing, &recount->stats, recount->happened, recount->happened_context);
}

/* The first event of that time; chain_count: there is none. */
static size_t first_at(const struct email_recount *recount, int64_t time) {
    size_t low = 0, high = recount->chain_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (recount->chain[middle].occurred_at < time)
            low = middle + 1;
        else
            high = middle;
    }
    bool found = low < recount->chain_count && recount->chain[low].occurred_at == time;
    return found ? low : recount->chain_count;
}

int64_t email_recount_reached(const struct email_recount *recount, int64_t head) {
    size_t count = recount->chain_count, waiting = 0;
    int64_t reached = 0;
    if (head == TIME_UNSET || count == 0) return 0;
    bool *seen = memory_alloc_array(count, sizeof(*seen)); /* at the first event of a time */
    size_t *stack = memory_alloc_array(count, sizeof(*stack));
    size_t start = first_at(recount, head);
    if (start < count) {
        seen[start] = true;
        stack[waiting++] = start;
    }
    while (waiting > 0) {
        /* All events of one time are found together, whichever of them the chain meant. */
        size_t at = stack[--waiting];
        int64_t time = recount->chain[at].occurred_at;
        for (; at < count && recount->chain[at].occurred_at == time; at++) {
            reached++;
            size_t former = recount->chain[at].has_former ? first_at(recount, recount->chain[at].former_at) : count;
            if (former == count || seen[former]) continue;
            seen[former] = true;
            stack[waiting++] = former;
        }
    }
    free(seen);
    free(stack);
    return reached;
}
