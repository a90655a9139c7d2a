/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ways into the copy routines of one process: by name, through the slots that the loader
 * filled, and, where a static program has neither, by what their code does.
 */
#ifndef CHOOSE_DOORS_H
#define CHOOSE_DOORS_H

#include "choose/planning.h"

struct live_door {
	struct module *module;
	struct copy_door door;
	bool is_go;      /* its arguments are in Go's registers */
	bool direct;     /* by its own place, not through a slot */
	bool by_ifunc;   /* through slots alone that the C library's choice is in */
	bool recognised; /* by its code: it has no name */
	bool left_out;   /* it bears no probe: what it does is counted elsewhere, or can't be */
};
typedef ARRAY(struct live_door) live_doors;

/* Says why, once for each file. */
void door_leave_out(struct live_door *live, const char *why);

/*
 * Finds them and plans their probes; adds them to doors, also those that are left out. 0,
 * -ENOMEM, or why the process can't be read.
 */
int doors_plan(struct planning *planning, live_doors *doors);

#endif
