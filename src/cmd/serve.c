#include "cmd/serve.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "api/oidc_provider.h"
#include "api/routes.h"
#include "api/tracking.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/random.h"
#include "build_config.h"
#include "cmd/command.h"
#include "cmd/janitor.h"
#include "cmd/lmtp.h"
#include "cmd/session.h"
#include "store/users.h"

#include "base/banned.h"

#define LIMIT_BUCKETS     65536
#define JSON_READERS_MAX  16
#define EVENT_THREADS_MAX 8
#define DESCRIPTORS_OWN   256 /* files and database connections beside the clients' */
#define CONFIGS_MAX       1000
#define SETUP_TOKEN_CHARS 26 /* 130 bits */

struct service {
    struct app app;
    struct metrics metrics;
    struct arena *arena;
    struct http_server *server;
    struct janitor *janitor;
    struct lmtp *lmtp;
    struct config **configs; /* all that were ever in force: a request may still be looking at an old one */
    size_t config_count;
};

static int64_t processors(void) {
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    return count > 0 ? count : 1;
}

static int64_t or_default(int64_t configured, int64_t standard) {
    return configured > 0 ? configured : standard;
}

static int64_t worker_threads(const struct config *config) {
    int64_t twice = 2 * processors();
    return or_default(config->worker_threads, twice < 4 ? 4 : twice);
}

static int64_t writer_threads(const struct config *config) {
    int64_t twice = 2 * processors();
    return or_default(config->writer_threads, twice > 8 ? 8 : twice);
}

/* ---- start ---- */

static void block_signals(void) {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
}

/* Each connection is a descriptor; the usual soft limit of 1024 is less than is configured. */
static void raise_descriptor_limit(const struct config *config) {
    struct rlimit limit;
    rlim_t need = (rlim_t)config->connections_max + DESCRIPTORS_OWN;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= need) return;
    limit.rlim_cur = limit.rlim_max < need ? limit.rlim_max : need;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur < need)
        log_warning("fewer connections are possible than connections_max: raise the limit of open files",
                    LOG_INT("files", (int64_t)limit.rlim_cur));
}

static int open_store(struct service *service, const struct config *config, struct err *err) {
    struct app *app = &service->app;
    struct store_options options = {
        .url = config->database,
        .readers_max = (size_t)or_default(config->database_readers, worker_threads(config) + 2),
        .sqlite_cache_bytes = config->sqlite_cache_bytes,
    };
    int r = database_directory_make(config, err);
    if (r == 0) r = store_open(&options, &app->store, err);
    if (r == 0) r = secret_key_load(config, app->store, &app->secret_box, err);
    return r;
}

static void count_streams(void *metrics, int64_t count) {
    metric_set(metrics, METRIC_STREAMS, count);
}

static void session_limits(void *app, int64_t *ret_made_after, int64_t *ret_used_after) {
    const struct config *config = app_config(app);
    *ret_made_after = clock_now() - config->session_hours * HOUR_MS;
    *ret_used_after = clock_now() - config->session_idle_minutes * MINUTE_MS;
}

static int64_t webhook_backlog_max(void *app) {
    return app_config(app)->outgoing_webhooks_backlog_max;
}

static void webhooks_planned(void *app_) {
    struct app *app = app_;
    sender_wake(app->sender);
}

static bool webhooks_allow_internal(void *app) {
    return app_webhooks_allow_internal(app);
}

static int start_hub(struct service *service, const struct config *config, struct err *err) {
    struct app *app = &service->app;
    struct hub_options hub = {
        .subscribers_max = (size_t)config->streams_max, .on_change = count_streams, .context = app->metrics};
    int r = hub_start(&hub, &app->hub, err);
    if (r < 0) return r;
    app->wishes = wishes_new();
    app->notifier = notifier_new(&(struct notifier_options){.store = app->store,
                                                            .hub = app->hub,
                                                            .metrics = app->metrics,
                                                            .wishes = app->wishes,
                                                            .webhook_backlog_max = webhook_backlog_max,
                                                            .webhooks_planned = webhooks_planned,
                                                            .session_limits = session_limits,
                                                            .context = app});
    return 0;
}

