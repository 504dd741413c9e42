/* metrics: what /metrics shows. Every figure is a row of the table in metrics.c: name, kind, help. Counting is one
 * relaxed atomic add; safe from any thread. A handle belongs to the program's one `struct metrics`, passed down. */
#ifndef INKLING_BASE_METRICS_H
#define INKLING_BASE_METRICS_H

#include <stdatomic.h>

#include "base/slice.h"

struct strbuf;

/* X(symbol, prometheus name, kind, help) — kinds: counter, gauge, histogram (seconds) */
#define METRICS_TABLE(X)                                                                                               \
    X(HTTP_REQUESTS, "inkling_http_requests_total", counter, "HTTP requests answered")                                 \
    X(HTTP_REFUSED, "inkling_http_refused_total", counter, "HTTP requests refused before a route saw them")            \
    X(HTTP_CONNECTIONS, "inkling_http_connections", gauge, "open HTTP connections")                                    \
    X(WEBHOOK_DELIVERIES, "inkling_webhook_deliveries_total", counter, "webhook requests received")                    \
    X(WEBHOOK_REJECTED, "inkling_webhook_rejected_total", counter,                                                     \
      "webhook requests with a wrong signature or source")                                                             \
    X(WEBHOOK_FAILED, "inkling_webhook_failed_total", counter, "webhook requests that were signed but unreadable")     \
    X(WEBHOOK_LIMITED, "inkling_webhook_limited_total", counter, "webhook requests over the rate limit")               \
    X(WEBHOOK_SECONDS, "inkling_webhook_seconds", histogram, "time from the last byte of a webhook to its answer")     \
    X(EVENTS_RECEIVED, "inkling_events_received_total", counter, "events parsed from deliveries")                      \
    X(EVENTS_STORED, "inkling_events_stored_total", counter, "new events stored")                                      \
    X(EVENTS_DUPLICATE, "inkling_events_duplicate_total", counter, "events seen before")                               \
    X(EVENTS_ORPHANED, "inkling_events_orphaned_total", counter, "events of unknown emails")                           \
    X(EVENTS_ADOPTED, "inkling_events_adopted_total", counter, "orphan events whose email was registered later")       \
    X(EVENTS_WITHHELD, "inkling_events_withheld_total", counter, "opens and clicks not recorded for want of consent")  \
    X(EVENTS_MACHINE, "inkling_events_machine_total", counter, "events stored as made by a machine")                   \
    X(EMAILS_REGISTERED, "inkling_emails_registered_total", counter, "emails registered")                              \
    X(QUEUE_EVENTS, "inkling_ingest_queue_events", gauge, "events waiting to be written")                              \
    X(QUEUE_FULL, "inkling_ingest_queue_full_total", counter, "requests answered 503 because the queue was full")      \
    X(COMMITS, "inkling_store_commits_total", counter, "transactions committed by the writer")                         \
    X(COMMIT_FAILURES, "inkling_store_commit_failures_total", counter, "transactions of the writer that failed")       \
    X(COMMIT_SECONDS, "inkling_store_commit_seconds", histogram, "time of one writer transaction")                     \
    X(RECORDS_DROPPED, "inkling_security_records_dropped_total", counter,                                              \
      "security or failure records not kept: bound reached")                                                           \
    X(HITS, "inkling_tracking_hits_total", counter, "hits of our own pixels, links and pages written to the journal")  \
    X(HITS_REPEATED, "inkling_tracking_hits_repeated_total", counter,                                                  \
      "hits not stored because their token had too many in one minute")                                                \
    X(HITS_DROPPED, "inkling_tracking_hits_dropped_total", counter, "hits lost: queue or journal full")                \
    X(HITS_REFUSED, "inkling_tracking_hits_refused_total", counter, "hits that the database cannot store")             \
    X(HITS_WAITING, "inkling_tracking_hits_waiting", gauge, "hits taken that are not yet in the database")             \
    X(HIT_SECONDS, "inkling_tracking_hit_durable_seconds", histogram, "time from a hit's answer to its being on disk") \
    X(TOKENS_REFUSED, "inkling_tracking_tokens_refused_total", counter, "requests with a tracking token not of ours")  \
    X(DELIVERIES_REPLAYED, "inkling_deliveries_replayed_total", counter, "kept deliveries processed again")            \
    X(MAILS_RECEIVED, "inkling_mails_received_total", counter, "received mails, by webhook or LMTP")                   \
    X(MAILS_FAILED, "inkling_mails_failed_total", counter, "mails that came by LMTP and were not stored")              \
    X(NOTIFICATIONS, "inkling_notifications_total", counter, "notifications made or merged")                           \
    X(OUTGOING_DELIVERED, "inkling_outgoing_webhooks_delivered_total", counter, "outgoing webhooks that were taken")   \
    X(OUTGOING_FAILED, "inkling_outgoing_webhooks_failed_total", counter, "attempts at outgoing webhooks that failed") \
    X(OUTGOING_GIVEN_UP, "inkling_outgoing_webhooks_given_up_total", counter,                                          \
      "outgoing webhooks whose repeats all failed")                                                                    \
    X(OUTGOING_WITHHELD, "inkling_outgoing_webhooks_withheld_total", counter,                                          \
      "outgoing webhooks not sent because what they tell is not allowed any more")                                     \
    X(OUTGOING_DROPPED, "inkling_outgoing_webhooks_dropped_total", counter,                                            \
      "events not told because their subscription's backlog was full")                                                 \
    X(OUTGOING_DISABLED, "inkling_outgoing_webhooks_disabled_total", counter,                                          \
      "webhook subscriptions disabled by the service")                                                                 \
    X(OUTGOING_UNDER_WAY, "inkling_outgoing_webhooks_under_way", gauge, "outgoing webhooks that wait for an answer")   \
    X(OUTGOING_SECONDS, "inkling_outgoing_webhooks_seconds", histogram, "time of one attempt at an outgoing webhook")  \
    X(STREAMS, "inkling_streams", gauge, "open live streams")

enum metric {
#define METRIC_ENUM(symbol, name, kind, help) METRIC_##symbol,
    METRICS_TABLE(METRIC_ENUM)
#undef METRIC_ENUM
        METRIC_COUNT
};

#define METRIC_BUCKETS 14 /* 0.5 ms … 10 s and +Inf, see metrics.c */

struct metrics {
    _Atomic int64_t value[METRIC_COUNT]; /* counters and gauges; for a histogram the count */
    _Atomic int64_t sum_us[METRIC_COUNT];
    _Atomic int64_t bucket[METRIC_COUNT][METRIC_BUCKETS];
};

static inline void metric_add(struct metrics *metrics, enum metric metric, int64_t amount) {
    atomic_fetch_add_explicit(&metrics->value[metric], amount, memory_order_relaxed);
}
static inline void metric_set(struct metrics *metrics, enum metric metric, int64_t value) {
    atomic_store_explicit(&metrics->value[metric], value, memory_order_relaxed);
}
static inline int64_t metric_get(const struct metrics *metrics, enum metric metric) {
    return atomic_load_explicit(&metrics->value[metric], memory_order_relaxed);
}
void metric_observe_us(struct metrics *metrics, enum metric metric, int64_t microseconds);
/* `count` times the same. */
void metric_observe_many_us(struct metrics *metrics, enum metric metric, int64_t microseconds, int64_t count);
/* The Prometheus text format 0.0.4, the process' own figures (memory, CPU, start time, descriptors) included. */
void metrics_write(const struct metrics *metrics, struct strbuf *out);

#endif
