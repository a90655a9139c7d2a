/* SPDX-License-Identifier: GPL-2.0-only */
/* A process as /proc shows it. Errors: -ESRCH where it is gone, or another negative errno. */
#ifndef TARGET_PROCESS_H
#define TARGET_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum process_kind {
	PROCESS_WATCHABLE,
	PROCESS_GONE,
	PROCESS_ENDED,  /* a zombie: its parent has not asked for its status */
	PROCESS_THREAD, /* the id of a thread that is not its process's first */
	PROCESS_KERNEL, /* a kernel thread */
	PROCESS_32BIT,
	PROCESS_UNREADABLE, /* memwatch may not look into it */
};

enum process_kind process_kind(pid_t pid);
/* "is a kernel thread, which runs no user code"; "" for PROCESS_WATCHABLE. */
const char *process_kind_text(enum process_kind kind);

/* All of them watchable? -ESRCH where one is not, which is logged. */
int processes_check(const pid_t *pids, size_t count);

#define PROCESS_COMM_BYTES 16

/* False where it can't be read, of one that is gone for instance: comm stays as it was. */
bool process_comm(pid_t pid, char comm[PROCESS_COMM_BYTES]);

/*
 * User and system time of all its threads, those that ended too: what runs now is known up to the
 * scheduler's latest tick. One system call. 0 where it can't be read.
 */
uint64_t process_cpu_ns(pid_t pid);

/*
 * Reads exactly bytes of its memory. -EIO where the first of them is not mapped: never was, or not
 * any more since an exec or a munmap in between; -EFAULT where only a later one is not; -ESRCH
 * also where the process has ended and has no memory left.
 */
int process_read(pid_t pid, uint64_t addr, void *buf, size_t bytes);

/* An entry of its auxiliary vector (AT_ENTRY, ...). -ENOENT where it has none. */
int process_auxv(pid_t pid, uint64_t type, uint64_t *value);

#endif
