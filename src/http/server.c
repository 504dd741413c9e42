#include "http/server.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/random.h"
#include "http/listen.h"
#include "http/request.h"

#include "base/banned.h"

/* libmicrohttpd's memory for one connection: request line, header fields, the chunk of a body that is being read, and
 * the head of the answer. All of it is cleared after every request, half of it twice, so more makes small requests
 * dearer: 24 KiB cost a pixel 0.6 us more than these (docs/performance.md). The largest head that is taken must fit,
 * with its fields and the head of its answer. The increment lets the buffer grow into what is free while a body comes
 * in, which saves a third of the system calls. */
#define CONNECTION_MEMORY           (16 * 1024)
#define CONNECTION_MEMORY_INCREMENT CONNECTION_MEMORY
#define EVENT_THREADS_MAX           64
#define CONNECTIONS_DEFAULT         4096
#define WORKER_QUEUE_DEFAULT        256
#define BODY_GRACE_DEFAULT_MS       10000

static void apply_defaults(struct http_server_options *options) {
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    if (options->event_threads == 0)
        options->event_threads = processors < 1 ? 1 : processors > 8 ? 8 : (size_t)processors;
    if (options->event_threads > EVENT_THREADS_MAX) options->event_threads = EVENT_THREADS_MAX;
    if (options->worker_threads == 0) options->worker_threads = 2;
    if (options->worker_queue_max == 0) options->worker_queue_max = WORKER_QUEUE_DEFAULT;
    if (options->connections_max == 0) options->connections_max = CONNECTIONS_DEFAULT;
    if (options->body_grace_ms == 0) options->body_grace_ms = BODY_GRACE_DEFAULT_MS;
}

static int read_tls_files(struct http_server *server, struct err *err) {
    const struct http_server_options *options = &server->options;
    if (options->tls_certificate_file == NULL) return 0;
    if (options->tls_key_file == NULL) return err_set(err, ERR_INVALID, "a TLS certificate needs its key file too");
    if (MHD_is_feature_supported(MHD_FEATURE_TLS) != MHD_YES)
        return err_set(err, ERR_INVALID, "this libmicrohttpd was built without TLS");
    int result = listen_read_file(options->tls_certificate_file, &server->tls_certificate, err);
    return result != 0 ? result : listen_read_file(options->tls_key_file, &server->tls_key, err);
}

/* The URI is decoded by target.c, strictly. */
static size_t leave_escaped(void *context, struct MHD_Connection *mhd, char *text) {
    return strlen(text);
}

static size_t connections_each_loop(const struct http_server_options *options) {
    return (options->connections_max + options->event_threads - 1) / options->event_threads;
}

/* Daemons of one thread each, rather than one daemon with a pool: 0.9.75 ends the process when a thread of a pool
 * notices MHD_quiesce_daemon while it runs, and has no place for what one thread alone uses. */
static int start_loop(struct http_loop *loop, struct err *err) {
    const struct http_server_options *options = &loop->server->options;
    bool tls = loop->server->tls_certificate != NULL;
    loop->listen_socket = fcntl(loop->server->listen_socket, F_DUPFD_CLOEXEC, 0);
    if (loop->listen_socket < 0) return err_set(err, ERR_UNAVAILABLE, "no file descriptor is left: raise the limit");

    struct MHD_OptionItem tls_options[] = {
        {MHD_OPTION_HTTPS_MEM_CERT, 0, loop->server->tls_certificate},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, loop->server->tls_key},
        {MHD_OPTION_HTTPS_PRIORITIES, 0, (char *)(uintptr_t) "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"},
        {MHD_OPTION_END, 0, NULL},
    };
    struct MHD_OptionItem no_options[] = {{MHD_OPTION_END, 0, NULL}};
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | (tls ? MHD_USE_TLS : 0);
    loop->daemon = MHD_start_daemon(flags, 0, connection_may_open, loop, request_continue, loop,                 //
                                    MHD_OPTION_LISTEN_SOCKET, loop->listen_socket,                               //
                                    MHD_OPTION_CONNECTION_LIMIT, (unsigned)connections_each_loop(options),       //
                                    MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)options->idle_timeout_s,            //
                                    MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,               //
                                    MHD_OPTION_CONNECTION_MEMORY_INCREMENT, (size_t)CONNECTION_MEMORY_INCREMENT, //
                                    MHD_OPTION_URI_LOG_CALLBACK, request_begin, loop,                            //
                                    MHD_OPTION_UNESCAPE_CALLBACK, leave_escaped, NULL,                           //
                                    MHD_OPTION_NOTIFY_COMPLETED, request_end, loop,                              //
                                    MHD_OPTION_NOTIFY_CONNECTION, connection_changed, loop,                      //
                                    MHD_OPTION_ARRAY, tls ? tls_options : no_options, MHD_OPTION_END);
    if (loop->daemon != NULL) return 0;
    /* The duplicate is left alone: libmicrohttpd closes it after some failures and not after others. */
    if (tls)
        return err_set(err, ERR_INVALID,
                       "%s and %s cannot be used: both must be PEM, and the key that of the certificate",
                       options->tls_certificate_file, options->tls_key_file);
    return err_set(err, ERR_UNAVAILABLE, "the HTTP server cannot be started: %s", strerror(errno));
}

/* ---- the watch ---- */

