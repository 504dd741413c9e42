/* milter: a mail filter for Postfix and Sendmail (libmilter). It never delays or loses mail: every way out of it ends
 * in "accept", and what it waits for is bounded. libmilter keeps its state in globals of its own and serves each
 * connection on a thread of its own. */
#include <grp.h>
#include <libmilter/mfapi.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "cmd/command.h"
#include "cmd/relay_options.h"
#include "http/client.h"

#include "base/banned.h"

#define NAME               "inkling"
#define TIMEOUT_DEFAULT_MS 1500 /* together with connecting below the 2 s that a mail may be held up */
#define TIMEOUT_MAX_MS     2000
#define DIALOGUE_TIMEOUT_S 600 /* of the mail server's own silence */
#define DOMAINS_MAX        64
#define REPLACE_AT_ONCE    65535

/* Which emails are taken. Both rules must hold. */
struct rules {
    struct slice domains[DOMAINS_MAX]; /* of the From address; none: any */
    size_t domain_count;
    const char *header; /* that must be there; NULL: none */
};

struct milter {
    struct relay relay;
    struct rules rules;
};

/* One email of one connection. */
struct dialogue {
    const struct milter *milter;
    struct strbuf source; /* as it comes, and assembled: header lines, empty line, body */
    size_t recipients;
    bool too_large, in_body;
};

/* The callbacks of libmilter have no place for a context before the connection; this is where it starts. */
static const struct milter *running;

/* ---- the dialogue ---- */

static void dialogue_clear(struct dialogue *dialogue) {
    strbuf_clear(&dialogue->source);
    dialogue->recipients = 0;
    dialogue->too_large = dialogue->in_body = false;
}

static struct dialogue *dialogue_of(SMFICTX *context) {
    struct dialogue *dialogue = smfi_getpriv(context);
    if (dialogue) return dialogue;
    dialogue = memory_alloc(sizeof(*dialogue));
    dialogue->milter = running;
    strbuf_init(&dialogue->source, MESSAGE_BYTES_MAX);
    smfi_setpriv(context, dialogue);
    return dialogue;
}

static sfsistat on_sender(SMFICTX *context, char **arguments) {
    dialogue_clear(dialogue_of(context));
    return SMFIS_CONTINUE;
}

static sfsistat on_recipient(SMFICTX *context, char **arguments) {
    dialogue_of(context)->recipients++;
    return SMFIS_CONTINUE;
}

static sfsistat on_header(SMFICTX *context, char *name, char *value) {
    struct dialogue *dialogue = dialogue_of(context);
    strbuf_add_cstr(&dialogue->source, name);
    strbuf_add_cstr(&dialogue->source, ":");
    strbuf_add_cstr(&dialogue->source, *value == ' ' || *value == '\t' ? "" : " ");
    for (const char *c = value; *c; c++) { /* lines of a folded header come with a bare line feed */
        if (*c == '\n' && (c == value || c[-1] != '\r')) strbuf_add_char(&dialogue->source, '\r');
        strbuf_add_char(&dialogue->source, *c);
    }
    strbuf_add_cstr(&dialogue->source, "\r\n");
    return SMFIS_CONTINUE;
}

static sfsistat on_header_end(SMFICTX *context) {
    strbuf_add_cstr(&dialogue_of(context)->source, "\r\n");
    return SMFIS_CONTINUE;
}

static sfsistat on_body(SMFICTX *context, unsigned char *bytes, size_t len) {
    struct dialogue *dialogue = dialogue_of(context);
    strbuf_add(&dialogue->source, (const char *)bytes, len);
    return dialogue->source.overflow ? SMFIS_ACCEPT : SMFIS_CONTINUE; /* too large for us, not for the recipient */
}

/* ---- the rules ---- */

static bool is_of_domains(const struct rules *rules, struct slice address) {
    ptrdiff_t at = slice_find_char(address, '@');
    if (rules->domain_count == 0) return true;
    for (size_t i = 0; i < rules->domain_count && at >= 0; i++)
        if (slice_equal_nocase(slice_from(address, (size_t)at + 1), rules->domains[i])) return true;
    return false;
}

static bool is_taken(const struct rules *rules, struct message *message) {
    if (!is_of_domains(rules, message->from_address)) return false;
    return !rules->header || !slice_empty(message_header(message, rules->header));
}

/* ---- the end of an email ---- */

static int replace_body(SMFICTX *context, struct slice body) {
    int r = MI_SUCCESS;
    while (r == MI_SUCCESS && body.len > 0) {
        struct slice portion = slice_first(body, REPLACE_AT_ONCE);
        r = smfi_replacebody(context, (unsigned char *)(uintptr_t)portion.ptr, (int)portion.len);
        body = slice_from(body, portion.len);
    }
    return r;
}

