#include "lmtp/server.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/memory.h"

#include "base/banned.h"

#define TIMEOUT_S       300
#define BACKLOG         64
#define READ_BYTES      65536
#define SEND_POLL_MS    60000
#define ACCEPT_AGAIN_MS 100 /* after an accept that failed, for want of descriptors say */

struct lmtp_server {
    struct lmtp_server_options options;
    pthread_t acceptor;
    int ending; /* eventfd: readable from lmtp_server_stop on, for everybody who waits */
    pthread_mutex_t mutex;
    pthread_cond_t none_left;
    size_t connections;
};

struct connection {
    struct lmtp_server *server;
    int socket;
};

/* Waits for `events` on the socket. False: the time is up, or (unless `to_the_end`) the server ends. */
static bool wait_for(const struct lmtp_server *server, int fd, short events, int timeout_ms, bool to_the_end) {
    struct pollfd polls[] = {{.fd = fd, .events = events}, {.fd = server->ending, .events = POLLIN}};
    int ready;
    do {
        ready = poll(polls, to_the_end ? 1 : 2, timeout_ms);
    } while (ready < 0 && errno == EINTR);
    return ready > 0 && polls[0].revents != 0 && (to_the_end || polls[1].revents == 0);
}

static bool is_ending(const struct lmtp_server *server) {
    struct pollfd ending = {.fd = server->ending, .events = POLLIN};
    return poll(&ending, 1, 0) > 0;
}

/* Sends the session's output. False: the other side is gone. */
static bool send_output(const struct connection *connection, struct strbuf *output) {
    struct slice rest = strbuf_slice(output);
    while (rest.len > 0) {
        ssize_t sent = send(connection->socket, rest.ptr, rest.len, MSG_NOSIGNAL);
        if (sent > 0) {
            rest = slice_from(rest, (size_t)sent);
        } else if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            if (!wait_for(connection->server, connection->socket, POLLOUT, SEND_POLL_MS, true)) return false;
        } else if (sent == 0 || errno != EINTR) {
            return false;
        }
    }
    strbuf_clear(output);
    return true;
}

static void deliver(const struct connection *connection, struct lmtp_session *session) {
    const struct lmtp_server_options *options = &connection->server->options;
    enum lmtp_answer answers[RECEIVED_MAIL_RECIPIENTS_MAX];
    const struct lmtp_message *message = lmtp_session_message(session);
    for (size_t i = 0; i < RECEIVED_MAIL_RECIPIENTS_MAX; i++)
        answers[i] = LMTP_NOT_STORED;
    options->deliver(options->settings.context, message, answers);
    lmtp_session_answer(session, answers);
}

/* False: the connection is over. */
static bool take_input(const struct connection *connection, struct lmtp_session *session, struct slice input) {
    while (input.len > 0) {
        size_t used;
        enum lmtp_state state = lmtp_session_feed(session, input, &used);
        input = slice_from(input, used);
        if (state == LMTP_MESSAGE) {
            /* Answers so far go out first: delivering may take a while. */
            if (!send_output(connection, lmtp_session_output(session))) return false;
            deliver(connection, session);
            if (is_ending(connection->server) && lmtp_session_idle(session)) break;
        }
        if (state == LMTP_CLOSING) {
            send_output(connection, lmtp_session_output(session));
            return false;
        }
    }
    return send_output(connection, lmtp_session_output(session));
}

static void serve(const struct connection *connection) {
    const struct lmtp_server *server = connection->server;
    struct lmtp_session *session = lmtp_session_new(&server->options.settings);
    char *bytes = memory_alloc(READ_BYTES);
    int timeout_ms = (server->options.timeout_s > 0 ? server->options.timeout_s : TIMEOUT_S) * 1000;
    bool open = send_output(connection, lmtp_session_output(session));
    while (open) {
        if (!wait_for(server, connection->socket, POLLIN, timeout_ms, false)) {
            lmtp_session_end(session,
                             is_ending(server) ? "4.3.2 the service stops" : "4.4.2 nothing came for too long");
            send_output(connection, lmtp_session_output(session));
            break;
        }
        ssize_t got = recv(connection->socket, bytes, READ_BYTES, 0);
        if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        open = got > 0 && take_input(connection, session, slice_of(bytes, (size_t)got));
    }
    free(bytes);
    lmtp_session_free(session);
}

