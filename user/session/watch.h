/* SPDX-License-Identifier: GPL-2.0-only */
/* One process's way through the stages: what it has mapped → its code → the probes it needs. */
#ifndef SESSION_WATCH_H
#define SESSION_WATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "attach/tracer.h"
#include "session/modules.h"

/* A probe that a process needs. */
struct planned_probe {
	struct module *module;
	struct link_point point; /* as attach/ takes it */
	uint64_t vaddr;
	uint64_t addr; /* where this process has it; 0: not mapped */
	uint8_t original;
	const char *what; /* "copy", "entry", "end", "write", "loader" */
	const char *name; /* of the function or routine; the watchlist's */
	enum probe_kind cost;
	char reason[PLAN_REASON_BYTES];
};

struct process_plan {
	ARRAY(struct planned_probe) probes; /* module by module */
	module_list modules;                /* with code in the process, each once */
	size_t copy_doors;                  /* ways into copy routines that are covered */
	uint64_t fileless_code_bytes;       /* executable memory that no file backs */
	bool settled;                       /* the loader has filled in every slot that names one */
	char refused[PLAN_REASON_BYTES];    /* why a copy routine can't be probed; empty: none */
};

/*
 * Plans the probes of a process as it is mapped now. 0, -ESRCH (gone), -ENOMEM, or why its memory
 * can't be read. process_plan_release() frees it.
 */
int process_plan_make(pid_t pid, struct modules *modules, struct watchlist *watchlist,
		      struct process_plan *plan);
void process_plan_release(struct process_plan *plan);
/* Of a process that has the same files at the same addresses: a child just forked. 0, -ENOMEM. */
int process_plan_copy(const struct process_plan *plan, struct process_plan *copy);

/*
 * Bit by bit of their indices, the watched functions that end in nothing but code that others call
 * as well. (MW_MAX_FUNCTIONS is 64.)
 */
uint64_t process_plan_shared_ends(const struct process_plan *plan);

/*
 * Looks in the target's memory whether each probe is in place, and tells -v of those that are not.
 * Gives how many; -ESRCH where the process is gone.
 */
int process_plan_verify(pid_t pid, const struct process_plan *plan, bool tells);

#endif