static int start_writer(struct service *service, const struct config *config, struct err *err) {
    struct writer_options options = {
        .store = service->app.store,
        .threads = (size_t)writer_threads(config),
        .queue_events_max = (size_t)config->queue_events_max,
        .queue_jobs_max = (size_t)config->queue_jobs_max,
        .group_events_max = (size_t)config->group_events_max,
        .metrics = &service->metrics,
        .sink = notifier_sink(service->app.notifier),
    };
    return writer_start(&options, &service->app.writer, err);
}

static int start_sender(struct service *service, struct err *err) {
    struct app *app = &service->app;
    struct sender_options options = {.store = app->store,
                                     .writer = app->writer,
                                     .wishes = app->wishes,
                                     .secret_box = &app->secret_box,
                                     .metrics = app->metrics,
                                     .allow_internal = webhooks_allow_internal,
                                     .context = app};
    return sender_start(&options, &app->sender, err);
}

static int fetch(void *context, const char *url, struct strbuf *ret_pem, struct err *err) {
    struct http_client_options options = {.allow_internal = app_config(context)->outgoing_allow_internal};
    return fetch_certificate(&options, url, ret_pem, err);
}

static int make_first_token_key(struct app *app, struct err *err) {
    struct db *db = NULL;
    int r = store_writer(app->store, &db, err);
    if (r == 0) r = token_keys_ensure(&app->secret_box, db, clock_now(), err);
    if (db) store_writer_close(app->store, db);
    return r;
}

static void tell_of_token_keys(struct app *app) {
    const struct token_keyset *set = token_keys_acquire(app->token_keys);
    if (!set || set->unreadable > 0)
        log_warning("keys of tracking links cannot be opened with this secret key: restore your copy of it",
                    LOG_INT("usable", set ? 1 : 0));
    token_keys_release(set);
}

static int load_settings(struct service *service, const struct config *config, struct err *err) {
    struct app *app = &service->app;
    struct db *db = NULL;
    app->token_keys = token_keys_new(&app->secret_box);
    app->organizations = organization_cache_new();
    app->endpoints = endpoints_new(&app->secret_box, config->public_url);
    app->certificates = certificates_new(config->sns_certificates_directory, fetch, app);
    int r = make_first_token_key(app, err);
    if (r == 0) r = store_reader(app->store, &db, err);
    if (r == 0) r = endpoints_refresh(app->endpoints, db, err);
    if (r == 0) r = token_keys_refresh(app->token_keys, db, err);
    if (r == 0) r = organization_cache_refresh(app->organizations, db, err);
    store_reader_return(app->store, db);
    if (r == 0) tell_of_token_keys(app);
    return r;
}

static int start_hits(struct service *service, const struct config *config, struct err *err) {
    struct app *app = &service->app;
    struct hits_options options = {
        .directory = config->journal_directory,
        .journal_bytes_max = (size_t)config->journal_bytes_max,
        .writer = app->writer,
        .hash_key = store_hash_key(app->store),
        .metrics = app->metrics,
    };
    app->tracking_answers = tracking_answers_new();
    return hits_start(&options, &app->hits, err);
}

/* Before anybody has a password, one token opens the set-up (api/first_run.c). */
static int prepare_setup(struct service *service, struct err *err) {
    struct app *app = &service->app;
    struct db *db = NULL;
    bool any = true;
    int r = store_reader(app->store, &db, err);
    if (r == 0) r = users_any_password(db, &any, err);
    store_reader_return(app->store, db);
    if (r == 0 && !any) random_token(app->setup_token, SETUP_TOKEN_CHARS);
    return r;
}

/* Pattern, not path: paths carry tokens. */
static void answered(const struct http_request *request, int status, int64_t duration_us, void *context) {
    const struct http_route *route = http_matched_route(request);
    log_debug("answered", LOG_SLICE("request", http_request_id(request)),
              LOG_TEXT("route", route ? route->pattern : "none"), LOG_INT("status", status),
              LOG_INT("us", duration_us));
}

