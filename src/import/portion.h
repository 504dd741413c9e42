/* portion: what becomes one transaction of an import. Internal to import/. Filled and waited for by one thread; while
 * it is with the writer it belongs to the writer's. */
#ifndef INKLING_IMPORT_PORTION_H
#define INKLING_IMPORT_PORTION_H

#include <pthread.h>

#include "import/import.h"
#include "ingest/registration.h"
#include "store/imports.h"

/* Where an import is: what its row in the database says. */
struct import_state {
    int64_t refused_bytes;
    int64_t started_at;
    struct import_totals totals;
};

struct portion {
    struct write_job job;
    const struct import_options *options;
    struct import_key key; /* no row is kept when file_size is 0 */
    struct arena *arena;   /* of events and registrations */
    struct event *events;
    size_t event_count, event_capacity;
    struct event_batch *batch;
    struct registration *registrations; /* REGISTRATION_EMAILS_MAX */
    int64_t *lines;                     /* theirs */
    size_t registration_count;
    struct strbuf refused; /* lines of the report */
    struct import_totals totals;
    bool is_last;
    struct import_state before, after; /* the database, without and with this portion */

    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t wake;
    bool submitted, finished;
    int result;
    struct err err;
};

void portion_init(struct portion *portion, const struct import_options *options);
void portion_release(struct portion *portion);
void portion_clear(struct portion *portion);

/* The events are copied, what they point to must lie in the portion's arena. */
void portion_add_events(struct portion *portion, const struct event *events, size_t count);
void portion_refuse(struct portion *portion, int64_t line, enum import_total reason, const char *sentence);
bool portion_is_full(const struct portion *portion);

/* Hands it to the writer; `before`: what the database will say by then. */
MUST_USE int portion_submit(struct portion *portion, const struct import_state *before, struct err *err);
/* Until it is in the database; then `after` says what it holds. */
MUST_USE int portion_wait(struct portion *portion, struct err *err);

void import_totals_add(struct import_totals *sum, const struct import_totals *more);
void import_totals_write(const struct import_totals *totals, struct strbuf *out);
void import_totals_read(struct json_value object, struct import_totals *ret);

#endif
