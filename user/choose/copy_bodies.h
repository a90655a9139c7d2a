/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One copy routine's body: the points that all its copies pass, and its gates. Read once for all
 * processes that hold the same thresholds.
 */
#ifndef CHOOSE_COPY_BODIES_H
#define CHOOSE_COPY_BODIES_H

#include "choose/module_memory.h"

/* The points that each copy through any of the doors passes once. As plan_copies(). */
int copy_body_points(const struct module *module, const copy_doors *doors, bool is_go,
		     probe_points *points, char reason[PLAN_REASON_BYTES]);

/*
 * The body behind the doors as this process runs it. It is the module's, until the next one is
 * asked for. is_libcs: the C library's own, chosen by an IFUNC. 0, -ENOMEM, or what
 * copy_body_points() gives.
 */
int copy_body_get(struct planning *planning, struct module *module, const copy_doors *doors,
		  bool is_go, bool is_libcs, const struct known_body **found);

#endif
