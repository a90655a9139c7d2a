/* SPDX-License-Identifier: GPL-2.0-only */
/* Who called sudo: the user as whom a launched command runs and to whom output files belong. */
#ifndef TARGET_IDENTITY_H
#define TARGET_IDENTITY_H

#include <stdbool.h>
#include <sys/types.h>

struct identity {
	bool differs; /* false: memwatch's own user; nothing below is set then */
	uid_t uid;
	gid_t gid;
	char name[64];
	char home[256];
	char shell[128];
};

/* From SUDO_UID, if memwatch is root. -ENOENT where it names no user of this machine. */
int identity_of_caller(struct identity *identity);

/*
 * In a child about to exec: groups, gid, uid for good, and HOME, USER, LOGNAME, SHELL; sudo's
 * own variables go. Async-signal-safety is no concern: the child has one thread.
 */
int identity_assume(const struct identity *identity);

/*
 * open() with the file-system ids and the groups of the user, so that a file that it creates is
 * neither root's, nor a symlink leads root astray; then this thread is itself again. A descriptor
 * or negative errno; -EPERM also where memwatch could not become itself again: end then.
 */
int identity_open(const struct identity *identity, const char *path, int flags);

#endif
