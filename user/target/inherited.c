// SPDX-License-Identifier: GPL-2.0-only
#include "target/inherited.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/resource.h>

static struct {
	bool kept;
	bool limit_raised;
	sigset_t mask;
	struct sigaction child, pipe, bus;
	struct rlimit files;
} inherited;

/* Each module and each link costs a descriptor. */
static void raise_file_limit(void)
{
	struct rlimit most;

	if (getrlimit(RLIMIT_NOFILE, &inherited.files))
		return;
	most = inherited.files;
	most.rlim_cur = most.rlim_max;
	inherited.limit_raised = !setrlimit(RLIMIT_NOFILE, &most);
}

void inherited_keep(void)
{
	/* An ignored SIGCHLD reaps children by itself: nobody would learn how the command ended. */
	const struct sigaction usual = {.sa_handler = SIG_DFL}, ignored = {.sa_handler = SIG_IGN};

	sigprocmask(SIG_SETMASK, NULL, &inherited.mask);
	sigaction(SIGCHLD, &usual, &inherited.child);
	/* A report's reader may go; that is an error of a write, and no reason to die. */
	sigaction(SIGPIPE, &ignored, &inherited.pipe);
	sigaction(SIGBUS, NULL, &inherited.bus);
	raise_file_limit();
	inherited.kept = true;
}

void inherited_give_back(void)
{
	if (!inherited.kept)
		return;
	sigaction(SIGCHLD, &inherited.child, NULL);
	sigaction(SIGPIPE, &inherited.pipe, NULL);
	sigaction(SIGBUS, &inherited.bus, NULL);
	sigprocmask(SIG_SETMASK, &inherited.mask, NULL);
	if (inherited.limit_raised)
		setrlimit(RLIMIT_NOFILE, &inherited.files);
}
