/* traffic: the stream of events that every measurement uses, the same for the same seed.
 *
 * Of the emails, 80 % of the events hit the newest `recent`, the rest any. Event time runs on by itself, at
 * `events_per_second` of event time, wherever the stream is delivered. `late` of the events lie back: half of them
 * 1 to 60 minutes, half up to 3 days. `duplicates` of the events repeat one of the last 50 000. */
#ifndef INKLING_BENCH_TRAFFIC_H
#define INKLING_BENCH_TRAFFIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRAFFIC_HISTORY 50000

struct traffic_event {
    int64_t email;  /* 0 … emails - 1, the newest last */
    int64_t time_s; /* seconds since 1970 */
    uint8_t type;   /* enum event_type */
    bool machine;
    int16_t link; /* -1: none */
    uint16_t agent;
    uint32_t ip;
    uint64_t id[2]; /* of the provider */
};

struct traffic {
    uint64_t random;
    int64_t emails, recent;
    double duplicates, late;
    double events_per_second;
    double now_s; /* event time */
    struct traffic_event *history;
    size_t history_count, history_at;
};

void traffic_init(struct traffic *traffic, uint64_t seed, int64_t emails, int64_t start_s);
void traffic_release(struct traffic *traffic);
struct traffic_event traffic_next(struct traffic *traffic);

/* The message id of an email: 22 characters as SendGrid makes them. `out` holds 23 bytes. */
void traffic_message_id(int64_t email, char out[23]);
void traffic_recipient(int64_t email, char *out, size_t size);
void traffic_url(int16_t link, char *out, size_t size);
void traffic_agent(uint16_t agent, char *out, size_t size);
void traffic_provider_id(const struct traffic_event *event, char out[23]);
const char *traffic_type_name(uint8_t type); /* SendGrid's */

#endif
