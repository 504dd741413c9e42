#include "http/workers.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/memory.h"

#include "base/banned.h"

struct workers {
    pthread_mutex_t lock;
    pthread_cond_t pushed;
    void (*run)(void *job);
    void **queue; /* a ring */
    size_t queue_max;
    size_t first, count;
    size_t reserved; /* places kept or filled; never above queue_max */
    bool ending;
    size_t thread_count;
    pthread_t threads[];
};

static void *work(void *argument) {
    struct workers *workers = argument;
    pthread_mutex_lock(&workers->lock);
    for (;;) {
        while (workers->count == 0 && !workers->ending)
            pthread_cond_wait(&workers->pushed, &workers->lock);
        if (workers->count == 0) break;
        void *job = workers->queue[workers->first];
        workers->first = (workers->first + 1) % workers->queue_max;
        workers->count--;
        workers->reserved--;
        pthread_mutex_unlock(&workers->lock);
        workers->run(job);
        pthread_mutex_lock(&workers->lock);
    }
    pthread_mutex_unlock(&workers->lock);
    return NULL;
}

struct workers *workers_new(size_t threads, size_t queue_max, void (*run)(void *job)) {
    struct workers *workers = memory_alloc(sizeof(*workers) + threads * sizeof(pthread_t));
    pthread_mutex_init(&workers->lock, NULL);
    pthread_cond_init(&workers->pushed, NULL);
    workers->run = run;
    workers->queue = memory_alloc_array(queue_max, sizeof(void *));
    workers->queue_max = queue_max;
    workers->thread_count = threads;
    for (size_t i = 0; i < threads; i++)
        if (pthread_create(&workers->threads[i], NULL, work, workers) != 0) BUG("no thread can be started");
    return workers;
}

struct workers *workers_free(struct workers *workers) {
    if (workers == NULL) return NULL;
    pthread_mutex_lock(&workers->lock);
    workers->ending = true;
    pthread_cond_broadcast(&workers->pushed);
    pthread_mutex_unlock(&workers->lock);
    for (size_t i = 0; i < workers->thread_count; i++)
        pthread_join(workers->threads[i], NULL);
    pthread_cond_destroy(&workers->pushed);
    pthread_mutex_destroy(&workers->lock);
    free(workers->queue);
    free(workers);
    return NULL;
}

bool workers_reserve(struct workers *workers) {
    pthread_mutex_lock(&workers->lock);
    bool free_place = workers->reserved < workers->queue_max;
    if (free_place) workers->reserved++;
    pthread_mutex_unlock(&workers->lock);
    return free_place;
}

void workers_push(struct workers *workers, void *job) {
    pthread_mutex_lock(&workers->lock);
    if (workers->count >= workers->reserved) BUG("pushed without a reserved place");
    workers->queue[(workers->first + workers->count) % workers->queue_max] = job;
    workers->count++;
    pthread_cond_signal(&workers->pushed);
    pthread_mutex_unlock(&workers->lock);
}
