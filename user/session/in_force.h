/* SPDX-License-Identifier: GPL-2.0-only */
/* Which of a plan's probes a process bears just now: the budget takes some away, and gives them
 * back. */
#ifndef SESSION_IN_FORCE_H
#define SESSION_IN_FORCE_H

#include "choose/watch.h"

/* How a watched function is watched, in all processes. */
enum function_watch {
	FUNCTION_TIMED,
	FUNCTION_COUNTED, /* its calls are, by an entry of another kind; it has no ends */
	FUNCTION_DROPPED,
};

struct in_force {
	enum gate_level level;
	const enum function_watch *watch; /* of each function, by its index */
};

/* False: it bears none. Else *point is what the kernel gets for it. */
bool probe_in_force(const struct planned_probe *probe, const struct in_force *force,
		    struct link_point *point);

/* An entry's point while its function is FUNCTION_COUNTED. */
struct link_point probe_counted_point(const struct planned_probe *probe);

/*
 * Looks in the target's memory whether each probe in force is in place, and tells -v of those that
 * are not. Gives how many; -ESRCH where the process is gone.
 */
int in_force_verify(pid_t pid, const struct process_plan *plan, const struct in_force *force,
		    bool tells);

#endif
