/* SPDX-License-Identifier: GPL-2.0-only */
/* One process's way through the stages: what it has mapped → its code → the probes it needs. */
#ifndef CHOOSE_WATCH_H
#define CHOOSE_WATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "attach/tracer.h"
#include "bpf/event.h"
#include "choose/gates.h"
#include "choose/modules.h"

/* A probe that a process needs. */
struct planned_probe {
	struct module *module;
	struct link_point point; /* as attach/ takes it */
	uint64_t vaddr;
	uint64_t addr;    /* where this process has it; 0: not mapped */
	const char *what; /* "copy", "entry", "end", "write", "loader" */
	const char *name; /* of the function or routine; the watchlist's */
	enum probe_kind cost;
	char reason[PLAN_REASON_BYTES];
	/* Of copies and their ends alone: from which size on they count on each level; MW_NO_GATE:
	 * it bears no probe there. */
	uint64_t gate_bytes[GATE_LEVELS];
	bool by_session; /* a return probe sees the ends of large copies: it takes LINK_SESSION */
	size_t note;     /* which of the plan's notes it has, from 1 on; 0: none */
};

/* Why a gate is not on one of the neighbours. */
struct gate_note {
	char neighbours[PLAN_REASON_BYTES];
};

/* A word of the process's memory on which the gates of a module rest. */
struct planned_constant {
	uint64_t addr;
	struct gate_constant constant;
};

/* Code that the process has mapped. */
struct planned_mapping {
	uint64_t start_addr, end_addr, file_off;
	struct module *module; /* NULL: no file that could be read backs it */
};

/* A routine that has no gate on a level, and so is not counted there. */
struct uncounted_routine {
	const struct module *module;
	const char *name; /* the watchlist's */
	enum gate_level level;
	char reason[PLAN_REASON_BYTES]; /* empty: there is no more to say */
};

/* How copies are to be counted, and what their ends would cost. */
struct copy_settings {
	struct gate_settings gates;
	uint64_t stepped_ns; /* a hit on a single-stepped instruction; 0: not known */
	bool has_sessions;   /* return probes of the kernel's are to be had, and do no harm */
};

struct process_plan {
	ARRAY(struct planned_probe) probes; /* module by module */
	module_list modules;                /* with code in the process, each once */
	ARRAY(struct gate_note) notes;
	ARRAY(struct planned_constant) constants;
	ARRAY(struct uncounted_routine) uncounted;
	ARRAY(struct planned_mapping) mappings; /* all code, by address */
	ARRAY(struct mw_code_range) code;       /* where it copies, by address, for the sampler */
	/* From which size on all copies are counted; MW_NO_GATE: none is. Routines that are not
	 * counted on a level are left out of account. */
	uint64_t gate_bytes[GATE_LEVELS];
	size_t copy_doors;               /* ways into copy routines that are covered */
	uint64_t fileless_code_bytes;    /* executable memory that no file backs */
	bool settled;                    /* the loader has filled in every slot that names one */
	char refused[PLAN_REASON_BYTES]; /* why a copy routine can't be probed; empty: none */
};

/*
 * Plans the probes of a process as it is mapped now. 0, -ESRCH (gone), -ENOMEM, or why its memory
 * can't be read. process_plan_release() frees it.
 */
int process_plan_make(pid_t pid, struct modules *modules, struct watchlist *watchlist,
		      const struct copy_settings *copies, struct process_plan *plan);
void process_plan_release(struct process_plan *plan);
/* Of a process that has the same files at the same addresses: a child just forked. 0, -ENOMEM. */
int process_plan_copy(const struct process_plan *plan, struct process_plan *copy);

/*
 * Bit by bit of their indices, the watched functions that end in nothing but code that others call
 * as well. (MW_MAX_FUNCTIONS is 64.)
 */
uint64_t process_plan_shared_ends(const struct process_plan *plan);

#endif
