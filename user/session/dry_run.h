/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SESSION_DRY_RUN_H
#define SESSION_DRY_RUN_H

#include "options.h"

/*
 * --dry-run: everything but the attaching. Prints to stdout which probe would go where, and why;
 * a command is started, held at its entry point and ended there. Gives the exit status.
 */
int dry_run(struct options *options);

#endif
