/* app: what a running service consists of. Made by cmd/serve.c in visible order, passed down; there is no other state.
 */
#ifndef INKLING_API_APP_H
#define INKLING_API_APP_H

#include "base/metrics.h"
#include "config/config.h"
#include "http/limits.h"
#include "http/server.h"
#include "ingest/endpoints.h"
#include "ingest/receive.h"
#include "ingest/secret_box.h"
#include "ingest/writer.h"
#include "store/store.h"

struct app {
    const struct config *config; /* replaced as a whole on SIGHUP: read through app_config() */
    struct store *store;
    struct writer *writer;
    struct endpoints *endpoints;
    struct certificates *certificates;
    struct limits *limits;
    struct secret_box secret_box;
    struct metrics *metrics;
    _Atomic bool ready; /* /readyz */
};

#endif
