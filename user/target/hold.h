/* SPDX-License-Identifier: GPL-2.0-only */
/* Runs a traced process through its loader. */
#ifndef TARGET_HOLD_H
#define TARGET_HOLD_H

#include <sys/ptrace.h>
#include <sys/types.h>

/* What PTRACE_SEIZE is to set. EXITKILL: should memwatch die, no stopped child stays behind. */
#define HOLD_OPTIONS (PTRACE_O_TRACEEXEC | PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL)

/* Waits for a ptrace stop; -ECHILD where the child ended instead. */
int hold_wait(pid_t pid, int *status);

/*
 * From the ptrace stop of an exec to the entry point of the program whose code runs then: what is
 * loaded before it may execute another. -ECHILD where the process ended before, -ENOTSUP where a
 * program is a 32-bit one, or another negative errno.
 */
int hold_at_entry(pid_t pid);

/*
 * From where hold_at_entry() or this left it to its next system call, which has not run yet. 0;
 * -ECHILD where the process ended before, whose status is still to be had, or another negative
 * errno.
 */
int hold_at_next_syscall(pid_t pid);

#endif