static void *connection_main(void *argument) {
    struct connection *connection = argument;
    struct lmtp_server *server = connection->server;
    serve(connection);
    close(connection->socket);
    free(connection);
    pthread_mutex_lock(&server->mutex);
    if (--server->connections == 0) pthread_cond_signal(&server->none_left);
    pthread_mutex_unlock(&server->mutex);
    return NULL;
}

static bool enter(struct lmtp_server *server) {
    pthread_mutex_lock(&server->mutex);
    bool room = server->connections < server->options.connections_max;
    if (room) server->connections++;
    pthread_mutex_unlock(&server->mutex);
    return room;
}

static void leave(struct lmtp_server *server) {
    pthread_mutex_lock(&server->mutex);
    server->connections--;
    pthread_mutex_unlock(&server->mutex);
}

static void open_connection(struct lmtp_server *server, int socket) {
    static const char busy[] = "421 4.3.2 too many connections\r\n";
    pthread_t thread;
    if (enter(server)) {
        struct connection *connection = memory_alloc(sizeof(*connection));
        *connection = (struct connection){.server = server, .socket = socket};
        if (pthread_create(&thread, NULL, connection_main, connection) == 0) {
            pthread_detach(thread); /* lmtp_server_stop counts them */
            return;
        }
        free(connection);
        leave(server);
    }
    if (send(socket, busy, sizeof(busy) - 1, MSG_NOSIGNAL) < 0) errno = 0; /* whoever is gone needs no answer */
    close(socket);
}

static void *acceptor_main(void *argument) {
    struct lmtp_server *server = argument;
    while (!is_ending(server)) {
        if (!wait_for(server, server->options.socket, POLLIN, -1, false)) continue;
        int socket = accept4(server->options.socket, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (socket >= 0)
            open_connection(server, socket);
        else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
            wait_for(server, server->ending, POLLIN, ACCEPT_AGAIN_MS, true);
    }
    return NULL;
}

int lmtp_server_start(const struct lmtp_server_options *options, struct lmtp_server **ret, struct err *err) {
    struct lmtp_server *server = memory_alloc(sizeof(*server));
    server->options = *options;
    server->ending = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&server->mutex, NULL);
    pthread_cond_init(&server->none_left, NULL);
    if (server->ending >= 0 && pthread_create(&server->acceptor, NULL, acceptor_main, server) == 0) {
        *ret = server;
        return 0;
    }
    if (server->ending >= 0) close(server->ending);
    pthread_cond_destroy(&server->none_left);
    pthread_mutex_destroy(&server->mutex);
    close(options->socket);
    free(server);
    return err_set(err, ERR_UNAVAILABLE, "the thread that takes mail by LMTP cannot be started: %s", strerror(errno));
}

struct lmtp_server *lmtp_server_stop(struct lmtp_server *server) {
    if (!server) return NULL;
    uint64_t one = 1;
    if (write(server->ending, &one, sizeof(one)) != (ssize_t)sizeof(one)) BUG("an eventfd takes one");
    pthread_join(server->acceptor, NULL);
    pthread_mutex_lock(&server->mutex);
    while (server->connections > 0)
        pthread_cond_wait(&server->none_left, &server->mutex);
    pthread_mutex_unlock(&server->mutex);
    close(server->options.socket);
    close(server->ending);
    pthread_cond_destroy(&server->none_left);
    pthread_mutex_destroy(&server->mutex);
    free(server);
    return NULL;
}

/* A socket at which nobody listens any more. */
static bool is_left_over(const struct sockaddr_un *address) {
    struct stat status;
    if (lstat(address->sun_path, &status) != 0 || !S_ISSOCK(status.st_mode)) return false;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return false;
    bool refused = connect(fd, (const struct sockaddr *)address, sizeof(*address)) != 0 && errno == ECONNREFUSED;
    close(fd);
    return refused;
}

int lmtp_listen_unix(const char *path, int *ret_socket, struct err *err) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = strlen(path);
    if (len == 0 || len >= sizeof(address.sun_path))
        return err_set(err, ERR_INVALID, "the path of a Unix socket has 1 to %zu characters: %s",
                       sizeof(address.sun_path) - 1, path);
    memcpy(address.sun_path, path, len + 1);
    if (is_left_over(&address)) unlink(path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 || chmod(path, 0660) != 0 ||
        listen(fd, BACKLOG) != 0) {
        int r = err_set(err, ERR_UNAVAILABLE, "cannot listen at %s: %s", path, strerror(errno));
        if (fd >= 0) close(fd);
        return r;
    }
    *ret_socket = fd;
    return 0;
}
