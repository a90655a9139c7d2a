// SPDX-License-Identifier: GPL-2.0-only
#include "target/root.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

int target_root_open(pid_t pid, struct target_root *root)
{
	char link[64] = "/";
	ssize_t bytes;

	root->path[0] = '\0';
	if (pid)
		snprintf(link, sizeof(link), "/proc/%d/root", pid);
	root->fd = open(link, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root->fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	if (!pid)
		return 0;
	/* "/srv/jail" for a chroot; "/" for a namespace of its own, whose paths begin there. */
	bytes = readlink(link, root->path, sizeof(root->path) - 1);
	root->path[bytes > 1 ? bytes : 0] = '\0';
	return 0;
}

void target_root_close(struct target_root *root)
{
	if (root->fd >= 0)
		close(root->fd);
	root->fd = -1;
}

static bool is_same_file(const char *left, const char *right)
{
	struct stat a, b;

	return !stat(left, &a) && !stat(right, &b) && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

bool target_root_is_own(pid_t pid)
{
	char root[64], namespace[64];

	snprintf(root, sizeof(root), "/proc/%d/root", pid);
	snprintf(namespace, sizeof(namespace), "/proc/%d/ns/mnt", pid);
	return is_same_file(root, "/") && is_same_file(namespace, "/proc/self/ns/mnt");
}

const char *target_root_strip(const struct target_root *root, const char *path)
{
	size_t bytes = strlen(root->path);

	if (strncmp(path, root->path, bytes) != 0 || path[bytes] != '/')
		return path;
	return path + bytes;
}

/* Looks before it opens: to open a FIFO may wait for ever, to open a device may do anything. */
int target_root_open_file(const struct target_root *root, const char *path)
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	int place = (int)syscall(SYS_openat2, root->fd, path, &how, sizeof(how)), fd;
	struct stat status;
	char again[64];

	if (place < 0)
		return -errno;
	if (fstat(place, &status) || !S_ISREG(status.st_mode)) {
		close(place);
		return -EINVAL;
	}
	snprintf(again, sizeof(again), "/proc/self/fd/%d", place);
	/* Some of /proc's and tracefs's regular files wait for what they are to tell. */
	fd = open(again, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		fd = -errno;
	close(place);
	return fd;
}