static int add_headers(SMFICTX *context, const struct relayed *relayed) {
    int r = MI_SUCCESS;
    for (size_t i = 0; i < relayed->header_count && r == MI_SUCCESS; i++) {
        char *value = memory_cstr(relayed->headers[i].value.ptr, relayed->headers[i].value.len);
        r = smfi_addheader(context, (char *)(uintptr_t)relayed->headers[i].name, value);
        free(value);
    }
    return r;
}

static int rewrite(SMFICTX *context, struct dialogue *dialogue, struct message *message, struct err *err) {
    struct relayed relayed = {0};
    struct strbuf out;
    strbuf_init(&out, 3 * MESSAGE_BYTES_MAX);
    int r = relay_register(&dialogue->milter->relay, message, &relayed, err);
    if (r == 0) r = message_write(message, relayed.html, relayed.text, NULL, 0, &out, err);
    /* Header lines before the body: a mail server that lost us between the two would send a body of which the header
     * says nothing. */
    if (r == 0 && (add_headers(context, &relayed) != MI_SUCCESS ||
                   ((relayed.html.ptr || relayed.text.ptr) &&
                    replace_body(context, slice_from(strbuf_slice(&out), message->header_end + 2)) != MI_SUCCESS)))
        r = err_set(err, ERR_UNAVAILABLE, "the mail server did not take the changes");
    relayed_release(&relayed);
    strbuf_release(&out);
    return r;
}

static sfsistat on_end(SMFICTX *context) {
    struct dialogue *dialogue = dialogue_of(context);
    struct message *message = NULL;
    struct err err = {0};
    int r = dialogue->source.overflow ? err_set(&err, ERR_TOO_LARGE, "the email is too large to be rewritten")
                                      : message_open(strbuf_slice(&dialogue->source), &message, &err);
    bool taken = r == 0 && is_taken(&dialogue->milter->rules, message);
    if (taken && dialogue->recipients != 1)
        r = err_set(&err, ERR_DENIED, "%zu recipients: links could not tell them apart", dialogue->recipients);
    if (taken && r == 0) r = rewrite(context, dialogue, message, &err);
    if (r == -ERR_DENIED)
        log_debug("an email passed untracked", LOG_TEXT("reason", err.text));
    else if (r != 0)
        log_warning("an email passed untracked", LOG_TEXT("reason", err.text));
    else if (taken)
        log_debug("an email was rewritten");
    message_close(message);
    dialogue_clear(dialogue);
    return SMFIS_ACCEPT;
}

static sfsistat on_abort(SMFICTX *context) {
    struct dialogue *dialogue = smfi_getpriv(context);
    if (dialogue) dialogue_clear(dialogue);
    return SMFIS_CONTINUE;
}

static sfsistat on_close(SMFICTX *context) {
    struct dialogue *dialogue = smfi_getpriv(context);
    if (dialogue) strbuf_release(&dialogue->source);
    free(dialogue);
    smfi_setpriv(context, NULL);
    return SMFIS_CONTINUE;
}

/* ---- options ---- */

enum { LISTEN = RELAY_OPTION_COUNT, SENDER_DOMAINS, REQUIRE_HEADER, USER, SOCKET_GROUP };
static const struct command_option milter_options[] = {
    RELAY_OPTIONS,
    [LISTEN] = {"socket", "SOCKET", "unix:/PATH or inet:PORT@HOST. Default: inet:8559@127.0.0.1."},
    [SENDER_DOMAINS] = {"sender-domains", "LIST", "Take only emails from these domains, separated by commas."},
    [REQUIRE_HEADER] = {"require-header", "NAME", "Take only emails that have this header."},
    [USER] = {"user", "NAME", "Become this user once the socket is open."},
    [SOCKET_GROUP] = {"socket-group", "NAME", "Let this group use the unix socket."},
    {0},
};

static int read_rules(const char *const *values, struct rules *rules, struct err *err) {
    struct slice rest = slice_cstr(values[SENDER_DOMAINS]), domain;
    rules->header = values[REQUIRE_HEADER];
    while (slice_split_next(&rest, ',', &domain)) {
        domain = slice_trim(domain);
        if (slice_empty(domain)) continue;
        if (rules->domain_count == DOMAINS_MAX)
            return err_set(err, ERR_INVALID, "--sender-domains takes at most %d domains", DOMAINS_MAX);
        rules->domains[rules->domain_count++] = domain;
    }
    return 0;
}

/* What is not needed once the socket is open. */
static int drop_privileges(const char *name, struct err *err) {
    if (!name) return 0;
    const struct passwd *user = getpwnam(name); /* before any thread */
    if (!user) return err_set(err, ERR_INVALID, "there is no user %s", name);
    if (geteuid() == user->pw_uid) return 0;
    if (initgroups(name, user->pw_gid) != 0 || setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0)
        return err_set(err, ERR_DENIED, "inkling cannot become the user %s: start it as root", name);
    return 0;
}

