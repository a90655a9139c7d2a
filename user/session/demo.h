/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SESSION_DEMO_H
#define SESSION_DEMO_H

#include "choose/watchlist.h"

#define DEMO_WORDS 5

/* `memwatch` alone: the bundled lazy-write workload, and the functions in it that matter. */
struct demo {
	char path[4200];
	char *command[DEMO_WORDS + 1]; /* NULL-terminated; points to path */
};

/*
 * Finds the workload, beside this binary or installed; the watchlist gets its functions. 0; -ENOENT
 * where the workload is in neither place (logged), or -ENOMEM.
 */
int demo_prepare(struct demo *demo, struct watchlist *watchlist);

#endif
