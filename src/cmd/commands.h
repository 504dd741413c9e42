/* commands: the subcommands, one file each. Each is given what stands behind its name, and returns the exit status:
 * 0, 1 failed, 2 wrong usage. */
#ifndef INKLING_CMD_COMMANDS_H
#define INKLING_CMD_COMMANDS_H

int command_verify(int argument_count, char *const *arguments);

#endif
