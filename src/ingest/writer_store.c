#include "ingest/writer.h"

#include <pthread.h>

#include "base/banned.h"

struct waiting {
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    bool finished;
    int result;
    struct err err;
};

static void batch_done(struct event_batch *batch, int result, const struct err *err) {
    struct waiting *waiting = batch->context;
    event_batch_free(batch);
    pthread_mutex_lock(&waiting->mutex);
    waiting->result = result;
    if (result < 0) waiting->err = *err;
    waiting->finished = true;
    pthread_cond_signal(&waiting->wake);
    pthread_mutex_unlock(&waiting->mutex);
}

int writer_store(struct writer *writer, struct event_batch *batch, struct err *err) {
    struct waiting waiting = {0};
    pthread_mutex_init(&waiting.mutex, NULL);
    pthread_cond_init(&waiting.wake, NULL);
    batch->done = batch_done;
    batch->context = &waiting; /* cppcheck-suppress autoVariables; used up before this function returns */
    int r = writer_submit(writer, batch, err);
    if (r < 0) {
        event_batch_free(batch);
    } else {
        pthread_mutex_lock(&waiting.mutex);
        while (!waiting.finished)
            pthread_cond_wait(&waiting.wake, &waiting.mutex);
        pthread_mutex_unlock(&waiting.mutex);
        r = waiting.result;
        if (r < 0 && err) *err = waiting.err;
    }
    pthread_cond_destroy(&waiting.wake);
    pthread_mutex_destroy(&waiting.mutex);
    return r;
}
