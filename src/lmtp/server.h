/* server: takes mail by LMTP from a mail server on the same machine or network. A thread that accepts, and one a
 * connection, at most `connections_max`: a mail server opens few and keeps them. There are no credentials in LMTP, so
 * it listens at a Unix socket or where only the mail server can reach it. */
#ifndef INKLING_LMTP_SERVER_H
#define INKLING_LMTP_SERVER_H

#include "base/err.h"
#include "lmtp/session.h"

struct lmtp_server;

struct lmtp_server_options {
    int socket; /* listening; taken over */
    size_t connections_max;
    int timeout_s; /* without a byte; 0: 300 (RFC 5321 section 4.5.3.2) */
    struct lmtp_settings settings;
    /* Stores the message: one answer a recipient, LMTP_STORED only when it is durable. Called on the connection's
     * thread, may block; context: that of `settings`. */
    void (*deliver)(void *context, const struct lmtp_message *message, enum lmtp_answer *ret_answers);
};

MUST_USE int lmtp_server_start(const struct lmtp_server_options *options, struct lmtp_server **ret, struct err *err);
/* Orderly: no new connections; a message that is complete is stored and answered, everything else is cut off with 421,
 * which the mail server repeats elsewhere or later. Returns when all threads have ended. NULL accepted. */
struct lmtp_server *lmtp_server_stop(struct lmtp_server *server);

/* A Unix socket at `path`, mode 0660, for `socket`. One that a killed process has left is replaced. ERR_UNAVAILABLE. */
MUST_USE int lmtp_listen_unix(const char *path, int *ret_socket, struct err *err);

#endif