static void name_listener(struct service *service, const struct config *config) {
    const char *colon = strrchr(config->listen, ':');
    int host = colon ? (int)(colon - config->listen) : (int)strlen(config->listen);
    snprintf(service->app.listen_url, sizeof(service->app.listen_url), "%s://%.*s:%d",
             *config->tls_certificate_file ? "https" : "http", host, config->listen, http_server_port(service->server));
}

static int listen_now(struct service *service, const struct config *config, struct err *err) {
    struct http_server_options options = {
        .listen = config->listen,
        .event_threads = (size_t)or_default(config->event_threads,
                                            processors() < EVENT_THREADS_MAX ? processors() : EVENT_THREADS_MAX),
        .worker_threads = (size_t)worker_threads(config),
        .connections_max = (size_t)config->connections_max,
        .connections_per_address_max = (size_t)config->connections_per_address_max,
        .idle_timeout_s = (int)config->idle_timeout_s,
        .trusted_proxies = config->trusted_proxies,
        .trusted_proxy_count = config->trusted_proxy_count,
        .tls_certificate_file = *config->tls_certificate_file ? config->tls_certificate_file : NULL,
        .tls_key_file = *config->tls_key_file ? config->tls_key_file : NULL,
        .metrics = &service->metrics,
        .admit = tracking_admits,
        .on_answered = log_enabled(LOG_DEBUG) ? answered : NULL, /* it only logs */
        .context = &service->app,
    };
    const struct http_route *routes =
        routes_new((size_t)config->webhook_body_max, (size_t)config->inbound_body_max, service->arena);
    int r = http_server_start(&options, routes, &service->server, err);
    if (r == 0) name_listener(service, config);
    return r;
}

int service_start(struct config *config, struct service **ret, struct err *err) {
    memory_keep();
    struct service *service = memory_alloc(sizeof(*service));
    struct app *app = &service->app;
    service->arena = arena_new();
    service->configs = memory_alloc_array(CONFIGS_MAX, sizeof(struct config *));
    service->configs[service->config_count++] = config;
    atomic_store(&app->config, config);
    app->metrics = &service->metrics;
    app->started_at = clock_now();
    app->limits = limits_new(LIMIT_BUCKETS);
    app->oidc = oidc_cache_new();
    app->json_readers = json_readers_new(JSON_READERS_MAX);
    block_signals();
    raise_descriptor_limit(config);
    http_client_global_init();
    mail_global_init();

    int r = web_new(config->web_root, &app->web, err);
    if (r == 0) r = open_store(service, config, err);
    if (r == 0) r = start_hub(service, config, err);
    if (r == 0) r = start_writer(service, config, err);
    if (r == 0) r = load_settings(service, config, err);
    if (r == 0) r = start_hits(service, config, err);
    if (r == 0) r = prepare_setup(service, err);
    if (r == 0) r = start_sender(service, err);
    if (r == 0) r = notifier_start(app->notifier, app->writer, err);
    if (r == 0) r = listen_now(service, config, err);
    if (r == 0) r = lmtp_start(app, &service->lmtp, err);
    if (r == 0) r = janitor_start(app, &service->janitor, err);
    if (r < 0) {
        service_stop(service);
        return r;
    }
    atomic_store(&app->ready, true);
    *ret = service;
    return 0;
}

struct app *service_app(struct service *service) {
    return &service->app;
}

const char *service_url(const struct service *service) {
    return service->app.listen_url;
}

/* ---- while running ---- */

static void warn_of_restart(const struct config *running, const struct config *loaded) {
    struct strbuf names;
    strbuf_init(&names, 65536);
    config_write_restart(running, loaded, &names);
    struct slice rest = strbuf_slice(&names), name;
    while (slice_split_next(&rest, '\n', &name))
        if (!slice_empty(name)) log_warning("an option takes effect at the next start", LOG_SLICE("option", name));
    strbuf_release(&names);
}

