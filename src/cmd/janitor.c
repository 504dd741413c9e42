#include "cmd/janitor.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/memory.h"
#include "ingest/replay.h"
#include "store/audit.h"
#include "store/idempotency.h"
#include "store/organizations.h"
#include "store/purge.h"
#include "store/webhook_deliveries.h"

#include "base/banned.h"

#define CHECKPOINT_EVERY_MS 100
#define SETTINGS_EVERY_US   1000000
#define REPLAY_EVERY_MS     5000
#define PURGE_EVERY_US      (10 * 60 * 1000000LL)
#define REPLAY_AT_ONCE      50
#define PURGE_AT_ONCE       1000 /* rows a transaction */
#define PURGE_ROUNDS        200  /* of each kind and organization a turn; the rest has time until the next */
#define ORGANIZATIONS_PAGE  200
#define FINGERPRINT_DAYS    35
#define SCORE_HISTORY_DAYS  90 /* as long as the window of the score; the trend shows 30 */
#define NOTIFICATION_DAYS   90 /* what is older is in the timelines */

struct janitor {
    struct app *app;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    bool ending;
    pthread_t punctual, patient;
    bool punctual_started, patient_started;
};

/* False: the janitor is to end. */
static bool wait_ms(struct janitor *janitor, int64_t ms) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += ms % 1000 * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&janitor->mutex);
    while (!janitor->ending)
        if (pthread_cond_timedwait(&janitor->wake, &janitor->mutex, &until) == ETIMEDOUT) break;
    bool go_on = !janitor->ending;
    pthread_mutex_unlock(&janitor->mutex);
    return go_on;
}

static bool is_ending(struct janitor *janitor) {
    pthread_mutex_lock(&janitor->mutex);
    bool ending = janitor->ending;
    pthread_mutex_unlock(&janitor->mutex);
    return ending;
}

/* ---- punctual ---- */

static void refresh_settings(struct app *app) {
    struct db *db = NULL;
    struct err err = {0};
    int r = store_reader(app->store, &db, &err);
    if (r == 0) r = endpoints_refresh(app->endpoints, db, &err);
    if (r == 0) r = token_keys_refresh(app->token_keys, db, &err);
    if (r == 0) r = organization_cache_refresh(app->organizations, db, &err);
    if (r < 0) log_warning("endpoints cannot be read, tried again", LOG_TEXT("error", err.text));
    store_reader_return(app->store, db);
}

static void *punctual_main(void *argument) {
    struct janitor *janitor = argument;
    int64_t refreshed = clock_monotonic_us();
    while (wait_ms(janitor, CHECKPOINT_EVERY_MS)) {
        store_checkpoint(janitor->app->store);
        int64_t now = clock_monotonic_us();
        if (now - refreshed < SETTINGS_EVERY_US) continue;
        refreshed = now;
        refresh_settings(janitor->app);
    }
    return NULL;
}

/* ---- patient: every organization in turn ---- */

struct turn {
    struct janitor *janitor;
    struct db *db;
    struct arena *arena; /* reset after each organization */
};

static int each_organization(struct turn *turn,
                             int (*visit)(struct turn *turn, int64_t organization_id, struct err *err),
                             struct err *err) {
    struct arena *pages = arena_new();
    struct organization *organizations;
    int64_t after = 0;
    size_t count;
    int r;
    do {
        arena_reset(pages);
        r = organizations_list(turn->db, after, ORGANIZATIONS_PAGE, pages, &organizations, &count, err);
        for (size_t i = 0; i < count && r == 0 && !is_ending(turn->janitor); i++) {
            after = organizations[i].id;
            r = visit(turn, after, err);
            arena_reset(turn->arena);
        }
    } while (r == 0 && count == ORGANIZATIONS_PAGE && !is_ending(turn->janitor));
    arena_free(pages);
    return r;
}

static int replay_due(struct turn *turn, int64_t organization_id, struct err *err) {
    struct app *app = turn->janitor->app;
    struct replay replay = {.store = app->store,
                            .writer = app->writer,
                            .endpoints = app->endpoints,
                            .certificates = app->certificates,
                            .metrics = app->metrics,
                            .intake = app_mail_intake(app)};
    int64_t ids[REPLAY_AT_ONCE];
    size_t count;
    int r = deliveries_due(turn->db, organization_id, clock_now(), REPLAY_AT_ONCE, ids, &count, err);
    for (size_t i = 0; i < count && r == 0 && !is_ending(turn->janitor); i++) {
        struct kept_delivery delivery;
        r = replay_delivery(&replay, turn->db, organization_id, ids[i], clock_now(), turn->arena, &delivery, err);
        if (r == -ERR_CONFLICT || r == -ERR_NOT_FOUND) r = 0; /* somebody was faster */
        if (r == 0 && delivery.state == DELIVERY_REPLAYED)
            log_info("a kept delivery was processed", LOG_INT("organization", organization_id),
                     LOG_INT("delivery", ids[i]));
    }
    return r;
}

struct purging {
    struct app *app;
    enum purge what;
    int64_t organization_id, before, removed;
};

static int purge_run(void *context, struct applier *applier, struct db *db, struct err *err) {
    struct purging *purging = context;
    return purge(db, purging->what, purging->organization_id, purging->before, PURGE_AT_ONCE, &purging->removed, err);
}

