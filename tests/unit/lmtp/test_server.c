#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "lmtp/server.h"

static char directory[] = "/tmp/inkling-lmtp-XXXXXX", path[64];
/* Set while no message is under way; `gate` lets a delivery that waits go on. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool gate_closed;
static int delivering, delivered;

static enum lmtp_answer accept_all(void *context, struct slice recipient, int64_t *ret_owner) {
    *ret_owner = 1;
    return LMTP_ACCEPTED;
}

static void deliver(void *context, const struct lmtp_message *message, enum lmtp_answer *ret_answers) {
    pthread_mutex_lock(&mutex);
    delivering++;
    pthread_cond_broadcast(&changed);
    while (gate_closed)
        pthread_cond_wait(&changed, &mutex);
    delivered++;
    pthread_mutex_unlock(&mutex);
    for (size_t i = 0; i < message->mail.recipient_count; i++)
        ret_answers[i] = LMTP_STORED;
}

static struct lmtp_server *start(size_t connections_max, int timeout_s) {
    struct lmtp_server_options options = {
        .connections_max = connections_max,
        .timeout_s = timeout_s,
        .settings = {.name = "test", .message_max = 100000, .recipients_max = 10, .accept = accept_all},
        .deliver = deliver,
    };
    struct lmtp_server *server = NULL;
    struct err err = {0};
    if (lmtp_listen_unix(path, &options.socket, &err) != 0) fail_msg("%s", err.text);
    assert_int_equal(lmtp_server_start(&options, &server, &err), 0);
    return server;
}

static int connect_to_server(void) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    memcpy(address.sun_path, path, sizeof(path));
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

/* Reads until `text` has come. */
static void expect(int fd, const char *text) {
    char got[4096];
    size_t len = 0;
    while (len + 1 < sizeof(got)) {
        ssize_t count = read(fd, got + len, sizeof(got) - 1 - len);
        if (count <= 0) break;
        len += (size_t)count;
        got[len] = '\0';
        if (strstr(got, text)) return;
    }
    got[len] = '\0';
    fail_msg("\"%s\" came, not %s", got, text);
}

static void say(int fd, const char *text) {
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

#define TRANSACTION "LHLO a\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nSubject: x\r\n\r\nx\r\n.\r\n"

static void test_delivers(void **state) {
    struct stat status;
    struct lmtp_server *server = start(4, 0);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0660);
    int before = delivered, fd = connect_to_server();
    say(fd, TRANSACTION "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nRCPT TO:<e@f>\r\nDATA\r\ny\r\n.\r\nQUIT\r\n");
    expect(fd, "221 ");
    assert_int_equal(delivered, before + 2);
    close(fd);
    lmtp_server_stop(server);
    unlink(path);
}

static void test_too_many_connections(void **state) {
    struct lmtp_server *server = start(1, 0);
    int first = connect_to_server();
    expect(first, "220 ");
    int second = connect_to_server();
    expect(second, "421 4.3.2 too many");
    close(second);
    say(first, "QUIT\r\n");
    expect(first, "221 ");
    close(first);
    lmtp_server_stop(server);
    unlink(path);
}

static void test_idle_connections_are_closed(void **state) {
    struct lmtp_server *server = start(1, 1);
    int fd = connect_to_server();
    expect(fd, "421 4.4.2");
    close(fd);
    lmtp_server_stop(server);
    unlink(path);
}

static void *stop(void *server) {
    return lmtp_server_stop(server);
}

/* A message that is being stored is stored and answered; who only waits is told. */
static void test_orderly_stop(void **state) {
    struct lmtp_server *server = start(4, 0);
    pthread_t stopper;
    int before = delivering, fd = connect_to_server(), idle = connect_to_server();
    expect(idle, "220 ");
    gate_closed = true;
    say(fd, TRANSACTION);
    expect(fd, "354 ");
    pthread_mutex_lock(&mutex);
    while (delivering == before)
        pthread_cond_wait(&changed, &mutex);
    pthread_mutex_unlock(&mutex);
    assert_int_equal(pthread_create(&stopper, NULL, stop, server), 0);
    expect(idle, "421 4.3.2 the service stops");
    pthread_mutex_lock(&mutex);
    gate_closed = false;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&mutex);
    expect(fd, "250 2.0.0 stored");
    pthread_join(stopper, NULL);
    close(fd);
    close(idle);
    unlink(path);
}

static void test_left_over_sockets(void **state) {
    struct lmtp_server *server = start(1, 0);
    int fd;
    struct err err = {0};
    assert_int_equal(lmtp_listen_unix(path, &fd, &err), -ERR_UNAVAILABLE); /* somebody listens there */
    lmtp_server_stop(server);
    lmtp_server_stop(start(1, 0)); /* nobody any more, and the socket is still there */
    unlink(path);
    FILE *file = fopen(path, "w");
    fclose(file);
    assert_int_equal(lmtp_listen_unix(path, &fd, &err), -ERR_UNAVAILABLE); /* a file is not ours to remove */
    assert_int_equal(access(path, F_OK), 0);
    unlink(path);
}

int main(void) {
    if (!mkdtemp(directory)) return 1;
    snprintf(path, sizeof(path), "%s/lmtp", directory);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_delivers),
        cmocka_unit_test(test_too_many_connections),
        cmocka_unit_test(test_idle_connections_are_closed),
        cmocka_unit_test(test_orderly_stop),
        cmocka_unit_test(test_left_over_sockets),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rmdir(directory);
    return failed;
}
