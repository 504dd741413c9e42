/* sender: brings deliveries to subscribers (store/webhook_deliveries.h). One thread of its own that drives many
 * exchanges; nothing waits for it. Each delivery arrives at least once: its row is changed after the answer only, so an
 * end of the process in between means that it is sent again, under the same webhook-id.
 *
 * A subscription gets up to LANE_MAX deliveries at a time, the longest due first; while it fails, one at a time with
 * rests in between (schedule.h), so that a dead receiver costs little and others do not notice. */
#ifndef INKLING_SUBSCRIPTION_SENDER_H
#define INKLING_SUBSCRIPTION_SENDER_H

#include "base/metrics.h"
#include "ingest/secret_box.h"
#include "ingest/writer.h"
#include "subscription/wishes.h"

struct sender;
struct store;

struct sender_options {
    struct store *store;
    struct writer *writer; /* outlives sender_stop */
    struct wishes *wishes;
    const struct secret_box *secret_box;
    struct metrics *metrics;
    /* May it connect to internal addresses, and over plain HTTP? */
    bool (*allow_internal)(void *context);
    void *context;
};

MUST_USE int sender_start(const struct sender_options *options, struct sender **ret, struct err *err);
/* There may be something new. Any thread. */
void sender_wake(struct sender *sender);
/* Waits a moment for what is under way and gives up the rest, which is then due again at once. Before the writer is
 * stopped. */
void sender_stop(struct sender *sender);
struct sender *sender_free(struct sender *sender); /* NULL accepted */

#endif
