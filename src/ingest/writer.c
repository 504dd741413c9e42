#include "ingest/writer.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "ingest/sink.h"
#include "store/db.h"
#include "store/engagement.h"
#include "store/store.h"

#include "base/banned.h"

#define GROUP_JOBS_MAX    64
#define GROUP_BATCHES_MAX 1024
#define FOLD_IDLE_MS      100   /* how long there must be nothing to do before deltas are folded */
#define FOLD_PORTION      5000  /* rows of one folding transaction */
#define FOLD_BACKLOG_MAX  50000 /* rows waiting above which folding no longer waits for quiet */
#define REPAIR_PAUSE_MS   500

struct writer {
    struct writer_options options;
    pthread_mutex_t mutex; /* guards the queues and `stopping` */
    pthread_cond_t wake;
    struct event_batch *first_batch, **last_batch;
    struct write_job *first_job, **last_job;
    size_t events_waiting, jobs_waiting;
    bool stopping;
    _Atomic bool healthy;
    _Atomic int64_t fold_backlog;
    struct writer_thread *threads;
    size_t thread_count;
};

struct writer_thread {
    struct writer *writer;
    size_t number; /* thread 0 folds */
    pthread_t thread;
    bool started;
    struct db *db;
    struct applier *applier;
};

/* What one transaction takes out of the queues. */
struct group {
    struct event_batch *batches[GROUP_BATCHES_MAX];
    size_t batch_count;
    struct write_job *jobs[GROUP_JOBS_MAX];
    int job_results[GROUP_JOBS_MAX];
    struct err job_errors[GROUP_JOBS_MAX];
    size_t job_count;
};

/* ---- taking and giving ---- */

int writer_submit(struct writer *writer, struct event_batch *batch, struct err *err) {
    pthread_mutex_lock(&writer->mutex);
    bool full = writer->stopping || (writer->events_waiting > 0 &&
                                     writer->events_waiting + batch->count > writer->options.queue_events_max);
    if (!full) {
        batch->next = NULL;
        *writer->last_batch = batch;
        writer->last_batch = &batch->next;
        writer->events_waiting += batch->count;
        metric_set(writer->options.metrics, METRIC_QUEUE_EVENTS, (int64_t)writer->events_waiting);
        pthread_cond_signal(&writer->wake);
    }
    pthread_mutex_unlock(&writer->mutex);
    if (!full) return 0;
    metric_add(writer->options.metrics, METRIC_QUEUE_FULL, 1);
    return err_set(err, ERR_FULL, "the queue of events is full");
}

int writer_submit_job(struct writer *writer, struct write_job *job, struct err *err) {
    pthread_mutex_lock(&writer->mutex);
    bool full = writer->stopping || writer->jobs_waiting >= writer->options.queue_jobs_max;
    if (!full) {
        job->next = NULL;
        *writer->last_job = job;
        writer->last_job = &job->next;
        writer->jobs_waiting++;
        pthread_cond_signal(&writer->wake);
    }
    pthread_mutex_unlock(&writer->mutex);
    return full ? err_set(err, ERR_FULL, "the queue of changes is full") : 0;
}

static bool queues_empty(const struct writer *writer) {
    return !writer->first_batch && !writer->first_job;
}

/* With the mutex held. */
static void take_group(struct writer *writer, struct group *group) {
    size_t events = 0;
    group->batch_count = group->job_count = 0;
    while (writer->first_job && group->job_count < GROUP_JOBS_MAX) {
        group->jobs[group->job_count++] = writer->first_job;
        writer->first_job = writer->first_job->next;
        writer->jobs_waiting--;
    }
    if (!writer->first_job) writer->last_job = &writer->first_job;
    while (writer->first_batch && group->batch_count < GROUP_BATCHES_MAX &&
           (events == 0 || events + writer->first_batch->count <= writer->options.group_events_max)) {
        events += writer->first_batch->count;
        group->batches[group->batch_count++] = writer->first_batch;
        writer->first_batch = writer->first_batch->next;
    }
    if (!writer->first_batch) writer->last_batch = &writer->first_batch;
    writer->events_waiting -= events;
    metric_set(writer->options.metrics, METRIC_QUEUE_EVENTS, (int64_t)writer->events_waiting);
}

/* Waits for work; false: none came in time, or the writer is to stop and nothing is left. */
static bool wait_for_group(struct writer *writer, struct group *group, int64_t timeout_ms, bool *ret_stop) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += timeout_ms / 1000;
    until.tv_nsec += timeout_ms % 1000 * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&writer->mutex);
    while (queues_empty(writer) && !writer->stopping)
        if (pthread_cond_timedwait(&writer->wake, &writer->mutex, &until) == ETIMEDOUT) break;
    bool any = !queues_empty(writer);
    if (any) take_group(writer, group);
    *ret_stop = !any && writer->stopping;
    pthread_mutex_unlock(&writer->mutex);
    return any;
}

/* ---- transactions ---- */

