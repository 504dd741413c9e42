/* replay: processing a kept delivery again, on the same road as a live one. */
#ifndef INKLING_INGEST_REPLAY_H
#define INKLING_INGEST_REPLAY_H

#include "ingest/mail.h"
#include "ingest/receive.h"
#include "ingest/writer.h"
#include "store/deliveries.h"

struct replay {
    struct store *store;
    struct writer *writer;
    struct endpoints *endpoints;
    struct certificates *certificates;
    struct metrics *metrics;
    struct mail_intake intake; /* its store is set here */
};

#define REPLAY_ATTEMPTS_MAX  10
#define REPLAY_FIRST_WAIT_MS (60 * 1000LL)
#define REPLAY_WAIT_MAX_MS   (6 * 3600 * 1000LL)

/* When to try again after that many failed attempts: a minute, doubling up to six hours. */
int64_t replay_wait_ms(int64_t attempts);

/* Loads the delivery through `db` (a reader), processes it by its endpoint as stored now, and stores what became of it;
 * *ret (in `arena`) tells. That it failed again is no error: then ret->last_error says why, and a failed delivery is
 * given up after REPLAY_ATTEMPTS_MAX. ERR_NOT_FOUND; ERR_CONFLICT: already processed, maybe meanwhile, or cut. Blocks;
 * not on an event thread. */
MUST_USE int replay_delivery(const struct replay *replay, struct db *db, int64_t organization_id, int64_t id,
                             int64_t now, struct arena *arena, struct kept_delivery *ret, struct err *err);

#endif
