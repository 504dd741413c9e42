/* notifier: takes what ingest left in the outbox, makes notifications of it for those who want them and deliveries for
 * webhook subscriptions (subscription/plan.h), and gives events and notifications to the hub, after the commit. One
 * thread of its own: ingest never waits for it. Behind by design at most by a commit of the writer; what it has not got
 * to when the process ends is still in the outbox at the next start.
 *
 * Also keeps the streams honest: one whose session has ended is ended within SESSIONS_EVERY. */
#ifndef INKLING_NOTIFY_NOTIFIER_H
#define INKLING_NOTIFY_NOTIFIER_H

#include "base/metrics.h"
#include "ingest/sink.h"
#include "ingest/writer.h"
#include "notify/hub.h"
#include "subscription/wishes.h"

struct notifier;
struct store;

struct notifier_options {
    struct store *store;
    struct hub *hub;
    struct metrics *metrics;
    struct wishes *wishes; /* of webhook subscriptions; kept up to date */
    /* Deliveries of one webhook subscription that may wait. */
    int64_t (*webhook_backlog_max)(void *context);
    /* There are new ones. Must not block. */
    void (*webhooks_planned)(void *context);
    /* Sessions are in force while made and used after these. */
    void (*session_limits)(void *context, int64_t *ret_made_after, int64_t *ret_used_after);
    void *context;
};

struct notifier *notifier_new(const struct notifier_options *options);
/* For writer_options; good from now until notifier_free. */
const struct event_sink *notifier_sink(struct notifier *notifier);
/* Loads who wants to hear of what, and begins. `writer` outlives notifier_stop. */
MUST_USE int notifier_start(struct notifier *notifier, struct writer *writer, struct err *err);
/* Preferences changed: they are in force when this returns or within a moment. */
void notifier_look_again(struct notifier *notifier);
/* Before the writer is stopped. */
void notifier_stop(struct notifier *notifier);
struct notifier *notifier_free(struct notifier *notifier); /* NULL accepted */

#endif