/* Each under its own savepoint: a job that fails undoes its own changes only. */
static int run_job(struct writer_thread *thread, struct group *group, size_t index, struct err *err) {
    struct write_job *job = group->jobs[index];
    struct err *job_error = &group->job_errors[index];
    int r = db_savepoint(thread->db, err);
    if (r < 0) return r;
    *job_error = (struct err){0};
    int result = job->run(job, thread->applier, thread->db, job_error);
    group->job_results[index] = result;
    if (result >= 0) return db_savepoint_release(thread->db, err);
    applier_forget(thread->applier);
    if (job_error->code == ERR_UNAVAILABLE) { /* the connection is gone: so is the whole transaction */
        if (err) *err = *job_error;
        return result;
    }
    return db_savepoint_rollback(thread->db, err);
}

static int run_group(struct writer_thread *thread, struct group *group, struct err *err) {
    size_t delta_rows = 0;
    int r = db_begin(thread->db, DB_WRITE, err);
    if (r < 0) return r;
    for (size_t i = 0; i < group->job_count && r == 0; i++)
        r = run_job(thread, group, i, err);
    if (r == 0 && group->batch_count > 0) {
        r = apply_batches(thread->applier, thread->db, group->batches, group->batch_count, err);
        delta_rows = applier_delta_rows(thread->applier);
    }
    if (r == 0) r = db_commit(thread->db, err);
    if (r < 0) {
        db_rollback(thread->db);
        applier_forget(thread->applier);
        return r;
    }
    /* Even after a job that failed: to look in vain costs little. */
    const struct event_sink *sink = thread->writer->options.sink;
    if (applier_announced(thread->applier) && sink) sink->committed(sink->context);
    /* A registration appends a delta too. */
    atomic_fetch_add(&thread->writer->fold_backlog, (int64_t)(delta_rows + group->job_count));
    return 0;
}

static void count_batch(struct metrics *metrics, const struct event_batch *batch) {
    const struct batch_result *result = &batch->result;
    metric_add(metrics, METRIC_EVENTS_STORED, (int64_t)(result->stored + result->counted));
    metric_add(metrics, METRIC_EVENTS_DUPLICATE, (int64_t)result->duplicates);
    metric_add(metrics, METRIC_EVENTS_ORPHANED, (int64_t)result->orphaned);
    /* After an objection a hit of our own tracking is not even counted (compliance C-09). */
    if (!batch->is_own) metric_add(metrics, METRIC_EVENTS_WITHHELD, (int64_t)result->withheld);
    metric_add(metrics, METRIC_EVENTS_MACHINE, (int64_t)result->machine);
}

static void finish_group(struct writer *writer, struct group *group, int result, const struct err *err) {
    for (size_t i = 0; i < group->job_count; i++) {
        struct write_job *job = group->jobs[i];
        if (result < 0)
            job->done(job, result, err);
        else
            job->done(job, group->job_results[i], &group->job_errors[i]);
    }
    for (size_t i = 0; i < group->batch_count; i++) {
        struct event_batch *batch = group->batches[i];
        if (result == 0) count_batch(writer->options.metrics, batch);
        batch->done(batch, result, err);
    }
}

static int write_group(struct writer_thread *thread, struct group *group, struct err *err) {
    struct writer *writer = thread->writer;
    int64_t started = clock_monotonic_us();
    int r = run_group(thread, group, err);
    metric_observe_us(writer->options.metrics, METRIC_COMMIT_SECONDS, clock_monotonic_us() - started);
    metric_add(writer->options.metrics, r == 0 ? METRIC_COMMITS : METRIC_COMMIT_FAILURES, 1);
    return r;
}

/* One bad item must not fail its neighbours: a group that failed is tried again item by item. */
static void write_one_by_one(struct writer_thread *thread, const struct group *group, struct group *single) {
    for (size_t i = 0; i < group->job_count; i++) {
        struct err err = {0};
        single->jobs[0] = group->jobs[i];
        single->job_count = 1;
        single->batch_count = 0;
        finish_group(thread->writer, single, write_group(thread, single, &err), &err);
    }
    for (size_t i = 0; i < group->batch_count; i++) {
        struct err err = {0};
        single->batches[0] = group->batches[i];
        single->job_count = 0;
        single->batch_count = 1;
        finish_group(thread->writer, single, write_group(thread, single, &err), &err);
    }
}

static void repair(struct writer_thread *thread) {
    struct err err = {0};
    struct timespec pause = {.tv_nsec = REPAIR_PAUSE_MS * 1000000L};
    if (store_writer_repair(thread->writer->options.store, thread->db, &err) < 0) nanosleep(&pause, NULL);
}

static void process(struct writer_thread *thread, struct group *group, struct group *single) {
    struct writer *writer = thread->writer;
    struct err err = {0};
    int r = write_group(thread, group, &err);
    if (r < 0)
        log_error("transaction failed", LOG_TEXT("error", err.text), LOG_INT("batches", (int64_t)group->batch_count));
    if (r < 0 && err.code != ERR_UNAVAILABLE && group->batch_count + group->job_count > 1) {
        write_one_by_one(thread, group, single);
        atomic_store(&writer->healthy, true);
        return;
    }
    atomic_store(&writer->healthy, r == 0);
    finish_group(writer, group, r, &err);
    if (r < 0 && err.code == ERR_UNAVAILABLE) repair(thread);
}

