#include "cmd/lmtp.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "cmd/mail_delivery.h"
#include "http/listen.h"
#include "lmtp/server.h"

#include "base/banned.h"

#define UNIX_PREFIX    "unix:"
#define NAME_MAX_BYTES 256

struct lmtp {
    struct app *app;
    struct lmtp_server *server;
    const char *unlink_path; /* NULL: none; the configuration's */
    char name[NAME_MAX_BYTES];
};

static struct mail_delivery delivery_of(struct app *app) {
    return (struct mail_delivery){
        .intake = app_mail_intake(app),
        .writer = app->writer,
        .organizations = app_config(app)->mail_organizations,
    };
}

static enum lmtp_answer accept_recipient(void *context, struct slice recipient, int64_t *ret_owner) {
    const struct lmtp *lmtp = context;
    struct mail_delivery delivery = delivery_of(lmtp->app);
    struct err err = {0};
    if (mail_delivery_owner(&delivery, recipient, ret_owner, &err) == 0) return LMTP_ACCEPTED;
    log_warning("a recipient was put off", LOG_TEXT("error", err.text));
    return LMTP_NOT_NOW;
}

static void deliver(void *context, const struct lmtp_message *message, enum lmtp_answer *ret_answers) {
    const struct lmtp *lmtp = context;
    struct mail_delivery delivery = delivery_of(lmtp->app);
    struct received_mail mail = message->mail;
    struct err err = {0};
    mail.received_at = clock_now();
    metric_add(lmtp->app->metrics, METRIC_MAILS_RECEIVED, 1);
    if (mail_delivery_store(&delivery, &mail, message->owners, ret_answers, &err) == 0) return;
    metric_add(lmtp->app->metrics, METRIC_MAILS_FAILED, 1);
    log_error("received mail was not stored", LOG_TEXT("error", err.text));
}

static int listen_where(struct lmtp *lmtp, const char *where, int *ret_socket, struct err *err) {
    size_t prefix = strlen(UNIX_PREFIX);
    int port;
    if (strncmp(where, UNIX_PREFIX, prefix) != 0) {
        int r = listen_open(where, ret_socket, &port, err);
        return r < 0 ? err_prefix(err, "lmtp_listen") : 0;
    }
    int r = lmtp_listen_unix(where + prefix, ret_socket, err);
    if (r < 0) return err_prefix(err, "lmtp_listen");
    lmtp->unlink_path = where + prefix;
    return 0;
}

int lmtp_start(struct app *app, struct lmtp **ret, struct err *err) {
    const struct config *config = app_config(app);
    int fd = -1;
    *ret = NULL;
    if (!*config->lmtp_listen) return 0;
    struct lmtp *lmtp = memory_alloc(sizeof(*lmtp));
    lmtp->app = app;
    if (gethostname(lmtp->name, sizeof(lmtp->name) - 1) != 0 || !*lmtp->name) memcpy(lmtp->name, "localhost", 10);
    int r = listen_where(lmtp, config->lmtp_listen, &fd, err);
    if (r < 0) goto out;
    struct lmtp_server_options options = {
        .socket = fd,
        .connections_max = (size_t)config->lmtp_connections_max,
        .settings = {.name = lmtp->name,
                     .message_max = (size_t)config->inbound_body_max,
                     .recipients_max = RECEIVED_MAIL_RECIPIENTS_MAX,
                     .accept = accept_recipient,
                     .context = lmtp},
        .deliver = deliver,
    };
    r = lmtp_server_start(&options, &lmtp->server, err);
    if (r < 0) goto out;
    log_info("taking mail by LMTP", LOG_TEXT("at", config->lmtp_listen));
    *ret = lmtp;
    lmtp = NULL;
out:
    lmtp_stop(lmtp);
    return r;
}

struct lmtp *lmtp_stop(struct lmtp *lmtp) {
    if (!lmtp) return NULL;
    lmtp_server_stop(lmtp->server);
    if (lmtp->unlink_path) unlink(lmtp->unlink_path);
    free(lmtp);
    return NULL;
}
