/* get: sends GET requests for a list of paths to a server on this machine, over keep-alive connections with one request
 * under way on each, and measures the answers.
 *
 *   get --port N --paths FILE --status 200 [--connections 64] [--seconds 10] [--skip N] [--spin 1]
 *
 * FILE has a path a line; they are asked for in turn, beginning with number N. All requests are made before the clock
 * starts. With --spin it asks for answers again and again instead of sleeping until there is one: a server that answers
 * sooner than the generator asks pays for no wake-up, a slower one would pay for one an answer, which on a virtual
 * machine can cost more than the request. Prints one line of JSON. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ANSWER_MAX  16384
#define LATENCY_MAX 20000 /* in units of 10 us */

struct request {
    char *bytes;
    size_t len;
};

struct connection {
    int fd;
    size_t received;
    int64_t started_ns;
    char answer[ANSWER_MAX];
};

struct options {
    int port, connections, status;
    bool spin;
    double seconds;
    size_t skip;
    const char *paths;
};

struct results {
    size_t count, other;
    uint32_t latency[LATENCY_MAX + 1];
    int64_t begun_ns, ended_ns;
};

static _Noreturn void fail(const char *what) {
    fprintf(stderr, "get: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int64_t now_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static struct request *read_requests(const char *file_name, size_t *ret_count) {
    struct request *requests = NULL;
    size_t count = 0, capacity = 0;
    char line[8192];
    FILE *file = fopen(file_name, "r");
    if (!file) fail(file_name);
    while (fgets(line, sizeof(line), file)) {
        line[strcspn(line, "\n")] = '\0';
        if (count == capacity) {
            capacity = capacity ? 2 * capacity : 1024;
            requests = realloc(requests, capacity * sizeof(*requests));
            if (!requests) fail("memory");
        }
        struct request *request = &requests[count++];
        request->bytes = malloc(strlen(line) + 300);
        if (!request->bytes) fail("memory");
        request->len =
            (size_t)sprintf(request->bytes,
                            "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: Mozilla/5.0 (X11; Linux "
                            "x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\nAccept: image/png,*/*\r\n\r\n",
                            line);
    }
    fclose(file);
    if (count == 0) fail("no paths");
    *ret_count = count;
    return requests;
}

static int open_connection(int port) {
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) fail("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0) fail("fcntl");
    return fd;
}

static void ask(struct connection *connection, const struct request *request) {
    connection->received = 0;
    connection->started_ns = now_ns();
    if (send(connection->fd, request->bytes, request->len, MSG_NOSIGNAL) != (ssize_t)request->len) fail("send");
}

/* The status once the whole answer is there, else 0. */
static int take(struct connection *connection) {
    ssize_t n =
        recv(connection->fd, connection->answer + connection->received, ANSWER_MAX - 1 - connection->received, 0);
    if (n < 0 && errno == EAGAIN) return 0;
    if (n <= 0) fail("the server closed a connection");
    connection->received += (size_t)n;
    connection->answer[connection->received] = '\0';
    const char *end = strstr(connection->answer, "\r\n\r\n");
    if (!end) return 0;
    const char *length = strstr(connection->answer, "\r\nContent-Length:");
    size_t body = length && length < end ? strtoul(length + 17, NULL, 10) : 0;
    if (connection->received < (size_t)(end - connection->answer) + 4 + body) return 0;
    return (int)strtol(connection->answer + 9, NULL, 10);
}

static void count(struct results *results, const struct options *options, int64_t ns, int status) {
    size_t slot = (size_t)(ns / 10000);
    results->latency[slot < LATENCY_MAX ? slot : LATENCY_MAX]++;
    results->count++;
    results->other += status != options->status;
}

static void run(const struct options *options, const struct request *requests, size_t request_count,
                struct results *results) {
    struct connection *connections = calloc((size_t)options->connections, sizeof(*connections));
    struct epoll_event events[256];
    size_t next = options->skip;
    int poll = epoll_create1(0), under_way = 0;
    if (!connections || poll < 0) fail("set-up");
    results->begun_ns = now_ns();
    int64_t deadline = results->begun_ns + (int64_t)(options->seconds * 1e9);
    for (int i = 0; i < options->connections; i++) {
        struct connection *connection = &connections[i];
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
        connection->fd = open_connection(options->port);
        if (epoll_ctl(poll, EPOLL_CTL_ADD, connection->fd, &event) < 0) fail("epoll");
        ask(connection, &requests[next++ % request_count]);
        under_way++;
    }
    while (under_way > 0) {
        int ready = epoll_wait(poll, events, 256, options->spin ? 0 : 5000);
        if (ready == 0 && options->spin && now_ns() - deadline < 5000000000LL) continue;
        if (ready == 0) fail("no answer for five seconds");
        for (int i = 0; i < ready; i++) {
            struct connection *connection = events[i].data.ptr;
            int status = take(connection);
            if (status == 0) continue;
            int64_t now = now_ns();
            count(results, options, now - connection->started_ns, status);
            if (now < deadline)
                ask(connection, &requests[next++ % request_count]);
            else
                under_way--;
        }
    }
    results->ended_ns = now_ns();
    free(connections);
}

static double percentile_ms(const struct results *results, double part) {
    size_t wanted = (size_t)(part * (double)results->count), sum = 0;
    for (size_t i = 0; i <= LATENCY_MAX; i++) {
        sum += results->latency[i];
        if (sum > wanted) return (double)i / 100;
    }
    return (double)LATENCY_MAX / 100;
}

int main(int argument_count, char **arguments) {
    struct options options = {.connections = 64, .seconds = 10, .status = 200};
    static struct results results;
    size_t request_count;
    for (int i = 1; i + 1 < argument_count; i += 2) {
        const char *name = arguments[i], *value = arguments[i + 1];
        if (!strcmp(name, "--port"))
            options.port = (int)strtol(value, NULL, 10);
        else if (!strcmp(name, "--paths"))
            options.paths = value;
        else if (!strcmp(name, "--status"))
            options.status = (int)strtol(value, NULL, 10);
        else if (!strcmp(name, "--connections"))
            options.connections = (int)strtol(value, NULL, 10);
        else if (!strcmp(name, "--seconds"))
            options.seconds = strtod(value, NULL);
        else if (!strcmp(name, "--spin"))
            options.spin = strtol(value, NULL, 10) != 0;
        else if (!strcmp(name, "--skip"))
            options.skip = strtoul(value, NULL, 10);
        else {
            fprintf(stderr, "get: unknown option %s\n", name);
            return 2;
        }
    }
    if (!options.port || !options.paths || options.connections < 1) {
        fprintf(stderr, "get: --port and --paths are needed\n");
        return 2;
    }
    struct request *requests = read_requests(options.paths, &request_count);
    run(&options, requests, request_count, &results);
    double seconds = (double)(results.ended_ns - results.begun_ns) / 1e9;
    printf("{\"requests\":%zu,\"other_status\":%zu,\"seconds\":%.3f,\"per_second\":%.0f,\"p50_ms\":%.2f,\"p99_ms\":%."
           "2f}\n",
           results.count, results.other, seconds, (double)results.count / seconds, percentile_ms(&results, 0.5),
           percentile_ms(&results, 0.99));
    return results.other > 0;
}
