/* load: sends signed SendGrid batches to a running service over keep-alive connections and measures the answers.
 *
 *   load --port N --path /webhooks/email/TOKEN --key private.pem --emails N --start SECONDS
 *        [--batch 500] [--connections 8] [--seconds 10] [--rate EVENTS_A_SECOND] [--seed N]
 *
 * All requests are made and signed before the clock starts, so that only sending and waiting is measured. Prints one
 * line of JSON. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "bench/traffic.h"

struct options {
    int port, batch, connections;
    const char *path, *key_file;
    double seconds, rate;
    int64_t emails, start_s, requests_max;
    uint64_t seed;
};

struct request {
    char *bytes;
    size_t len;
};

struct connection {
    int fd;
    const struct request *request; /* under way; NULL: idle */
    size_t sent, received;
    char answer[2048];
    int64_t started_ns;
};

struct results {
    int64_t *latency_ns;
    size_t count, ok, refused, failed;
    int64_t begun_ns, ended_ns;
};

static _Noreturn void fail(const char *what) {
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int64_t now_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

/* ---- making requests ---- */

struct text {
    char *bytes;
    size_t len, capacity;
};

static void add(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add(struct text *text, const char *format, ...) {
    va_list arguments;
    if (text->capacity - text->len < 2048) {
        text->capacity = text->capacity ? text->capacity * 2 : 4096;
        text->bytes = realloc(text->bytes, text->capacity);
        if (!text->bytes) fail("memory");
    }
    va_start(arguments, format);
    int len = vsnprintf(text->bytes + text->len, text->capacity - text->len, format, arguments);
    va_end(arguments);
    text->len += (size_t)len;
}

static void add_event(struct text *text, const struct traffic_event *event) {
    char message_id[23], provider_id[23], recipient[64], url[128], agent[160];
    traffic_message_id(event->email, message_id);
    traffic_provider_id(event, provider_id);
    traffic_recipient(event->email, recipient, sizeof(recipient));
    add(text,
        "{\"email\":\"%s\",\"timestamp\":%lld,\"smtp-id\":\"<%s@geopod-ismtpd-8>\",\"event\":\"%s\",\"category\":["
        "\"recruiting\"],"
        "\"sg_event_id\":\"%s\",\"sg_message_id\":\"%s.filterdrecv-5645d9c87f-78xtx-1-60F0C2A5-1B.0\"",
        recipient, (long long)event->time_s, message_id, traffic_type_name(event->type), provider_id, message_id);
    if (event->type == 5 || event->type == 6) {
        traffic_agent(event->agent, agent, sizeof(agent));
        add(text, ",\"useragent\":\"%s\",\"ip\":\"%u.%u.%u.%u\"", agent, event->ip >> 24, event->ip >> 16 & 255,
            event->ip >> 8 & 255, event->ip & 255);
    }
    if (event->type == 5)
        add(text, ",\"sg_machine_open\":%s,\"sg_content_type\":\"html\"", event->machine ? "true" : "false");
    if (event->type == 6) {
        traffic_url(event->link, url, sizeof(url));
        add(text, ",\"url\":\"%s\",\"url_offset\":{\"index\":%d,\"type\":\"html\"}", url, event->link % 8);
    }
    if (event->type == 8) add(text, ",\"reason\":\"550 5.1.1 unknown user\",\"status\":\"5.1.1\",\"type\":\"bounce\"");
    if (event->type == 3) add(text, ",\"response\":\"451 4.7.1 try again later\",\"attempt\":\"3\"");
    add(text, "}");
}

static struct request make_request(const struct options *options, struct traffic *traffic, EVP_PKEY *key) {
    struct text body = {0}, head = {0};
    char timestamp[32];
    unsigned char signature[160], encoded[240];
    size_t signature_len = sizeof(signature);
    add(&body, "[");
    for (int i = 0; i < options->batch; i++) {
        struct traffic_event event = traffic_next(traffic);
        if (i > 0) add(&body, ",\r\n");
        add_event(&body, &event);
    }
    add(&body, "]\r\n");
    int timestamp_len = snprintf(timestamp, sizeof(timestamp), "%lld", (long long)time(NULL));
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key) != 1 ||
        EVP_DigestSignUpdate(context, timestamp, (size_t)timestamp_len) != 1 ||
        EVP_DigestSignUpdate(context, body.bytes, body.len) != 1 ||
        EVP_DigestSignFinal(context, signature, &signature_len) != 1)
        fail("signing");
    EVP_MD_CTX_free(context);
    EVP_EncodeBlock(encoded, signature, (int)signature_len);
    add(&head,
        "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: "
        "application/json\r\nX-Twilio-Email-Event-Webhook-Signature: %s\r\n"
        "X-Twilio-Email-Event-Webhook-Timestamp: %s\r\nContent-Length: %zu\r\n\r\n",
        options->path, encoded, timestamp, body.len);
    struct request request = {.bytes = malloc(head.len + body.len), .len = head.len + body.len};
    if (!request.bytes) fail("memory");
    memcpy(request.bytes, head.bytes, head.len);
    memcpy(request.bytes + head.len, body.bytes, body.len);
    free(head.bytes);
    free(body.bytes);
    return request;
}

