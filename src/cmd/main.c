#include <stdio.h>

#include "base/clock.h"
#include "build_config.h"
#include "cmd/command.h"

#include "base/banned.h"

#define EXIT_FAILED 1
#define EXIT_USAGE  2
#define HELP_MAX    (256UL << 10)

static const struct command *const commands[] = {
    &command_demo,     &command_serve,  &command_setup,   &command_org,    &command_user,   &command_key,
    &command_endpoint, &command_replay, &command_backup,  &command_config, &command_verify, &command_token_key,
    &command_rewrite,  &command_milter, &command_deliver, &command_import,
};
#define COMMANDS_COUNT (sizeof(commands) / sizeof(commands[0]))

static void write_overview(struct strbuf *out) {
    strbuf_add_cstr(out, "usage: inkling COMMAND [OPTIONS]\n\n"
                         "Takes the webhooks of email services and shows recruiters how candidates engage.\n\n");
    for (size_t i = 0; i < COMMANDS_COUNT; i++)
        strbuf_printf(out, "  %-12s%s\n", commands[i]->name, commands[i]->summary);
    strbuf_add_cstr(out, "\ninkling COMMAND --help tells more of one; inkling --version the version.\n");
}

static void write_help(const struct command *command, struct strbuf *out) {
    strbuf_printf(out, "usage: inkling %s %s\n\n%s\n", command->name, command->usage, command->summary);
    if (command->details) strbuf_printf(out, "\n%s\n", command->details);
    if (command->options) {
        strbuf_add_cstr(out, "\nOptions:\n");
        command_options_write_help(command->options, out);
    }
    if (command->own_options_only) return;
    strbuf_add_cstr(out,
                    "\nOptions of every command; in the configuration file without dashes and with _ for -, in the "
                    "environment as INKLING_NAME:\n");
    config_write_help(out);
}

static int print_and_release(struct strbuf *text) {
    struct err err = {0};
    int r = command_print(strbuf_slice(text), &err);
    strbuf_release(text);
    return r == 0 ? 0 : EXIT_FAILED;
}

static int print_overview(void) {
    struct strbuf text;
    strbuf_init(&text, HELP_MAX);
    write_overview(&text);
    return print_and_release(&text);
}

static int print_help(const struct command *command) {
    struct strbuf text;
    strbuf_init(&text, HELP_MAX);
    write_help(command, &text);
    return print_and_release(&text);
}

static int print_version(void) {
    struct err err = {0};
    return command_print(SLICE("inkling " INKLING_VERSION "\n"), &err) == 0 ? 0 : EXIT_FAILED;
}

static bool asks_for_help(int count, char *const *arguments) {
    for (int i = 0; i < count && strcmp(arguments[i], "--") != 0; i++)
        if (strcmp(arguments[i], "--help") == 0 || strcmp(arguments[i], "-h") == 0) return true;
    return false;
}

static int run(const struct command *command, int count, char *const *arguments) {
    struct err err = {0};
    int r = command->run(command, count, arguments, &err);
    if (r == 0) return 0;
    fprintf(stderr, "inkling: %s\n", err.text);
    if (command->exit_status) return command->exit_status(err.code);
    return err.code == ERR_INVALID ? EXIT_USAGE : EXIT_FAILED;
}

int main(int argc, char **argv) {
    clock_init();
    if (argc < 2) {
        struct strbuf text;
        strbuf_init(&text, HELP_MAX);
        write_overview(&text);
        fputs(text.ptr, stderr);
        strbuf_release(&text);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0)
        return print_overview();
    if (strcmp(argv[1], "--version") == 0) return print_version();
    for (size_t i = 0; i < COMMANDS_COUNT; i++) {
        if (strcmp(argv[1], commands[i]->name) != 0) continue;
        if (asks_for_help(argc - 2, argv + 2)) return print_help(commands[i]);
        return run(commands[i], argc - 2, argv + 2);
    }
    fprintf(stderr, "inkling: there is no command %s; inkling --help lists what there is\n", argv[1]);
    return EXIT_USAGE;
}
