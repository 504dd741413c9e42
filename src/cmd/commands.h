/* commands: the subcommands of the program, a file each. */
#ifndef INKLING_CMD_COMMANDS_H
#define INKLING_CMD_COMMANDS_H

/* `arguments`: what stands behind the subcommand. Returns the exit status: 0, 1 failed, 2 usage. */
int command_demo(int count, char *const *arguments);

#endif