static int share_socket(const char *address, const char *group_name, struct err *err) {
    static const char prefix[] = "unix:";
    if (strncmp(address, prefix, strlen(prefix)) != 0) return 0;
    const char *path = address + strlen(prefix);
    const struct group *group = group_name ? getgrnam(group_name) : NULL;
    if (group_name && !group) return err_set(err, ERR_INVALID, "there is no group %s", group_name);
    if (group && chown(path, (uid_t)-1, group->gr_gid) != 0)
        return err_set(err, ERR_DENIED, "the socket %s cannot be given to the group %s", path, group_name);
    if (chmod(path, 0660) != 0) return err_set(err, ERR_UNAVAILABLE, "the mode of %s cannot be set", path);
    return 0;
}

/* ---- running ---- */

static int listen_at(const char *address, struct err *err) {
    struct smfiDesc description = {
        .xxfi_name = (char *)(uintptr_t)NAME,
        .xxfi_version = SMFI_VERSION,
        .xxfi_flags = SMFIF_ADDHDRS | SMFIF_CHGBODY,
        .xxfi_envfrom = on_sender,
        .xxfi_envrcpt = on_recipient,
        .xxfi_header = on_header,
        .xxfi_eoh = on_header_end,
        .xxfi_body = on_body,
        .xxfi_eom = on_end,
        .xxfi_abort = on_abort,
        .xxfi_close = on_close,
    };
    char *copy = memory_cstr(address, strlen(address));
    bool fine = smfi_setconn(copy) == MI_SUCCESS && smfi_settimeout(DIALOGUE_TIMEOUT_S) == MI_SUCCESS &&
                smfi_register(description) == MI_SUCCESS && smfi_opensocket(true) == MI_SUCCESS;
    free(copy);
    return fine ? 0
                : err_set(err, ERR_UNAVAILABLE, "the socket %s cannot be opened: is it unix:/PATH or inet:PORT@HOST?",
                          address);
}

/* Whoever sees the socket may end us at once; libmilter takes these signals only a moment later. Blocked, they wait. */
static void hold_signals(void) {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
}

/* libmilter ends by itself on SIGTERM, SIGINT and SIGHUP, when the dialogues at hand are over. */
static int serve(struct milter *milter, const char *const *values, struct err *err) {
    const char *address = values[LISTEN] ? values[LISTEN] : "inet:8559@127.0.0.1";
    running = milter;
    hold_signals();
    int r = listen_at(address, err);
    if (r == 0) r = share_socket(address, values[SOCKET_GROUP], err);
    if (r == 0) r = drop_privileges(values[USER], err);
    if (r != 0) return r;
    log_info("filtering mail", LOG_TEXT("socket", address), LOG_TEXT("service", milter->relay.url));
    if (smfi_main() != MI_SUCCESS) return err_set(err, ERR_UNAVAILABLE, "the mail filter has failed");
    log_info("stopped");
    return 0;
}

static int run(const struct command *command, int argument_count, char *const *arguments, struct err *err) {
    const char *values[COMMAND_OPTIONS_MAX] = {0};
    const char *const *rest;
    struct config *config = NULL;
    struct milter milter = {0};
    size_t rest_count;
    int r = config_load(argument_count, arguments, command->options, values, &config, &rest, &rest_count, err);
    if (r < 0) return r;
    log_configure((enum log_level)config->log_level, (enum log_format)config->log_format);
    http_client_global_init();
    message_global_init();
    r = relay_options_read(config, values, TIMEOUT_DEFAULT_MS, &milter.relay, err);
    if (r == 0 && milter.relay.timeout_ms > TIMEOUT_MAX_MS)
        r = err_set(err, ERR_INVALID, "--timeout-ms must be at most %d: mail is not held up longer", TIMEOUT_MAX_MS);
    if (r == 0 && rest_count > 0) r = err_set(err, ERR_INVALID, "inkling milter takes options only; --help lists them");
    if (r == 0) r = read_rules(values, &milter.rules, err);
    if (r == 0) r = serve(&milter, values, err);
    message_global_cleanup();
    http_client_global_cleanup();
    config_free(config);
    return r;
}

const struct command command_milter = {
    .name = "milter",
    .usage = "--api-key-file FILE [--socket SOCKET] [--sender-domains LIST]",
    .summary = "Filters outgoing mail for Postfix or Sendmail: registers and rewrites it.",
    .details = "Mail passes untracked when the service is down, does not answer in time, or cannot rewrite it. In "
               "Postfix set\n"
               "milter_default_action=accept, so that it also passes while the filter itself is down.",
    .options = milter_options,
    .run = run,
};
