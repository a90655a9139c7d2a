// SPDX-License-Identifier: GPL-2.0-only
#include "target/hold.h"

#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>

#include "target/process.h"

#define INT3 0xccul

/* What PTRACE_O_TRACESYSGOOD adds to the signal of a stop at a system call. */
#define SYSCALL_STOP 0x80

/* By whatever call, and whether it shares the memory or not: each stops, and is let go. */
#define CHILDREN (PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE)

struct breakpoint {
	pid_t pid;
	uint64_t addr;
	long word; /* of its text, in place of whose first byte is an int3 */
};

int hold_wait(pid_t pid, int *status)
{
	pid_t got;

	do
		got = waitpid(pid, status, __WALL);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return -errno;
	return WIFSTOPPED(*status) ? 0 : -ECHILD;
}

static int set_int3(const struct breakpoint *breakpoint)
{
	long word = (breakpoint->word & ~0xffl) | INT3;

	return ptrace(PTRACE_POKETEXT, breakpoint->pid, breakpoint->addr, word) ? -errno : 0;
}

/*
 * Not in a debug register: the kernel keeps the perf event that it makes of one until the task ends
 * or calls exec, also where it is cleared, and looks after it with each switch to another thread,
 * which takes 0.5 us.
 */
static int breakpoint_set(struct breakpoint *breakpoint)
{
	pid_t pid = breakpoint->pid;

	errno = 0;
	breakpoint->word = ptrace(PTRACE_PEEKTEXT, pid, breakpoint->addr, 0);
	return errno ? -errno : set_int3(breakpoint);
}

static int breakpoint_clear(const struct breakpoint *breakpoint, struct user_regs_struct *regs)
{
	regs->rip = breakpoint->addr;
	if (ptrace(PTRACE_POKETEXT, breakpoint->pid, breakpoint->addr, breakpoint->word) ||
	    ptrace(PTRACE_SETREGS, breakpoint->pid, 0, regs) ||
	    ptrace(PTRACE_SETOPTIONS, breakpoint->pid, 0, HOLD_OPTIONS))
		return -errno;
	return 0;
}

/*
 * A child that is made before the entry point, by a library's constructor, has the int3 in its own
 * text, and would die of it. Where it shares the memory, its parent's int3 is set anew.
 */
static int spare_child(const struct breakpoint *breakpoint)
{
	unsigned long child;
	int status, err;

	if (ptrace(PTRACE_GETEVENTMSG, breakpoint->pid, 0, &child))
		return -errno;
	err = hold_wait((pid_t)child, &status);
	/* Killed before it came to stop. */
	if (err)
		return err == -ECHILD ? 0 : err;
	if ((ptrace(PTRACE_POKETEXT, (pid_t)child, breakpoint->addr, breakpoint->word) ||
	     ptrace(PTRACE_DETACH, (pid_t)child, 0, 0)) &&
	    errno != ESRCH)
		return -errno;
	return set_int3(breakpoint);
}

/* An exec has taken the text away, and with it any breakpoint. */
static int set_at_entry(struct breakpoint *breakpoint)
{
	int err;

	if (process_kind(breakpoint->pid) == PROCESS_32BIT)
		return -ENOTSUP;
	if (ptrace(PTRACE_SETOPTIONS, breakpoint->pid, 0, HOLD_OPTIONS | CHILDREN))
		return -errno;
	err = process_auxv(breakpoint->pid, AT_ENTRY, &breakpoint->addr);
	return err ? err : breakpoint_set(breakpoint);
}

static bool is_child_event(int event)
{
	return event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK ||
	       event == PTRACE_EVENT_CLONE;
}

int hold_at_entry(pid_t pid)
{
	struct breakpoint breakpoint = {.pid = pid};
	struct user_regs_struct regs;
	int status, signal = 0, err = set_at_entry(&breakpoint);

	while (!err) {
		if (ptrace(PTRACE_CONT, pid, 0, signal))
			return -errno;
		err = hold_wait(pid, &status);
		if (err)
			break;
		/* status >> 16: a ptrace event, no signal to pass on. */
		signal = status >> 16 ? 0 : WSTOPSIG(status);
		if (status >> 16 == PTRACE_EVENT_EXEC)
			err = set_at_entry(&breakpoint);
		else if (is_child_event(status >> 16))
			err = spare_child(&breakpoint);
		if (signal != SIGTRAP)
			continue;
		if (ptrace(PTRACE_GETREGS, pid, 0, &regs))
			return -errno;
		if (regs.rip == breakpoint.addr + 1)
			return breakpoint_clear(&breakpoint, &regs);
	}
	return err;
}

/* As hold_wait(), but one that ended stays for whoever asks for its status. */
static int wait_unless_ended(pid_t pid, int *status)
{
	siginfo_t info;

	/* One who waits for stops only would sleep on after its end. */
	while (waitid(P_PID, pid, &info, WEXITED | WSTOPPED | WNOWAIT | __WALL))
		if (errno != EINTR)
			return -errno;
	if (info.si_code == CLD_EXITED || info.si_code == CLD_KILLED || info.si_code == CLD_DUMPED)
		return -ECHILD;
	return hold_wait(pid, status);
}

int hold_at_next_syscall(pid_t pid)
{
	struct __ptrace_syscall_info info;
	int status, signal = 0, err = 0;

	while (!err) {
		if (ptrace(PTRACE_SYSCALL, pid, 0, signal))
			return -errno;
		err = wait_unless_ended(pid, &status);
		if (err)
			break;
		if (status >> 16 == PTRACE_EVENT_EXEC)
			return hold_at_entry(pid);
		signal = status >> 16 ? 0 : WSTOPSIG(status);
		if (signal != (SIGTRAP | SYSCALL_STOP))
			continue;
		signal = 0;
		if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) < 0)
			return -errno;
		if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
			return 0;
	}
	return err;
}
