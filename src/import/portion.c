#include "import/portion.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "model/counters.h"
#include "providers/text.h"
#include "store/store.h"

#include "base/banned.h"

#define EVENTS_MAX  4000
#define RECORDS_MAX 20000
#define ARENA_MAX   ((size_t)16 << 20)
#define REFUSED_MAX ((size_t)64 << 20)
#define TOTALS_MAX  4096

/* ---- totals ---- */

const char *import_total_name(enum import_total total) {
    static const char *const names[] = {
#define IMPORT_TOTAL_NAME(symbol, name) name,
        IMPORT_TOTALS(IMPORT_TOTAL_NAME)
#undef IMPORT_TOTAL_NAME
    };
    return names[total];
}

int64_t import_refused(const struct import_totals *totals) {
    int64_t refused = 0;
    for (size_t i = IMPORT_REFUSED_FIRST; i < IMPORT_TOTAL_COUNT; i++)
        refused += totals->count[i];
    return refused;
}

void import_totals_add(struct import_totals *sum, const struct import_totals *more) {
    for (size_t i = 0; i < IMPORT_TOTAL_COUNT; i++)
        sum->count[i] += more->count[i];
}

void import_totals_write(const struct import_totals *totals, struct strbuf *out) {
    for (size_t i = 0; i < IMPORT_TOTAL_COUNT; i++)
        strbuf_printf(out, "%s\"%s\":%lld", i == 0 ? "{" : ",", import_total_name((enum import_total)i),
                      (long long)totals->count[i]);
    strbuf_add_char(out, '}');
}

void import_totals_read(struct json_value object, struct import_totals *ret) {
    *ret = (struct import_totals){0};
    for (size_t i = 0; i < IMPORT_TOTAL_COUNT; i++) {
        struct json_value value = json_get(object, slice_cstr(import_total_name((enum import_total)i)));
        if (!json_i64(value, &ret->count[i])) ret->count[i] = 0;
    }
}

/* ---- filling ---- */

void portion_init(struct portion *portion, const struct import_options *options) {
    *portion = (struct portion){.options = options};
    strbuf_init(&portion->refused, REFUSED_MAX);
    portion->registrations = memory_alloc_array(REGISTRATION_EMAILS_MAX, sizeof(*portion->registrations));
    portion->lines = memory_alloc_array(REGISTRATION_EMAILS_MAX, sizeof(*portion->lines));
    pthread_mutex_init(&portion->mutex, NULL);
    pthread_cond_init(&portion->wake, NULL);
    portion->arena = arena_new();
}

void portion_clear(struct portion *portion) {
    portion->batch = event_batch_free(portion->batch);
    if (!portion->arena) portion->arena = arena_new(); /* the batch took it over */
    arena_reset(portion->arena);
    strbuf_clear(&portion->refused);
    portion->event_count = portion->registration_count = 0;
    portion->totals = (struct import_totals){0};
    portion->submitted = portion->finished = portion->is_last = false;
}

void portion_release(struct portion *portion) {
    event_batch_free(portion->batch);
    arena_free(portion->arena);
    strbuf_release(&portion->refused);
    free(portion->events);
    free(portion->registrations);
    free(portion->lines);
    pthread_mutex_destroy(&portion->mutex);
    pthread_cond_destroy(&portion->wake);
}

void portion_add_events(struct portion *portion, const struct event *events, size_t count) {
    size_t need = portion->event_count + count;
    if (need > portion->event_capacity) {
        portion->event_capacity = memory_next_capacity(portion->event_capacity, need);
        portion->events = memory_grow(portion->events, portion->event_capacity, sizeof(*events));
    }
    if (count > 0) memcpy(portion->events + portion->event_count, events, count * sizeof(*events));
    portion->event_count = need;
}

static void write_refusal(struct strbuf *out, int64_t line, enum import_total reason, const char *sentence) {
    strbuf_printf(out, "{\"line\":%lld,\"reason\":\"%s\",\"error\":", (long long)line,
                  import_total_name(reason) + strlen("refused_"));
    text_write_json(out, slice_cstr(sentence));
    strbuf_add_cstr(out, "}\n");
}

void portion_refuse(struct portion *portion, int64_t line, enum import_total reason, const char *sentence) {
    portion->totals.count[reason]++;
    write_refusal(&portion->refused, line, reason, sentence);
}

bool portion_is_full(const struct portion *portion) {
    return portion->event_count >= EVENTS_MAX || portion->registration_count == REGISTRATION_EMAILS_MAX ||
           portion->totals.count[IMPORT_RECORDS] >= RECORDS_MAX || arena_used(portion->arena) > ARENA_MAX;
}

/* ---- storing ---- */

static void count_batch(const struct batch_result *result, struct import_totals *totals) {
    totals->count[IMPORT_STORED] += (int64_t)result->stored;
    totals->count[IMPORT_DUPLICATES] += (int64_t)result->duplicates;
    totals->count[IMPORT_ORPHANED] += (int64_t)result->orphaned;
    totals->count[IMPORT_WITHHELD] += (int64_t)result->withheld;
    totals->count[IMPORT_COUNTED] += (int64_t)result->counted;
}

static void count_registrations(const struct registration *registrations, size_t count, struct import_totals *totals) {
    for (size_t i = 0; i < count; i++) {
        totals->count[registrations[i].existed ? IMPORT_EXISTED : IMPORT_REGISTERED]++;
        totals->count[IMPORT_ADOPTED] += (int64_t)registrations[i].adopted;
    }
}

