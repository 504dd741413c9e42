/* config: looking at the configuration. */
#include "cmd/session.h"

#include "base/banned.h"

#define TEXT_MAX (1UL << 20)

static int print(void (*write)(struct strbuf *out), struct err *err) {
    struct strbuf text;
    strbuf_init(&text, TEXT_MAX);
    write(&text);
    int r = command_print(strbuf_slice(&text), err);
    strbuf_release(&text);
    return r;
}

static int check(const struct session *session, struct err *err) {
    struct strbuf text, unknown;
    strbuf_init(&text, TEXT_MAX);
    strbuf_init(&unknown, TEXT_MAX);
    strbuf_printf(&text, "# file: %s\n", session->config->file ? session->config->file : "none");
    config_write(session->config, &text);
    config_unknown_variables(&unknown);
    struct slice rest = strbuf_slice(&unknown), name;
    int r = command_print(strbuf_slice(&text), err);
    if (r == 0 && unknown.len > 0 && slice_split_next(&rest, '\n', &name))
        r = err_set(err, ERR_INVALID, "the variable %.*s is set but is no option: correct its name or remove it",
                    SLICE_FMT(name));
    strbuf_release(&unknown);
    strbuf_release(&text);
    return r;
}

static int run(const struct command *command, int argument_count, char *const *arguments, struct err *err) {
    struct session session;
    int r = session_begin(&session, command, argument_count, arguments, err);
    if (r == 0) {
        const char *verb = session.rest_count == 1 ? session.rest[0] : "";
        if (strcmp(verb, "check") == 0)
            r = check(&session, err);
        else if (strcmp(verb, "print-default") == 0)
            r = print(config_write_sample, err);
        else
            r = err_set(err, ERR_INVALID, "say check or print-default behind config");
    }
    session_close(&session);
    return r;
}

const struct command command_config = {
    .name = "config",
    .usage = "check | print-default",
    .summary = "Checks the configuration and prints what is in force, or prints a sample file.",
    .run = run,
};
