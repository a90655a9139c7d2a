/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SESSION_DRY_RUN_H
#define SESSION_DRY_RUN_H

#include <stddef.h>
#include <sys/types.h>

#include "attach/tracer.h"
#include "choose/gates.h"
#include "choose/watchlist.h"
#include "target/identity.h"

struct dry_run_settings {
	struct watchlist *watchlist;
	struct gate_settings gates;
	struct tracer_costs costs; /* of a hit here; all 0: not known */
	char **command;            /* NULL-terminated; NULL for an attach */
	const struct identity *run_as;
	const pid_t *pids;
	size_t pid_count;
};

/*
 * --dry-run: everything but the attaching. Prints to stdout which probe would go where, and why;
 * a command is started, held at its entry point and ended there. Gives the exit status.
 */
int dry_run(const struct dry_run_settings *settings);

#endif
