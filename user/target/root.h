/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Files as a process sees them: in its own mount namespace, below its own root. Whoever owns that
 * root may have put anything there: symlinks out of it, FIFOs, devices.
 */
#ifndef TARGET_ROOT_H
#define TARGET_ROOT_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

struct target_root {
	int fd;
	char path[PATH_MAX]; /* of its root as memwatch sees it, "" where that is memwatch's own */
};

/* Process `pid`'s root directory, or memwatch's own for pid 0. 0 or negative errno. */
int target_root_open(pid_t pid, struct target_root *root);
void target_root_close(struct target_root *root);

/*
 * Whether it shows what memwatch's own root shows: the same directory in the same mount
 * namespace. False also where that can't be told.
 */
bool target_root_is_own(pid_t pid);

/*
 * A mapped file's path as the process itself would write it: /proc/PID/maps tells it from
 * memwatch's root. Points into `path`.
 */
const char *target_root_strip(const struct target_root *root, const char *path);

/*
 * Opens a regular file below the root for reading; symlinks, absolute ones too, stay below it. A
 * descriptor or negative errno; -EINVAL: it is something else than a regular file, and was not
 * opened.
 */
int target_root_open_file(const struct target_root *root, const char *path);

#endif
