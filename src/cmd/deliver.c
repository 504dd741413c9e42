/* deliver: one message from standard input, for mail servers and filters that start a program for each (Postfix
 * pipe(8), procmail, sieve). Works on the database itself, beside a running service or without one. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "cmd/mail_delivery.h"
#include "cmd/session.h"
#include "store/endpoints.h"

#include "base/banned.h"

/* sysexits.h, as mail servers read them. */
#define EXIT_DATA  65 /* EX_DATAERR: bounced */
#define EXIT_AGAIN 75 /* EX_TEMPFAIL: tried again */

#define QUEUE_EVENTS_MAX 5000
#define QUEUE_JOBS_MAX   16

enum { ORG, ENDPOINT, SENDER, RECIPIENT };
static const struct command_option deliver_options[] = {
    [ORG] = {"org", "ID", "Whose mail it is. Without: by token or domain of the recipient, see mail_organizations."},
    [ENDPOINT] = {"endpoint", "ID", "The endpoint by which the mail is said to have come."},
    [SENDER] = {"sender", "ADDRESS", "The return path; empty or <>: none, as of bounces. Without: not known."},
    [RECIPIENT] = {"recipient", "ADDRESS", "Where the message was sent; more of them as arguments."},
    {0},
};

struct delivering {
    struct session *session;
    struct mail_delivery delivery;
    struct metrics metrics;
    struct strbuf message;
    struct slice recipients[RECEIVED_MAIL_RECIPIENTS_MAX];
    int64_t owners[RECEIVED_MAIL_RECIPIENTS_MAX];
    size_t recipient_count;
};

static int read_message(struct strbuf *message, size_t max, struct err *err) {
    strbuf_init(message, max);
    for (;;) {
        char bytes[65536];
        ssize_t got = read(STDIN_FILENO, bytes, sizeof(bytes));
        if (got == 0) return 0;
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return err_set(err, ERR_UNAVAILABLE, "standard input cannot be read: %s", strerror(errno));
        if (strbuf_add(message, bytes, (size_t)got) < 0)
            return err_set(err, ERR_TOO_LARGE, "the message is larger than inbound_body_max, %zu bytes", max);
    }
}

static int add_recipient(struct delivering *delivering, const char *text, struct err *err) {
    struct slice address = recipient_address(slice_cstr(text));
    if (slice_empty(address)) return err_set(err, ERR_INVALID, "\"%.100s\" is no address", text);
    if (delivering->recipient_count == RECEIVED_MAIL_RECIPIENTS_MAX)
        return err_set(err, ERR_INVALID, "more than %d recipients", RECEIVED_MAIL_RECIPIENTS_MAX);
    delivering->recipients[delivering->recipient_count++] = address;
    return 0;
}

static int read_recipients(struct delivering *delivering, struct err *err) {
    const struct session *session = delivering->session;
    int r = session->values[RECIPIENT] ? add_recipient(delivering, session->values[RECIPIENT], err) : 0;
    for (size_t i = 0; i < session->rest_count && r == 0; i++)
        r = add_recipient(delivering, session->rest[i], err);
    return r;
}

/* Of every recipient; of a mail that names none, of the mail as a whole. */
static int find_owners(struct delivering *delivering, struct err *err) {
    struct session *session = delivering->session;
    int64_t owner = 0;
    int r = 0;
    if (delivering->recipient_count == 0 && !session->values[ORG])
        return err_set(err, ERR_INVALID, "name --recipient or --org: whose mail is it?");
    if (session->values[ORG]) r = session_organization(session, session->values[ORG], &owner, err);
    if (delivering->recipient_count == 0) {
        delivering->owners[0] = owner;
        return r;
    }
    for (size_t i = 0; i < delivering->recipient_count && r == 0; i++) {
        delivering->owners[i] = owner;
        if (owner == 0)
            r = mail_delivery_owner(&delivering->delivery, delivering->recipients[i], &delivering->owners[i], err);
    }
    return r;
}

static int find_endpoint(struct delivering *delivering, struct err *err) {
    struct session *session = delivering->session;
    struct endpoint_row row;
    if (!session->values[ENDPOINT]) return 0;
    int r = session_id("--endpoint", session->values[ENDPOINT], &delivering->delivery.endpoint_id, err);
    if (r < 0) return r;
    return endpoint_row_load(session->db, delivering->owners[0], delivering->delivery.endpoint_id, session->arena, &row,
                             err);
}

static int store(struct delivering *delivering, struct err *err) {
    const char *sender = delivering->session->values[SENDER];
    static const struct slice nobody[] = {{"", 0}};
    struct received_mail mail = {
        .raw = strbuf_slice(&delivering->message),
        .has_sender = sender != NULL,
        .sender = recipient_address(slice_cstr(sender)),
        .recipients = delivering->recipient_count > 0 ? delivering->recipients : nobody,
        .recipient_count = delivering->recipient_count > 0 ? delivering->recipient_count : 1,
        .received_at = clock_now(),
    };
    return mail_delivery_store(&delivering->delivery, &mail, delivering->owners, NULL, err);
}

static int open_all(struct delivering *delivering, struct err *err) {
    struct session *session = delivering->session;
    struct writer_options options = {
        .store = session->store,
        .threads = 1,
        .queue_events_max = QUEUE_EVENTS_MAX,
        .queue_jobs_max = QUEUE_JOBS_MAX,
        .group_events_max = QUEUE_EVENTS_MAX,
        .metrics = &delivering->metrics,
    };
    delivering->delivery = (struct mail_delivery){
        .intake = {.store = session->store,
                   .match_days = session->config->mail_match_days,
                   .excerpt_max = (size_t)session->config->mail_excerpt_max},
        .organizations = session->config->mail_organizations,
    };
    mail_global_init();
    return writer_start(&options, &delivering->delivery.writer, err);
}

static int run(const struct command *command, int argument_count, char *const *arguments, struct err *err) {
    struct session session;
    struct delivering delivering = {.session = &session};
    int r = session_begin(&session, command, argument_count, arguments, err);
    if (r == 0) r = read_recipients(&delivering, err);
    if (r == 0) r = read_message(&delivering.message, (size_t)session.config->inbound_body_max, err);
    if (r == 0) r = session_open(&session, false, err);
    if (r == 0) r = open_all(&delivering, err);
    if (r == 0) r = find_owners(&delivering, err);
    if (r == 0) r = find_endpoint(&delivering, err);
    if (r == 0) r = store(&delivering, err);
    writer_free(delivering.delivery.writer);
    strbuf_release(&delivering.message);
    session_close(&session);
    return r;
}

/* A mistake in the configuration or in the call must not bounce the mail of a candidate: it waits in the mail server's
 * queue until it is put right. Only what can never be taken is sent back. */
static int exit_status(enum err_code code) {
    return code == ERR_TOO_LARGE || code == ERR_UNREADABLE ? EXIT_DATA : EXIT_AGAIN;
}

const struct command command_deliver = {
    .name = "deliver",
    .usage = "[--sender ADDRESS] [--org ID] [--recipient ADDRESS] [ADDRESS…] < MESSAGE",
    .summary = "Takes one received mail from standard input: a reply, a bounce …",
    .details =
        "For mail servers that start a program for each message. Exit status: 0 when the mail is stored, 65 when it\n"
        "is no mail or too large, 75 for everything else: the mail server tries again.",
    .options = deliver_options,
    .exit_status = exit_status,
    .run = run,
};
