/* SPDX-License-Identifier: GPL-2.0-only */
/* One watched process, as processes.c and throttling.c share it. */
#ifndef SESSION_PROCESS_H
#define SESSION_PROCESS_H

#include "session/process_links.h"
#include "session/processes.h"

struct process {
	pid_t pid, parent_pid;
	enum process_event event; /* the latest */
	uint64_t since_ns;        /* unwatched from then on, while due */
	uint64_t try_at_ns;       /* when due: not before this; 0: nothing is due */
	uint64_t cpu_before_ns;   /* used before it was watched */
	bool live;                /* was watched, at least for a while */
	size_t probes_added;      /* by its latest event */
	unsigned verify_failures; /* since its latest event: probes that were not in place */
	bool links_stale;         /* the kernel's links belong to a thread that is gone */
	char comm[COMM_BYTES];
	bool held;                /* launched, and not let go yet */
	bool has_forked;          /* its children have its probes at first */
	uint64_t shared_ends;     /* process_plan_shared_ends() of its program, as far as counted */
	enum gate_level level;    /* stays its own through exec */
	uint64_t gate_bytes;      /* that its spans are told of */
	struct process_plan plan; /* that the links carry */
	ARRAY(struct mw_code_range) loops; /* of its own that copy, as far as they were found */
	struct process_links links;
};

/* NULL where it is not among them. */
struct process *processes_find(const struct processes *processes, pid_t pid);

/* What of its plans it bears. */
struct in_force process_in_force(const struct processes *processes, const struct process *process);

/*
 * Swaps the changes in and tells the process's spans from which size on copies are counted then
 * (MW_NO_GATE: not all that the plan has), in the order in which none counts a call as whole that
 * was not. 0 or negative errno; the changes are released.
 */
int process_change_links(struct processes *processes, struct process *process, uint64_t gate_bytes,
			 link_changes *changes);

/* True where its plan is for what it runs: its links may be made anew by it. */
bool process_plan_holds(const struct process *process);

/* Its probes are looked after anew, for a reason that began at at_ns. */
void process_mark_due(struct process *process, enum process_event event, uint64_t at_ns);

#endif
