// SPDX-License-Identifier: GPL-2.0-only
#include "target/identity.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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
