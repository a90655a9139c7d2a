/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Starts a command and holds it where the loader has relocated everything and the program's own
 * code has not begun: at its entry point (AT_ENTRY). ptrace is used up to there and not after.
 */
#ifndef TARGET_LAUNCH_H
#define TARGET_LAUNCH_H

#include <sys/types.h>

#include "target/identity.h"

struct launch {
	pid_t pid;
	char path[4096]; /* what runs: command's file, found through PATH */
};

/*
 * argv: NULL-terminated. What went wrong is logged. -ENOENT, -EACCES (no such command, or not
 * executable), -ENOTSUP (a 32-bit program), -ECHILD (it ended before its code ran), -errno; the
 * child is gone then.
 */
int launch_hold(char *const argv[], const struct identity *identity, struct launch *launch);

/*
 * "/usr/bin/python3 app.py": the path that really runs, with the words it was given. The caller
 * frees it; NULL where memory is short.
 */
char *launch_command_line(const struct launch *launch, char *const argv[]);

/* Lets it run, without ptrace from now on. */
int launch_release(struct launch *launch);

/* Ends it before its code has run. */
void launch_abandon(struct launch *launch);

#endif
