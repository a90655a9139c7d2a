/* SPDX-License-Identifier: GPL-2.0-only */
/* Where the copies of one module are counted in one process, on each level. */
#ifndef CHOOSE_COPY_POINTS_H
#define CHOOSE_COPY_POINTS_H

#include "choose/doors.h"

/*
 * Plans the probes of the module's routines of one convention: a program of Go with C in it has
 * both. Doors that can't be counted are left out. 0, -ENOMEM, or why the process can't be read.
 */
int copy_points_plan(struct planning *planning, struct module *module, bool is_go, live_doors *all);

#endif
