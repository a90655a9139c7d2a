/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Starts a command and holds it where the loader has relocated everything and the program's own
 * code has not begun: at its entry point (AT_ENTRY), or in its start code. ptrace is used up to
 * there and not after.
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
 * How often to run one on at most. glibc 2.36 binds before its first system call, or after some
 * brk where it keeps copies of GLIBC_TUNABLES.
 */
#define LAUNCH_RUNS_MOST 64

/*
 * A static program fills in its slots by itself, behind its entry point long
 * before its main(). Runs a held one to its next system call. 0; -ENOTSUP where it is not static;
 * -ECHILD where it ended instead, and is not held any more; or another negative errno.
 */
int launch_run_on(struct launch *launch);

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
