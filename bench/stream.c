/* stream: holds many Server-Sent Events streams open, posts webhooks one after the other, and measures how long it
 * takes from the first byte of a webhook until its event is at every stream.
 *
 *   stream PORT API_KEY STREAMS REQUESTS_FILE
 *
 * The file holds whole signed HTTP requests, each after its length in a line of its own; every one makes one event.
 * Prints one line of JSON. bench/streams makes the file and runs this. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define REQUEST_MAX 65536
#define READ_MAX    16384
#define PATIENCE_MS 20000

static _Noreturn void fail(const char *what) {
    fprintf(stderr, "stream: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int64_t now_us(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000LL + time.tv_nsec / 1000;
}

static int open_connection(int port) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0) fail("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return fd;
}

static void send_all(int fd, const char *bytes, size_t len) {
    for (size_t sent = 0; sent < len;) {
        ssize_t n = send(fd, bytes + sent, len - sent, MSG_NOSIGNAL);
        if (n <= 0) fail("send");
        sent += (size_t)n;
    }
}

static size_t occurrences(const char *text, size_t len, const char *word) {
    size_t count = 0, word_len = strlen(word);
    for (const char *at = text; (at = memmem(at, len - (size_t)(at - text), word, word_len)); at += word_len)
        count++;
    return count;
}

/* Until `wanted` frames of an event came in, over all streams together; the time of each goes to `times`. */
static void await_frames(int epoll, const char *event, size_t wanted, int64_t *times, int64_t since_us) {
    struct epoll_event ready[512];
    char buffer[READ_MAX];
    for (size_t got = 0; got < wanted;) {
        int n = epoll_wait(epoll, ready, 512, PATIENCE_MS);
        if (n <= 0) {
            fprintf(stderr, "stream: %zu of %zu frames came\n", got, wanted);
            exit(1);
        }
        for (int i = 0; i < n; i++) {
            ssize_t len = recv(ready[i].data.fd, buffer, sizeof(buffer), 0);
            if (len <= 0) fail("a stream ended");
            int64_t took = now_us() - since_us;
            for (size_t k = occurrences(buffer, (size_t)len, event); k > 0 && got < wanted; k--)
                if (times)
                    times[got++] = took;
                else
                    got++;
        }
    }
}

static size_t read_request(FILE *file, char *out) {
    size_t len;
    if (fscanf(file, "%zu", &len) != 1) return 0;
    if (len > REQUEST_MAX || fgetc(file) != '\n' || fread(out, 1, len, file) != len) fail("the file of requests");
    return len;
}

static int compare(const void *left, const void *right) {
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

int main(int argument_count, char **arguments) {
    static char request[REQUEST_MAX], answer[READ_MAX];
    if (argument_count != 5) {
        fprintf(stderr, "usage: stream PORT API_KEY STREAMS REQUESTS_FILE\n");
        return 2;
    }
    int port = atoi(arguments[1]), epoll = epoll_create1(EPOLL_CLOEXEC);
    size_t streams = (size_t)atol(arguments[3]), rounds = 0, capacity = 0;
    int64_t *times = NULL;
    for (size_t i = 0; i < streams; i++) {
        int fd = open_connection(port);
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
        int len =
            snprintf(request, sizeof(request),
                     "GET /api/v1/stream HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer %s\r\n\r\n", arguments[2]);
        send_all(fd, request, (size_t)len);
        epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
        await_frames(epoll, "event: ready", 1, NULL, 0);
    }
    FILE *file = fopen(arguments[4], "r");
    if (!file) fail(arguments[4]);
    printf("open\n");
    fflush(stdout);
    if (getchar() == EOF) return 0; /* the driver measures memory, then says go */
    int post = open_connection(port);
    for (size_t len; (len = read_request(file, request)) > 0; rounds++) {
        if ((rounds + 1) * streams > capacity) {
            capacity = 2 * (rounds + 1) * streams;
            times = realloc(times, capacity * sizeof(*times));
            if (!times) fail("memory");
        }
        int64_t started = now_us();
        send_all(post, request, len);
        ssize_t answered = recv(post, answer, sizeof(answer) - 1, 0);
        if (answered < 12 || strncmp(answer + 9, "200", 3) != 0) fail("a webhook was not answered 200");
        await_frames(epoll, "event: engagement", streams, times + rounds * streams, started);
    }
    size_t count = rounds * streams;
    qsort(times, count, sizeof(*times), compare);
    printf("{\"streams\": %zu, \"webhooks\": %zu, \"p50_ms\": %.1f, \"p99_ms\": %.1f, \"max_ms\": %.1f}\n", streams,
           rounds, (double)times[count / 2] / 1000, (double)times[count * 99 / 100] / 1000,
           (double)times[count - 1] / 1000);
    return 0;
}
