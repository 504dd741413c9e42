#include "bench/traffic.h"

#include <stdio.h>
#include <stdlib.h>

static uint64_t mix(uint64_t value) { /* splitmix64 */
    value += 0x9E3779B97F4A7C15ULL;
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9ULL;
    value = (value ^ (value >> 27)) * 0x94D049BB133111EBULL;
    return value ^ (value >> 31);
}

static uint64_t next_random(struct traffic *traffic) {
    return mix(traffic->random++);
}

static double next_unit(struct traffic *traffic) {
    return (double)(next_random(traffic) >> 11) / 9007199254740992.0;
}

void traffic_init(struct traffic *traffic, uint64_t seed, int64_t emails, int64_t start_s) {
    *traffic = (struct traffic){
        .random = mix(seed) << 20,
        .emails = emails,
        .recent = emails < 20000 ? emails : 20000,
        .duplicates = 0.05,
        .late = 0.02,
        .events_per_second = 20,
        .now_s = (double)start_s,
        .history = calloc(TRAFFIC_HISTORY, sizeof(struct traffic_event)),
    };
    if (!traffic->history) abort();
}

void traffic_release(struct traffic *traffic) {
    free(traffic->history);
    traffic->history = NULL;
}

static uint8_t next_type(struct traffic *traffic) {
    double at = next_unit(traffic);
    if (at < 0.12) return 1;   /* processed */
    if (at < 0.42) return 2;   /* delivered */
    if (at < 0.82) return 5;   /* open */
    if (at < 0.95) return 6;   /* click */
    if (at < 0.97) return 8;   /* bounce */
    if (at < 0.99) return 3;   /* deferred */
    if (at < 0.995) return 10; /* unsubscribe */
    return 9;                  /* complaint */
}

struct traffic_event traffic_next(struct traffic *traffic) {
    if (traffic->history_count > 0 && next_unit(traffic) < traffic->duplicates)
        return traffic->history[next_random(traffic) % traffic->history_count];
    bool recent = next_unit(traffic) < 0.8;
    uint64_t pick = next_random(traffic);
    struct traffic_event event = {
        .email = recent ? traffic->emails - 1 - (int64_t)(pick % (uint64_t)traffic->recent)
                        : (int64_t)(pick % (uint64_t)traffic->emails),
        .type = next_type(traffic),
        .link = -1,
        .agent = (uint16_t)(next_random(traffic) % 2000),
        .ip = (uint32_t)next_random(traffic),
        .id = {next_random(traffic), next_random(traffic)},
    };
    double time = traffic->now_s;
    traffic->now_s += 1.0 / traffic->events_per_second;
    double late = next_unit(traffic);
    if (late < traffic->late / 2)
        time -= 60 + next_unit(traffic) * 3540;
    else if (late < traffic->late)
        time -= next_unit(traffic) * 3 * 86400;
    else
        time -= next_unit(traffic) * 20;
    event.time_s = (int64_t)time;
    event.machine = event.type == 5 && next_unit(traffic) < 0.2;
    if (event.type == 6) event.link = (int16_t)(next_random(traffic) % 400);
    traffic->history[traffic->history_at] = event;
    traffic->history_at = (traffic->history_at + 1) % TRAFFIC_HISTORY;
    if (traffic->history_count < TRAFFIC_HISTORY) traffic->history_count++;
    return event;
}

static void base64url_22(uint64_t high, uint64_t low, char out[23]) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for (int i = 0; i < 21; i++) { /* 126 bits, then 2 */
        int bit = 128 - 6 * (i + 1);
        uint64_t group = bit >= 64 ? high >> (bit - 64) : bit > 58 ? high << (64 - bit) | low >> bit : low >> bit;
        out[i] = digits[group & 63];
    }
    out[21] = digits[(low & 3) << 4];
    out[22] = '\0';
}

void traffic_message_id(int64_t email, char out[23]) {
    base64url_22(mix((uint64_t)email * 2 + 1), mix((uint64_t)email * 2 + 2), out);
}

void traffic_recipient(int64_t email, char *out, size_t size) {
    snprintf(out, size, "candidate%lld@mail%lld.example.org", (long long)email, (long long)(email % 97));
}

void traffic_url(int16_t link, char *out, size_t size) {
    snprintf(out, size, "https://jobs.example.org/positions/%d/apply?source=email", link);
}

void traffic_agent(uint16_t agent, char *out, size_t size) {
    snprintf(out, size,
             "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/%d.0.%d.0 "
             "Safari/537.36",
             90 + agent % 50, agent);
}

void traffic_provider_id(const struct traffic_event *event, char out[23]) {
    base64url_22(event->id[0], event->id[1], out);
}

const char *traffic_type_name(uint8_t type) {
    static const char *const names[] = {[1] = "processed", [2] = "delivered", [3] = "deferred",   [5] = "open",
                                        [6] = "click",     [8] = "bounce",    [9] = "spamreport", [10] = "unsubscribe"};
    return names[type];
}
