#include "http/listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/slice.h"

#include "base/banned.h"

#define BACKLOG  1024
#define FILE_MAX (1024 * 1024)

/* "[::1]:80" -> "::1" and "80". */
static bool split(const char *where, char host[64], char port[8]) {
    const char *colon = strrchr(where, ':');
    if (colon == NULL) return false;
    struct slice address = slice_of(where, (size_t)(colon - where));
    if (address.len > 2 && address.ptr[0] == '[' && address.ptr[address.len - 1] == ']')
        address = slice_of(address.ptr + 1, address.len - 2);
    else if (slice_find_char(address, ':') >= 0)
        return false;
    if (slice_empty(address) || address.len >= 64 || strlen(colon + 1) >= 8 || colon[1] == '\0') return false;
    snprintf(host, 64, "%.*s", SLICE_FMT(address));
    snprintf(port, 8, "%s", colon + 1);
    return true;
}

static int explain(struct err *err, const char *where, int error) {
    switch (error) {
    case EADDRINUSE:
        return err_set(err, ERR_UNAVAILABLE,
                       "%s is in use by another program: stop it, or listen at another address or port", where);
    case EACCES:
        return err_set(err, ERR_UNAVAILABLE,
                       "listening at %s is not permitted: choose a port above 1023, or grant CAP_NET_BIND_SERVICE",
                       where);
    case EADDRNOTAVAIL:
        return err_set(err, ERR_UNAVAILABLE, "this machine does not have the address of %s: listen at one that it has",
                       where);
    default:
        return err_set(err, ERR_UNAVAILABLE, "cannot listen at %s: %s", where, strerror(error));
    }
}

static int bound_port(int fd) {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address = {.v6 = {0}};
    socklen_t len = sizeof(address);
    if (getsockname(fd, &address.any, &len) != 0) return 0;
    return ntohs(address.any.sa_family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port);
}

int listen_open(const char *where, int *ret_socket, int *ret_port, struct err *err) {
    char host[64], port[8];
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    int fd = -1;
    int result = 0;

    if (!split(where, host, port) || getaddrinfo(host, port, &hints, &found) != 0)
        return err_set(err, ERR_INVALID, "\"%s\" is no address with a port: write it like 127.0.0.1:8080 or [::]:8080",
                       where);
    int on = 1, off = 0;
    fd = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        (found->ai_family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) != 0) ||
        bind(fd, found->ai_addr, found->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0) {
        result = explain(err, where, errno);
        goto out;
    }
    *ret_port = bound_port(fd);
    *ret_socket = fd;
    fd = -1;
out:
    if (fd >= 0) close(fd);
    freeaddrinfo(found);
    return result;
}

int listen_read_file(const char *path, char **ret_text, struct err *err) {
    char *text = NULL;
    int result = 0;
    FILE *file = fopen(path, "re");
    if (file == NULL) return err_set(err, ERR_INVALID, "cannot read %s: %s", path, strerror(errno));
    text = memory_alloc(FILE_MAX + 1);
    size_t len = fread(text, 1, FILE_MAX + 1, file);
    if (ferror(file) != 0) {
        result = err_set(err, ERR_INVALID, "cannot read %s: %s", path, strerror(errno));
        goto out;
    }
    if (len > FILE_MAX) {
        result = err_set(err, ERR_INVALID, "%s is larger than %d bytes", path, FILE_MAX);
        goto out;
    }
    text[len] = '\0';
    *ret_text = text;
    text = NULL;
out:
    free(text);
    fclose(file);
    return result;
}