/* Two ids of one record that belong to two emails refuse the whole call before anything is written. Then one at a time,
 * so that only such records are refused. */
static int register_portion(struct portion *portion, struct applier *applier, struct db *db, struct strbuf *refused,
                            struct import_totals *totals, struct err *err) {
    const struct import_options *options = portion->options;
    struct registration *all = portion->registrations;
    int r = register_emails(applier, db, options->organization_id, all, portion->registration_count, options->now, err);
    if (r == 0) count_registrations(all, portion->registration_count, totals);
    if (r != -ERR_CONFLICT) return r;
    for (size_t i = 0; i < portion->registration_count; i++) {
        struct err single = {0};
        r = register_emails(applier, db, options->organization_id, &all[i], 1, options->now, &single);
        if (r == -ERR_CONFLICT) {
            totals->count[IMPORT_REFUSED_CONFLICT]++;
            totals->count[IMPORT_EMAILS]--;
            write_refusal(refused, portion->lines[i], IMPORT_REFUSED_CONFLICT,
                          "message_id and rfc_message_id belong to two different emails");
            continue;
        }
        if (r < 0) {
            if (err) *err = single;
            return r;
        }
        count_registrations(&all[i], 1, totals);
    }
    return 0;
}

/* On disk before the transaction that says so. Written again at the same place when the transaction is. */
static int write_report(const char *path, int64_t at, struct slice text, struct err *err) {
    if (!path || text.len == 0) return 0;
    int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600), r = 0;
    if (file < 0) return err_set(err, ERR_UNAVAILABLE, "%s cannot be written: %s", path, strerror(errno));
    while (text.len > 0 && r == 0) {
        ssize_t written = pwrite(file, text.ptr, text.len, at);
        if (written <= 0) r = err_set(err, ERR_UNAVAILABLE, "%s cannot be written: %s", path, strerror(errno));
        if (written > 0) text = slice_from(text, (size_t)written);
        at += written;
    }
    if (r == 0 && fdatasync(file) != 0)
        r = err_set(err, ERR_UNAVAILABLE, "%s cannot be written: %s", path, strerror(errno));
    close(file);
    return r;
}

static int save_state(const struct portion *portion, const struct import_state *state, struct db *db, struct err *err) {
    struct strbuf totals;
    int64_t now = clock_now();
    if (portion->key.file_size == 0) return 0;
    strbuf_init(&totals, TOTALS_MAX);
    import_totals_write(&state->totals, &totals);
    struct import_row row = {
        .records = state->totals.count[IMPORT_RECORDS],
        .refused_bytes = state->refused_bytes,
        .totals = strbuf_slice(&totals),
        .started_at = state->started_at,
        .updated_at = now,
        .finished_at = portion->is_last ? now : TIME_UNSET,
    };
    int r = import_save(db, &portion->key, &row, err);
    strbuf_release(&totals);
    return r;
}

static int run(struct write_job *job, struct applier *applier, struct db *db, struct err *err) {
    struct portion *portion = (struct portion *)job;
    struct import_state state = portion->before;
    struct strbuf refused;
    int r = 0;
    strbuf_init(&refused, REFUSED_MAX);
    strbuf_add_slice(&refused, strbuf_slice(&portion->refused));
    import_totals_add(&state.totals, &portion->totals);
    if (portion->batch) r = apply_batches(applier, db, &portion->batch, 1, err);
    if (r == 0 && portion->batch) count_batch(&portion->batch->result, &state.totals);
    if (r == 0 && portion->registration_count > 0)
        r = register_portion(portion, applier, db, &refused, &state.totals, err);
    if (r == 0) r = write_report(portion->options->refused_path, state.refused_bytes, strbuf_slice(&refused), err);
    state.refused_bytes += (int64_t)refused.len;
    if (r == 0) r = save_state(portion, &state, db, err);
    if (r == 0) portion->after = state;
    strbuf_release(&refused);
    return r;
}

static void done(struct write_job *job, int result, const struct err *err) {
    struct portion *portion = (struct portion *)job;
    pthread_mutex_lock(&portion->mutex);
    portion->result = result;
    if (result < 0) portion->err = *err;
    portion->finished = true;
    pthread_cond_signal(&portion->wake);
    pthread_mutex_unlock(&portion->mutex);
}

int portion_submit(struct portion *portion, const struct import_state *before, struct err *err) {
    const struct import_options *options = portion->options;
    portion->before = *before;
    portion->job = (struct write_job){.run = run, .done = done};
    if (options->dry_run) {
        portion->after = *before;
        import_totals_add(&portion->after.totals, &portion->totals);
        return 0;
    }
    if (portion->event_count > 0) {
        struct event *events = arena_alloc_array(portion->arena, portion->event_count, sizeof(*events));
        memcpy(events, portion->events, portion->event_count * sizeof(*events));
        portion->batch = event_batch_new(portion->arena, events, portion->event_count, options->organization_id,
                                         options->endpoint_id, options->now, store_hash_key(options->store));
        portion->arena = NULL;
    }
    int r = writer_submit_job(options->writer, &portion->job, err);
    portion->submitted = r == 0;
    return r;
}

int portion_wait(struct portion *portion, struct err *err) {
    if (!portion->submitted) return 0;
    pthread_mutex_lock(&portion->mutex);
    while (!portion->finished)
        pthread_cond_wait(&portion->wake, &portion->mutex);
    pthread_mutex_unlock(&portion->mutex);
    portion->submitted = false;
    if (portion->result < 0 && err) *err = portion->err;
    return portion->result;
}