void service_reload(struct service *service, struct config *config) {
    struct app *app = &service->app;
    struct db *db = NULL;
    struct err err = {0};
    if (service->config_count == CONFIGS_MAX) {
        log_warning("the configuration was reloaded too often: restart the service");
        config_free(config);
        return;
    }
    warn_of_restart(service->configs[0], config);
    service->configs[service->config_count++] = config;
    log_configure((enum log_level)config->log_level, (enum log_format)config->log_format);
    atomic_store(&app->config, config);
    int r = store_reader(app->store, &db, &err);
    if (r == 0) r = endpoints_refresh(app->endpoints, db, &err);
    if (r == 0) r = token_keys_refresh(app->token_keys, db, &err);
    if (r == 0) r = organization_cache_refresh(app->organizations, db, &err);
    store_reader_return(app->store, db);
    if (r < 0) log_warning("endpoints cannot be read, tried again", LOG_TEXT("error", err.text));
    log_info("configuration reloaded");
}

/* ---- stop ---- */

struct service *service_stop(struct service *service) {
    if (!service) return NULL;
    struct app *app = &service->app;
    const struct config *config = app_config(app);
    atomic_store(&app->ready, false);
    if (service->server) http_server_stop(service->server, config->stop_grace_s * SECOND_MS);
    lmtp_stop(service->lmtp);
    janitor_free(service->janitor);
    hits_free(app->hits);
    notifier_stop(app->notifier);
    sender_stop(app->sender);
    writer_free(app->writer);
    sender_free(app->sender);
    notifier_free(app->notifier);
    wishes_free(app->wishes);
    http_server_free(service->server);
    web_free(app->web);
    hub_free(app->hub);
    endpoints_free(app->endpoints);
    token_keys_free(app->token_keys);
    organization_cache_free(app->organizations);
    tracking_answers_free(app->tracking_answers);
    certificates_free(app->certificates);
    limits_free(app->limits);
    oidc_cache_free(app->oidc);
    json_readers_free(app->json_readers);
    store_close(app->store);
    http_client_global_cleanup();
    for (size_t i = 0; i < service->config_count; i++)
        config_free(service->configs[i]);
    free(service->configs);
    arena_free(service->arena);
    free(service);
    return NULL;
}

/* ---- the command ---- */

static int load(int argument_count, char *const *arguments, struct config **ret, struct err *err) {
    size_t rest_count;
    struct config *config;
    int r = config_load(argument_count, arguments, NULL, NULL, &config, NULL, &rest_count, err);
    if (r < 0) return r;
    if (rest_count > 0) {
        config_free(config);
        return err_set(err, ERR_INVALID, "inkling serve takes options only; --help lists them");
    }
    *ret = config;
    return 0;
}

/* Until a signal to end. */
static void wait_for_signals(struct service *service, int argument_count, char *const *arguments) {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    for (;;) {
        int number = sigwaitinfo(&signals, NULL);
        if (number < 0) continue; /* interrupted by a debugger or a stop */
        if (number != SIGHUP) return;
        struct config *config = NULL;
        struct err err = {0};
        if (load(argument_count, arguments, &config, &err) == 0)
            service_reload(service, config);
        else
            log_error("the configuration was not reloaded", LOG_TEXT("error", err.text));
    }
}

static int run(const struct command *command, int argument_count, char *const *arguments, struct err *err) {
    struct config *config = NULL;
    struct service *service;
    int r = load(argument_count, arguments, &config, err);
    if (r < 0 || !config) return r; /* r alone says it; optimizers do not see that */
    log_configure((enum log_level)config->log_level, (enum log_format)config->log_format);
    r = service_start(config, &service, err);
    if (r < 0) return r;
    log_info("listening", LOG_TEXT("url", service_url(service)),
             LOG_TEXT("database", store_url_shown(service_app(service)->store)), LOG_TEXT("version", INKLING_VERSION));
    if (*service_app(service)->setup_token)
        log_info("there is no account yet: open the address and enter this token, which is good for the first one",
                 LOG_TEXT("url", app_public_url(service_app(service))),
                 LOG_TEXT("token", service_app(service)->setup_token));
    wait_for_signals(service, argument_count, arguments);
    log_info("stopping");
    service_stop(service);
    log_info("stopped");
    return 0;
}

const struct command command_serve = {
    .name = "serve",
    .usage = "[--config FILE] [--listen ADDR:PORT] [--database URL]",
    .summary = "Runs the service until SIGTERM or SIGINT.",
    .details = "SIGHUP reads the configuration again; options that need a restart are named in the log.",
    .run = run,
};
