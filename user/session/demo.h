/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SESSION_DEMO_H
#define SESSION_DEMO_H

#include "options.h"

/*
 * `memwatch` without a command or a pid: fills in the bundled lazy-write workload, with its flush
 * and write functions. 0; -ENOENT where the workload is neither beside the binary nor installed
 * (logged); -ENOMEM.
 */
int demo_fill(struct options *options);

#endif