/* ---- sending ---- */

static int open_connection(const struct options *options) {
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)options->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) fail("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0) fail("fcntl");
    return fd;
}

static void watch(int poll, struct connection *connection, int operation) {
    struct epoll_event event = {
        .events = EPOLLIN | (connection->request && connection->sent < connection->request->len ? EPOLLOUT : 0),
        .data.ptr = connection};
    if (epoll_ctl(poll, operation, connection->fd, &event) < 0) fail("epoll");
}

/* True when the connection is waiting for the socket to take more. */
static bool send_more(struct connection *connection) {
    while (connection->sent < connection->request->len) {
        ssize_t n = send(connection->fd, connection->request->bytes + connection->sent,
                         connection->request->len - connection->sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN) return true;
        if (n < 0) fail("send");
        connection->sent += (size_t)n;
    }
    return false;
}

/* True when the whole answer is there (answers to webhooks have short bodies or none). */
static bool receive_more(struct connection *connection, int *ret_status) {
    for (;;) {
        ssize_t n = recv(connection->fd, connection->answer + connection->received,
                         sizeof(connection->answer) - 1 - connection->received, 0);
        if (n < 0 && errno == EAGAIN) break;
        if (n <= 0) fail("the service closed a connection");
        connection->received += (size_t)n;
    }
    connection->answer[connection->received] = '\0';
    const char *end = strstr(connection->answer, "\r\n\r\n");
    if (!end) return false;
    const char *length = strcasestr(connection->answer, "\r\ncontent-length:");
    size_t body = length && length < end ? strtoul(length + 17, NULL, 10) : 0;
    if (connection->received < (size_t)(end - connection->answer) + 4 + body) return false;
    *ret_status = (int)strtol(connection->answer + 9, NULL, 10);
    return true;
}

static void start(struct connection *connection, const struct request *request, int poll) {
    connection->request = request;
    connection->sent = connection->received = 0;
    connection->started_ns = now_ns();
    if (send_more(connection)) watch(poll, connection, EPOLL_CTL_MOD);
}

static void run(const struct options *options, const struct request *requests, size_t count, struct results *results) {
    struct connection *connections = calloc((size_t)options->connections, sizeof(*connections));
    struct epoll_event events[256];
    int poll = epoll_create1(0);
    size_t next = 0, under_way = 0;
    if (!connections || poll < 0) fail("set-up");
    for (int i = 0; i < options->connections; i++) {
        connections[i].fd = open_connection(options);
        watch(poll, &connections[i], EPOLL_CTL_ADD);
    }
    results->begun_ns = now_ns();
    int64_t deadline = results->begun_ns + (int64_t)(options->seconds * 1e9);
    int64_t interval = options->rate > 0 ? (int64_t)(1e9 * options->batch / options->rate) : 0;
    while (true) {
        int64_t now = now_ns();
        bool more = next < count && now < deadline;
        for (int i = 0; more && i < options->connections && next < count; i++) {
            if (connections[i].request) continue;
            if (interval && results->begun_ns + (int64_t)next * interval > now) break;
            start(&connections[i], &requests[next++], poll);
            under_way++;
        }
        if (!more && under_way == 0) break;
        int ready = epoll_wait(poll, events, 256, interval ? 1 : 1000);
        for (int i = 0; i < ready; i++) {
            struct connection *connection = events[i].data.ptr;
            int status;
            if (connection->request && (events[i].events & EPOLLOUT) && !send_more(connection))
                watch(poll, connection, EPOLL_CTL_MOD);
            if (!(events[i].events & EPOLLIN) || !receive_more(connection, &status)) continue;
            results->latency_ns[results->count++] = now_ns() - connection->started_ns;
            results->ok += status == 200;
            results->refused += status == 503 || status == 429;
            results->failed += status != 200 && status != 503 && status != 429;
            connection->request = NULL;
            under_way--;
        }
    }
    results->ended_ns = now_ns();
    for (int i = 0; i < options->connections; i++)
        close(connections[i].fd);
    close(poll);
    free(connections);
}

