/* command: what a subcommand is. main.c has the table of them. */
#ifndef INKLING_CMD_COMMAND_H
#define INKLING_CMD_COMMAND_H

#include "config/config.h"

struct command {
    const char *name;
    const char *usage;                    /* what stands behind the name: "--org NAME --email ADDRESS" */
    const char *summary;                  /* one sentence */
    const char *details;                  /* further lines for --help; may be NULL */
    const struct command_option *options; /* its own, ended by a row without name; NULL: none */
    bool own_options_only;                /* the table of options is not for it */
    /* `arguments`: what stands behind the name. 0, or a negative err_code; ERR_INVALID ends the program with 2, others
     * with 1. */
    int (*run)(const struct command *command, int argument_count, char *const *arguments, struct err *err);
    /* The program's exit status for a failure, where a caller expects others; NULL: as above. */
    int (*exit_status)(enum err_code code);
};

#define COMMAND_OPTIONS_MAX 24

extern const struct command command_serve, command_setup, command_replay, command_backup, command_user, command_org,
    command_endpoint, command_key, command_config, command_verify, command_demo, command_token_key, command_rewrite,
    command_milter, command_deliver, command_import;

/* Writes to standard output; ERR_UNAVAILABLE when that fails. */
MUST_USE int command_print(struct slice text, struct err *err);
/* A file's first line (passwords, keys), at most `max` bytes; "-" is standard input. In `arena`. */
MUST_USE int command_read_line(const char *path, size_t max, struct arena *arena, struct slice *ret, struct err *err);
/* The same for secrets: all of the file when it holds PEM or JSON, which have lines. */
MUST_USE int command_read_secret(const char *path, size_t max, struct arena *arena, struct slice *ret, struct err *err);

#endif