/* The log of what was done has a time of its own (compliance C-82). */
static int purge_audit_run(void *context, struct applier *applier, struct db *db, struct err *err) {
    struct purging *purging = context;
    unsigned char key[AUDIT_KEY_SIZE];
    secret_box_derive(&purging->app->secret_box, AUDIT_LABEL, key);
    int r = audit_purge(db, key, purging->organization_id, purging->before, PURGE_AT_ONCE, &purging->removed, err);
    if (r < 0 || purging->removed == 0) return r;
    struct audit_entry entry = {
        .organization_id = purging->organization_id, .action = SLICE("audit-log.purge"), .object = SLICE("audit-log")};
    char detail[64];
    snprintf(detail, sizeof(detail), "{\"rows\":%lld}", (long long)purging->removed);
    entry.detail = slice_cstr(detail);
    return audit_append(db, key, &entry, clock_now(), err);
}

static int purge_audit(struct app *app, int64_t organization_id, struct err *err) {
    struct purging purging = {.app = app,
                              .organization_id = organization_id,
                              .before = clock_now() - app_config(app)->audit_days * DAY_MS,
                              .removed = PURGE_AT_ONCE};
    int r = 0;
    for (int round = 0; round < PURGE_ROUNDS && purging.removed >= PURGE_AT_ONCE && r == 0; round++)
        r = writer_call_last(app->writer, purge_audit_run, &purging, err);
    return r;
}

static int purge_organization(struct turn *turn, int64_t organization_id, struct err *err) {
    struct app *app = turn->janitor->app;
    const struct config *config = app_config(app);
    struct organization organization;
    int r = organization_load(turn->db, organization_id, turn->arena, &organization, err);
    if (r < 0) return r;
    const int64_t kept_ms[PURGE_COUNT] = {
        [PURGE_ORPHANS] = config->orphan_days * DAY_MS,
        [PURGE_DELIVERIES] = config->failed_days * DAY_MS,
        [PURGE_IDEMPOTENCY_KEYS] = IDEMPOTENCY_DAYS * DAY_MS,
        [PURGE_FINGERPRINTS] = FINGERPRINT_DAYS * DAY_MS,
        [PURGE_SESSIONS] = config->session_hours * HOUR_MS,
        [PURGE_ACCOUNT_LINKS] = 0, /* they say themselves when they end */
        [PURGE_LINK_TEXTS] = organization.retention_days * DAY_MS,
        [PURGE_SCORE_DAYS] = SCORE_HISTORY_DAYS * DAY_MS,
        [PURGE_NOTIFICATIONS] =
            (organization.retention_days < NOTIFICATION_DAYS ? organization.retention_days : NOTIFICATION_DAYS) *
            DAY_MS,
        [PURGE_WEBHOOK_DELIVERIES] =
            (organization.retention_days < WEBHOOK_DELIVERY_DAYS_MAX ? organization.retention_days
                                                                     : WEBHOOK_DELIVERY_DAYS_MAX) *
            DAY_MS,
        /* What is beyond a bound goes whatever its age. */
    };
    for (int what = 0; what < PURGE_COUNT && r == 0; what++) {
        struct purging purging = {.what = (enum purge)what,
                                  .organization_id = organization_id,
                                  .before = clock_now() - kept_ms[what],
                                  .removed = PURGE_AT_ONCE};
        for (int round = 0; round < PURGE_ROUNDS && purging.removed >= PURGE_AT_ONCE && r == 0; round++) {
            purging.removed = 0;
            r = writer_call(app->writer, purge_run, &purging, err);
        }
    }
    if (r == 0) r = purge_audit(app, organization_id, err);
    return r;
}

static void do_turn(struct janitor *janitor, const char *failure,
                    int (*visit)(struct turn *turn, int64_t organization_id, struct err *err)) {
    struct turn turn = {.janitor = janitor, .arena = arena_new()};
    struct err err = {0};
    int r = store_reader(janitor->app->store, &turn.db, &err);
    if (r == 0) r = each_organization(&turn, visit, &err);
    if (r < 0) log_warning(failure, LOG_TEXT("error", err.text));
    store_reader_return(janitor->app->store, turn.db);
    arena_free(turn.arena);
}

static void *patient_main(void *argument) {
    struct janitor *janitor = argument;
    int64_t purged = clock_monotonic_us() - PURGE_EVERY_US;
    while (wait_ms(janitor, REPLAY_EVERY_MS)) {
        do_turn(janitor, "kept deliveries cannot be processed now", replay_due);
        if (clock_monotonic_us() - purged < PURGE_EVERY_US) continue;
        purged = clock_monotonic_us();
        do_turn(janitor, "old records cannot be removed now", purge_organization);
    }
    return NULL;
}

/* ---- life ---- */

int janitor_start(struct app *app, struct janitor **ret, struct err *err) {
    struct janitor *janitor = memory_alloc(sizeof(*janitor));
    pthread_condattr_t attributes;
    janitor->app = app;
    pthread_mutex_init(&janitor->mutex, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&janitor->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    janitor->punctual_started = pthread_create(&janitor->punctual, NULL, punctual_main, janitor) == 0;
    janitor->patient_started = pthread_create(&janitor->patient, NULL, patient_main, janitor) == 0;
    if (!janitor->punctual_started || !janitor->patient_started) {
        janitor_free(janitor);
        return err_set(err, ERR_UNAVAILABLE, "a thread could not be started: the system refuses more threads");
    }
    *ret = janitor;
    return 0;
}

struct janitor *janitor_free(struct janitor *janitor) {
    if (!janitor) return NULL;
    pthread_mutex_lock(&janitor->mutex);
    janitor->ending = true;
    pthread_cond_broadcast(&janitor->wake);
    pthread_mutex_unlock(&janitor->mutex);
    if (janitor->punctual_started) pthread_join(janitor->punctual, NULL);
    if (janitor->patient_started) pthread_join(janitor->patient, NULL);
    pthread_cond_destroy(&janitor->wake);
    pthread_mutex_destroy(&janitor->mutex);
    free(janitor);
    return NULL;
}
