// SPDX-License-Identifier: GPL-2.0-only
#include "target/identity.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <unistd.h>

int identity_of_caller(struct identity *identity)
{
	const char *text = getenv("SUDO_UID");
	struct passwd *user;
	unsigned long uid;
	char *end;

	memset(identity, 0, sizeof(*identity));
	if (geteuid() != 0 || !text)
		return 0;
	errno = 0;
	uid = strtoul(text, &end, 10);
	if (errno || *end || *text < '0' || *text > '9' || uid > (uid_t)-2)
		return -ENOENT;
	if (uid == 0)
		return 0;
	user = getpwuid(uid);
	if (!user)
		return -ENOENT;
	identity->differs = true;
	identity->uid = user->pw_uid;
	identity->gid = user->pw_gid;
	snprintf(identity->name, sizeof(identity->name), "%s", user->pw_name);
	snprintf(identity->home, sizeof(identity->home), "%s", user->pw_dir);
	snprintf(identity->shell, sizeof(identity->shell), "%s", user->pw_shell);
	return 0;
}

static int assume_environment(const struct identity *identity)
{
	static const char *const sudo_only[] = {"SUDO_UID", "SUDO_GID", "SUDO_USER", "SUDO_COMMAND",
						"SUDO_HOME"};

	for (size_t i = 0; i < sizeof(sudo_only) / sizeof(*sudo_only); i++)
		unsetenv(sudo_only[i]);
	if (setenv("HOME", identity->home, 1) || setenv("USER", identity->name, 1) ||
	    setenv("LOGNAME", identity->name, 1) || setenv("SHELL", identity->shell, 1))
		return -errno;
	return 0;
}

int identity_assume(const struct identity *identity)
{
	if (!identity->differs)
		return 0;
	if (initgroups(identity->name, identity->gid) ||
	    setresgid(identity->gid, identity->gid, identity->gid) ||
	    setresuid(identity->uid, identity->uid, identity->uid))
		return -errno;
	return assume_environment(identity);
}

/* The memory's owner is the caller: free(). */
static gid_t *groups_now(int *count)
{
	gid_t *groups;

	*count = getgroups(0, NULL);
	if (*count < 0)
		return NULL;
	groups = calloc(*count + 1, sizeof(*groups));
	if (groups)
		*count = getgroups(*count, groups);
	return groups;
}

/* What setfsuid() and setfsgid() did is only told by asking again; -1 is no id, and sets none. */
static bool file_ids_are(uid_t uid, gid_t gid)
{
	return (uid_t)setfsuid(-1) == uid && (gid_t)setfsgid(-1) == gid;
}

/* The groups as well: with root's, it would open what the user could not. */
static int file_ids_assume(const struct identity *identity)
{
	if (initgroups(identity->name, identity->gid))
		return -errno;
	setfsgid(identity->gid);
	setfsuid(identity->uid);
	return file_ids_are(identity->uid, identity->gid) ? 0 : -EPERM;
}

static int file_ids_give_back(const gid_t *groups, int count)
{
	setfsuid(geteuid());
	setfsgid(getegid());
	if (setgroups(count, groups))
		return -errno;
	return file_ids_are(geteuid(), getegid()) ? 0 : -EPERM;
}

int identity_open(const struct identity *identity, const char *path, int flags)
{
	gid_t *groups;
	int count, fd, err;

	if (!identity->differs) {
		fd = open(path, flags, 0666);
		return fd < 0 ? -errno : fd;
	}
	groups = groups_now(&count);
	if (!groups)
		return -ENOMEM;
	fd = file_ids_assume(identity);
	if (!fd) {
		fd = open(path, flags, 0666);
		fd = fd < 0 ? -errno : fd;
	}
	err = file_ids_give_back(groups, count);
	free(groups);
	if (err && fd >= 0)
		close(fd);
	return err ? -EPERM : fd;
}
