// SPDX-License-Identifier: GPL-2.0-only
#include "target/process.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#define AUXV_MOST 64

static ssize_t read_proc(pid_t pid, const char *name, void *buf, size_t bytes)
{
	char path[64];
	ssize_t got;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	got = read(fd, buf, bytes);
	if (got < 0)
		got = -errno;
	close(fd);
	return got;
}

/* The fields of /proc/PID/stat from the third, the state, on: "4242 (a) b) S 1 4242 ...". */
static const char *stat_fields(pid_t pid, char *buf, size_t bytes)
{
	ssize_t got = read_proc(pid, "stat", buf, bytes - 1);
	char *comm_end;

	if (got <= 0)
		return NULL;
	buf[got] = '\0';
	comm_end = strrchr(buf, ')');
	return comm_end && comm_end[1] ? comm_end + 2 : NULL;
}

/* The line "Tgid:\t4242" of /proc/PID/status; 0 where it can't be read. */
static pid_t process_leader(pid_t pid)
{
	char buf[4096];
	ssize_t got = read_proc(pid, "status", buf, sizeof(buf) - 1);
	char *line;

	if (got <= 0)
		return 0;
	buf[got] = '\0';
	line = strstr(buf, "\nTgid:");
	return line ? atoi(line + strlen("\nTgid:")) : 0;
}

/*
 * A 32-bit process's vector has pairs of 32-bit words. Read as 64-bit words, the first holds type
 * and value at once, and no type is that large.
 */
static bool auxv_is_32bit(const uint64_t *words, ssize_t bytes)
{
	return bytes >= 8 && words[0] > UINT32_MAX;
}

#define PF_KTHREAD 0x00200000u

enum process_kind process_kind(pid_t pid)
{
	char stat[1024];
	uint64_t words[2 * AUXV_MOST];
	const char *fields = stat_fields(pid, stat, sizeof(stat));
	unsigned flags = 0;
	char state = '?';
	ssize_t got;

	if (!fields)
		return PROCESS_GONE;
	/* state ppid pgrp session tty tpgid flags */
	if (sscanf(fields, "%c %*d %*d %*d %*d %*d %u", &state, &flags) != 2)
		return PROCESS_UNREADABLE;
	if (flags & PF_KTHREAD)
		return PROCESS_KERNEL;
	if (state == 'Z' || state == 'X')
		return PROCESS_ENDED;
	if (process_leader(pid) != pid)
		return PROCESS_THREAD;
	got = read_proc(pid, "auxv", words, sizeof(words));
	if (got == -EACCES || got == -EPERM)
		return PROCESS_UNREADABLE;
	if (got <= 0)
		return PROCESS_ENDED;
	return auxv_is_32bit(words, got) ? PROCESS_32BIT : PROCESS_WATCHABLE;
}

const char *process_kind_text(enum process_kind kind)
{
	switch (kind) {
	case PROCESS_WATCHABLE:
		return "";
	case PROCESS_GONE:
		return "does not exist";
	case PROCESS_ENDED:
		return "has already ended";
	case PROCESS_THREAD:
		return "is a thread, not a process; name its process (Tgid in /proc/PID/status)";
	case PROCESS_KERNEL:
		return "is a kernel thread, which runs no user code";
	case PROCESS_32BIT:
		return "is a 32-bit program; memwatch reads 64-bit ones only";
	case PROCESS_UNREADABLE:
		return "can't be looked into: access is denied (to root, too, in some sandboxes); "
		       "run memwatch as root outside of them";
	}
	return "";
}

int processes_check(const pid_t *pids, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		enum process_kind kind = process_kind(pids[i]);

		if (kind == PROCESS_WATCHABLE)
			continue;
		log_error("process %d %s", pids[i], process_kind_text(kind));
		return -ESRCH;
	}
	return 0;
}

bool process_comm(pid_t pid, char comm[PROCESS_COMM_BYTES])
{
	char read[PROCESS_COMM_BYTES];
	ssize_t got = read_proc(pid, "comm", read, sizeof(read) - 1);

	if (got <= 0)
		return false;
	read[got] = '\0';
	read[strcspn(read, "\n")] = '\0';
	memcpy(comm, read, sizeof(read));
	return true;
}

/*
 * The id of another process's CPU clock, as clock_getcpuclockid() of glibc 2.36 makes it: the pid
 * inverted, and CPUCLOCK_SCHED, the scheduler's ns, below. That function asks the kernel for the
 * clock's resolution first, which would make it two system calls each time.
 */
#define CPUCLOCK_SCHED 2
#define CPU_CLOCK(pid) ((clockid_t)(~(unsigned)(pid) << 3 | CPUCLOCK_SCHED))

uint64_t process_cpu_ns(pid_t pid)
{
	struct timespec time;

	if (clock_gettime(CPU_CLOCK(pid), &time))
		return 0;
	return (uint64_t)time.tv_sec * NS_PER_S + (uint64_t)time.tv_nsec;
}

int process_read(pid_t pid, uint64_t addr, void *buf, size_t bytes)
{
	char path[64];
	ssize_t got;
	int fd, err = 0;

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	got = pread(fd, buf, bytes, (off_t)addr);
	if (got < 0)
		err = -errno;
	else if ((size_t)got != bytes)
		err = got ? -EFAULT : -ESRCH;
	close(fd);
	return err;
}

int process_auxv(pid_t pid, uint64_t type, uint64_t *value)
{
	uint64_t words[2 * AUXV_MOST];
	ssize_t got = read_proc(pid, "auxv", words, sizeof(words));

	if (got < 0)
		return got;
	for (size_t i = 0; (i + 2) * sizeof(*words) <= (size_t)got; i += 2) {
		if (words[i] == type) {
			*value = words[i + 1];
			return 0;
		}
		if (words[i] == AT_NULL)
			break;
	}
	return -ENOENT;
}
