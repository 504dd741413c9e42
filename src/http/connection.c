#include "http/request.h"

#include <stdlib.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/memory.h"

#include "base/banned.h"

/* Connections kept for reuse, each with its arena, so that a client that comes for one pixel costs no allocation. */
#define SPARE_MAX 64

enum MHD_Result connection_may_open(void *loop_, const struct sockaddr *address, socklen_t address_len) {
    struct http_loop *loop = loop_;
    struct http_server *server = loop->server;
    struct address peer;
    if (server->peers == NULL || !address_from_sockaddr(address, &peer)) return MHD_YES;
    if (cidr_any_contains(server->options.trusted_proxies, server->options.trusted_proxy_count, peer)) return MHD_YES;
    if (peers_may_connect(server->peers, peer)) return MHD_YES;
    count_refused(server);
    return MHD_NO;
}

static struct http_connection *take_spare(struct http_loop *loop) {
    struct http_connection *connection = loop->spare;
    if (connection == NULL) return NULL;
    loop->spare = connection->next;
    loop->spare_count--;
    return connection;
}

static void connection_opened(struct http_loop *loop, struct MHD_Connection *mhd, void **ret_connection) {
    struct http_server *server = loop->server;
    pthread_mutex_lock(&loop->lock);
    struct http_connection *connection = take_spare(loop);
    pthread_mutex_unlock(&loop->lock);
    if (connection == NULL) {
        connection = memory_alloc(sizeof(*connection));
        connection->loop = loop;
        connection->request.connection = connection;
        request_take_room(&connection->request);
    }
    connection->mhd = mhd;
    connection->socket = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    const struct sockaddr *address = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr;
    if (!address_from_sockaddr(address, &connection->peer)) memset(&connection->peer, 0, sizeof(connection->peer));
    connection->peer_is_proxy =
        cidr_any_contains(server->options.trusted_proxies, server->options.trusted_proxy_count, connection->peer);
    atomic_store(&connection->busy, false);
    atomic_store(&connection->in_handler, false);
    atomic_store(&connection->head_since_us, clock_monotonic_us());

    if (server->peers != NULL && !connection->peer_is_proxy) peers_connected(server->peers, connection->peer);
    if (server->options.metrics != NULL) metric_add(server->options.metrics, METRIC_HTTP_CONNECTIONS, 1);
    *ret_connection = connection;

    pthread_mutex_lock(&loop->lock);
    connection->previous = NULL;
    connection->next = loop->open;
    if (loop->open != NULL) loop->open->previous = connection;
    loop->open = connection;
    pthread_mutex_unlock(&loop->lock);
}

static void connection_free(struct http_connection *connection) {
    request_give_room(&connection->request);
    free(connection);
}

static void connection_closed(struct http_loop *loop, struct http_connection *connection) {
    struct http_server *server = loop->server;
    if (server->peers != NULL && !connection->peer_is_proxy) peers_closed(server->peers, connection->peer);
    if (server->options.metrics != NULL) metric_add(server->options.metrics, METRIC_HTTP_CONNECTIONS, -1);

    pthread_mutex_lock(&loop->lock);
    if (connection->previous != NULL)
        connection->previous->next = connection->next;
    else
        loop->open = connection->next;
    if (connection->next != NULL) connection->next->previous = connection->previous;
    bool keep = loop->spare_count < SPARE_MAX;
    if (keep) {
        connection->next = loop->spare;
        loop->spare = connection;
        loop->spare_count++;
    }
    pthread_mutex_unlock(&loop->lock);
    if (!keep) connection_free(connection);
}

void connection_changed(void *loop_, struct MHD_Connection *mhd, void **ret_connection,
                        enum MHD_ConnectionNotificationCode what) {
    if (what == MHD_CONNECTION_NOTIFY_STARTED)
        connection_opened(loop_, mhd, ret_connection);
    else
        connection_closed(loop_, *ret_connection);
}

void connections_free_spare(struct http_loop *loop) {
    struct http_connection *connection;
    while ((connection = take_spare(loop)) != NULL)
        connection_free(connection);
}

static bool any_open(struct http_server *server, bool (*is)(struct http_connection *connection)) {
    bool found = false;
    for (size_t i = 0; i < server->loop_count && !found; i++) {
        struct http_loop *loop = &server->loops[i];
        pthread_mutex_lock(&loop->lock);
        for (struct http_connection *c = loop->open; c != NULL && !found; c = c->next)
            found = is(c);
        pthread_mutex_unlock(&loop->lock);
    }
    return found;
}

static bool is_busy(struct http_connection *connection) {
    return atomic_load(&connection->busy);
}
static bool is_in_handler(struct http_connection *connection) {
    return atomic_load(&connection->in_handler);
}

bool connections_any_busy(struct http_server *server) {
    return any_open(server, is_busy);
}
bool connections_any_in_handler(struct http_server *server) {
    return any_open(server, is_in_handler);
}

/* libmicrohttpd counts a connection as idle from its last byte on, so a head that comes byte by byte would hold it for
 * days. Shutting the socket down makes the event thread see its end; the lock keeps the descriptor from being closed
 * and given to another meanwhile, as libmicrohttpd closes it only after connection_closed. */
void connections_cut_slow_heads(struct http_server *server, int64_t now_us, int64_t limit_us) {
    for (size_t i = 0; i < server->loop_count; i++) {
        struct http_loop *loop = &server->loops[i];
        pthread_mutex_lock(&loop->lock);
        for (struct http_connection *c = loop->open; c != NULL; c = c->next) {
            int64_t since = atomic_load(&c->head_since_us);
            if (since == 0 || now_us - since <= limit_us) continue;
            atomic_store(&c->head_since_us, 0);
            shutdown(c->socket, SHUT_RDWR);
            count_refused(server);
        }
        pthread_mutex_unlock(&loop->lock);
    }
}
