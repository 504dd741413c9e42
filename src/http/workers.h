/* workers: a few threads that run what may block, behind a queue with a bound. Thread-safe. */
#ifndef INKLING_HTTP_WORKERS_H
#define INKLING_HTTP_WORKERS_H

#include <stdbool.h>
#include <stddef.h>

struct workers;

struct workers *workers_new(size_t threads, size_t queue_max, void (*run)(void *job));
/* Runs what is queued, then ends the threads. Nobody may push any more. */
struct workers *workers_free(struct workers *workers);
/* Keeps a place in the queue; false when all are taken. A kept place must be filled by workers_push. In two steps, so
 * that the caller can get the job ready between them, knowing that it will be run. */
bool workers_reserve(struct workers *workers);
void workers_push(struct workers *workers, void *job);

#endif
