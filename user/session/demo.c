// SPDX-License-Identifier: GPL-2.0-only
#include "session/demo.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

/* build/memwatch → build/workloads/lazywrite; PREFIX/bin/memwatch → PREFIX/libexec/memwatch. */
static const char *const places[] = {"workloads/lazywrite", "../libexec/memwatch/lazywrite"};

static int search(char *path, size_t path_bytes)
{
	char own[4096];
	ssize_t length = readlink("/proc/self/exe", own, sizeof(own) - 1);
	char *slash;

	if (length < 0)
		return -errno;
	own[length] = '\0';
	slash = strrchr(own, '/');
	if (!slash)
		return -ENOENT;
	*slash = '\0';
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		snprintf(path, path_bytes, "%s/%s", own, places[i]);
		if (!access(path, X_OK))
			return 0;
	}
	return -ENOENT;
}

int demo_prepare(struct demo *demo, struct watchlist *watchlist)
{
	char *words[DEMO_WORDS] = {demo->path, "--writes", "300000", "--chunk", "1K"};
	int err = search(demo->path, sizeof(demo->path));

	if (err) {
		log_error("the bundled workload lazywrite is missing; build it with make, or "
			  "name a command: memwatch -- CMD");
		return err;
	}
	memcpy(demo->command, words, sizeof(words));
	demo->command[DEMO_WORDS] = NULL;
	err = watchlist_add(watchlist, ROLE_FLUSH, "flush_accumulator");
	return err ? err : watchlist_add(watchlist, ROLE_WRITES, "lazy_write");
}
