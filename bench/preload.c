/* preload: fills a database, through the product's own road, with emails and a history of events.
 *
 *   preload --database URL --organization ID --emails N --rows N --start SECONDS --seed N
 *
 * Registers the emails when there are none, then applies events until `rows` are stored. Prints one line of JSON with
 * the event time at which the history ends. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "base/clock.h"
#include "bench/traffic.h"
#include "ingest/apply.h"
#include "ingest/registration.h"
#include "ingest/scores.h"
#include "store/db.h"
#include "store/engagement.h"
#include "store/store.h"

#define GROUP_EVENTS 20000

static void must(int result, const struct err *err) {
    if (result >= 0) return;
    fprintf(stderr, "preload: %s\n", err->text);
    exit(1);
}

static void register_range(struct applier *applier, struct db *db, int64_t organization, int64_t first, int64_t total,
                           int64_t start_s) {
    struct registration registrations[REGISTRATION_EMAILS_MAX] = {0};
    struct arena *arena = arena_new();
    struct err err = {0};
    size_t count = 0;
    for (; count < REGISTRATION_EMAILS_MAX && first + (int64_t)count < total; count++) {
        int64_t email = first + (int64_t)count;
        char *message_id = arena_bytes(arena, 23), *address = arena_bytes(arena, 64);
        traffic_message_id(email, message_id);
        traffic_recipient(email, address, 64);
        registrations[count] = (struct registration){
            .message_id = slice_cstr(message_id),
            .subject = SLICE("Interview invitation"),
            .sent_at =
                (start_s - (total - email) * 86400 * 30 / total) * 1000, /* spread over 30 days, the newest last */
            .candidate = {.external_id = slice_cstr(arena_printf(arena, "c%lld", (long long)(email % 100000))),
                          .email = slice_cstr(address)},
            .sender = {.external_id = slice_cstr(arena_printf(arena, "u%lld", (long long)(email / 50 % 7)))},
            .job = {.external_id = slice_cstr(arena_printf(arena, "j%lld", (long long)(email / 50 % 20)))},
            .template_ = {.external_id = slice_cstr(arena_printf(arena, "t%lld", (long long)(email / 50 % 50)))},
            .sequence_step = -1,
            .tracking = TRACKING_FULL,
        };
    }
    must(db_begin(db, DB_WRITE, &err), &err);
    must(register_emails(applier, db, organization, registrations, count, start_s * 1000, &err), &err);
    must(db_commit(db, &err), &err);
    arena_free(arena);
}

static struct event_batch *make_batch(struct traffic *traffic, int64_t organization, const unsigned char *hash_key) {
    struct arena *arena = arena_new();
    struct event *events = arena_alloc_array(arena, GROUP_EVENTS, sizeof(*events));
    for (size_t i = 0; i < GROUP_EVENTS; i++) {
        struct traffic_event event = traffic_next(traffic);
        char *message_id = arena_bytes(arena, 23), *id = arena_bytes(arena, 23), *recipient = arena_bytes(arena, 64);
        char *url = arena_bytes(arena, 128), *agent = arena_bytes(arena, 160);
        traffic_message_id(event.email, message_id);
        traffic_provider_id(&event, id);
        traffic_recipient(event.email, recipient, 64);
        traffic_url(event.link, url, 128);
        traffic_agent(event.agent, agent, 160);
        bool tracking = event.type == EVENT_OPEN || event.type == EVENT_CLICK;
        events[i] = (struct event){
            .type = event.type,
            .bounce = event.type == EVENT_BOUNCE ? BOUNCE_HARD : BOUNCE_NONE,
            .machine = event.machine ? MACHINE_HINT_MACHINE : MACHINE_HINT_NONE,
            .occurred_at = event.time_s * 1000,
            .keys = {slice_cstr(message_id)},
            .recipient = slice_cstr(recipient),
            .url = event.type == EVENT_CLICK ? slice_cstr(url) : SLICE_NONE,
            .link_position = event.type == EVENT_CLICK ? event.link % 8 : LINK_POSITION_NONE,
            .ip_address = tracking ? slice_cstr(arena_printf(arena, "%u.%u.%u.%u", event.ip >> 24, event.ip >> 16 & 255,
                                                             event.ip >> 8 & 255, event.ip & 255))
                                   : SLICE_NONE,
            .user_agent = tracking ? slice_cstr(agent) : SLICE_NONE,
            .provider_event_id = slice_cstr(id),
        };
    }
    return event_batch_new(arena, events, GROUP_EVENTS, organization, 1, (int64_t)traffic->now_s * 1000, hash_key);
}

