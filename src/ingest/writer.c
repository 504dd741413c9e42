#include "ingest/writer.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "ingest/scores.h"
#include "ingest/sink.h"
#include "ingest/watch.h"
#include "ingest/work.h"
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
#define SCORE_SHARE       50       /* while events come without a pause, scores take one part of so many of the time */
#define GROUPS_QUIET_US   500000   /* how often days folded into are gathered by job and the like, when it is quiet */
#define GROUPS_BUSY_US    10000000 /* and when it is not, or another process may have folded */
#define GROUPS_DAYS       8        /* days of one transaction */
#define SCORE_LOOK_US     1000000  /* how often to look for scores that time changes */
#define WATCH_IDLE_US     500000   /* how long counts by endpoint wait when there is time, */
#define WATCH_BUSY_US     10000000 /* and when there is none */

struct writer {
    struct writer_options options;
    pthread_mutex_t mutex; /* guards the queues, `stopping` and the numbers of scores */
    pthread_cond_t wake;
    pthread_cond_t scores_ready;
    int64_t scores_asked;              /* how often */
    int64_t scores_tried, scores_done; /* up to which of these it was tried, and done */
    struct event_batch *first_batch, **last_batch;
    struct write_job *first_job, **last_job;
    size_t events_waiting, jobs_waiting;
    bool stopping;
    _Atomic bool healthy;
    _Atomic int64_t fold_backlog;
    _Atomic int64_t score_backlog; /* emails marked, about */
    struct watch *watch;
    struct writer_thread *threads;
    size_t thread_count;
};

struct writer_thread {
    struct writer *writer;
    size_t number; /* thread 0 folds and scores */
    pthread_t thread;
    bool started;
    struct db *db;
    struct applier *applier;
    int64_t groups_looked_us; /* when this thread last gathered sums by job and the like */
    bool groups_wait;         /* there may be more of them */
    int64_t scores_looked_us; /* when this thread last found no score to bring up to date */
    int64_t scores_rested_us; /* when it may go on although there is other work */
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

/* With the mutex held. */
static bool scores_wanted(const struct writer *writer) {
    return writer->scores_tried < writer->scores_asked;
}

static bool queues_empty(const struct writer *writer) {
    return !writer->first_batch && !writer->first_job;
}

/* With the mutex held. */
static void take_group(struct writer *writer, struct group *group) {
    size_t events = 0;
    group->batch_count = group->job_count = 0;
    bool ended = false;
    while (writer->first_job && group->job_count < GROUP_JOBS_MAX && !ended) {
        ended = writer->first_job->ends_group;
        group->jobs[group->job_count++] = writer->first_job;
        writer->first_job = writer->first_job->next;
        writer->jobs_waiting--;
    }
    if (!writer->first_job) writer->last_job = &writer->first_job;
    while (!ended && writer->first_batch && group->batch_count < GROUP_BATCHES_MAX &&
           (events == 0 || events + writer->first_batch->count <= writer->options.group_events_max)) {
        events += writer->first_batch->count;
        group->batches[group->batch_count++] = writer->first_batch;
        writer->first_batch = writer->first_batch->next;
    }
    if (!writer->first_batch) writer->last_batch = &writer->first_batch;
    writer->events_waiting -= events;
    metric_set(writer->options.metrics, METRIC_QUEUE_EVENTS, (int64_t)writer->events_waiting);
}

static struct timespec time_after(int64_t ms) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    time.tv_sec += ms / 1000;
    time.tv_nsec += ms % 1000 * 1000000;
    if (time.tv_nsec >= 1000000000) {
        time.tv_sec++;
        time.tv_nsec -= 1000000000;
    }
    return time;
}

/* Waits for work; false: none came in time, scores are asked of this thread, or the writer is to stop and nothing is
 * left. */
