/* A change that its caller waits for. */
#include <pthread.h>

#include "ingest/writer.h"

#include "base/banned.h"

struct call {
    struct write_job job;
    int (*run)(void *context, struct applier *applier, struct db *db, struct err *err);
    void *context;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    bool finished;
    int result;
    struct err err;
};

static int call_run(struct write_job *job, struct applier *applier, struct db *db, struct err *err) {
    struct call *call = (struct call *)job;
    return call->run(call->context, applier, db, err);
}

static void call_done(struct write_job *job, int result, const struct err *err) {
    struct call *call = (struct call *)job;
    pthread_mutex_lock(&call->mutex);
    call->result = result;
    if (result < 0) call->err = *err;
    call->finished = true;
    pthread_cond_signal(&call->wake);
    pthread_mutex_unlock(&call->mutex);
}

static int call_and_wait(struct writer *writer,
                         int (*run)(void *context, struct applier *applier, struct db *db, struct err *err),
                         void *context, bool ends_group, struct err *err) {
    struct call call = {
        .job = {.run = call_run, .done = call_done, .ends_group = ends_group}, .run = run, .context = context};
    pthread_mutex_init(&call.mutex, NULL);
    pthread_cond_init(&call.wake, NULL);
    int r = writer_submit_job(writer, &call.job, err);
    if (r == 0) {
        pthread_mutex_lock(&call.mutex);
        while (!call.finished)
            pthread_cond_wait(&call.wake, &call.mutex);
        pthread_mutex_unlock(&call.mutex);
        r = call.result;
        if (r < 0 && err) *err = call.err;
    }
    pthread_cond_destroy(&call.wake);
    pthread_mutex_destroy(&call.mutex);
    return r;
}

int writer_call(struct writer *writer,
                int (*run)(void *context, struct applier *applier, struct db *db, struct err *err), void *context,
                struct err *err) {
    return call_and_wait(writer, run, context, false, err);
}

int writer_call_last(struct writer *writer,
                     int (*run)(void *context, struct applier *applier, struct db *db, struct err *err), void *context,
                     struct err *err) {
    return call_and_wait(writer, run, context, true, err);
}