int main(int count, char **arguments) {
    const char *url = NULL;
    int64_t organization = 1, emails = 1000000, rows = 0, start_s = 0;
    uint64_t seed = 1;
    for (int i = 1; i + 1 < count; i += 2) {
        const char *name = arguments[i], *value = arguments[i + 1];
        if (!strcmp(name, "--database"))
            url = value;
        else if (!strcmp(name, "--organization"))
            organization = strtoll(value, NULL, 10);
        else if (!strcmp(name, "--emails"))
            emails = strtoll(value, NULL, 10);
        else if (!strcmp(name, "--rows"))
            rows = strtoll(value, NULL, 10);
        else if (!strcmp(name, "--start"))
            start_s = strtoll(value, NULL, 10);
        else if (!strcmp(name, "--seed"))
            seed = strtoull(value, NULL, 10);
    }
    if (!url || !start_s) {
        fprintf(stderr, "preload: --database and --start are needed\n");
        return 2;
    }
    struct err err = {0};
    struct store *store;
    struct db *db;
    must(store_open(&(struct store_options){.url = url, .readers_max = 1, .sqlite_cache_bytes = 256 << 20}, &store,
                    &err),
         &err);
    must(store_writer(store, &db, &err), &err);
    struct applier *applier = applier_new(store_hash_key(store));

    struct message_key newest;
    char message_id[23];
    traffic_message_id(emails - 1, message_id);
    newest = message_key(store_hash_key(store), slice_cstr(message_id));
    struct email_lookup lookup = {.organization_id = organization, .key = newest};
    must(engagement_find_emails(db, &lookup, 1, &err), &err);
    if (lookup.email_log_id == 0) {
        for (int64_t email = 0; email < emails; email += REGISTRATION_EMAILS_MAX)
            register_range(applier, db, organization, email, emails, start_s);
    }

    /* The same density as the history of the figures in docs/performance.md: 10 million events in 30 days. */
    struct traffic traffic;
    traffic_init(&traffic, seed, emails, start_s);
    traffic.events_per_second = 3.86;
    int64_t stored = 0, began = clock_monotonic_us(), folded;
    size_t groups = 0;
    while (stored < rows) {
        struct event_batch *batch = make_batch(&traffic, organization, store_hash_key(store));
        must(db_begin(db, DB_WRITE, &err), &err);
        must(apply_batches(applier, db, &batch, 1, &err), &err);
        must(db_commit(db, &err), &err);
        stored += (int64_t)batch->result.stored;
        event_batch_free(batch);
        store_checkpoint(store);
        if (++groups % 5 == 0 || stored >= rows) {
            do {
                must(db_begin(db, DB_WRITE, &err), &err);
                must(engagement_fold(db, 20000, &folded, &err), &err);
                must(db_commit(db, &err), &err);
            } while (folded > 0);
        }
    }
    /* As a service at rest would leave it. */
    size_t looked, scores = 0;
    double events_cpu_s = (double)clock() / CLOCKS_PER_SEC;
    do {
        must(db_begin(db, DB_WRITE, &err), &err);
        must(scores_refresh(db, NULL, clock_now(), SCORES_PORTION, &looked, &(bool){false}, &err), &err);
        must(db_commit(db, &err), &err);
        store_checkpoint(store);
        scores += looked;
    } while (looked > 0);
    double scores_cpu_s = (double)clock() / CLOCKS_PER_SEC - events_cpu_s;
    printf("{\"stored\":%lld,\"seconds\":%.1f,\"end_s\":%.0f,\"events_cpu_s\":%.2f,\"scores\":%zu,\"scores_cpu_s\":%."
           "2f}\n",
           (long long)stored, (double)(clock_monotonic_us() - began) / 1e6, traffic.now_s, events_cpu_s, scores,
           scores_cpu_s);
    traffic_release(&traffic);
    applier_free(applier);
    store_writer_close(store, db);
    store_close(store);
    return 0;
}