/* ---- folding ---- */

static void fold(struct writer_thread *thread) {
    struct writer *writer = thread->writer;
    struct err err = {0};
    int64_t folded = 0;
    int r = db_begin(thread->db, DB_WRITE, &err);
    if (r == 0) r = engagement_fold(thread->db, FOLD_PORTION, &folded, &err);
    if (r == 0) r = db_commit(thread->db, &err);
    if (r < 0) {
        db_rollback(thread->db);
        log_warning("folding of totals failed, tried again later", LOG_TEXT("error", err.text));
        if (err.code == ERR_UNAVAILABLE) repair(thread);
        return;
    }
    if (folded == 0)
        atomic_store(&writer->fold_backlog, 0);
    else
        atomic_fetch_sub(&writer->fold_backlog, folded);
}

/* Who is not ready is sent no requests, so no transaction would ever tell that the database is back. */
static void look_again(struct writer_thread *thread) {
    struct err err = {0};
    int r = store_writer_repair(thread->writer->options.store, thread->db, &err);
    if (r == 0) r = db_begin(thread->db, DB_WRITE, &err);
    if (r == 0) r = db_commit(thread->db, &err);
    if (r == 0)
        atomic_store(&thread->writer->healthy, true);
    else
        repair(thread);
}

static void *writer_main(void *argument) {
    struct writer_thread *thread = argument;
    struct writer *writer = thread->writer;
    struct group *groups = memory_alloc_array(2, sizeof(*groups));
    bool folds = thread->number == 0, stop = false;
    while (!stop) {
        if (wait_for_group(writer, &groups[0], FOLD_IDLE_MS, &stop)) {
            process(thread, &groups[0], &groups[1]);
            if (folds && atomic_load(&writer->fold_backlog) > FOLD_BACKLOG_MAX) fold(thread);
        } else if (!stop && !atomic_load(&writer->healthy)) {
            look_again(thread);
        } else if (folds && !stop && atomic_load(&writer->fold_backlog) > 0) {
            fold(thread);
        }
    }
    free(groups);
    return NULL;
}

/* ---- life ---- */

static void close_threads(struct writer *writer) {
    for (size_t i = 0; i < writer->thread_count; i++) {
        struct writer_thread *thread = &writer->threads[i];
        if (thread->started) pthread_join(thread->thread, NULL);
        thread->started = false;
        thread->db = store_writer_close(writer->options.store, thread->db);
        thread->applier = applier_free(thread->applier);
    }
}

int writer_start(const struct writer_options *options, struct writer **ret, struct err *err) {
    struct writer *writer = memory_alloc(sizeof(*writer));
    pthread_condattr_t attributes;
    int r = 0;
    writer->options = *options;
    writer->last_batch = &writer->first_batch;
    writer->last_job = &writer->first_job;
    pthread_mutex_init(&writer->mutex, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&writer->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    atomic_store(&writer->healthy, true);
    writer->thread_count = store_is_embedded(options->store) || options->threads == 0 ? 1 : options->threads;
    writer->threads = memory_alloc_array(writer->thread_count, sizeof(*writer->threads));
    for (size_t i = 0; i < writer->thread_count && r == 0; i++) {
        struct writer_thread *thread = &writer->threads[i];
        *thread = (struct writer_thread){
            .writer = writer, .number = i, .applier = applier_new(store_hash_key(options->store))};
        applier_set_sink(thread->applier, options->sink);
        r = store_writer(options->store, &thread->db, err);
        if (r == 0 && i == 0) {
            int64_t backlog = 0;
            r = engagement_fold_backlog(thread->db, &backlog, err);
            atomic_store(&writer->fold_backlog, backlog);
        }
    }
    for (size_t i = 0; i < writer->thread_count && r == 0; i++) {
        if (pthread_create(&writer->threads[i].thread, NULL, writer_main, &writer->threads[i]) != 0)
            r = err_set(err, ERR_UNAVAILABLE, "a writer thread could not be started: the system refuses more threads");
        else
            writer->threads[i].started = true;
    }
    if (r < 0) {
        writer_free(writer);
        return r;
    }
    *ret = writer;
    return 0;
}

void writer_stop(struct writer *writer) {
    pthread_mutex_lock(&writer->mutex);
    writer->stopping = true;
    pthread_cond_broadcast(&writer->wake);
    pthread_mutex_unlock(&writer->mutex);
    close_threads(writer);
}

struct writer *writer_free(struct writer *writer) {
    if (!writer) return NULL;
    writer_stop(writer);
    pthread_cond_destroy(&writer->wake);
    pthread_mutex_destroy(&writer->mutex);
    free(writer->threads);
    free(writer);
    return NULL;
}

bool writer_healthy(const struct writer *writer) {
    return atomic_load(&writer->healthy);
}

/* ---- a change that its caller waits for ---- */

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

int writer_call(struct writer *writer,
                int (*run)(void *context, struct applier *applier, struct db *db, struct err *err), void *context,
                struct err *err) {
    struct call call = {.job = {.run = call_run, .done = call_done}, .run = run, .context = context};
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