static int compare_i64(const void *a, const void *b) {
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

static double percentile_ms(const struct results *results, double part) {
    if (results->count == 0) return 0;
    size_t index = (size_t)(part * (double)(results->count - 1));
    return (double)results->latency_ns[index] / 1e6;
}

static void parse_options(int count, char **arguments, struct options *options) {
    *options = (struct options){
        .batch = 500, .connections = 8, .seconds = 10, .emails = 1000000, .seed = 1, .requests_max = 20000};
    for (int i = 1; i + 1 < count; i += 2) {
        const char *name = arguments[i], *value = arguments[i + 1];
        if (!strcmp(name, "--port"))
            options->port = (int)strtol(value, NULL, 10);
        else if (!strcmp(name, "--path"))
            options->path = value;
        else if (!strcmp(name, "--key"))
            options->key_file = value;
        else if (!strcmp(name, "--batch"))
            options->batch = (int)strtol(value, NULL, 10);
        else if (!strcmp(name, "--connections"))
            options->connections = (int)strtol(value, NULL, 10);
        else if (!strcmp(name, "--seconds"))
            options->seconds = strtod(value, NULL);
        else if (!strcmp(name, "--rate"))
            options->rate = strtod(value, NULL);
        else if (!strcmp(name, "--emails"))
            options->emails = strtoll(value, NULL, 10);
        else if (!strcmp(name, "--start"))
            options->start_s = strtoll(value, NULL, 10);
        else if (!strcmp(name, "--seed"))
            options->seed = strtoull(value, NULL, 10);
        else if (!strcmp(name, "--requests"))
            options->requests_max = strtoll(value, NULL, 10);
        else {
            fprintf(stderr, "load: unknown option %s\n", name);
            exit(2);
        }
    }
    if (!options->port || !options->path || !options->key_file || options->batch < 1 || options->connections < 1) {
        fprintf(stderr, "load: --port, --path and --key are needed\n");
        exit(2);
    }
}

int main(int count, char **arguments) {
    struct options options;
    parse_options(count, arguments, &options);
    FILE *file = fopen(options.key_file, "r");
    if (!file) fail(options.key_file);
    EVP_PKEY *key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
    fclose(file);
    if (!key) fail("private key");
    struct traffic traffic;
    traffic_init(&traffic, options.seed, options.emails, options.start_s);
    size_t request_count = (size_t)options.requests_max;
    if (options.rate > 0 && (double)request_count > options.seconds * options.rate / options.batch + 1)
        request_count = (size_t)(options.seconds * options.rate / options.batch) + 1;
    struct request *requests = calloc(request_count, sizeof(*requests));
    struct results results = {.latency_ns = calloc(request_count, sizeof(int64_t))};
    if (!requests || !results.latency_ns) fail("memory");
    for (size_t i = 0; i < request_count; i++)
        requests[i] = make_request(&options, &traffic, key);
    run(&options, requests, request_count, &results);
    qsort(results.latency_ns, results.count, sizeof(int64_t), compare_i64);
    double seconds = (double)(results.ended_ns - results.begun_ns) / 1e9;
    printf("{\"requests\":%zu,\"ok\":%zu,\"refused\":%zu,\"failed\":%zu,\"events\":%zu,\"seconds\":%.3f,\"events_per_"
           "second\":%.0f,"
           "\"p50_ms\":%.2f,\"p99_ms\":%.2f,\"max_ms\":%.2f,\"end_s\":%.0f}\n",
           results.count, results.ok, results.refused, results.failed, results.ok * (size_t)options.batch, seconds,
           (double)results.ok * options.batch / seconds, percentile_ms(&results, 0.5), percentile_ms(&results, 0.99),
           percentile_ms(&results, 1), traffic.now_s);
    for (size_t i = 0; i < request_count; i++)
        free(requests[i].bytes);
    free(requests);
    free(results.latency_ns);
    traffic_release(&traffic);
    EVP_PKEY_free(key);
    return results.failed > 0;
}
