/* rewrite: one outgoing email from standard input, rewritten to standard output, for any pipeline. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cmd/command.h"
#include "cmd/relay_options.h"
#include "http/client.h"

#include "base/banned.h"

#define READ_AT_ONCE       65536
#define TIMEOUT_DEFAULT_MS 10000

/* EX_TEMPFAIL of sysexits.h: pipelines like Postfix's pipe(8) try again later. */
#define EXIT_TRY_AGAIN 75

enum { STRICT = RELAY_OPTION_COUNT };
static const struct command_option rewrite_options[] = {
    RELAY_OPTIONS,
    [STRICT] = {"strict", NULL, "Print nothing and exit with 75 when the email cannot be rewritten."},
    {0},
};

static int read_input(struct strbuf *ret, struct err *err) {
    for (;;) {
        char *room = strbuf_reserve(ret, READ_AT_ONCE);
        if (!room) return err_set(err, ERR_TOO_LARGE, "the email has more than %lu MB", MESSAGE_BYTES_MAX >> 20);
        ssize_t len = read(STDIN_FILENO, room, READ_AT_ONCE);
        if (len < 0 && errno == EINTR) continue;
        if (len < 0) return err_set(err, ERR_UNAVAILABLE, "standard input cannot be read: %s", strerror(errno));
        if (len == 0) return 0;
        strbuf_grew(ret, (size_t)len);
    }
}

static int rewrite(const struct relay *relay, struct slice source, struct strbuf *out, struct err *err) {
    struct message *message = NULL;
    struct relayed relayed = {0};
    int r = message_open(source, &message, err);
    if (r == 0) r = relay_register(relay, message, &relayed, err);
    if (r == 0) r = message_write(message, relayed.html, relayed.text, relayed.headers, relayed.header_count, out, err);
    relayed_release(&relayed);
    message_close(message);
    return r;
}

/* Whatever happens, the email goes on as it came, unless told otherwise. */
static int rewrite_or_pass(const struct relay *relay, bool strict, struct err *err) {
    struct strbuf source, out;
    struct err reason = {0};
    strbuf_init(&source, MESSAGE_BYTES_MAX + READ_AT_ONCE);
    strbuf_init(&out, 3 * MESSAGE_BYTES_MAX);
    int r = read_input(&source, err);
    if (r != 0) goto out;
    bool done = rewrite(relay, strbuf_slice(&source), &out, &reason) == 0;
    if (!done) fprintf(stderr, "inkling: the email was not rewritten: %s\n", reason.text);
    if (!done && strict) {
        strbuf_release(&source);
        strbuf_release(&out);
        exit(EXIT_TRY_AGAIN);
    }
    r = command_print(done ? strbuf_slice(&out) : strbuf_slice(&source), err);
out:
    strbuf_release(&source);
    strbuf_release(&out);
    return r;
}

static int run(const struct command *command, int argument_count, char *const *arguments, struct err *err) {
    const char *values[COMMAND_OPTIONS_MAX] = {0};
    const char *const *rest;
    struct config *config = NULL;
    struct relay relay;
    size_t rest_count;
    int r = config_load(argument_count, arguments, command->options, values, &config, &rest, &rest_count, err);
    if (r < 0) return r;
    http_client_global_init();
    message_global_init();
    r = relay_options_read(config, values, TIMEOUT_DEFAULT_MS, &relay, err);
    if (r == 0 && rest_count > 0)
        r = err_set(err, ERR_INVALID, "inkling rewrite takes options only and reads standard input");
    if (r == 0) r = rewrite_or_pass(&relay, values[STRICT] != NULL, err);
    message_global_cleanup();
    http_client_global_cleanup();
    config_free(config);
    return r;
}

const struct command command_rewrite = {
    .name = "rewrite",
    .usage = "--url URL --api-key-file FILE < EMAIL",
    .summary = "Rewrites one outgoing email from standard input to standard output.",
    .details =
        "The email is registered with the service at URL and printed with our links, pixel, footer and headers. When "
        "that\ncannot be done, it is printed as it came, with a warning on standard error.",
    .options = rewrite_options,
    .run = run,
};