static void *watch(void *server_) {
    struct http_server *server = server_;
    int64_t limit_us = (server->options.idle_timeout_s * 1000LL + server->options.body_grace_ms) * 1000;
    pthread_mutex_lock(&server->watch_lock);
    while (!server->watch_ending) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += 1;
        pthread_cond_timedwait(&server->watch_end, &server->watch_lock, &until);
        connections_cut_slow_heads(server, clock_monotonic_us(), limit_us);
        streams_end_gone(server);
    }
    pthread_mutex_unlock(&server->watch_lock);
    return NULL;
}

static void start_watch(struct http_server *server) {
    if (server->options.idle_timeout_s == 0) return;
    if (pthread_create(&server->watch, NULL, watch, server) != 0) BUG("no thread can be started");
    server->watching = true;
}

static void end_watch(struct http_server *server) {
    if (!server->watching) return;
    pthread_mutex_lock(&server->watch_lock);
    server->watch_ending = true;
    pthread_cond_signal(&server->watch_end);
    pthread_mutex_unlock(&server->watch_lock);
    pthread_join(server->watch, NULL);
    server->watching = false;
}

/* ---- start and stop ---- */

static struct http_server *server_new(const struct http_server_options *options, const struct http_route *routes) {
    struct http_server *server = memory_alloc(sizeof(*server));
    server->options = *options;
    apply_defaults(&server->options);
    server->listen_socket = -1;
    server->router = router_new(routes);
    random_bytes(&server->id_seed, sizeof(server->id_seed));
    if (options->connections_per_address_max > 0)
        server->peers = peers_new(connections_each_loop(&server->options) * server->options.event_threads,
                                  options->connections_per_address_max);
    pthread_mutex_init(&server->watch_lock, NULL);
    pthread_mutex_init(&server->stream_lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&server->watch_end, &monotonic);
    pthread_condattr_destroy(&monotonic);
    server->loops = memory_alloc_array(server->options.event_threads, sizeof(struct http_loop));
    server->loop_count = server->options.event_threads;
    for (size_t i = 0; i < server->loop_count; i++) {
        server->loops[i].server = server;
        server->loops[i].index = i;
        pthread_mutex_init(&server->loops[i].lock, NULL);
    }
    return server;
}

int http_server_start(const struct http_server_options *options, const struct http_route *routes,
                      struct http_server **ret, struct err *err) {
    struct http_server *server = server_new(options, routes);
    int result = read_tls_files(server, err);
    if (result != 0) goto out;
    result = listen_open(options->listen, &server->listen_socket, &server->port, err);
    if (result != 0) goto out;
    server->workers = workers_new(server->options.worker_threads, server->options.worker_queue_max, request_work);
    for (size_t i = 0; i < server->loop_count && result == 0; i++)
        result = start_loop(&server->loops[i], err);
    if (result != 0) goto out;
    start_watch(server);
    *ret = server;
    server = NULL;
out:
    http_server_free(server);
    return result;
}

int http_server_port(const struct http_server *server) {
    return server->port;
}

static void pause_briefly(void) {
    nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
}

static void stop_listening(struct http_server *server) {
    for (size_t i = 0; i < server->loop_count; i++)
        if (server->loops[i].daemon != NULL) MHD_quiesce_daemon(server->loops[i].daemon);
    /* The descriptors stay open until the event threads are gone, which may still name them to epoll; new connections
     * are turned away from now on. */
    if (server->listen_socket >= 0) shutdown(server->listen_socket, SHUT_RD);
}

static void end_loop(struct http_loop *loop) {
    if (loop->daemon == NULL) return;
    MHD_stop_daemon(loop->daemon);
    close(loop->listen_socket);
    loop->daemon = NULL;
}

void http_server_stop(struct http_server *server, int64_t grace_ms) {
    if (server->stopped) return;
    server->stopped = true;
    atomic_store(&server->closing, true);
    stop_listening(server);
    streams_end(server);

    int64_t end_us = clock_monotonic_us() + grace_ms * 1000;
    while (connections_any_busy(server) && clock_monotonic_us() < end_us)
        pause_briefly();
    /* libmicrohttpd cannot end while a connection is suspended, and whoever holds the request may look at it. */
    atomic_store(&server->refusing, true);
    while (connections_any_in_handler(server) || atomic_load(&server->deferred) > 0)
        pause_briefly();

    end_watch(server);
    for (size_t i = 0; i < server->loop_count; i++)
        end_loop(&server->loops[i]);
    server->workers = workers_free(server->workers);
    if (server->listen_socket >= 0) close(server->listen_socket);
    server->listen_socket = -1;
}

static void free_secret(char *text) {
    if (text != NULL) explicit_bzero(text, strlen(text));
    free(text);
}

struct http_server *http_server_free(struct http_server *server) {
    if (server == NULL) return NULL;
    http_server_stop(server, 0);
    for (size_t i = 0; i < server->loop_count; i++) {
        connections_free_spare(&server->loops[i]);
        prepared_free_spare(&server->loops[i]);
        pthread_mutex_destroy(&server->loops[i].lock);
    }
    free(server->loops);
    peers_free(server->peers);
    router_free(server->router);
    free(server->tls_certificate);
    free_secret(server->tls_key);
    pthread_cond_destroy(&server->watch_end);
    pthread_mutex_destroy(&server->watch_lock);
    pthread_mutex_destroy(&server->stream_lock);
    free(server);
    return NULL;
}