static bool wait_for_group(struct writer_thread *thread, struct group *group, int64_t timeout_ms, bool *ret_stop) {
    struct writer *writer = thread->writer;
    const struct timespec until = time_after(timeout_ms);
    pthread_mutex_lock(&writer->mutex);
    while (queues_empty(writer) && !writer->stopping && !(thread->number == 0 && scores_wanted(writer)))
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
    size_t delta_rows = 0, rescored = 0;
    int r = db_begin(thread->db, DB_WRITE, err);
    if (r < 0) return r;
    for (size_t i = 0; i < group->job_count && r == 0; i++) {
        thread->applier->delta_rows = 0;
        r = run_job(thread, group, i, err);
        delta_rows += applier_delta_rows(thread->applier); /* an import brings thousands */
    }
    if (r == 0 && group->batch_count > 0) {
        r = apply_batches(thread->applier, thread->db, group->batches, group->batch_count, err);
        delta_rows += applier_delta_rows(thread->applier);
        rescored = applier_rescored(thread->applier);
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
    /* A registration appends a delta and a mark too. */
    atomic_fetch_add(&thread->writer->fold_backlog, (int64_t)(delta_rows + group->job_count));
    atomic_fetch_add(&thread->writer->score_backlog, (int64_t)(rescored + group->job_count));
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
        if (result == 0) {
            count_batch(writer->options.metrics, batch);
            watch_batch(writer->watch, batch);
        }
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

static void gather_groups(struct writer_thread *thread) {
    struct err err = {0};
    size_t days = 0;
    int r = db_begin(thread->db, DB_WRITE, &err);
    if (r == 0) r = engagement_gather_groups(thread->db, GROUPS_DAYS, &days, &err);
    if (r == 0) r = db_commit(thread->db, &err);
    thread->groups_looked_us = clock_monotonic_us();
    thread->groups_wait = r != 0 || days == GROUPS_DAYS;
    if (r == 0) return;
    db_rollback(thread->db);
    log_warning("gathering of totals failed, tried again later", LOG_TEXT("error", err.text));
    if (err.code == ERR_UNAVAILABLE) repair(thread);
}

/* ---- scores ---- */

/* Tells who has asked, up to `asked`. */
static void answer_scores(struct writer *writer, int64_t asked, bool done) {
    pthread_mutex_lock(&writer->mutex);
    writer->scores_tried = asked;
    if (done) writer->scores_done = asked;
    pthread_cond_broadcast(&writer->scores_ready);
    pthread_mutex_unlock(&writer->mutex);
}

/* One portion; false: nothing is left (who asked is told so), or it failed. */
static bool refresh_scores(struct writer_thread *thread) {
    struct writer *writer = thread->writer;
    struct err err = {0};
    const struct event_sink *sink = writer->options.sink;
    size_t looked = 0;
    bool announced = false;
    pthread_mutex_lock(&writer->mutex);
    int64_t asked = writer->scores_asked;
    pthread_mutex_unlock(&writer->mutex);
    int64_t backlog = atomic_load(&writer->score_backlog), started = clock_monotonic_us();
    int r = db_begin(thread->db, DB_WRITE, &err);
    if (r == 0) r = scores_refresh(thread->db, sink, clock_now(), SCORES_PORTION, &looked, &announced, &err);
    if (r == 0) r = db_commit(thread->db, &err);
    if (r < 0) {
        db_rollback(thread->db);
        log_warning("scores could not be brought up to date, tried again later", LOG_TEXT("error", err.text));
        answer_scores(writer, asked, false);
        if (err.code == ERR_UNAVAILABLE) repair(thread);
        return false;
    }
    if (announced && sink) sink->committed(sink->context);
    int64_t ended = clock_monotonic_us();
    thread->scores_rested_us = ended + (SCORE_SHARE - 1) * (ended - started);
    if (looked > 0) { /* the backlog stays above 0 until nothing is left */
        atomic_fetch_sub(&writer->score_backlog, (int64_t)looked < backlog - 1 ? (int64_t)looked : backlog - 1);
        return true;
    }
    atomic_fetch_sub(&writer->score_backlog, backlog); /* what was added meanwhile stays */
    thread->scores_looked_us = ended;
    answer_scores(writer, asked, true);
    return false;
}

static bool scores_are_asked(struct writer *writer) {
    pthread_mutex_lock(&writer->mutex);
    bool asked = scores_wanted(writer);
    pthread_mutex_unlock(&writer->mutex);
    return asked;
}

bool writer_refresh_scores(struct writer *writer, int64_t timeout_ms) {
    const struct timespec until = time_after(timeout_ms);
    pthread_mutex_lock(&writer->mutex);
    int64_t ticket = ++writer->scores_asked;
    pthread_cond_broadcast(&writer->wake);
    while (writer->scores_tried < ticket && !writer->stopping)
        if (pthread_cond_timedwait(&writer->scores_ready, &writer->mutex, &until) == ETIMEDOUT) break;
    bool done = writer->scores_done >= ticket;
    pthread_mutex_unlock(&writer->mutex);
    return done;
}

/* ---- counts by endpoint ---- */

static void save_watch(struct writer_thread *thread) {
    struct writer *writer = thread->writer;
    struct err err = {0};
    int r = db_begin(thread->db, DB_WRITE, &err);
    if (r == 0) {
        r = watch_save(writer->watch, thread->db, &err);
        if (r == 0) r = db_commit(thread->db, &err);
        watch_saved(writer->watch, r == 0);
    }
    if (r == 0) return;
    db_rollback(thread->db);
    log_warning("counts by endpoint were not stored, tried again later", LOG_TEXT("error", err.text));
    if (err.code == ERR_UNAVAILABLE) repair(thread);
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

/* What thread 0 does besides: as soon as it is quiet, or when too much of it waits. True: there may be more to do.
 */
static bool keep_up(struct writer_thread *thread, bool quiet) {
    struct writer *writer = thread->writer;
    if (atomic_load(&writer->fold_backlog) > (quiet ? 0 : FOLD_BACKLOG_MAX)) {
        fold(thread);
        thread->groups_wait = true;
    }
    int64_t now = clock_monotonic_us();
    int64_t pause = quiet && thread->groups_wait ? GROUPS_QUIET_US : GROUPS_BUSY_US;
    if (now - thread->groups_looked_us >= pause) gather_groups(thread);
    bool waiting = atomic_load(&writer->score_backlog) > 0 || now - thread->scores_looked_us >= SCORE_LOOK_US;
    if (scores_are_asked(writer) || (waiting && (quiet || now >= thread->scores_rested_us)))
        return refresh_scores(thread);
    return false;
}

static void *writer_main(void *argument) {
    struct writer_thread *thread = argument;
    struct writer *writer = thread->writer;
    struct group *groups = memory_alloc_array(2, sizeof(*groups));
    bool stop = false, more = false;
    while (!stop) {
        if (wait_for_group(thread, &groups[0], more ? 0 : FOLD_IDLE_MS, &stop)) {
            process(thread, &groups[0], &groups[1]);
            if (thread->number == 0) keep_up(thread, false);
            if (thread->number == 0 && watch_is_due(writer->watch, WATCH_BUSY_US)) save_watch(thread);
            more = false; /* there was work a moment ago, so it is not quiet yet */
        } else if (!stop && !atomic_load(&writer->healthy)) {
            look_again(thread);
            more = false;
        } else if (thread->number == 0 && !stop) {
            more = keep_up(thread, !scores_are_asked(writer));
            if (!more && watch_is_due(writer->watch, WATCH_IDLE_US)) save_watch(thread);
        }
    }
    if (thread->number == 0 && watch_is_due(writer->watch, 0)) save_watch(thread);
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
    pthread_cond_init(&writer->scores_ready, &attributes);
    pthread_condattr_destroy(&attributes);
    atomic_store(&writer->healthy, true);
    writer->watch = watch_new();
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
    pthread_cond_broadcast(&writer->scores_ready);
    pthread_mutex_unlock(&writer->mutex);
    close_threads(writer);
}

struct writer *writer_free(struct writer *writer) {
    if (!writer) return NULL;
    writer_stop(writer);
    pthread_cond_destroy(&writer->wake);
    pthread_cond_destroy(&writer->scores_ready);
    pthread_mutex_destroy(&writer->mutex);
    watch_free(writer->watch);
    free(writer->threads);
    free(writer);
    return NULL;
}

struct watch *writer_watch(struct writer *writer) {
    return writer->watch;
}

bool writer_healthy(const struct writer *writer) {
    return atomic_load(&writer->healthy);
}
