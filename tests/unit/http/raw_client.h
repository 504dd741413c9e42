/* raw_client: a client for tests that sends exactly the bytes it is given. Any failure of its own fails the test. */
#ifndef INKLING_TEST_HTTP_RAW_CLIENT_H
#define INKLING_TEST_HTTP_RAW_CLIENT_H

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"

#define RAW_BUFFER (256 * 1024)

struct raw {
    int fd;
    size_t len; /* received and not yet taken */
    char bytes[RAW_BUFFER];
};

struct reply {
    int status; /* 0: the connection ended instead */
    char head[8192];
    char body[RAW_BUFFER];
    size_t body_len;
};

/* NULL when the connection is refused. */
static inline struct raw *raw_try_open(int port) {
    struct raw *raw = memory_alloc(sizeof(*raw));
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct timeval patience = {.tv_sec = 30};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    raw->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(raw->fd >= 0);
    setsockopt(raw->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    if (connect(raw->fd, (struct sockaddr *)&to, sizeof(to)) == 0) return raw;
    close(raw->fd);
    free(raw);
    return NULL;
}

static inline struct raw *raw_open(int port) {
    struct raw *raw = raw_try_open(port);
    if (raw == NULL) abort();
    return raw;
}

static inline void raw_close(struct raw *raw) {
    close(raw->fd);
    free(raw);
}

/* False when the other side is gone. */
static inline bool raw_try_send(struct raw *raw, const char *bytes, size_t len) {
    while (len > 0) {
        ssize_t sent = send(raw->fd, bytes, len, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent <= 0) return false;
        bytes += sent;
        len -= (size_t)sent;
    }
    return true;
}

static inline void raw_send_bytes(struct raw *raw, const char *bytes, size_t len) {
    assert_true(raw_try_send(raw, bytes, len));
}

static inline void raw_send(struct raw *raw, const char *text) {
    raw_send_bytes(raw, text, strlen(text));
}

/* False at the end of the connection. */
static inline bool raw_fill(struct raw *raw) {
    assert_true(raw->len < RAW_BUFFER);
    ssize_t got;
    do {
        got = recv(raw->fd, raw->bytes + raw->len, RAW_BUFFER - raw->len, 0);
    } while (got < 0 && errno == EINTR);
    if (got < 0) assert_true(errno == ECONNRESET || errno == EPIPE); /* EAGAIN: nothing came for too long */
    if (got <= 0) return false;
    raw->len += (size_t)got;
    return true;
}

static inline const char *reply_header(const struct reply *reply, const char *name) {
    static _Thread_local char value[4096];
    size_t name_len = strlen(name);
    for (const char *line = strstr(reply->head, "\r\n"); line != NULL; line = strstr(line + 2, "\r\n")) {
        if (strncasecmp(line + 2, name, name_len) != 0 || line[2 + name_len] != ':') continue;
        const char *from = line + 2 + name_len + 2;
        snprintf(value, sizeof(value), "%.*s", (int)strcspn(from, "\r"), from);
        return value;
    }
    return NULL;
}

static inline void raw_take(struct raw *raw, size_t len) {
    memmove(raw->bytes, raw->bytes + len, raw->len - len);
    raw->len -= len;
}

/* Reads one answer; `to_head`: it has no body whatever its Content-Length says. */
static inline void raw_read(struct raw *raw, struct reply *reply, bool to_head) {
    char *end;
    reply->status = 0;
    reply->body_len = 0;
    while ((end = memmem(raw->bytes, raw->len, "\r\n\r\n", 4)) == NULL)
        if (!raw_fill(raw)) return;
    size_t head_len = (size_t)(end - raw->bytes) + 4;
    assert_true(head_len < sizeof(reply->head));
    memcpy(reply->head, raw->bytes, head_len);
    reply->head[head_len] = '\0';
    raw_take(raw, head_len);
    assert_int_equal(sscanf(reply->head, "HTTP/1.1 %d", &reply->status), 1);
    const char *length = reply_header(reply, "Content-Length");
    if (length == NULL || to_head) return;
    reply->body_len = strtoul(length, NULL, 10);
    assert_true(reply->body_len < RAW_BUFFER);
    while (raw->len < reply->body_len)
        assert_true(raw_fill(raw));
    memcpy(reply->body, raw->bytes, reply->body_len);
    reply->body[reply->body_len] = '\0';
    raw_take(raw, reply->body_len);
}

static inline bool raw_at_end(struct raw *raw) {
    return raw->len == 0 && !raw_fill(raw);
}

/* One request on a connection of its own. */
static inline void raw_exchange(int port, const char *request, struct reply *reply) {
    struct raw *raw = raw_open(port);
    raw_send(raw, request);
    raw_read(raw, reply, false);
    raw_close(raw);
}

#endif
